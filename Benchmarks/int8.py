#!/usr/bin/env python3
"""Times Retort, ONNX Runtime and OpenVINO in 8-bit integers on the same encoder shape, in turn, and prints how they compare.

    int8.py BENCH RETORT PYTHON MODEL [--rounds 3] [--folder .build/int8]

BENCH and RETORT are the built programs, PYTHON has onnxruntime, onnx, openvino and nncf, MODEL is a 6 × 384 encoder's directory, whose
ONNX export the peers quantize. Weights do not matter for the time: ours are random. All use as many threads as there are cores; a
time is the median over the rounds of a run's median. The floors are those of the project: 2.5 times ONNX Runtime's best, 1.2
times OpenVINO's, 3 times our own float32.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).parent / "peers" / "int8.py"
PEERS = [("onnxruntime", "dynamic"), ("onnxruntime", "fused"), ("onnxruntime", "static"), ("openvino", "int8")]
FLOORS = {"ONNX Runtime": 2.5, "OpenVINO": 1.2, "Retort float32": 3.0}


def result(*line):
    finished = subprocess.run([str(part) for part in line], capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, line))}\n{finished.stderr[-2000:]}")
    # What a library prints before it is left aside.
    return json.loads(finished.stdout[finished.stdout.index('{"' if '{"' in finished.stdout else "{"):])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("retort")
    parser.add_argument("python")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(".build/int8"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    exported = options.folder / "export"
    if not exported.exists():
        subprocess.run([options.retort, "export", options.model, "--format", "onnx", "--output", exported], check=True)
    threads = len(os.sched_getaffinity(0))
    for workload in ("encode-1", "encode-32"):
        rows = {}
        for _ in range(options.rounds):
            for precision in ("int8", "float32"):
                found = result(options.bench, workload, "--precision", precision, "--json")
                rows.setdefault(f"Retort {precision}", []).append(found)
            for runtime, form in PEERS:
                found = result(
                    options.python, PEER, exported / "model.onnx", workload, "--runtime", runtime, "--form", form,
                    "--folder", options.folder, "--threads", threads)
                rows.setdefault(f"{found['program']} {form}", []).append(found)
                print(f"{workload} {found['program']} {form}: {found['median_ms']:.2f} ms", file=sys.stderr)
        middle = {name: statistics.median(found["median_ms"] for found in all) for name, all in rows.items()}
        own = middle["Retort int8"]
        print(f"{workload}, {threads} threads\n")
        print("| program | ms (range) | beside ours | peak MB |\n|---|---|---|---|")
        for name, all in rows.items():
            low, high = min(found["min_ms"] for found in all), max(found["max_ms"] for found in all)
            memory = statistics.median(found["peak_mb"] for found in all)
            print(f"| {name} | {middle[name]:.2f} ({low:.2f}–{high:.2f}) | {middle[name] / own:.2f} × | {memory:.0f} |")
        print()
        for program, floor in FLOORS.items():
            best = min(time for name, time in middle.items() if name.startswith(program))
            verdict = "ok" if best / own >= floor else "below"
            print(f"{program}: {best / own:.2f} × (≥ {floor:g}) {verdict}")
        print()


main()
