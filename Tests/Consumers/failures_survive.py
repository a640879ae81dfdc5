"""Lets every write, sync, close and rename of a checkpoint fail in turn, with a full disk and with a damaged one, and
proves that the run says so, that the old or the new checkpoint is there whole, and that the run goes on from it to the
same bytes as one in which nothing failed. Then does the same with calls at random places of a whole run.

    python3 failures_survive.py RETORT [PLACES]

The calls are failed by failing_files.c, which the toolchain's clang compiles and LD_PRELOAD puts before libc.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py

import small_recipe
import torture

HERE = pathlib.Path(__file__).parent
MODEL = "models/student/model.safetensors"
# A model of few parameters makes few calls.
OVERRIDES = ["student.layers=1", "loss.features=null", "train.baseline=false"]
REASONS = {"ENOSPC": "No space left on device", "EIO": "Input/output error"}


def fail(text):
    print("WRONG " + text, flush=True)
    sys.exit(1)


def killed_run(retort, folder):
    """A run that was killed while its student was trained, between two checkpoints."""
    process = subprocess.Popen(
        [retort, "train", folder / "small.yaml", f"run.directory={folder / 'killed'}", *OVERRIDES],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    while process.poll() is None:
        metrics = list((folder / "killed").glob("*/metrics.jsonl"))
        if metrics and metrics[0].read_bytes().count(b'"stage":"student"') >= 22:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.001)
    run = small_recipe.only_run(folder / "killed")
    if (run / MODEL).exists():
        fail("the run was finished before it was killed")
    return run


def names(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir() if not path.name.startswith("."))


def train(retort, run, **environment):
    return subprocess.run(
        [retort, "train", run], cwd=run.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment}, timeout=120)


class Injector:
    def __init__(self, retort, folder):
        self.retort, self.folder = retort, folder
        self.library = folder / "failing.so"
        subprocess.run(
            ["clang", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", self.library,
             HERE / "failing_files.c", "-ldl"], check=True)

    def environment(self, folder, number, error="ENOSPC", onward=False, log="/dev/null"):
        return {
            "LD_PRELOAD": str(self.library), "FAIL_UNDER": str(folder), "FAIL_AT": str(number), "FAIL_WITH": error,
            "FAIL_ONWARD": str(int(onward)), "FAIL_LOG": str(log)}

    def train(self, run, number, *how, **log):
        return train(self.retort, run, **self.environment(f"{run}/checkpoints", number, *how, **log))


def calls_of_one_checkpoint(injector, prepared, folder):
    """The calls from the first one to the sync of the folder, which makes the new name last."""
    run, log = copy(prepared, folder / "counted"), folder / "calls"
    result = injector.train(run, 0, log=log)
    if result.returncode != 0:
        fail(f"with the library that fails nothing: {result.stderr}")
    calls = [line.split()[1:] for line in log.read_text().splitlines()]
    shutil.rmtree(run)
    return calls[: calls.index(["fsync", "checkpoints"]) + 1]


def copy(run, to):
    shutil.copytree(run, to)
    return to


def check(injector, prepared, folder, number, call, error, onward, expected):
    what = f"call {number}, {' '.join(call)}, with {error}{' from then on' if onward else ''}"
    run = copy(prepared, folder / "run")
    before = names(run)
    result = injector.train(run, number, error, onward)
    if result.returncode != 2 or REASONS[error] not in result.stderr or "/checkpoints" not in result.stderr:
        fail(f"{what}: exit code {result.returncode}, and it said: {result.stderr[-500:]}")
    after = names(run)
    new = [name for name in after if name not in before]
    if len(new) > 1 or not after or len(after) < min(len(before), 3):
        fail(f"{what}: the folder had {before}, now {after}")
    for name in after:
        with h5py.File(run / "checkpoints" / name) as file:
            file["parameters"][:]
    newest = int(re.search(r"step-(\d+)", after[-1])[1])
    again = train(injector.retort, run)
    if again.returncode != 0 or "left aside" in again.stderr:
        fail(f"{what}: going on failed: {again.stderr}")
    if f"going on after step {newest} " not in again.stderr:
        fail(f"{what}: step {newest} is the newest, but: {again.stderr}")
    if (run / MODEL).read_bytes() != expected:
        fail(f"{what}: the resumed run came to another model")
    left = [path for path in run.rglob(".*.tmp")]
    if left:
        fail(f"{what}: left behind: {left}")
    shutil.rmtree(run)
    return bool(new)


def check_anywhere(injector, folder, places):
    """Fails calls of a whole run, wherever they fall."""
    runs, log = folder / "runs", folder / "all-calls"
    command = [injector.retort, "run", folder / "small.yaml", f"run.directory={runs}", "run.log=[jsonl, tensorboard]"]

    def start(*how, **log):
        environment = {**os.environ, **injector.environment(runs, *how, **log)}
        return subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    if start(0, log=log).returncode != 0:
        fail("a run with the library that fails nothing")
    runs.rename(folder / "undisturbed")
    whole = small_recipe.only_run(folder / "undisturbed")
    calls = log.read_text().splitlines()
    choose = random.Random(2)
    for number in choose.sample(range(1, len(calls) + 1), places):
        error, onward = choose.choice([("ENOSPC", True), ("ENOSPC", False), ("EIO", False)])
        what = f"call {calls[number - 1]} of a run, with {error}{' from then on' if onward else ''}"
        result = start(number, error, onward)
        if calls[number - 1].split()[1:] == ["write", "log.txt"] and not onward:
            # A line of the log that cannot be written ends no run.
            if result.returncode != 0:
                fail(f"{what}: exit code {result.returncode}, and it said: {result.stderr[-500:]}")
            torture.compare(whole, small_recipe.only_run(runs))
            shutil.rmtree(runs)
            continue
        if result.returncode != 2 or REASONS[error] not in result.stderr:
            fail(f"{what}: exit code {result.returncode}, and it said: {result.stderr[-500:]}")
        run = small_recipe.only_run(runs) if any(runs.glob("*/resolved.yaml")) else None
        if run:
            again = subprocess.run(
                [injector.retort, "resume", run], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True)
            if again.returncode != 0:
                fail(f"{what}: going on failed: {again.stderr}")
            torture.compare(whole, run)
        if runs.exists():
            shutil.rmtree(runs)
    print(f"ok    {places} of a run's {len(calls)} calls failed: an error each unless it was of the log, then the same bytes")


def main(retort, places=20):
    retort = pathlib.Path(retort).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        small_recipe.write(folder)
        subprocess.run(
            [retort, "train", folder / "small.yaml", f"run.directory={folder / 'whole'}", *OVERRIDES], check=True,
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        expected = (small_recipe.only_run(folder / "whole") / MODEL).read_bytes()
        prepared = killed_run(retort, folder)
        injector = Injector(retort, folder)
        calls = calls_of_one_checkpoint(injector, prepared, folder)
        kinds = {call: sum(c[0] == call for c in calls) for call in sorted({c[0] for c in calls})}
        print(f"      a checkpoint makes {len(calls)} calls: {kinds}", flush=True)
        new = 0
        for number, call in enumerate(calls, 1):
            for error, onward in [("ENOSPC", True), ("EIO", False)]:
                new += check(injector, prepared, folder, number, call, error, onward, expected)
        print(f"ok    {2 * len(calls)} failures: an error each, {new} times the new checkpoint, else the old one, whole")
        check_anywhere(injector, folder, places)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
