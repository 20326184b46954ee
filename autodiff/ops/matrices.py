"""What the rules of linear algebra share: they treat each matrix of a stack by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.graph import bare
from autodiff.ops.products import matmul
from autodiff.ops.rules import Explicit
from autodiff.ops.shapes import matrix_transpose, reshape, shape_of
from autodiff.primitive import Operands, Parameters

T = matrix_transpose


class Matrixwise(Explicit):
    """A function of the matrices of a stack: elements influence each other within a matrix.

    Args:
        core: how many axes of the output belong to one matrix: 0 for ``det``, 2 for ``inv``.
    """

    def __init__(
        self, name: str, compute: Any, vjp: Any, jvp: Any, *, core: int, pattern: Any = None
    ) -> None:
        super().__init__(name, compute, vjp, jvp, pattern)
        self._core = core

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        if self._pattern is not None and self._pattern[i] is not None:
            return super().reach(i, mask, f, operands, parameters)
        touched = np.any(mask, axis=tuple(range(mask.ndim - self._core, mask.ndim)))
        shape = (*np.shape(touched), *np.shape(operands[i])[-2:])
        return np.broadcast_to(touched[..., None, None], shape)


def chain(x: Any, y: Any, z: Any) -> Any:
    """The product of three matrices in the cheaper order."""
    (m, k), (n, p) = shape_of(x)[-2:], shape_of(z)[-2:]
    if m * n * (k + p) <= k * p * (m + n):
        return matmul(matmul(x, y), z)
    return matmul(x, matmul(y, z))


def on_matrices(t: Any) -> Any:
    """One number for each matrix, with two axes of length 1 to multiply matrices with."""
    return reshape(t, (*shape_of(t), 1, 1))


def symmetrised(x: Any) -> Any:
    """The symmetric part of matrices."""
    return (x + T(x)) * 0.5


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of a node's or an array's elements."""
    dtype: np.dtype[Any] = np.asarray(bare(x)).dtype
    return dtype


def constant_diagonal(x: Any, number: float) -> Any:
    """A diagonal matrix with the size of the last axis of ``x``, and its dtype."""
    return np.diag(np.full(shape_of(x)[-1], number, dtype_of(x)))
