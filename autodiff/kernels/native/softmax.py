"""Softmax along the rows of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import internal, summing
from autodiff.kernels.native.exponential import exponential
from autodiff.kernels.native.keys import key_of, number_of
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared

_FEWEST = 16
"""Rows that are not worth being divided."""


def sums_of_powers(x: Array) -> tuple[Array, Array]:
    """The largest element of each row, or 0 if it isn't finite, and Σ e^(x - largest)."""
    largest, sums = (buffers.empty((len(x),), x.dtype) for _ in range(2))
    in_parallel(_sums_of_powers, len(x), x, largest, sums)
    return largest, sums


def softmax(x: Array, scale: Array) -> Array:
    """e^x / Σ e^x along each row, times a number for each row."""
    f = buffers.empty_like(x)
    in_parallel(_softmax, len(x), x, scale, f)
    return f


def cross_entropy(x: Array, labels: Array) -> tuple[Array, Array, Array]:
    """The loss log Σ e^x - x[label] of each row; e^(x - largest), and its sum along each row."""
    f, sums = (buffers.empty((len(x),), x.dtype) for _ in range(2))
    powers = buffers.empty_like(x)
    in_parallel(_cross_entropy, len(x), x, labels, f, powers, sums, least=_FEWEST)
    return f, powers, sums


def cross_entropy_adjoint(t: Array, powers: Array, sums: Array, labels: Array) -> None:
    """Make (e^x / Σ e^x, less 1 at the label) · t of the powers in each row, in their place."""
    in_parallel(_cross_entropy_adjoint, len(sums), t, powers, sums, labels, least=_FEWEST)


@shared
def _sums_of_powers(first: int, end: int, x: Any, largest: Any, sums: Any) -> None:
    for i in range(first, end):
        largest[i] = _finite_largest(x[i])
        sums[i] = _sum_of_powers(x[i], largest[i])


@shared
def _softmax(first: int, end: int, x: Any, scale: Any, f: Any) -> None:
    for i in range(first, end):
        _scale(f[i], scale[i] / _powers(x[i], _finite_largest(x[i]), f[i]))


@shared
def _cross_entropy(
    first: int, end: int, x: Any, labels: Any, f: Any, powers: Any, sums: Any
) -> None:
    for i in range(first, end):
        largest = _finite_largest(x[i])
        sums[i] = _powers(x[i], largest, powers[i])
        f[i] = np.log(sums[i]) - (x[i, labels[i]] - largest)


@shared
def _cross_entropy_adjoint(
    first: int, end: int, t: Any, powers: Any, sums: Any, labels: Any
) -> None:
    for i in range(first, end):
        _scale(powers[i], t[i] / sums[i])
        powers[i, labels[i]] -= t[i]


@internal
def _finite_largest(x: Any) -> Any:
    """The largest number, or 0 if it isn't finite: inf - inf would be nan."""
    key = key_of(x.dtype.type(-np.inf))
    for k in range(len(x)):
        here = key_of(x[k])
        key = here if here > key else key
    largest = number_of(key)
    return largest if np.isfinite(largest) else x.dtype.type(0)


@summing
def _sum_of_powers(x: Any, largest: float) -> Any:
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        total += exponential(x[k] - largest, zero)
    return total


@summing
def _powers(x: Any, largest: float, f: Any) -> Any:
    """The sum, too."""
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        f[k] = exponential(x[k] - largest, zero)
        total += f[k]
    return total


@internal
def _scale(f: Any, factor: float) -> None:
    for k in range(len(f)):
        f[k] *= factor
