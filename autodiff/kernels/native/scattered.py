"""The transposes of cross-correlation for an adjoint that max-pooling sends back.

Of each window one element at most has an adjoint. It is added to, or multiplied with, the part of
the image that its kernel saw: a few contiguous runs. Three quarters of the work, for windows of
2×2, are never done. Correlations have neither stride, dilation nor groups here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native.convolution import CHUNKS
from autodiff.kernels.native.gather import add_rows
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.pooling import NOBODY
from autodiff.kernels.native.team import shared
from autodiff.kernels.pooling import Winners
from autodiff.kernels.windows import Sizes

_NEAR = 1 << 15
"""Bytes of images that are read together: they stay in the cache that is nearest."""


def correlate_input(t: Winners, w: Array, spatial: Sizes) -> Array:
    """The transpose with respect to x.

    Args:
        t: the adjoint.
        w: (o, kernel height, kernel width, c), contiguous.
        spatial: height and width of the result.

    Returns:
        (n, *spatial, c).
    """
    batch, channels = len(t.values), w.shape[3]
    x = np.zeros((batch, *spatial, channels), t.values.dtype)
    rows = w.reshape(*w.shape[:2], -1)
    in_parallel(_correlate_input, batch, *t, rows, x)
    return x


@shared
def _correlate_input(
    first: int, end: int, t: Any, places: Any, size: Any, stride: Any, corner: Any, w: Any,
    x: Any,
) -> None:  # fmt: skip
    _, high, wide, outputs = t.shape
    _, rows, run = w.shape
    _, height, width, channels = x.shape
    flat, kernels = x.reshape(-1), w.reshape(-1)
    count = size[0] * size[1]
    groups = high * wide * count  # of adjoints that belong to the same element: their rows add up
    ends = np.empty(groups + 1, np.intp)
    corners = np.empty(groups, np.intp)
    factors = np.empty(high * wide * outputs + 1, t.dtype)
    at = np.empty(high * wide * outputs + 1, np.intp)
    for i in range(first, end):
        filled = group = 0
        ends[0] = 0
        for r in range(high):
            for q in range(wide):
                for place in range(count):
                    for o in range(outputs):
                        factors[filled] = t[i, r, q, o]  # kept if it is one of them
                        at[filled] = o * rows * run
                        filled += places[i, r, q, o] == place
                    row = i * height + r * stride[0] + corner[0] + place // size[1]
                    column = q * stride[1] + corner[1] + place % size[1]
                    corners[group] = (row * width + column) * channels
                    group += 1
                    ends[group] = filled
        for a in range(rows):  # the part of the kernels that is read then stays in the cache
            for group in range(groups):
                add_rows(
                    factors, at, ends[group], ends[group + 1], a * run, kernels, flat,
                    corners[group] + a * width * channels, run,
                )  # fmt: skip


def correlate_kernel(x: Array, t: Winners, size: Sizes) -> Array:
    """The transpose with respect to w: to (o, kernel height, kernel width, c)."""
    batch, channels, outputs = len(x), x.shape[3], t.values.shape[3]
    parts = min(CHUNKS, batch)
    sums = np.zeros((parts, outputs, size[0], size[1] * channels), x.dtype)
    ends = np.arange(parts + 1) * batch // max(parts, 1)
    in_parallel(_correlate_kernel, parts, ends, *t, x, sums)
    w: Array = sums.sum(0)
    return w.reshape(outputs, *size, channels)


@shared
def _correlate_kernel(
    first: int, end: int, ends: Any, t: Any, places: Any, size: Any, stride: Any, corner: Any,
    x: Any, sums: Any,
) -> None:  # fmt: skip
    _, high, wide, outputs = t.shape
    _, _, rows, run = sums.shape
    _, height, width, channels = x.shape
    flat, kernels = x.reshape(-1), sums.reshape(-1)
    image = height * width * channels
    together = max(1, _NEAR // (image * x.itemsize))  # images: the sums are fetched once for all
    factors = np.empty(together * high * wide, t.dtype)
    corners = np.empty(together * high * wide, np.intp)
    shifts = np.empty(size[0] * size[1] + 1, np.intp)  # of the places in a window, and of nobody
    for k in range(size[0] * size[1]):
        shifts[k] = (k // size[1] * width + k % size[1]) * channels
    for part in range(first, end):
        for begin in range(ends[part], ends[part + 1], together):
            for o in range(outputs):
                filled = 0
                for i in range(begin, min(begin + together, ends[part + 1])):
                    for r in range(high):
                        row = i * height + r * stride[0] + corner[0]
                        at = (row * width + corner[1]) * channels
                        for q in range(wide):
                            place = places[i, r, q, o]
                            factors[filled] = t[i, r, q, o]
                            corners[filled] = at + shifts[place]
                            filled += place != NOBODY
                            at += stride[1] * channels
                for a in range(rows):
                    add_rows(
                        factors, corners, 0, filled, a * width * channels, flat, kernels,
                        ((part * outputs + o) * rows + a) * run, run,
                    )  # fmt: skip
