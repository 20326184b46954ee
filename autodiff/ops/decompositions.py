"""Decompositions of matrices: Cholesky, QR, eigenvalues and singular values.

A primitive has one output, so the parts of a decomposition are computed as one array, one part
below the other, and are sliced from it. Eigenvalues and singular values are functions of the matrix
in which the vectors stand as constants: by the first-order theory of perturbations, dλ = vᵀ dA v,
their motion adds nothing. So a gradient that needs the values only exists for repeated ones too.

Functions of a symmetric matrix read one triangle. Their gradient is symmetric: it is the one for
which ⟨gradient, dA⟩ is right for each symmetric dA.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Operand, describe
from autodiff.kernels.cholesky import adjoint as factor_adjoint
from autodiff.kernels.triangular import inverse_of_lower
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.linear_systems import inverse
from autodiff.ops.matrices import Matrixwise, T, constant_diagonal, dtype_of, symmetrised
from autodiff.ops.products import matmul
from autodiff.ops.reductions import sum
from autodiff.ops.shapes import shape_of

__all__ = [
    "cholesky",
    "eigh",
    "eigvalsh",
    "qr",
    "svd",
    "svdvals",
]


def _rows(x: Any, start: int | None, stop: int | None = None) -> Any:
    """Some rows of each matrix of a stack."""
    return getitem(x, (..., slice(start, stop), slice(None)))


def _below(*parts: Array) -> Array:
    """Matrices one below the other."""
    return np.concatenate(parts, axis=-2)


def _lower(x: Any, diagonal: float) -> Any:
    """The lower triangles, with the diagonal multiplied by a number."""
    ones = np.tril(np.ones(shape_of(x)[-2:], dtype_of(x)), -1)
    return x * (ones + constant_diagonal(x, diagonal))


_inv_lower = inverse(inverse_of_lower)


# --- Cholesky -------------------------------------------------------------------------------------


def _cholesky_vjp(t: Any, f: Any, x: Any) -> Any:
    # Murray, Differentiation of the Cholesky decomposition, 2016, equation 10.
    if isinstance(t, np.ndarray) and isinstance(f, np.ndarray):
        return factor_adjoint(t, f)
    inverted = _inv_lower(f)
    return symmetrised(matmul(T(inverted), matmul(_lower(matmul(T(f), t), 0.5), inverted)))


def _cholesky_jvp(dx: Any, f: Any, x: Any) -> Any:
    inverted = _inv_lower(f)
    return matmul(f, _lower(matmul(inverted, matmul(symmetrised(dx), T(inverted))), 0.5))


_cholesky = Matrixwise("cholesky", np.linalg.cholesky, _cholesky_vjp, _cholesky_jvp, core=2)


def cholesky(a: Operand, upper: bool = False) -> Any:
    """The lower triangular L with A = L Lᵀ of symmetric, positive definite matrices (..., n, n).

    Args:
        a: the matrices; their lower triangle is read.
        upper: give Lᵀ, and read the upper triangle.

    Raises:
        numpy.linalg.LinAlgError: a matrix is not positive definite, or not square.
    """
    return T(_cholesky(T(a))) if upper else _cholesky(a)


# --- QR -------------------------------------------------------------------------------------------


def _qr_parts(x: Array) -> Array:
    q, r = np.linalg.qr(x)
    return _below(q, r)


def _qr_vjp(t: Any, f: Any, x: Any) -> Any:
    # Walter, Lehmann & Lamour, On evaluating higher-order derivatives of the QR decomposition of
    # tall matrices with full column rank in forward and reverse mode algorithmic differentiation,
    # Optim. Methods Softw. 27, 2012.
    m = shape_of(x)[-2]
    (q, r), (t_q, t_r) = ((_rows(part, None, m), _rows(part, m)) for part in (f, t))
    skew = matmul(r, T(t_r)) - matmul(T(t_q), q)
    lower = _lower(skew, 0.5)
    return matmul(t_q + matmul(q, lower + T(lower)), _inv_lower(T(r)))


def _qr_jvp(dx: Any, f: Any, x: Any) -> Any:
    m = shape_of(x)[-2]
    q, r = _rows(f, None, m), _rows(f, m)
    moved = matmul(dx, T(_inv_lower(T(r))))
    within = matmul(T(q), moved)
    lower = _lower(within, 0.0)
    turn = lower - T(lower)
    d_q = moved - matmul(q, within) + matmul(q, turn)
    return concatenate([d_q, matmul(within - turn, r)], -2)


_qr = Matrixwise("qr", _qr_parts, _qr_vjp, _qr_jvp, core=2)


class QRResult(NamedTuple):
    """What ``qr`` returns: A = Q R."""

    Q: Any
    R: Any


def qr(a: Operand, mode: str = "reduced") -> Any:
    """The QR decomposition A = Q R of matrices (..., m, n), with k = min(m, n).

    Args:
        a: the matrices; the first k columns are linearly independent.
        mode: "reduced" for Q (..., m, k) and R (..., k, n), "r" for R alone, "complete" for square
            Q if m <= n.

    Raises:
        TypeError: the mode has no derivative: the further columns of a complete Q are arbitrary.
    """
    shape = shape_of(a)
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"qr: expected matrices, got {describe(a)}")
    m, n = shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise TypeError(
            f"qr: mode={mode!r} of {describe(a)} has no rule: use mode='reduced' or mode='r'"
        )
    columns = a if m >= n else getitem(a, (..., slice(None, m)))
    both = _qr(columns)
    q, r = _rows(both, None, m), _rows(both, m)
    if m < n:
        r = concatenate([r, matmul(T(q), getitem(a, (..., slice(m, None))))], -1)
    return r if mode == "r" else QRResult(q, r)


# --- eigenvalues of symmetric matrices ------------------------------------------------------------


def _eigh_parts(x: Array, *, UPLO: Any) -> Array:
    values, vectors = np.linalg.eigh(x, UPLO)
    return _below(values[..., None, :], vectors)


def _gaps(values: Any) -> Any:
    """λ_j - λ_i at i, j; inf on the diagonal, to divide by."""
    across = getitem(values, (..., None, slice(None)))
    return across - T(across) + constant_diagonal(values, np.inf)


def _eigh_vjp(t: Any, f: Any, x: Any, *, UPLO: str) -> Any:
    vectors = _rows(f, 1)
    turn = matmul(T(vectors), _rows(t, 1)) / _gaps(_eigenvalues(x, f))
    return symmetrised(matmul(matmul(vectors, turn), T(vectors)))


def _eigh_jvp(dx: Any, f: Any, x: Any, *, UPLO: str) -> Any:
    vectors = _rows(f, 1)
    turn = matmul(T(vectors), matmul(symmetrised(dx), vectors)) / _gaps(_eigenvalues(x, f))
    return _under_still_values(matmul(vectors, turn))


def _under_still_values(vectors: Any) -> Any:
    """Vectors below a row of zeros: the values' motion is the matter of a primitive of its own."""
    row = (*shape_of(vectors)[:-2], 1, shape_of(vectors)[-1])
    return concatenate([np.zeros(row, dtype_of(vectors)), vectors], -2)


_eigh = Matrixwise("eigh", _eigh_parts, _eigh_vjp, _eigh_jvp, core=2)
_eigenvalues = Matrixwise(
    "eigenvalues",
    lambda x, parts: parts[..., 0, :],
    vjp=(
        lambda t, f, x, parts: matmul(
            _rows(parts, 1) * getitem(t, (..., None, slice(None))), T(_rows(parts, 1))
        ),
        None,
    ),
    jvp=(
        lambda dx, f, x, parts: sum(_rows(parts, 1) * matmul(symmetrised(dx), _rows(parts, 1)), -2),
        None,
    ),
    core=1,
)


class EighResult(NamedTuple):
    """What ``eigh`` returns: A = V diag(λ) Vᵀ."""

    eigenvalues: Any
    eigenvectors: Any


def eigh(a: Operand, UPLO: str = "L") -> EighResult:
    """The eigenvalues, ascending, and the eigenvectors of symmetric matrices (..., n, n).

    The derivative of the eigenvectors is nan where eigenvalues are equal: they aren't determined.
    That of the eigenvalues doesn't mind, t_A = V diag(t) Vᵀ.

    Args:
        a: the matrices.
        UPLO: the triangle that is read, "L" or "U".

    Raises:
        numpy.linalg.LinAlgError: the matrices are not square, or the computation doesn't converge.

    Example:
        >>> from autodiff import Tensor, linalg
        >>> A = Tensor([[2.0, 0.0], [0.0, 3.0]])
        >>> values, vectors = linalg.eigh(A)
        >>> values[1].backward()
        >>> A.grad
        array([[0., 0.],
               [0., 1.]])
    """
    parts = _eigh(a, UPLO=UPLO)
    return EighResult(_eigenvalues(a, parts), _rows(parts, 1))


def eigvalsh(a: Operand, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices, ascending; see ``eigh``."""
    return eigh(a, UPLO).eigenvalues


# --- singular values ------------------------------------------------------------------------------


def _svd_parts(x: Array) -> Array:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return _below(u, s[..., None, :], np.swapaxes(vh, -1, -2))


def _u_and_v(parts: Any, x: Any) -> tuple[Any, Any]:
    m = shape_of(x)[-2]
    return _rows(parts, None, m), _rows(parts, m + 1)


def _square_gaps(s: Any) -> Any:
    """s_j² - s_i² at i, j; inf on the diagonal, to divide by."""
    across = getitem(s, (..., None, slice(None)))
    return (across - T(across)) * (across + T(across)) + constant_diagonal(s, np.inf)


def _svd_vjp(t: Any, f: Any, x: Any) -> Any:
    # Townsend, Differentiating the singular value decomposition, 2016.
    m, n = shape_of(x)[-2:]
    (u, v), (t_u, t_v) = _u_and_v(f, x), _u_and_v(t, x)
    s = _singular_values(x, f)
    across, gaps = getitem(s, (..., None, slice(None))), _square_gaps(s)
    from_u, from_v = matmul(T(u), t_u), matmul(T(v), t_v)
    turn_u, turn_v = from_u / gaps, from_v / gaps
    within = (turn_u + T(turn_u)) * across + T(across) * (turn_v + T(turn_v))
    total = matmul(matmul(u, within), T(v))
    if m > n:
        total = total + matmul((t_u - matmul(u, from_u)) / across, T(v))
    if n > m:
        total = total + matmul(u, T((t_v - matmul(v, from_v)) / across))
    return total


def _svd_jvp(dx: Any, f: Any, x: Any) -> Any:
    m, n = shape_of(x)[-2:]
    u, v = _u_and_v(f, x)
    s = _singular_values(x, f)
    across, gaps = getitem(s, (..., None, slice(None))), _square_gaps(s)
    right = matmul(dx, v)
    within = matmul(T(u), right)
    d_u = matmul(u, (within * across + T(across) * T(within)) / gaps)
    d_v = matmul(v, (T(across) * within + T(within) * across) / gaps)
    if m > n:
        d_u = d_u + (right - matmul(u, within)) / across
    if n > m:
        d_v = d_v + (matmul(T(dx), u) - matmul(v, T(within))) / across
    row = (*shape_of(d_u)[:-2], 1, shape_of(d_u)[-1])
    return concatenate([d_u, np.zeros(row, dtype_of(d_u)), d_v], -2)


_svd = Matrixwise("svd", _svd_parts, _svd_vjp, _svd_jvp, core=2)


def _singular_values_vjp(t: Any, f: Any, x: Any, parts: Any) -> Any:
    u, v = _u_and_v(parts, x)
    return matmul(u * getitem(t, (..., None, slice(None))), T(v))


def _singular_values_jvp(dx: Any, f: Any, x: Any, parts: Any) -> Any:
    u, v = _u_and_v(parts, x)
    return sum(u * matmul(dx, v), -2)


_singular_values = Matrixwise(
    "singular_values",
    lambda x, parts: parts[..., np.shape(x)[-2], :],
    vjp=(_singular_values_vjp, None),
    jvp=(_singular_values_jvp, None),
    core=1,
)


class SVDResult(NamedTuple):
    """What ``svd`` returns: A = U diag(S) Vh."""

    U: Any
    S: Any
    Vh: Any


def svd(a: Operand, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition A = U diag(S) Vh of matrices (..., m, n).

    The derivative of U and Vh is nan where singular values are equal, and infinite where one is
    zero and A is not square. That of S, t_A = U diag(t) Vh, doesn't mind.

    Args:
        a: the matrices.
        full_matrices: whether U and Vh are square; only for square matrices, as the further columns
            of U or rows of Vh are arbitrary.
        compute_uv: False for S alone.

    Raises:
        TypeError: full matrices are asked for and A is not square.
        numpy.linalg.LinAlgError: the computation doesn't converge.
    """
    shape = shape_of(a)
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"svd: expected matrices, got {describe(a)}")
    m, n = shape[-2:]
    if compute_uv and full_matrices and m != n:
        raise TypeError(
            f"svd: full matrices of {describe(a)} have no derivative: use full_matrices=False"
        )
    parts = _svd(a)
    s = _singular_values(a, parts)
    if not compute_uv:
        return s
    return SVDResult(_rows(parts, None, m), s, T(_rows(parts, m + 1)))


def svdvals(x: Operand) -> Any:
    """The singular values of matrices, descending; see ``svd``."""
    return svd(x, compute_uv=False)
