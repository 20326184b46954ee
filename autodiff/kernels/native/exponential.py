"""The exponential function as kernels use it: without a branch, so that it is computed in vectors.

e^x = 2^k · e^r with a whole number k and |r| ≤ ln 2 / 2, after Cody & Waite, Software Manual for
the Elementary Functions (1980), chapter 6: k · ln 2 is subtracted in two parts, the first of which
is exact for ln 2 has few digits there; e^r is a Taylor polynomial.
"""

from __future__ import annotations

from math import factorial, log
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from autodiff.kernels.native.compiler import by_type, compiled, written


@written
def _power_of_two(typing: Any, k: Any, rounding: Any) -> Any:
    """2^k for a whole number k, where that is a normal number.

    In the sum of k and ``rounding``, 1.5 · 2^p for p digits after the point, the last bits are k.
    """
    digits, bias = (23, 127) if k.bitwidth == 32 else (52, 1023)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(k.bitwidth)
        last_bits = builder.bitcast(builder.fadd(*arguments), whole)
        exponent = builder.shl(builder.add(last_bits, whole(bias)), whole(digits))
        return builder.bitcast(exponent, ir.FloatType() if k.bitwidth == 32 else ir.DoubleType())

    return k(k, k), emit


_F = np.float32
_LN2, _LN2_REST = _F(0.693359375), _F(log(2) - 0.693359375)
_LOG2E, _ROUNDING, _HALF, _ONE = _F(1 / log(2)), _F(1.5 * 2**23), _F(0.5), _F(1)
_LEAST, _LARGEST = _F(-104.0), _F(89.0)  # beyond them it is 0 and inf
_C2, _C3, _C4, _C5, _C6, _C7 = (_F(1 / factorial(n)) for n in range(2, 8))


@compiled
def _single(x: float) -> Any:
    x = _LARGEST if x > _LARGEST else x
    x = _LEAST if x < _LEAST else x
    k = (x * _LOG2E + _ROUNDING) - _ROUNDING
    r = (x - k * _LN2) - k * _LN2_REST
    p = _C2 + r * (_C3 + r * (_C4 + r * (_C5 + r * (_C6 + r * _C7))))
    half = (k * _HALF + _ROUNDING) - _ROUNDING  # 2^k itself may be too large or too small
    f = _ONE + (r + r * r * p)
    return f * _power_of_two(half, _ROUNDING) * _power_of_two(k - half, _ROUNDING)


_D_LN2 = 0.6931471803691238  # its last 32 bits are 0, as in fdlibm
_D_LN2_REST = 1.9082149292705877e-10
_D_ROUNDING = 1.5 * 2.0**52
_D2, _D3, _D4, _D5, _D6, _D7, _D8, _D9, _D10, _D11, _D12, _D13 = (
    1 / factorial(n) for n in range(2, 14)
)


@compiled
def _double(x: float) -> Any:
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    k = (x * 1.4426950408889634 + _D_ROUNDING) - _D_ROUNDING
    r = (x - k * _D_LN2) - k * _D_LN2_REST
    p = _D8 + r * (_D9 + r * (_D10 + r * (_D11 + r * (_D12 + r * _D13))))
    p = _D2 + r * (_D3 + r * (_D4 + r * (_D5 + r * (_D6 + r * (_D7 + r * p)))))
    half = (k * 0.5 + _D_ROUNDING) - _D_ROUNDING
    f = 1.0 + (r + r * r * p)
    return f * _power_of_two(half, _D_ROUNDING) * _power_of_two(k - half, _D_ROUNDING)


def exponential(x: Any) -> Any:
    """E^x of a number, in its dtype."""
    return np.exp(x)


@by_type(exponential)
def _by_dtype(x: Any) -> Any:
    of_dtype = _single if x == types.float32 else _double

    def made(x: Any) -> Any:  # with the annotations of what it stands for
        return of_dtype(x)

    return made
