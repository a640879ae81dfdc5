#!/usr/bin/env python3
"""Makes train, validation and test from the Debian package wordnet-base 1:3.0-37.

    rebuild.py PACKAGE.deb        needs dpkg-deb

A row is a noun's definition, without its examples, and the lexicographer file that the noun is in. Synsets whose offset is a
multiple of 10 are for the test. Of each part the rows with the smallest SHA-256 of their offset are taken; a text that an earlier
row has, in whatever split, is left out.
"""
import csv
import hashlib
import os
import subprocess
import sys
import tempfile

SHA256 = "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752"
# Lexicographer files 03 to 28 (lexnames(5WN)).
CLASSES = (
    "tops act animal artifact attribute body cognition communication event feeling food group location motive object person "
    "phenomenon plant possession process quantity relation shape state substance time"
).split()
SIZES = {"train": 12_000, "validation": 1_500, "test": 3_000}


def main():
    package = sys.argv[1]
    digest = hashlib.sha256(open(package, "rb").read()).hexdigest()
    if digest != SHA256:
        sys.exit(f"{package}: sha256 {digest}, expected {SHA256}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        lines = open(f"{folder}/usr/share/wordnet/data.noun", encoding="ascii").read().split("\n")
    rows = []
    for line in lines:
        if line.startswith("  ") or "|" not in line:
            continue
        data, gloss = line.split("|", 1)
        offset, file = data.split()[:2]
        text = gloss.split('; "')[0].strip().rstrip(";").strip()
        if text:
            rows.append((offset, text, CLASSES[int(file) - 3]))
    rows.sort(key=lambda row: hashlib.sha256(row[0].encode()).hexdigest())
    test = [row for row in rows if int(row[0]) % 10 == 0]
    rest = [row for row in rows if int(row[0]) % 10 != 0]
    seen = set()

    def take(rows, count):
        taken = []
        while len(taken) < count:
            offset, text, label = rows.pop(0)
            if text not in seen:
                seen.add(text)
                taken.append((text, label))
        return taken

    here = os.path.dirname(os.path.abspath(__file__))
    splits = {"train": take(rest, SIZES["train"]), "validation": take(rest, SIZES["validation"])}
    splits["test"] = take(test, SIZES["test"])
    for name, rows in splits.items():
        with open(f"{here}/{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["text", "label"])
            writer.writerows(rows)
        counts = {label: sum(1 for row in rows if row[1] == label) for label in CLASSES}
        print(name, len(rows), "rows;", ", ".join(f"{k} {v}" for k, v in sorted(counts.items(), key=lambda e: -e[1])))


main()
