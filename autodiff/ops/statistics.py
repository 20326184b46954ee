"""Means with weights, variances, standard deviations, correlations."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Axes, Node, Operand, bare, describe
from autodiff.kernels.recurrence import all_normal
from autodiff.ops import pointwise
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.products import matmul
from autodiff.ops.reductions import axes_of, count_of, included, included_count, mean, sum, weighted
from autodiff.ops.shapes import broadcast_to, reshape, shape_of, transpose

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "std",
    "var",
]

# --- variance and standard deviation --------------------------------------------------------------


def _per(count: float) -> float:
    """1 / count; of no degree of freedom NumPy makes nan."""
    return 1 / count if count > 0 else nan


def _deviations(x: Any, axis: tuple[int, ...]) -> Any:
    return x - mean(x, axis, True)


def _std_array(x: Any, *, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    f = np.std(x, axis=axis, keepdims=True, ddof=ddof)
    # The mean of equal numbers may be off by a rounding error, and their spread is no error's.
    x, n = np.asarray(x), count_of(x, axis)
    first = x[tuple(slice(0, 1) if i in axis else slice(None) for i in range(x.ndim))]
    if np.any(f <= 4 * n * np.finfo(f.dtype).eps * np.abs(first)):  # no error is larger
        equal = np.all(x == first, axis=axis, keepdims=True)
        f = np.where(equal & np.isfinite(f), f * 0, f)
    return f if keepdims else np.squeeze(f, axis)


def _std_weights(f: Any, x: Any, axis: tuple[int, ...], ddof: float) -> Any:
    spread = bare(f) != 0
    per = _per(count_of(x, axis) - ddof)
    slope = _deviations(x, axis) * per / pointwise.where(spread, f, 1.0)
    return pointwise.where(spread, slope, 0.0)


_var = weighted(
    "var",
    np.var,
    lambda f, x, axis, ddof: 2 * _per(count_of(x, axis) - ddof) * _deviations(x, axis),
)


def _std_times(t: Any, f: Any, x: Any, axis: tuple[int, ...], ddof: float) -> Any:
    """``t`` times the weights: few passes, where the number for all elements has its digits."""
    if isinstance(f, np.ndarray) and isinstance(t, np.ndarray) and isinstance(x, np.ndarray):
        scale = np.asarray(t * (_per(count_of(x, axis) - ddof) / f))
        if all_normal(scale):
            return scale * _deviations(x, axis)
    return t * _std_weights(f, x, axis, ddof)


_std = weighted("std", _std_array, _std_weights, _std_times)


def var(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    ddof: float = 0,
    correction: float | None = None,
    where: Any = True,
) -> Any:
    """The variance over some or all axes: Σ (x - mean)² / (n - ddof).

    Args:
        x: operand.
        axis: the axes to reduce: a number, a tuple, or None for all.
        keepdims: keep the reduced axes with length 1.
        ddof: how many degrees of freedom are taken from n: 0 for a population, 1 for a sample.
        correction: another name of ``ddof``.
        where: which elements to include.

    Raises:
        TypeError: ``axis`` is no whole number, nor a tuple of them.
        ValueError: ``axis`` or ``where`` does not fit; or both ``ddof`` and ``correction`` are
            given.
    """
    axes, ddof = axes_of(x, axis), _degrees("var", ddof, correction)
    if where is True:
        return _var(x, axis=axes, keepdims=keepdims, ddof=ddof)
    return _included_var(x, axes, keepdims, ddof, where)


def std(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    ddof: float = 0,
    correction: float | None = None,
    where: Any = True,
) -> Any:
    """The standard deviation, the root of ``var``, with its arguments.

    Of equal elements it is 0, and so is its derivative there.
    """
    axes, ddof = axes_of(x, axis), _degrees("std", ddof, correction)
    if where is True:
        return _std(x, axis=axes, keepdims=keepdims, ddof=ddof)
    f = _included_var(x, axes, keepdims, ddof, where)
    spread = bare(f) != 0
    return pointwise.where(spread, pointwise.sqrt(pointwise.where(spread, f, 1.0)), 0.0)


def _degrees(name: str, ddof: float, correction: float | None) -> float:
    if correction is not None and ddof != 0:
        raise ValueError(f"{name}: ddof and correction mean the same, give one of them")
    return ddof if correction is None else correction


def _included_var(
    x: Operand, axis: tuple[int, ...], keepdims: bool, ddof: float, where: Any
) -> Any:
    mask = included(x, where)
    x = pointwise.where(mask, x, 0.0)
    lowest, highest = (
        f(bare(x), axis=axis, keepdims=True, initial=last, where=mask)
        for f, last in ((np.min, np.inf), (np.max, -np.inf))
    )
    count = included_count(x, mask, axis, True)
    centre = pointwise.div(sum(x, axis, True), pointwise.maximum(count, 1.0))
    d = pointwise.where(mask & ((lowest != highest) | (count <= ddof)), x - centre, 0.0)
    degrees = pointwise.where(count > ddof, count - ddof, nan)
    f = pointwise.div(sum(d * d, axis, True), degrees)
    return f if keepdims else reshape(f, _reduced_shape(x, axis))


def _reduced_shape(x: Any, axis: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(shape_of(x)) if i not in axis)


# --- means with weights ---------------------------------------------------------------------------


def average(
    x: Operand,
    axis: Axes = None,
    weights: Operand | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The mean with weights, Σ w x / Σ w, differentiable in both.

    Args:
        x: operand.
        axis: the axes to average over: a number, a tuple, or None for all.
        weights: of the shape of ``x``, or of its lengths along ``axis``; all equal if not given.
        returned: also return the sum of the weights, of the shape of the average.
        keepdims: keep the reduced axes with length 1.

    Raises:
        TypeError: ``weights`` have another shape than ``x``, and there is no ``axis``.
        ValueError: ``weights`` don't fit ``x`` along ``axis``.
        ZeroDivisionError: the sum of the weights is 0.
    """
    axes = axes_of(x, axis)
    if weights is None:
        f = mean(x, axes, keepdims)
        scale: Any = np.full(shape_of(f), count_of(x, axes), np.asarray(bare(f)).dtype)
    else:
        weights = _along(weights, x, axis)
        scale = sum(weights, axes, keepdims)
        if np.any(bare(scale) == 0):
            raise ZeroDivisionError("average: the sum of the weights is 0")
        f = pointwise.div(sum(pointwise.mul(x, weights), axes, keepdims), scale)
    return (f, broadcast_to(scale, shape_of(f))) if returned else f


def _along(weights: Operand, x: Operand, axis: Axes) -> Any:
    """The weights with a length of 1 along the axes that they are not given for."""
    shape, given = shape_of(x), shape_of(weights)
    if given == shape:
        return weights
    if axis is None:
        raise TypeError(
            f"average: weights of shape {given} for {describe(x)} need an axis that they run along"
        )
    order = [a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))]
    if given != tuple(shape[a] for a in order):
        raise ValueError(
            f"average: weights of shape {given} do not fit {describe(x)} along axis {axis}"
        )
    sorted_weights = transpose(weights, [int(i) for i in np.argsort(order)])
    return reshape(sorted_weights, tuple(n if i in order else 1 for i, n in enumerate(shape)))


# --- covariance and correlation -------------------------------------------------------------------


def cov(
    m: Operand,
    y: Operand | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Operand | None = None,
) -> Any:
    """The matrix of the covariances of several variables.

    Args:
        m: observations, a variable a row; a vector is one variable.
        y: more variables with as many observations.
        rowvar: a variable is a row; if False, a column.
        bias: divide by the number n of observations, not by n - 1.
        ddof: divide by n - ddof, whatever ``bias`` says.
        fweights: how often each observation occurred; constant whole numbers.
        aweights: the weight of each observation.

    Returns:
        a matrix; of one variable its variance, without axes.

    Raises:
        TypeError: ``fweights`` are no constant whole numbers.
        ValueError: operands have more than two axes, or don't fit together; weights are negative.
    """
    x = _variables("cov", m, rowvar, always=False)
    if y is not None:
        x = concatenate([x, _variables("cov", y, rowvar, always=True)])
    n = shape_of(x)[1]
    if ddof is None:
        ddof = 0 if bias else 1
    counts = None if fweights is None else _whole(fweights)
    if aweights is not None and not isinstance(aweights, Node):
        aweights = np.asarray(aweights, dtype=float)
    for name, weights in (("fweights", counts), ("aweights", aweights)):
        if weights is not None and shape_of(weights) != (n,):
            raise ValueError(f"cov: expected {name} of shape ({n},), got {describe(weights)}")
        if weights is not None and np.any(bare(weights) < 0):
            raise ValueError(f"cov: {name} can't be negative")
    if aweights is None:
        w: Any = counts
    else:
        w = aweights if counts is None else pointwise.mul(counts, aweights)
    centre, total = average(x, 1, w, returned=True, keepdims=True)
    if w is None:
        degrees: Any = n - ddof
    else:
        total = getitem(total, (0, 0))
        lost = ddof * (1 if aweights is None else sum(w * aweights) / total)
        degrees = total - lost
    if bare(degrees) <= 0:
        raise ValueError(f"cov: no degree of freedom is left for {n} observations, ddof={ddof}")
    d = x - centre
    covariance = matmul(d, transpose(d if w is None else d * w)) / degrees
    return covariance if shape_of(covariance) != (1, 1) else reshape(covariance, ())


def corrcoef(x: Operand, y: Operand | None = None, rowvar: bool = True) -> Any:
    """The matrix of the correlation coefficients of several variables; arguments as for ``cov``.

    Returns:
        c_ij / √(c_ii c_jj) of the covariances c, within -1 and 1; of one variable 1.
    """
    c = cov(x, y, rowvar)
    if not shape_of(c):
        return c / c
    n = shape_of(c)[0]
    deviations = pointwise.sqrt(getitem(c, (np.arange(n), np.arange(n))))
    f = c / reshape(deviations, (n, 1)) / deviations
    excess = bare(f) - np.clip(bare(f), -1, 1)  # of rounding: a constant
    return f - excess if np.any(excess) else f


def _variables(name: str, m: Operand, rowvar: bool, always: bool) -> Any:
    """A matrix with a variable a row."""
    shape = shape_of(m)
    if len(shape) > 2:
        raise ValueError(f"{name}: expected at most two axes, got {describe(m)}")
    x = reshape(m, (1,) * (2 - len(shape)) + shape)
    is_row = shape_of(x)[0] == 1 if always else len(shape) == 1
    return x if rowvar or is_row else transpose(x)


def _whole(fweights: Any) -> Array:
    if isinstance(fweights, Node):
        raise TypeError(f"cov: fweights are constant whole numbers, got {describe(fweights)}")
    counts = np.asarray(fweights, dtype=float)
    if np.any(counts != np.round(counts)):
        raise TypeError(f"cov: fweights are whole numbers, got {describe(fweights)}")
    return counts
