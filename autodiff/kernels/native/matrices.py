"""The product of two matrices.

One operand is read where it lies, the other is laid out in panels first: the one of which that
takes less. So the product may come out transposed, and is turned block by block while it is near.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.product import SPARE, panel_width
from autodiff.kernels.native.product import product as _product
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.touch import touch
from autodiff.kernels.native.walk import copy, grid
from autodiff.kernels.native.window import WRITE
from autodiff.kernels.replay import preparation
from autodiff.kernels.windows import REMEMBERED, Sizes
from autodiff.settings import config

_ROWS = 48
"""Rows that are worked on together: as many tiles of each height as fit without a rest."""
_STRIP = 128
"""Columns of which a thread does a product of few rows."""
_JUMPING = 4
"""Panels from which on one has so little of each row that all rows are touched first."""
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
    x, y = _without_gaps(x), _without_gaps(y)
    if m < SPARE and y.flags.c_contiguous:
        return _thin_product(x, y, bias)
    turned, rows, columns, width, x_steps, (right_row, right_column), in_place, places, targets = (
        _way(m, k, n, x.flags.c_contiguous, y.flags.c_contiguous, x.itemsize)
    )
    out = buffers.empty((m, n), x.dtype)
    left, right = (_memory(y), _memory(x)) if turned else (_memory(x), _memory(y))
    panels, panel = -(-columns // width), width
    if not in_place:
        with preparation(right):
            laid = buffers.empty((panels * k * width,), x.dtype)
            in_parallel(_lay_out, panels, right, right_row, right_column, columns, laid, k, width)
        right, right_row, panel = laid, width, k * width
    plus = buffers.zeros(n, x.dtype) if bias is None else contiguous(bias)
    in_parallel(
        _blocks, max(1, rows // _ROWS) * panels, turned, rows, columns, width, left, x_steps[0],
        places, (0, 0, x_steps[1]), right, (0, 0, right_row), panel, (1, 1, k), plus,
        out.reshape(-1), bias is not None, targets,
    )  # fmt: skip
    return out


def _thin_product(x: Array, y: Array, bias: Array | None) -> Array:
    """The same, for few rows: y is read once for each of them, and that is all there is to it."""
    (m, k), n = x.shape, y.shape[1]
    out = buffers.empty((m, n), x.dtype)
    plus = buffers.zeros(n, x.dtype) if bias is None else contiguous(bias)
    left = _memory(x)
    steps = (k, 1) if x.flags.c_contiguous else (1, m)
    strips = -(-n // _STRIP)
    least = max(1, -(-strips // config.threads))  # the same ones each time: its cache has them
    in_parallel(
        _thin, strips, left, steps, _memory(y), k, n, plus, out.reshape(-1), least=least
    )  # fmt: skip
    return out


def _without_gaps(x: Array) -> Array:
    """A matrix whose numbers lie row by row, or column by column."""
    return x if x.flags.forc else buffers.contiguous(x)


def _memory(x: Array) -> Array:
    """The numbers of such a matrix as they lie in memory."""
    return contiguous(x if x.flags.c_contiguous else x.T).reshape(-1)


@lru_cache(REMEMBERED)
def _way(
    m: int, k: int, n: int, x_by_rows: bool, y_by_rows: bool, itemsize: int
) -> tuple[bool, int, int, int, Sizes, Sizes, bool, Array, Array]:
    """How a product is worked out, from shapes and layouts alone.

    Returns:
        Whether it comes out turned; then, of the product as it comes out: its rows and columns, and
        the columns of a panel; how far rows and columns of the left and of the right operand are
        apart in memory; whether the right one is read where it lies; where the rows of a block
        begin in the left operand and in what is written.
    """
    x_steps, y_steps = (k, 1) if x_by_rows else (1, m), (n, 1) if y_by_rows else (1, k)
    in_order = y_steps[1] == 1 or n == 1, x_steps[0] == 1 or m == 1
    turned = _effort(k * n, in_order[0]) > _effort(k * m, in_order[1]) + _TURNING * m * n
    rows, columns = m, n
    if turned:
        rows, columns, x_steps, y_steps = n, m, y_steps[::-1], x_steps[::-1]
    width = panel_width(columns, itemsize)
    in_place = y_steps[1] <= 1 and k * columns <= _IN_PLACE
    together = min(rows, 2 * _ROWS)
    places = grid((together,), x_steps[:1])
    targets = grid((together,), (width if turned else columns,))
    return turned, rows, columns, width, x_steps, y_steps, in_place, places, targets


def _effort(size: int, in_order: bool) -> int:
    """How long it takes to lay out a right operand, in numbers that are copied in their order."""
    if not in_order:
        return _TURNING * size
    return size if size > _IN_PLACE else 0


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
    jumping = panels >= _JUMPING
    for part in range(first, end):
        begin, column = part // panels * _ROWS, part % panels * width
        height = rows - begin if part // panels == last else _ROWS
        wide = min(width, columns - column)
        to, origin = (room, 0) if turned else (out, begin * columns + column)
        if jumping and part == 0 and panel == width:  # else it has just been laid out
            touch(w, 0, len(w))
        if jumping and column == 0 and not turned and height * columns <= _IN_PLACE:
            touch(out, begin * columns, height * columns)
        _product(
            None, x, begin * x_row, places, height, x_steps, w, part % panels * panel, w_steps,
            panel_width(wide, w.itemsize), counts, nothing, 0, 0, to, origin, targets, wide, WRITE,
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


@shared
def _thin(
    first: int, end: int, x: Any, x_steps: Any, y: Any, terms: int, columns: int, bias: Any,
    out: Any,
) -> None:  # fmt: skip
    """Some columns for each row, four terms at a time."""
    wide = min(columns, end * _STRIP) - first * _STRIP
    begin = first * _STRIP
    for i in range(len(out) // columns):
        to = out[i * columns + begin : i * columns + begin + wide]
        copy(bias[begin : begin + wide], to)
        at = i * x_steps[0]
        whole = terms // 4 * 4
        for k in range(0, whole, 4):
            here, row = at + k * x_steps[1], k * columns + begin
            a, b = x[here], x[here + x_steps[1]]
            c, d = x[here + 2 * x_steps[1]], x[here + 3 * x_steps[1]]
            ya, yb = y[row : row + wide], y[row + columns : row + columns + wide]
            yc, yd = y[row + 2 * columns :][:wide], y[row + 3 * columns :][:wide]
            for j in range(wide):
                to[j] = (((to[j] + a * ya[j]) + b * yb[j]) + c * yc[j]) + d * yd[j]
        for k in range(whole, terms):
            a, row = x[at + k * x_steps[1]], k * columns + begin
            ya = y[row : row + wide]
            for j in range(wide):
                to[j] += a * ya[j]
