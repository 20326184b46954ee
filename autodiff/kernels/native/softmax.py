"""Softmax along the rows of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import compiled, summing
from autodiff.kernels.native.exponential import exponential
from autodiff.kernels.parallel import in_parallel

_BLOCK = 1 << 16
"""Numbers whose largest are found at once, so that they are still near when they are used."""


def sums_of_powers(x: Array) -> tuple[Array, Array]:
    """The largest element of each row, or 0 if it isn't finite, and Σ e^(x - largest)."""
    largest, sums = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)

    def work(first: int, end: int) -> None:
        for rows in _blocks(x, first, end):
            largest[rows] = _finite_largest(x[rows])
            _sums_of_powers(x[rows], largest[rows], sums[rows])

    in_parallel(work, len(x))
    return largest, sums


def softmax(x: Array, scale: Array) -> Array:
    """e^x / Σ e^x along each row, times a number for each row."""
    f = np.empty_like(x)

    def work(first: int, end: int) -> None:
        for rows in _blocks(x, first, end):
            _softmax(x[rows], _finite_largest(x[rows]), scale[rows], f[rows])

    in_parallel(work, len(x))
    return f


def _finite_largest(x: Array) -> Array:
    largest: Array = x.max(1)
    largest[~np.isfinite(largest)] = 0  # inf - inf would be nan
    return largest


def _blocks(x: Array, first: int, end: int) -> list[slice]:
    step = max(1, _BLOCK // x.shape[1])
    return [slice(start, min(start + step, end)) for start in range(first, end, step)]


@compiled
def _sums_of_powers(x: Any, largest: Any, sums: Any) -> None:
    for i in range(len(x)):
        sums[i] = _sum_of_powers(x[i], largest[i])


@summing
def _sum_of_powers(x: Any, largest: float) -> Any:
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        total += exponential(x[k] - largest, zero)
    return total


@compiled
def _softmax(x: Any, largest: Any, scale: Any, f: Any) -> None:
    for i in range(len(x)):
        row = f[i]
        factor = scale[i] / _powers(x[i], largest[i], row)
        for k in range(len(row)):
            row[k] *= factor


@summing
def _powers(x: Any, largest: float, f: Any) -> Any:
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        f[k] = exponential(x[k] - largest, zero)
        total += f[k]
    return total
