"""Pointwise primitives: a function of each element, and its local partial derivatives.

A row reads: name, f as a formula in the operands x and y, then ∂f/∂x and ∂f/∂y as formulas in the
operands and in f. Everything else is made from the row: the function on floats, arrays and nodes,
the operators, the reverse and the forward rule, the label on an edge.

Choices at kinks and ties, in the formulas themselves: abs'(0) = 0, relu'(0) = 0, maximum and
minimum of equals share one half each, d x**0 = 0 everywhere, d 0**y / dy = 0.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np

from autodiff.adjoint import Masked
from autodiff.arrays import Array
from autodiff.graph import Node, Operand, Tensor, Value, bare
from autodiff.kernels import pointwise as kernels
from autodiff.ops import generate
from autodiff.ops.rules import Linear, Pointwise
from autodiff.primitive import Operands, Parameters, Primitive

__all__ = [
    "abs",
    "add",
    "cos",
    "div",
    "exp",
    "log",
    "maximum",
    "minimum",
    "mul",
    "neg",
    "pow",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "sub",
    "tan",
    "tanh",
    "where",
]

X = TypeVar("X", Value, Tensor, float, Array)


class Unary(Protocol):
    """An operation of one operand: node in, node out; number in, number out."""

    primitive: Primitive

    def __call__(self, x: X, /) -> X: ...


class Binary(Protocol):
    """An operation of two operands: a node if one of them is a node."""

    primitive: Primitive

    def __call__(self, x: Operand, y: Operand, /) -> Any: ...


_ARRAYS: dict[str, Any] = {
    name: getattr(np, name)
    for name in ("abs", "cos", "exp", "log", "maximum", "minimum", "sign", "sin", "sqrt", "tan",
                 "tanh", "where")
} | {"relu": kernels.relu, "sigmoid": kernels.sigmoid}  # fmt: skip
_NODES: dict[str, Any] = {}


def _pointwise(name: str, value: str, *partials: str) -> Any:
    primitive = Pointwise(name, value, partials, _ARRAYS, _NODES)
    primitive.scalar_pull = generate.scalar_pull(primitive)
    primitive.scalar_contributions = generate.scalar_contributions(primitive)
    operation = generate.operation(primitive)
    operation.primitive = primitive  # type: ignore[attr-defined]
    _NODES[name] = operation
    return operation


# fmt: off
#                            name       f           ∂f/∂x                                ∂f/∂y
add: Binary     = _pointwise("add",     "x + y",    "1",                                 "1")
sub: Binary     = _pointwise("sub",     "x - y",    "1",                                 "-1")
mul: Binary     = _pointwise("mul",     "x * y",    "y",                                 "x")
div: Binary     = _pointwise("div",     "x / y",    "1 / y",                             "-f / y")
pow: Binary     = _pointwise("pow",     "x ** y",   "where(y == 0, 0, y * x ** (y - 1))",
                                                    "where((x == 0) & (y >= 0), 0, f * log(x))")
maximum: Binary = _pointwise("maximum", "maximum(x, y)", "where(x == y, 0.5, x > y)",
                                                         "where(x == y, 0.5, y > x)")
minimum: Binary = _pointwise("minimum", "minimum(x, y)", "where(x == y, 0.5, x < y)",
                                                         "where(x == y, 0.5, y < x)")
neg: Unary      = _pointwise("neg",     "-x",         "-1")
abs: Unary      = _pointwise("abs",     "abs(x)",     "sign(x)")
sign: Unary     = _pointwise("sign",    "sign(x)",    "0")
exp: Unary      = _pointwise("exp",     "exp(x)",     "f")
log: Unary      = _pointwise("log",     "log(x)",     "1 / x")
sqrt: Unary     = _pointwise("sqrt",    "sqrt(x)",    "0.5 / f")
sin: Unary      = _pointwise("sin",     "sin(x)",     "cos(x)")
cos: Unary      = _pointwise("cos",     "cos(x)",     "-sin(x)")
tan: Unary      = _pointwise("tan",     "tan(x)",     "1 + f * f")
tanh: Unary     = _pointwise("tanh",    "tanh(x)",    "(1 - f) * (1 + f)")
sigmoid: Unary  = _pointwise("sigmoid", "sigmoid(x)", "f * sigmoid(-x)")
relu: Unary     = _pointwise("relu",    "relu(x)",    "x > 0")
# fmt: on


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


_where = _Where("where", np.where, None, lambda t: t, lambda t: t, joint=True)


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


where.primitive = _where  # type: ignore[attr-defined]
_NODES["where"] = _choice
