"""Runs a small recipe with TensorBoard's events, once whole and once killed again and again, and reads both with the
`tensorboard` package: every scalar must be the one in metrics.jsonl, every histogram complete, and both runs equal.

    python3 tensorboard_reads.py RETORT

Exits 1 on the first thing that does not hold.
"""

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import small_recipe

EVERY = 10
# Kills: after so many lines of this stage in metrics.jsonl, which lies between two checkpoints.
KILLS = [("teacher", 3), ("teacher", 23), ("student", 34), ("student", 52), ("prune-2", 8), ("quantize", 7)]


def check(condition, text):
    print(("ok    " if condition else "WRONG ") + text, flush=True)
    if not condition:
        sys.exit(1)


def command(retort, folder, name):
    return [
        retort, "run", folder / "small.yaml", f"run.directory={folder / name}", "run.log=[jsonl, tensorboard]",
        f"run.histogram_every={EVERY}",
    ]


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines() if line.endswith("}")]


def start_and_kill(arguments, folder, stage, count):
    """Starts a run or goes on with it, and kills it once the stage has taken so many steps."""
    process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        runs = list((folder / "killed").glob("*/metrics.jsonl"))
        if runs and runs[0].read_bytes().count(f'"stage":"{stage}"'.encode()) >= count:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.001)
    return process.wait() == -signal.SIGKILL


def read(run):
    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    histograms = {
        tag: [(e.step, e.histogram_value) for e in events.Histograms(tag)] for tag in events.Tags()["histograms"]
    }
    return scalars, histograms


def expected_scalars(run):
    result = {}
    for line in lines(run):
        numbers = {key: line[key] for key in ("loss", "learning_rate", "gradient_norm", "examples_per_second")}
        for name, value in {**numbers, **line["terms"]}.items():
            result.setdefault(f"{line['stage']}/{name}", []).append((line["step"], float(np.float32(value))))
    return result


def check_scalars(run, scalars):
    expected = expected_scalars(run)
    trained = {tag: values for tag, values in scalars.items() if tag in expected}
    check(trained == expected, f"{sum(map(len, trained.values()))} scalars of {len(trained)} names are those of metrics.jsonl")
    report = json.loads((run / "report/report.json").read_text())
    for key, model in report["models"].items():
        if scalars.get(f"evaluate/{key}/accuracy") != [(0, float(np.float32(model["metrics"]["accuracy"])))]:
            check(False, f"accuracy of {key} is the report's")
    validated = [tag for tag in scalars if tag.endswith("/final_validation_accuracy")]
    log = (run / "log.txt").read_text()
    for tag in validated:
        told = re.search(rf"{tag.split('/')[0]}: .*validation accuracy ([\d.]+)", log)
        if not told or abs(float(told[1]) - scalars[tag][0][1]) > 1e-4 or len(scalars[tag]) != 1:
            check(False, f"{tag} is the log's, once")
    check(len(validated) == 5, "accuracies of all models on the validation and the test rows")


def check_histograms(run, histograms):
    found = 0
    for stage, folder in [("teacher", "teacher"), ("student", "student"), ("quantize", "pruned")]:
        steps = [line["step"] for line in lines(run) if line["stage"] == stage and line["step"] % EVERY == 0]
        with safe_open(run / "models" / folder / "model.safetensors", "numpy") as weights:
            for name in weights.keys():
                values = histograms.pop(f"{stage}/gradients/{name}")
                found += len(values)
                count = weights.get_tensor(name).size
                for (step, value), at in zip(values, steps, strict=True):
                    edges, buckets = np.array(value.bucket_limit), np.array(value.bucket)
                    whole = value.num == count == buckets.sum() and (np.diff(edges) > 0).all()
                    spread = value.min <= value.sum / count <= value.max and value.sum_squares > 0
                    if step != at or not whole or not spread:
                        check(False, f"{stage}: histogram of {name} at step {step}")
    check(found > 0, f"{found} histograms hold each gradient's elements, every {EVERY} steps")


def main(retort):
    retort = pathlib.Path(retort).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        small_recipe.write(folder)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        subprocess.run(command(retort, folder, "whole"), check=True, **quiet)
        whole = small_recipe.only_run(folder / "whole")
        scalars, histograms = read(whole)
        check_scalars(whole, scalars)
        check_histograms(whole, dict(histograms))

        arguments, killed = command(retort, folder, "killed"), 0
        for stage, count in KILLS:
            killed += start_and_kill(arguments, folder, stage, count)
            arguments = [retort, "resume", small_recipe.only_run(folder / "killed")]
        subprocess.run(arguments, check=True, **quiet)
        again = small_recipe.only_run(folder / "killed")
        kept = lambda values: {tag: v for tag, v in values.items() if not tag.endswith("/examples_per_second")}
        scalars_again, histograms_again = read(again)
        check_scalars(again, scalars_again)
        check(killed >= 4 and kept(scalars) == kept(scalars_again), f"killed {killed} times, the same scalars")
        check(histograms == histograms_again, "killed, the same histograms")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
