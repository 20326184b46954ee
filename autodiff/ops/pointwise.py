"""Pointwise primitives: a function of each element, and its local partial derivatives.

A row reads: name, f as a formula in the operands x and y, then ∂f/∂x and ∂f/∂y as formulas in the
operands and in f. Everything else is made from the row: the function on floats, arrays and nodes,
the operators, the reverse and the forward rule, the label on an edge. Names in formulas that are
not NumPy's (``sech``, ``unit`` ...) are those of ``ops/rows.py``.

Choices at kinks and ties, in the formulas themselves: abs'(0) = 0, relu'(0) = 0, maximum and
minimum of equals share one half each, d x**0 = 0 everywhere, d 0**y / dy = 0 for y >= 0, hypot and
arctan2 have the gradient 0 at the origin.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autodiff.adjoint import Masked
from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels import pointwise as kernels
from autodiff.ops import generate
from autodiff.ops.gated import Gating
from autodiff.ops.rows import NODES, Binary, Unary, row
from autodiff.ops.rules import Explicit, Linear
from autodiff.primitive import Operands, Parameters

__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "arccos", "arccosh", "arcsin", "arcsinh",
    "arctan", "arctan2", "arctanh", "around", "asin", "asinh", "atan", "atan2", "atanh", "cbrt",
    "ceil", "clip", "conj", "conjugate", "copysign", "cos", "cosh", "deg2rad", "degrees", "div",
    "divide", "divmod", "exp", "exp2", "expm1", "fabs", "fix", "float_power", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "frexp", "heaviside", "hypot", "ldexp", "log",
    "log1p", "log2", "log10", "logaddexp", "logaddexp2", "maximum", "minimum", "mod", "modf",
    "mul", "multiply", "nan_to_num", "neg", "negative", "positive", "pow", "power", "rad2deg",
    "radians", "real", "real_if_close", "reciprocal", "relu", "remainder", "rint", "round",
    "sigmoid", "sign", "sin", "sinc", "sinh", "softplus", "sqrt", "square", "sub", "subtract",
    "tan", "tanh", "true_divide", "trunc", "where",
]  # fmt: skip

# fmt: off
# --- arithmetic
#                          name            f                  ∂f/∂x                 ∂f/∂y
add: Binary          = row("add",          "x + y",           "1",                  "1")
sub: Binary          = row("sub",          "x - y",           "1",                  "-1")
mul: Binary          = row("mul",          "x * y",           "y",                  "x")
div: Binary          = row("div",          "x / y",           "1 / y",              "-f / y")
floor_divide: Binary = row("floor_divide", "x // y",          "0",                  "0")
mod: Binary          = row("mod",          "x % y",           "1",                  "-(x // y)")
fmod: Binary         = row("fmod",         "fmod(x, y)",      "1",
                                                              "-rint((x - f) / y)")
pow: Binary          = row("pow",          "x ** y",
                                              "where(y == 0 and x == 0, 0, y * x ** (y - 1))",
                                              "where(x == 0 and y >= 0, 0, f * log(x))")
neg: Unary           = row("neg",          "-x",              "-1")
reciprocal: Unary    = row("reciprocal",   "1 / x",           "-f * f")
square: Unary        = row("square",       "x * x",           "2 * x")
sqrt: Unary          = row("sqrt",         "sqrt(x)",         "0.5 / f")
cbrt: Unary          = row("cbrt",         "cbrt(x)",         "1 / (3 * f * f)")

# --- pieces: absolute value, whole numbers, the larger and the smaller
abs: Unary           = row("abs",          "abs(x)",          "sign(x)")
sign: Unary          = row("sign",         "sign(x)",         "0")
floor: Unary         = row("floor",        "floor(x)",        "0")
ceil: Unary          = row("ceil",         "ceil(x)",         "0")
trunc: Unary         = row("trunc",        "trunc(x)",        "0")
rint: Unary          = row("rint",         "rint(x)",         "0")
_fraction            = row("fraction",     "fraction(x)",     "1")
relu: Unary          = row("relu",         "relu(x)",         "x > 0", kind=Gating)
maximum: Binary      = row("maximum",      "maximum(x, y)",   "where(x == y, 0.5, x > y)",
                                                              "where(x == y, 0.5, y > x)")
minimum: Binary      = row("minimum",      "minimum(x, y)",   "where(x == y, 0.5, x < y)",
                                                              "where(x == y, 0.5, y < x)")
fmax: Binary         = row("fmax",         "fmax(x, y)",
                                              "where(x == y, 0.5, (x > y) | (y != y))",
                                              "where(x == y, 0.5, (y > x) | (x != x))")
fmin: Binary         = row("fmin",         "fmin(x, y)",
                                              "where(x == y, 0.5, (x < y) | (y != y))",
                                              "where(x == y, 0.5, (y < x) | (x != x))")
copysign: Binary     = row("copysign",     "copysign(x, y)",  "sign(x) * copysign(1.0, y)", "0")
heaviside: Binary    = row("heaviside",    "heaviside(x, y)", "0",                  "x == 0")
_clip                = row("clip",         "clip(x, y, z)",   "(y <= x) & (x <= z)",
                                                              "(x < y) & (y <= z)",
                                                              "(z < x) | (z < y)")

# --- exponentials and logarithms
exp: Unary           = row("exp",          "exp(x)",          "f")
exp2: Unary          = row("exp2",         "exp2(x)",         "f * ln2")
expm1: Unary         = row("expm1",        "expm1(x)",        "exp(x)")
log: Unary           = row("log",          "log(x)",          "1 / x")
log2: Unary          = row("log2",         "log2(x)",         "1 / (x * ln2)")
log10: Unary         = row("log10",        "log10(x)",        "1 / (x * ln10)")
log1p: Unary         = row("log1p",        "log1p(x)",        "1 / (1 + x)")
softplus: Unary      = row("softplus",     "softplus(x)",     "sigmoid(x)")
sigmoid: Unary       = row("sigmoid",      "sigmoid(x)",      "sigmoid_slope(x)")
logaddexp: Binary    = row("logaddexp",    "logaddexp(x, y)", "sigmoid(gap(x, y))",
                                                              "sigmoid(gap(y, x))")
logaddexp2: Binary   = row("logaddexp2",   "logaddexp2(x, y)","sigmoid(gap(x, y) * ln2)",
                                                              "sigmoid(gap(y, x) * ln2)")

# --- angles
sin: Unary           = row("sin",          "sin(x)",          "cos(x)")
cos: Unary           = row("cos",          "cos(x)",          "-sin(x)")
tan: Unary           = row("tan",          "tan(x)",          "1 + f * f")
arcsin: Unary        = row("arcsin",       "arcsin(x)",       "1 / sqrt(one_minus_square(x))")
arccos: Unary        = row("arccos",       "arccos(x)",       "-1 / sqrt(one_minus_square(x))")
arctan: Unary        = row("arctan",       "arctan(x)",       "witch(x)")
arctan2: Binary      = row("arctan2",      "arctan2(x, y)",   "polar(y, x)",        "-polar(x, y)")
hypot: Binary        = row("hypot",        "hypot(x, y)",     "unit(x, y)",         "unit(y, x)")
sinc: Unary          = row("sinc",         "sinc(x)",         "sinc_slope(x)")

# --- hyperbolic functions
sinh: Unary          = row("sinh",         "sinh(x)",         "cosh(x)")
cosh: Unary          = row("cosh",         "cosh(x)",         "sinh(x)")
tanh: Unary          = row("tanh",         "tanh(x)",         "sech(x) ** 2")
arcsinh: Unary       = row("arcsinh",      "arcsinh(x)",      "1 / hypot(x, 1)")
arccosh: Unary       = row("arccosh",      "arccosh(x)",      "1 / (sqrt(x - 1) * sqrt(x + 1))")
arctanh: Unary       = row("arctanh",      "arctanh(x)",      "1 / one_minus_square(x)")

# --- other names
absolute = fabs = abs
subtract, multiply, divide, true_divide, negative = sub, mul, div, div, neg
power = float_power = pow
remainder = mod
fix = trunc
acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh
# fmt: on


# --- functions made of them -----------------------------------------------------------------------


def divmod(x: Operand, y: Operand) -> tuple[Any, Any]:
    """``(x // y, x % y)``."""
    return floor_divide(x, y), mod(x, y)


def modf(x: Any) -> tuple[Any, Any]:
    """What stands after the point, and the whole part: both have the sign of ``x``."""
    return _fraction(x), trunc(x)


def positive(x: Any) -> Any:
    """``x`` itself: ``+x``, and the real part of a real number."""
    return x if isinstance(x, Node) else np.positive(x)


real = conj = conjugate = positive


def real_if_close(x: Any, tol: float = 100) -> Any:
    """``x`` itself: it is real."""
    return positive(x)


def deg2rad(x: Operand) -> Any:
    """An angle in degrees as one in radians: x · π/180."""
    return mul(x, math.pi / 180)


def rad2deg(x: Operand) -> Any:
    """An angle in radians as one in degrees: x · 180/π."""
    return mul(x, 180 / math.pi)


radians, degrees = deg2rad, rad2deg

_round = Explicit(
    "round",
    lambda x, decimals: np.round(x, decimals),
    vjp=lambda t, f, x, decimals: None,
    jvp=lambda tangent, f, x, decimals: None,
)


def round(x: Operand, decimals: int = 0) -> Any:
    """Round to a number of decimals, halves to the even digit, as NumPy does; the derivative is 0.

    Python's ``round(x)`` and ``math.floor(x)`` of a node come here too and give nodes, not whole
    numbers of Python: nothing leaves the graph unnoticed.

    Args:
        x: what to round.
        decimals: how many digits to keep after the point; before it, if negative.

    Example:
        >>> from autodiff import Value, round
        >>> round(Value(2.375), 2), round(Value(0.5))
        (Value(2.38, op='round'), Value(0.0, op='round'))
    """
    return _round(x, decimals=operator.index(decimals))


around = round


def clip(
    x: Operand,
    a_min: Operand | None = None,
    a_max: Operand | None = None,
    *,
    min: Operand | None = None,
    max: Operand | None = None,
) -> Any:
    """``x`` where it lies between two bounds, else the nearer bound.

    The derivative with respect to ``x`` is 1 between the bounds and *on* them; with respect to a
    bound it is 1 where the bound is what comes out.

    Args:
        x: number or array.
        a_min: the lower bound, or None for no bound; it broadcasts with ``x``.
        a_max: the upper bound, which wins where it is smaller than the lower one.
        min: another name of ``a_min``.
        max: another name of ``a_max``.

    Example:
        >>> from autodiff import Tensor, clip
        >>> x = Tensor([-2.0, 0.5, 1.0])
        >>> clip(x, None, 1.0).sum().backward()
        >>> x.grad
        array([1., 1., 1.])
    """
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise TypeError("clip got a bound twice: min= is a_min=, and max= is a_max=")
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is None and high is None:
        return positive(x)
    kind = np.asarray(bare(x)).dtype
    ends = np.iinfo(kind) if kind.kind in "iu" else None
    if low is None:
        low = -math.inf if ends is None else ends.min
    if high is None:
        high = math.inf if ends is None else ends.max
    return _clip(x, low, high)


def nan_to_num(
    x: Operand,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Any:
    """``x`` with numbers in place of nan, inf and -inf; no adjoint passes where it was replaced.

    Args:
        x: number or array.
        copy: as NumPy has it; a node is never changed.
        nan: what stands for nan.
        posinf: what stands for inf; the largest number of the dtype if None.
        neginf: what stands for -inf; the lowest number of the dtype if None.
    """
    numbers = bare(x)
    replaced = np.nan_to_num(numbers, nan=nan, posinf=posinf, neginf=neginf)
    return where(np.isfinite(numbers), x, replaced)


def _exponents(x: Any, n: Any) -> Any:
    return np.ldexp(x, np.asarray(n).astype(np.int64))


_ldexp: Any = Linear("ldexp", _exponents, lambda t, f, x, n: _ldexp(t, n), None)


def ldexp(x: Operand, n: Operand) -> Any:
    """X · 2^n for whole numbers n, without rounding.

    Raises:
        TypeError: ``n`` is not whole; ``x * 2.0**n`` has a derivative with respect to n.
    """
    if np.asarray(bare(n)).dtype.kind not in "iu":
        raise TypeError(f"ldexp takes whole numbers as exponents, got {describe(n)}")
    return _ldexp(x, bare(n))


def frexp(x: Operand) -> tuple[Any, Any]:
    """Mantissa m, ½ ≤ |m| < 1, and bare whole exponent n, with x = m · 2^n.

    The exponent does not change in the small, so the mantissa's derivative is 2^-n.
    """
    exponent = np.frexp(bare(x))[1]
    return ldexp(x, -exponent), exponent


# --- a choice -------------------------------------------------------------------------------------


class _Where(Linear):
    """A choice between two operands; the branch not taken gets no adjoint at all, not even zero."""

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        if i == 0:
            return None
        taken = np.asarray(operands[0], dtype=bool) == (i == 1)
        if not taken.ndim:
            return t if taken else None
        return Masked(where(taken, t, 0.0), np.broadcast_to(taken, np.shape(bare(f))))

    @staticmethod
    def scalar_pull(node: Any, t: float, *waiting: Any) -> None:
        condition, x, y = node._x
        generate.add_contribution(x if condition else y, t, node, *waiting)

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return mask & (np.asarray(operands[0], dtype=bool) == (i == 1))


_where = _Where("where", kernels.select, None, lambda t: t, lambda t: t, joint=True)
_where.constants = ("taken",)


def where(condition: Operand, x: Any = None, y: Any = None) -> Any:
    """``x`` where the condition holds, else ``y``, element by element.

    The condition is never differentiated. The operand not taken has no influence on the output, and
    none on the gradient: not even an inf or a nan of its own derivative gets in.

    Args:
        condition: boolean, scalar or array.
        x: operand taken where it is true.
        y: operand taken where it is false; the three broadcast. Without both, the result is the
            bare index of where the condition holds, as of ``np.nonzero``.

    Example:
        >>> from autodiff import Tensor, log, where
        >>> x = Tensor([0.0, 2.0])
        >>> where(x > 0, log(where(x > 0, x, 1.0)), 0.0).sum().backward()
        >>> x.grad
        array([0. , 0.5])
    """
    if isinstance(condition, Node):
        condition = condition._data != 0
    if x is None and y is None:
        return np.nonzero(np.asarray(condition))
    return _where(condition, x, y)


def _choice(condition: Any, x: Any, y: Any) -> Any:
    """``where`` as formulas use it: a condition that is one bool decides; nothing is recorded."""
    if isinstance(condition, (bool, np.bool_)):
        return x if condition else y
    return where(condition, x, y)


for _operation in (relu, sigmoid, softplus):
    _operation.primitive.steady = True


def _selected(condition: Any, t: Any, zero: float) -> Any:
    """An adjoint where the condition holds; None, no influence, if it holds nowhere."""
    if isinstance(condition, (bool, np.bool_)):
        return t if condition else None
    return where(condition, t, zero)


where.primitive = _where  # type: ignore[attr-defined]
NODES |= {"where": _choice, "select": _selected}
