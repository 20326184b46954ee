"""SciPy's special functions: a table of pointwise primitives, like that of ``pointwise.py``.

SciPy computes the values; it is loaded at the first call. (The normal distribution of a large array
is computed by a kernel of the library's own.) The derivatives are those of the Digital Library of
Mathematical Functions (dlmf.nist.gov). An order or a parameter without a derivative of practical
use, such as the order of a Bessel function, has to be a constant.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from autodiff.graph import Operand, describe, is_differentiable
from autodiff.kernels import special as kernels
from autodiff.kernels.dispatch import elementwise
from autodiff.kernels.scalar import through_numpy
from autodiff.ops import generate
from autodiff.ops.pointwise import neg, sigmoid, softplus
from autodiff.ops.rows import ARRAYS, NODES, Binary, Unary, row

__all__ = [
    "beta", "betaln", "digamma", "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "expit",
    "gamma", "gammainc", "gammaincc", "gammaln", "i0", "i1", "iv", "j0", "j1", "jv", "k0", "k1",
    "kl_div", "kv", "log_expit", "log_ndtr", "logit", "ndtr", "ndtri", "polygamma", "psi",
    "rel_entr", "xlog1py", "xlogy", "y0", "y1", "yv",
]  # fmt: skip


@cache
def _library() -> Any:
    try:
        return import_module("scipy.special")
    except ImportError:
        raise ImportError(
            "the special functions are computed by SciPy, which is not installed: "
            "pip install 'autodiff-explained[scipy]'"
        ) from None


def _scipy(name: str) -> Callable[..., Any]:
    return lambda *operands: getattr(_library(), name)(*operands)


def _ndtr(x: Any) -> Any:
    compiled = elementwise("ndtr", x)
    return _library().ndtr(x) if compiled is None else compiled


_COMPUTED: dict[str, Callable[..., Any]] = {
    name: _scipy(name) for name in __all__ if name not in ("digamma", "expit", "log_expit")
} | {
    "ndtr": _ndtr,
    "gauss": kernels.gauss,
    "bell": kernels.bell,
    "log_ratio": kernels.log_ratio,
    "derivative_of_erfcx": kernels.erfcx_derivative,
}
_CONSTANTS = {
    "two_over_sqrt_pi": 2 / math.sqrt(math.pi),
    "half_sqrt_pi": math.sqrt(math.pi) / 2,
    "sqrt_half": math.sqrt(0.5),
    "sqrt_2pi": math.sqrt(2 * math.pi),
    "sqrt_2_over_pi": math.sqrt(2 / math.pi),
}
ARRAYS |= _COMPUTED | _CONSTANTS
generate.FLOATS |= {name: through_numpy(f) for name, f in _COMPUTED.items()} | _CONSTANTS
NODES |= _CONSTANTS

# fmt: off
# --- what derivatives are written in
row("gauss",       "gauss(x)",        "-2 * x * f", means="exp(-x ** 2)")
row("bell",        "bell(x)",         "-x * f",     means="exp(-x ** 2 / 2)")
row("log_ratio",   "log_ratio(x, y)", "1 / x", "-1 / y", means="log(x / y)")
row("erfcx_derivative", "derivative_of_erfcx(erfcx(x), x, y)", "erfcx_derivative(x, y + 1)", "0")
row("erfcx_slope", "derivative_of_erfcx(erfcx(x), x, 1)", "erfcx_derivative(x, 2)",
    means="2 * x * erfcx(x) - two_over_sqrt_pi")

# --- the error function and the normal distribution
#                          name            f                  ∂f/∂x                 ∂f/∂y
erf: Unary           = row("erf",          "erf(x)",          "two_over_sqrt_pi * gauss(x)")
erfc: Unary          = row("erfc",         "erfc(x)",         "-two_over_sqrt_pi * gauss(x)")
erfcx: Unary         = row("erfcx",        "erfcx(x)",        "erfcx_slope(x)")
erfinv: Unary        = row("erfinv",       "erfinv(x)",       "half_sqrt_pi / gauss(f)")
erfcinv: Unary       = row("erfcinv",      "erfcinv(x)",      "-half_sqrt_pi / gauss(f)")
ndtr: Unary          = row("ndtr",         "ndtr(x)",         "bell(x) / sqrt_2pi")
log_ndtr: Unary      = row("log_ndtr",     "log_ndtr(x)",
                                              "where(x > 0, bell(x) / (sqrt_2pi * ndtr(x)),"
                                              " sqrt_2_over_pi / erfcx(-x * sqrt_half))")
ndtri: Unary         = row("ndtri",        "ndtri(x)",        "sqrt_2pi / bell(f)")

# --- the gamma function
gamma: Unary         = row("gamma",        "gamma(x)",        "f * psi(x)")
gammaln: Unary       = row("gammaln",      "gammaln(x)",      "psi(x)")
psi: Unary           = row("psi",          "psi(x)",          "polygamma(1, x)")
beta: Binary         = row("beta",         "beta(x, y)",      "f * (psi(x) - psi(x + y))",
                                                              "f * (psi(y) - psi(x + y))")
betaln: Binary       = row("betaln",       "betaln(x, y)",    "psi(x) - psi(x + y)",
                                                              "psi(y) - psi(x + y)")
_polygamma           = row("polygamma",    "polygamma(x, y)", "0",
                                                              "polygamma(x + 1, y)")
_gammainc            = row("gammainc",     "gammainc(x, y)",
                                              "0",
                                              "exp(xlogy(x - 1, y) - y - gammaln(x))")
_gammaincc           = row("gammaincc",    "gammaincc(x, y)",
                                              "0",
                                              "-exp(xlogy(x - 1, y) - y - gammaln(x))")

# --- Bessel functions
j0: Unary            = row("j0",           "j0(x)",           "-j1(x)")
j1: Unary            = row("j1",           "j1(x)",           "(j0(x) - jv(2, x)) / 2")
y0: Unary            = row("y0",           "y0(x)",           "-y1(x)")
y1: Unary            = row("y1",           "y1(x)",           "(y0(x) - yv(2, x)) / 2")
i0: Unary            = row("i0",           "i0(x)",           "i1(x)")
i1: Unary            = row("i1",           "i1(x)",           "(i0(x) + iv(2, x)) / 2")
k0: Unary            = row("k0",           "k0(x)",           "-k1(x)")
k1: Unary            = row("k1",           "k1(x)",           "-(k0(x) + kv(2, x)) / 2")
_jv                  = row("jv",           "jv(x, y)",        "0",
                                                              "(jv(x - 1, y) - jv(x + 1, y)) / 2")
_yv                  = row("yv",           "yv(x, y)",        "0",
                                                              "(yv(x - 1, y) - yv(x + 1, y)) / 2")
_iv                  = row("iv",           "iv(x, y)",        "0",
                                                              "(iv(x - 1, y) + iv(x + 1, y)) / 2")
_kv                  = row("kv",           "kv(x, y)",        "0",
                                                              "-(kv(x - 1, y) + kv(x + 1, y)) / 2")

# --- logarithms with their limits, and entropies
logit: Unary         = row("logit",        "logit(x)",        "1 / (x * (1 - x))")
xlogy: Binary        = row("xlogy",        "xlogy(x, y)",     "where(x == 0 and y == 0, 0, log(y))",
                                                              "where(x == 0 and y == 0, 0, x / y)")
xlog1py: Binary      = row("xlog1py",      "xlog1py(x, y)",
                                              "where(x == 0 and y == -1, 0, log1p(y))",
                                              "where(x == 0 and y == -1, 0, x / (1 + y))")
entr: Unary          = row("entr",         "entr(x)",         "-log(x) - 1")
rel_entr: Binary     = row("rel_entr",     "rel_entr(x, y)",  "log_ratio(x, y) + 1", "-x / y")
kl_div: Binary       = row("kl_div",       "kl_div(x, y)",    "log_ratio(x, y)",    "(y - x) / y")
# fmt: on

digamma = psi
expit = sigmoid


def log_expit(x: Any) -> Any:
    """The logarithm of the sigmoid, -softplus(-x)."""
    return neg(softplus(neg(x)))


def _constant(name: str, what: str, operand: Operand) -> Operand:
    if is_differentiable(operand):
        raise TypeError(
            f"{name} has no derivative with respect to its {what}, here {describe(operand)}: "
            "give it as a bare number or array"
        )
    return operand


def polygamma(n: Operand, x: Operand) -> Any:
    """The n-th derivative of ψ(x) = Γ'(x) / Γ(x), for a constant whole number n."""
    return _polygamma(_constant("polygamma", "order", n), x)


def gammainc(a: Operand, x: Operand) -> Any:
    """The lower incomplete gamma function P(a, x), for a constant a."""
    return _gammainc(_constant("gammainc", "parameter a", a), x)


def gammaincc(a: Operand, x: Operand) -> Any:
    """The upper incomplete gamma function Q(a, x) = 1 - P(a, x), for a constant a."""
    return _gammaincc(_constant("gammaincc", "parameter a", a), x)


def jv(v: Operand, x: Operand) -> Any:
    """The Bessel function of the first kind J_v(x), for a constant order v."""
    return _jv(_constant("jv", "order", v), x)


def yv(v: Operand, x: Operand) -> Any:
    """The Bessel function of the second kind Y_v(x), for a constant order v."""
    return _yv(_constant("yv", "order", v), x)


def iv(v: Operand, x: Operand) -> Any:
    """The modified Bessel function of the first kind I_v(x), for a constant order v."""
    return _iv(_constant("iv", "order", v), x)


def kv(v: Operand, x: Operand) -> Any:
    """The modified Bessel function of the second kind K_v(x), for a constant order v."""
    return _kv(_constant("kv", "order", v), x)


@cache
def _answers() -> dict[Any, Callable[..., Any]]:
    return {
        theirs: globals()[name]
        for name in __all__
        if isinstance(theirs := getattr(_library(), name, None), np.ufunc)
    }


def answer(ufunc: Any) -> Callable[..., Any] | None:
    """The operation that answers one of SciPy's ufuncs; None for any other, and without SciPy."""
    return _answers().get(ufunc) if "scipy.special" in sys.modules else None
