"""Adding to picked places of an array, where a place may be picked more than once."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array

FEW = 4
"""Fewer than one place in this many: numbering all places would cost more than it gains."""


def add_at(array: Array, index: Any, values: Any) -> None:
    """``array[index] += values`` in place, adding all values of a place that is named repeatedly.

    NumPy's ``add.at`` is fast for a flat array and a flat index only, so that many values go there.
    """
    if isinstance(index, tuple) and len(index) == 1:
        index = index[0]
    if array.ndim == 1 and isinstance(index, np.ndarray) and index.dtype != bool:
        np.add.at(array, index.ravel(), np.broadcast_to(values, index.shape).ravel())
        return
    count = np.size(values)
    if count * FEW < array.size or not array.flags.c_contiguous:
        np.add.at(array, index, values)
        return
    places = np.arange(array.size).reshape(array.shape)[index]
    np.add.at(array.reshape(-1), places.ravel(), np.broadcast_to(values, places.shape).ravel())
