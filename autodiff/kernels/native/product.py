"""Matrix products whose left operand is read where it lies: rows begin at given places.

The right operand is read again for every few rows of the left one. Where its own rows are long, its
columns are first laid out in panels as wide as a tile, so that each is one run in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import compiled, inserted, internal
from autodiff.kernels.native.tile import HEIGHTS, NARROW, WIDE, tile
from autodiff.kernels.native.vectors import BYTES, LONGEST
from autodiff.kernels.native.walk import copy
from autodiff.kernels.replay import preparation

_HEIGHTS = (0, *HEIGHTS.values())
SPARE = max(_HEIGHTS)
"""Rows that a tile may go on behind the last one."""
_STRIP = 24
"""Rows that are done for all columns, by channel, where each number of x is read by one panel only:
memory is then walked through from the front to the end."""
_MANY = np.iinfo(np.intp).max


@internal
def _lanes(columns: int, itemsize: int) -> int:
    """Numbers in the vectors of a panel of so many columns."""
    return (BYTES if columns * itemsize <= NARROW * BYTES else LONGEST) // itemsize


@compiled
def panel_width(columns: int, itemsize: int) -> int:
    """How many columns a panel has: so many that few lanes of the vectors are idle."""
    best, least = 0, _MANY
    for vectors in range(WIDE, 0, -1):
        lanes = _lanes(columns, itemsize)
        width = min(vectors * lanes, -(-columns // lanes) * lanes)
        rest = columns % width
        lanes = _lanes(rest, itemsize)
        busy = columns - rest + -(-rest // lanes) * lanes
        if busy + busy // 16 < least:  # a narrow panel must be worth it
            best, least = width, busy
    return best


def panels(w: Array) -> Array:
    """Matrices side by side as panels.

    Args:
        w: (matrices, *rows, columns) in any layout.

    Returns:
        (matrices, panels, *rows, panel width), contiguous, with zeros behind the last column.
    """
    columns = w.shape[-1]
    width = panel_width(columns, w.itemsize)
    count = -(-columns // width)
    with preparation(w):
        laid = buffers.empty((len(w), count, *w.shape[1:-1], width), w.dtype)
        if columns % width:
            buffers.write(laid[:, -1], 0)
        for panel in range(count):
            part = w[..., panel * width : (panel + 1) * width]
            buffers.write(laid[:, panel, ..., : part.shape[-1]], part)
    return laid


@internal
def lay_out(w: Any, begin: int, terms: int, row: int, columns: int, laid: Any) -> None:
    """The same for a matrix of ``terms`` rows within a flat array, which lie ``row`` apart."""
    width = panel_width(columns, w.itemsize)
    for first in range(0, columns, width):
        count = min(width, columns - first)
        for k in range(terms):
            to, at = first * terms + k * width, begin + k * row + first
            copy(w[at : at + count], laid[to : to + count])


@inserted
def product(
    by_channel: Any, x: Any, origin: int, rows: Any, count: int, x_steps: Any, w: Any,
    w_origin: int, w_steps: Any, panel: int, counts: Any, start: Any, start_origin: int,
    follow: int, out: Any, out_origin: int, places: Any, columns: int, how: int,
) -> None:  # fmt: skip
    """out[places[p] + o] = start[o] + Σ over i of x[rows[p] + i · x_steps] · w[i · w_steps + o].

    Arrays are flat; see ``tile``. Columns are divided into panels, ``panel`` apart in w, and rows
    into tiles. Of ``count`` rows, the last tile overlaps the one before and computes the same
    numbers again; where it would ``follow`` them, it goes on: there must be ``SPARE`` rows more.
    """
    width = panel_width(columns, x.itemsize)
    tall = follow > 0 or count >= SPARE
    step = width if tall else BYTES // x.itemsize
    strip = count if by_channel is None or follow else min(count, _STRIP)
    for strip_begin in range(0, count, strip):
        strip_end = min(strip_begin + strip, count)
        for column in range(0, columns, step):
            here = min(step, columns - column)
            lanes = _lanes(here, x.itemsize)
            wide = -(-here // lanes)
            last = here - (wide - 1) * lanes
            height = _HEIGHTS[wide] if tall else 1
            w_begin = w_origin + column // width * panel + column % width
            for begin in range(strip_begin, strip_end, height):
                row = begin if follow else min(begin, count - height)
                tile(
                    by_channel, tall, lanes * x.itemsize, wide, row, x,
                    origin + (0 if by_channel is None else column), rows, x_steps, w, w_begin,
                    w_steps, counts, start, start_origin + column, follow, out,
                    out_origin + column, places, last, how,
                )  # fmt: skip
