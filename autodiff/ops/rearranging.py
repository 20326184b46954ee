"""Elements in other places: turned around, shifted, repeated, left out, put in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.graph import Axes, Operand, bare, describe
from autodiff.ops.indexing import distinct, getitem, whole_array
from autodiff.ops.joining import concatenate
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import (
    astype,
    broadcast_to,
    moveaxis,
    normal_axes,
    normal_axis,
    ravel,
    reshape,
    shape_of,
    transpose,
    whole_numbers,
)

__all__ = [
    "delete",
    "flip",
    "fliplr",
    "flipud",
    "insert",
    "repeat",
    "resize",
    "roll",
    "rot90",
    "tile",
]

# --- turned and shifted ---------------------------------------------------------------------------

_roll: Linear = Linear(
    "roll",
    lambda x, *, shift, axis: np.roll(x, shift, axis),
    lambda t, f, x, *, shift, axis: _roll(t, shift=tuple(-s for s in shift), axis=axis),
)


def flip(m: Operand, axis: Axes = None) -> Any:
    """The elements in reverse order along some or all axes; a view without a copy."""
    ndim = len(shape_of(m))
    axes = normal_axes(axis, ndim)
    return getitem(m, tuple(slice(None, None, -1 if i in axes else None) for i in range(ndim)))


def flipud(m: Operand) -> Any:
    """The rows in reverse order."""
    return flip(m, 0)


def fliplr(m: Operand) -> Any:
    """The columns in reverse order."""
    return flip(m, 1)


def rot90(m: Operand, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """The plane of two axes rotated by ``k`` right angles, from the first towards the second.

    Raises:
        ValueError: ``axes`` are not two different axes of the operand.
    """
    ndim = len(shape_of(m))
    if np.size(axes) != 2:
        raise ValueError(f"rot90: expected two axes, got {axes}")
    first, second = (normal_axis(axis, ndim) for axis in axes)
    if first == second:
        raise ValueError(f"rot90: expected two different axes of {describe(m)}, got {axes}")
    order = list(range(ndim))
    order[first], order[second] = second, first
    match k % 4:
        case 1:
            return transpose(flip(m, second), order)
        case 2:
            return flip(m, (first, second))
        case 3:
            return flip(transpose(m, order), second)
    return flip(m, ())


def roll(
    x: Operand, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None
) -> Any:
    """The elements shifted along axes; what leaves at one end comes in at the other.

    Args:
        x: operand.
        shift: by how many places; one number for all axes, or one for each.
        axis: along which axes, an axis named twice is shifted twice; None shifts all elements as
            they are read.

    Raises:
        ValueError: an axis is out of range, or shifts and axes don't fit together.
    """
    shifts = whole_numbers("roll", shift)
    if axis is None:
        return reshape(_roll(ravel(x), shift=(sum(shifts),), axis=(0,)), shape_of(x))
    axes = tuple(normal_axis(a, len(shape_of(x))) for a in whole_numbers("axis", axis))
    if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
        raise ValueError(f"roll: {len(shifts)} shifts do not fit {len(axes)} axes")
    count = max(len(shifts), len(axes))
    return _roll(
        x,
        shift=shifts * (count if len(shifts) == 1 else 1),
        axis=axes * (count if len(axes) == 1 else 1),
    )


# --- repeated -------------------------------------------------------------------------------------


def tile(A: Operand, reps: int | Sequence[int]) -> Any:
    """The operand as a tile, laid ``reps`` times along each axis.

    Raises:
        ValueError: a number is negative.
    """
    counts = whole_numbers("tile", reps)
    if any(count < 0 for count in counts):
        raise ValueError(f"tile: expected numbers that are not negative, got {reps}")
    ndim = max(len(counts), len(shape_of(A)))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - len(shape_of(A))) + shape_of(A)
    apart = tuple(length for n in shape for length in (1, n))
    wide = tuple(length for pair in zip(counts, shape, strict=True) for length in pair)
    whole = tuple(count * n for count, n in zip(counts, shape, strict=True))
    return reshape(broadcast_to(reshape(A, apart), wide), whole)


def repeat(a: Operand, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Each element, or slice along an axis, repeated on the spot.

    Args:
        a: operand.
        repeats: how often; one number, or one for each.
        axis: along which; None repeats the elements of the flattened operand.

    Raises:
        ValueError: a number is negative, or there are not as many as elements.
    """
    if axis is None:
        a, axis = ravel(a), 0
    shape = shape_of(a)
    axis = normal_axis(axis, len(shape))
    counts = whole_array("repeat", repeats)
    if counts.ndim > 1 or counts.size not in (1, shape[axis]):
        raise ValueError(
            f"repeat: expected one number, or one for each of {shape[axis]}, got {repeats}"
        )
    if counts.min(initial=0) < 0:
        raise ValueError(f"repeat: expected numbers that are not negative, got {repeats}")
    before, n, after = shape[:axis], shape[axis], shape[axis + 1 :]
    if counts.size != 1:
        return getitem(a, (slice(None),) * axis + (np.repeat(np.arange(n), counts),))
    count = int(counts.item())
    apart = reshape(a, (*before, n, 1, *after))
    return reshape(broadcast_to(apart, (*before, n, count, *after)), (*before, n * count, *after))


def resize(a: Operand, new_shape: int | Sequence[int]) -> Any:
    """The elements in another shape: the first ones, or all of them again and again.

    Raises:
        ValueError: a length is negative.
    """
    shape = whole_numbers("resize", new_shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"resize: expected lengths that are not negative, got {new_shape}")
    flat = ravel(a)
    size, have = int(np.prod(shape)), shape_of(flat)[0]
    if size <= have:
        return reshape(getitem(flat, slice(size)), shape)
    if not have:
        return np.zeros(shape, np.asarray(bare(a)).dtype)
    return reshape(getitem(tile(flat, -(-size // have)), slice(size)), shape)


# --- left out, put in between ---------------------------------------------------------------------


def delete(arr: Operand, obj: Any, axis: int | None = None) -> Any:
    """The operand without some of its slices along an axis.

    Args:
        arr: operand.
        obj: which: a whole number, several of them, a slice, or a mask.
        axis: along which; None takes elements from the flattened operand.

    Raises:
        IndexError: a number is out of range.
    """
    if axis is None:
        arr, axis = ravel(arr), 0
    axis = normal_axis(axis, len(shape_of(arr)))
    kept = np.delete(np.arange(shape_of(arr)[axis]), bare(obj))
    return distinct(arr, (slice(None),) * axis + (kept,))


def insert(arr: Operand, obj: Any, values: Operand, axis: int | None = None) -> Any:
    """The operand with values put in before some of its slices along an axis.

    Args:
        arr: operand.
        obj: before which: a whole number, several of them, a slice, or a mask.
        values: what to put in; they broadcast, and take on the dtype of ``arr``. Before a single
            number any number of slices can be put.
        axis: along which; None puts values into the flattened operand.

    Raises:
        IndexError: a number is out of range.
        ValueError: the values don't broadcast.

    Example:
        >>> import numpy as np
        >>> from autodiff import insert
        >>> insert(np.array([1.0, 2.0, 3.0]), [1, 1, 3], [7.0, 8.0, 9.0])
        array([1., 7., 8., 2., 3., 9.])
    """
    if axis is None:
        arr, axis = ravel(arr), 0
    shape = shape_of(arr)
    axis = normal_axis(axis, len(shape))
    obj = bare(obj)
    given = (1,) * (len(shape) - len(shape_of(values))) + shape_of(values)
    values = reshape(values, given)
    if np.ndim(obj) == 0 and not isinstance(obj, slice):
        values = moveaxis(values, 0, axis)  # NumPy's rule for a single place
    places = np.arange(*obj.indices(shape[axis])) if isinstance(obj, slice) else np.asarray(obj)
    if places.dtype == bool:
        places = np.flatnonzero(places)
    count = shape_of(values)[axis] if places.size == 1 else places.size
    values = broadcast_to(values, (*shape[:axis], count, *shape[axis + 1 :]))
    dtype = np.asarray(bare(arr)).dtype
    if np.asarray(bare(values)).dtype != dtype:
        values = astype(values, dtype)
    before = places.item() if places.size == 1 else places
    order = np.insert(np.arange(shape[axis]), before, shape[axis] + np.arange(count))
    return distinct(concatenate([arr, values], axis), (slice(None),) * axis + (order,))
