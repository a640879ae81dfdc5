"""Runs the lines of CONTRIBUTING.md that write targets in Python, and lets Retort check the file, sound and damaged.

Usage: minimal_layout.py RETORT        (needs: h5py, numpy)
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np

contributing = pathlib.Path(__file__).parents[2] / "CONTRIBUTING.md"
blocks = re.findall(r"```python\n(.*?)```", contributing.read_text(), re.S)
lines = next(block for block in blocks if "retort soft targets" in block)
retort = str(pathlib.Path(sys.argv[1]).resolve())
rows = [[2, 5, 8, 3], [2, 6, 3], [2, 7, 8, 5, 3]]
logits = np.random.default_rng(1).normal(size=(3, 4))
log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))


def check(*options):
    return subprocess.run([retort, "label", "check", "targets.h5", *options], capture_output=True, text=True)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    exec(lines)  # the very lines of the documentation
    sound = check()
    assert sound.returncode == 0, sound.stderr
    assert "3 rows, 12 tokens" in sound.stdout and "all 4 outcomes" in sound.stdout, sound.stdout
    inspected = subprocess.run([retort, "inspect", "targets.h5"], capture_output=True, text=True)
    assert inspected.returncode == 0 and "log_probabilities" in inspected.stdout, inspected.stderr

    with h5py.File("targets.h5", "r+") as file:
        file["rows/hash"] = np.zeros(3, np.uint64)
        file["hidden_states/1"] = np.ones((12, 2), np.float32)
        file.attrs["layers"] = np.bytes_("1")
    wrong = check()
    assert wrong.returncode == 2 and "row 0" in wrong.stderr, wrong.stderr
    with h5py.File("targets.h5", "r+") as file:
        del file["rows/hash"]
    assert check().returncode == 0

    # Each damage, what its complaint names, and how to undo it.
    for name, place, value, said in [
        ("log_probabilities", (1, 2), np.nan, "row 1"),
        ("log_probabilities", (2, 0), np.inf, "row 2"),
        ("log_probabilities", (0, 0), 3.0, "row 0"),
        ("hidden_states/1", (11, 1), np.nan, "hidden_states/1"),
        ("rows/offset", (3,), 13, "rows/offset"),
    ]:
        with h5py.File("targets.h5", "r+") as file:
            before, file[name][place] = file[name][place], value
        damaged = check()
        assert damaged.returncode == 2 and said in damaged.stderr, (name, damaged.returncode, damaged.stderr)
        with h5py.File("targets.h5", "r+") as file:
            file[name][place] = before
    assert check().returncode == 0

    # The k likeliest at each position.
    with h5py.File("targets.h5", "r+") as file:
        del file["log_probabilities"]
        file["log_probabilities"] = np.log(np.tile(np.float32([0.5, 0.25]), (12, 1)))
        file["ids"] = np.tile(np.int32([4, 9]), (12, 1))
        file.attrs["outcomes"] = 10
        file.attrs["predictions"] = np.bytes_("position")
    kept = check()
    assert kept.returncode == 0 and "2 of 10 outcomes, uniform tail" in kept.stdout, kept.stdout + kept.stderr
    with h5py.File("targets.h5", "r+") as file:
        file["ids"][7, 1] = 10
    beyond = check()
    assert beyond.returncode == 2 and "position 7" in beyond.stderr, beyond.stderr
print("ok    targets written by the documented lines are read; damaged ones are refused with their place")
