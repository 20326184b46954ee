"""First-order linear recurrences along an axis: h[i] = b[i] + a[i] h[i-1]."""

from __future__ import annotations

from math import isqrt

import numpy as np

from autodiff.arrays import Array

_SHORT = 64  # so many steps one after the other cost less than the organisation of blocks


def recurrence(a: Array, b: Array, *, axis: int, reverse: bool = False) -> Array:
    """The h with h[i] = b[i] + a[i] h[i-1] along an axis; before the first element there is 0.

    Args:
        a: the coefficients, a[0] being without effect.
        b: what is added; of the same shape.
        axis: along which i runs.
        reverse: run from the last element to the first: h[i] = b[i] + a[i] h[i+1].
    """
    h = np.empty(b.shape, np.result_type(a, b))
    rows_a, rows_b, rows_h = (np.moveaxis(x, axis, 0) for x in (a, b, h))
    if reverse:
        rows_a, rows_b, rows_h = rows_a[::-1], rows_b[::-1], rows_h[::-1]
    n = len(rows_b)
    if n > _SHORT and b.size < n * isqrt(n):
        rows_h[...] = _by_blocks(rows_a, rows_b)
    else:
        _step_by_step(rows_a, rows_b, rows_h)
    return h


def is_normal(x: Array) -> Array:
    """Which elements have all their digits: they are not zero, subnormal, infinite or nan.

    Of whole numbers none counts.
    """
    if x.dtype.kind != "f":
        return np.zeros(x.shape, dtype=bool)
    limits = np.finfo(x.dtype)
    size = np.abs(x)
    return np.asarray((size >= limits.tiny) & (size <= limits.max))


def all_normal(x: Array, or_zero: Array | None = None) -> bool:
    """Whether all elements have all their digits.

    Args:
        x: of floating-point numbers, else the answer is no.
        or_zero: an element may also be zero where this one is exactly zero.
    """
    normal = is_normal(x)
    if x.dtype.kind == "f" and or_zero is not None and not normal.all():
        normal |= (or_zero == 0) & (x == 0)
    return bool(normal.all())


def _step_by_step(a: Array, b: Array, h: Array) -> None:
    """Write h, a row at a time."""
    h[:1] = b[:1]
    for i in range(1, len(b)):
        np.multiply(a[i], h[i - 1], out=h[i, ...])
        h[i] += b[i]


def _by_blocks(a: Array, b: Array) -> Array:
    """The same for few long columns: √n blocks side by side, then each one's start added to it.

    The start of a block comes with the product of the coefficients up to each element. That is kept
    as mantissa and exponent: it may be far too large or too small for a float where h is not.
    """
    n, width = len(b), isqrt(len(b))
    blocks = -(-n // width)

    def in_blocks(x: Array) -> Array:
        padded = np.zeros((blocks * width, *x.shape[1:]), x.dtype)
        padded[:n] = x
        side_by_side: Array = padded.reshape(blocks, width, *x.shape[1:]).swapaxes(0, 1)
        return side_by_side

    a_blocks, b_blocks = in_blocks(a), in_blocks(b)
    h = np.empty(b_blocks.shape, np.result_type(a, b))
    _step_by_step(a_blocks, b_blocks, h)
    mantissa, exponent = np.frexp(a_blocks)
    for i in range(1, width):
        mantissa[i], carried = np.frexp(mantissa[i] * mantissa[i - 1])
        exponent[i] += exponent[i - 1] + carried
    for k in range(1, blocks):
        start = h[-1, k - 1]
        h[:, k] += np.ldexp(mantissa[:, k] * start, exponent[:, k])
    whole: Array = h.swapaxes(0, 1).reshape(blocks * width, *b.shape[1:])[:n]
    return whole
