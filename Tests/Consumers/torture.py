"""Kills a run with SIGKILL at random moments of every stage, goes on each time, and compares all that comes of it, byte by
byte, with a run that nothing disturbed.

    python3 torture.py RETORT KILLS [SEED]

Kills are dealt out over the stages by how long each takes. Compared are all models, the export, targets, pruning tables,
samples, the state, metrics.jsonl without times and rates, and the report without latencies.
"""

import collections
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import small_recipe

# Longer than the small recipe is by itself, so that kills land inside of the stages.
OVERRIDES = [
    "teacher.train.hidden=64", "teacher.train.feed_forward=256", "student.hidden=32", "student.feed_forward=128",
    "prune.heads.recover_steps=40", "quantize.steps=60", "evaluate.latency_queries=500",
    "run.log=[jsonl, tensorboard]", "run.histogram_every=20",
]
ROWS = 1200
CHANGING = {"log.txt", "lock", "environment.json", "report/report.html", "report/summary.json"}


def command(retort, folder):
    return [retort, "run", folder / "small.yaml", f"run.directory={folder / 'runs'}", *OVERRIDES]


def begun(log, stage):
    """How many times a stage has begun."""
    try:
        return len(re.findall(rf"^\S+ {stage}: begins", log.read_text(), re.M))
    except FileNotFoundError:
        return 0


def deal(kills, seconds, choose):
    """Kills per stage: one for each in turn of the longest, the rest at random by their time."""
    stages = sorted(seconds, key=seconds.get, reverse=True)
    dealt = collections.Counter(stages[: min(kills, len(stages))])
    dealt.update(choose.choices(stages, [seconds[stage] for stage in stages], k=max(0, kills - len(stages))))
    return dealt


class Victim:
    def __init__(self, retort, folder):
        self.retort, self.folder = retort, folder
        self.where = collections.Counter()

    @property
    def run(self):
        runs = list((self.folder / "runs").glob("*"))
        return runs[0] if runs else None

    def start(self):
        ready = self.run and (self.run / "resolved.yaml").exists()
        arguments = [self.retort, "resume", self.run] if ready else command(self.retort, self.folder)
        if self.run and not ready:
            # Killed before it began; such a folder is no run yet.
            for path in self.run.iterdir():
                path.unlink()
            self.run.rmdir()
        self.messages = open(self.folder / "messages", "w+")
        return subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=self.messages, cwd=self.folder)

    def kill_in(self, stage, delay):
        """Kills so many seconds after the stage begins, or lets the run come to its end before."""
        before = begun(self.run / "log.txt", stage) if self.run else 0
        process = self.start()
        while process.poll() is None and (not self.run or begun(self.run / "log.txt", stage) == before):
            time.sleep(0.0005)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            log = (self.run / "log.txt").read_text()
            self.where[re.findall(r"^\S+ (\w+): begins", log, re.M)[-1]] += 1
        else:
            self.check_finished(process)

    def finish(self):
        process = self.start()
        process.wait()
        self.check_finished(process)

    def check_finished(self, process):
        if process.returncode != 0:
            self.messages.seek(0)
            sys.exit(f"WRONG going on failed with {process.returncode}:\n{self.messages.read()}")


def content(path, name):
    """What must be equal of a file: its bytes, but for what tells of time."""
    if name == "metrics.jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [{k: v for k, v in line.items() if k not in ("time", "examples_per_second")} for line in lines]
    if name == "state.json":
        state = json.loads(path.read_text())
        for stage, record in state["stages"].items():
            del record["seconds"]
            if stage == "evaluate":
                record["outputs"] = {k: v for k, v in record["outputs"].items() if k.endswith("samples.jsonl")}
        return state
    if name == "report/report.json":
        report = json.loads(path.read_text())
        for model in report["models"].values():
            model.pop("latency_ms", None)
        return report
    return path.read_bytes()


def files(run):
    return {
        str(path.relative_to(run)): path for path in run.rglob("*")
        if path.is_file() and str(path.relative_to(run)) not in CHANGING
        and not path.name.startswith("events.out.tfevents")
    }


def compare(whole, killed):
    one, other = files(whole), files(killed)
    if one.keys() != other.keys():
        sys.exit(f"WRONG not the same files: {sorted(one.keys() ^ other.keys())}")
    for name in sorted(one):
        if content(one[name], name) != content(other[name], name):
            sys.exit(f"WRONG {name} differs")
    return len(one)


def main(retort, kills, seed=1):
    retort = pathlib.Path(retort).resolve()
    choose = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        small_recipe.write(folder, ROWS)
        start = time.monotonic()
        subprocess.run(
            command(retort, folder), check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        total = time.monotonic() - start
        # Both runs have the same directory in their recipe, and so in what quotes it.
        (folder / "runs").rename(folder / "whole")
        whole = small_recipe.only_run(folder / "whole")
        seconds = {k: v["seconds"] for k, v in json.loads((whole / "state.json").read_text())["stages"].items()}
        order = [stage for stage in re.findall(r"^\S+ (\w+): begins", (whole / "log.txt").read_text(), re.M)]

        where, rounds, compared = collections.Counter(), 0, 0
        # A busy machine lets some runs end before all of their kills; the kills that are left go to a further run.
        while where.total() < kills:
            rounds += 1
            if rounds > 20:
                sys.exit(f"WRONG killed only {where.total()} times in 20 runs")
            dealt = deal(kills - where.total(), seconds, choose)
            victim = Victim(retort, folder)
            for stage in order:
                for _ in range(dealt[stage]):
                    victim.kill_in(stage, choose.uniform(0, 1.5 * seconds[stage] / dealt[stage]))
            victim.finish()
            compared += compare(whole, victim.run)
            shutil.rmtree(folder / "runs")
            where += victim.where
        shown = ", ".join(f"{stage} {where[stage]}" for stage in order if where[stage])
        print(f"ok    runs of {total:.1f} s, {rounds} of them killed {where.total()} times ({shown}): {compared} files equal")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
