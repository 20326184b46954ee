"""Softmax along the rows of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import summing
from autodiff.kernels.native.exponential import exponential
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared

_BLOCK = 1 << 17
"""Numbers whose largest are found at once, so that they are still near when they are used."""


def sums_of_powers(x: Array) -> tuple[Array, Array]:
    """The largest element of each row, or 0 if it isn't finite, and Σ e^(x - largest)."""
    largest, sums = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
    for rows in _blocks(x):
        largest[rows] = _finite_largest(x[rows])
        in_parallel(_sums_of_powers, len(sums[rows]), x[rows], largest[rows], sums[rows])
    return largest, sums


def softmax(x: Array, scale: Array) -> Array:
    """e^x / Σ e^x along each row, times a number for each row."""
    f = np.empty_like(x)
    for rows in _blocks(x):
        largest = _finite_largest(x[rows])
        in_parallel(_softmax, len(largest), x[rows], largest, scale[rows], f[rows])
    return f


def _finite_largest(x: Array) -> Array:
    largest: Array = x.max(1)
    largest[~np.isfinite(largest)] = 0  # inf - inf would be nan
    return largest


def _blocks(x: Array) -> list[slice]:
    step = max(1, _BLOCK // max(x.shape[1], 1))
    return [slice(start, start + step) for start in range(0, len(x), step)]


@shared
def _sums_of_powers(first: int, end: int, x: Any, largest: Any, sums: Any) -> None:
    for i in range(first, end):
        sums[i] = _sum_of_powers(x[i], largest[i])


@summing
def _sum_of_powers(x: Any, largest: float) -> Any:
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        total += exponential(x[k] - largest, zero)
    return total


@shared
def _softmax(first: int, end: int, x: Any, largest: Any, scale: Any, f: Any) -> None:
    for i in range(first, end):
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
