"""Applying a primitive: computing it, and recording it as a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.arrays import locked, nearest_float, real_array
from autodiff.graph import Node, Tensor, Value, bare, describe, is_differentiable, next_number
from autodiff.kernels.buffers import frozen
from autodiff.primitive import NO_PARAMETERS, Parameters, Primitive
from autodiff.recording import state_here


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
        if value.__class__ is np.ndarray:
            of_arrays = True
        values.append(value)
    try:
        if not of_arrays:
            result = _of_scalars(primitive, values, parameters)
        elif parameters:
            result = primitive.compute(*values, **parameters)
        else:  # even to unpack nothing takes as long as to add two small arrays
            result = primitive.compute(*values)
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
    of_array = result.__class__ is not float
    if of_array:
        result = locked(np.asarray(result))
    real = [*map(is_differentiable, operands)]
    state = state_here()
    kept = True in real and state.recording
    if kept:
        held = operands
        if False in real:
            held = [operand if differentiable else _held(value, of_array)
                    for operand, value, differentiable in zip(operands, values, real, strict=True)
                    ]  # fmt: skip
        node = made(result, primitive, held, parameters)
        if state.scope is not None:
            node._scope = state.scope
    else:
        node = made(result, None, (), NO_PARAMETERS)
    if state.watch is not None:
        state.watch.note(node, primitive, operands, parameters, kept)
    return node


def special(primitive: Primitive, operands: Sequence[Any], result: float) -> Node:
    """Make the node of an operation on scalars where something else holds than is usual."""
    state = state_here()
    if state.watch is None:
        if not state.recording:
            return Value(result)
        node = made(result, primitive, operands, NO_PARAMETERS)
        node._scope = state.scope
        return node
    return record(primitive, operands, [bare(x) for x in operands], NO_PARAMETERS, result)


def made(
    data: Any,
    primitive: Primitive | None,
    operands: Sequence[Any],
    parameters: Parameters,
    kind: type[Node] | None = None,
) -> Node:
    """A new node of a result that is known; a leaf without a primitive.

    Args:
        data: a Python float for a ``Value``, a read-only array for a ``Tensor``.
        primitive: what gave it.
        operands: nodes of real numbers, and constants as a node keeps them.
        parameters: of the primitive.
        kind: the class of the node, if it is another one.
    """
    of_scalar = data.__class__ is float
    node: Any = object.__new__(kind or (Value if of_scalar else Tensor))
    node._data = data
    node.number = next_number()
    node.primitive = primitive
    if of_scalar:
        node._t = None
    if primitive is not None:
        node._hold(tuple(operands))
    if parameters is not NO_PARAMETERS:
        node._parameters = parameters
    return node  # type: ignore[no-any-return]


def _constant(operand: Any, primitive: Primitive) -> Any:
    """An operand that is no node, as numeric code takes it.

    Python numbers stay what they are, for they are weak: they never change an array's dtype.
    """
    kind = operand.__class__
    if (kind is np.ndarray and operand.dtype.kind == "f") or kind is float or kind is bool:
        return operand
    if kind is int:
        return operand if operand.bit_length() < 1024 else nearest_float(operand)
    try:
        array = real_array(operand)
    except TypeError as fault:
        raise TypeError(f"{primitive}: {fault}") from None
    return operand if isinstance(operand, np.generic) else array


def _held(constant: Any, of_array: bool) -> Any:
    """A constant as a node keeps it until the backward pass."""
    if isinstance(constant, np.ndarray):
        return frozen(constant)
    if isinstance(constant, np.generic) and of_array:
        return constant
    return float(constant)
