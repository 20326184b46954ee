"""Pooling of images that lie channels last. What lies beyond an image is in no window."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import compiled
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared
from autodiff.kernels.windows import Sizes

NOBODY = -1
"""The place that stands for none."""


@compiled
def _clipped(position: int, size: int, stride: int, corner: int, length: int) -> tuple[int, int]:
    """The first element of a window that is in the image, and the one behind the last."""
    begin = position * stride + corner
    return max(begin, 0), min(begin + size, length)


def max_pool(x: Array, size: Sizes, stride: Sizes, corner: Sizes, out: Sizes) -> Array:
    """The largest element of each window; nan if there is one.

    Args:
        x: (n, height, width, c), contiguous.
        size: the window.
        stride: the distance of neighbouring windows.
        corner: where the first one begins.
        out: height and width of the result.
    """
    y = np.empty((len(x), *out, x.shape[3]), x.dtype)
    in_parallel(_max_pool, len(x) * out[0], x, size, stride, corner, y)
    return y


@shared
def _max_pool(first: int, end: int, x: Any, size: Any, stride: Any, corner: Any, y: Any) -> None:
    _, high, wide, _ = y.shape
    _, height, width, channels = x.shape
    for line in range(first, end):
        i, r = line // high, line % high
        top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
        for q in range(wide):
            largest = y[i, r, q]
            left, right = _clipped(q, size[1], stride[1], corner[1], width)
            for a in range(top, bottom):
                for b in range(left, right):
                    here = x[i, a, b]
                    if a == top and b == left:
                        for c in range(channels):
                            largest[c] = here[c]
                    else:
                        for c in range(channels):
                            v, m = here[c], largest[c]
                            largest[c] = v if v > m or v != v else m


def winners(
    x: Array, largest: Array, size: Sizes, stride: Sizes, corner: Sizes, last: bool
) -> Array:
    """Which place of each window holds its largest element, counted row by row.

    Args:
        x: (n, height, width, c), contiguous.
        largest: what ``max_pool`` gave, contiguous.
        size: the window.
        stride: the distance of neighbouring windows.
        corner: where the first one begins.
        last: whether the last of several equal ones wins, and not the first.

    Returns:
        (n, *out, c) of int32; ``NOBODY`` where the largest is nan.
    """
    places = np.empty(largest.shape, np.int32)
    in_parallel(_winners, len(x) * largest.shape[1], x, largest, size, stride, corner, last, places)
    return places


@shared
def _winners(
    first: int, end: int, x: Any, largest: Any, size: Any, stride: Any, corner: Any, last: bool,
    places: Any,
) -> None:  # fmt: skip
    _, high, wide, channels = largest.shape
    _, height, width, _ = x.shape
    count = size[0] * size[1]
    for line in range(first, end):
        i, r = line // high, line % high
        for q in range(wide):
            found, values = places[i, r, q], largest[i, r, q]
            for c in range(channels):
                found[c] = NOBODY
            for k in range(count):
                place = k if last else count - 1 - k
                a = r * stride[0] + corner[0] + place // size[1]
                b = q * stride[1] + corner[1] + place % size[1]
                if 0 <= a < height and 0 <= b < width:
                    here = x[i, a, b]
                    mark = np.int32(place)
                    for c in range(channels):
                        before = found[c]
                        found[c] = mark if here[c] == values[c] else before


def max_unpool(
    t: Array, x: Array, largest: Array, size: Sizes, stride: Sizes, corner: Sizes, last: bool
) -> Array:
    """What max-pooling sends back: each adjoint at the place of its window's winner.

    Args:
        t: the adjoints of the windows, contiguous.
        x: see ``winners``.
        largest: see ``winners``.
        size: see ``winners``.
        stride: see ``winners``.
        corner: see ``winners``.
        last: see ``winners``.
    """
    back, exact = _target(t, x.shape[1:3], size, stride, corner)
    in_parallel(_max_unpool, len(x), t, x, largest, size, stride, corner, last, exact, back)
    return back


@shared
def _max_unpool(
    first: int, end: int, t: Any, x: Any, largest: Any, size: Any, stride: Any, corner: Any,
    last: bool, exact: bool, back: Any,
) -> None:  # fmt: skip
    _, high, wide, channels = t.shape
    _, height, width, _ = x.shape
    left_over = np.empty(channels, t.dtype)  # of an adjoint that nobody has won yet
    nothing = left_over.dtype.type(0)
    for i in range(first, end):
        for r in range(high):
            top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
            for q in range(wide):
                left, right = _clipped(q, size[1], stride[1], corner[1], width)
                most, adjoint = largest[i, r, q], t[i, r, q]
                for c in range(channels):
                    left_over[c] = adjoint[c]
                columns = right - left
                count = (bottom - top) * columns
                for k in range(count):
                    place = count - 1 - k if last else k
                    a, b = top + place // columns, left + place % columns
                    here, to = x[i, a, b], back[i, a, b]
                    if exact:
                        for c in range(channels):
                            won, rest = here[c] == most[c], left_over[c]
                            to[c] = rest if won else nothing
                            left_over[c] = nothing if won else rest
                    else:
                        for c in range(channels):
                            won, rest = here[c] == most[c], left_over[c]
                            to[c] += rest if won else nothing
                            left_over[c] = nothing if won else rest


def sum_pool(
    x: Array, size: Sizes, stride: Sizes, corner: Sizes, out: Sizes, weight: float
) -> Array:
    """The sum of each window, times ``weight``; arguments as for ``max_pool``."""
    y = np.empty((len(x), *out, x.shape[3]), x.dtype)
    factor = x.dtype.type(weight)
    in_parallel(_sum_pool, len(x) * out[0], x, size, stride, corner, factor, y)
    return y


@shared
def _sum_pool(
    first: int, end: int, x: Any, size: Any, stride: Any, corner: Any, weight: float, y: Any
) -> None:
    _, high, wide, _ = y.shape
    _, height, width, channels = x.shape
    for line in range(first, end):
        i, r = line // high, line % high
        top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
        for q in range(wide):
            total = y[i, r, q]
            for c in range(channels):
                total[c] = 0
            left, right = _clipped(q, size[1], stride[1], corner[1], width)
            for a in range(top, bottom):
                for b in range(left, right):
                    here = x[i, a, b]
                    for c in range(channels):
                        total[c] += here[c]
            for c in range(channels):
                total[c] *= weight


def sum_unpool(
    t: Array, spatial: Sizes, size: Sizes, stride: Sizes, corner: Sizes, weight: float
) -> Array:
    """The transpose of ``sum_pool``: to (n, *spatial, c)."""
    back, exact = _target(t, spatial, size, stride, corner)
    factor = t.dtype.type(weight)
    in_parallel(_sum_unpool, len(t), t, size, stride, corner, factor, exact, back)
    return back


@shared
def _sum_unpool(
    first: int, end: int, t: Any, size: Any, stride: Any, corner: Any, weight: float, exact: bool,
    back: Any,
) -> None:  # fmt: skip
    _, high, wide, channels = t.shape
    _, height, width, _ = back.shape
    for i in range(first, end):
        for r in range(high):
            top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
            for q in range(wide):
                left, right = _clipped(q, size[1], stride[1], corner[1], width)
                adjoint = t[i, r, q]
                for a in range(top, bottom):
                    for b in range(left, right):
                        to = back[i, a, b]
                        if exact:
                            for c in range(channels):
                                to[c] = adjoint[c] * weight
                        else:
                            for c in range(channels):
                                to[c] += adjoint[c] * weight


def _target(
    t: Array, spatial: Sizes, size: Sizes, stride: Sizes, corner: Sizes
) -> tuple[Array, bool]:
    """Where adjoints are sent back to, and whether each element is in exactly one window.

    If so, nothing is there yet; else there are zeros, to be added to.
    """
    covered = tuple(n * k for n, k in zip(t.shape[1:3], size, strict=True))
    exact = size == stride and covered == spatial and not any(corner)
    shape = (len(t), *spatial, t.shape[3])
    return (np.empty if exact else np.zeros)(shape, t.dtype), exact
