"""The product of two matrices.

One operand is read where it lies, the other is laid out in panels first: the one of which that
takes less. So the product may come out transposed, and is turned block by block while it is near.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.product import panel_width
from autodiff.kernels.native.product import product as _product
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.walk import grid

_ROWS = 48
"""Rows that are worked on together: as many tiles of each height as fit without a rest."""
_TURNING = 3
"""How much longer it takes to copy numbers across their order."""
_IN_PLACE = 1 << 20
"""Numbers of a right operand that is read where it lies, if its rows are contiguous."""


def product(x: Array, y: Array, bias: Array | None = None) -> Array:
    """X y + bias.

    Each sum is taken in the order of its terms, whatever the shapes.

    Args:
        x: (m, k) in any layout, not empty.
        y: (k, n) likewise.
        bias: (n,), or None.

    Returns:
        (m, n), contiguous.
    """
    (m, k), n = x.shape, y.shape[1]
    out = buffers.empty((m, n), x.dtype)
    turned = _effort(y, n) > _effort(x.T, m) + _TURNING * m * n
    left, right = (y.T, x.T) if turned else (x, y)
    rows, columns = len(left), right.shape[1]
    flat, steps = _flat(left)
    laid, (right_row, right_column) = _flat(right)
    width = panel_width(columns, x.itemsize)
    panels, panel = -(-columns // width), width
    if right_column > 1 or right.size > _IN_PLACE:
        seen, laid = laid, buffers.empty((panels * k * width,), x.dtype)
        in_parallel(_lay_out, panels, seen, right_row, right_column, columns, laid, k, width)
        right_row, panel = width, k * width
    plus = np.zeros(n, x.dtype) if bias is None else contiguous(bias)
    together = min(rows, 2 * _ROWS)
    in_parallel(
        _blocks, max(1, rows // _ROWS) * panels, turned, rows, columns, width, flat, steps[0],
        grid((together,), (steps[0],)), (0, 0, steps[1]), laid, (0, 0, right_row), panel,
        (1, 1, k), plus, out.reshape(-1), bias is not None,
        grid((together,), (width if turned else columns,)),
    )  # fmt: skip
    return out


def _effort(right: Array, columns: int) -> int:
    """How long it takes to lay out a right operand, in numbers that are copied in their order."""
    if right.strides[1] != right.itemsize and columns > 1:
        return _TURNING * right.size
    return right.size if right.size > _IN_PLACE else 0


def _flat(x: Array) -> tuple[Array, tuple[int, int]]:
    """The numbers of a matrix as they lie in memory, and how far rows and columns are apart."""
    if x.flags.c_contiguous or not x.flags.f_contiguous:
        return contiguous(x).reshape(-1), (x.shape[1], 1)
    return contiguous(x.T).reshape(-1), (1, len(x))


@shared
def _lay_out(
    first: int, end: int, x: Any, row: int, column: int, columns: int, laid: Any, terms: int,
    width: int,
) -> None:  # fmt: skip
    for panel in range(first, end):
        begin = panel * width
        count = min(width, columns - begin)
        if column == 1:
            for k in range(terms):
                at = (panel * terms + k) * width
                to, here = laid[at : at + count], x[k * row + begin : k * row + begin + count]
                for j in range(count):
                    to[j] = here[j]
        else:
            for j in range(count):
                at = (begin + j) * column
                here = x[at : at + (terms - 1) * row + 1]
                for k in range(terms):
                    laid[(panel * terms + k) * width + j] = here[k * row]


@shared
def _blocks(
    first: int, end: int, turned: bool, rows: int, columns: int, width: int, x: Any, x_row: int,
    places: Any, x_steps: Any, w: Any, w_steps: Any, panel: int, counts: Any, bias: Any, out: Any,
    biased: bool, targets: Any,
) -> None:  # fmt: skip
    """Some rows for each panel of columns, then the next rows."""
    room = np.empty(len(targets) * width * turned, out.dtype)
    nothing = np.zeros(width, out.dtype)
    panels, last = -(-columns // width), max(1, rows // _ROWS) - 1
    for part in range(first, end):
        begin, column = part // panels * _ROWS, part % panels * width
        height = rows - begin if part // panels == last else _ROWS
        wide = min(width, columns - column)
        to, origin = (room, 0) if turned else (out, begin * columns + column)
        _product(
            None, x, begin * x_row, places, height, x_steps, w, part % panels * panel, w_steps,
            panel_width(wide, w.itemsize), counts, nothing, 0, 0, to, origin, targets, wide,
        )  # fmt: skip
        if turned:
            for i in range(wide):
                at = (column + i) * rows + begin
                row = out[at : at + height]
                for j in range(height):
                    row[j] = room[j * width + i] + bias[begin + j]
        elif biased:
            for j in range(height):
                at = (begin + j) * columns + column
                row = out[at : at + wide]
                for i in range(wide):
                    row[i] += bias[column + i]
