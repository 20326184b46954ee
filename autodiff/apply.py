"""Applying a primitive: computing it, and recording it as a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.arrays import frozen, locked, nearest_float, real_array
from autodiff.graph import Node, Tensor, Value, describe, is_differentiable, next_number
from autodiff.primitive import Parameters, Primitive
from autodiff.recording import is_recording


def apply(primitive: Primitive, operands: Sequence[Any], parameters: Parameters) -> Any:
    """Compute ``primitive`` of ``operands``, and record it if a node is among them.

    Returns:
        a node if an operand is a node: a ``Value`` if all operands are scalars and so is the
        result, else a ``Tensor``. Without nodes, the bare number or array.

    Raises:
        TypeError: an operand is not numeric.
        ValueError: the operands don't fit together; the message names them with their shapes.
    """
    values = []
    of_arrays = of_nodes = False
    for operand in operands:
        if isinstance(operand, Node):
            of_nodes = True
            value = operand._data
        else:
            value = _constant(operand, primitive)
        of_arrays = of_arrays or isinstance(value, np.ndarray)
        values.append(value)
    try:
        if of_arrays:
            result = primitive.compute(*values, **parameters)
        else:
            result = _of_scalars(primitive, values, parameters)
    except (ValueError, IndexError, TypeError) as fault:
        named = ", ".join(map(describe, operands))
        # Others of NumPy's own are hard to construct.
        kinds = (np.linalg.LinAlgError, IndexError, TypeError, ValueError)
        kind = next(kind for kind in kinds if isinstance(fault, kind))
        raise kind(f"{primitive}({named}): {fault}") from None
    return record(primitive, operands, values, parameters, result) if of_nodes else result


def _of_scalars(primitive: Primitive, values: Sequence[Any], parameters: Parameters) -> Any:
    """Compute as IEEE 754 says: Python's own numbers would raise, or turn complex."""
    with np.errstate(all="ignore"):
        numbers = [v if isinstance(v, np.floating) else np.float64(v) for v in values]
        result = primitive.compute(*numbers, **parameters)
    return float(result) if np.ndim(result) == 0 else result


def record(
    primitive: Primitive,
    operands: Sequence[Any],
    values: Sequence[Any],
    parameters: Parameters,
    result: Any,
) -> Node:
    """Make the node that ``primitive`` gave; a leaf if recording is off or nothing is real."""
    node: Node
    kept = is_recording() and any(map(is_differentiable, operands))
    if result.__class__ is float:
        value = object.__new__(Value)
        value._t = None
        node = value
    else:
        node = object.__new__(Tensor)
        result = locked(np.asarray(result))
    node._data = result
    node.number = next_number()
    node.primitive = primitive if kept else None
    if kept:
        node._hold(
            tuple(
                [operand if is_differentiable(operand) else _held(value, node)
                 for operand, value in zip(operands, values, strict=True)]
            )
        )  # fmt: skip
        node._parameters = parameters
    return node


def _constant(operand: Any, primitive: Primitive) -> Any:
    """An operand that is no node, as numeric code takes it.

    Python numbers stay what they are, for they are weak: they never change an array's dtype.
    """
    kind = operand.__class__
    if kind is float or (kind is np.ndarray and operand.dtype.kind == "f") or kind is bool:
        return operand
    if kind is int:
        return operand if operand.bit_length() < 1024 else nearest_float(operand)
    try:
        array = real_array(operand)
    except TypeError as fault:
        raise TypeError(f"{primitive}: {fault}") from None
    return operand if isinstance(operand, np.generic) else array


def _held(constant: Any, node: Node) -> Any:
    """A constant as a node keeps it until the backward pass."""
    if isinstance(constant, np.ndarray):
        return frozen(constant)
    if isinstance(constant, np.generic) and isinstance(node, Tensor):
        return constant
    return float(constant)
