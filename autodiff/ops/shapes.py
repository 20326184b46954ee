"""Primitives that move, repeat or join elements: each is linear, each states its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from operator import index as whole_number
from typing import Any

import numpy as np

from autodiff.adjoint import Scattered
from autodiff.arrays import Array, floating, frozen
from autodiff.graph import Axes, Operand, Tensor, bare
from autodiff.ops.rules import Linear
from autodiff.primitive import Operands, Parameters

__all__ = [
    "astype",
    "broadcast_to",
    "concatenate",
    "getitem",
    "pad",
    "reshape",
    "stack",
    "transpose",
]


def shape_of(x: Operand) -> tuple[int, ...]:
    """The shape of a node, an array or a number."""
    return np.shape(bare(x))


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
    axes = sorted(a + ndim if a < 0 else a for a in whole_numbers("axis", axis))
    if any(a not in range(ndim) for a in axes) or len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis} does not fit an operand of {ndim} dimensions")
    return tuple(axes)


def whole_numbers(name: str, given: Any) -> tuple[int, ...]:
    """A whole number, or several, as a tuple of Python's.

    Raises:
        TypeError: something else was given; the message calls it ``name``.
    """
    try:
        return tuple(
            whole_number(n) for n in (given if isinstance(given, (tuple, list)) else (given,))
        )
    except TypeError:
        raise TypeError(f"{name} takes whole numbers, got {given!r}") from None


# --- reshape, transpose, broadcast ----------------------------------------------------------------

_reshape: Linear = Linear(
    "reshape",
    lambda x, *, shape: np.reshape(x, shape),
    lambda t, f, x, *, shape: _reshape(t, shape=shape_of(x)),
)
_transpose: Linear = Linear(
    "transpose",
    lambda x, *, axes: np.transpose(x, axes),
    lambda t, f, x, *, axes: _transpose(t, axes=tuple(np.argsort(axes))),
)
_broadcast_to = Linear(
    "broadcast_to",
    lambda x, *, shape: np.broadcast_to(x, shape),
    lambda t, f, x, *, shape: sum_to(t, shape_of(x)),
)
_sum_to = Linear(
    "sum_to",
    lambda x, *, axes, shape: np.sum(x, axis=axes).reshape(shape),
    lambda t, f, x, *, axes, shape: _broadcast_to(
        _reshape(t, shape=_with_ones(shape_of(x), axes)), shape=shape_of(x)
    ),
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


def reshape(x: Operand, shape: int | tuple[int, ...]) -> Any:
    """The same elements, in C order, under another shape; one length may be -1."""
    return _reshape(x, shape=shape)


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order, reversed if none is given; a view without a copy."""
    ndim = len(shape_of(x))
    given = tuple(range(ndim))[::-1] if axes is None else whole_numbers("transpose", tuple(axes))
    order = tuple(a + ndim if a < 0 else a for a in given)
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"transpose: axes {axes} are no permutation of {ndim} axes")
    return _transpose(x, axes=order)


def broadcast_to(x: Operand, shape: int | tuple[int, ...]) -> Any:
    """The operand repeated to a larger shape, under NumPy's rules; a view without a copy."""
    return _broadcast_to(x, shape=whole_numbers("broadcast_to", shape))


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes along which ``shape`` was broadcast: the transpose of broadcasting."""
    wide = shape_of(x)
    if wide == shape:
        return x
    lead = len(wide) - len(shape)
    axes = tuple(i for i in range(len(wide)) if i < lead or shape[i - lead] != wide[i])
    return _sum_to(x, axes=axes, shape=shape)


def astype(x: Operand, dtype: Any) -> Any:
    """The elements in another floating-point type.

    Raises:
        TypeError: ``dtype`` is not a floating-point type: integers have no derivative.
    """
    return _astype(x, dtype=floating(dtype))


def to_value(x: Operand) -> Any:
    """A tensor of one element as a scalar: a ``Value`` from a ``Tensor``."""
    return _to_value(x)


def _with_ones(shape: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


# --- pad, concatenate -----------------------------------------------------------------------------


class _Pad(Linear):
    """Linear up to its constant border, which doesn't move."""

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return super().jvp(tangents, f, operands, {**parameters, "value": 0.0})


_pad = _Pad(
    "pad",
    lambda x, *, widths, value: np.pad(x, widths, constant_values=value),
    lambda t, f, x, *, widths, value: getitem(t, _inside(widths, shape_of(x))),
)


def _inside(widths: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The index of the operand within its padded self."""
    return tuple(slice(w, w + n) for (w, _), n in zip(widths, shape, strict=True))


def pad(x: Operand, pad_width: Any, mode: str = "constant", *, constant_values: float = 0.0) -> Any:
    """The operand with a border of a constant.

    Args:
        x: operand of n dimensions.
        pad_width: a number, a pair (before, after), or a pair per axis.
        mode: "constant", the only one that has a rule.
        constant_values: what the border is made of.

    Raises:
        TypeError: another mode is asked for.
        ValueError: the widths are negative or don't fit the number of dimensions.
    """
    if mode != "constant":
        raise TypeError(f"np.pad of a node has a rule for mode='constant' only, got {mode!r}")
    shape = shape_of(x)
    try:
        pairs = np.broadcast_to(np.asarray(pad_width), (len(shape), 2))
    except ValueError:
        raise ValueError(
            f"pad: widths {pad_width} do not fit an operand of shape {shape}"
        ) from None
    if pairs.dtype.kind not in "iu" or pairs.min(initial=0) < 0:
        raise ValueError(f"pad: widths are whole numbers and never negative, got {pad_width}")
    return _pad(x, widths=tuple((int(a), int(b)) for a, b in pairs), value=constant_values)


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


def concatenate(operands: Sequence[Operand], axis: int = 0) -> Any:
    """The operands one behind the other along an existing axis.

    Raises:
        ValueError: there is no operand, or shapes differ in another axis than ``axis``.
    """
    if not len(operands):
        raise ValueError("concatenate: expected at least one operand, got none")
    shapes = [shape_of(operand) for operand in operands]
    axis = _one_axis(axis, len(shapes[0]))
    # Where the operands end; if their dimensions differ, NumPy says so.
    ends = tuple(accumulate(shape[axis] if axis < len(shape) else 0 for shape in shapes))
    return _concatenate(*operands, axis=axis, ends=ends)


def _one_axis(axis: int, ndim: int) -> int:
    if axis is None or isinstance(axis, tuple):
        raise TypeError(f"expected one axis, a whole number, got {axis!r}")
    return normal_axes(axis, ndim)[0]


def stack(operands: Sequence[Operand], axis: int = 0) -> Any:
    """The operands side by side along a new axis; of scalars, a vector.

    Example:
        >>> from autodiff import Value, stack
        >>> a, b = Value(1.0), Value(2.0)
        >>> (stack([a, b]) ** 2).sum().backward()
        >>> a.grad, b.grad
        (2.0, 4.0)
    """
    shapes = {shape_of(operand) for operand in operands}
    if not shapes:
        raise ValueError("stack: expected at least one operand, got none")
    if len(shapes) != 1:
        raise ValueError(f"stack: expected operands of one shape, got {sorted(shapes)}")
    (shape,) = shapes
    axis = _one_axis(axis, len(shape) + 1)
    wide = (*shape[:axis], 1, *shape[axis:])
    return concatenate([reshape(operand, wide) for operand in operands], axis)


# --- indexing -------------------------------------------------------------------------------------


def _may_repeat(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) and part.dtype != bool for part in parts)


def _scatter_array(t: Any, *, index: Any, shape: tuple[int, ...]) -> Array:
    array = np.zeros(shape, dtype=np.asarray(t).dtype)
    if _may_repeat(index):
        np.add.at(array, index, t)
    else:
        array[index] = t
    return array


_getitem = Linear(
    "getitem",
    lambda x, *, index: np.asarray(x)[index],
    lambda t, f, x, *, index: Scattered(
        t, index, _may_repeat(index), partial(_scatter, index=index, shape=shape_of(x))
    ),
    text=lambda x, *, index: f"{x}[{_index_text(index)}]",
)
_scatter: Linear = Linear(
    "scatter",
    _scatter_array,
    lambda t, f, x, *, index, shape: getitem(t, index),
)


def _index_text(index: Any) -> str:
    """An index as it is written between brackets."""
    if isinstance(index, tuple):
        return ", ".join(map(_index_text, index))
    if isinstance(index, slice):
        start, stop, step = (
            "" if n is None else str(n) for n in (index.start, index.stop, index.step)
        )
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if isinstance(index, np.ndarray):
        return str(index.tolist()) if index.size <= 8 else f"array of shape {index.shape}"
    return "..." if index is Ellipsis else str(index)


def getitem(x: Operand, index: Any) -> Any:
    """``x[index]`` for every kind of NumPy index; a place named twice gets both adjoints."""
    parts = index if isinstance(index, tuple) else (index,)
    fixed = tuple(_fixed(part) for part in parts)
    return _getitem(x, index=fixed if isinstance(index, tuple) else fixed[0])


def _fixed(part: Any) -> Any:
    """A part of an index as the graph may keep it: the caller can't change it any more."""
    if isinstance(part, Tensor):
        part = part.data
    if isinstance(part, (list, tuple)):
        part = np.asarray(part, dtype=None if part else int)
    return frozen(part) if isinstance(part, np.ndarray) else part
