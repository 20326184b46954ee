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
from autodiff.ops.reductions import axes_of, count_of, expanded, mean, sum, winners
from autodiff.ops.rules import Explicit, total
from autodiff.ops.shapes import broadcast_to, getitem, reshape, shape_of, stack, to_value

__all__ = [
    "median",
    "percentile",
    "quantile",
]


def _smallest(x: Array, *, axis: tuple[int, ...], ranks: tuple[int, ...]) -> Array:
    """The elements of these ranks, 0 being the smallest, along a new first axis."""
    kept = [i for i in range(x.ndim) if i not in axis]
    columns = x.transpose(*kept, *axis).reshape(*(x.shape[i] for i in kept), -1)
    last = columns.shape[-1] - 1
    sorted_there = np.partition(columns, sorted({*ranks, last}), axis=-1)
    found = np.moveaxis(sorted_there[..., list(ranks)], -1, 0)
    if x.dtype.kind == "f":
        nans = np.isnan(sorted_there[..., last])  # nan sorts last
        found = np.where(nans, sorted_there[..., last], found)
    return found


def _weights(f: Any, x: Any, axis: tuple[int, ...]) -> list[Array]:
    return [winners(expanded(one, x, axis), x, axis) for one in bare(f)]


def _vjp(t: Any, f: Any, x: Any, *, axis: tuple[int, ...], ranks: tuple[int, ...]) -> Any:
    return total([expanded(t[k], x, axis) * w for k, w in enumerate(_weights(f, x, axis))])


def _jvp(dx: Any, f: Any, x: Any, *, axis: tuple[int, ...], ranks: tuple[int, ...]) -> Any:
    return stack([sum(w * dx, axis) for w in _weights(f, x, axis)])


def _pattern(t: Any, f: Any, x: Any, *, axis: tuple[int, ...], ranks: tuple[int, ...]) -> Any:
    return broadcast_to(expanded(sum(t, 0), x, axis), shape_of(x))


_order_statistics = Explicit("order_statistics", _smallest, _vjp, _jvp, _pattern)


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
    ranks = (n // 2,) if n % 2 else (n // 2 - 1, n // 2)
    f = mean(_order_statistics(_array(x), axis=axes, ranks=ranks), 0)
    return _finished(f, x, axes, keepdims, ())


def quantile(
    x: Operand, q: Any, axis: Axes = None, keepdims: bool = False, *, method: str = "linear"
) -> Any:
    """The q-th quantile over some or all axes.

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
    return _quantile("quantile", x, _constant("quantile", q), axis, keepdims, method)


def percentile(
    x: Operand, q: Any, axis: Axes = None, keepdims: bool = False, *, method: str = "linear"
) -> Any:
    """The q-th percentile, ``quantile`` of q / 100; arguments as there, ``q`` from 0 to 100."""
    fractions = _constant("percentile", q) / 100
    return _quantile("percentile", x, fractions, axis, keepdims, method)


def _constant(name: str, q: Any) -> Array:
    if isinstance(q, Node):
        raise TypeError(f"{name}: q is a constant, got {describe(q)}")
    return np.asarray(q, dtype=float)


def _quantile(name: str, x: Operand, q: Array, axis: Axes, keepdims: bool, method: str) -> Any:
    axes, n = _reduced(name, x, axis)
    if not np.all((q >= 0) & (q <= 1)):
        limit = 100 if name == "percentile" else 1
        raise ValueError(f"{name}: expected q from 0 to {limit}, got {q * limit}")
    # What method= means is left to NumPy: between which ranks the quantile lies, and where.
    position = np.quantile(np.arange(n, dtype=float), q, method=method)  # type: ignore[call-overload]
    below = np.floor(position).astype(int)
    fraction = position - below
    above = below + (fraction > 0)
    ranks, places = np.unique(np.stack([below, above]), return_inverse=True)
    places = places.reshape(2, *q.shape)
    chosen = tuple(map(int, ranks)) or (0,)
    found = _order_statistics(_array(x), axis=axes, ranks=chosen)
    f = lower = getitem(found, places[0])
    if np.any(fraction):
        upper = getitem(found, places[1])
        dtype = found.dtype if found.dtype.kind == "f" else float
        fraction = fraction.astype(dtype).reshape((*q.shape, *(1,) * (found.ndim - 1)))
        with np.errstate(invalid="ignore"):
            f = lower + (upper - lower) * fraction
        if not np.all(np.isfinite(bare(f))):
            f = pointwise.where(bare(lower) == bare(upper), lower, f)  # not inf - inf
    return _finished(f, x, axes, keepdims, q.shape)


def _reduced(name: str, x: Operand, axis: Axes) -> tuple[tuple[int, ...], int]:
    """The axes to reduce, and how many elements that are."""
    axes = axes_of(x, axis)
    n = count_of(x, axes)
    if not n:
        raise ValueError(f"{name}: expected at least one element along axis {axis}, got none")
    return axes, n


def _array(x: Operand) -> Any:
    """The operand; a number becomes a vector."""
    return reshape(x, (1,)) if _is_scalar(x) else x


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
