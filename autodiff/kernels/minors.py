"""Cofactors of matrices, singular ones included, by way of the singular values.

With x = U diag(s) Vᵀ every minor of x is one of diag(s), turned: the cofactor matrix of x is
det(U) det(V) · U C Vᵀ where C is diagonal and holds the products of all singular values but one
(Stewart, On the adjugate matrix, Linear Algebra Appl. 283, 1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import factors


def cofactors(x: Array, *, det: Any = None) -> Array:
    """∂det/∂x: the matrix of cofactors of each matrix of a stack.

    Args:
        x: the matrices.
        det: their determinants, if they are known.
    """
    known = factors.of(det)
    try:
        inverse = np.linalg.inv(x) if known is None else known.inverse()
    except np.linalg.LinAlgError:
        return _cofactors(x)
    size = np.max(np.abs(x), axis=(-2, -1), initial=0.0)
    size *= np.max(np.abs(inverse), axis=(-2, -1), initial=0.0)
    if np.any(size > np.finfo(inverse.dtype).eps ** -0.25):
        return _cofactors(x)  # the inverse is not accurate enough
    determinant = np.linalg.det(x) if det is None else det
    product: Array = determinant[..., None, None] * inverse.swapaxes(-1, -2)
    return product


def _cofactors(x: Array) -> Array:
    u, s, vh = _svd(x)
    product, divisor, zeros = _factors(s)
    all_but_one = np.where(zeros.sum(-1, keepdims=True) > zeros, 0, product / divisor)
    turned: Array = _sign(u, vh) * ((u * all_but_one[..., None, :]) @ vh)
    return turned


def cofactors_along(t: Array, x: Array) -> Array:
    """How the cofactors change when x moves along ``t``: the second derivative of det.

    It comes from the products of all singular values but two.
    """
    u, s, vh = _svd(x)
    product, divisor, zeros = _factors(s)
    of_pair = zeros[..., :, None] + zeros[..., None, :]
    all_but_two = np.where(
        zeros.sum(-1)[..., None, None] > of_pair,
        0,
        (product / divisor)[..., :, None] / divisor[..., None, :],
    )
    index = np.arange(s.shape[-1])
    all_but_two[..., index, index] = 0
    moved = u.swapaxes(-1, -2) @ t @ vh.swapaxes(-1, -2)
    change = -all_but_two * moved.swapaxes(-1, -2)
    change[..., index, index] = (all_but_two @ moved[..., index, index, None])[..., 0]
    turned: Array = _sign(u, vh) * (u @ change @ vh)
    return turned


def _svd(x: Array) -> tuple[Array, Array, Array]:
    """The decomposition; singular values of nan where a matrix is not finite."""
    finite = np.asarray(np.isfinite(x).all(axis=(-2, -1)))
    u, s, vh = np.linalg.svd(np.where(finite[..., None, None], x, 0))
    return u, np.where(finite[..., None], s, np.nan).astype(s.dtype), vh


def _factors(s: Array) -> tuple[Array, Array, Array]:
    """The product of what isn't zero; the values with 1 for 0 to divide by; 1 for each zero."""
    divisor = np.where(s == 0, 1, s)
    return np.prod(divisor, axis=-1, keepdims=True), divisor, (s == 0).astype(int)


def _sign(u: Array, vh: Array) -> Array:
    sign: Array = np.sign(np.linalg.det(u) * np.linalg.det(vh))
    return sign[..., None, None]


def inverse_or_nan(x: Array, *, log: Any = None) -> Array:
    """The inverses of the matrices of a stack; nan where there is none.

    Args:
        x: the matrices.
        log: what ``factors.slogdet`` said of them, if it is known.
    """
    known = factors.of(log)
    if known is not None:
        return known.inverse()
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        regular = (np.linalg.slogdet(x)[0] != 0)[..., None, None]
        inverse: Array = np.linalg.inv(np.where(regular, x, np.eye(x.shape[-1], dtype=x.dtype)))
        return np.where(regular, inverse, np.nan)
