"""The exponential function as kernels use it: without a branch, so that it is computed in vectors.

e^x = 2^k · e^r with a whole number k and |r| ≤ ln 2 / 2, after Cody & Waite, Software Manual for
the Elementary Functions (1980), chapter 6: k · ln 2 is subtracted in two parts, and the first has
so few digits that nothing is rounded there; e^r is a Taylor polynomial.
"""

from __future__ import annotations

from math import factorial, log
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from autodiff.kernels.native.compiler import by_type, written
from autodiff.kernels.native.polynomial import polynomial


class _Numbers(NamedTuple):
    """What the function is made of, for one dtype.

    Attributes:
        kind: the dtype.
        rounding: what makes a whole number of a small one by being added and subtracted again:
            1.5 · 2^p for p digits after the point. Of the sum the last bits are the number.
        least: where the result is 0.
        largest: where it is inf.
        ln2: ln 2 cut off after some digits.
        ln2_rest: what was cut off.
    """

    kind: Any
    rounding: float
    least: float
    largest: float
    ln2: float
    ln2_rest: float


_OF: dict[Any, _Numbers] = {
    types.float32: _Numbers(
        np.float32, 1.5 * 2**23, -104.0, 89.0, 0.693359375, -2.1219444005469057e-4
    ),
    types.float64: _Numbers(
        float, 1.5 * 2**52, -746.0, 710.0, 0.6931471803691238, 1.9082149292705877e-10
    ),
}
_TAYLOR = [1 / factorial(n) for n in range(14)]
_power_of_e = polynomial(_TAYLOR[:8], _TAYLOR)


@written
def _power_of_two(typing: Any, k: Any, rounding: Any) -> Any:
    """2^k for a whole number k, where that is a normal number."""
    digits, bias = (23, 127) if k.bitwidth == 32 else (52, 1023)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(k.bitwidth)
        last_bits = builder.bitcast(builder.fadd(*arguments), whole)
        exponent = builder.shl(builder.add(last_bits, whole(bias)), whole(digits))
        return builder.bitcast(exponent, ir.FloatType() if k.bitwidth == 32 else ir.DoubleType())

    return k(k, k), emit


def exponential(x: Any, rest: Any) -> Any:
    """e^(x + rest), in the dtype of x; the rest is small, such as what x lost by rounding."""
    return np.exp(x + rest)


@by_type(exponential)
def _exponential(x: Any, rest: Any) -> Any:
    numbers = _OF[x]
    kind = numbers.kind
    rounding, least, largest, ln2, ln2_rest = (kind(number) for number in numbers[1:])
    log2e, half = kind(1 / log(2)), kind(0.5)

    def made(x: Any, rest: Any) -> Any:
        x = largest if x > largest else x
        x = least if x < least else x
        k = (x * log2e + rounding) - rounding
        f = _power_of_e(((x - k * ln2) - k * ln2_rest) + rest)
        part = (k * half + rounding) - rounding  # 2^k itself may be too large, or too small
        return f * _power_of_two(part, rounding) * _power_of_two(k - part, rounding)

    return made


def rounding_of(kind: Any) -> Any:
    """What makes whole numbers of small ones, for a type of numba; see ``_Numbers``."""
    return _OF[kind].kind(_OF[kind].rounding)
