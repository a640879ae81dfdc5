"""Checks that the gguf package (0.19.0) reads the models that Retort exports, and finds in them what it would have
written itself.

    python3 gguf_reads.py RETORT

Makes a small Llama with random weights and a byte-level tokenizer (Tests/Golden/pipelines/smollm.json), exports it in F32,
F16, Q8_0 and Q4_0, and compares every tensor with `gguf.quants.quantize` of the weights, in llama.cpp's order of rows. Of the
small BERTs of Tests/Golden every tensor has the name that the package's own table gives it, and its values.

Exported from GGUF again, the tokenizer is read by the tokenizers package, and int4 weights lie near those of the model.

Needs gguf, numpy, safetensors and tokenizers.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from gguf.quants import quantize
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

GOLDEN = pathlib.Path(__file__).parents[1] / "Golden"
PIPELINE = GOLDEN / "pipelines/smollm.json"
WIDTH, LAYERS, HEADS, KEY_HEADS, INNER = 64, 2, 4, 2, 96
KINDS = {"F32": gguf.GGMLQuantizationType.F32, "F16": gguf.GGMLQuantizationType.F16,
         "Q8_0": gguf.GGMLQuantizationType.Q8_0, "Q4_0": gguf.GGMLQuantizationType.Q4_0}
NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "model.layers.": "blk.",
}


def check(condition, text):
    print(("ok    " if condition else "WRONG ") + text, flush=True)
    if not condition:
        sys.exit(1)


def weights(vocabulary):
    random = np.random.default_rng(7)
    keys = WIDTH // HEADS * KEY_HEADS
    shapes = {"model.embed_tokens": (vocabulary, WIDTH), "model.norm": (WIDTH,)}
    for layer in range(LAYERS):
        own = f"model.layers.{layer}."
        shapes |= {
            own + "input_layernorm": (WIDTH,), own + "post_attention_layernorm": (WIDTH,),
            own + "self_attn.q_proj": (WIDTH, WIDTH), own + "self_attn.k_proj": (keys, WIDTH),
            own + "self_attn.v_proj": (keys, WIDTH), own + "self_attn.o_proj": (WIDTH, WIDTH),
            own + "mlp.gate_proj": (INNER, WIDTH), own + "mlp.up_proj": (INNER, WIDTH),
            own + "mlp.down_proj": (WIDTH, INNER),
        }
    return {name + ".weight": random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def interleaved(matrix, heads):
    """As llama.cpp's converter orders the rows of queries and keys."""
    rows, width = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def expected(name, value):
    if ".q_proj." in name:
        value = interleaved(value, HEADS)
    if ".k_proj." in name:
        value = interleaved(value, KEY_HEADS)
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name, value


def make_model(folder):
    tokenizer = json.loads(PIPELINE.read_text(encoding="utf-8"))
    vocabulary = max([*tokenizer["model"]["vocab"].values(), *(t["id"] for t in tokenizer["added_tokens"])]) + 1
    folder.mkdir()
    shutil.copy(PIPELINE, folder / "tokenizer.json")
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": vocabulary, "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS,
        "intermediate_size": INNER, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": True,
    }))
    made = weights(vocabulary)
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
    return made


def encoder(retort, name, folder):
    """Exports a published BERT, and compares names, values and what llama.cpp reads beside them."""
    model, out = folder / name, folder / f"{name}-out"
    shutil.copytree(GOLDEN / "encoders" / name, model)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "##s"]
    (model / "vocab.txt").write_text("\n".join(tokens) + "\n")
    (model / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    subprocess.run(
        [retort, "export", model, "--format", "gguf", "--output", out], check=True, stdout=subprocess.DEVNULL)
    configuration = json.loads((model / "config.json").read_text())
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, configuration["num_hidden_layers"])
    reader = gguf.GGUFReader(out / "model-F32.gguf")
    found = {tensor.name: tensor for tensor in reader.tensors}
    wanted = {}
    for published, value in load_file(model / "model.safetensors").items():
        published = published.removeprefix("bert.")
        if published.startswith("pooler.") and "embedding" in name:
            continue
        # The package's table has RoBERTa's words for the two layers of the head.
        published = re.sub("^classifier", "classifier.out_proj", published).replace("pooler.dense", "classifier.dense")
        wanted[names.get_name(published, try_suffixes=(".weight", ".bias"))] = value
    check(found.keys() == wanted.keys(), f"{name}: {len(found)} tensors under the package's names")
    check(all(np.array_equal(found[key].data, value) for key, value in wanted.items()), f"{name}: their values")
    field = reader.fields["tokenizer.ggml.tokens"]
    own = [bytes(field.parts[index]).decode() for index in field.data]
    check(own[:8] == tokens[:5] + ["\u2581the", "\u2581red", "s"], f"{name}: pieces as llama.cpp marks them")


def comes_back(retort, file, out, made):
    """What is exported from a GGUF file: a tokenizer that the package loads, and int4 weights near the model's."""
    subprocess.run(
        [retort, "export", file, "--format", "safetensors,int4-g32,int4-g64", "--output", out], check=True,
        stdout=subprocess.DEVNULL)
    found, own = (Tokenizer.from_file(str(path)) for path in (out / "tokenizer.json", PIPELINE))
    text = "Hello there, 1234 caf\u00e9s!\n  def f(x): return x"
    ids = found.encode(text).ids
    check(ids == own.encode(text).ids and found.decode(ids) == own.decode(ids), "the tokenizer comes back from GGUF")
    for group in (32, 64):
        tensors = load_file(out / f"int4-g{group}" / "model.safetensors")
        packed = [name.removesuffix("_packed") for name in tensors if name.endswith("_packed")]
        wanted = [name for name, value in made.items() if value.ndim == 2 and ".layers." in name]
        wanted = [name for name in wanted if made[name].shape[1] % group == 0]
        check(sorted(packed) == sorted(wanted) and len(packed) > 0, f"int4-g{group}: {len(packed)} packed matrices")
        worst = 0
        for name in packed:
            words = tensors[name + "_packed"].view(np.uint32)
            levels = np.stack([words >> (4 * index) & 15 for index in range(8)], axis=-1).reshape(len(words), -1)
            scales = np.repeat(tensors[name + "_scale"].astype(np.float32), group, axis=1)
            error = np.abs((levels.astype(np.float32) - 8) * scales - made[name]) / np.abs(scales)
            worst = max(worst, float(error.max()))
            if list(levels.shape) != list(tensors[name + "_shape"]):
                check(False, f"int4-g{group}: {name} has the shape {levels.shape}")
        # Half a step where nothing is cut; the best scale may cut the largest by a little more.
        check(worst < 1.5, f"int4-g{group}: weights within {worst:.2f} steps")


def main(retort):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("bert-embedding", "bert-classification"):
            encoder(retort, name, pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        made = make_model(folder / "model")
        out = folder / "out"
        formats = "gguf,gguf-f16,gguf-q8_0,gguf-q4_0"
        subprocess.run(
            [retort, "export", folder / "model", "--format", formats, "--output", out], check=True,
            stdout=subprocess.DEVNULL)
        wanted = dict(expected(name, value) for name, value in made.items())
        for kind, code in KINDS.items():
            reader = gguf.GGUFReader(out / f"model-{kind}.gguf")
            found = {tensor.name: tensor for tensor in reader.tensors}
            check(found.keys() == wanted.keys(), f"{kind}: {len(found)} tensors")
            for name, value in wanted.items():
                kept = code if value.ndim == 2 else gguf.GGMLQuantizationType.F32
                if found[name].tensor_type != kept:
                    check(False, f"{kind}: {name} is {found[name].tensor_type.name}")
                if found[name].data.tobytes() != quantize(value, kept).tobytes():
                    check(False, f"{kind}: {name} has other bytes")
            field = reader.fields["tokenizer.ggml.pre"]
            check(bytes(field.parts[field.data[0]]) == b"smollm", f"{kind}: every tensor as the package writes it")
        comes_back(retort, out / "model-F32.gguf", folder / "back", made)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
