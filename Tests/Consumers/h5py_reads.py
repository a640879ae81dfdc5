"""Reads an HDF5 file with h5py, prints what is in it, and fails on NaN or infinity.

Usage: h5py_reads.py FILE        (needs: h5py, numpy)
"""

import sys

import h5py
import numpy as np

bad = 0


def visit(name, item):
    global bad
    for key in sorted(item.attrs):
        value = item.attrs[key]
        print(f"# {name}@{key}: {value.decode() if isinstance(value, bytes) else value}")
    if not isinstance(item, h5py.Dataset):
        return
    print(name, list(item.shape), item.dtype)
    if np.issubdtype(item.dtype, np.floating):
        rows = item.iter_chunks() if item.chunks else [()]
        if not all(np.isfinite(item[selection]).all() for selection in rows):
            print(f"{name}: not all elements are finite", file=sys.stderr)
            bad += 1


with h5py.File(sys.argv[1], "r") as file:
    visit("/", file)
    file.visititems(visit)
sys.exit(1 if bad else 0)
