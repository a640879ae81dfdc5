#!/usr/bin/env python3
"""One recipe, trained by Retort and by PyTorch in turn: accuracy over seeds, and the time that the student's training took.

    distil.py RETORT PYTHON [--recipe recipes/ablation-wordnet26.yaml] [--seeds 3] [--directory runs/distil] [KEY=VALUE ...]

PYTHON has what Benchmarks/peers/requirements.txt lists. The teacher is trained once, by Retort; both programs then learn from it.
KEY=VALUE changes the recipe, such as train.epochs=1. Times are of the training loop alone, without reading, recording and judging.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).parent / "peers" / "distil.py"


def command(*arguments):
    finished = subprocess.run([str(part) for part in arguments], capture_output=True, text=True)
    if finished.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, arguments))}\n{finished.stderr}")
    return finished.stdout


def only(directory):
    return next(path.parent for path in sorted(directory.glob("*/resolved.yaml")))


def ours(program, run, seed, directory, changes):
    """Accuracy, teacher's accuracy and seconds of a run that takes over the teacher and the recording of another."""
    place = directory / f"seed-{seed}"
    command(
        program, "run", run / "resolved.yaml", f"run.directory={place}", f"seed={seed}", *changes,
        f"teacher={{model: {run}/models/teacher, targets: {{file: {run}/targets/train}}}}")
    student = only(place)
    lines = [json.loads(line) for line in (student / "metrics.jsonl").read_text().splitlines()]
    times = [line["time"] for line in lines if line["stage"] == "student" and "loss" in line]
    models = json.loads((student / "report" / "report.json").read_text())["models"]
    seconds = (times[-1] - times[0]) * len(times) / (len(times) - 1)
    return models["student"]["metrics"]["accuracy"], models["teacher"]["metrics"]["accuracy"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("python")
    parser.add_argument("--recipe", default="recipes/ablation-wordnet26.yaml")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path("runs/distil"))
    parser.add_argument("changes", nargs="*")
    options = parser.parse_intermixed_args()
    first = options.directory / "teacher"
    if not first.exists():
        command(options.program, "label", options.recipe, f"run.directory={first}", *options.changes)
    run = only(first)
    results = {"Retort": [], "PyTorch float32": [], "PyTorch bfloat16": []}
    for seed in range(1, options.seeds + 1):
        accuracy, teacher, seconds = ours(options.program, run, seed, options.directory, [])
        results["Retort"].append((accuracy, seconds))
        for mode in ("float32", "bfloat16"):
            # The peer reads the teacher from the run that has it, and the rest from the same resolved recipe.
            found = json.loads(command(options.python, PEER, run, "--seed", seed, "--mode", mode))
            results[f"PyTorch {mode}"].append((found["accuracy"], found["seconds"]))
            if abs(found["teacher_accuracy"] - teacher) > 0.001:
                sys.exit(f"the teacher has {teacher:.4f} here and {found['teacher_accuracy']:.4f} in PyTorch")
        for name, values in results.items():
            print(f"seed {seed}: {name}: {values[-1][0] * 100:.2f} %, {values[-1][1]:.1f} s", file=sys.stderr)
    print("| program | accuracy, % | training, s | beside Retort |")
    print("|---|---|---|---|")
    base = statistics.median(seconds for _, seconds in results["Retort"])
    for name, values in results.items():
        accuracies = [100 * accuracy for accuracy, _ in values]
        seconds = statistics.median(seconds for _, seconds in values)
        spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0
        print(f"| {name} | {statistics.mean(accuracies):.2f} ± {spread:.2f} | {seconds:.1f} | {seconds / base:.2f} × |")
    print(f"\nTeacher: {100 * teacher:.2f} %")


main()
