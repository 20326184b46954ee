"""Cross-correlation and its two transposes, of images that lie channels last.

All three are products of ``product.py``: the output's positions, or the places in a kernel, are the
rows that it reads from the image. By channel, every channel has one kernel of its own, and the sums
run over its places only; else there are groups of channels, each with the same number of kernels.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd, prod
from typing import Any, Literal

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.product import SPARE, lay_out, panel_width, panels, product
from autodiff.kernels.native.streams import manner_of
from autodiff.kernels.native.sums import CHUNKS, add_up, chunks
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.walk import Walk, block_of, fill, frame_of, grid, reach, walk
from autodiff.kernels.native.window import WRITE, settle
from autodiff.kernels.replay import fixed
from autodiff.kernels.windows import REMEMBERED, Sizes
from autodiff.settings import config

_BLOCK = 512
"""Positions that are worked on together."""
_BLOCK_BY_CHANNEL = 1 << 20
"""Bytes that are, by channel: so many that few rows of images are in two blocks. Where there is
little to compute, to read them twice takes a while."""

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
    nothing = buffers.zeros(channels, t.dtype)
    for phase in np.ndindex(*stride):
        down, across = (
            _taps(r - c, k, s, d)
            for r, c, k, s, d in zip(phase, corner, w.shape[1:3], stride, dilation, strict=True)
        )
        if down is None or across is None:
            buffers.write(x[:, phase[0] :: stride[0], phase[1] :: stride[1]], 0)
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
    groups, *_, ours, outputs = w.shape
    way = _way(
        x.shape, y.shape, w.shape, first, step, corner, stride, dilation, by_channel, w.itemsize,
        config.threads,
    )  # fmt: skip
    if way is None:
        return
    path, rows, x_steps, counts, w_steps, panel, y_origin, y_steps, places = way
    laid = buffers.contiguous(w) if by_channel else panels(w)
    arguments = (
        by_channel, path, x.reshape(-1), rows, x_steps, laid.reshape(-1), w_steps, panel, counts, b,
        y.reshape(-1), y_origin, y_steps, places, groups, ours, outputs,
        _manner(by_channel, y, step),
    )  # fmt: skip
    shares = path.batch // path.images if path.batch % path.images == 0 else 1
    in_parallel(_correlate, path.blocks, *arguments, shares=shares, divided=(x, y))


def _manner(by_channel: ByChannel, y: Array, step: Sizes) -> int:
    """How to write to y: by channel there is so little to compute that it takes longest."""
    in_lines = y.shape[3] * y.itemsize % LINE == 0
    return manner_of(y.reshape(-1)) if by_channel and in_lines and step == (1, 1) else WRITE


@lru_cache(REMEMBERED)
def _way(
    seen: Sizes, made: Sizes, kernels: Sizes, first: Sizes, step: Sizes, corner: Sizes,
    stride: Sizes, dilation: Sizes, by_channel: ByChannel, itemsize: int, threads: int,
) -> tuple[Walk, Array, Sizes, Sizes, Sizes, int, int, Sizes, Array] | None:  # fmt: skip
    """What a correlation knows from the shapes of x, y and w alone; None if it has nothing to do.

    Returns:
        The walk over the images; where the positions of a block begin in what it sees, and how
        elements of a window follow each other there; how many there are, and how they follow each
        other in a panel; how far panels are apart; where the first element of y is, how others
        follow, and where those of a block are.
    """
    _, *size, ours, outputs = kernels
    _, high, wide, channels = made
    down, across = len(range(first[0], high, step[0])), len(range(first[1], wide, step[1]))
    if not down * across:
        return None
    block = min(_block(by_channel, seen[3] * itemsize), -(-seen[0] * down * across // threads))
    path = walk(seen, (down, across), corner, stride, _extent(size, dilation), block)
    line = path.seen[1] * path.channels
    x_steps, counts = _inside((*size, ours), dilation, line, path.channels)
    around = (path.images, path.lines, path.columns)
    rows = grid(around, (path.seen[0] * line, stride[0] * line, stride[1] * path.channels))
    panel = panel_width(outputs, itemsize)
    width = outputs if by_channel else panel
    w_steps = (counts[1] * counts[2] * width, counts[2] * width, width)
    y_steps = (high * wide * channels, step[0] * wide * channels, step[1] * channels)
    return (
        path, rows, x_steps, counts, w_steps, panel if by_channel else panel * prod((*size, ours)),
        (first[0] * wide + first[1]) * channels, y_steps, grid(around, y_steps),
    )  # fmt: skip


@shared
def _correlate(
    first: int, end: int, by_channel: Any, walk: Walk, x: Any, rows: Any, x_steps: Any, w: Any,
    w_steps: Any, panel: int, counts: Any, b: Any, y: Any, y_origin: int, y_steps: Any, places: Any,
    groups: int, channels: int, outputs: int, how: int,
) -> None:  # fmt: skip
    frame = frame_of(walk, x)
    of_group = len(w) // groups
    for block in range(first, end):
        image, images, row, lines = block_of(walk, block)
        if walk.frame_high:
            fill(walk, image, images, row, x, frame)
            seen, at = frame, 0
        else:
            seen, at = x, reach(walk, image, images, row, lines, x)
        for group in range(groups):
            product(
                by_channel, seen, at + group * channels, rows, images * lines * walk.columns,
                x_steps, w, group * of_group, w_steps, panel, counts, b, group * outputs, 0, y,
                y_origin + image * y_steps[0] + row * y_steps[1] + group * outputs, places, outputs,
                how,
            )  # fmt: skip
    settle(how)


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
    path, rows, x_steps, places = _way_back(
        x.shape, t.shape, size, corner, stride, dilation, ours, by_channel, x.itemsize
    )  # fmt: skip
    parts, ends = chunks(path.blocks)
    count = len(rows) - SPARE
    sums = buffers.empty((parts, len(rows), outputs), x.dtype)
    arguments = (
        by_channel, ends, path, x.reshape(-1), rows, count, x_steps, t.reshape(-1), outputs,
        sums.reshape(-1), places, groups, ours,
    )  # fmt: skip
    in_parallel(_correlate_kernel, parts, *arguments)
    w = add_up(sums)[:count] if parts else np.zeros((count, outputs), x.dtype)
    return w.reshape(*size, ours, outputs)


@lru_cache(REMEMBERED)
def _way_back(
    seen: Sizes, made: Sizes, size: Sizes, corner: Sizes, stride: Sizes, dilation: Sizes, ours: int,
    by_channel: ByChannel, itemsize: int,
) -> tuple[Walk, Array, Sizes, Array]:  # fmt: skip
    """What the transpose with respect to w knows from the shapes of x, t and w alone.

    Returns:
        The walk over the images; where the places of a window begin in what a block sees, some
        spare ones included, and how positions follow each other there; where places lie in sums.
    """
    block = min(_block(by_channel, seen[3] * itemsize), max(_BLOCK, prod(made[:3]) // CHUNKS))
    path = walk(seen, made[1:3], corner, stride, _extent(size, dilation), block)
    high, wide = path.seen
    x_steps = tuple(n * path.channels for n in (high * wide, stride[0] * wide, stride[1]))
    inside = (dilation[0] * wide * path.channels, dilation[1] * path.channels, 1)
    rows = grid((*size, ours), inside)
    rows = fixed(np.concatenate([rows, np.full(SPARE, rows[-1])]))
    return path, rows, x_steps, fixed(np.arange(len(rows)) * made[3])


@shared
def _correlate_kernel(
    first: int, end: int, by_channel: Any, ends: Any, walk: Walk, x: Any, rows: Any, count: int,
    x_steps: Any, t: Any, outputs: int, sums: Any, places: Any, groups: int, channels: int,
) -> None:  # fmt: skip
    ours = outputs // groups
    width = panel_width(ours, x.itemsize)
    frame = frame_of(walk, x)
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
                seen, at = x, reach(walk, image, images, row, lines, x)
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
                    t_steps, panel, counts, sums, to, 1, sums, to, places, ours, WRITE,
                )  # fmt: skip


def _block(by_channel: ByChannel, position: int) -> int:
    """How many positions of so many bytes are worked on together."""
    if not by_channel:
        return _BLOCK
    return max(_BLOCK, min(8 * _BLOCK, _BLOCK_BY_CHANNEL // position))


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
