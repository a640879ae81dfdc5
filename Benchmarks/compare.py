"""Runs Retort's benchmark program and PyTorch in turn on the same workloads, and prints how they compare.

    python3 Benchmarks/compare.py [WORKLOAD ...] --bench .build/release/bench --python VENV/bin/python
        [--rounds 2] [--dropout 0.1 0] [--no-compiled] [--json FILE]

VENV has what Benchmarks/peers/requirements.txt lists. Without a WORKLOAD all are run. Both programs get as many threads as
this process has cores. A time is the median over the rounds of a run's median, its range that of all repetitions of all
rounds; memory is the peak of the process. Each bound is printed with 'ok', or 'below' a floor or 'above' a ceiling; that
does not change the exit status, which is 1 only when a run fails.
"""

import argparse
import collections
import json
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).parent / "peers/pytorch.py"
RETORT, PYTORCH = "Retort", "PyTorch"
BEST = "best"

# What is compared: our precision, PyTorch's mode (BEST is the fastest that was run), the speed ratio's floor if it has one.
COMPARISONS = {
    "step-cached": [("float32", "float32", 1.3), ("auto", "bfloat16", 2.0)],
    "step-online": [("float32", "float32", None), ("auto", BEST, 1.8)],
    "step-lm": [("float32", "float32", None), ("auto", BEST, 2.0)],
    "encode-1": [("float32", "float32", None), ("auto", BEST, 1.5)],
    "encode-32": [("float32", "float32", None), ("auto", BEST, 1.3)],
}
MEMORY_CEILING = 0.6
FIRST_STEP_CEILINGS = {"step-cached": 0.3}

Case = collections.namedtuple("Case", "workload dropout")
Configuration = collections.namedtuple("Configuration", "program precision")


def fail(problem, remedy):
    sys.exit(f"error: {problem}\n  → {remedy}")


def name(case):
    is_step = case.workload.startswith("step")
    return f"{case.workload} dropout {case.dropout:g}" if is_step else case.workload


def cases(workloads, dropouts):
    """Each workload with each dropout; encoding has none."""
    return [Case(w, d) for w in workloads for d in (dropouts if w.startswith("step") else [0])]


def configurations(case, with_compiled):
    """What is run for a case, PyTorch and Retort alternating."""
    result = [
        Configuration(PYTORCH, "float32"),
        Configuration(RETORT, "float32"),
        Configuration(PYTORCH, "bfloat16"),
        Configuration(RETORT, "auto"),
    ]
    if case.workload == "step-lm" and with_compiled:
        result.append(Configuration(PYTORCH, "compiled"))
    return result


def command(case, configuration, arguments, threads):
    shared = [case.workload, "--dropout", f"{case.dropout:g}"]
    if configuration.program == RETORT:
        return [arguments.bench, *shared, "--precision", configuration.precision, "--json"]
    return [arguments.python, str(PEER), *shared, "--mode", configuration.precision, "--threads", str(threads)]


def stop(problem, line, log):
    """Ends this program for a run that failed, with its command and the last of what it said."""
    sys.exit("\n  ".join([f"\nerror: {problem}", shlex.join(line), *log.splitlines()[-10:]]))


def run(line, threads):
    """The JSON object that a benchmark prints; ends this program when the run fails."""
    environment = {**os.environ, "RETORT_THREADS": str(threads)}
    process = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if process.returncode != 0:
        stop(f"exit status {process.returncode}", line, process.stderr)
    try:
        result = json.loads(process.stdout)
    except json.JSONDecodeError as error:
        stop(f"no JSON on standard output, {error}", line, process.stderr)
    if result["threads"] != threads:
        stop(f"{result['threads']} threads instead of {threads}", line, process.stderr)
    return result


def measurements(arguments, threads):
    """The results of all rounds, by case and then by configuration."""
    plan = [
        (case, configuration)
        for case in cases(arguments.workloads, arguments.dropout)
        for _ in range(arguments.rounds)
        for configuration in configurations(case, arguments.compiled)
    ]
    results = {}
    for number, (case, configuration) in enumerate(plan, start=1):
        title = f"{name(case)}: {configuration.program} {configuration.precision}"
        print(f"[{number}/{len(plan)}] {title} …", end=" ", file=sys.stderr, flush=True)
        result = run(command(case, configuration, arguments, threads), threads)
        print(f"{result['median_ms']:.1f} ms", file=sys.stderr)
        results.setdefault(case, {}).setdefault(configuration, []).append(result)
    return results


def summary(rounds):
    """One result for all rounds of a configuration."""

    def median(key):
        return statistics.median(result[key] for result in rounds)

    phases = [result.get("phases", {}) for result in rounds]
    return {
        "precision": rounds[0]["precision"],
        "median_ms": median("median_ms"),
        "min_ms": min(result["min_ms"] for result in rounds),
        "max_ms": max(result["max_ms"] for result in rounds),
        "peak_mb": median("peak_mb"),
        "first_step_s": median("first_step_s"),
        "phases": {phase: statistics.median(p[phase] for p in phases) for phase in phases[0]},
    }


def comparisons(case, summaries):
    """The rows of the table for a case."""
    peers = {c.precision: s for c, s in summaries.items() if c.program == PYTORCH}
    for precision, mode, floor in COMPARISONS[case.workload]:
        if mode == BEST:
            mode = min(peers, key=lambda peer: peers[peer]["median_ms"])
        ours, peer = summaries[Configuration(RETORT, precision)], peers[mode]
        yield {
            "workload": case.workload,
            "dropout": case.dropout,
            "requested": precision,
            "ours": ours,
            "peer": peer,
            "speed": peer["median_ms"] / ours["median_ms"],
            "speed_floor": floor,
            "memory": ours["peak_mb"] / peer["peak_mb"],
            "memory_ceiling": MEMORY_CEILING,
            "first_step_ceiling_s": FIRST_STEP_CEILINGS.get(case.workload),
        }


def judged(value, sign, bound):
    """The text of a value with its bound and whether it holds; the value alone without a bound."""
    if bound is None:
        return f"{value:.2f}"
    if sign == "≥":
        verdict = "ok" if value >= bound else "below"
    else:
        verdict = "ok" if value <= bound else "above"
    return f"{value:.2f} ({sign} {bound:g}) {verdict}"


def cells(row):
    ours, peer = row["ours"], row["peer"]
    precision = ours["precision"] if row["requested"] != "auto" else f"auto: {ours['precision']}"
    return [
        row["workload"],
        f"{row['dropout']:g}",
        precision,
        f"{ours['median_ms']:.1f} [{ours['min_ms']:.1f}–{ours['max_ms']:.1f}]",
        f"{ours['peak_mb']:.0f}",
        peer["precision"],
        f"{peer['median_ms']:.1f} [{peer['min_ms']:.1f}–{peer['max_ms']:.1f}]",
        f"{peer['peak_mb']:.0f}",
        judged(row["speed"], "≥", row["speed_floor"]),
        judged(row["memory"], "≤", row["memory_ceiling"]),
        judged(ours["first_step_s"], "≤", row["first_step_ceiling_s"]),
    ]


def print_table(rows):
    heads = ["workload", "dropout", "Retort", "ms", "MB", "PyTorch", "ms", "MB", "speed ×", "memory ×", "first step s"]
    lines = [heads, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def print_phases(case, ours):
    print(f"\n{name(case)}, Retort auto: {ours['median_ms']:.1f} ms")
    width = max(map(len, ours["phases"]), default=0)
    for phase, time in ours["phases"].items():
        print(f"  {phase.ljust(width)}  {time:9.2f} ms  {time / ours['median_ms']:4.0%}")


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", metavar="WORKLOAD", nargs="*", help=", ".join(COMPARISONS))
    parser.add_argument("--bench", required=True, help="our benchmark program")
    parser.add_argument("--python", required=True, help="the Python of an environment with PyTorch")
    parser.add_argument("--rounds", type=int, default=2, help="how often each configuration is run")
    parser.add_argument("--dropout", type=float, nargs="+", default=[0.1, 0.0], help="of the steps")
    parser.add_argument("--no-compiled", dest="compiled", action="store_false", help="leave out torch.compile")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write all results to FILE")
    arguments = parser.parse_args()
    arguments.workloads = arguments.workloads or list(COMPARISONS)
    for workload in arguments.workloads:
        if workload not in COMPARISONS:
            parser.error(f"no workload '{workload}': {', '.join(COMPARISONS)}")
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    if shutil.which(arguments.bench) is None:
        fail(f"no benchmark program at {arguments.bench}", "`make bench` builds it")
    if shutil.which(arguments.python) is None:
        fail(f"no Python at {arguments.python}", "`make bench` makes the environment with PyTorch")
    return arguments


def main():
    arguments = parsed_arguments()
    threads = len(os.sched_getaffinity(0))
    results = measurements(arguments, threads)
    summaries = {case: {c: summary(rounds) for c, rounds in runs.items()} for case, runs in results.items()}
    rows = [row for case in summaries for row in comparisons(case, summaries[case])]

    print_table(rows)
    for case in summaries:
        print_phases(case, summaries[case][Configuration(RETORT, "auto")])
    if arguments.json:
        runs = [
            {"program": configuration.program, "requested": configuration.precision, **result}
            for by_configuration in results.values()
            for configuration, rounds in by_configuration.items()
            for result in rounds
        ]
        arguments.json.write_text(json.dumps({"comparisons": rows, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
