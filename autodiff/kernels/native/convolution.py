"""Cross-correlation and its two transposes, of images that lie channels last.

All three are products of ``product.py``: the output's positions, or the places in a kernel, are the
rows that it reads from the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import compiled
from autodiff.kernels.native.product import product
from autodiff.kernels.parallel import in_parallel
from autodiff.kernels.windows import Sizes

CHUNKS = 16
"""Sums over images are taken in so many parts, whatever the number of threads: the same bits."""


def correlate(
    x: Array, w: Array, b: Array, stride: Sizes, dilation: Sizes, groups: int, out: Sizes
) -> Array:
    """y[n, i, o] = b[o] + Σ over a, c of x[n, i · stride + a · dilation, c] · w[a, c, o].

    Args:
        x: (n, height, width, c), contiguous.
        w: (kernel height, kernel width, c / groups, o), contiguous.
        b: (o,).
        stride: distance of neighbouring outputs.
        dilation: distance of neighbouring kernel elements.
        groups: the channels fall into this many groups that don't see each other.
        out: height and width of the result.

    Returns:
        (n, *out, o).
    """
    batch, _, width, channels = x.shape
    outputs = w.shape[3]
    y = np.empty((batch, *out, outputs), x.dtype)
    rows = _places(out, stride, width, channels)
    steps, counts = _inside(w.shape[:3], dilation, width, channels)
    w_steps = (counts[1] * counts[2] * outputs, counts[2] * outputs, outputs)
    arguments = (
        x.reshape(-1), x.size // max(batch, 1), rows, steps, w.reshape(-1), w_steps, counts, b,
        y.reshape(-1), outputs, groups, w.shape[2],
    )  # fmt: skip
    in_parallel(lambda first, end: _correlate(first, end, *arguments), batch)
    return y


@compiled
def _correlate(
    first: int, end: int, x: Any, image: int, rows: Any, steps: Any, w: Any, w_steps: Any,
    counts: Any, b: Any, y: Any, outputs: int, groups: int, channels: int,
) -> None:  # fmt: skip
    ours = outputs // groups
    for i in range(first, end):
        for group in range(groups):
            o = group * ours
            product(
                x, i * image + group * channels, rows, steps, w[o:], w_steps, counts, b[o:], y,
                i * len(rows) * outputs + o, outputs, ours,
            )  # fmt: skip


def correlate_kernel(
    x: Array, t: Array, size: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> Array:
    """The transpose with respect to w: (n, *spatial, c), (n, *out, o) to (*size, c / groups, o)."""
    batch, _, width, channels = x.shape
    outputs = t.shape[3]
    ours = channels // groups
    step_y, step_x = (s * n for s, n in zip(stride, (width * channels, channels), strict=True))
    places = _places(size, dilation, width, channels)
    rows = (places[:, None] + np.arange(ours)).ravel()
    parts = min(CHUNKS, batch)
    sums = np.empty((parts, len(rows), outputs), x.dtype)
    nothing = np.zeros(outputs, x.dtype)
    ends = np.arange(parts + 1) * batch // max(parts, 1)
    image = x.size // max(batch, 1)
    arguments = (
        ends, x.reshape(-1), image, rows, (image, step_y, step_x), t.reshape(-1), t.shape[1:],
        nothing, sums.reshape(-1), groups, ours,
    )  # fmt: skip
    in_parallel(lambda first, end: _correlate_kernel(first, end, *arguments), parts)
    w: Array = sums.sum(0)
    return w.reshape(*size, ours, outputs)


@compiled
def _correlate_kernel(
    first: int, end: int, ends: Any, x: Any, image: int, rows: Any, steps: Any, t: Any, shape: Any,
    nothing: Any, sums: Any, groups: int, channels: int,
) -> None:  # fmt: skip
    high, wide, outputs = shape
    ours = outputs // groups
    t_steps = (high * wide * outputs, wide * outputs, outputs)
    for part in range(first, end):
        begin = ends[part]
        counts = (ends[part + 1] - begin, high, wide)
        for group in range(groups):
            o = group * ours
            product(
                x, begin * image + group * channels, rows, steps, t[begin * t_steps[0] + o :],
                t_steps, counts, nothing, sums, part * len(rows) * outputs + o, outputs, ours,
            )  # fmt: skip


def _places(counts: Sizes, steps: Sizes, width: int, channels: int) -> Array:
    """Where the positions of a grid over an image begin in memory."""
    down, across = (np.arange(n) * s for n, s in zip(counts, steps, strict=True))
    places: Array = (down[:, None] * width + across).ravel() * channels
    return places


def _inside(
    size: tuple[int, ...], dilation: Sizes, width: int, channels: int
) -> tuple[Sizes, Sizes]:
    """How the places in a kernel follow each other in an image: steps and counts."""
    high, wide, ours = size
    down, across = dilation
    steps = (down * width * channels, across * channels, 1)
    if across == 1 and ours == channels:
        return (steps[0], 0, 1), (high, 1, wide * ours)  # one contiguous run per row
    return steps, (high, wide, ours)
