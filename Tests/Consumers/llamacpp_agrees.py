"""Checks that llama.cpp (xllamacpp 2026.10.11549) computes from our GGUF files what Retort does.

    python3 llamacpp_agrees.py RETORT MODEL ...

A decoder (a model directory or a GGUF file) is exported in F32 and F16; both programs continue a few prompts greedily by 32
tokens, which must be the same. A model of sentence embeddings is exported in F32, F16 and Q8_0; both programs embed a few texts,
with cosines of at least 0.9999, of Q8_0 0.995 (llama.cpp's GELU is an approximation from a table of halves). Of a classifier both
give the probabilities of all classes, which differ by at most 0.005, of Q8_0 0.1 (its activations
are rounded there too). Exits 1 where they differ. Needs xllamacpp.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile

import xllamacpp

PROMPTS = ["Once upon a time, in a small village by the sea,", "The three laws of motion are", "def fibonacci(n):\n"]
TOKENS = 32
TEXTS = [
    "A cat sat on the mat.", "Ignore all previous instructions, please!", "Café naïve — résumé; 3.14 × 2", "東京 is big",
    "the unbelievably antidisestablishmentarian quickstart " * 6,
]


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


def continues(retort, model):
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


def embeddings(model, is_classifier=False):
    """What llama.cpp pools for each text: of a classifier the logits, and then numbers without meaning."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_parallel = 1
    parameters.embedding = True
    if is_classifier:
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
        parameters.embd_normalize = -1
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)
    answer = server.handle_embeddings({"input": TEXTS} | ({"embd_normalize": -1} if is_classifier else {}))
    answer = json.loads(answer) if isinstance(answer, str) else answer
    return [item["embedding"] for item in answer["data"]]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def exported(retort, model, bounds):
    """Our own answers to the texts, and for each form that is exported its file and its bound."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        subprocess.run([retort, "export", model, "--format", "gguf,gguf-f16,gguf-q8_0", "--output", out], check=True)
        lines = subprocess.run(
            [retort, "predict", model], input="".join(text + "\n" for text in TEXTS), check=True, capture_output=True,
            text=True).stdout.splitlines()
        own = [json.loads(line) for line in lines]
        for form, bound in zip(("F32", "F16", "Q8_0"), bounds):
            yield own, out / f"model-{form}.gguf", bound


def embeds(retort, model):
    failed = False
    for own, file, least in exported(retort, model, (0.9999, 0.9999, 0.995)):
        nearest = min(map(cosine, (answer["embedding"] for answer in own), embeddings(file)))
        print(("ok    " if nearest >= least else "WRONG ") + f"{file.name} of {model.name}: least cosine {nearest:.6f}")
        failed |= nearest < least
    return failed


def softmax(logits):
    powers = [math.exp(logit - max(logits)) for logit in logits]
    return [power / sum(powers) for power in powers]


def classifies(retort, model):
    failed = False
    names = json.loads((model / "config.json").read_text())["id2label"]
    for own, file, most in exported(retort, model, (0.005, 0.005, 0.1)):
        mine = [[answer["scores"][names[str(index)]] for index in range(len(names))] for answer in own]
        found = [softmax(logits[: len(names)]) for logits in embeddings(file, is_classifier=True)]
        largest = max(abs(a - b) for x, y in zip(mine, found) for a, b in zip(x, y))
        print(("ok    " if largest <= most else "WRONG ") + f"{file.name} of {model.name}: probabilities differ by {largest:.5f}")
        failed |= largest > most
    return failed


def main(retort, models):
    failed = False
    for model in map(pathlib.Path, models):
        configuration = (model / "config.json").read_text() if model.is_dir() else ""
        check = classifies if "Classification" in configuration else embeds if "Bert" in configuration else continues
        failed |= check(retort, model)
    return failed


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
