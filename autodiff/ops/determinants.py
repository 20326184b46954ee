"""Determinants.

The derivative of det is the matrix of cofactors. It is a polynomial, so it exists where a matrix is
singular too, where the familiar formula det(A) A⁻ᵀ says 0 · inf.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autodiff.graph import Node, Operand, bare
from autodiff.kernels import factors, minors
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.linear_systems import inverse
from autodiff.ops.matrices import Matrixwise, T, chain, dtype_of, on_matrices
from autodiff.ops.reductions import sum
from autodiff.ops.shapes import reshape, shape_of

__all__ = [
    "det",
    "slogdet",
]

inv_or_nan = inverse(minors.inverse_or_nan)


def _inverse(f: Any, x: Any) -> Any:
    """The inverse of x; of a bare one by what was found on the way to f = slogdet x."""
    return inv_or_nan(x) if isinstance(x, Node) else minors.inverse_or_nan(x, log=f)


def _gradient(f: Any, x: Any) -> Any:
    """The cofactors of x; of a bare one by what was found on the way to f = det x."""
    return _cofactors(x) if isinstance(x, Node) else minors.cofactors(x, det=f)


def _curvature(g: Any, t: Any, x: Any) -> Any:
    """How ⟨g, cofactors along t⟩ changes with x, for regular x: the third derivative of det.

    With C the cofactors and d = det x, it differentiates (⟨C, g⟩⟨C, t⟩ - ⟨g, C tᵀ C⟩) / d.
    """
    c, d = _cofactors(x), on_matrices(det(x))
    along_g, along_t = (sum(c * m, (-2, -1), keepdims=True) for m in (g, t))
    by_c = along_g * t + along_t * g - chain(g, T(c), t) - chain(t, T(c), g)
    q = along_g * along_t - sum(g * chain(c, T(t), c), (-2, -1), keepdims=True)
    return _cofactors_along(by_c / d, x) - q / (d * d) * c


_det: Matrixwise = Matrixwise(
    "det",
    factors.det,
    vjp=lambda t, f, x: on_matrices(t) * _gradient(f, x),
    jvp=lambda dx, f, x: sum(_gradient(f, x) * dx, (-2, -1)),
    core=0,
)
_cofactors: Matrixwise = Matrixwise(
    "cofactors",
    minors.cofactors,
    vjp=lambda t, f, x: _cofactors_along(t, x),  # a second derivative is symmetric
    jvp=lambda dx, f, x: _cofactors_along(dx, x),
    core=2,
)
_cofactors_along: Matrixwise = Matrixwise(
    "cofactors_along",
    minors.cofactors_along,
    vjp=(lambda g, f, t, x: _cofactors_along(g, x), lambda g, f, t, x: _curvature(g, t, x)),
    jvp=(lambda dt, f, t, x: _cofactors_along(dt, x), lambda dx, f, t, x: _curvature(dx, t, x)),
    core=2,
)
_log_determinant = Matrixwise(
    "slogdet",
    factors.slogdet,
    vjp=lambda t, f, x: on_matrices(getitem(t, (..., 1))) * T(_inverse(f, x)),
    jvp=lambda dx, f, x: _beside_zero(sum(T(_inverse(f, x)) * dx, (-2, -1), keepdims=True)),
    core=1,
)


def _beside_zero(t: Any) -> Any:
    """The motion of (sign, log) from that of log, (..., 1, 1): a sign doesn't move."""
    log = reshape(t, shape_of(t)[:-1])
    return concatenate([np.zeros(shape_of(log), dtype_of(log)), log], -1)


def det(a: Operand) -> Any:
    """The determinants of matrices (..., n, n).

    The derivative is the matrix of cofactors, det(A) A⁻ᵀ where A is regular. It and the second
    derivative are exact for singular matrices too; higher ones exist for regular matrices only.

    Example:
        >>> from autodiff import Tensor, linalg
        >>> A = Tensor([[1.0, 2.0], [2.0, 4.0]])
        >>> linalg.det(A).backward()
        >>> A.grad.round(12)
        array([[ 4., -2.],
               [-2.,  1.]])
    """
    f = _det(a)
    return f if isinstance(f, Node) else f[()]


class SlogdetResult(NamedTuple):
    """What ``slogdet`` returns: the sign, bare, and the logarithm of the absolute value."""

    sign: Any
    logabsdet: Any


def slogdet(a: Operand) -> SlogdetResult:
    """The signs and logarithms of the determinants of matrices (..., n, n).

    The sign is constant almost everywhere, and bare. A singular matrix gives (0, -inf), with nan
    for its derivative.
    """
    both = _log_determinant(a)
    return SlogdetResult(bare(both)[..., 0], getitem(both, (..., 1)))
