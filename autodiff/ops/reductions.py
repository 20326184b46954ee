"""Primitives that take many elements to one: sums, products, largest elements.

A weighted reduction is a function f of many elements whose partials form an array of weights
w = ∂f/∂x of the operand's shape: the winners for ``max``, for ``prod`` the product of the others.
One formula for the weights is its whole rule: the vjp is w · t, the jvp Σ w · tangent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Axes, Node, Operand, bare, describe
from autodiff.kernels import sums
from autodiff.kernels.recurrence import is_normal
from autodiff.ops import pointwise
from autodiff.ops.cumulative import products_of_others
from autodiff.ops.indexing import getitem, scatter_distinct
from autodiff.ops.rules import Explicit, Linear
from autodiff.ops.shapes import (
    broadcast_to,
    normal_axes,
    reshape,
    shape_of,
    spread_to,
    transpose,
)

__all__ = [
    "max",
    "mean",
    "min",
    "prod",
    "ptp",
    "sum",
]


def expanded(t: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """``t`` with the reduced axes put back with length 1, so that it broadcasts against ``x``."""
    if not shape_of(t):
        return t
    return t.reshape(tuple([1 if i in axis else n for i, n in enumerate(shape_of(x))]))


def count_of(x: Any, axis: tuple[int, ...]) -> int:
    """How many elements become one."""
    shape = shape_of(x)
    count = 1
    for i in axis:
        count *= shape[i]
    return count


def _spread(t: Any, f: Any, x: Any, *, axis: tuple[int, ...], **_: Any) -> Any:
    """``t`` for each of the elements that it came from."""
    return spread_to(expanded(t, x, axis), shape_of(x))


def _share(t: Any, count: int) -> Any:
    return t / count if isinstance(t, Node) else sums.share(t, count)


def weighted(
    name: str,
    compute: Callable[..., Any],
    weights: Callable[..., Any],
    times: Callable[..., Any] | None = None,
    constants: tuple[str, ...] = (),
) -> Explicit:
    """A reduction with the partials ``weights(f, x, axis, **options)``.

    The output f has x's dimensions there, or none. ``times(t, f, x, axis, **options)`` is a faster
    way to w · t, if there is one. ``constants`` names the arrays that the weights bring along.
    """

    def w(f: Any, x: Any, axis: tuple[int, ...], options: dict[str, Any]) -> Any:
        return weights(expanded(f, x, axis), x, axis, **options)

    def vjp(
        t: Any, f: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, **options: Any
    ) -> Any:
        t = expanded(t, x, axis)
        if times is not None:
            return times(t, expanded(f, x, axis), x, axis, **options)
        return t * w(f, x, axis, options)

    primitive = Explicit(
        name,
        compute,
        vjp=vjp,
        jvp=lambda dx, f, x, *, axis, keepdims, **options: sum(
            w(f, x, axis, options) * dx, axis, keepdims
        ),
        pattern=_spread,
    )
    primitive.constants = constants
    if times is not None:
        primitive.readable = (
            lambda t, f, x, *, axis, keepdims, **options: (
                expanded(t, x, axis) * w(f, x, axis, options)
            ),
        )
    return primitive


# --- sum, mean, prod ------------------------------------------------------------------------------

_sum = Linear("sum", sums.total, _spread)
_mean = Linear(
    "mean",
    sums.mean,
    lambda t, f, x, *, axis, keepdims: _spread(_share(t, count_of(x, axis)), f, x, axis=axis),
)


_sum.steady = _mean.steady = True


def _others(f: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """The product of the other elements, for each element of those that are multiplied."""
    if isinstance(x, np.ndarray) and isinstance(f, np.ndarray):
        normal = is_normal(f)
        if normal.all():
            return f / x
        if len(axis) == 1 and normal.any():
            return _others_by_lines(normal, f, x, axis[0])
    if len(axis) == 1:
        return products_of_others(x, axis[0])
    if not axis:
        return np.ones(shape_of(x), bare(x).dtype if shape_of(x) else float)
    shape = shape_of(x)
    kept = [i for i in range(len(shape)) if i not in axis]
    order = (*kept, *axis)
    columns = reshape(transpose(x, order), (*(shape[i] for i in kept), count_of(x, axis)))
    others = reshape(products_of_others(columns, len(kept)), tuple(shape[i] for i in order))
    return transpose(others, [order.index(i) for i in range(len(shape))])


def _others_by_lines(normal: Array, f: Array, x: Array, axis: int) -> Array:
    """Divided where the product is normal; the other lines without a division."""
    others: Array = f / x
    rest = ~np.moveaxis(normal, axis, -1)[..., 0]
    np.moveaxis(others, axis, -1)[rest] = products_of_others(np.moveaxis(x, axis, -1)[rest], 1)
    return others


_prod = weighted("prod", np.prod, _others)


def sum(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    initial: Operand | None = None,
    where: Any = True,
) -> Any:
    """The sum over some or all axes.

    Args:
        x: operand.
        axis: the axes to sum over: a number, a tuple, or None for all.
        keepdims: keep the summed axes with length 1.
        initial: what the sum starts with; 0 if not given.
        where: which elements to include, a boolean array that broadcasts to the shape of ``x``;
            the others have no influence, not even through a nan of their own derivative.

    Raises:
        TypeError: ``axis`` is no whole number, nor a tuple of them.
        ValueError: ``axis`` or ``where`` does not fit the operand.
    """
    f = _sum(_included(x, where, 0.0), axis=axes_of(x, axis), keepdims=keepdims)
    return f if initial is None else f + initial


def mean(x: Operand, axis: Axes = None, keepdims: bool = False, *, where: Any = True) -> Any:
    """The mean over some or all axes; arguments as for ``sum``."""
    axes = axes_of(x, axis)
    if where is True:
        return _mean(x, axis=axes, keepdims=keepdims)
    f = _sum(_included(x, where, 0.0), axis=axes, keepdims=keepdims)
    return pointwise.div(f, included_count(x, where, axes, keepdims))


def prod(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    initial: Operand | None = None,
    where: Any = True,
) -> Any:
    """The product over some or all axes; arguments as for ``sum``, ``initial`` being 1.

    Each partial is the product of the other elements. Where that can't be had by a division, it is
    made without one: it is exact however many elements are zero.

    Example:
        >>> from autodiff import Tensor, prod
        >>> x = Tensor([2.0, 0.0, 3.0])
        >>> prod(x).backward()
        >>> x.grad
        array([0., 6., 0.])
    """
    f = _prod(_included(x, where, 1.0), axis=axes_of(x, axis), keepdims=keepdims)
    return f if initial is None else f * initial


def axes_of(x: Operand, axis: Axes) -> tuple[int, ...]:
    """The axes to reduce, None meaning all, as a sorted tuple of non-negative ones."""
    return normal_axes(axis, len(shape_of(x)))


def included(x: Operand, where: Any) -> Any:
    """``where=`` of a reduction as a boolean array of the operand's shape; of a scalar, a bool."""
    mask = np.broadcast_to(np.asarray(bare(where), dtype=bool), shape_of(x))
    return mask if isinstance(bare(x), np.ndarray) or mask.ndim else bool(mask)


def _included(x: Operand, where: Any, neutral: float) -> Any:
    """The operand with a neutral number in the place of what is left out."""
    return x if where is True else pointwise.where(included(x, where), x, neutral)


def included_count(x: Operand, where: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """How many elements ``where=`` includes, in the operand's type."""
    mask = included(x, where)
    if mask.__class__ is bool:
        return float(mask)
    count = np.sum(mask, axis=axis, keepdims=keepdims)
    dtype = np.asarray(bare(x)).dtype
    return np.asarray(count, dtype=dtype if dtype.kind == "f" else float)


# --- largest and smallest -------------------------------------------------------------------------


def _extreme(function: Callable[..., Any]) -> Callable[..., Array]:
    def compute(
        x: Any, *, axis: tuple[int, ...], keepdims: bool, initial: float | None = None
    ) -> Any:
        if initial is None:
            return function(x, axis=axis, keepdims=keepdims)
        return function(x, axis=axis, keepdims=keepdims, initial=initial)

    return compute


_FEW = 16
"""At most one winner among so many: picking them out costs less than a pass over all elements."""


def _equals(
    f: Any, x: Any, axis: tuple[int, ...], initial: float | None
) -> tuple[Array, Array | None]:
    """Which elements are f, and among how many it is shared; None if there is one for each."""
    x, f = np.asarray(bare(x)), np.asarray(bare(f))
    equal = np.asarray(x == f)
    if initial is None and np.count_nonzero(equal) == f.size and not np.isnan(f).any():
        return equal, None
    count = np.asarray(np.count_nonzero(equal, axis=axis, keepdims=True), x.dtype)
    return equal, np.maximum(count if initial is None else count + (f == initial), 1)


def winners(f: Any, x: Any, axis: tuple[int, ...], initial: float | None = None) -> Array:
    """Weight 1 for the element that is f, shared evenly among equals: constant almost everywhere.

    If the number that a reduction starts with is as large, it takes a share too.
    """
    equal, count = _equals(f, x, axis, initial)
    weights: Array = equal.astype(np.asarray(bare(x)).dtype)
    if count is not None:
        weights /= count
    return weights


def _to_winners(t: Any, f: Any, x: Any, axis: tuple[int, ...], initial: float | None = None) -> Any:
    """``t`` times the weights: sent to the winners alone, if they are few."""
    equal, count = _equals(f, x, axis, initial)
    if count is not None:
        t = t / count
    if np.count_nonzero(equal) * _FEW > equal.size:
        return pointwise.where(equal, t, 0.0)
    places = np.unravel_index(np.flatnonzero(equal), equal.shape)
    lines = [np.zeros_like(place) if i in axis else place for i, place in enumerate(places)]
    reduced = tuple(1 if i in axis else n for i, n in enumerate(equal.shape))
    sent = getitem(broadcast_to(t, reduced), tuple(lines))
    return scatter_distinct(sent, places, equal.shape)


_max = weighted("max", _extreme(np.max), winners, _to_winners, ("winners",))
_min = weighted("min", _extreme(np.min), winners, _to_winners, ("winners",))


def max(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    initial: float | None = None,
    where: Any = True,
) -> Any:
    """The largest element over some or all axes; equal largest elements share the adjoint evenly.

    Args:
        x: operand.
        axis: the axes to reduce: a number, a tuple, or None for all.
        keepdims: keep the reduced axes with length 1.
        initial: a constant, the smallest that the result may be.
        where: which elements to include; needs ``initial``, for perhaps there are none.

    Raises:
        TypeError: ``axis`` is no whole number nor a tuple of them, or ``initial`` is a node.
        ValueError: there is no element, and no ``initial``; or ``axis`` or ``where`` does not fit.
    """
    return _largest(_max, x, axis, keepdims, initial, where, -np.inf)


def min(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    initial: float | None = None,
    where: Any = True,
) -> Any:
    """The smallest element over some or all axes; like ``max``."""
    return _largest(_min, x, axis, keepdims, initial, where, np.inf)


def _largest(
    primitive: Explicit,
    x: Operand,
    axis: Axes,
    keepdims: bool,
    initial: float | None,
    where: Any,
    last: float,
) -> Any:
    options: dict[str, Any] = {"axis": axes_of(x, axis), "keepdims": keepdims}
    if initial is not None:
        if isinstance(initial, Node):
            raise TypeError(
                f"{primitive}: initial is a constant, got {describe(initial)}: "
                f"use {primitive}imum(x, y) to differentiate with respect to both"
            )
        options["initial"] = initial
    elif where is not True:
        raise ValueError(f"{primitive}: where= needs initial=, for it may leave out all elements")
    return primitive(_included(x, where, last), **options)


def ptp(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """From the smallest to the largest element, max - min; arguments as for ``sum``."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)
