"""Kills a labelling again and again, and compares what comes of it with one that ran through.

Usage: label_survives.py RETORT MODEL CSV [ROWS] [KILLS]        (needs: h5py, numpy)

The resumed recording must have the same bytes; h5py reads it, and finds each row by the documented hash.
"""

import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np


def fnv(tokens):
    value = 0xCBF29CE484222325
    for byte in np.asarray(tokens, dtype="<i4").tobytes():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def main(retort, model, csv, rows=20_000, kills=20):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = pathlib.Path(csv).read_text().splitlines()
        # Texts beyond the file's own differ from them by a number in front.
        if lines[0].split(",")[0] != "text":
            sys.exit(f"{csv}: the first column must be the text")
        texts = [line for line in lines[1:] if line.count('"') % 2 == 0]
        data = folder / "data.csv"
        body, turn = list(texts), 0
        while len(body) < rows:
            turn += 1
            body += [f'"{turn} {text[1:]}' if text.startswith('"') else f"{turn} {text}" for text in texts]
        data.write_text("\n".join([lines[0]] + body[:rows]) + "\n")

        # One name for both: the files say by which command they were made.
        output = folder / "targets"
        command = [retort, "label", model, "--data", str(data), "--output", str(output), "--hidden", "1"]

        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        output.rename(folder / "whole")
        choose = random.Random(1)
        killed = 0
        while True:
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                # Later moments would let nearly every attempt finish.
                process.wait(timeout=choose.uniform(0, seconds / 10) if killed < kills else None)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
                continue
            if process.returncode != 0:
                sys.exit(f"resuming failed: {process.stderr.read()}")
            break
        whole = {path.name: path.read_bytes() for path in (folder / "whole").glob("*.h5")}
        broken = {path.name: path.read_bytes() for path in output.glob("*.h5")}
        if whole != broken:
            sys.exit(f"{sum(whole[n] != broken.get(n) for n in whole)} of {len(whole)} parts differ")
        found = 0
        for name in sorted(whole):
            with h5py.File(output / name) as file:
                offset, tokens = file["rows/offset"][:], file["tokens"][:]
                hashes = file["rows/hash"][:]
                found += len(hashes)
                for row in (0, len(hashes) - 1):
                    assert hashes[row] == fnv(tokens[offset[row]:offset[row + 1]]), name
                assert np.isfinite(file["hidden_states/1"][:]).all(), name
        print(f"ok    {found} rows in {len(whole)} parts: killed {killed} times, the same bytes; h5py reads them")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
