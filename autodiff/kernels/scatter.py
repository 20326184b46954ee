"""Adding to picked places of an array, where a place may be picked more than once."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import dispatch

FEW = 4
"""Fewer than one place in this many: numbering all places would cost more than it gains."""


LONG = 16
"""Rows of so many elements are added as a whole."""
ROUNDS = 16
"""So often a row may be named then."""


def add_at(array: Array, index: Any, values: Any) -> None:
    """``array[index] += values`` in place, adding all values of a place that is named repeatedly.

    NumPy's ``add.at`` is fast for a flat array and a flat index only, so that many values go there.
    """
    if isinstance(index, tuple) and len(index) == 1:
        index = index[0]
    if isinstance(index, np.ndarray) and index.dtype != bool and array.ndim:
        row = array.shape[1:]
        values = np.broadcast_to(values, index.shape + row)
        if array.ndim == 1:
            np.add.at(array, index.ravel(), values.ravel())
            return
        if array[:1].size >= LONG and _add_rows(array, index.ravel(), values.reshape(-1, *row)):
            return
    count = np.size(values)
    if count * FEW < array.size or not array.flags.c_contiguous:
        np.add.at(array, index, values)
        return
    places = np.arange(array.size).reshape(array.shape)[index]
    np.add.at(array.reshape(-1), places.ravel(), np.broadcast_to(values, places.shape).ravel())


def _add_rows(array: Array, rows: Array, values: Array) -> bool:
    """Add values to whole rows, in rounds in which each row is named once; not if many are needed.

    The values of a row are added in their order. The compiled kernel needs no rounds.
    """
    rows = np.asarray(rows + len(array) * (rows < 0), np.intp)
    if values.size >= dispatch.WORTH_IT and array.flags.c_contiguous:
        native = dispatch.native("rows", array, values)
        if native is not None and 0 <= rows.min() <= rows.max() < len(array):
            native.add(array, rows, values)
            return True
    order = np.argsort(rows, kind="stable")
    first = np.diff(rows[order], prepend=-1) != 0
    places = np.arange(len(rows))
    turn = places - np.maximum.accumulate(np.where(first, places, 0))  # among those of one row
    rounds = int(turn.max(initial=-1)) + 1
    if rounds > ROUNDS:
        return False
    for k in range(rounds):
        chosen = order[turn == k]
        array[rows[chosen]] += values[chosen]
    return True
