"""Joining operands, and splitting them: what is joined is split again on the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from autodiff.graph import Operand, Value, bare, describe
from autodiff.ops.indexing import getitem
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import (
    astype,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    normal_axis,
    ravel,
    reshape,
    shape_of,
    transpose,
    whole_numbers,
)
from autodiff.primitive import Operands, Parameters

__all__ = [
    "append",
    "array_split",
    "block",
    "column_stack",
    "concat",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "meshgrid",
    "split",
    "stack",
    "unstack",
    "vsplit",
    "vstack",
]


class _Concatenate(Linear):
    """Takes any number of operands, each of which gets back its own part of the adjoint."""

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        axis, ends = parameters["axis"], parameters["ends"]
        own = slice(ends[i - 1] if i else 0, ends[i])
        return getitem(t, (slice(None),) * axis + (own,))

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return self.vjp(i, mask, f, operands, parameters)

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        return f"concatenate({', '.join(names)}, axis={parameters['axis']})"

    def _is_constant(self, i: int) -> bool:
        return False


_concatenate = _Concatenate(
    "concatenate", lambda *operands, axis, ends: np.concatenate(operands, axis), joint=True
)


# --- joining --------------------------------------------------------------------------------------


def concatenate(operands: Sequence[Operand], axis: int | None = 0) -> Any:
    """The operands one behind the other along an existing axis; flattened if it is None.

    Raises:
        ValueError: there is no operand, or shapes differ in another axis than ``axis``.
    """
    parts = list(operands)
    if not parts:
        raise ValueError("concatenate: expected at least one operand, got none")
    if axis is None:
        parts, axis = _with_axes(parts, ravel), 0
    shapes = [shape_of(part) for part in parts]
    axis = normal_axis(axis, len(shapes[0]))
    # Where the operands end; if their dimensions differ, NumPy says so.
    ends = tuple(accumulate(shape[axis] if axis < len(shape) else 0 for shape in shapes))
    return _concatenate(*parts, axis=axis, ends=ends)


concat = concatenate


def stack(operands: Sequence[Operand], axis: int = 0) -> Any:
    """The operands side by side along a new axis; of scalars, a vector.

    Example:
        >>> from autodiff import Value, stack
        >>> a, b = Value(1.0), Value(2.0)
        >>> (stack([a, b]) ** 2).sum().backward()
        >>> a.grad, b.grad
        (2.0, 4.0)
    """
    parts = list(operands)
    shapes = {shape_of(part) for part in parts}
    if not shapes:
        raise ValueError("stack: expected at least one operand, got none")
    if len(shapes) != 1:
        raise ValueError(f"stack: expected operands of one shape, got {sorted(shapes)}")
    (shape,) = shapes
    axis = normal_axis(axis, len(shape) + 1)
    wide = (*shape[:axis], 1, *shape[axis:])
    return concatenate(_with_axes(parts, lambda part: reshape(part, wide)), axis)


def vstack(tup: Sequence[Operand]) -> Any:
    """The operands one below the other; vectors are rows."""
    return concatenate(_with_axes(tup, atleast_2d), 0)


def hstack(tup: Sequence[Operand]) -> Any:
    """The operands one beside the other; vectors and scalars along their only axis."""
    parts = _with_axes(tup, atleast_1d)
    return concatenate(parts, 0 if parts and len(shape_of(parts[0])) == 1 else 1)


def dstack(tup: Sequence[Operand]) -> Any:
    """The operands one behind the other along the third axis."""
    return concatenate(_with_axes(tup, atleast_3d), 2)


def column_stack(tup: Sequence[Operand]) -> Any:
    """The operands one beside the other; vectors are columns."""
    return concatenate(_with_axes(tup, _as_columns), 1)


def _as_columns(x: Operand) -> Any:
    return x if len(shape_of(x)) > 1 else transpose(atleast_2d(x))


def append(arr: Operand, values: Operand, axis: int | None = None) -> Any:
    """``values`` behind ``arr`` along an axis; both flattened if it is None."""
    return concatenate([arr, values], axis)


def block(arrays: Any) -> Any:
    """A large array from nested lists of blocks, as they would be written on paper.

    The innermost lists are joined along the last axis, the next along the one before, and so on.

    Raises:
        ValueError: lists are nested to different depths, a list is empty, or shapes don't fit.

    Example:
        >>> import numpy as np
        >>> from autodiff import block
        >>> block([[np.eye(2), np.zeros((2, 1))], [np.zeros((1, 2)), 5.0]])
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 5.]])
    """
    depth, leaves = _depth(arrays), list[Any]()
    _gather(arrays, depth, leaves)
    ndim = max([depth, *(len(shape_of(leaf)) for leaf in leaves)])
    raised = iter(
        _with_axes(leaves, lambda x: reshape(x, (1,) * (ndim - len(shape_of(x))) + shape_of(x)))
    )

    def joined(nested: Any, left: int) -> Any:
        return concatenate([joined(n, left - 1) for n in nested], -left) if left else next(raised)

    return joined(arrays, depth)


def _depth(nested: Any) -> int:
    depth = 0
    while isinstance(nested, list):
        if not nested:
            raise ValueError("block: expected at least one block in each list, got none")
        depth, nested = depth + 1, nested[0]
    return depth


def _gather(nested: Any, depth: int, leaves: list[Any]) -> None:
    """Collect the blocks in their order."""
    if isinstance(nested, list) != bool(depth):
        raise ValueError(f"block: lists are nested to different depths; found {describe(nested)}")
    if not depth:
        leaves.append(nested)
        return
    if not nested:
        raise ValueError("block: expected at least one block in each list, got none")
    for inner in nested:
        _gather(inner, depth - 1, leaves)


def _with_axes(operands: Sequence[Operand], raised: Callable[[Any], Any]) -> list[Any]:
    """The operands with enough axes to be joined.

    Scalars are weak, as in arithmetic: among arrays of float32 they are float32.
    """
    parts = list(operands)
    strong = [np.asarray(bare(part)).dtype for part in parts if not _is_weak(part)]
    dtype = np.result_type(*strong) if strong else np.dtype(float)
    if dtype.kind != "f" or dtype == np.float64:
        return [raised(part) for part in parts]
    return [astype(raised(part), dtype) if _is_weak(part) else raised(part) for part in parts]


def _is_weak(operand: Any) -> bool:
    return isinstance(operand, Value) or operand.__class__ in (float, int, bool)


def meshgrid(
    *xi: Operand, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    """The coordinates of all points of a grid, from those along its axes.

    Args:
        xi: a vector for each axis.
        copy: is without meaning here, for no result can be written to.
        sparse: leave the coordinates with length 1 along the other axes.
        indexing: "ij" lets the first vector run along the first axis, "xy" along the second.

    Raises:
        ValueError: ``indexing`` is another.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', got {indexing!r}")
    rank = len(xi)
    order = [1, 0, *range(2, rank)] if indexing == "xy" and rank > 1 else [*range(rank)]
    grids = [
        reshape(x, tuple(-1 if i == place else 1 for i in range(rank)))
        for x, place in zip(xi, order, strict=True)
    ]
    shape = np.broadcast_shapes(*map(shape_of, grids))
    return tuple(grids) if sparse else tuple(broadcast_to(grid, shape) for grid in grids)


# --- splitting ------------------------------------------------------------------------------------


def array_split(ary: Operand, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """The parts of an operand along an axis, as views.

    Args:
        ary: operand.
        indices_or_sections: in how many parts, the first of them longer by one if they can't be
            equal; or where to split.
        axis: along which.

    Raises:
        ValueError: the number of parts is not positive, or the axis out of range.
    """
    shape = shape_of(ary)
    axis = normal_axis(axis, len(shape))
    places = whole_numbers("array_split", indices_or_sections)
    if np.ndim(indices_or_sections) == 0:
        (count,) = places
        if count < 1:
            raise ValueError(f"array_split: expected a positive number of parts, got {count}")
        least, longer = divmod(shape[axis], count)
        places = tuple(accumulate(least + (i < longer) for i in range(count - 1)))
    bounds = zip((0, *places), (*places, shape[axis]), strict=True)
    return [getitem(ary, (slice(None),) * axis + (slice(*pair),)) for pair in bounds]


def split(ary: Operand, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Like ``array_split``, and the parts that a number asks for must be equal.

    Raises:
        ValueError: the axis can't be divided into equal parts.

    Example:
        >>> from autodiff import Tensor, split
        >>> x = Tensor([1.0, 2.0, 3.0, 4.0])
        >>> a, b = split(x, 2)
        >>> (a * b).sum().backward()
        >>> x.grad
        array([3., 4., 1., 2.])
    """
    length = shape_of(ary)[normal_axis(axis, len(shape_of(ary)))]
    if np.ndim(indices_or_sections) == 0:
        (count,) = whole_numbers("split", indices_or_sections)
        if count < 1 or length % count:
            raise ValueError(
                f"split: axis {axis} of {describe(ary)} can't be divided into {count} equal parts; "
                "array_split divides into unequal ones"
            )
    return array_split(ary, indices_or_sections, axis)


def hsplit(ary: Operand, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """``split`` along the second axis; of a vector, along its only one."""
    _require_axes("hsplit", ary, 1)
    return split(ary, indices_or_sections, 1 if len(shape_of(ary)) > 1 else 0)


def vsplit(ary: Operand, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """``split`` along the first axis of at least two."""
    _require_axes("vsplit", ary, 2)
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Operand, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """``split`` along the third axis."""
    _require_axes("dsplit", ary, 3)
    return split(ary, indices_or_sections, 2)


def _require_axes(name: str, x: Operand, least: int) -> None:
    if len(shape_of(x)) < least:
        raise ValueError(f"{name}: expected an operand of {least} axes at least, got {describe(x)}")


def unstack(x: Operand, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices along an axis, without it: what ``stack`` would join to the operand again."""
    shape = shape_of(x)
    axis = normal_axis(axis, len(shape))
    return tuple(getitem(x, (slice(None),) * axis + (i,)) for i in range(shape[axis]))
