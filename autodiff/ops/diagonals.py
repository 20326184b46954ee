"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Operand, bare, describe
from autodiff.ops.indexing import distinct, scatter_distinct
from autodiff.ops.pointwise import where
from autodiff.ops.reductions import sum
from autodiff.ops.shapes import normal_axis, ravel, shape_of, transpose

__all__ = [
    "diag",
    "diagflat",
    "diagonal",
    "trace",
    "tril",
    "triu",
]


def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of the matrices that two axes form, along a new last axis.

    Args:
        x: operand with two axes at least.
        offset: how far above the main diagonal; below if negative.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    Raises:
        ValueError: an axis is out of range, or both are the same.
    """
    shape = shape_of(x)
    rows, columns = normal_axis(axis1, len(shape)), normal_axis(axis2, len(shape))
    if rows == columns:
        raise ValueError(f"diagonal: axis1 and axis2 of {describe(x)} are the same, {axis1}")
    rest = [i for i in range(len(shape)) if i not in (rows, columns)]
    places = _places(shape[rows], shape[columns], offset)
    return distinct(transpose(x, (*rest, rows, columns)), (..., *places))


def diag(v: Operand, k: int = 0) -> Any:
    """The matrix with a vector on its diagonal, or the diagonal of a matrix.

    Args:
        v: a vector or a matrix.
        k: how far above the main diagonal; below if negative.

    Raises:
        ValueError: ``v`` has neither one nor two axes.
    """
    shape = shape_of(v)
    if len(shape) == 2:
        return diagonal(v, k)
    if len(shape) != 1:
        raise ValueError(f"diag: expected a vector or a matrix, got {describe(v)}")
    side = shape[0] + abs(k)
    return scatter_distinct(v, _places(side, side, k), (side, side))


def diagflat(v: Operand, k: int = 0) -> Any:
    """The matrix with all elements, flattened, on its diagonal."""
    return diag(ravel(v), k)


def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum along a diagonal; arguments as for ``diagonal``."""
    return sum(diagonal(x, offset, axis1, axis2), -1)


def tril(m: Operand, k: int = 0) -> Any:
    """The lower triangles of matrices: zero above the diagonal ``k``, where nothing has influence.

    Example:
        >>> import numpy as np
        >>> from autodiff import tril
        >>> tril(np.ones((2, 3)))
        array([[1., 0., 0.],
               [1., 1., 0.]])
    """
    return where(_lower("tril", m, k), m, np.zeros((), np.asarray(bare(m)).dtype))


def triu(m: Operand, k: int = 0) -> Any:
    """The upper triangles of matrices: zero below the diagonal ``k``; see ``tril``."""
    return where(_lower("triu", m, k - 1), np.zeros((), np.asarray(bare(m)).dtype), m)


def _lower(name: str, m: Operand, k: int) -> Array:
    shape = shape_of(m)
    if not shape:
        raise ValueError(f"{name}: expected one axis at least, got {describe(m)}")
    rows, columns = shape[-2] if len(shape) > 1 else shape[0], shape[-1]
    return np.tri(rows, columns, k, dtype=np.bool_)


def _places(rows: int, columns: int, offset: int) -> tuple[Array, Array]:
    """The indices of a diagonal of a matrix."""
    down, right = max(-offset, 0), max(offset, 0)
    along = np.arange(max(min(rows - down, columns - right), 0))
    return along + down, along + right
