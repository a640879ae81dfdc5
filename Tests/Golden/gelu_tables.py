"""The tables of GELU and of its derivative in Sources/CKernels/kernels.c, as that file has them but for last digits, which the
version of LAPACK decides, and their errors.

    python Tests/Golden/gelu_tables.py        # numpy 2.4.6

Around each multiple of 3/8 a polynomial that interpolates at the Chebyshev nodes of the 3/8 around it; around 0 only odd powers,
as the functions are odd there less 1/2; from 5.4375 on 1/2.
"""

import math
import textwrap

import numpy

SEGMENT = 0.375


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def distribution(x):
    return math.erf(x / math.sqrt(2)) / 2


def slope(x):
    return distribution(x) + x * density(x)


def table(function, degree):
    nodes = numpy.cos((2 * numpy.arange(degree + 1) + 1) * math.pi / (2 * (degree + 1))) * SEGMENT / 2
    powers = numpy.vander(nodes, degree + 1, increasing=True)
    rows = [numpy.linalg.solve(powers, [function(i * SEGMENT + t) for t in nodes]) for i in range(15)]
    rows[0][::2] = 0
    return numpy.array([*rows, [0.5] + [0] * degree]).astype(numpy.float32)


def error(function, coefficients):
    """The largest, with every operation rounded to float32 but for the products in a fused multiply and add."""
    x = numpy.linspace(0, 7, 100_001).astype(numpy.float32)
    size = numpy.minimum(x, numpy.float32(15 * SEGMENT))
    index = numpy.rint(size / numpy.float32(SEGMENT)).astype(int)
    t = (size - index * SEGMENT).astype(numpy.float32)
    y = coefficients[index, -1]
    for k in range(coefficients.shape[1] - 2, -1, -1):
        y = (y.astype(float) * t + coefficients[index, k]).astype(numpy.float32)
    y = (y + numpy.float32(0.5)).astype(numpy.float32)
    return max(abs(float(a) - function(float(b)) - 0.5) for a, b in zip(y, x))


def number(x):
    write = numpy.format_float_positional if x == 0 or abs(x) > 1e-3 else numpy.format_float_scientific
    return write(x, unique=True, trim="0") + "f"


for function, degree in ((distribution, 4), (slope, 5)):
    coefficients = table(function, degree)
    print(f"static const float {function.__name__}[{degree + 1}][16] = {{")
    for row in coefficients.T:
        line = "{" + ", ".join(map(number, row)) + "},"
        print("\n".join(textwrap.wrap(line, 120, initial_indent="    ", subsequent_indent="     ")))
    print(f"}}; // largest error {error(function, coefficients):.2g}")
