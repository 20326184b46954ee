"""Products of matrices: by a compiled kernel where it applies, else by NumPy's BLAS.

BLAS has threads of its own, which go on looking for work long after a product, and then stand in
the way of those that compute what comes next. So only the smallest products are left to it, which
it computes alone, and those that it does better.
"""

from __future__ import annotations

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers, dispatch, replay

_WORTH_IT = 1 << 18
"""Multiplications: BLAS does fewer than this in one thread."""
_THINNEST = 8
"""Fewer rows or columns leave most of a tile idle."""
_LONGEST = 1 << 10
"""Terms of a sum that are added up one by one; BLAS sums parts of longer ones."""


def product(x: Array, y: Array, bias: Array | None = None) -> Array:
    """X y + bias, as ``numpy.matmul`` multiplies vectors, matrices and stacks of matrices.

    Args:
        x: (..., n, m) or (m,).
        y: (..., m, k) or (m,).
        bias: what broadcasts to the product, or None.
    """
    out = None
    if (
        x.__class__ is y.__class__ is np.ndarray
        and x.ndim == y.ndim == 2
        and (bias is None or np.shape(bias) == y.shape[1:])
    ):
        (n, m), k = x.shape, y.shape[1]
        if (
            m == len(y)
            and (_is_worth_it(n, m, k) or replay.recorder() is not None)
            and not _is_transposed(x, y)
        ):
            native = dispatch.native("matrices", x, y, bias)
            if native is not None:
                made: Array = native.product(x, y, bias)
                return made
        if x.dtype == y.dtype and x.dtype.isnative:
            out = buffers.empty((n, k), x.dtype)
    f: Array = np.matmul(x, y, out=out)
    if bias is None:
        return f
    if f.ndim and np.result_type(f, bias) == f.dtype:
        f += bias  # nobody else holds f
        return f
    return f + bias


def _is_worth_it(n: int, m: int, k: int) -> bool:
    """Whether to leave BLAS out of a product of (n, m) and (m, k)."""
    return n * m * k > _WORTH_IT and min(n, k) >= _THINNEST and m <= _LONGEST


def _is_transposed(x: Array, y: Array) -> bool:
    """Whether one matrix is the other, transposed: BLAS computes half of such a product only."""
    return (
        x.shape == y.shape[::-1]
        and x.strides == y.strides[::-1]
        and x.__array_interface__["data"] == y.__array_interface__["data"]
    )
