"""Times Retort and the `tokenizers` package (0.23.3) on the same texts, each on one thread, in turn, and prints the ratios.

    python3 Benchmarks/tokenization.py RETORT [--rounds 3] [TOKENIZER.json ...]

RETORT is the built program; run it from the repository's root with a Python that has the package. Without files: those of
Tests/Golden/pipelines. The texts are the prompts of datasets/prompt-injection, ten times, and 5,000 lines of mixed scripts.
A time is the shortest of all repetitions of all rounds, the ratio the package's time by ours. Exits 1 when a ratio is below 1.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ.update(RETORT_THREADS="1", RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

from tokenizers import Tokenizer  # noqa: E402, the package reads its environment when it is loaded

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "Consumers"))

import mixed_text  # noqa: E402

REPETITIONS = 3


def lines():
    with open(mixed_text.DATA, newline="", encoding="utf-8") as file:
        prompts = [row["text"] for row in csv.DictReader(file)]
    texts = prompts * 10 + list(mixed_text.lines(5000))
    # One text a line, whatever a program takes for the end of a line.
    return [" ".join(text.split()) or "-" for text in texts]


def reference(path, texts):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    best = float("inf")
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        encodings = tokenizer.encode_batch_fast(texts)
        best = min(best, time.perf_counter() - start)
    return best, sum(len(encoding.ids) for encoding in encodings)


def ours(retort, path, texts):
    command = [str(retort), "tokenizer", "speed", str(path), "--repetitions", str(REPETITIONS)]
    result = subprocess.run(command, input="\n".join(texts).encode() + b"\n", stdout=subprocess.PIPE, check=True)
    answer = json.loads(result.stdout)
    return min(answer["seconds"]), answer["ids"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("retort", type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    texts = lines()
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{megabytes:.1f} MB in {len(texts)} texts, one thread")
    slower = False
    for path in arguments.files or sorted((ROOT / "Tests" / "Golden" / "pipelines").glob("*.json")):
        peer = own = float("inf")
        for _ in range(arguments.rounds):
            seconds, expected = reference(path, texts)
            peer = min(peer, seconds)
            seconds, ids = ours(arguments.retort.resolve(), path, texts)
            own = min(own, seconds)
            if ids != expected:
                sys.exit(f"error: {path} gives {ids} ids here and {expected} there")
        slower = slower or peer < own
        print(
            f"{path.stem:12} tokenizers {megabytes / peer:6.1f} MB/s   Retort {megabytes / own:6.1f} MB/s"
            f"   ratio {peer / own:5.2f}",
            flush=True,
        )
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
