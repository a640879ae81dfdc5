"""Runs the quickstart recipe as a user does, holds its result to what the README promises, and reads every file that it
wrote with the library that people read such files with.

    python3 quickstart.py RETORT

RETORT is the built program; run it from the repository's root. Exits 1 on the first thing that does not hold.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
TRAIN_ROWS = "datasets/prompt-injection/train.csv"
TEST_ROWS = "datasets/prompt-injection/test.csv"


def check(condition, text):
    print(("ok    " if condition else "WRONG ") + text, flush=True)
    if not condition:
        sys.exit(1)


def consumer(script, *arguments, show=False):
    command = [sys.executable, HERE / script, *map(str, arguments)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if show or result.returncode != 0:
        print(result.stdout, end="")
    shown = [str(argument).split("/runs/")[-1] for argument in arguments[:1]]
    check(result.returncode == 0, f"{script} {shown[0]}")


def run_quickstart(retort, folder):
    subprocess.run([retort, "run", "recipes/quickstart.yaml", f"run.directory={folder}"], check=True)
    (run,) = pathlib.Path(folder).iterdir()
    return run


def check_report(run):
    report = json.loads((run / "report/report.json").read_text())
    models = report["models"]
    accuracy = {key: model["metrics"]["accuracy"] for key, model in models.items()}
    ratio = models["int8"]["bytes"] / models["student"]["bytes"]
    check(report["schema"] == 2 and report["passed"], "the report has schema 2 and all gates passed")
    check(accuracy["int8"] >= 0.93, f"INT8 accuracy {accuracy['int8']:.4f} is at least 0.93")
    check(
        abs(accuracy["int8"] - accuracy["pruned"]) <= 0.01,
        f"INT8 accuracy is within 1 point of its float self, {accuracy['pruned']:.4f}",
    )
    check(ratio <= 0.25, f"INT8 has {ratio:.4f} of the float student's size, at most a quarter")


def check_onnx(retort, run, folder):
    answers = pathlib.Path(folder) / "answers.jsonl"
    texts = pathlib.Path(folder) / "texts.jsonl"
    with open(TEST_ROWS, newline="", encoding="utf-8") as rows, open(texts, "w", encoding="utf-8") as out:
        for number, row in enumerate(csv.DictReader(rows)):
            out.write(json.dumps({"id": number, "text": row["text"]}) + "\n")
    with open(texts, "rb") as source, open(answers, "wb") as target:
        subprocess.run([retort, "predict", run / "export"], stdin=source, stdout=target, check=True)
    consumer("onnxruntime_agrees.py", run / "export", TEST_ROWS, answers, show=True)


def main(retort):
    retort = pathlib.Path(retort).resolve()
    with tempfile.TemporaryDirectory() as folder:
        runs = pathlib.Path(folder) / "runs"
        run = run_quickstart(retort, runs)
        check_report(run)
        consumer("report_opens.py", "--run", run, show=True)
        check_onnx(retort, run, folder)
        consumer("exports_agree.py", retort, run, TEST_ROWS, show=True)
        for model in ("models/teacher", "models/student", "models/pruned", "export"):
            consumer("safetensors_reads.py", run / model / "model.safetensors")
        for part in sorted((run / "targets/train").glob("*.h5")):
            consumer("h5py_reads.py", part)
        consumer("label_survives.py", retort, run / "models/teacher", TRAIN_ROWS, 20_000, 20, show=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
