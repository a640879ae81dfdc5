"""Times Retort and llama.cpp (xllamacpp 2026.10.11549) on the same decoder, in turn, and prints how they compare.

    python3 Benchmarks/decoding.py RETORT [--rounds 5] [--model FILE.gguf]

RETORT is the built program; the Python is one with xllamacpp, gguf, tokenizers and NumPy. Without a model: the SmolLM2-135M-Instruct that
`make teachers` fetches. The file is run as it is, in Q8_0 and Q4_0 as `retort export` writes them, and with its weights written out as
float32. Reading: tokens per second of a prompt of about 128 tokens; writing: greedy, per second of 64 tokens after it. Both use as
many threads as there are cores; a number is the median of the rounds. Below that, Retort alone on its own forms of the model.
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import xllamacpp

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests" / "Golden"))

from smollm2 import MODEL, write_float32  # noqa: E402

PROMPT = (
    "It is a truth universally acknowledged that a single man in possession of a good fortune must be in want of a wife. However "
    "little known the feelings or views of such a man may be on his first entering a neighbourhood, this truth is so well fixed in "
    "the minds of the surrounding families, that he is considered as the rightful property of some one or other of their daughters. "
    "My dear Mr. Bennet, said his lady to him one day, have you heard that Netherfield Park is let at last? Mr. Bennet replied that "
    "he had not. But it is, returned she; for Mrs. Long has just been here, and she")
TOKENS = 64
GGUF = {"gguf-q8_0": "model-Q8_0.gguf", "gguf-q4_0": "model-Q4_0.gguf"}
OWN = {"safetensors-float16": "float16", "safetensors-bfloat16": "bfloat16", "int4-g32": "int4-g32", "int4-g64": "int4-g64"}


def ours(program, model, texts):
    """Tokens read and written per second, and megabytes at most."""
    command = [program, "bench", model, "--data", texts, "--queries", "2", "--warm-up", "1", "--max-tokens", str(TOKENS), "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["results"][0]
    generation = answer["generation"]
    return generation["prompt_tokens_per_second"], generation["decoded_tokens_per_second"], answer["peak_mb"]


def theirs(model):
    """Tokens read and written per second, as llama.cpp says."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = 512
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = len(os.sched_getaffinity(0))
    server = xllamacpp.Server(parameters)
    timings = []
    for _ in range(3):
        server.handle_completions(
            {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, "top_k": 1, "cache_prompt": False, "ignore_eos": True},
            lambda answer: timings.append((json.loads(answer) if isinstance(answer, str) else answer)["timings"]) and False)
    # The first answer warms up.
    timings = timings[1:]
    return tuple(
        sum(t[f"{part}_n"] for t in timings) / sum(t[f"{part}_ms"] for t in timings) * 1000 for part in ("prompt", "predicted"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=pathlib.Path, default=MODEL)
    arguments = parser.parse_args()
    if not arguments.model.exists():
        sys.exit(f"error: {arguments.model} is not there\n  → run: make teachers")
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        texts = directory / "prompt.csv"
        with open(texts, "w", newline="") as file:
            csv.writer(file).writerows([["text"], [PROMPT]])
        write_float32(directory / "float32.gguf", arguments.model)
        subprocess.run(
            [arguments.program, "export", directory / "float32.gguf", "--format", ",".join([*GGUF, *OWN]), "--output",
             directory / "out"], check=True, capture_output=True)
        shared = {"as published": arguments.model, "Q8_0": directory / "out" / GGUF["gguf-q8_0"],
                  "Q4_0": directory / "out" / GGUF["gguf-q4_0"], "float32": directory / "float32.gguf"}
        models = shared | {name: directory / "out" / folder for name, folder in OWN.items()}
        found = {(name, who): [] for name in models for who in ("own", "other")}
        for done in range(arguments.rounds):
            for name, model in models.items():
                found[name, "own"].append(ours(arguments.program, model, texts))
                if name in shared:
                    found[name, "other"].append(theirs(model))
            print(f"round {done + 1} of {arguments.rounds}", file=sys.stderr)
    print("| weights | tokens/s read | llama.cpp | × | tokens/s written | llama.cpp | × | memory |\n|---|---|---|---|---|---|---|---|")
    for name in models:
        reading, writing, memory = (statistics.median(values) for values in zip(*found[name, "own"]))
        if name in shared:
            read, wrote = (statistics.median(values) for values in zip(*found[name, "other"]))
            cells = [f"{reading:.0f}", f"{read:.0f}", f"{reading / read:.2f}", f"{writing:.0f}", f"{wrote:.0f}", f"{writing / wrote:.2f}"]
        else:
            cells = [f"{reading:.0f}", "–", "–", f"{writing:.0f}", "–", "–"]
        print(f"| {name} | {' | '.join(cells)} | {memory:.0f} MB |")


main()
