"""Ranges of numbers between two operands."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Operand, bare
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.pointwise import div, pow, sub
from autodiff.ops.reductions import sum
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import astype, broadcast_to, normal_axes, reshape, shape_of, whole_numbers

__all__ = [
    "geomspace",
    "linspace",
    "logspace",
]


def _way(t: Any, num: int, endpoint: bool, axis: int) -> Array:
    """How far the numbers of a range are on their way from start to stop, from 0 to 1."""
    way = np.linspace(0.0, 1.0, num, endpoint=endpoint, dtype=_dtype(t))
    return way.reshape((num, *(1,) * (len(shape_of(t)) - axis - 1)))


_linspace = Linear(
    "linspace",
    lambda start, stop, *, num, endpoint, axis: np.linspace(
        start, stop, num, endpoint=endpoint, axis=axis
    ),
    lambda t, f, start, stop, *, num, endpoint, axis: sum(
        t * (1 - _way(t, num, endpoint, axis)), axis
    ),
    lambda t, f, start, stop, *, num, endpoint, axis: sum(t * _way(t, num, endpoint, axis), axis),
    joint=True,
)


def linspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Evenly spaced numbers from ``start`` to ``stop``.

    Args:
        start: the first number, or an array of them.
        stop: the last number; they broadcast.
        num: how many.
        endpoint: whether ``stop`` is among them.
        retstep: return the pair of the numbers and their distance.
        dtype: a floating-point type for the result.
        axis: where the new axis goes.

    Raises:
        TypeError: ``num`` or ``axis`` is no whole number.
        ValueError: ``num`` is negative, or there is no such axis.

    Example:
        >>> from autodiff import Value, linspace
        >>> a, b = Value(0.0), Value(1.0)
        >>> linspace(a, b, 5).sum().backward()
        >>> a.grad, b.grad
        (2.5, 2.5)
    """
    (num,) = whole_numbers("linspace: num", num)
    f = _linspace(start, stop, num=num, endpoint=bool(endpoint), axis=_new_axis(axis, start, stop))
    f = f if dtype is None else astype(f, dtype)
    if not retstep:
        return f
    steps = num - 1 if endpoint else num
    return f, div(sub(stop, start), steps) if steps > 0 else np.nan


def logspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    base: Operand = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """``base`` to the powers ``linspace(start, stop, num)``; ``base`` may be a node or an array."""
    if shape_of(base):
        operands = (start, stop, base)
        ndim = max(len(shape_of(x)) for x in operands)
        start, stop, base = (
            reshape(x, (*(1,) * (ndim - len(shape_of(x))), *shape_of(x))) for x in operands
        )
        axis = _new_axis(axis, start, stop)
        shape = shape_of(base)
        base = reshape(base, (*shape[:axis], 1, *shape[axis:]))
    f = pow(base, linspace(start, stop, num, endpoint, axis=axis))
    return f if dtype is None else astype(f, dtype)


def geomspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Numbers from ``start`` to ``stop`` in geometric progression; arguments as for ``linspace``.

    Both ends are of the same sign; elsewhere the numbers between them are nan.

    Raises:
        ValueError: an end is zero.
    """
    if np.any(bare(start) == 0) or np.any(bare(stop) == 0):
        raise ValueError("geomspace: a geometric progression has no zero at its ends")
    (num,) = whole_numbers("geomspace: num", num)
    axis = _new_axis(axis, start, stop)
    wide = np.broadcast_shapes(shape_of(start), shape_of(stop))
    row = (*wide[:axis], 1, *wide[axis:])
    first, last = (reshape(broadcast_to(x, wide), row) for x in (start, stop))
    way = np.linspace(0.0, 1.0, num, endpoint=endpoint, dtype=_dtype(start, stop))
    f = first * pow(last / first, way.reshape(num, *(1,) * (len(wide) - axis)))
    if endpoint and num > 1:  # both ends exactly
        inner = getitem(f, (*(slice(None),) * axis, slice(1, -1)))
        f = concatenate([first, inner, last], axis)
    return f if dtype is None else astype(f, dtype)


def _new_axis(axis: int, *operands: Operand) -> int:
    """Where a new axis goes in the result of operands that broadcast, counted from the front."""
    return normal_axes(axis, max(len(shape_of(x)) for x in operands) + 1)[0]


def _dtype(*operands: Operand) -> Any:
    return np.result_type(*map(bare, operands), 1.0)
