"""Checks that transformers (5.23.0, with compressed-tensors 0.20.0) computes what Retort does from our directories in two bytes
and in int4.

    python3 transformers_agrees.py RETORT MODEL

The decoder (a model directory or a GGUF file) is exported in float16, bfloat16 and int4 with groups of 32 and 64. Both programs
compute from the stored weights in float32 and continue a few prompts greedily by 24 tokens, which must be the same. Exits 1
where they differ. Needs torch, transformers and compressed-tensors.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = ["Once upon a time, in a small village by the sea,", "The three laws of motion are", "def fibonacci(n):\n"]
TOKENS = 24
FOLDERS = {"safetensors-float16": "float16", "safetensors-bfloat16": "bfloat16", "int4-g32": "int4-g32", "int4-g64": "int4-g64"}


def ours(retort, model, prompt):
    command = [retort, "predict", model, "--text", prompt, "--max-tokens", str(TOKENS)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["tokens"]


def main(retort, model):
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        subprocess.run([retort, "export", model, "--format", ",".join(FOLDERS), "--output", out], check=True)
        for name in FOLDERS.values():
            decoder = AutoModelForCausalLM.from_pretrained(out / name, dtype=torch.float32).eval()
            tokenizer = AutoTokenizer.from_pretrained(out / name)
            for prompt in PROMPTS:
                ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
                with torch.no_grad():
                    answer = decoder.generate(ids, max_new_tokens=TOKENS, do_sample=False)[0, ids.shape[1]:].tolist()
                own = ours(retort, out / name, prompt)
                print(("ok    " if own == answer else "WRONG ") + f"{name} {prompt!r}", flush=True)
                if own != answer:
                    failed = True
                    print(f"  Retort       {own}\n  transformers {answer}")
    sys.exit(failed)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
