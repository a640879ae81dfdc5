#!/usr/bin/env python3
"""What each term of the loss is worth: every variant under several seeds, as a Markdown table.

    ablation.py RETORT [--sets wordnet26 prompt-injection] [--layers 3 2] [--seeds 5] [--directory runs/ablation] [KEY=VALUE ...]

Per data set the teacher is fine-tuned once, and what it knows recorded once; each variant is a run of the same recipe with another
`loss` and `student.layers`. Finished runs are not run again, so an interrupted ablation goes on where it stopped. KEY=VALUE changes
all runs, such as data.limit=200.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

# Where a student of so many layers looks in the teacher of six.
PAIRS = {3: [[1, 2], [2, 4], [3, 6]], 2: [[1, 3], [2, 6]]}


def losses(layers):
    """The variants, each with all of the one before."""
    features = f"features: {{weight: 0.5, pairs: {PAIRS[layers]}}}"
    relations = f"relations: {{weight: 0.5, student_layer: {layers}, teacher_layer: 6, heads: 12}}"
    return {
        "labels only": "{cross_entropy: 1, kl: {weight: 0}}",
        "+ KL": "{cross_entropy: 0.3, kl: {weight: 0.7, temperature: 2}}",
        "+ KL + features": f"{{cross_entropy: 0.3, kl: {{weight: 0.7, temperature: 2}}, {features}}}",
        "+ KL + features + relations":
            f"{{cross_entropy: 0.3, kl: {{weight: 0.7, temperature: 2}}, {features}, {relations}}}",
    }


def only(directory):
    runs = sorted(directory.glob("*/resolved.yaml"))
    return runs[0].parent if runs else None


def retort(program, *arguments):
    finished = subprocess.run([program, *arguments], capture_output=True, text=True)
    if finished.returncode not in (0, 1):
        sys.exit(f"{' '.join(arguments)}\n{finished.stderr}")


def recorded(program, name, directory, changes):
    """A run that has fine-tuned the teacher and recorded all that any variant asks for."""
    if not only(directory):
        retort(
            program, "label", f"recipes/ablation-{name}.yaml", f"run.directory={directory}", *changes,
            "loss.features={weight: 1, pairs: [[1, 2], [2, 3], [2, 4], [3, 6]]}",
            "loss.relations={weight: 1, student_layer: 3, teacher_layer: 6, heads: 12}")
    run = only(directory)
    retort(program, "label", str(run))
    return run


def accuracy(program, name, teacher, directory, loss, layers, seed, changes):
    """Test accuracy, in percent, of the teacher and of a student."""
    if not only(directory):
        retort(
            program, "run", f"recipes/ablation-{name}.yaml", f"run.directory={directory}", *changes, f"seed={seed}",
            f"loss={loss}", f"student.layers={layers}",
            f"teacher={{model: {teacher}/models/teacher, targets: {{file: {teacher}/targets/train}}}}")
    run = only(directory)
    if not (run / "report/report.json").exists():
        retort(program, "resume", str(run))
    models = json.loads((run / "report/report.json").read_text())["models"]
    return [models[key]["metrics"]["accuracy"] * 100 for key in ("teacher", "student")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--sets", nargs="+", default=["wordnet26", "prompt-injection"])
    parser.add_argument("--layers", nargs="+", type=int, default=[3, 2])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path("runs/ablation"))
    parser.add_argument("changes", nargs="*")
    options = parser.parse_intermixed_args()
    found, teachers = {}, {}
    # Seed by seed, so that an ablation that is not finished has a whole table of fewer seeds.
    for seed in range(1, options.seeds + 1):
        for name in options.sets:
            teacher = recorded(options.program, name, options.directory / name / "teacher", options.changes)
            for layers in options.layers:
                for variant, (label, loss) in enumerate(losses(layers).items()):
                    place = options.directory / name / f"{layers}-layers" / f"loss-{variant}-seed-{seed}"
                    teachers[name], value = accuracy(
                        options.program, name, teacher, place, loss, layers, seed, options.changes)
                    found.setdefault((name, layers), {}).setdefault(label, []).append(value)
                    print(f"{name}, {layers} layers, {label}, seed {seed}: {value:.2f}", file=sys.stderr)
    print("| data, student | " + " | ".join(losses(3)) + " | teacher |")
    print("|---" * (len(losses(3)) + 2) + "|")
    for (name, layers), variants in found.items():
        cells = [
            f"{statistics.mean(values):.2f} ± {statistics.stdev(values) if len(values) > 1 else 0:.2f}"
            for values in variants.values()
        ]
        print(f"| {name}, {layers} layers | " + " | ".join(cells) + f" | {teachers[name]:.2f} |")
    if options.seeds < 2:
        return
    print("\nMore than labels only, paired by seed (mean ± standard error; seeds in which it is more):\n")
    for (name, layers), variants in found.items():
        first, *others = variants
        for label in others:
            more = [own - plain for own, plain in zip(variants[label], variants[first])]
            error = statistics.stdev(more) / len(more) ** 0.5
            better = sum(value > 0 for value in more)
            print(f"- {name}, {layers} layers, {label}: {statistics.mean(more):+.2f} ± {error:.2f}, {better} of {len(more)}")


main()
