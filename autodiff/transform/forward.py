"""Directional derivatives, by carrying tangents along the graph from its inputs to its output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.arrays import real_array
from autodiff.graph import Node, Value, bare, describe
from autodiff.ops.shapes import broadcast_to, shape_of
from autodiff.recording import recording
from autodiff.reverse import schedule
from autodiff.transform.trace import trace


def jvp(
    function: Callable[..., Any], arguments: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """The value of a function, and its derivative in a direction.

    Args:
        function: of any number of scalars and arrays, to a scalar or an array.
        arguments: where to differentiate.
        tangents: the direction: for each argument a number or an array of its shape.

    Returns:
        ``(value, tangent)`` of the function's output; nodes when called within another transform.

    Raises:
        TypeError: arguments or tangents are no tuple, or an argument is not of real numbers.
        ValueError: a tangent has not the shape of its argument, or one is missing.

    Example:
        >>> import autodiff as ad
        >>> ad.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
        (6.0, 2.0)
    """
    if not all(isinstance(given, (tuple, list)) for given in (arguments, tangents)):
        raise TypeError("jvp: arguments and tangents are tuples, jvp(f, (x, y), (dx, dy))")
    if len(arguments) != len(tangents):
        raise ValueError(
            f"jvp: expected a tangent for each of {len(arguments)} argument(s), got {len(tangents)}"
        )
    run = trace(function, arguments, range(len(arguments)), {})
    moving = {
        node: _tangent(node, tangent) for node, tangent in zip(run.inputs, tangents, strict=True)
    }
    if not isinstance(run.output, Node):
        return run.output, 0.0 * run.output
    with recording(run.nested), np.errstate(all="ignore"):
        for node in reversed(schedule(run.output, run.inputs)):
            if node.primitive is None or node in moving:
                continue
            given = [
                moving.get(operand) if isinstance(operand, Node) else None
                for operand in node.operands
            ]
            f, *operands = (_number(value, run.nested) for value in (node, *node.operands))
            tangent = node.primitive.jvp(given, f, operands, node.parameters)
            if tangent is not None:
                moving[node] = broadcast_to(tangent, shape_of(node))
    still = 0.0 if isinstance(run.output, Value) else np.zeros(shape_of(run.output))
    tangent = moving.get(run.output, still)
    if run.nested:
        return run.output, tangent
    if isinstance(run.output, Value):
        return run.output.data, float(tangent)
    return run.output.data, np.array(tangent, dtype=run.output._data.dtype)


def _tangent(node: Node, tangent: Any) -> Any:
    if shape_of(tangent) != shape_of(node):
        raise ValueError(
            f"a tangent has the shape of its argument, here {describe(node)}; got one of shape "
            f"{shape_of(tangent)}"
        )
    if isinstance(tangent, Node):
        return tangent
    if isinstance(node, Value):
        return float(real_array(tangent))
    return np.asarray(real_array(tangent), dtype=bare(node).dtype)


def _number(value: Any, nested: bool) -> Any:
    """An operand for a rule: a node if the derivative is to be differentiated, else bare."""
    if nested or not isinstance(value, Node):
        return value
    return np.float64(value._data) if isinstance(value, Value) else value._data
