"""The functions that an expression may call, and how many arguments each of them takes.

What allocates by the value of an argument (``linspace``, ``tile``) is left out, so that a short
text can't ask for much memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, reduce
from typing import Any

from autodiff import late, ops
from autodiff.ops import special

_BY_COUNT = {
    1: """
        abs absolute acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh
        cbrt ceil cos cosh cumprod cumsum deg2rad degrees diff exp exp2 expm1 fabs floor
        log log10 log1p log2 log_softmax logsumexp mean median prod rad2deg radians reciprocal relu
        rint round sigmoid sign sin sinc sinh softmax softplus sort sqrt square std sum tan tanh
        trace transpose trunc var
        digamma entr erf erfc erfcinv erfcx erfinv expit gamma gammaln i0 i1 j0 j1 k0 k1
        log_expit log_ndtr logit ndtr ndtri psi y0 y1
        ln norm det inv
    """,
    2: """
        arctan2 atan2 copysign cross dot fmax fmin fmod heaviside hypot inner logaddexp logaddexp2
        matmul maximum minimum mod pow power remainder vdot
        beta betaln gammainc gammaincc iv jv kl_div kv polygamma rel_entr xlog1py xlogy yv
    """,
    3: "clip where",
}
COUNTS: dict[str, tuple[int, float]] = {
    **{name: (count, count) for count, names in _BY_COUNT.items() for name in names.split()},
    "max": (1, math.inf),
    "min": (1, math.inf),
}
"""The names, and how many arguments they take at least and at most."""

CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau, "τ": math.tau}
"""Names that have a value unless they are given another."""

_ALIASES = {"ln": "log"}
_OF_LINALG = ("det", "inv", "norm")


@cache
def function(name: str) -> Callable[..., Any]:
    """The operation of a name."""
    name = _ALIASES.get(name, name)
    if name in ("max", "min"):
        return _extreme(getattr(ops, name), getattr(ops, f"{name}imum"))
    found: Callable[..., Any]
    if name in special.__all__:
        found = getattr(special, name)
    elif name in _OF_LINALG:
        found = getattr(late.found("linalg"), name)
    else:
        found = getattr(ops, name) if name in ops.__all__ else late.found(name)
    return found


def _extreme(of_array: Callable[..., Any], of_two: Callable[..., Any]) -> Callable[..., Any]:
    """``max(x)`` of an array, ``max(a, b, ...)`` of several."""
    return lambda *operands: reduce(of_two, operands) if operands[1:] else of_array(operands[0])
