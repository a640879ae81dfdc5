"""Reads a safetensors file with the reference library, prints what is in it, and fails on NaN or infinity.

Usage: safetensors_reads.py FILE        (needs: safetensors, numpy)
"""

import sys

import numpy as np
from safetensors import safe_open

bad = 0
with safe_open(sys.argv[1], framework="numpy") as file:
    for key, value in sorted((file.metadata() or {}).items()):
        print(f"# {key}: {value}")
    for name in sorted(file.keys()):
        tensor = file.get_tensor(name)
        print(name, list(tensor.shape), tensor.dtype)
        if np.issubdtype(tensor.dtype, np.floating) and not np.isfinite(tensor).all():
            print(f"{name}: not all elements are finite", file=sys.stderr)
            bad += 1
sys.exit(1 if bad else 0)
