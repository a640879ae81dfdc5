"""Exports the models of a run in every form for encoders, and checks that ONNX Runtime (1.31.1) computes from each what
Retort computes from the model, on 256 real texts.

    python3 exports_agree.py RETORT RUN TEXTS.csv [TEXT_COLUMN]

RUN is a finished run with an INT8 model. Float outputs must agree to 1e-4 of the largest; float16 and int8 ones must have
the same class for at least 99.5 % of the texts and differ by at most 0.05 of the logits' standard deviation on average.
Every file passes the full onnx.checker, a second export has the same bytes, and `retort verify` finds what was exported.

Needs onnx, onnxruntime, safetensors, tokenizers and numpy.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file
from tokenizers import Tokenizer

ROWS = 256
BATCH = 32


def check(condition, text):
    print(("ok    " if condition else "WRONG ") + text, flush=True)
    if not condition:
        sys.exit(1)


def logits_of(retort, model, texts):
    lines = "".join(json.dumps({"id": index, "text": text}) + "\n" for index, text in enumerate(texts))
    result = subprocess.run([retort, "predict", model, "--logits"], input=lines, capture_output=True, text=True, check=True)
    return np.array([json.loads(line)["logits"] for line in result.stdout.splitlines()])


def run_onnx(path, tokenizer, texts):
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    tokenizer.enable_truncation(int(session.get_modelmeta().custom_metadata_map["maximum_positions"]))
    tokenizer.enable_padding()
    parts = []
    for start in range(0, len(texts), BATCH):
        encodings = tokenizer.encode_batch(texts[start : start + BATCH])
        feeds = {
            "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        }
        parts.append(session.run(None, feeds)[0].astype(np.float64))
    return np.concatenate(parts)


def compare(name, found, expected, is_float):
    differences = np.abs(found - expected)
    if is_float:
        largest = differences.max() / max(1, np.abs(expected).max())
        return check(largest <= 1e-4, f"{name}: largest difference {largest:.1e}")
    same = np.mean(found.argmax(axis=1) == expected.argmax(axis=1))
    mean = differences.mean() / expected.std()
    check(same >= 0.995 and mean <= 0.05, f"{name}: same class {same:.2%}, mean difference {mean:.4f} of the deviation")


def check_compressed(folder, own):
    """The integers and scales are those of Retort's own file, under the package's names."""
    theirs, ours = load_file(folder / "model.safetensors"), load_file(own / "model.safetensors")
    layers = [name.removesuffix("_scale") for name in theirs if name.endswith(".weight_scale")]
    for name in layers:
        np.testing.assert_array_equal(theirs[name], ours[name])
        np.testing.assert_array_equal(theirs[name + "_scale"][:, 0], ours[name + "_scale"])
        assert theirs[name].dtype == np.int8
    section = json.loads((folder / "config.json").read_text())["quantization_config"]
    check(
        section["quant_method"] == "compressed-tensors" and section["format"] == "int-quantized" and len(layers) > 0,
        f"compressed-tensors: {len(layers)} int8 layers")


def main(retort, run, table, column="text"):
    with open(table, newline="", encoding="utf-8-sig") as file:
        texts = [row[column] for row in csv.DictReader(file)][:ROWS]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for model, formats in (
            ("models/student", "safetensors,onnx,onnx-float16"),
            ("models/int8", "safetensors,onnx,onnx-fused,compressed-tensors"),
        ):
            source, place = pathlib.Path(run) / model, folder / pathlib.Path(model).name
            command = [retort, "export", source, "--format", formats, "--output", place, "--data", table, "--text", column]
            subprocess.run([*command, "--bundle"], check=True, stdout=subprocess.DEVNULL)
            before = {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            after = {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()}
            check(before == after, f"{place.name}: exporting again gives the same {len(before)} files")
            subprocess.run([retort, "verify", place], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([retort, "verify", str(place) + ".tar.zst"], check=True, stdout=subprocess.DEVNULL)
            expected = logits_of(retort, source, texts)
            tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
            for path in sorted(place.glob("*.onnx")):
                is_float = place.name == "student" and path.name == "model.onnx"
                compare(f"{place.name}/{path.name}", run_onnx(path, tokenizer, texts), expected, is_float)
            if (place / "compressed-tensors").exists():
                check_compressed(place / "compressed-tensors", source)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])
