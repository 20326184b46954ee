"""Functions on Python floats, following IEEE 754 as NumPy does.

Where ``math`` raises an error instead, NumPy is asked by who calls (``ops/generate.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import copysign, exp, log1p

import numpy as np

from autodiff.kernels import pointwise


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x), without overflow and without loss of digits far from zero."""
    if x >= 0:
        return 1 / (1 + exp(-x))
    e = exp(x)
    return e / (1 + e)


def sigmoid_slope(x: float) -> float:
    """e^-x / (1 + e^-x)², the derivative of the sigmoid."""
    e = exp(-abs(x))
    return e / ((1 + e) * (1 + e))


def softplus(x: float) -> float:
    """log(1 + e^x), without overflow and without loss of digits far from zero."""
    return (x if x > 0 else 0.0) + log1p(exp(-abs(x)))


def sech(x: float) -> float:
    """1 / cosh(x), without overflow."""
    e = exp(-abs(x))
    return 2 * e / (1 + e * e)


def sign(x: float) -> float:
    """-1.0, 0.0 or 1.0; nan for nan."""
    if x > 0:
        return 1.0
    return -1.0 if x < 0 else x * 0.0


def floor(x: float) -> float:
    """The largest whole number that is not larger than x."""
    return copysign(math.floor(x), x)


def ceil(x: float) -> float:
    """The smallest whole number that is not smaller than x."""
    return copysign(math.ceil(x), x)


def trunc(x: float) -> float:
    """The whole number next to x towards zero."""
    return copysign(math.trunc(x), x)


def rint(x: float) -> float:
    """The whole number nearest to x; of two, the even one."""
    return copysign(round(x), x)


def fraction(x: float) -> float:
    """What stands after the point, with the sign of x."""
    return math.modf(x)[0]


def fmax(x: float, y: float) -> float:
    """The larger one; a nan is passed over."""
    return x if x >= y or y != y else y


def fmin(x: float, y: float) -> float:
    """The smaller one; a nan is passed over."""
    return x if x <= y or y != y else y


def heaviside(x: float, y: float) -> float:
    """0 for negative x, y at 0, 1 for positive x."""
    if x == 0:
        return y
    return x if x != x else float(x > 0)


def logaddexp(x: float, y: float) -> float:
    """log(e^x + e^y), without overflow."""
    gap = 0.0 if x == y else x - y
    return (x if gap > 0 else y) + log1p(exp(-abs(gap)))


def through_numpy(function: Callable[..., object]) -> Callable[..., float]:
    """A function on arrays as one on floats, for what is too rare to be written twice."""

    def on_floats(*operands: float) -> float:
        with np.errstate(all="ignore"):
            return float(function(*map(np.float64, operands)))  # type: ignore[arg-type]

    return on_floats


def polar(x: float, y: float) -> float:
    """The function x / (x² + y²), without overflow; 0 where x is 0."""
    r = math.hypot(x, y)
    return 0.0 if x == 0 else x / r / r


FUNCTIONS: dict[str, float | Callable[..., float]] = {
    "abs": abs, "arccos": math.acos, "arccosh": math.acosh, "arcsin": math.asin,
    "arcsinh": math.asinh, "arctan": math.atan, "arctan2": math.atan2, "arctanh": math.atanh,
    "cbrt": through_numpy(np.cbrt), "ceil": ceil, "copysign": copysign, "cos": math.cos,
    "cosh": math.cosh, "exp": exp, "exp2": through_numpy(np.exp2), "expm1": math.expm1,
    "floor": floor, "fmax": fmax, "fmin": fmin, "fmod": math.fmod, "fraction": fraction,
    "heaviside": heaviside, "hypot": math.hypot, "ln10": math.log(10), "ln2": math.log(2),
    "log": math.log, "log10": math.log10, "log1p": log1p, "log2": math.log2,
    "logaddexp": logaddexp,
    "logaddexp2": through_numpy(np.logaddexp2), "polar": polar, "pow": math.pow,
    "radius": math.hypot, "rint": rint, "sech": sech,
    "sigmoid": sigmoid, "sigmoid_slope": sigmoid_slope, "sign": sign, "sin": math.sin,
    "sinc": through_numpy(pointwise.sinc),
    "sinc_derivative": through_numpy(pointwise.sinc_derivative),
    "sinh": math.sinh, "softplus": softplus, "sqrt": math.sqrt, "tan": math.tan,
    "tanh": math.tanh, "trunc": trunc,
}  # fmt: skip
"""What the names in formulas mean for Python floats."""
