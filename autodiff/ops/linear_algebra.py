"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.graph import Operand
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import reshape, shape_of, sum_to, transpose

__all__ = [
    "matmul",
]


def _swapped(x: Any) -> Any:
    """The matrices of a stack, transposed."""
    ndim = len(shape_of(x))
    return transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def _as_matrices(t: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Adjoint and operands with vectors written as a row (x) and as a column (y)."""
    x_shape, y_shape = shape_of(x), shape_of(y)
    rows = x_shape if len(x_shape) > 1 else (1, *x_shape)
    columns = y_shape if len(y_shape) > 1 else (*y_shape, 1)
    stack = np.broadcast_shapes(rows[:-2], columns[:-2])
    return reshape(t, (*stack, rows[-2], columns[-1])), reshape(x, rows), reshape(y, columns)


def _transpose_x(t: Any, f: Any, x: Any, y: Any) -> Any:
    t, x_rows, y_columns = _as_matrices(t, x, y)
    return reshape(sum_to(matmul(t, _swapped(y_columns)), shape_of(x_rows)), shape_of(x))


def _transpose_y(t: Any, f: Any, x: Any, y: Any) -> Any:
    t, x_rows, y_columns = _as_matrices(t, x, y)
    return reshape(sum_to(matmul(_swapped(x_rows), t), shape_of(y_columns)), shape_of(y))


_matmul = Linear("matmul", np.matmul, _transpose_x, _transpose_y, text=lambda x, y: f"{x} @ {y}")


def matmul(x: Operand, y: Operand) -> Any:
    """The product of two matrices, vectors, or stacks of matrices, under NumPy's rules.

    Its transposes: t_x = t yᵀ and t_y = xᵀ t.

    Raises:
        ValueError: an operand has no axis, or the inner lengths differ.
    """
    return _matmul(x, y)


matmul.primitive = _matmul  # type: ignore[attr-defined]
