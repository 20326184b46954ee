"""Adding to rows of an array, in one pass over what is added."""

from __future__ import annotations

from typing import Any

from autodiff.arrays import Array
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared

_BLOCK = 1 << 14
"""Numbers that a thread adds at least, before it looks for more."""


def add(array: Array, rows: Array, values: Array) -> None:
    """``array[rows] += values``, a row that is named repeatedly gets all of its values in order.

    Args:
        array: contiguous, of the dtype of the values.
        rows: one for each row of the values, none negative or too large.
        values: at least one row.
    """
    flat = contiguous(values).reshape(-1)
    size = len(flat) // len(rows)
    least = 1 + _BLOCK // len(rows)
    in_parallel(_add, size, rows, flat, size, array.reshape(-1), least=least)


@shared
def _add(first: int, end: int, rows: Any, values: Any, size: int, array: Any) -> None:
    for i in range(len(rows)):
        here = values[i * size + first : i * size + end]
        to = array[rows[i] * size + first : rows[i] * size + end]
        for k in range(len(to)):
            to[k] += here[k]
