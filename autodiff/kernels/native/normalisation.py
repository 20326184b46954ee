"""Mean 0 and variance 1, for matrices: along each row, or along each column.

Matrices are flat here, row behind row. Where work goes along the columns, several rows that lie
behind each other are one long row of as many columns, so that short rows are long enough to be
worth a loop: what belongs to a column is repeated as often.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import inlined, summing
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.streams import manner_of, piece_of, room_of, send
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.window import settle

_WIDE = 512
"""Numbers in a long row."""

_BLOCK = 64
"""Long rows that are added up to one, before those are."""

_FEWEST = 16
"""Parts that sums along the columns are made of, if there are as many rows."""

_LARGEST = 512
"""Rows in such a part, at most."""


# --- along the columns ----------------------------------------------------------------------------


def moments_of_columns(x: Array, columns: int) -> tuple[Array, Array]:
    """Mean and variance of each column: (columns,)."""
    # Of numbers near 0 the squares lose no digits: so of the distance from a first guess.
    guess = x[: columns * _BLOCK].reshape(-1, columns).mean(0)
    total, squares = _sums_of_columns(x, x, guess, guess) / (x.size // columns)
    variance = np.maximum(squares - total * total, 0)
    return (guess + total).astype(x.dtype), variance.astype(x.dtype)


def standardised_columns(x: Array, mean: Array, scale: Array, shift: Array) -> Array:
    """(x - mean) · scale + shift."""
    y = buffers.empty_like(x)
    along = _long(x, mean, scale, shift)
    in_parallel(_standardised_columns, _count(x, along), manner_of(y), x, along, y)
    return y


@inlined
def _made(d: float, scale: float, shift: float) -> float:
    """What is made of a number that is d from the mean; the adjoints make it again, bit for bit."""
    return d * scale + shift


@shared
def _standardised_columns(
    first: int, end: int, how: int, x: Any, along: Any, y: Any
) -> None:  # fmt: skip
    mean, scale, shift = along[0], along[1], along[2]
    width = len(mean)
    room = room_of(how, y, width)
    for start in range(first * width, min(end * width, len(x)), width):
        stop = min(start + width, len(x))
        row, to = x[start:stop], piece_of(how, room, y, start, stop)
        for k in range(len(row)):
            to[k] = _made(row[k] - mean[k], scale[k], shift[k])
        send(how, room, y, start, stop)
    settle(how)


def adjoints_of_columns(
    t: Array, x: Array, mean: Array, spread: Array, weight: Array, bias: Array | None = None
) -> tuple[Array, Array, Array]:
    """See ``adjoints_of_rows``; mean and spread are (columns,).

    Args:
        t: see there for what follows.
        x: see there.
        mean: see there.
        spread: see there.
        weight: see there.
        bias: (columns,), if t counts only where what was made of x is positive.
    """
    scale = weight / spread
    gate = () if bias is None else (scale, bias)
    to_bias, products = _sums_of_columns(t, x, np.zeros_like(mean), mean, *gate)
    to_weight = products / spread
    # scale · (t - mean of t - h · mean of t h), with h = (x - mean) / spread
    rows = x.size // len(mean)
    along = _long(x, mean, scale, to_weight / (spread * rows), to_bias / rows, *gate[1:])
    to_x = buffers.empty_like(x)
    in_parallel(_adjoint_of_columns, _count(x, along), manner_of(to_x), t, x, along, to_x)
    return to_x, to_weight.astype(x.dtype), to_bias.astype(x.dtype)


@shared
def _adjoint_of_columns(
    first: int, end: int, how: int, t: Any, x: Any, along: Any, to_x: Any
) -> None:  # fmt: skip
    mean, scale, slope, offset = along[0], along[1], along[2], along[3]
    gated = len(along) > 4
    shift = along[4] if gated else mean
    zero, width = x.dtype.type(0), len(mean)
    room = room_of(how, to_x, width)
    for start in range(first * width, min(end * width, len(x)), width):
        stop = min(start + width, len(x))
        above, row, below = t[start:stop], x[start:stop], piece_of(how, room, to_x, start, stop)
        for k in range(len(row)):
            d, sent = row[k] - mean[k], above[k]
            if gated:
                sent = sent if _made(d, scale[k], shift[k]) > zero else zero
            below[k] = (sent - offset[k] - d * slope[k]) * scale[k]
        send(how, room, to_x, start, stop)
    settle(how)


def _sums_of_columns(t: Array, x: Array, q: Array, p: Array, *gate: Array) -> Array:
    """Σ (t - q) and Σ (t - q) (x - p) along each column: (2, columns) of float64.

    With a gate, 0 stands for t where (x - p) · gate[0] + gate[1] is not positive.
    """
    along = _long(x, q, p, *gate)
    parts = -(-_count(x, along) // _BLOCK)
    sums = np.empty((parts, 2, along.shape[1]), x.dtype)
    in_parallel(_add_columns, parts, _BLOCK, t, x, along, sums)
    total: Array = sums.sum(0, dtype=np.float64).reshape(2, -1, len(p)).sum(1)
    return total


@shared
def _add_columns(first: int, end: int, block: int, t: Any, x: Any, along: Any, sums: Any) -> None:
    q, p = along[0], along[1]
    gated = len(along) > 2
    scale, shift = (along[2], along[3]) if gated else (q, p)
    zero, width = x.dtype.type(0), len(p)
    for part in range(first, end):
        plain, products = sums[part, 0], sums[part, 1]
        plain[:] = 0
        products[:] = 0
        begin = part * block * width
        for start in range(begin, min(begin + block * width, len(x)), width):
            above, row = t[start : start + width], x[start : start + width]
            for k in range(len(row)):
                d, sent = row[k] - p[k], above[k]
                if gated:
                    sent = sent if _made(d, scale[k], shift[k]) > zero else zero
                sent -= q[k]
                plain[k] += sent
                products[k] += sent * d


def _long(x: Array, *per_column: Array) -> Array:
    """What belongs to columns, one below the other, for a long row."""
    times = max(1, _WIDE // len(per_column[0]))
    return np.tile(np.array(per_column, x.dtype), times)


def _count(x: Array, along: Array) -> int:
    """How many long rows there are; the last may be a part of one."""
    width: int = along.shape[1]
    return -(-x.size // width)


# --- along the rows -------------------------------------------------------------------------------


def standardised_rows(
    x: Array, eps: float, weight: Array, bias: Array
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + eps) · weight + bias, and mean and variance: (rows,)."""
    rows = x.size // len(weight)
    y, mean, variance = buffers.empty_like(x), np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    least = x.dtype.type(eps)
    in_parallel(_standardised_rows, rows, x, least, weight, bias, y, mean, variance)
    return y, mean, variance


@shared
def _standardised_rows(
    first: int, end: int, x: Any, eps: float, weight: Any, bias: Any, y: Any, mean: Any,
    variance: Any,
) -> None:  # fmt: skip
    width = len(weight)
    count, one = x.dtype.type(width), x.dtype.type(1)
    for i in range(first, end):
        row, to = x[i * width : i * width + width], y[i * width : i * width + width]
        centre = _sum(row) / count
        squares = _sum_of_products(row, centre, row, centre) / count
        mean[i], variance[i] = centre, squares
        scale = one / np.sqrt(squares + eps)
        for k in range(width):
            to[k] = (row[k] - centre) * scale * weight[k] + bias[k]


def adjoints_of_rows(
    t: Array, x: Array, mean: Array, spread: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """What the adjoint t sends back to x, to the weight and to the bias.

    Args:
        t: of the shape of ``x``.
        x: what was standardised.
        mean: (rows,).
        spread: (rows,), sqrt(variance + eps).
        weight: (columns,).
    """
    rows, columns = len(mean), len(weight)
    parts = min(rows, max(_FEWEST, -(-rows // _LARGEST)))
    ends = np.arange(parts + 1) * rows // max(parts, 1)
    to_x, sums = buffers.empty_like(x), np.empty((parts, 2, columns), x.dtype)
    in_parallel(_adjoints_of_rows, parts, ends, t, x, mean, spread, weight, to_x, sums)
    to_weight, to_bias = sums.sum(0)
    return to_x, to_weight, to_bias


@shared
def _adjoints_of_rows(
    first: int, end: int, ends: Any, t: Any, x: Any, mean: Any, spread: Any, weight: Any, to_x: Any,
    sums: Any,
) -> None:  # fmt: skip
    width = len(weight)
    count, zero, one = x.dtype.type(width), x.dtype.type(0), x.dtype.type(1)
    for part in range(first, end):
        to_weight, to_bias = sums[part, 0], sums[part, 1]
        to_weight[:] = 0
        to_bias[:] = 0
        for i in range(ends[part], ends[part + 1]):
            start = i * width
            above, row = t[start : start + width], x[start : start + width]
            below, centre, scale = to_x[start : start + width], mean[i], one / spread[i]
            for k in range(width):
                below[k] = above[k] * weight[k]
                to_weight[k] += above[k] * ((row[k] - centre) * scale)
                to_bias[k] += above[k]
            offset = _sum(below) / count
            slope = _sum_of_products(below, zero, row, centre) / count * scale * scale
            for k in range(width):
                below[k] = (below[k] - offset - (row[k] - centre) * slope) * scale


@summing
def _sum(x: Any) -> Any:
    total = x.dtype.type(0)
    for k in range(len(x)):
        total += x[k]
    return total


@summing
def _sum_of_products(x: Any, p: float, y: Any, q: float) -> Any:
    """Σ (x - p) (y - q)."""
    total = x.dtype.type(0)
    for k in range(len(x)):
        total += (x[k] - p) * (y[k] - q)
    return total
