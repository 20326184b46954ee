"""Softmax along the rows of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import internal, summing
from autodiff.kernels.native.exponential import exponential
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared

_FEWEST = 16
"""Rows that are not worth being divided."""
_LANES = 64
"""Largest numbers that are sought side by side."""


def sums_of_powers(x: Array) -> tuple[Array, Array]:
    """The largest element of each row, or 0 if it isn't finite, and Σ e^(x - largest)."""
    largest, sums = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
    in_parallel(_sums_of_powers, len(x), x, largest, sums)
    return largest, sums


def softmax(x: Array, scale: Array) -> Array:
    """e^x / Σ e^x along each row, times a number for each row."""
    f = buffers.empty_like(x)
    in_parallel(_softmax, len(x), x, scale, f)
    return f


def cross_entropy(x: Array, labels: Array) -> Array:
    """The loss log Σ e^x - x[label] of each row."""
    f = np.empty(len(x), x.dtype)
    in_parallel(_cross_entropy, len(x), x, labels, f, least=_FEWEST)
    return f


def cross_entropy_adjoint(t: Array, x: Array, labels: Array) -> Array:
    """(e^x / Σ e^x, less 1 at the label) · t of each row."""
    f = buffers.empty_like(x)
    in_parallel(_cross_entropy_adjoint, len(x), t, x, labels, f, least=_FEWEST)
    return f


@shared
def _sums_of_powers(first: int, end: int, x: Any, largest: Any, sums: Any) -> None:
    lanes = np.empty(_LANES, x.dtype)
    for i in range(first, end):
        largest[i] = _finite_largest(x[i], lanes)
        sums[i] = _sum_of_powers(x[i], largest[i])


@shared
def _softmax(first: int, end: int, x: Any, scale: Any, f: Any) -> None:
    lanes = np.empty(_LANES, x.dtype)
    for i in range(first, end):
        _share(x[i], scale[i], lanes, f[i])


@shared
def _cross_entropy(first: int, end: int, x: Any, labels: Any, f: Any) -> None:
    lanes = np.empty(_LANES, x.dtype)
    for i in range(first, end):
        largest = _finite_largest(x[i], lanes)
        f[i] = np.log(_sum_of_powers(x[i], largest)) - (x[i, labels[i]] - largest)


@shared
def _cross_entropy_adjoint(first: int, end: int, t: Any, x: Any, labels: Any, f: Any) -> None:
    lanes = np.empty(_LANES, x.dtype)
    for i in range(first, end):
        _share(x[i], t[i], lanes, f[i])
        f[i, labels[i]] -= t[i]


@internal
def _finite_largest(x: Any, lanes: Any) -> Any:
    """The largest number, or 0 if it isn't finite: inf - inf would be nan; nan is no number."""
    lanes[:] = -np.inf
    whole = len(x) // _LANES * _LANES
    for start in range(0, whole, _LANES):
        here = x[start : start + _LANES]
        for k in range(_LANES):
            lanes[k] = here[k] if here[k] > lanes[k] else lanes[k]
    for k in range(whole, len(x)):
        lanes[0] = x[k] if x[k] > lanes[0] else lanes[0]
    largest = lanes[0]
    for k in range(1, _LANES):
        largest = lanes[k] if lanes[k] > largest else largest
    return largest if np.isfinite(largest) else x.dtype.type(0)


@summing
def _sum_of_powers(x: Any, largest: float) -> Any:
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        total += exponential(x[k] - largest, zero)
    return total


@internal
def _share(x: Any, scale: float, lanes: Any, f: Any) -> None:
    """Softmax of a row, times a number."""
    factor = scale / _powers(x, _finite_largest(x, lanes), f)
    for k in range(len(f)):
        f[k] *= factor


@summing
def _powers(x: Any, largest: float, f: Any) -> Any:
    zero = x.dtype.type(0)
    total = zero
    for k in range(len(x)):
        f[k] = exponential(x[k] - largest, zero)
        total += f[k]
    return total
