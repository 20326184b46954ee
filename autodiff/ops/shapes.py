"""Primitives that give the elements another shape: each is linear, each states its transpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index as whole_number
from typing import Any

import numpy as np

from autodiff.arrays import floating, real_array
from autodiff.graph import Axes, Node, Operand, bare, describe
from autodiff.kernels import buffers, sums
from autodiff.ops.rules import Linear

__all__ = [
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_to",
    "copy",
    "expand_dims",
    "full_like",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "ravel",
    "reshape",
    "rollaxis",
    "squeeze",
    "swapaxes",
    "transpose",
]


# --- axes and shapes ------------------------------------------------------------------------------


def shape_of(x: Operand) -> tuple[int, ...]:
    """The shape of a node, an array or a number."""
    if x.__class__ is float:
        return ()
    try:
        return x.shape  # type: ignore[union-attr, no-any-return]
    except AttributeError:
        return np.shape(x)


def normal_axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """``axis`` as a sorted tuple of non-negative axes.

    Raises:
        TypeError: ``axis`` is no whole number, nor a tuple of them.
        ValueError: an axis is out of range or given twice.
    """
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, list):
        raise TypeError(f"axis is a whole number or a tuple of them, got {axis!r}")
    return tuple(sorted(ordered_axes(axis, ndim)))


def ordered_axes(axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """Like ``normal_axes``, in the order in which they were given."""
    axes = tuple(a + ndim if a < 0 else a for a in whole_numbers("axis", axis))
    if any(a not in range(ndim) for a in axes) or len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis} does not fit an operand of {ndim} dimensions")
    return axes


def normal_axis(axis: Any, ndim: int) -> int:
    """One axis, not negative.

    Raises:
        TypeError: ``axis`` is no whole number.
        ValueError: it is out of range.
    """
    if axis is None or isinstance(axis, tuple):
        raise TypeError(f"expected one axis, a whole number, got {axis!r}")
    return normal_axes(axis, ndim)[0]


def whole_numbers(name: str, given: Any) -> tuple[int, ...]:
    """A whole number, or several, as a tuple of Python's.

    Raises:
        TypeError: something else was given; the message calls it ``name``.
    """
    if isinstance(given, np.ndarray):
        given = given.tolist()
    try:
        return tuple(map(whole_number, given if isinstance(given, (tuple, list)) else (given,)))
    except TypeError:
        raise TypeError(f"{name} takes whole numbers, got {given!r}") from None


def as_operand(x: Operand) -> Any:
    """A node as it is, anything else as an array."""
    return x if isinstance(x, Node) else real_array(x)


# --- the primitives -------------------------------------------------------------------------------

_reshape: Linear = Linear(
    "reshape",
    buffers.reshaped,
    lambda t, f, x, *, shape, **order: _reshape(t, shape=shape_of(x), **order),
)


def _transposed(x: str, *, axes: Sequence[int]) -> str:
    """A transpose as it is written; that of matrices in short."""
    order = [int(axis) for axis in axes]
    last = len(order) - 1
    if last > 0 and order == [*range(last - 1), last, last - 1]:
        return f"{x}.T" if last == 1 else f"{x}.mT"
    return f"transpose({x}, axes={tuple(order)})"


_transpose: Linear = Linear(
    "transpose",
    lambda x, *, axes: np.transpose(x, axes),
    lambda t, f, x, *, axes: _transpose(t, axes=tuple(np.argsort(axes))),
    text=_transposed,
)
_reshape.steady = _transpose.steady = True


def _repeated(x: Any, *, shape: tuple[int, ...]) -> Any:
    if np.ndim(x):
        return np.broadcast_to(x, shape)
    number = np.asarray(x)  # one number stands everywhere; NumPy's own way takes longer to see it
    view = np.ndarray(shape, number.dtype, number, strides=(0,) * len(shape))
    view.flags.writeable = False
    return view


_broadcast_to = Linear(
    "broadcast_to",
    _repeated,
    lambda t, f, x, *, shape: sum_to(t, shape_of(x)),
)


_sum_to = Linear(
    "sum_to",
    sums.to_shape,
    lambda t, f, x, *, axes, shape: _broadcast_to(
        _reshape(t, shape=_with_ones(shape_of(x), axes)), shape=shape_of(x)
    ),
    text=lambda x, *, axes, shape: f"sum({x}, axis={axes[0] if len(axes) == 1 else axes})",
)
_astype = Linear(
    "astype",
    lambda x, *, dtype: np.asarray(x).astype(dtype),
    lambda t, f, x, *, dtype: t,  # the engine casts an adjoint to the dtype of its node
)
_to_value = Linear(
    "to_value",
    lambda x: float(np.asarray(x).item()),
    lambda t, f, x: _broadcast_to(t, shape=shape_of(x)),
)
_copy = Linear("copy", lambda x: np.array(x, order="K"), lambda t, f, x: t)


# --- another shape, the same order ----------------------------------------------------------------


def reshape(x: Operand, shape: int | Sequence[int], order: str = "C") -> Any:
    """The same elements under another shape; one length may be -1.

    Args:
        x: operand.
        shape: the new shape.
        order: how elements are read and laid out: "C" with the last axis fastest, "F" with the
            first, "A" as the operand lies in memory.

    Raises:
        ValueError: the elements don't fill the shape, or ``order`` is another.

    Example:
        >>> import numpy as np
        >>> from autodiff import reshape
        >>> reshape(np.arange(6.0), (2, -1), order="F")
        array([[0., 2., 4.],
               [1., 3., 5.]])
    """
    if not isinstance(shape, (tuple, int)):
        shape = whole_numbers("reshape", shape)
    if order == "C" or not _is_fortran("reshape", x, order):
        return _reshape(x, shape=shape)
    return _reshape(x, shape=shape, order="F")


def ravel(x: Operand, order: str = "C") -> Any:
    """All elements along one axis; ``order`` as for ``reshape``."""
    return reshape(x, -1, order)


def _is_fortran(name: str, x: Operand, order: str) -> bool:
    """Whether the first axis runs fastest."""
    if order == "A":
        return np.asarray(bare(x)).flags.fnc
    if order not in ("C", "F"):
        raise ValueError(f"{name}: order is 'C', 'F' or 'A', got {order!r}")
    return order == "F"


def expand_dims(x: Operand, axis: int | tuple[int, ...]) -> Any:
    """New axes of length 1, at the places ``axis`` of the result."""
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape) + len(whole_numbers("axis", axis)))
    lengths = iter(shape)
    return _reshape(
        x, shape=tuple(1 if i in axes else next(lengths) for i in range(len(shape) + len(axes)))
    )


def squeeze(x: Operand, axis: Axes = None) -> Any:
    """The operand without its axes of length 1, or without those that are named.

    Raises:
        ValueError: a named axis has another length.
    """
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape))
    if axis is not None and any(shape[a] != 1 for a in axes):
        raise ValueError(f"squeeze: axis {axis} of {describe(x)} has not length 1")
    return _reshape(x, shape=tuple(n for i, n in enumerate(shape) if n != 1 or i not in axes))


def atleast_1d(*operands: Operand) -> Any:
    """Each operand with one axis at least; of several operands a tuple."""
    return _each(operands, lambda shape: shape or (1,))


def atleast_2d(*operands: Operand) -> Any:
    """Each operand with two axes at least: a vector becomes a row."""
    return _each(operands, lambda shape: (1,) * (2 - len(shape)) + shape)


def atleast_3d(*operands: Operand) -> Any:
    """Each operand with three axes at least: (n,) becomes (1, n, 1), and (m, n) (m, n, 1)."""

    def wide(shape: tuple[int, ...]) -> tuple[int, ...]:
        plane = (1,) * (2 - len(shape)) + shape
        return plane if len(plane) > 2 else (*plane, 1)

    return _each(operands, wide)


def _each(operands: Sequence[Operand], wide: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Any:
    results = []
    for x in operands:
        shape = shape_of(x)
        new = wide(shape)
        results.append(as_operand(x) if new == shape else _reshape(x, shape=new))
    return results[0] if len(results) == 1 else tuple(results)


# --- another order of the axes --------------------------------------------------------------------


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order, reversed if none is given; a view without a copy.

    Raises:
        ValueError: ``axes`` is no permutation of the operand's axes.
    """
    ndim = len(shape_of(x))
    given = tuple(range(ndim))[::-1] if axes is None else whole_numbers("transpose", axes)
    order = tuple(a + ndim if a < 0 else a for a in given)
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"transpose: axes {axes} are no permutation of {ndim} axes")
    return _transpose(x, axes=order)


permute_dims = transpose


def matrix_transpose(x: Operand) -> Any:
    """The matrices of a stack, transposed: the last two axes change places.

    Raises:
        ValueError: there are fewer than two axes.
    """
    ndim = len(shape_of(x))
    if ndim < 2:
        raise ValueError(f"matrix_transpose: expected two axes at least, got {describe(x)}")
    return _transpose(x, axes=(*range(ndim - 2), ndim - 1, ndim - 2))


def swapaxes(x: Operand, axis1: int, axis2: int) -> Any:
    """Two axes change places."""
    order = list(range(len(shape_of(x))))
    first, second = normal_axis(axis1, len(order)), normal_axis(axis2, len(order))
    order[first], order[second] = second, first
    return _transpose(x, axes=tuple(order))


def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Some axes moved to other places; the rest stay in order.

    Raises:
        ValueError: axes are out of range or named twice, or there are not as many places as axes.
    """
    ndim = len(shape_of(x))
    sources, places = ordered_axes(source, ndim), ordered_axes(destination, ndim)
    if len(sources) != len(places):
        raise ValueError(f"moveaxis: {len(sources)} axes can't move to {len(places)} places")
    order = [a for a in range(ndim) if a not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return _transpose(x, axes=tuple(order))


def rollaxis(x: Operand, axis: int, start: int = 0) -> Any:
    """One axis moved back until it lies before axis ``start``; ``moveaxis`` is easier to read."""
    ndim = len(shape_of(x))
    axis = normal_axis(axis, ndim)
    (start,) = whole_numbers("rollaxis", start)
    place = start + ndim if start < 0 else start
    if place not in range(ndim + 1):
        raise ValueError(f"rollaxis: start {start} does not fit an operand of {ndim} dimensions")
    return moveaxis(x, axis, place - 1 if axis < place else place)


# --- broadcasting ---------------------------------------------------------------------------------


def broadcast_to(x: Operand, shape: int | tuple[int, ...]) -> Any:
    """The operand repeated to a larger shape, under NumPy's rules; a view without a copy."""
    return _broadcast_to(x, shape=whole_numbers("broadcast_to", shape))


def broadcast_arrays(*operands: Operand) -> tuple[Any, ...]:
    """The operands broadcast against each other, as a tuple."""
    shape = np.broadcast_shapes(*map(shape_of, operands))
    return tuple(
        as_operand(x) if shape_of(x) == shape else _broadcast_to(x, shape=shape) for x in operands
    )


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes along which ``shape`` was broadcast: the transpose of broadcasting."""
    wide = shape_of(x)
    if wide == shape:
        return x
    lead = len(wide) - len(shape)
    axes = tuple([i for i in range(len(wide)) if i < lead or shape[i - lead] != wide[i]])
    return (_sum_to if isinstance(x, Node) else sums.to_shape)(x, axes=axes, shape=shape)


def spread_to(x: Any, shape: tuple[int, ...]) -> Any:
    """``broadcast_to`` as rules use it: the shape is known to be one."""
    return (_broadcast_to if isinstance(x, Node) else _repeated)(x, shape=shape)


def _with_ones(shape: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


# --- the same elements ----------------------------------------------------------------------------


def astype(x: Operand, dtype: Any) -> Any:
    """The elements in another floating-point type.

    Raises:
        TypeError: ``dtype`` is not a floating-point type: integers have no derivative.
    """
    return _astype(x, dtype=floating(dtype))


def copy(x: Operand) -> Any:
    """The same elements in a node of their own; of a bare array, a new array."""
    return _copy(x)


def full_like(
    x: Operand, fill_value: Operand, dtype: Any = None, shape: int | tuple[int, ...] | None = None
) -> Any:
    """An array of the shape and dtype of ``x``, filled with a value that may be a node.

    ``x`` itself has no influence. ``np.zeros_like`` and ``np.ones_like`` of a node are bare arrays.

    Raises:
        TypeError: the value is a node and the dtype not a floating-point type.
    """
    if not isinstance(fill_value, Node):
        return np.full_like(bare(x), fill_value, dtype=dtype, shape=shape)
    like = np.empty_like(bare(x), dtype=dtype, shape=shape)
    return astype(broadcast_to(fill_value, like.shape), like.dtype)


def to_value(x: Operand) -> Any:
    """A tensor of one element as a scalar: a ``Value`` from a ``Tensor``."""
    return _to_value(x)
