"""The operators and methods of nodes, put onto the classes that the graph defines."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff import late
from autodiff.graph import Node, Operand, Tensor, Value, bare, describe
from autodiff.ops import generate, indexing, pointwise, reductions, shapes
from autodiff.ops.cumulative import cumprod, cumsum
from autodiff.primitive import NO_PARAMETERS, Primitive

_ARITHMETIC = {
    "add": pointwise.add,
    "sub": pointwise.sub,
    "mul": pointwise.mul,
    "truediv": pointwise.div,
    "floordiv": pointwise.floor_divide,
    "mod": pointwise.mod,
    "pow": pointwise.pow,
}
_UNARY: dict[str, Any] = {
    "__neg__": pointwise.neg,
    "__abs__": pointwise.abs,
    "__round__": pointwise.round,
    "__floor__": pointwise.floor,
    "__ceil__": pointwise.ceil,
    "__trunc__": pointwise.trunc,
} | {
    name: getattr(pointwise, name)
    for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu")
}
_COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
_COMPARABLE = (Node, float, int, np.ndarray, np.generic, list, tuple)


def _comparison(name: str) -> Callable[[Node, Any], Any]:
    compare = getattr(operator, name)

    def compared(self: Node, other: Any) -> Any:
        if not isinstance(other, _COMPARABLE):
            return NotImplemented
        if isinstance(other, (list, tuple)):
            other = np.asarray(other)
        return compare(self._data, bare(other))

    compared.__name__ = name
    return compared


def _matmul(self: Node, other: Operand) -> Any:
    return generate.operate(late.found("matmul").primitive, (self, other), {})


def _rmatmul(self: Node, other: Operand) -> Any:
    return generate.operate(late.found("matmul").primitive, (other, self), {})


def _divmod(self: Node, other: Operand) -> Any:
    return self // other, self % other


def _rdivmod(self: Node, other: Operand) -> Any:
    return other // self, other % self


def _clip(self: Node, min: Operand | None = None, max: Operand | None = None) -> Any:
    return pointwise.clip(self, min, max)


def _several(given: tuple[Any, ...]) -> Any:
    """``reshape(2, 3)`` and ``reshape((2, 3))`` mean the same."""
    return given[0] if len(given) == 1 and not isinstance(given[0], int) else given


def _no_assignment(self: Tensor, index: Any, values: Any = None) -> None:
    raise TypeError(
        f"the elements of {describe(self)} can't be assigned or deleted, for the graph holds them: "
        "x = autodiff.index_update(x, index, values) is a tensor with other values there, "
        "index_add one with values added, autodiff.delete(x, index) one without the elements"
    )


class _Late:
    """A method of tensors whose operation loads late: it takes this one's place then."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, node: Tensor | None, kind: type[Tensor]) -> Any:
        operation = late.found(self._name)
        setattr(Tensor, self._name, operation)
        return operation.__get__(node, kind)


def _bare_method(name: str) -> Callable[..., Any]:
    """A method of arrays with bare results: booleans and whole numbers have no derivative."""

    def computed(self: Tensor, *arguments: Any, **options: Any) -> Any:
        return getattr(self._data, name)(*arguments, **options)

    computed.__name__ = name
    return computed


def _operator(primitive: Primitive, name: str) -> Callable[[Node, Any], Any]:
    def applied(self: Node, other: Any) -> Any:
        return generate.operate(primitive, (self, other), NO_PARAMETERS)

    applied.__name__ = name
    return applied


def _reflected_operator(primitive: Primitive, name: str) -> Callable[[Node, Any], Any]:
    def applied(self: Node, other: Any) -> Any:
        return generate.operate(primitive, (other, self), NO_PARAMETERS)

    applied.__name__ = name
    return applied


def _install() -> None:
    for name, operation in _ARITHMETIC.items():
        primitive: Any = operation.primitive
        setattr(Node, f"__{name}__", _operator(primitive, f"__{name}__"))
        setattr(Node, f"__r{name}__", _reflected_operator(primitive, f"__r{name}__"))
        setattr(Value, f"__{name}__", generate.operator(primitive, f"__{name}__"))
        setattr(Value, f"__r{name}__", generate.reflected_operator(primitive, f"__r{name}__"))
    for name, operation in _UNARY.items():
        setattr(Node, name, operation)
    for name in _COMPARISONS:
        setattr(Node, name, _comparison(name))
    methods: dict[str, Any] = {
        "__divmod__": _divmod,
        "__rdivmod__": _rdivmod,
        "__pos__": lambda self: self,
        "clip": _clip,
        "round": pointwise.round,
        "__matmul__": _matmul,
        "__rmatmul__": _rmatmul,
    }
    for name, method in methods.items():
        setattr(Node, name, method)
    of_tensors: dict[str, Any] = {
        "__getitem__": indexing.getitem,
        "__setitem__": _no_assignment,
        "__delitem__": _no_assignment,
        "reshape": lambda self, *shape, order="C": shapes.reshape(self, _several(shape), order),
        "ravel": shapes.ravel,
        "flatten": shapes.ravel,
        "squeeze": shapes.squeeze,
        "swapaxes": shapes.swapaxes,
        "transpose": lambda self, *axes: shapes.transpose(self, _several(axes) or None),
        "T": property(shapes.transpose),
        "mT": property(shapes.matrix_transpose),
        "astype": shapes.astype,
        "copy": shapes.copy,
        "take": indexing.take,
        "argsort": lambda self, axis=-1: np.argsort(self._data, axis, kind="stable"),
        "nonzero": lambda self: np.nonzero(self._data),
        "sum": reductions.sum,
        "mean": reductions.mean,
        "max": reductions.max,
        "min": reductions.min,
        "prod": reductions.prod,
        "cumsum": cumsum,
        "cumprod": cumprod,
    }
    of_tensors |= {
        name: _Late(name) for name in ("diagonal", "dot", "repeat", "std", "trace", "var")
    }
    of_tensors |= {name: _bare_method(name) for name in ("all", "any", "argmax", "argmin")}
    for name, method in of_tensors.items():
        setattr(Tensor, name, method)


_install()
