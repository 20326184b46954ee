"""Max-pooling of images that lie channels last."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import compiled
from autodiff.kernels.parallel import in_parallel
from autodiff.kernels.pooling import Winners
from autodiff.kernels.windows import Sizes

NOBODY = -1
"""The place that stands for none."""


def max_pool(x: Array, size: Sizes, stride: Sizes, out: Sizes) -> Array:
    """The largest element of each window; nan if there is one.

    Args:
        x: (n, height, width, c), contiguous.
        size: the window.
        stride: the distance of neighbouring windows.
        out: height and width of the result.
    """
    y = np.empty((len(x), *out, x.shape[3]), x.dtype)
    in_parallel(lambda first, end: _max_pool(first, end, x, size, stride, y), len(x))
    return y


@compiled
def _max_pool(first: int, end: int, x: Any, size: Any, stride: Any, y: Any) -> None:
    _, high, wide, channels = y.shape
    for i in range(first, end):
        for r in range(high):
            for q in range(wide):
                largest = y[i, r, q]
                for a in range(size[0]):
                    for b in range(size[1]):
                        here = x[i, r * stride[0] + a, q * stride[1] + b]
                        if a == 0 and b == 0:
                            for c in range(channels):
                                largest[c] = here[c]
                        else:
                            for c in range(channels):
                                v, m = here[c], largest[c]
                                largest[c] = v if v > m or v != v else m


def winners(x: Array, largest: Array, size: Sizes, stride: Sizes, last: bool) -> Array:
    """Which place of each window holds its largest element, counted row by row.

    Args:
        x: (n, height, width, c), contiguous.
        largest: what ``max_pool`` gave, contiguous.
        size: the window.
        stride: the distance of neighbouring windows.
        last: whether the last of several equal ones wins, and not the first.

    Returns:
        (n, *out, c) of int32; ``NOBODY`` where the largest is nan.
    """
    places = np.empty(largest.shape, np.int32)
    in_parallel(
        lambda first, end: _winners(first, end, x, largest, size, stride, last, places), len(x)
    )
    return places


@compiled
def _winners(
    first: int, end: int, x: Any, largest: Any, size: Any, stride: Any, last: bool, places: Any
) -> None:
    _, high, wide, channels = largest.shape
    count = size[0] * size[1]
    for i in range(first, end):
        for r in range(high):
            for q in range(wide):
                found, values = places[i, r, q], largest[i, r, q]
                found[:] = NOBODY
                for k in range(count):
                    place = k if last else count - 1 - k
                    a, b = place // size[1], place % size[1]
                    here = x[i, r * stride[0] + a, q * stride[1] + b]
                    mark = np.int32(place)
                    for c in range(channels):
                        found[c] += (here[c] == values[c]) * (mark - found[c])  # no branch


def scatter(t: Winners, spatial: Sizes) -> Array:
    """What max-pooling sends back, as an array: each adjoint at the place of its window's winner.

    Args:
        t: the adjoints of the windows.
        spatial: height and width of what was pooled.
    """
    x = np.zeros((len(t.values), *spatial, t.values.shape[3]), t.values.dtype)
    in_parallel(lambda first, end: _scatter(first, end, *t[:4], x), len(x))
    return x


@compiled
def _scatter(first: int, end: int, t: Any, places: Any, size: Any, stride: Any, x: Any) -> None:
    _, high, wide, channels = t.shape
    for i in range(first, end):
        for r in range(high):
            for q in range(wide):
                for a in range(size[0]):
                    for b in range(size[1]):
                        to = x[i, r * stride[0] + a, q * stride[1] + b]
                        mark = np.int32(a * size[1] + b)
                        found, values = places[i, r, q], t[i, r, q]
                        for c in range(channels):
                            to[c] += values[c] if found[c] == mark else 0
