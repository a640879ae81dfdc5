"""Writes the GGUF files in formats/gguf/ that FormatsTests reads, and what the reference reader finds in them.

Made with Python 3.11, gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0:

    pip install gguf==0.19.0 numpy==2.4.6 safetensors==0.8.0
    python Tests/Golden/gguf_files.py

- types.gguf: every type of metadata and of tensors; metadata.json and types.safetensors have what GGUFReader and
  dequantize make of them.
- blocks.gguf and blocks.safetensors: for every block format some quantized rows (where gguf can quantize) and rows of
  random bits with finite scales; alignment 64.

The reference computes in float32, each product and sum rounded alone, so that equality is exact.
"""

import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType as Tensor
from gguf import GGUFReader, GGUFValueType as Value
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent / "formats" / "gguf"
BLOCKS = [Tensor.Q8_0, Tensor.Q5_1, Tensor.Q5_0, Tensor.Q4_1, Tensor.Q4_0, Tensor.Q6_K, Tensor.Q4_K]
QUANTIZED = BLOCKS[:5]
HALF_FIELDS = {
    Tensor.Q8_0: [0], Tensor.Q5_1: [0, 2], Tensor.Q5_0: [0], Tensor.Q4_1: [0, 2], Tensor.Q4_0: [0], Tensor.Q6_K: [208],
    Tensor.Q4_K: [0, 2]}
"""Where the scales and minima lie in a block."""

SCALARS = {
    "u8": (Value.UINT8, 255), "i8": (Value.INT8, -128), "u16": (Value.UINT16, 65535), "i16": (Value.INT16, -32768),
    "u32": (Value.UINT32, 2**32 - 1), "i32": (Value.INT32, -(2**31)), "u64": (Value.UINT64, 2**63 - 1),
    "i64": (Value.INT64, -(2**63)), "f32": (Value.FLOAT32, 0.1), "f64": (Value.FLOAT64, 0.1),
    "yes": (Value.BOOL, True), "no": (Value.BOOL, False)}
ARRAYS = {
    "u8s": (Value.UINT8, [0, 255]), "i8s": (Value.INT8, [-128, 127]), "u16s": (Value.UINT16, [65535]),
    "i16s": (Value.INT16, [-32768, 3]), "u32s": (Value.UINT32, [2**32 - 1, 0]), "i32s": (Value.INT32, [-(2**31), 7]),
    "u64s": (Value.UINT64, [2**63 - 1]), "i64s": (Value.INT64, [-(2**63), 2**63 - 1]),
    "f32s": (Value.FLOAT32, [0.1, -1e30, 2.5]), "f64s": (Value.FLOAT64, [1e-300, 0.1]),
    "bools": (Value.BOOL, [True, False, True]), "strings": (Value.STRING, ["", "é", "line\nbreak", "\U0001f600"]),
    "tokenizer.ggml.tokens": (Value.STRING, [f"token {index}" for index in range(200)])}


def random_blocks(random, kind, shape):
    """Random bits; scales and minima are any finite halves."""
    length, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (shape[0], shape[1] // length, size), dtype=np.uint8)
    for field in HALF_FIELDS[kind]:
        halves = blocks[..., field:field + 2].copy().view(np.uint16)
        halves[(halves & 0x7C00) == 0x7C00] ^= 0x4000
        blocks[..., field:field + 2] = halves.view(np.uint8)
    return blocks.reshape(shape[0], -1)


def awkward_rows(random):
    """Rows of 64: ordinary, constant, zero, tiny (the scale is a subnormal half), large, and one outlier."""
    rows = random.standard_normal((6, 64)).astype(np.float32)
    rows[1], rows[2] = 0.75, 0
    rows[3] *= 1e-6
    rows[4] *= 1e3
    rows[5, 40] = -100
    return rows


def write_types(random):
    path = HERE / "types.gguf"
    writer = GGUFWriter(path, "llama")
    for name, (kind, value) in SCALARS.items():
        writer.add_key_value(name, value, kind)
    writer.add_string("string", "tab\tand \U0001f600")
    for name, (kind, values) in ARRAYS.items():
        writer.add_key_value(name, values, Value.ARRAY, kind)

    plain = {
        "F32": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
        "F16": np.array([[1, -0.333251953125], [65504, 6e-8]], np.float16),
        "F64": np.array([1.5, -2.25], np.float64), "I64": np.array([-(2**62)], np.int64),
        "I32": np.arange(24, dtype=np.int32).reshape(2, 3, 4) - 7, "I16": np.array([-300, 300], np.int16),
        "I8": np.arange(24, dtype=np.int8).reshape(1, 2, 3, 4) - 12}
    for name, values in plain.items():
        writer.add_tensor(name, values)
    expected = {name: values.astype(np.float32) for name, values in plain.items()}

    bf16 = np.array([[1, -3.140625, 1e30]], np.float32)
    writer.add_tensor("BF16", quantize(bf16, Tensor.BF16), raw_dtype=Tensor.BF16)
    expected["BF16"] = dequantize(quantize(bf16, Tensor.BF16), Tensor.BF16)
    for kind in BLOCKS:
        length = GGML_QUANT_SIZES[kind][0]
        blocks = random_blocks(random, kind, (2 if length == 32 else 1, length))
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        expected[kind.name] = dequantize(blocks, kind)
    close(writer)
    save_file(expected, HERE / "types.safetensors")

    reader = GGUFReader(path)
    shapes = {tensor.name: [int(extent) for extent in reversed(tensor.shape)] for tensor in reader.tensors}
    assert shapes == {name: list(values.shape) for name, values in expected.items()}
    kinds = {Value.FLOAT32: "number", Value.FLOAT64: "number", Value.BOOL: "bool", Value.STRING: "string"}
    found = {"order": [], **{name: {} for name in ("bool", "bools", "integer", "integers")},
             **{name: {} for name in ("number", "numbers", "string", "strings")}}
    for name, field in reader.fields.items():
        if name.startswith("GGUF."):
            continue
        found["order"].append(name)
        kind = kinds.get(field.types[-1], "integer")
        value = field.contents()
        if kind == "bool":
            value = [bool(item) for item in value] if isinstance(value, list) else bool(value)
        found[kind + ("s" if field.types[0] == Value.ARRAY else "")][name] = value
    (HERE / "metadata.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def write_blocks(random):
    path = HERE / "blocks.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_custom_alignment(64)
    for kind in BLOCKS:
        if kind in QUANTIZED:
            writer.add_tensor(f"{kind.name} quantized", quantize(awkward_rows(random), kind), raw_dtype=kind)
        writer.add_tensor(f"{kind.name} random", random_blocks(random, kind, (4, 512)), raw_dtype=kind)
    close(writer)
    expected = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in GGUFReader(path).tensors}
    assert all(np.isfinite(values).all() for values in expected.values())
    save_file(expected, HERE / "blocks.safetensors")


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    HERE.mkdir(exist_ok=True)
    random = np.random.default_rng(20)
    write_types(random)
    write_blocks(random)


if __name__ == "__main__":
    main()
