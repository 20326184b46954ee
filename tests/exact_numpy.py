"""NumPy on arrays of mpmath's numbers: what random graphs are compared with.

An element knows no derivative, only its value, to as many digits as mpmath is set to. Functions
with kinks refuse numbers near them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

Function = Callable[..., Any]

KINK = 1e-6  # how near a kink may be, and how near may be numbers of which the larger is taken


class SkipError(ValueError):
    """A step that makes no sense for its operands."""


def away(distance: Any, equal: bool = True) -> None:
    """Skips a step within reach of a kink.

    Args:
        distance: from the kink.
        equal: numbers may coincide all along the line: then the sides have the same derivative.
    """
    for d in np.ravel(np.asarray(distance, dtype=object)):
        if abs(d) < KINK and not (equal and d == 0):
            raise SkipError


def _real_cbrt(x: Any) -> Any:
    away(x, equal=False)  # infinitely steep
    return mpmath.cbrt(x) if x >= 0 else -mpmath.cbrt(-x)


def _larger(x: Any, y: Any) -> Any:
    away(x - y)
    return max(x, y)


def _smaller(x: Any, y: Any) -> Any:
    away(x - y)
    return min(x, y)


def _absolute(x: Any) -> Any:
    away(x)
    return abs(x)


def _angle(x: Any, y: Any) -> Any:
    away(x, equal=False)  # the cut is at x = 0, y < 0
    return mpmath.atan2(x, y)


def _remainder(x: Any, y: Any) -> Any:
    away(x / y - mpmath.nint(x / y), equal=False)
    return x - y * mpmath.floor(x / y)


def _remainder_towards_zero(x: Any, y: Any) -> Any:
    away(x / y - mpmath.nint(x / y), equal=False)
    return x - y * (1 if x / y > 0 else -1) * mpmath.floor(abs(x / y))


def _with_sign(x: Any, y: Any) -> Any:
    away(x)
    away(y, equal=False)
    return abs(x) if y > 0 else -abs(x)


POINTWISE: dict[str, tuple[str, Function]] = {
    # operation: where it is defined, and what it is on mpmath's numbers
    "sqrt": ("positive", mpmath.sqrt),
    "cbrt": ("any", _real_cbrt),
    "square": ("any", lambda x: x * x),
    "reciprocal": ("any", lambda x: 1 / x),
    "exp": ("any", mpmath.exp),
    "exp2": ("any", lambda x: mpmath.power(2, x)),
    "expm1": ("any", mpmath.expm1),
    "log": ("positive", mpmath.log),
    "log2": ("positive", lambda x: mpmath.log(x, 2)),
    "log10": ("positive", mpmath.log10),
    "log1p": ("unit", mpmath.log1p),
    "logaddexp": ("any", lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y))),
    "logaddexp2": (
        "any", lambda x, y: mpmath.log(mpmath.power(2, x) + mpmath.power(2, y)) / mpmath.log(2)
    ),
    "sigmoid": ("any", lambda x: 1 / (1 + mpmath.exp(-x))),
    "softplus": ("any", lambda x: mpmath.log1p(mpmath.exp(x))),
    "sin": ("any", mpmath.sin),
    "cos": ("any", mpmath.cos),
    "tan": ("any", mpmath.tan),
    "arcsin": ("unit", mpmath.asin),
    "arccos": ("unit", mpmath.acos),
    "arctan": ("any", mpmath.atan),
    "arctan2": ("any", _angle),
    "hypot": ("any", mpmath.hypot),
    "sinc": ("any", mpmath.sincpi),
    "sinh": ("any", mpmath.sinh),
    "cosh": ("any", mpmath.cosh),
    "tanh": ("any", mpmath.tanh),
    "arcsinh": ("any", mpmath.asinh),
    "arccosh": ("above one", mpmath.acosh),
    "arctanh": ("unit", mpmath.atanh),
    # with kinks
    "abs": ("any", _absolute),
    "relu": ("any", lambda x: _larger(x, mpmath.mpf(0))),
    "maximum": ("any", _larger),
    "minimum": ("any", _smaller),
    "fmax": ("any", _larger),
    "fmin": ("any", _smaller),
    "mod": ("any", _remainder),
    "fmod": ("any", _remainder_towards_zero),
    "copysign": ("any", _with_sign),
    # of autodiff.special
    "erf": ("any", mpmath.erf),
    "erfc": ("any", mpmath.erfc),
    "gammaln": ("positive", mpmath.loggamma),
    "psi": ("positive", mpmath.digamma),
    "logit": ("middle", lambda x: mpmath.log(x / (1 - x))),
    "j0": ("any", mpmath.j0),
    "j1": ("any", mpmath.j1),
}  # fmt: skip
"""Functions of each element and their counterparts; the operators have steps of their own."""

BINARY = {
    "arctan2", "copysign", "fmax", "fmin", "fmod", "hypot", "logaddexp", "logaddexp2", "maximum",
    "minimum", "mod",
}  # fmt: skip


def _elementwise(function: Function, operands: int) -> Function:
    return np.frompyfunc(function, operands, 1)


def _exact_max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    f = np.max(x, axis=axis, keepdims=keepdims)
    away(np.max(x, axis=axis, keepdims=True) - x)
    return f


def _exact_min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return -_exact_max(-x, axis, keepdims)


def _exact_greater(x: Any, y: Any) -> Any:
    away(x - y, equal=False)
    return np.asarray(x > y, dtype=bool)


class Exact:
    """NumPy on arrays of mpmath's numbers."""

    def __init__(self) -> None:
        for name, (_, function) in POINTWISE.items():
            setattr(self, name, _elementwise(function, 1 + (name in BINARY)))
        self.max = _exact_max
        self.min = _exact_min
        self.greater = _exact_greater

    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.log(np.sum(self.exp(x), axis=axis, keepdims=keepdims))

    @staticmethod
    def getitem(x: Any, index: Any) -> Any:
        return x[index]

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


EXACT = Exact()
