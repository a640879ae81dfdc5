"""Checks that ONNX Runtime (1.31.1) gives the classes that Retort gave, as a user of the exported folder would run it.

    python3 onnxruntime_agrees.py DIR TEXTS.csv ANSWERS.jsonl [TEXT_COLUMN]

DIR is an export: model.onnx, config.json, tokenizer.json. Line i of ANSWERS.jsonl is what `retort predict DIR` wrote
for row i of TEXTS.csv: {"label": …, "scores": {label: probability}}. Runs the full onnx.checker, prints the figures,
and exits 1 unless at least 99.5 % of the labels are equal and the probabilities differ by at most 0.01 on average.

Needs onnx, onnxruntime, tokenizers and numpy.
"""

import csv
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

EQUAL_LABELS = 0.995
MEAN_DIFFERENCE = 0.01
BATCH = 32


def read_texts(path, column):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return [row[column] for row in csv.DictReader(file)]


def read_labels(directory):
    names = json.loads((directory / "config.json").read_text(encoding="utf-8"))["id2label"]
    return [names[str(index)] for index in range(len(names))]


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def probabilities(session, tokenizer, texts):
    """Texts in padded batches, as they come: [texts, classes]."""
    parts = []
    for start in range(0, len(texts), BATCH):
        encodings = tokenizer.encode_batch(texts[start : start + BATCH])
        feeds = {
            "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        }
        parts.append(softmax(session.run(["logits"], feeds)[0].astype(np.float64)))
    return np.concatenate(parts)


def main(directory, texts_path, answers_path, column="text"):
    directory = pathlib.Path(directory)
    texts, labels = read_texts(texts_path, column), read_labels(directory)
    with open(answers_path, encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    if not texts or len(texts) != len(answers):
        return [f"{len(texts)} texts but {len(answers)} answers"]

    model = directory / "model.onnx"
    onnx.checker.check_model(str(model), full_check=True)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    problems = []
    if json.loads(metadata["labels"]) != labels:
        problems.append(f"the model's labels are {metadata['labels']}, those of config.json {labels}")
    shapes = {value.name: value.shape for value in session.get_inputs() + session.get_outputs()}
    wanted = {name: ["batch", "sequence"] for name in ("input_ids", "attention_mask")}
    wanted["logits"] = ["batch", len(labels)]
    if shapes != wanted:
        problems.append(f"inputs and outputs are {shapes}, expected {wanted}")

    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.enable_truncation(int(metadata["maximum_positions"]))
    tokenizer.enable_padding()
    found = probabilities(session, tokenizer, texts)
    expected = np.array([[answer["scores"][label] for label in labels] for answer in answers])
    equal = np.mean([labels[best] == answer["label"] for best, answer in zip(found.argmax(axis=1), answers)])
    differences = np.abs(found - expected)

    print(f"{model.name}: {model.stat().st_size:,} bytes, {len(texts)} texts, onnxruntime {onnxruntime.__version__}")
    print(f"equal labels            {equal:.4%} (at least {EQUAL_LABELS:.1%})")
    print(f"probability difference  mean {differences.mean():.2e} (at most {MEAN_DIFFERENCE}), largest {differences.max():.2e}")
    if not equal >= EQUAL_LABELS:
        problems.append(f"only {equal:.4%} of the labels are equal")
    if not differences.mean() <= MEAN_DIFFERENCE:
        problems.append(f"the probabilities differ by {differences.mean():.4f} on average")
    return problems


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    found = main(*sys.argv[1:])
    for problem in found:
        print(problem, file=sys.stderr)
    sys.exit(1 if found else 0)
