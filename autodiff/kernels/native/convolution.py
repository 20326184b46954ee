"""Cross-correlation and its two transposes, of images that lie channels last.

All three are products of ``product.py``: the output's positions, or the places in a kernel, are the
rows that it reads from the image. By channel, every channel has one kernel of its own, and the sums
run over its places only; else there are groups of channels, each with the same number of kernels.
"""

from __future__ import annotations

from math import gcd
from typing import Any, Literal

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.product import SPARE, lay_out, panel_width, panels, product
from autodiff.kernels.native.sums import add_up
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.walk import Walk, block_of, fill, grid, walk
from autodiff.kernels.windows import Sizes
from autodiff.settings import config

CHUNKS = 16
"""Sums over images are taken in so many parts at most, whatever the number of threads: the same
bits."""
_BLOCK = 512
"""Positions that are worked on together."""

ByChannel = Literal[True] | None


def correlate(
    x: Array, w: Array, b: Array, corner: Sizes, stride: Sizes, dilation: Sizes, out: Sizes,
    by_channel: ByChannel,
) -> Array:  # fmt: skip
    """y[n, i, o] = b[o] + Σ over a, c of x[n, corner + i · stride + a · dilation, c] · w[a, c, o].

    Outside of the images there are zeros.

    Args:
        x: (n, height, width, c), contiguous.
        w: (groups, kernel height, kernel width, c / groups, o / groups) in any layout; by channel
            (1, kernel height, kernel width, 1, c).
        b: (o,).
        corner: where the window of the first position begins.
        stride: distance of neighbouring outputs.
        dilation: distance of neighbouring kernel elements.
        out: height and width of the result.
        by_channel: see above.

    Returns:
        (n, *out, o).
    """
    y = buffers.empty((len(x), *out, w.shape[0] * w.shape[4]), x.dtype)
    _correlate_into(y, (0, 0), (1, 1), x, w, b, corner, stride, dilation, by_channel)
    return y


def correlate_input(
    t: Array, w: Array, spatial: Sizes, corner: Sizes, stride: Sizes, dilation: Sizes,
    by_channel: ByChannel,
) -> Array:  # fmt: skip
    """The transpose with respect to x.

    The elements of x that are ``stride`` apart see every so many-th place of the kernels. So this
    is a correlation again for each of them: of the adjoint with the kernels flipped.

    Args:
        t: (n, *out, o), contiguous.
        w: (groups, kernel height, kernel width, o / groups, c / groups) in any layout; by channel
            (1, kernel height, kernel width, 1, c).
        spatial: height and width of the result.
        corner: see ``correlate``.
        stride: see ``correlate``.
        dilation: see ``correlate``.
        by_channel: see above.

    Returns:
        (n, *spatial, c).
    """
    channels = w.shape[0] * w.shape[4]
    x = buffers.empty((len(t), *spatial, channels), t.dtype)
    nothing = np.zeros(channels, t.dtype)
    for phase in np.ndindex(*stride):
        down, across = (
            _taps(r - c, k, s, d)
            for r, c, k, s, d in zip(phase, corner, w.shape[1:3], stride, dilation, strict=True)
        )
        if down is None or across is None:
            x[:, phase[0] :: stride[0], phase[1] :: stride[1]] = 0
            continue
        seen, begin = w[:, down[0], across[0]], (down[1], across[1])
        steps = (down[2], across[2])
        _correlate_into(x, phase, stride, t, seen, nothing, begin, (1, 1), steps, by_channel)
    return x


def _taps(
    element: int, size: int, stride: int, dilation: int
) -> tuple[slice, int, int] | None:  # fmt: skip
    """What an element, and those multiples of ``stride`` further on, see of a kernel, on one axis.

    Position i of the adjoint reached them through place a of the kernel, where
    i · stride + a · dilation = element.

    Returns:
        The places that they see, last first; the i that belongs to the first of those; and how far
        the i of neighbouring places are apart. None if they see none.
    """
    every = stride // gcd(stride, dilation)
    places = [a for a in range(size) if (element - a * dilation) % stride == 0]
    if not places:
        return None
    end = places[0] - 1 if places[0] else None
    corner = (element - places[-1] * dilation) // stride
    return slice(places[-1], end, -every), corner, every * dilation // stride


def _correlate_into(
    y: Array, first: Sizes, step: Sizes, x: Array, w: Array, b: Array, corner: Sizes, stride: Sizes,
    dilation: Sizes, by_channel: ByChannel,
) -> None:  # fmt: skip
    """See ``correlate``: to those elements of y that begin at ``first`` and are ``step`` apart."""
    groups, *size, ours, outputs = w.shape
    _, high, wide, channels = y.shape
    down, across = len(range(first[0], high, step[0])), len(range(first[1], wide, step[1]))
    if not down * across:
        return
    block = min(_BLOCK, -(-len(x) * down * across // config.threads))
    path = walk(x.shape, (down, across), corner, stride, _extent(size, dilation), block)
    line = path.seen[1] * path.channels
    steps, counts = _inside((*size, ours), dilation, line, path.channels)
    rows = grid(
        (path.images, path.lines, path.columns),
        (path.seen[0] * line, stride[0] * line, stride[1] * path.channels),
    )
    if by_channel:
        laid, width = np.ascontiguousarray(w), outputs
        panel = panel_width(outputs, w.itemsize)
    else:
        laid, width = panels(w)
        panel = laid[0, 0].size
    w_steps = (counts[1] * counts[2] * width, counts[2] * width, width)
    y_steps = (high * wide * channels, step[0] * wide * channels, step[1] * channels)
    arguments = (
        by_channel, path, x.reshape(-1), rows, steps, laid.reshape(-1), w_steps,
        panel, counts, b, y.reshape(-1), (first[0] * wide + first[1]) * channels, y_steps,
        grid((path.images, path.lines, path.columns), y_steps), groups, ours, outputs,
    )  # fmt: skip
    in_parallel(_correlate, path.blocks, *arguments)


@shared
def _correlate(
    first: int, end: int, by_channel: Any, walk: Walk, x: Any, rows: Any, x_steps: Any, w: Any,
    w_steps: Any, panel: int, counts: Any, b: Any, y: Any, y_origin: int, y_steps: Any, places: Any,
    groups: int, channels: int, outputs: int,
) -> None:  # fmt: skip
    frame = np.zeros(walk.images * walk.frame_high * walk.frame_wide * walk.channels, x.dtype)
    of_group = len(w) // groups
    for block in range(first, end):
        image, images, row, lines = block_of(walk, block)
        if walk.frame_high:
            fill(walk, image, images, row, x, frame)
            seen, at = frame, 0
        else:
            at = image * walk.high + walk.top + row * walk.stride
            seen, at = x, (at * walk.wide + walk.left) * walk.channels
        for group in range(groups):
            product(
                by_channel, seen, at + group * channels, rows, images * lines * walk.columns,
                x_steps, w, group * of_group, w_steps, panel, counts, b, group * outputs, 0, y,
                y_origin + image * y_steps[0] + row * y_steps[1] + group * outputs, places, outputs,
            )  # fmt: skip


def correlate_kernel(
    x: Array, t: Array, size: Sizes, corner: Sizes, stride: Sizes, dilation: Sizes, groups: int,
    by_channel: ByChannel,
) -> Array:  # fmt: skip
    """The transpose with respect to w: from (n, *spatial, c) and (n, *out, o).

    By channel there is one group.

    Returns:
        (*size, c / groups, o), and by channel (*size, 1, c).
    """
    outputs = t.shape[3]
    ours = 1 if by_channel else x.shape[3] // groups
    path = walk(x.shape, t.shape[1:3], corner, stride, _extent(size, dilation), _BLOCK)
    high, wide = path.seen
    x_steps = tuple(n * path.channels for n in (high * wide, stride[0] * wide, stride[1]))
    inside = (dilation[0] * wide * path.channels, dilation[1] * path.channels, 1)
    rows = grid((*size, ours), inside)
    count = len(rows)
    rows = np.concatenate([rows, np.full(SPARE, rows[-1])])
    places = np.arange(len(rows)) * outputs
    parts = min(CHUNKS, path.blocks)
    sums = buffers.empty((parts, len(rows), outputs), x.dtype)
    ends = np.arange(parts + 1) * path.blocks // max(parts, 1)
    arguments = (
        by_channel, ends, path, x.reshape(-1), rows, count, x_steps, t.reshape(-1), outputs,
        sums.reshape(-1), places, groups, ours,
    )  # fmt: skip
    in_parallel(_correlate_kernel, parts, *arguments)
    w = add_up(sums)[:count] if parts else np.zeros((count, outputs), x.dtype)
    return w.reshape(*size, ours, outputs)


@shared
def _correlate_kernel(
    first: int, end: int, by_channel: Any, ends: Any, walk: Walk, x: Any, rows: Any, count: int,
    x_steps: Any, t: Any, outputs: int, sums: Any, places: Any, groups: int, channels: int,
) -> None:  # fmt: skip
    ours = outputs // groups
    width = panel_width(ours, x.itemsize)
    frame = np.zeros(walk.images * walk.frame_high * walk.frame_wide * walk.channels, x.dtype)
    in_panels = by_channel is None and width < outputs
    most = walk.images * walk.lines * walk.columns * in_panels
    laid = np.empty(most * (-(-ours // width) * width), x.dtype)
    slab = len(rows) * outputs
    for part in range(first, end):
        sums[part * slab : (part + 1) * slab] = 0
        for block in range(ends[part], ends[part + 1]):
            image, images, row, lines = block_of(walk, block)
            counts = (images, lines, walk.columns)
            terms = images * lines * walk.columns
            if walk.frame_high:
                fill(walk, image, images, row, x, frame)
                seen, at = frame, 0
            else:
                at = image * walk.high + walk.top + row * walk.stride
                seen, at = x, (at * walk.wide + walk.left) * walk.channels
            for group in range(groups):
                o = group * ours
                begin = (image * walk.rows + row) * walk.columns * outputs + o
                if in_panels:
                    lay_out(t, begin, terms, outputs, ours, laid)
                    right, begin, step, panel = laid, 0, width, terms * width
                else:
                    right, step, panel = t, outputs, width
                t_steps = (lines * walk.columns * step, walk.columns * step, step)
                to = part * slab + o
                product(
                    by_channel, seen, at + group * channels, rows, count, x_steps, right, begin,
                    t_steps, panel, counts, sums, to, 1, sums, to, places, ours,
                )  # fmt: skip


def _extent(size: Any, dilation: Sizes) -> Sizes:
    return tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))


def _inside(
    size: tuple[int, ...], dilation: Sizes, line: int, channels: int
) -> tuple[Sizes, Sizes]:
    """How the places in a kernel follow each other in an image: steps and counts."""
    high, wide, ours = size
    down, across = dilation
    steps = (down * line, across * channels, 1)
    if across == 1 and ours == channels:
        return (steps[0], 0, 1), (high, 1, wide * ours)  # one contiguous run per row
    if ours == 1:
        return (0, *steps[:2]), (1, high, wide)  # the innermost loop is then not of one step
    return steps, (high, wide, ours)
