"""Picking elements, and putting values in their places.

Whatever picks elements is ``getitem``, and its transpose is ``scatter``: an array of zeros with the
adjoints in the places that were picked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autodiff.adjoint import Masked, Scattered
from autodiff.arrays import Array, locked
from autodiff.graph import Node, Operand, Tensor, Value, bare, describe
from autodiff.kernels.buffers import frozen
from autodiff.kernels.scatter import add_at
from autodiff.ops.pointwise import where
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import (
    broadcast_to,
    normal_axis,
    ravel,
    reshape,
    shape_of,
    to_value,
)
from autodiff.primitive import Operands, Parameters

__all__ = [
    "choose",
    "compress",
    "extract",
    "getitem",
    "index_add",
    "index_update",
    "piecewise",
    "select",
    "take",
    "take_along_axis",
]


# --- the primitives -------------------------------------------------------------------------------


def _scatter_array(t: Any, *, index: Any, shape: tuple[int, ...], repeats: bool) -> Array:
    array = np.zeros(shape, dtype=np.asarray(t).dtype)
    if repeats:
        add_at(array, index, t)
    else:
        array[index] = t
    return array


_getitem = Linear(
    "getitem",
    lambda x, *, index, repeats: np.asarray(x)[index],
    lambda t, f, x, *, index, repeats: Scattered(
        t, index, repeats, partial(_scatter, index=index, shape=shape_of(x), repeats=repeats)
    ),
    text=lambda x, *, index, repeats: f"{x}[{_index_text(index)}]",
)
_scatter: Linear = Linear(
    "scatter",
    _scatter_array,
    lambda t, f, x, *, index, shape, repeats: _getitem(t, index=index, repeats=repeats),
    text=lambda t, *, index, shape, repeats: f"scatter[{_index_text(index)}]({t})",
)


def _updated(x: Any, values: Any, *, index: Any) -> Array:
    array = np.array(x)
    array[index] = values
    return array


def _increased(x: Any, values: Any, *, index: Any) -> Array:
    array = np.array(x)
    add_at(array, index, values)
    return array


class _IndexUpdate(Linear):
    """A choice like ``where``: what is overwritten gets no adjoint at all, not even zero."""

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        index, taken = parameters["index"], self._taken(i, f, parameters["index"])
        if i == 0:
            return Masked(_index_update(t, 0.0, index=index), taken)
        t = getitem(t, index)
        return t if taken is None else Masked(where(taken, t, 0.0), taken)

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        taken = self._taken(i, f, parameters["index"])
        mask = np.asarray(mask) if i == 0 else np.asarray(mask)[parameters["index"]]
        return mask if taken is None else mask & taken

    @staticmethod
    def _taken(i: int, f: Any, index: Any) -> Any:
        """Which elements of x, or of the values, are in the output; None for all of them."""
        if i == 0:
            return _updated(np.ones(shape_of(f), dtype=bool), False, index=index)
        if not _may_repeat(index):
            return None
        writer = np.empty(shape_of(f), dtype=int)
        numbers = np.arange(writer[index].size).reshape(writer[index].shape)
        writer[index] = numbers  # in the order in which the values were written
        return np.asarray(writer[index] == numbers)


_index_update = _IndexUpdate(
    "index_update", _updated, lambda t: t, lambda t: t, joint=True,
    text=lambda x, values, *, index: f"index_update({x}, [{_index_text(index)}], {values})",
)  # fmt: skip
_index_add = Linear(
    "index_add", _increased, lambda t, f, x, values, *, index: t,
    lambda t, f, x, values, *, index: getitem(t, index), joint=True,
    text=lambda x, values, *, index: f"index_add({x}, [{_index_text(index)}], {values})",
)  # fmt: skip


# --- indices --------------------------------------------------------------------------------------


def _may_repeat(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) and part.dtype != bool for part in parts)


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


def _fixed(index: Any) -> Any:
    """An index as the graph may keep it: the caller can't change it any more."""
    if isinstance(index, tuple):
        return tuple(map(_fixed_part, index))
    return _fixed_part(index)


def _fixed_part(part: Any) -> Any:
    if isinstance(part, Value):
        raise IndexError(f"an index is made of whole numbers, got {describe(part)}")
    if isinstance(part, Tensor):
        part = part.data
    if isinstance(part, (list, tuple)):
        part = np.asarray(part, dtype=None if part else int)
    return frozen(part) if isinstance(part, np.ndarray) else part


def _locked(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(locked(part) if isinstance(part, np.ndarray) else part for part in index)


def whole_array(name: str, given: Any) -> Array:
    """An array of whole numbers.

    Raises:
        TypeError: something else was given; the message calls it ``name``.
    """
    array = np.asarray(bare(given))
    if array.dtype.kind in "iub" or not array.size:
        return array.astype(np.intp, copy=False)
    raise TypeError(f"{name} takes whole numbers, got {describe(given)} of dtype {array.dtype}")


def _within(name: str, index: Array, length: int, mode: str) -> Array:
    """Whole numbers brought into the range of an axis as ``mode`` says."""
    if mode == "wrap" and length:
        return index % length
    if mode == "clip":
        return np.clip(index, 0, length - 1)
    if mode not in ("raise", "wrap"):
        raise ValueError(f"{name}: mode is 'raise', 'wrap' or 'clip', got {mode!r}")
    return index


# --- picking --------------------------------------------------------------------------------------


def getitem(x: Operand, index: Any) -> Any:
    """``x[index]`` for every kind of NumPy index; a place named twice gets both adjoints."""
    index = _fixed(index)
    return _getitem(x, index=index, repeats=_may_repeat(index))


def distinct(x: Operand, index: tuple[Any, ...]) -> Any:
    """``x[index]`` for an index that names no place twice: its transpose is faster.

    The index is a tuple, and its arrays belong to nobody else.
    """
    return _getitem(x, index=_locked(index), repeats=False)


def scatter_distinct(x: Operand, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with ``x`` at an index like that of ``distinct``."""
    return _scatter(x, index=_locked(index), shape=shape, repeats=False)


def take(a: Operand, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements, or slices along an axis, with the given numbers.

    Args:
        a: operand.
        indices: whole numbers of any shape, which takes the place of the axis.
        axis: where to pick; None picks from the flattened operand.
        mode: what to do with a number out of range: "raise", "wrap" around, or "clip" to the range
            (also a negative one).

    Raises:
        IndexError: a number is out of range.
        TypeError: the indices are not whole numbers.
    """
    if axis is None:
        a, axis = ravel(a), 0
    axis = normal_axis(axis, len(shape_of(a)))
    places = _within("take", whole_array("take", indices), shape_of(a)[axis], mode)
    return getitem(a, (slice(None),) * axis + (places if places.ndim else int(places),))


def take_along_axis(arr: Operand, indices: Any, axis: int | None = -1) -> Any:
    """The elements whose numbers along an axis are given for each place: ``sort`` from ``argsort``.

    Args:
        arr: operand.
        indices: whole numbers, with as many axes as ``arr``; the other axes broadcast.
        axis: along which they count; None counts in the flattened operand.

    Raises:
        ValueError: the numbers of axes differ.
    """
    return _along(arr, indices, axis, getitem)


def take_distinct_along_axis(arr: Operand, indices: Any, axis: int) -> Any:
    """``take_along_axis`` for indices like those of ``distinct``."""
    return _along(arr, indices, axis, distinct)


def _along(arr: Operand, indices: Any, axis: int | None, pick: Callable[..., Any]) -> Any:
    if axis is None:
        arr, axis = ravel(arr), 0
    places = whole_array("take_along_axis", indices)
    shape = shape_of(arr)
    if places.ndim != len(shape):
        raise ValueError(
            f"take_along_axis: expected indices with the {len(shape)} axes of {describe(arr)}, "
            f"got shape {places.shape}"
        )
    axis = normal_axis(axis, len(shape))
    index = list(np.ix_(*map(np.arange, shape)))
    index[axis] = places
    return pick(arr, tuple(index))


def compress(condition: Any, a: Operand, axis: int | None = None) -> Any:
    """The slices along an axis for which a condition holds; it may be shorter than the axis.

    Raises:
        ValueError: the condition is not a vector.
    """
    holds = np.asarray(bare(condition))
    if holds.ndim != 1:
        raise ValueError(f"compress: the condition is a vector, got one of shape {holds.shape}")
    if axis is None:
        a, axis = ravel(a), 0
    axis = normal_axis(axis, len(shape_of(a)))
    return distinct(a, (slice(None),) * axis + (np.flatnonzero(holds),))


def extract(condition: Any, arr: Operand) -> Any:
    """The elements, flattened, for which a condition of as many elements holds."""
    return distinct(ravel(arr), (np.flatnonzero(np.asarray(bare(condition))),))


# --- putting --------------------------------------------------------------------------------------


def index_update(x: Operand, index: Any, values: Operand) -> Any:
    """The operand with other values at an index: what ``x[index] = values`` would have made of it.

    What is overwritten has no influence, and none on the gradient: not even an inf or a nan of its
    own derivative gets in. Of a place named repeatedly the last value counts.

    Args:
        x: operand; it stays as it is.
        index: of any kind that NumPy knows.
        values: what to put there; they broadcast against ``x[index]``, and take on the dtype of x.

    Raises:
        IndexError: the index doesn't fit the operand.
        TypeError: real values, as a node, can't go into an array of integers.
        ValueError: the values don't broadcast.

    Example:
        >>> from autodiff import Tensor, index_update
        >>> x, v = Tensor([1.0, 2.0, 3.0]), Tensor([5.0, 7.0])
        >>> y = index_update(x, [0, 0], v)
        >>> y.data
        array([7., 2., 3.])
        >>> y.sum().backward()
        >>> x.grad, v.grad
        (array([0., 1., 1.]), array([0., 1.]))
    """
    index = _fixed(index)
    return _index_update(x, _fitting("index_update", x, index, values), index=index)


def index_add(x: Operand, index: Any, values: Operand) -> Any:
    """The operand with values added at an index; a place named repeatedly gets all of its values.

    What ``np.add.at(x, index, values)`` would have made of ``x``; arguments as for
    ``index_update``.

    Example:
        >>> from autodiff import Tensor, index_add
        >>> index_add(Tensor([1.0, 2.0, 3.0]), [0, 0], [5.0, 7.0]).data
        array([13.,  2.,  3.])
    """
    index = _fixed(index)
    return _index_add(x, _fitting("index_add", x, index, values), index=index)


def _fitting(name: str, x: Operand, index: Any, values: Operand) -> Any:
    """Values without the leading axes of length 1 that an assignment may have too many."""
    if isinstance(values, Node) and np.asarray(bare(x)).dtype.kind != "f":
        raise TypeError(
            f"{name}: {describe(values)} can't be put into {describe(x)}, which is not of a "
            "floating-point dtype: use x.astype(float)"
        )
    shape = shape_of(values)
    if len(shape) < 2:
        return values
    extra = len(shape) - np.empty(shape_of(x), dtype=bool)[index].ndim
    fits = extra <= 0 or set(shape[:extra]) > {1}
    return values if fits else reshape(values, shape[extra:])


# --- choosing -------------------------------------------------------------------------------------


def choose(a: Any, choices: Sequence[Operand], mode: str = "raise") -> Any:
    """Element by element the choice with the given number; all broadcast against each other.

    Args:
        a: whole numbers.
        choices: the operands to choose from; elements not chosen have no influence, as in
            ``where``.
        mode: as for ``take``.

    Raises:
        ValueError: there is no choice, or a number is out of range.
    """
    options = list(choices)
    if not options:
        raise ValueError("choose: expected at least one choice, got none")
    number = _within("choose", whole_array("choose", a), len(options), mode)
    if number.size and not 0 <= number.min() <= number.max() < len(options):
        raise ValueError(f"choose: expected numbers of {len(options)} choices, got others in {a}")
    chosen = broadcast_to(options[0], np.broadcast_shapes(number.shape, *map(shape_of, options)))
    for i, option in enumerate(options[1:], start=1):
        chosen = where(number == i, option, chosen)
    return chosen


def select(condlist: Sequence[Any], choicelist: Sequence[Operand], default: Operand = 0) -> Any:
    """Element by element the choice of the first condition that holds.

    Args:
        condlist: boolean arrays.
        choicelist: as many operands; elements not chosen have no influence, as in ``where``.
        default: where no condition holds.

    Raises:
        TypeError: a condition is not boolean.
        ValueError: there are not as many conditions as choices, or there are none.
    """
    conditions = [np.asarray(bare(condition)) for condition in condlist]
    if not conditions or len(conditions) != len(choicelist):
        raise ValueError(
            f"select: expected as many conditions as choices, got {len(conditions)} and "
            f"{len(choicelist)}"
        )
    for condition in conditions:
        if condition.dtype != bool:
            raise TypeError(f"select: expected boolean conditions, got {condition.dtype}")
    chosen = default
    for condition, choice in zip(conditions[::-1], list(choicelist)[::-1], strict=True):
        chosen = where(condition, choice, chosen)
    return chosen


def piecewise(
    x: Operand, condlist: Any, funclist: Sequence[Any], *arguments: Any, **options: Any
) -> Any:
    """A function in pieces: on the elements where a condition holds, its own function.

    Each function is called with the vector of its elements only, so that it is never computed
    where it has no meaning. Where several conditions hold, the last one counts.

    Args:
        x: operand.
        condlist: boolean arrays of the shape of ``x``.
        funclist: for each a function, or a number; one more is for where no condition holds.
        arguments: passed on to the functions.
        options: likewise.

    Raises:
        ValueError: there are not as many functions as conditions, or one more.

    Example:
        >>> from autodiff import Tensor, log, piecewise
        >>> x = Tensor([-1.0, 0.5, 2.0])
        >>> piecewise(x, [x > 0], [log, 0.0]).sum().backward()
        >>> x.grad
        array([0. , 2. , 0.5])
    """
    shape = shape_of(x)
    if isinstance(condlist, (list, tuple)):
        condlist = [bare(condition) for condition in condlist]
    conditions = np.array(bare(condlist), dtype=bool)
    if conditions.ndim == len(shape):  # a single one, without a list around it
        conditions = conditions[np.newaxis]
    if len(funclist) == len(conditions) + 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    elif len(funclist) != len(conditions):
        raise ValueError(
            f"piecewise: expected {len(conditions)} functions, or one more, got {len(funclist)}"
        )
    y: Any = np.zeros(shape, dtype=np.asarray(bare(x)).dtype)
    for condition, piece in zip(conditions, funclist, strict=True):
        if not callable(piece):
            y = index_update(y, condition, piece)
        elif condition.any():
            y = index_update(y, condition, piece(getitem(x, condition), *arguments, **options))
    return to_value(y) if isinstance(x, Value) and isinstance(y, Node) else y
