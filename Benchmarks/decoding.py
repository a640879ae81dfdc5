"""Times Retort and llama.cpp (xllamacpp 2026.10.11549) on the same decoder, in turn, and prints how they compare.

    python3 Benchmarks/decoding.py RETORT [--rounds 3] [--model FILE.gguf]

RETORT is the built program; the Python is one with xllamacpp, gguf, tokenizers and NumPy. Without a model: the SmolLM2-135M-Instruct that
`make teachers` fetches. The file is run as it is, and once more with its weights written out as float32. Decoding: greedy,
tokens per second over 128 of them. Opening (ours alone): from the start of the process to the first token of a text of five tokens.
Both use as many threads as there are cores; a number is the median of the rounds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import xllamacpp

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests" / "Golden"))

from smollm2 import MODEL, write_float32  # noqa: E402

PROMPT = "Once upon a time, in a small village by the sea,"
TOKENS = 128


def ours(program, model, tokens):
    """Seconds for a text of so many tokens, from the start of the process."""
    command = [program, "predict", model, "--text", PROMPT, "--max-tokens", str(tokens)]
    start = time.monotonic()
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seconds = time.monotonic() - start
    if len(answer["tokens"]) != tokens:
        sys.exit(f"error: the text ended after {len(answer['tokens'])} tokens: too few to time")
    return seconds


def theirs(model):
    """Tokens per second, as llama.cpp says."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = 512
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = len(os.sched_getaffinity(0))
    server = xllamacpp.Server(parameters)
    answers = []
    server.handle_completions(
        {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, "top_k": 1, "cache_prompt": False},
        lambda answer: answers.append(json.loads(answer) if isinstance(answer, str) else answer) and False)
    return answers[0]["timings"]["predicted_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=pathlib.Path, default=MODEL)
    arguments = parser.parse_args()
    if not arguments.model.exists():
        sys.exit(f"error: {arguments.model} is not there\n  → run: make teachers")
    print("weights        Retort        llama.cpp     speed ×   first token")
    with tempfile.TemporaryDirectory() as directory:
        float32 = pathlib.Path(directory) / "float32.gguf"
        write_float32(float32, arguments.model)
        for name, model in (("as published", arguments.model), ("float32", float32)):
            opening, own, other = [], [], []
            for _ in range(arguments.rounds):
                first = ours(arguments.program, model, 1)
                own.append(TOKENS / (ours(arguments.program, model, TOKENS + 1) - first))
                opening.append(first)
                other.append(theirs(model))
            a, b = statistics.median(own), statistics.median(other)
            first = statistics.median(opening)
            print(f"{name:13}  {a:6.1f} tok/s  {b:6.1f} tok/s  {a / b:7.2f}   {first:.2f} s")


main()
