"""Borders around an operand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels.scatter import add_at
from autodiff.ops import reductions
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.rearranging import flip
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import as_operand, broadcast_to, shape_of
from autodiff.ops.sorting import sort
from autodiff.primitive import Operands, Parameters

__all__ = [
    "pad",
]

Pairs: TypeAlias = tuple[tuple[Any, Any], ...]
"""For each axis something before, and something after."""
Mode: TypeAlias = Callable[..., Any]
"""``mode(x, widths, option)``: the operand with its border."""


class _Pad(Linear):
    """Linear up to its constant border, which doesn't move."""

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return super().jvp(tangents, f, operands, {**parameters, "value": 0.0})


_pad = _Pad(
    "pad",
    lambda x, *, widths, value: np.pad(x, widths, constant_values=value) if widths else x,
    lambda t, f, x, *, widths, value: getitem(t, _inside(widths, shape_of(x))),
)


def _folded(t: Array, *, widths: Pairs, mode: Any) -> Array:
    """Each element of a border added to that which it was picked from, axis by axis."""
    folded: Array = np.array(t)
    for axis, (before, after) in enumerate(widths):
        rows = np.moveaxis(folded, axis, 0)
        end = len(rows) - after
        if before or after:
            picked = np.pad(np.arange(end - before), (before, after), mode)
            border = np.r_[:before, end : len(rows)]
            add_at(rows[before:end], picked[border], rows[border])
        folded = np.asarray(np.moveaxis(rows[before:end], 0, axis))
    inside: Array = folded.copy()
    return inside


_pick: Linear = Linear(
    "pad",
    lambda x, *, widths, mode: np.pad(x, widths, mode) if widths else x,
    lambda t, f, x, **border: _fold(t, **border),
)
_fold: Linear = Linear("fold", _folded, lambda t, f, x, **border: _pick(t, **border))


def _inside(widths: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The index of the operand within its padded self."""
    return tuple(slice(w, w + n) for (w, _), n in zip(widths, shape, strict=True))


def pad(array: Operand, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    """The operand with a border.

    Args:
        array: operand of n dimensions.
        pad_width: a number, a pair (before, after), or a pair per axis.
        mode: what the border is made of, axis by axis:

            * "constant": ``constant_values``, 0 unless given;
            * "linear_ramp": a straight line to ``end_values``, 0 unless given;
            * "edge": the outermost element; "wrap": the elements from the other end;
            * "reflect" and "symmetric": the elements mirrored, without and with the outermost;
              with ``reflect_type="odd"`` mirrored also in value, at the outermost element;
            * "maximum", "minimum", "mean", "median": of the ``stat_length`` nearest elements, of
              all unless given.
        options: those that are named with their modes. Values and lengths may be given as
            ``pad_width`` may.

    Raises:
        TypeError: a mode has no such option, or an option is a node.
        ValueError: there is no such mode, or the widths don't fit the operand.

    Example:
        >>> import numpy as np
        >>> from autodiff import pad
        >>> pad(np.array([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
        array([3., 2., 1., 2., 3., 2.])
    """
    if mode not in _MODES:
        known = ", ".join(_MODES)
        raise ValueError(f"pad: expected one of the modes {known}, got {mode!r}")
    make, option = _MODES[mode]
    for name, value in options.items():
        if name != option:
            raise TypeError(f"pad: mode {mode!r} takes no {name}=")
        if isinstance(value, Node) or _holds_node(value):
            raise TypeError(
                f"pad: {name} can't be a node, got {value!r}: join the border with concatenate"
            )
    shape = shape_of(array)
    widths = _pairs("widths", pad_width, shape)
    if any(n.__class__ is not int or n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: widths are whole numbers and never negative, got {pad_width}")
    return make(array, widths, *options.values())


def _holds_node(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(
        isinstance(inner, Node) or _holds_node(inner) for inner in value
    )


def _pairs(name: str, given: Any, shape: tuple[int, ...]) -> Pairs:
    try:
        pairs = np.broadcast_to(np.asarray(bare(given)), (len(shape), 2))
    except ValueError:
        raise ValueError(f"pad: {name} {given} do not fit an operand of shape {shape}") from None
    return tuple((before, after) for before, after in pairs.tolist())


# --- the modes ------------------------------------------------------------------------------------


def _constant(x: Operand, widths: Pairs, values: Any = 0.0) -> Any:
    one = np.ndim(values) == 0
    return _pad(x, widths=widths, value=values if one else _pairs("values", values, shape_of(x)))


def _picked(mode: str) -> Mode:
    """A border of elements of the operand."""

    def padded(x: Operand, widths: Pairs, reflect_type: str = "even") -> Any:
        if reflect_type not in ("even", "odd"):
            raise ValueError(f"pad: reflect_type is 'even' or 'odd', got {reflect_type!r}")
        if reflect_type == "odd":
            return _axis_by_axis(x, widths, _mirrored, (int(mode == "reflect"),) * len(widths))
        return _pick(x, widths=widths, mode=mode)

    return padded


def _linear_ramp(x: Operand, widths: Pairs, end_values: Any = 0.0) -> Any:
    return _axis_by_axis(x, widths, _ramps, _pairs("end_values", end_values, shape_of(x)))


def _statistic(of: Callable[[Any, int], Any]) -> Mode:
    """A border of one number for each line of nearest elements."""

    def border(x: Any, axis: int, pair: tuple[int, int], lengths: tuple[Any, Any]) -> Any:
        n = shape_of(x)[axis]
        before, after = (n if length is None else min(length, n) for length in lengths)
        if not (before > 0 and after > 0):
            raise ValueError(f"pad: expected a positive stat_length, got {lengths}")
        first = of(_part(x, axis, slice(before)), axis)
        last = first if before == after == n else of(_part(x, axis, slice(n - after, n)), axis)
        return concatenate([_wide(first, axis, pair[0]), x, _wide(last, axis, pair[1])], axis)

    def padded(x: Operand, widths: Pairs, stat_length: Any = None) -> Any:
        return _axis_by_axis(x, widths, border, _pairs("stat_length", stat_length, shape_of(x)))

    return padded


def _median(x: Any, axis: int) -> Any:
    n = shape_of(x)[axis]
    return reductions.mean(
        _part(sort(x, axis), axis, slice((n - 1) // 2, n // 2 + 1)), axis, keepdims=True
    )


Border: TypeAlias = Callable[[Any, int, tuple[int, int], Any], Any]
"""``border(x, axis, widths, option)``: the operand padded along one axis."""


def _axis_by_axis(x: Operand, widths: Pairs, border: Border, options: Sequence[Any]) -> Any:
    """Pad one axis after the other; what is padded along one belongs to the operand of the next."""
    x = as_operand(x)
    for axis, (pair, option) in enumerate(zip(widths, options, strict=True)):
        if any(pair):
            if not shape_of(x)[axis]:
                raise ValueError(f"pad: the empty axis {axis} of {describe(x)} has no elements")
            x = border(x, axis, pair, option)
    return x


def _ramps(x: Any, axis: int, pair: tuple[int, int], ends: tuple[float, float]) -> Any:
    """Straight lines from the ends to the outermost elements."""

    def ramp(edge: Any, end: float, rises: Array) -> Any:
        along = rises.astype(np.asarray(bare(x)).dtype)
        return end + (edge - end) * along.reshape(-1, *(1,) * (len(shape_of(x)) - axis - 1))

    before, after = pair
    up, down = np.arange(before) / max(before, 1), np.arange(after)[::-1] / max(after, 1)
    left = ramp(_part(x, axis, slice(1)), ends[0], up)
    right = ramp(_part(x, axis, slice(-1, None)), ends[1], down)
    return concatenate([left, x, right], axis)


def _mirrored(x: Any, axis: int, pair: tuple[int, int], without: int) -> Any:
    """The operand mirrored in place and in value at its outermost elements, and so on outwards.

    ``without`` is 1 if these elements aren't repeated.
    """
    n = shape_of(x)[axis]
    period = n - without
    if not period:  # a single element has nothing to mirror
        before, after = pair
        return concatenate([_wide(x, axis, before), x, _wide(x, axis, after)], axis)
    for side, width in enumerate(pair):
        while width:
            step = min(width, period)
            length = shape_of(x)[axis]
            if side == 0:
                edge, inner = slice(1), slice(without, without + step)
            else:
                edge, inner = slice(-1, None), slice(length - without - step, length - without)
            outer = 2.0 * _part(x, axis, edge) - flip(_part(x, axis, inner), axis)
            x = concatenate([x, outer] if side else [outer, x], axis)
            width -= step
    return x


def _part(x: Any, axis: int, part: slice) -> Any:
    return getitem(x, (slice(None),) * axis + (part,))


def _wide(x: Any, axis: int, width: int) -> Any:
    """An operand of length 1 along an axis, repeated."""
    shape = shape_of(x)
    return broadcast_to(x, (*shape[:axis], width, *shape[axis + 1 :]))


_MODES: dict[str, tuple[Mode, str | None]] = {
    # the border, and its option
    "constant": (_constant, "constant_values"),
    "edge": (_picked("edge"), None),
    "wrap": (_picked("wrap"), None),
    "reflect": (_picked("reflect"), "reflect_type"),
    "symmetric": (_picked("symmetric"), "reflect_type"),
    "linear_ramp": (_linear_ramp, "end_values"),
    "maximum": (_statistic(lambda x, axis: reductions.max(x, axis, keepdims=True)), "stat_length"),
    "minimum": (
        _statistic(lambda x, axis: -reductions.max(-x, axis, keepdims=True)),
        "stat_length",
    ),
    "mean": (_statistic(lambda x, axis: reductions.mean(x, axis, keepdims=True)), "stat_length"),
    "median": (_statistic(_median), "stat_length"),
}
