"""NumPy's own functions on nodes: ``np.sin(x)``, ``array * T``, ``np.sum(T, axis=0)``.

NumPy hands a call on a node over to the node (``__array_ufunc__``, ``__array_function__``; NEP 13
and NEP 18). Here is the table of what it is answered with. A function that has no rule is refused
by name: nothing falls silently out of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff.graph import Node, bare
from autodiff.ops import linear_algebra, pointwise, reductions, shapes

UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: pointwise.add,
    np.subtract: pointwise.sub,
    np.multiply: pointwise.mul,
    np.divide: pointwise.div,
    np.power: pointwise.pow,
    np.negative: pointwise.neg,
    np.positive: lambda x: x,
    np.absolute: pointwise.abs,
    np.sign: pointwise.sign,
    np.exp: pointwise.exp,
    np.log: pointwise.log,
    np.sqrt: pointwise.sqrt,
    np.sin: pointwise.sin,
    np.cos: pointwise.cos,
    np.tan: pointwise.tan,
    np.tanh: pointwise.tanh,
    np.maximum: pointwise.maximum,
    np.minimum: pointwise.minimum,
    np.matmul: linear_algebra.matmul,
}
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: pointwise.where,
    np.sum: reductions.sum,
    np.mean: reductions.mean,
    np.max: reductions.max,
    np.amax: reductions.max,
    np.reshape: shapes.reshape,
    np.transpose: shapes.transpose,
    np.broadcast_to: shapes.broadcast_to,
    np.concatenate: shapes.concatenate,
    np.stack: shapes.stack,
    np.shape: shapes.shape_of,
    np.ndim: lambda x: len(shapes.shape_of(x)),
    np.size: lambda x: np.size(bare(x)),
}
_WITHOUT_GRADIENT = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isfinite, np.isinf, np.isnan, np.signbit,
}  # fmt: skip


def _pad(x: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    if mode != "constant" or options.keys() - {"constant_values"}:
        raise TypeError(f"np.pad of a node has a rule for mode='constant' only, got {mode!r}")
    return shapes.pad(x, pad_width, options.get("constant_values", 0.0))


FUNCTIONS[np.pad] = _pad


def _array_ufunc(self: Node, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    if "out" in options:
        raise TypeError(
            f"np.{ufunc.__name__} can't write a node into an array (out=): instead of a += node, "
            "write a = a + node"
        )
    if options:
        raise TypeError(f"np.{ufunc.__name__} of a node takes no {', '.join(options)}=")
    if method == "__call__":
        if ufunc in UFUNCS:
            return UFUNCS[ufunc](*inputs)
        if ufunc in _WITHOUT_GRADIENT:
            return ufunc(*map(bare, inputs))
        raise TypeError(_no_rule(f"np.{ufunc.__name__}"))
    raise TypeError(_no_rule(f"np.{ufunc.__name__}.{method}"))


def _array_function(
    self: Node,
    function: Any,
    types: Sequence[type],
    arguments: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    if function not in FUNCTIONS:
        module = function.__module__.replace("numpy", "np", 1)
        raise TypeError(_no_rule(f"{module}.{function.__name__}"))
    return FUNCTIONS[function](*arguments, **options)


def _no_rule(name: str) -> str:
    return (
        f"{name} has no rule for nodes: compose it from functions of autodiff, or apply it to the "
        ".data if no gradient is wanted"
    )


setattr(Node, "__array_ufunc__", _array_ufunc)  # noqa: B010 - the class declares no such method
setattr(Node, "__array_function__", _array_function)  # noqa: B010
