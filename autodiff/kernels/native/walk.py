"""How a kernel goes over a batch of images: block by block, with zeros around them.

A block is some rows of positions of one image, or all positions of a few: as much as stays in the
cache. Blocks are what threads share out among them. Where windows reach beyond the image, the part
of it that a block sees is copied into a frame of zeros.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.compiler import internal
from autodiff.kernels.native.touch import touch
from autodiff.kernels.replay import fixed
from autodiff.kernels.windows import REMEMBERED, Sizes


class Walk(NamedTuple):
    """A grid of positions over images that lie channels last.

    Attributes:
        batch: how many images.
        high: of an image.
        wide: of an image.
        channels: of an image.
        rows: of positions.
        columns: of positions.
        top: where the window of the first position begins: negative above the image.
        left: likewise.
        stride: how far neighbouring rows of positions are apart.
        images: in a block.
        lines: rows of positions in a block.
        frame_high: of the part of an image that a block sees; 0 if it is read where it lies.
        frame_wide: likewise.
    """

    batch: int
    high: int
    wide: int
    channels: int
    rows: int
    columns: int
    top: int
    left: int
    stride: int
    images: int
    lines: int
    frame_high: int
    frame_wide: int

    @property
    def blocks(self) -> int:
        """How many there are."""
        return -(-self.batch // self.images) * -(-self.rows // self.lines)

    @property
    def seen(self) -> tuple[int, int]:
        """Height and width of what a block reads: of images, or of their frames."""
        return (self.frame_high, self.frame_wide) if self.frame_high else (self.high, self.wide)


@lru_cache(REMEMBERED)
def walk(
    shape: tuple[int, ...],
    positions: Sizes,
    corner: Sizes,
    stride: Sizes,
    extent: Sizes,
    block: int,
) -> Walk:
    """The walk over images, in blocks of about so many positions.

    Args:
        shape: of the images, (n, height, width, c).
        positions: rows and columns of them.
        corner: where the window of the first position begins.
        stride: the distance of neighbouring positions.
        extent: of a window.
        block: positions in a block, more or less.
    """
    batch, rows, columns = shape[0], *positions
    lines = min(rows, max(1, block // columns))
    lines = -(-rows // -(-rows // lines))  # all blocks alike
    images = max(1, min(batch, block // (rows * columns)))
    images = next((n for n in range(images, images // 2, -1) if batch % n == 0), images)  # in turns
    reach = [(n - 1) * s + e for n, s, e in zip((lines, columns), stride, extent, strict=True)]
    last = [
        c + (n - 1) * s + e for c, n, s, e in zip(corner, positions, stride, extent, strict=True)
    ]
    framed = min(corner) < 0 or any(e > n for e, n in zip(last, shape[1:3], strict=True))
    frame = reach if framed else (0, 0)
    return Walk._make((*shape, *positions, *corner, stride[0], images, lines, *frame))


@lru_cache(REMEMBERED)
def grid(counts: tuple[int, ...], steps: tuple[int, ...]) -> Array:
    """Where the elements of a grid lie in memory, in order; not to be written to."""
    places = np.zeros(1, np.intp)
    for count, step in zip(counts, steps, strict=True):
        places = (places[:, None] + np.arange(count) * step).reshape(-1)
    return fixed(places)


@internal
def block_of(walk: Walk, block: int) -> tuple[int, int, int, int]:
    """The first image of a block and how many, its first row of positions and how many."""
    in_image = -(-walk.rows // walk.lines)
    image, row = block // in_image * walk.images, block % in_image * walk.lines
    return image, min(walk.images, walk.batch - image), row, min(walk.lines, walk.rows - row)


@internal
def frame_of(walk: Walk, x: Any) -> Any:
    """Zeros for what a block sees, from the beginning of a line of the cache on."""
    count = walk.images * walk.frame_high * walk.frame_wide * walk.channels
    lanes = LINE // x.itemsize
    room = np.zeros(count + lanes, x.dtype)
    begin = -(room.ctypes.data // x.itemsize) % lanes
    return room[begin : begin + count]


@internal
def copy(source: Any, target: Any) -> None:
    """Copy numbers that lie side by side; faster than NumPy's way, which fears overlaps."""
    for k in range(len(target)):
        target[k] = source[k]


@internal
def fill(walk: Walk, image: int, images: int, row: int, x: Any, frame: Any) -> None:
    """Copy what a block sees into its frame, whose left and right borders are zero already."""
    top = walk.top + row * walk.stride
    first = max(0, -walk.left)
    count = max(0, min(walk.frame_wide, walk.wide - walk.left) - first) * walk.channels
    line = walk.frame_wide * walk.channels
    for i in range(images):
        for r in range(walk.frame_high):
            to = (i * walk.frame_high + r) * line + first * walk.channels
            part, here = frame[to : to + count], top + r
            if 0 <= here < walk.high:
                at = ((image + i) * walk.high + here) * walk.wide + walk.left + first
                at *= walk.channels
                copy(x[at : at + count], part)
            else:
                part[:] = 0


@internal
def reach(walk: Walk, image: int, images: int, row: int, lines: int, x: Any) -> int:
    """Where a block begins to read images that need no frame; they are touched."""
    line = walk.wide * walk.channels
    begin = (image * walk.high + walk.top + row * walk.stride) * line
    seen = images * walk.high if lines == walk.rows else lines * walk.stride
    touch(x, begin, min(seen * line, len(x) - begin))
    return begin + walk.left * walk.channels
