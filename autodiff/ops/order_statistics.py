"""Order statistics: the median, quantiles, percentiles.

The k-th smallest of n elements is one of them, so its partials are weights of 1 and 0; elements
that are equal to it share the weight evenly, as those of ``max`` do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Axes, Node, Operand, bare, describe
from autodiff.ops import pointwise
from autodiff.ops.cumulative import without_nan
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import stack
from autodiff.ops.reductions import axes_of, count_of, expanded, mean, sum, winners
from autodiff.ops.rules import Explicit, total
from autodiff.ops.shapes import broadcast_to, reshape, shape_of, to_value

__all__ = [
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
]

# --- the primitive --------------------------------------------------------------------------------


def _smallest(x: Array, *, axis: tuple[int, ...], ranks: Array, skip_nan: bool) -> Array:
    """The elements of these ranks, 0 being the smallest, along a new first axis.

    ``ranks`` has the shape of the result, or lengths of 1 where all columns have the same.
    """
    kept = [i for i in range(x.ndim) if i not in axis]
    columns = x.transpose(*kept, *axis).reshape(*(x.shape[i] for i in kept), -1)
    last = columns.shape[-1] - 1
    ordered = np.partition(columns, np.unique([*ranks.flat, last]), axis=-1)
    found = np.moveaxis(np.take_along_axis(ordered, np.moveaxis(ranks, 0, -1), axis=-1), -1, 0)
    if x.dtype.kind == "f" and not skip_nan:
        largest = ordered[..., last]  # nan, if there is one: it is sorted last
        found = np.where(np.isnan(largest), largest, found)
    return found


def _weights(f: Any, x: Any, axis: tuple[int, ...]) -> list[Array]:
    return [winners(expanded(one, x, axis), x, axis) for one in bare(f)]


def _vjp(t: Any, f: Any, x: Any, *, axis: tuple[int, ...], **_: Any) -> Any:
    return total([expanded(t[k], x, axis) * w for k, w in enumerate(_weights(f, x, axis))])


def _jvp(dx: Any, f: Any, x: Any, *, axis: tuple[int, ...], **_: Any) -> Any:
    tangents = [sum(w * dx, axis) for w in _weights(f, x, axis)]
    return stack(tangents) if tangents else None


def _pattern(t: Any, f: Any, x: Any, *, axis: tuple[int, ...], **_: Any) -> Any:
    return broadcast_to(expanded(sum(t, 0), x, axis), shape_of(x))


_order_statistics = Explicit("order_statistics", _smallest, _vjp, _jvp, _pattern)


def _of_ranks(x: Any, axis: tuple[int, ...], ranks: Array, skip_nan: bool) -> Any:
    x = reshape(x, (1,)) if _is_scalar(x) else x
    ones = (1,) * (len(shape_of(x)) - len(axis) - ranks.ndim + 1)
    ranks = ranks.reshape(ranks.shape + ones)
    return _order_statistics(x, axis=axis, ranks=ranks, skip_nan=skip_nan)


# --- medians --------------------------------------------------------------------------------------


def median(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The middle element over some or all axes; of an even number, the mean of the middle two.

    Elements that are equal to a middle element share its adjoint evenly.

    Args:
        x: operand.
        axis: the axes to reduce: a number, a tuple, or None for all.
        keepdims: keep the reduced axes with length 1.

    Raises:
        TypeError: ``axis`` is no whole number, nor a tuple of them.
        ValueError: ``axis`` is out of range, or there is no element.

    Example:
        >>> from autodiff import Tensor, median
        >>> x = Tensor([3.0, 1.0, 8.0, 2.0])
        >>> f = median(x)
        >>> f.backward()
        >>> float(f), x.grad
        (2.5, array([0.5, 0. , 0. , 0.5]))
    """
    axes, n = _reduced("median", x, axis)
    ranks = np.array([n // 2] if n % 2 else [n // 2 - 1, n // 2])
    return _finished(mean(_of_ranks(x, axes, ranks, False), 0), x, axes, keepdims, ())


def nanmedian(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The median of what is not nan; arguments as for ``median``. Of nothing it is nan."""
    axes, _ = _reduced("nanmedian", x, axis)
    counts = _counts(x, axes)
    ranks = np.maximum(np.stack([(counts - 1) // 2, counts // 2]), 0)
    found = _of_ranks(without_nan(x, np.nan), axes, ranks, True)
    return _finished(mean(found, 0), x, axes, keepdims, ())


# --- quantiles ------------------------------------------------------------------------------------


def quantile(
    x: Operand, q: Any, axis: Axes = None, keepdims: bool = False, *, method: str = "linear"
) -> Any:
    """The q-th quantile over some or all axes.

    Elements that are equal to one that it lies between share its adjoint evenly.

    Args:
        x: operand.
        q: constant, from 0 to 1; or an array of them, whose axes the result has first.
        axis: the axes to reduce: a number, a tuple, or None for all.
        keepdims: keep the reduced axes with length 1.
        method: what lies between two elements, as NumPy names it.

    Raises:
        TypeError: ``q`` is a node; or ``axis`` is no whole number, nor a tuple of them.
        ValueError: ``q`` is not within 0 and 1, ``method`` is unknown, ``axis`` is out of range, or
            there is no element.
    """
    return _quantile("quantile", x, q, 1, axis, keepdims, method)


def percentile(
    x: Operand, q: Any, axis: Axes = None, keepdims: bool = False, *, method: str = "linear"
) -> Any:
    """The q-th percentile, ``quantile`` of q / 100; arguments as there, ``q`` from 0 to 100."""
    return _quantile("percentile", x, q, 100, axis, keepdims, method)


def nanquantile(
    x: Operand, q: Any, axis: Axes = None, keepdims: bool = False, *, method: str = "linear"
) -> Any:
    """The quantile of what is not nan; arguments as for ``quantile``. Of nothing it is nan."""
    return _quantile("nanquantile", x, q, 1, axis, keepdims, method)


def nanpercentile(
    x: Operand, q: Any, axis: Axes = None, keepdims: bool = False, *, method: str = "linear"
) -> Any:
    """The percentile of what is not nan; arguments as for ``percentile``. Of nothing it is nan."""
    return _quantile("nanpercentile", x, q, 100, axis, keepdims, method)


def _quantile(
    name: str, x: Operand, q: Any, whole: int, axis: Axes, keepdims: bool, method: str
) -> Any:
    """The quantiles of q / whole."""
    if isinstance(q, Node):
        raise TypeError(f"{name}: q is a constant, got {describe(q)}")
    q = np.asarray(q, dtype=float)
    if not np.all((q >= 0) & (q <= whole)):
        raise ValueError(f"{name}: expected q from 0 to {whole}, got {q}")
    axes, n = _reduced(name, x, axis)
    skip_nan = name.startswith("nan")
    counts = _counts(x, axes) if skip_nan else np.array(n)
    position = _positions(counts, q / whole, method)
    below = np.floor(position).astype(int)
    fraction = position - below
    ranks = np.stack([below, below + (fraction > 0)])
    lead = (2, *q.shape)
    found = _of_ranks(
        without_nan(x, np.nan) if skip_nan else x,
        axes,
        ranks.reshape(2 * q.size, *ranks.shape[len(lead) :]),
        skip_nan,
    )
    found = reshape(found, (*lead, *shape_of(found)[1:]))
    f = lower = getitem(found, 0)
    if np.any(fraction):
        upper = getitem(found, 1)
        dtype = found.dtype if found.dtype.kind == "f" else float
        ones = (1,) * (len(shape_of(f)) - fraction.ndim)
        fraction = fraction.astype(dtype).reshape(fraction.shape + ones)
        with np.errstate(invalid="ignore"):
            f = lower + (upper - lower) * fraction
        if not np.all(np.isfinite(bare(f))):
            f = pointwise.where(bare(lower) == bare(upper), lower, f)  # not inf - inf
    return _finished(f, x, axes, keepdims, q.shape)


def _positions(counts: Array, q: Array, method: str) -> Array:
    """Where among so many ranks each quantile lies, between two of them perhaps.

    What ``method`` means is left to NumPy, which is asked for the quantiles of 0, 1, 2 ...
    """
    different, place = np.unique(counts, return_inverse=True)
    table = [
        np.quantile(np.arange(max(n, 1), dtype=float), q, method=method)  # type: ignore[call-overload]
        for n in different
    ]
    return np.stack(table, axis=-1)[..., place.reshape(counts.shape)]


def _reduced(name: str, x: Operand, axis: Axes) -> tuple[tuple[int, ...], int]:
    """The axes to reduce, and how many elements that are."""
    axes = axes_of(x, axis)
    n = count_of(x, axes)
    if not n:
        raise ValueError(f"{name}: expected at least one element along axis {axis}, got none")
    return axes, n


def _counts(x: Operand, axis: tuple[int, ...]) -> Array:
    """How many elements are not nan; a scalar counts as a vector of one."""
    present = ~np.isnan(np.asarray(bare(x), dtype=float))
    return np.asarray(np.sum(present.reshape(1) if _is_scalar(x) else present, axis=axis))


def _is_scalar(x: Operand) -> bool:
    return not isinstance(bare(x), np.ndarray) and not shape_of(x)


def _finished(
    f: Any, x: Operand, axis: tuple[int, ...], keepdims: bool, lead: tuple[int, ...]
) -> Any:
    """The result in its shape."""
    if _is_scalar(x):
        return reshape(f, lead) if lead else to_value(f)
    if keepdims:
        return reshape(f, (*lead, *(1 if i in axis else n for i, n in enumerate(shape_of(x)))))
    return f
