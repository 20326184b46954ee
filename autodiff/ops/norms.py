"""Norms of vectors and matrices, and the condition number."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Operand, bare, describe
from autodiff.kernels.recurrence import all_normal
from autodiff.ops.decompositions import svdvals
from autodiff.ops.determinants import inv_or_nan
from autodiff.ops.indexing import getitem
from autodiff.ops.pointwise import abs, sign, where
from autodiff.ops.reductions import max, sum, weighted
from autodiff.ops.shapes import normal_axes, reshape, shape_of, transpose, whole_numbers

__all__ = [
    "cond",
    "matrix_norm",
    "norm",
    "vector_norm",
]


def _root_of_squares(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if len(axis) == np.ndim(x) and not keepdims:
        flat = np.ravel(x, order="K")
        return np.sqrt(flat @ flat)
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _direction(f: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """The unit vector x / f; 0 at 0, as are its derivatives."""
    return x / where(bare(f) == 0, np.inf, f)


def _along(t: Any, f: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """``t`` times the unit vector: a pass less, where t / f has all its digits."""
    if isinstance(f, np.ndarray) and isinstance(t, np.ndarray):
        quotient = np.asarray(t / f)
        if all_normal(quotient):
            return quotient * x
    return t * _direction(f, x, axis)


_norm = weighted("norm", _root_of_squares, _direction, _along)


def _smallest(x: Any, axis: Any, keepdims: bool) -> Any:
    return -max(-x, axis, keepdims)


def _of_vectors(x: Any, order: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if order is None or order == 2:
        return _norm(x, axis=axes, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"norm: ord={order!r} is none of vectors: expected a number")
    if order == np.inf:
        return max(abs(x), axes, keepdims)
    if order == -np.inf:
        return _smallest(abs(x), axes, keepdims)
    if order == 0:
        return sum(abs(sign(x)), axes, keepdims)
    if order == 1:
        return sum(abs(x), axes, keepdims)
    total = sum(abs(x) ** order, axes, keepdims)
    zero = bare(total) == 0
    return where(zero, 0.0, where(zero, 1.0, total) ** (1 / order))


def _of_matrices(x: Any, order: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    row, column = axes
    if order is None or order in ("fro", "f"):
        return _norm(x, axis=tuple(sorted(axes)), keepdims=keepdims)
    if order in (2, -2, "nuc"):
        others = [i for i in range(len(shape_of(x))) if i not in axes]
        # A singular value of 0 counts as |0|, with the derivative 0.
        values = abs(svdvals(transpose(x, [*others, row, column])))
        reduce = {2: max, -2: _smallest, "nuc": sum}[order]
        result = reduce(values, -1, False)
    elif order in (1, -1, np.inf, -np.inf):
        first, second = (row, column) if builtins.abs(order) == 1 else (column, row)
        reduce = max if order > 0 else _smallest
        result = reduce(sum(abs(x), first, True), second, True)
    else:
        raise ValueError(
            f"norm: ord={order!r} is none of matrices: expected 'fro', 'nuc', 1, 2 or inf, or one "
            "of these negative"
        )
    kept = (1 if i in axes else n for i, n in enumerate(shape_of(x)) if keepdims or i not in axes)
    return reshape(result, tuple(kept))


def norm(
    x: Operand,
    ord: Any = None,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
) -> Any:
    """The norm of vectors or of matrices.

    Its derivative at zero is zero, of the norms 1, 2, "fro" and "nuc" and all that come from a
    power of at least 1. Largest elements that are equal share the adjoint evenly.

    Args:
        x: operand.
        ord: of vectors 2 (default), 1, inf, -inf, 0 (how many are not zero) or another power; of
            matrices "fro" (default), "nuc" (the sum of the singular values), 2 and -2 (the largest
            and the smallest one), 1 and -1 (sums of columns), inf and -inf (sums of rows).
        axis: one axis for vectors, a pair (rows, columns) for matrices; None for all axes, of which
            there may be any number if ``ord`` is not given.
        keepdims: keep these axes with length 1.

    Raises:
        ValueError: the order is not one of these, or there are other than one or two axes.
    """
    ndim = len(shape_of(x))
    if axis is None and ord is None:
        return _of_vectors(x, 2, tuple(range(ndim)), keepdims)
    axes = tuple(range(ndim)) if axis is None else whole_numbers("axis", axis)
    normal_axes(axes, ndim)
    if len(axes) == 1:
        return _of_vectors(x, ord, (axes[0] % ndim,), keepdims)
    if len(axes) != 2:
        raise ValueError(f"norm: expected one axis or two, got axis={axis} for {describe(x)}")
    return _of_matrices(x, ord, (axes[0] % ndim, axes[1] % ndim), keepdims)


def vector_norm(
    x: Operand,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Any:
    """The norm of vectors that lie along one or several axes, or all; orders as for ``norm``."""
    return _of_vectors(x, ord, normal_axes(axis, len(shape_of(x))), keepdims)


def matrix_norm(x: Operand, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of matrices (..., m, n); orders as for ``norm``."""
    return norm(x, ord, (-2, -1), keepdims)


def cond(x: Operand, p: Any = None) -> Any:
    """The condition numbers of matrices: the norm times that of the inverse.

    Args:
        x: matrices (..., n, n); (..., m, n) for the norms by singular values, 2 and -2.
        p: the order of the norm; None is 2. A singular matrix has the condition number inf.
    """
    if p in (None, 2, -2):
        values = svdvals(x)
        first, last = getitem(values, (..., 0)), getitem(values, (..., -1))
        return last / first if p == -2 else first / last
    product = matrix_norm(x, ord=p) * matrix_norm(inv_or_nan(x), ord=p)
    singular = np.isnan(bare(product)) & ~np.isnan(bare(x)).any(axis=(-2, -1))
    return where(singular, np.inf, product)
