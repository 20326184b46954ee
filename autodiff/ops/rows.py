"""What a row of a table of pointwise primitives is made of, and the words that formulas know.

``row("tanh", "tanh(x)", "sech(x) ** 2")`` makes an operation of one line. A name in a formula has a
meaning for floats (``generate.FLOATS``), for arrays (``ARRAYS``) and for nodes (``NODES``, the
operations of the rows themselves).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np

from autodiff.arrays import Array
from autodiff.caching import cached
from autodiff.graph import Operand, Tensor, Value
from autodiff.kernels import pointwise as kernels
from autodiff.ops import formula, generate
from autodiff.ops.rules import Pointwise
from autodiff.primitive import Primitive

X = TypeVar("X", Value, Tensor, float, Array)


class Unary(Protocol):
    """An operation of one operand: node in, node out; number in, number out."""

    primitive: Primitive

    def __call__(self, x: X, /) -> X: ...


class Binary(Protocol):
    """An operation of two operands: a node if one of them is a node."""

    primitive: Primitive

    def __call__(self, x: Operand, y: Operand, /) -> Any: ...


CONSTANTS = {"ln2": math.log(2), "ln10": math.log(10)}
ARRAYS: dict[str, Any] = CONSTANTS | {
    name: getattr(np, name)
    for name in ("abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
                 "cbrt", "ceil", "clip", "copysign", "cos", "cosh", "exp", "exp2", "expm1", "floor",
                 "fmax", "fmin", "fmod", "heaviside", "hypot", "log", "log10", "log1p", "log2",
                 "logaddexp", "logaddexp2", "maximum", "minimum", "rint", "sin", "sinh",
                 "sqrt", "tan", "tanh", "trunc")
} | {
    name: getattr(kernels, name)
    for name in ("factor", "fraction", "gate", "greater", "polar", "pow", "radius", "relu", "sech",
                 "select", "sigmoid", "sigmoid_slope", "sign", "sinc", "sinc_derivative",
                 "softplus", "times", "where")
}  # fmt: skip
"""What the names in formulas mean for arrays; ``generate.FLOATS`` says it for floats."""

NODES: dict[str, Any] = CONSTANTS | {
    "factor": lambda x, y: NODES["pow"](x, y),
    "greater": kernels.greater,
}
"""What they mean for nodes: the operations of the rows below."""

_MEANINGS: dict[str, ast.expr] = {}


class Row(Pointwise):
    """A primitive with functions on floats, generated when they are first needed."""

    @cached
    def on_floats(self) -> Callable[..., float]:
        """The function on floats, for other formulas."""
        return generate.on_floats(self)

    @cached
    def scalar_pull(self) -> Callable[..., None] | None:
        """The generated step of a sweep over scalars."""
        return generate.scalar_pull(self) if len(self.operand_names) < 3 else None

    @cached
    def scalar_contributions(
        self,
    ) -> Callable[[Any, float], tuple[Any, ...]] | None:
        """The generated step of the general walk at a scalar."""
        return generate.scalar_contributions(self) if len(self.operand_names) < 3 else None


def row(
    name: str, value: str, *partials: str, means: str | None = None, kind: type[Row] = Row
) -> Any:
    """A row of a table: the operation made from its formulas.

    Args:
        name: of the operation, and what other formulas call it.
        value: the function.
        partials: its derivative with respect to each operand.
        means: what a drawing writes in place of a name that only the library knows.
        kind: of primitive.
    """
    primitive = kind(name, value, partials, ARRAYS, NODES, _MEANINGS)
    generate.FLOATS.setdefault(name, lambda *x: primitive.on_floats(*x))
    ARRAYS.setdefault(name, lambda *x: primitive.compute(*x))
    operation: Any = primitive
    if len(partials) < 3:  # a third operand is rare; Values go the way of arrays then
        operation = generate.operation(primitive)
        operation.primitive = primitive
    NODES[name] = operation
    if means is not None:
        _MEANINGS[name] = formula.parse(means)
    return operation


# fmt: off
# Functions that derivatives are written in, so that they and *their* derivatives keep all digits:
# (1 - f) * (1 + f) is the derivative of tanh too, and has no right digit left at x = 20.
#
#   name                f                           ∂f/∂x, and ∂f/∂y
row("sech",             "sech(x)",                  "-f * tanh(x)")
row("sigmoid_slope",    "sigmoid_slope(x)",         "-f * tanh(x / 2)",
    means="sigmoid(x) * sigmoid(-x)")
row("one_minus_square", "(1 - x) * (1 + x)",        "-2 * x",
    means="1 - x ** 2")
row("witch",            "1 / (1 + x * x)",          "-2 * x * f * f",
    means="1 / (1 + x ** 2)")
row("gap",              "where(x == y, 0.0, x - y)", "1", "-1",
    means="x - y")
row("unit",             "where(x == 0, 0.0, x / radius(x, y))",
    "where(x == 0 and y == 0, 0.0, unit(y, x) * unit(y, x) / hypot(x, y))",
    "where(x == 0 and y == 0, 0.0, -unit(x, y) * unit(y, x) / hypot(x, y))",
    means="x / hypot(x, y)")
row("polar",            "polar(x, y)",
    "where(x == 0 and y == 0, 0.0, unit(y - x, y + x) * unit(y + x, y - x) * 2 / hypot(x, y) ** 2)",
    "where(x == 0 and y == 0, 0.0, -2 * unit(x, y) * polar(y, x) / hypot(x, y))",
    means="x / (x ** 2 + y ** 2)")
row("sinc_slope",       "sinc_derivative(x, 1)",    "sinc_derivative(x, 2)",
    means="(cos(pi * x) - sinc(x)) / x")
row("sinc_derivative",  "sinc_derivative(x, y)",    "sinc_derivative(x, y + 1)", "0")
# fmt: on
