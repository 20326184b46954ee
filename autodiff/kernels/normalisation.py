"""Mean 0 and variance 1 over some axes, and what is sent back through that.

Compiled kernels work on matrices: what is normalised lies along their columns, as a channel of
images does, or along their rows, as the features of an example do. They apply where weight and
bias, which broadcast, are one for each column.
"""

from __future__ import annotations

from math import prod
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import dispatch
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.pointwise import gate

Axes = tuple[int, ...]


class Moments(NamedTuple):
    """Mean and variance of what was normalised, with axes of length 1."""

    mean: Any
    variance: Any


def standardise(x: Any, weight: Any, bias: Any, axis: Axes, eps: float) -> tuple[Any, Moments]:
    """(x - mean) / sqrt(variance + eps) · weight + bias, with the variance Σ d² / n.

    Args:
        x: what to normalise.
        weight: a number or an array that broadcasts to x.
        bias: likewise.
        axis: what mean and variance are taken over.
        eps: what keeps the variance from 0.
    """
    matrix = _matrix(x, weight, bias, axis)
    if matrix is None:
        mean = np.mean(x, axis=axis, keepdims=True)
        deviations = x - mean
        variance = np.mean(deviations * deviations, axis=axis, keepdims=True)
        return deviations * (weight / np.sqrt(variance + eps)) + bias, Moments(mean, variance)
    native, flat = matrix.native, matrix.flat(x)
    w, b = matrix.per_column(weight), matrix.per_column(bias)
    if matrix.along_rows:
        y, centre, squares = native.standardised_rows(flat, eps, w, b)
    else:
        centre, squares = native.moments_of_columns(flat, len(w))
        y = native.standardised_columns(flat, centre, w / np.sqrt(squares + w.dtype.type(eps)), b)
    return matrix.back(y), Moments(matrix.reduced(centre), matrix.reduced(squares))


def adjoints(
    t: Array, x: Array, weight: Any, bias: Any, moments: Moments, axis: Axes, eps: float,
    seen: Array | None = None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """What the adjoint t of ``standardise`` sends back to x, to the weight and to the bias.

    What it sends to the last two has yet to be summed over the axes that they broadcast along.

    Args:
        t: the adjoint.
        x: see ``standardise`` for what follows.
        weight: see there.
        bias: see there.
        moments: what was found there.
        axis: see there.
        eps: see there.
        seen: what was made of x, if t counts only where that is positive.
    """
    mean, variance = moments
    spread = np.sqrt(variance + np.asarray(variance).dtype.type(eps))
    matrix = _matrix(x, weight, bias, axis, t)
    if seen is not None and (matrix is None or matrix.along_rows):
        t = gate(seen, t)
    if matrix is None:
        h = (x - mean) / spread
        g = t * weight
        along = np.mean(g, axis=axis, keepdims=True)
        across = np.mean(g * h, axis=axis, keepdims=True)
        return (g - along - h * across) / spread, t * h, t
    operands = matrix.flat(t), matrix.flat(x), mean.ravel(), spread.ravel()
    w = matrix.per_column(weight)
    if matrix.along_rows:
        to_x, to_weight, to_bias = matrix.native.adjoints_of_rows(*operands, w)
    else:  # what was made of x is made again, bit for bit: that is faster than to read it
        b = None if seen is None else matrix.per_column(bias)
        to_x, to_weight, to_bias = matrix.native.adjoints_of_columns(*operands, w, b)
    return matrix.back(to_x), matrix.spread_out(to_weight), matrix.spread_out(to_bias)


class _Matrix:
    """How an array is a matrix of what is normalised and what is not.

    Args:
        native: the compiled kernels.
        x: the array.
        axis: the axes that are normalised over.
        along_rows: whether they are the columns of the matrix, and not its rows.
    """

    def __init__(self, native: ModuleType, x: Array, axis: Axes, along_rows: bool) -> None:
        self.native = native
        self.along_rows = along_rows
        kept = _others(axis, x.ndim)
        self._columns = axis if along_rows else kept
        self._order = (*kept, *axis) if along_rows else (*axis, *kept)
        self._shape, self._dtype = x.shape, x.dtype
        self._reduced = tuple(1 if i in axis else n for i, n in enumerate(x.shape))

    def flat(self, x: Array) -> Array:
        """The matrix, row behind row."""
        return contiguous(x.transpose(self._order)).reshape(-1)

    def back(self, y: Array) -> Array:
        """A matrix as an array like the one that the matrix was made of."""
        shape = [self._shape[i] for i in self._order]
        array: Array = y.reshape(shape).transpose(np.argsort(self._order))
        return array

    def reduced(self, per_line: Array) -> Array:
        """What was taken over the axes, with length 1 in their place."""
        return per_line.reshape(self._reduced)

    def per_column(self, parameter: Any) -> Array:
        """A weight or a bias, one for each column."""
        lengths = [self._shape[i] for i in self._columns]
        if np.ndim(parameter) == 0:
            return np.full(prod(lengths), parameter, self._dtype)
        if parameter.size != prod(lengths):
            own = parameter.reshape((1,) * (len(self._shape) - parameter.ndim) + parameter.shape)
            own = own.reshape([own.shape[i] for i in self._columns])
            parameter = np.broadcast_to(own, lengths)
        return contiguous(parameter).reshape(-1)

    def spread_out(self, per_column: Array) -> Array:
        """What belongs to the columns, with length 1 in the place of the other axes."""
        shape = [n if i in self._columns else 1 for i, n in enumerate(self._shape)]
        return per_column.reshape(shape)


def _matrix(x: Any, weight: Any, bias: Any, axis: Axes, *others: Any) -> _Matrix | None:
    """The array as compiled kernels take it, if they do."""
    parameters: list[Any] = [p for p in (weight, bias) if isinstance(p, (np.ndarray, np.generic))]
    if not isinstance(x, np.ndarray) or not x.size or not axis:
        return None
    native = dispatch.native("normalisation", x, *parameters, *others)
    if native is None:
        return None
    varying = {i - p.ndim + x.ndim for p in parameters for i, n in enumerate(p.shape) if n > 1}
    kept = _others(axis, x.ndim)
    innermost = min(range(x.ndim), key=lambda i: (x.shape[i] == 1, abs(x.strides[i])))
    possible = [
        along_rows
        for along_rows in (innermost in axis, innermost not in axis)
        if varying <= {*(axis if along_rows else kept)}
    ]
    return _Matrix(native, x, axis, possible[0]) if possible else None


def _others(axis: Axes, rank: int) -> Axes:
    return tuple(i for i in range(rank) if i not in axis)
