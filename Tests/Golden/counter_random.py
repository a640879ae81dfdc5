"""Writes counter_random.json: values of the key-based random numbers, from their definition in plain Python integers.

Made with Python 3.11 and nothing else:

    python Tests/Golden/counter_random.py
"""

import json
import math
import pathlib

MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def mix(z):
    """SplitMix64's finalizer (Steele, Lea, Flood 2014)."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def key(seed):
    return mix((seed + GOLDEN) & MASK)


def mixed(value, part):
    return mix((value + GOLDEN * ((part + 1) & MASK)) & MASK)


def named(value, name):
    fnv = 0xCBF29CE484222325
    for byte in name.encode():
        fnv = ((fnv ^ byte) * 0x100000001B3) & MASK
    return mixed(value, fnv)


def uniform(value, index):
    return (mixed(value, index) >> 11) * 2.0**-53


def normal(value, index):
    radius = math.sqrt(-2 * math.log(1 - uniform(value, 2 * index)))
    return radius * math.cos(2 * math.pi * uniform(value, 2 * index + 1))


def permutation(value, count):
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = mixed(value, last) % (last + 1)
        order[last], order[other] = order[other], order[last]
    return order


def dropout_hash(row_key, salt, column):
    product = ((row_key ^ salt) * GOLDEN) & MASK
    h = (column * 0x9E3779B9 + (product >> 32)) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    h ^= product & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return h ^ (h >> 16)


def main():
    k = key(42)
    golden = {
        "key": str(k), "mixed_with_7": str(mixed(k, 7)), "mixed_with_minus_1": str(mixed(k, MASK)),
        "mixed_with_dropout": str(named(k, "dropout")), "uniform": [uniform(k, i) for i in range(4)],
        "normal": [normal(k, i) for i in range(4)], "permutations": [permutation(mixed(k, i), 12) for i in range(4)],
        "dropout_hashes": [dropout_hash(3, 7, column) for column in (0, 1, 1000)]}
    path = pathlib.Path(__file__).with_name("counter_random.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
