#!/usr/bin/env python3
"""Accuracy against the share of heads that stay, removed at once and in rounds, as a Markdown table and a plot.

    pruning.py RETORT [--seeds 3] [--keep 0.8 0.6 0.4 0.2] [--recover 240] [--criterion sensitivity] [--rounds 4]
        [--calibration 512] [--directory runs/pruning] [--plot FILE.svg] [KEY=VALUE ...]

The model is all-MiniLM-L6-v2, fine-tuned on WordNet-26. Per seed it is distilled into itself once, all six layers of it; then heads
go, in one round or in --rounds, with as many recovering steps in all: a quarter of them between the rounds, three after the last.
Scores are divided by their layer's norm, but for those of ablation, which are losses of one model. Of the smaller models with as
many heads the floating-point operations are counted, and texts of the test file are timed one by one and in batches of 32, in turn
with the unpruned model (`retort bench --against`). Finished runs are not run again.
"""
import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

RECIPE = "recipes/ablation-wordnet26.yaml"
LENGTH = 16  # tokens of a text of this data, for the count of operations


def retort(program, *arguments):
    finished = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if finished.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, arguments))}\n{finished.stderr}")


def only(directory):
    runs = sorted(directory.glob("*/resolved.yaml"))
    return runs[0].parent if runs else None


def unpruned(program, directory, seed, teacher, changes):
    """A run with the six-layer model that is pruned."""
    place = directory / f"seed-{seed}" / "unpruned"
    source = [f"teacher={{model: {teacher}/models/teacher, targets: {{file: {teacher}/targets/train}}}}"] if teacher else []
    if not only(place):
        retort(
            program, "run", RECIPE, f"run.directory={place}", f"seed={seed}", "student.layers=6",
            "loss={cross_entropy: 0.3, kl: {weight: 0.7, temperature: 2}}", "train.epochs=1",
            "train.learning_rate=1e-4", *source, *changes)
    run = only(place)
    if not (run / "report" / "report.json").exists():
        retort(program, "resume", run)
    return run


def pruned(program, base, place, criterion, calibration, keep, rounds, recover):
    """The report of a copy of a run whose recipe prunes; its finished stages are used as they are."""
    run = place / base.name
    if not run.exists():
        aside = place / ".unfinished"
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(base, aside, ignore=shutil.ignore_patterns("lock", "report", "export", "checkpoints"))
        recipe = (base / "resolved.yaml").read_text()
        between = recover // 4 // max(1, rounds - 1)
        normalize = "none" if criterion == "ablation" else "layer"
        heads = (
            f"{{criterion: {criterion}, calibration: {calibration}, normalize: {normalize}, keep: {keep}, rounds: {rounds}, "
            f"recover_steps: {between}, "
            f"last_recover_steps: {recover - between * (rounds - 1)}}}")
        changed, count = re.subn(r"^prune: null$", f"prune: {{heads: {heads}}}", recipe, flags=re.M)
        if count != 1:
            sys.exit(f"{base}/resolved.yaml has a prune section already")
        (aside / "resolved.yaml").write_text(changed)
        aside.rename(run)
    if not (run / "report" / "report.json").exists():
        retort(program, "resume", run)
    return run


def operations(model):
    """Floating-point operations of the layers for one text: two for each weight of a matrix and token, and the attention's own.

    Of the last layer only the first position is computed, whose output the classifier reads, and all keys and values.
    """
    configuration = json.loads((model / "config.json").read_text())
    layers, width = configuration["num_hidden_layers"], configuration["hidden_size"]
    size = configuration.get("attention_head_size", width // configuration["num_attention_heads"])
    heads = configuration.get("layer_attention_heads", [configuration["num_attention_heads"]] * layers)
    inner = configuration.get("layer_intermediate_sizes", [configuration["intermediate_size"]] * layers)
    rows = [LENGTH] * (layers - 1) + [1]
    return sum(
        4 * (LENGTH + n) * width * h * size + 4 * n * width * f + 4 * n * LENGTH * h * size
        for n, h, f in zip(rows, heads, inner))


def times(program, run):
    """How long the pruned model takes as a share of the student, text by text and in batches."""
    answer = subprocess.run(
        [program, "bench", run / "models/pruned", "--against", run / "models/student", "--data", "datasets/wordnet26/test.csv",
         "--queries", "300", "--batches", "20", "--json"], check=True, capture_output=True, text=True)
    pruned, student = json.loads(answer.stdout)["results"]
    return pruned["single"]["p50"] / student["single"]["p50"], pruned["batched"]["latency_ms"]["p50"] / student["batched"]["latency_ms"]["p50"]


def spread(values):
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values) if len(values) > 1 else 0:.2f}"


def plot(file, base, found, keeps):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    axes.axhline(statistics.mean(base), color="0.5", linestyle=":", label="unpruned")
    axes.axhline(statistics.mean(base) - 1, color="0.8", linestyle=":", label="one point less")
    for name in dict.fromkeys(name for name, _ in found):
        means = [statistics.mean(model["accuracy"] for model in found[name, keep]) for keep in keeps]
        errors = [statistics.pstdev(model["accuracy"] for model in found[name, keep]) for keep in keeps]
        axes.errorbar([100 * keep for keep in keeps], means, yerr=errors, marker="o", capsize=3, label=name)
    axes.invert_xaxis()
    axes.set(xlabel="heads kept, %", ylabel="test accuracy, %")
    axes.legend()
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", nargs="+", type=float, default=[0.8, 0.6, 0.4, 0.2])
    parser.add_argument(
        "--recover", nargs="+", type=int, default=[240], help="training steps after pruning, of all rounds together")
    parser.add_argument("--criterion", default="sensitivity", help="what heads are scored by")
    parser.add_argument("--rounds", type=int, default=4, help="beside all at once")
    parser.add_argument("--calibration", type=int, default=512, help="texts that heads are scored on")
    parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path("runs/pruning"))
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("changes", nargs="*")
    options = parser.parse_intermixed_args()
    if options.rounds < 2:
        parser.error("--rounds is at least 2")
    kinds = {"at once": 1, f"{options.rounds} rounds": options.rounds}
    ways = {f"{name}, {recover} steps": (rounds, recover) for recover in options.recover for name, rounds in kinds.items()}
    base, found, teacher = [], {}, None
    for seed in range(1, options.seeds + 1):
        run = unpruned(options.program, options.directory, seed, teacher, options.changes)
        teacher = teacher or run
        models = json.loads((run / "report" / "report.json").read_text())["models"]
        base.append(100 * models["student"]["metrics"]["accuracy"])
        for keep in options.keep:
            for name, (rounds, recover) in ways.items():
                settings = f"{options.criterion}-{options.calibration}-keep-{keep}-rounds-{rounds}-steps-{recover}"
                place = options.directory / f"seed-{seed}" / settings
                place = pruned(
                    options.program, run, place, options.criterion, options.calibration, keep, rounds, recover)
                smaller = json.loads((place / "report" / "report.json").read_text())["models"]["pruned"]
                found.setdefault((name, keep), []).append({
                    "run": place, "accuracy": 100 * smaller["metrics"]["accuracy"],
                    "parameters": smaller["parameters"] / models["student"]["parameters"],
                    "operations": operations(place / "models/pruned") / operations(place / "models/student"),
                })
                print(f"seed {seed}, {keep} kept, {name}: {found[name, keep][-1]['accuracy']:.2f} %", file=sys.stderr)
    print(f"| heads kept | {' | '.join(ways)} | one text | batch of 32 | operations | weights |\n|{'---|' * (len(ways) + 5)}")
    print(f"| 100 % | {f'{spread(base)} | ' * len(ways)}1.00 × | 1.00 × | 1.00 × | 1.00 × |")
    for keep in options.keep:
        cells = [spread([model["accuracy"] for model in found[name, keep]]) for name in ways]
        models = [model for name in ways for model in found[name, keep]]
        measured = zip(*(times(options.program, model["run"]) for model in models))
        counted = ([model[key] for model in models] for key in ("operations", "parameters"))
        shares = " | ".join(f"{statistics.median(values):.2f} ×" for values in (*measured, *counted))
        print(f"| {100 * keep:.0f} % | {' | '.join(cells)} | {shares} |")
    for name in ways:
        differences = {keep: [a["accuracy"] - b for a, b in zip(found[name, keep], base)] for keep in options.keep}
        print(f"{name}, against the unpruned model of the same seed: "
              + ", ".join(f"{100 * keep:.0f} %: {spread(values)}" for keep, values in differences.items()))
    if options.plot:
        plot(options.plot, base, found, options.keep)


main()
