"""Matrix products whose left operand is read where it lies: rows begin at given places."""

from __future__ import annotations

from typing import Any

from autodiff.kernels.native.compiler import compiled
from autodiff.kernels.native.tile import HEIGHTS, tile
from autodiff.kernels.native.vectors import BYTES

_MOST_VECTORS = max(HEIGHTS)
_HEIGHTS = (0, *HEIGHTS.values())


@compiled
def product(
    x: Any, origin: int, rows: Any, x_steps: Any, w: Any, w_steps: Any, counts: Any, start: Any,
    out: Any, out_origin: int, out_row: int, columns: int,
) -> None:  # fmt: skip
    """out[p, o] = start[o] + Σ over i of x[origin + rows[p] + i · x_steps] · w[i · w_steps + o].

    Arrays are flat. Columns are divided evenly into as many tiles as they need, and so are rows,
    except that the last tile of rows overlaps the one before: it computes the same numbers again.
    """
    lanes = BYTES // x.itemsize
    vectors = -(-columns // lanes)
    width = -(-vectors // -(-vectors // _MOST_VECTORS))
    for column in range(0, columns, width * lanes):
        wide = min(width, -(-(columns - column) // lanes))
        last = min(lanes, columns - column - (wide - 1) * lanes)
        height = _HEIGHTS[wide] if len(rows) >= _HEIGHTS[wide] else 1
        for begin in range(0, len(rows), height):
            row = min(begin, len(rows) - height)
            tile(
                height > 1, wide, x, origin, rows[row:], x_steps, w, column, w_steps, counts,
                start[column:], out, out_origin + row * out_row + column, out_row, last,
            )  # fmt: skip
