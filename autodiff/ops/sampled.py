"""Functions known at sample points: their differences, slopes and integrals, and interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, Operand, bare, describe
from autodiff.ops import pointwise
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.reductions import sum
from autodiff.ops.shapes import (
    astype,
    broadcast_to,
    normal_axes,
    reshape,
    shape_of,
    whole_numbers,
)

__all__ = [
    "diff",
    "ediff1d",
    "gradient",
    "interp",
    "trapezoid",
    "unwrap",
]


def _part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """``x[start:stop]`` along an axis."""
    return getitem(x, (slice(None),) * axis + (slice(start, stop),))


def _axis(name: str, x: Operand, axis: int) -> int:
    ndim = len(shape_of(x))
    if not ndim:
        raise ValueError(f"{name}: expected an operand with an axis, got {describe(x)}")
    if axis is None or isinstance(axis, tuple):
        raise TypeError(f"{name}: expected one axis, a whole number, got {axis!r}")
    return normal_axes(axis, ndim)[0]


# --- differences ----------------------------------------------------------------------------------


def diff(
    x: Operand,
    n: int = 1,
    axis: int = -1,
    prepend: Operand | None = None,
    append: Operand | None = None,
) -> Any:
    """The differences of neighbours, x[i+1] - x[i], taken n times.

    Args:
        x: operand.
        n: how many times.
        axis: along which.
        prepend: what to put before ``x``: a number, or an array that fits along ``axis``.
        append: what to put behind it.

    Raises:
        TypeError: ``n`` or ``axis`` is no whole number.
        ValueError: ``n`` is negative, ``axis`` is out of range, or ``x`` has none.
    """
    (times,) = whole_numbers("diff", n)
    if times < 0:
        raise ValueError(f"diff: n is how many times, and not negative; got {n}")
    axis = _axis("diff", x, axis)
    shape = shape_of(x)
    if prepend is not None or append is not None:
        wide = (*shape[:axis], 1, *shape[axis + 1 :])
        parts = [_as_slice(part, x, wide) for part in (prepend, x, append) if part is not None]
        x = concatenate(parts, axis)
    for _ in range(times):
        x = pointwise.sub(_part(x, axis, 1, None), _part(x, axis, None, -1))
    return x


def _as_slice(part: Operand, x: Operand, wide: tuple[int, ...]) -> Any:
    """What is put before or behind ``x``; a number is repeated, and doesn't change the type."""
    if shape_of(part):
        return part
    dtype = np.asarray(bare(x)).dtype
    repeated = broadcast_to(part, wide)
    return astype(repeated, dtype) if dtype.kind == "f" else repeated


def ediff1d(x: Operand, to_end: Operand | None = None, to_begin: Operand | None = None) -> Any:
    """The differences of neighbours among all elements in C order.

    Args:
        x: operand.
        to_end: numbers to put behind the differences.
        to_begin: numbers to put before them.
    """
    parts = [to_begin, diff(reshape(x, -1)), to_end]
    present = [reshape(part, -1) for part in parts if part is not None]
    return concatenate(present) if len(present) > 1 else present[0]


def gradient(
    x: Operand,
    *spacing: Operand,
    axis: int | tuple[int, ...] | None = None,
    edge_order: int = 1,
) -> Any:
    """The slopes of a sampled function: central differences inside, one-sided ones at the ends.

    Args:
        x: the samples.
        spacing: the distance of the samples, 1 if not given; or a number, or a vector of
            coordinates, for each axis.
        axis: the axes to differentiate along: a number, a tuple, or None for all.
        edge_order: 1 or 2, the order of the one-sided differences.

    Returns:
        an array of the shape of ``x``, or a tuple of them if there are several axes.

    Raises:
        TypeError: there are too many or too few spacings.
        ValueError: a spacing doesn't fit, ``edge_order`` is another, or there are too few samples.
    """
    ndim = len(shape_of(x))
    axes = range(ndim) if axis is None else _as_given(axis, ndim)
    if len(spacing) not in (0, 1, len(axes)):
        raise TypeError(
            f"gradient: expected a spacing for each of {len(axes)} axes, or one for all"
        )
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order is 1 or 2, got {edge_order}")
    steps: tuple[Any, ...] = (
        spacing if len(spacing) == len(axes) else (spacing or (1.0,)) * len(axes)
    )
    if len(spacing) == 1 < len(axes) and shape_of(spacing[0]):
        raise ValueError("gradient: coordinates are given for each axis; one number may do for all")
    slopes = tuple(_slope(x, step, a, edge_order) for a, step in zip(axes, steps, strict=True))
    return slopes[0] if len(slopes) == 1 else slopes


def _as_given(axis: int | tuple[int, ...], ndim: int) -> list[int]:
    normal_axes(axis, ndim)  # checks them
    return [a % ndim for a in whole_numbers("axis", axis)]


def _slope(x: Any, step: Any, axis: int, edge_order: int) -> Any:
    n, ndim = shape_of(x)[axis], len(shape_of(x))
    if n < edge_order + 1:
        raise ValueError(
            f"gradient: expected at least {edge_order + 1} samples along axis {axis}, got {n}"
        )
    even = not shape_of(step)
    if not even and shape_of(step) != (n,):
        raise ValueError(
            f"gradient: expected a number or {n} coordinates for axis {axis}, got {describe(step)}"
        )
    if even:
        h = step
        inside = pointwise.sub(_part(x, axis, 2, None), _part(x, axis, None, -2)) / (2 * h)
    else:  # the slope of the parabola through three neighbours, at the one in the middle
        h = reshape(diff(step), tuple(n - 1 if i == axis else 1 for i in range(ndim)))
        before, behind = _part(h, axis, None, -1), _part(h, axis, 1, None)
        slopes = pointwise.div(diff(x, axis=axis), h)
        share = behind / (before + behind)
        left, right = _part(slopes, axis, None, -1), _part(slopes, axis, 1, None)
        inside = left * share + right * (1 - share)
    ends = (
        _slope_at_end(x, h, axis, (0, 1, 2), edge_order),
        _slope_at_end(x, h, axis, (n - 1, n - 2, n - 3), edge_order),
    )
    return concatenate([ends[0], inside, ends[1]], axis)


def _slope_at_end(x: Any, h: Any, axis: int, places: tuple[int, int, int], edge_order: int) -> Any:
    """The slope at the first of the places: of a line through two, or a parabola through three."""

    def between(i: int, j: int) -> tuple[Any, Any]:
        """The slope between two neighbours, and their distance."""
        low, high = sorted((i, j))
        distance = _part(h, axis, low, high) if shape_of(h) else h
        rise = pointwise.sub(_part(x, axis, high, high + 1), _part(x, axis, low, high))
        return rise / distance, distance

    end, middle, third = places
    slope, distance = between(end, middle)
    if edge_order == 1:
        return slope
    inner, further = between(middle, third)
    return slope + (slope - inner) * (distance / (distance + further))


# --- integrals ------------------------------------------------------------------------------------


def trapezoid(y: Operand, x: Operand | None = None, dx: Operand = 1.0, axis: int = -1) -> Any:
    """The integral by the trapezoidal rule, differentiable in the samples and in their places.

    Args:
        y: the samples.
        x: their coordinates: a vector, or an array that fits ``y``.
        dx: their distance, if there are no coordinates.
        axis: along which to integrate.

    Raises:
        TypeError: ``axis`` is no whole number.
        ValueError: ``axis`` is out of range, or ``x`` doesn't fit.
    """
    axis = _axis("trapezoid", y, axis)
    if x is None:
        d: Any = dx
    elif len(shape_of(x)) == 1:
        wide = [1] * len(shape_of(y))
        wide[axis] = -1
        d = reshape(diff(x), tuple(wide))
    else:
        d = diff(x, axis=axis)
    if x is not None and shape_of(d)[axis] != shape_of(y)[axis] - 1:
        raise ValueError(
            f"trapezoid: the coordinates, {describe(x)}, do not fit {describe(y)} along axis {axis}"
        )
    middle = pointwise.add(_part(y, axis, 1, None), _part(y, axis, None, -1)) / 2.0
    return sum(pointwise.mul(d, middle), axis)


# --- interpolation --------------------------------------------------------------------------------


def interp(
    x: Operand,
    xp: Operand,
    fp: Operand,
    left: Operand | None = None,
    right: Operand | None = None,
    period: float | None = None,
) -> Any:
    """The piecewise linear function through given points, differentiable in all of them.

    At a given point the slope with respect to ``x`` is that on its right; at the last one, and
    beyond, see below.

    Args:
        x: where to interpolate.
        xp: the coordinates of the points, a vector, increasing.
        fp: the values there, a vector.
        left: the value for ``x`` below the first point; that of the first point if not given.
        right: the value above the last point; that of the last point if not given.
        period: a constant; if given, the function repeats itself, and the order of the points
            doesn't matter.

    Raises:
        TypeError: ``period`` is a node.
        ValueError: ``xp`` and ``fp`` are no vectors of one length or hold no point, or ``period``
            is 0.

    Example:
        >>> from autodiff import Value, interp
        >>> x = Value(2.5)
        >>> y = interp(x, [1.0, 2.0, 4.0], [0.0, 10.0, 30.0])
        >>> y.backward()
        >>> float(y), x.grad
        (15.0, 10.0)
    """
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp) or not shape_of(xp)[0]:
        raise ValueError(
            f"interp: expected xp and fp to be vectors of one length, got {describe(xp)} and "
            f"{describe(fp)}"
        )
    if period is not None:
        if isinstance(period, Node):
            raise TypeError(f"interp: period is a constant, got {describe(period)}")
        x, xp, fp = _unrolled(x, xp, fp, float(period))
    places, points = np.asarray(bare(x)), np.asarray(bare(xp))
    below, above = places < points[0], places > points[-1]
    if len(points) > 1:
        i = np.clip(np.searchsorted(points, places, side="right") - 1, 0, len(points) - 2)
        x0, x1, y0, y1 = (getitem(p, j) for p in (xp, fp) for j in (i, i + 1))
        y = y0 + (y1 - y0) / (x1 - x0) * (x - x0)
    else:
        y = getitem(fp, np.zeros(places.shape, int))
        y = y + 0.0 * pointwise.where(np.isfinite(places), x, 0.0)
    for outside, given, end in ((below, left, 0), (above, right, -1)):
        if np.any(outside) and period is None:
            y = pointwise.where(outside, getitem(fp, end) if given is None else given, y)
    return y


def _unrolled(x: Any, xp: Any, fp: Any, period: float) -> tuple[Any, Any, Any]:
    """Place and points within one period, with the nearest points on either side of it."""
    if not period:
        raise ValueError("interp: period can't be 0")
    period = abs(period)
    x, xp = (z - period * np.floor(np.asarray(bare(z)) / period) for z in (x, xp))
    order = np.argsort(bare(xp), kind="stable")
    xp, fp = getitem(xp, order), getitem(fp, order)
    return (
        x,
        concatenate([_part(xp, 0, -1, None) - period, xp, _part(xp, 0, None, 1) + period]),
        concatenate([_part(fp, 0, -1, None), fp, _part(fp, 0, None, 1)]),
    )


def unwrap(
    x: Operand, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> Any:
    """Angles without jumps: whole periods, which are constants, are added where one is found.

    Args:
        x: operand.
        discont: the smallest jump to remove; half a period if not given.
        axis: along which.
        period: the period.
    """
    axis = _axis("unwrap", x, axis)
    turns = _turns(np.asarray(bare(x)), discont, axis, period)
    return pointwise.add(x, turns)


def _turns(x: Array, discont: float | None, axis: int, period: float) -> Array:
    turns: Array = np.unwrap(x, discont, axis=axis, period=period) - x
    return turns
