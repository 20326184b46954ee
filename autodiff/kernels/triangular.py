"""Triangular matrices."""

from __future__ import annotations

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import lapack

_SMALL = 32
_LARGE = 64
"""Rows: LAPACK is slower than products with larger matrices."""


def inverse_of_lower(x: Array) -> Array:
    """The inverses of lower triangular matrices (..., n, n), by halves.

    The inverse of [[A, 0], [C, B]] is [[A⁻¹, 0], [-B⁻¹ C A⁻¹, B⁻¹]]: matrix products, of which
    there are few. What stands above the diagonal is not read.
    """
    n = x.shape[-1]
    invert = lapack.routine("trtri", x) if n <= _LARGE else None
    if invert is not None:
        inverse, singular = invert(x, lower=1)
        if singular:
            raise np.linalg.LinAlgError("Singular matrix")
        return np.tril(inverse)
    if n <= _SMALL:
        return np.linalg.inv(np.tril(x))
    half = n // 2
    top, bottom = inverse_of_lower(x[..., :half, :half]), inverse_of_lower(x[..., half:, half:])
    inverse = np.zeros(x.shape, x.dtype)
    inverse[..., :half, :half] = top
    inverse[..., half:, half:] = bottom
    inverse[..., half:, :half] = -(bottom @ x[..., half:, :half] @ top)
    return inverse
