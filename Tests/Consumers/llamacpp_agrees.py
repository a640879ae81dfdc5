"""Checks that llama.cpp (xllamacpp 2026.10.11549) continues texts from our GGUF files as Retort does, token by token.

    python3 llamacpp_agrees.py RETORT MODEL

MODEL is a decoder: a model directory or a GGUF file. It is exported in F32 and F16; both programs continue a few prompts
greedily by 32 tokens. Exits 1 where a text differs. Needs xllamacpp.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import xllamacpp

PROMPTS = ["Once upon a time, in a small village by the sea,", "The three laws of motion are", "def fibonacci(n):\n"]
TOKENS = 32


def ours(retort, model, prompt):
    command = [retort, "predict", model, "--text", prompt, "--max-tokens", str(TOKENS)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["text"]


def theirs(model):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = 512
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)
    texts = []
    for prompt in PROMPTS:
        answers = []
        server.handle_completions(
            {"prompt": prompt, "max_tokens": TOKENS, "temperature": 0, "top_k": 1, "cache_prompt": False},
            lambda answer: answers.append(json.loads(answer) if isinstance(answer, str) else answer) and False)
        texts.append(answers[0]["choices"][0]["text"] if "choices" in answers[0] else answers[0]["content"])
    return texts


def main(retort, model):
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        subprocess.run([retort, "export", model, "--format", "gguf,gguf-f16", "--output", out], check=True)
        for name in ("model-F32.gguf", "model-F16.gguf"):
            for prompt, text in zip(PROMPTS, theirs(out / name)):
                own = ours(retort, out / name, prompt)
                print(("ok    " if own == text else "WRONG ") + f"{name} {prompt!r}")
                if own != text:
                    failed = True
                    print(f"  Retort    {own!r}\n  llama.cpp {text!r}")
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
