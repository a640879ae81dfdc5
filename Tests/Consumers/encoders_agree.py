"""Checks that ONNX Runtime (1.31.1) computes what Retort computed, for encoders of every family and head.

    RETORT_EXPORTS=DIR swift test -c release --filter EncoderFormsTests
    python3 encoders_agree.py DIR

DIR holds a folder per model with an ONNX file in each form, and for each the token sequences and what Retort gave for them
(float.onnx and float.json, and so on). Sequences are run in padded batches. Float outputs must agree to 1e-4 of the
largest, int8 ones to 0.01 on average: integers that round to the other side of a half move a whole level. `dynamic` finds
one grid for a batch where Retort has one for each token. Exits 1 otherwise.

Needs onnx, onnxruntime and numpy.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

LARGEST = {"float": 1e-4, "float16": 0.02, "int8": 0.2, "fused": 0.2, "dynamic": 0.4}
MEAN = {"float": 1e-5, "float16": 5e-3, "int8": 0.01, "fused": 0.01, "dynamic": 0.05}
BATCH = 5


def run(session, sequences):
    parts = []
    for start in range(0, len(sequences), BATCH):
        batch = sequences[start : start + BATCH]
        width = max(map(len, batch))
        ids = np.array([s + [0] * (width - len(s)) for s in batch], np.int64)
        mask = np.array([[1] * len(s) + [0] * (width - len(s)) for s in batch], np.int64)
        parts.append(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
    return np.concatenate(parts).astype(np.float64)


def main(directory):
    models = sorted(pathlib.Path(directory).glob("*/*.onnx"))
    failed = not models
    for model in models:
        onnx.checker.check_model(str(model), full_check=True)
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        golden = json.loads(model.with_suffix(".json").read_text())
        expected = np.array(golden["output"])
        differences = np.abs(run(session, golden["sequences"]) - expected) / np.abs(expected).max()
        largest, mean = differences.max(), differences.mean()
        agrees = largest <= LARGEST[model.stem] and mean <= MEAN[model.stem]
        failed |= not agrees
        print(f"{'ok   ' if agrees else 'WRONG'} {model.parent.name}/{model.name}: largest {largest:.1e}, mean {mean:.1e}")
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
