"""Writes smollm2.json: greedy continuations of SmolLM2-135M-Instruct (the GGUF file of `make teachers`) by llama.cpp.

Made with Python 3.11 and xllamacpp 2026.10.11549, which carries llama.cpp for plain AVX2 processors, gguf 0.19.0 and
tokenizers 0.23.1:

    pip install xllamacpp==2026.10.11549 gguf==0.19.0 tokenizers==0.23.1
    python Tests/Golden/smollm2.py

llama.cpp rounds what it multiplies with a file's 4-bit blocks to 8 bits; with float32 weights it does not. So it is run
twice: on the file itself (`rounded`) and on the same weights written out as float32 (`exact`), which is what the file
says. Keys and values are kept in float32 and flash attention is off. For each prompt: its tokens, and for up to 64 steps the
chosen token and by how much it beat the next one, in log-probability, which equals the gap of their logits.
"""

import json
import os
import pathlib
import tempfile

import gguf
import numpy as np
import tokenizers
import xllamacpp

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "retort/teachers"
MODEL = CACHE / "SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf"
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n",
    "Water boils at 100 degrees because",
    "<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n",
]
STEPS = 64


def write_float32(path, model=MODEL):
    """The model with all weights in float32."""
    source = gguf.GGUFReader(model)
    writer = gguf.GGUFWriter(path, "llama")
    for key, field in source.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type=inner)
    for tensor in source.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tokenizer():
    """The file's vocabulary in the `tokenizers` package, with the pre-tokenizer that `smollm` stands for."""
    fields = gguf.GGUFReader(MODEL).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    result = tokenizers.Tokenizer(tokenizers.models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    result.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)])
    kinds = fields["tokenizer.ggml.token_type"].contents()
    result.add_special_tokens([token for token, kind in zip(tokens, kinds) if kind == gguf.TokenType.CONTROL])
    return result


def continuations(model):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = 512
    parameters.n_parallel = 1
    parameters.warmup = False
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)
    for prompt in PROMPTS:
        answers = []
        server.handle_completions(
            {
                "prompt": prompt, "max_tokens": STEPS, "temperature": 0, "top_k": 1, "logprobs": 2,
                "cache_prompt": False,
            },
            lambda answer: answers.append(json.loads(answer) if isinstance(answer, str) else answer) and False,
        )
        choice = answers[0]["choices"][0]
        steps = choice["logprobs"]["content"]
        tops = [[top["logprob"] for top in step["top_logprobs"]] for step in steps]
        yield answers[0]["usage"]["prompt_tokens"], {
            "tokens": [step["id"] for step in steps],
            "gaps": [round(first - second, 6) for first, second in tops],
        }


def main():
    encode = tokenizer().encode
    with tempfile.TemporaryDirectory() as directory:
        exact = pathlib.Path(directory) / "float32.gguf"
        write_float32(exact)
        golden = []
        for prompt, (count, first), (_, second) in zip(PROMPTS, continuations(exact), continuations(MODEL)):
            tokens = encode(prompt).ids
            assert len(tokens) == count
            golden.append({"prompt": prompt, "prompt_tokens": tokens, "exact": first, "rounded": second})
    path = pathlib.Path(__file__).with_name("smollm2.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("]},", "]},\n") + "\n")


if __name__ == "__main__":
    main()
