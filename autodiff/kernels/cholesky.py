"""The adjoint of a Cholesky factor, by halves.

With L = [[A, 0], [C, B]] the factor of S, the lower right of S is C Cᵀ + B Bᵀ and its lower left
C Aᵀ. Read backwards these give the adjoint of S from two smaller factors and a few products, a
third of the work of the closed formula (Murray, Differentiation of the Cholesky decomposition,
2016, equation 10), which serves for small matrices.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from autodiff.arrays import Array, locked
from autodiff.kernels.triangular import inverse_of_lower

_SMALL = 64


def adjoint(t: Array, factor: Array) -> Array:
    """The symmetric adjoints of matrices (..., n, n), from those of their factors ``factor``."""
    s = np.empty(np.broadcast_shapes(t.shape, factor.shape), np.result_type(t, factor))
    _fill(s, np.array(np.broadcast_to(t, s.shape)), factor, None)
    return s


@lru_cache(maxsize=_SMALL)
def _quarters(n: int) -> Array:
    """1/2 below the diagonal, 1/4 on it."""
    return locked(np.tri(n) / 2 - np.eye(n) / 4)


def _fill(s: Array, t: Array, factor: Array, inverse: Array | None) -> None:
    """Write the adjoint to ``s``, and use ``t`` up; ``inverse`` is the factor's, if it is known."""
    n = factor.shape[-1]
    if n <= _SMALL:
        if inverse is None:
            inverse = inverse_of_lower(factor)
        lower = factor.swapaxes(-1, -2) @ t
        lower *= _quarters(n)
        half = inverse.swapaxes(-1, -2) @ (lower @ inverse)
        np.add(half, half.swapaxes(-1, -2), out=s)
        return
    m = n // 2
    first, last = (..., slice(m), slice(m)), (..., slice(m, n), slice(m, n))
    corner = ..., slice(m, n), slice(m)
    c = factor[corner]
    _fill(s[last], t[last], factor[last], None if inverse is None else inverse[last])
    t_c = t[corner]
    product = s[last] @ c
    product *= 2
    t_c -= product
    of_first = inverse_of_lower(factor[first]) if inverse is None else inverse[first]
    moved = t_c @ of_first
    t[first] -= moved.swapaxes(-1, -2) @ c
    _fill(s[first], t[first], factor[first], of_first)
    moved *= 0.5
    s[corner] = moved
    s[..., :m, m:] = moved.swapaxes(-1, -2)
