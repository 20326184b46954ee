"""Running a function on fresh input nodes: what every transform begins with.

Each call of a transform has input nodes of its own. A derivative is taken with respect to nodes,
not to positions or levels, so nested transforms can't mistake one another's inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.arrays import real_array
from autodiff.graph import Node, Tensor, Value, describe, is_differentiable
from autodiff.ops.rules import Linear
from autodiff.recording import recording, transform_running

_input = Linear("input", lambda x: x, lambda t, f, x: t)


@dataclass(frozen=True)
class Trace:
    """A function's output as a node, the input nodes it came from, and how to hand results out.

    Attributes:
        output: what the function returned, a node or, if it doesn't depend on any, a number.
        inputs: the nodes that stood for the differentiated arguments.
        nested: whether results are nodes: the caller is itself being differentiated.
    """

    output: Any
    inputs: list[Node]
    nested: bool


def trace(
    function: Callable[..., Any], arguments: Sequence[Any], positions: Sequence[int], options: Any
) -> Trace:
    """Call ``function`` with nodes in place of the arguments at ``positions``."""
    moved = list(arguments)
    for i in positions:
        if not -len(arguments) <= i < len(arguments):
            raise ValueError(
                f"asked for the derivative with respect to argument {i} of a call with "
                f"{len(arguments)} positional argument(s)"
            )
        moved[i] = _as_input(arguments[i], i)
    inputs = [moved[i] for i in positions]
    nested = transform_running.get() or any(isinstance(argument, Node) for argument in arguments)
    token = transform_running.set(True)
    try:
        with recording(True):
            output = function(*moved, **options)
    finally:
        transform_running.reset(token)
    if not isinstance(output, (Node, int, float, np.number, np.ndarray)):
        raise TypeError(
            "expected a function that returns one number (or an array, for a directional "
            f"derivative), got {type(output).__name__}"
        )
    return Trace(output, inputs, nested)


def _as_input(argument: Any, i: int) -> Node:
    if isinstance(argument, Node):
        if not is_differentiable(argument):
            raise TypeError(
                f"argument {i}, {describe(argument)}, is of integers: it has no gradient"
            )
        with recording(True):
            return _input(argument)  # type: ignore[no-any-return]
    array = real_array(argument)
    if array.ndim == 0 and not hasattr(argument, "dtype"):
        return Value(argument)
    if array.dtype.kind != "f":
        raise TypeError(
            f"argument {i}, {describe(argument)} of dtype {array.dtype}, has no gradient: "
            "convert it to floating point to differentiate with respect to it"
        )
    return Value(argument) if array.ndim == 0 else Tensor(array)
