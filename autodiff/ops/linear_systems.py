"""Linear systems, inverses, powers, least squares: the functions of ``numpy.linalg``.

All work on stacks of matrices. X is the output, A the matrix, t the adjoint; the rules are those of
Giles, Collected matrix derivative results for forward and reverse mode AD (2008), if not said
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels import factors
from autodiff.ops import diagonals, products
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.matrices import Matrixwise, T, chain, constant_diagonal, dtype_of
from autodiff.ops.pointwise import where
from autodiff.ops.products import dot, matmul, tensordot, vecdot
from autodiff.ops.reductions import sum
from autodiff.ops.shapes import (
    broadcast_to,
    matrix_transpose,
    normal_axis,
    reshape,
    shape_of,
    transpose,
    whole_numbers,
)
from autodiff.primitive import Operands, Parameters

__all__ = [
    "cross",
    "diagonal",
    "expm",
    "inv",
    "lstsq",
    "matmul",
    "matrix_power",
    "matrix_transpose",
    "multi_dot",
    "outer",
    "pinv",
    "solve",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
]

# --- linear systems -------------------------------------------------------------------------------


def _columns_touched(t: Any, f: Any, a: Any, b: Any) -> Any:
    """Each column of the solution comes from its own right-hand side."""
    return broadcast_to(np.sum(t, axis=-2, keepdims=True), shape_of(t))


def _back(t: Any, f: Any, a: Any) -> Any:
    """The solution of Aᵀ X = t, with the factors of A that the solution f was found with."""
    known = None if isinstance(t, Node) else factors.of(f)
    return _solve(T(a), t) if known is None else known.solution(t, transposed=True)


def _to_matrix(t_b: Any, f: Any) -> Any:
    """The adjoint of A, from that of the right-hand side."""
    return -matmul(t_b, T(f))


class _Solve(Matrixwise):
    """Solves once for the adjoints of both operands."""

    def vjps(
        self, wanted: Sequence[int], t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> list[Any]:
        t_b = _back(t, f, operands[0])
        return [t_b if i else _to_matrix(t_b, f) for i in wanted]


_solve: Matrixwise = _Solve(
    "solve",
    factors.solve,
    vjp=(
        lambda t, f, a, b: _to_matrix(_back(t, f, a), f),
        lambda t, f, a, b: _back(t, f, a),
    ),
    jvp=(
        lambda da, f, a, b: -_solve(a, matmul(da, f)),
        lambda db, f, a, b: _solve(a, db),
    ),
    core=2,
    pattern=(None, _columns_touched),
)


def solve(a: Operand, b: Operand) -> Any:
    """The solution X of A X = B.

    Its transposes: t_B solves Aᵀ t_B = t, and t_A = -t_B Xᵀ.

    Args:
        a: matrices (..., n, n).
        b: a vector (n,), or matrices (..., n, k). The leading axes broadcast.

    Raises:
        numpy.linalg.LinAlgError: a matrix is singular, or not square.

    Example:
        >>> from autodiff import Tensor, linalg
        >>> A, b = Tensor([[2.0, 0.0], [0.0, 4.0]]), Tensor([2.0, 2.0])
        >>> x = linalg.solve(A, b)
        >>> x.sum().backward()
        >>> x.data, b.grad
        (array([1. , 0.5]), array([0.5 , 0.25]))
    """
    if len(shape_of(b)) != 1:
        return _solve(a, b)
    x = _solve(a, reshape(b, (-1, 1)))
    return reshape(x, shape_of(x)[:-1])


def tensorsolve(a: Operand, b: Operand, axes: Sequence[int] | None = None) -> Any:
    """The solution x of ``tensordot(a, x, x.ndim) == b``.

    Args:
        a: of shape b.shape + x.shape, as many elements in one as in the other.
        b: right-hand side.
        axes: axes of ``a`` to move to its end first.
    """
    ndim = len(shape_of(a))
    if axes is not None:
        last = [normal_axis(axis, ndim) for axis in axes]
        a = transpose(a, [i for i in range(ndim) if i not in last] + last)
    shape = shape_of(a)[len(shape_of(b)) :]
    size = prod(shape)
    if prod(shape_of(a)) != size**2:
        raise np.linalg.LinAlgError(
            f"tensorsolve: {describe(a)} is no square system for {describe(b)}"
        )
    return reshape(solve(reshape(a, (size, size)), reshape(b, -1)), shape)


# --- inverses -------------------------------------------------------------------------------------


def inverse(compute: Any) -> Matrixwise:
    """The primitive of the inverse, for one way to compute it."""
    return Matrixwise(
        "inv",
        compute,
        vjp=lambda t, f, x: -matmul(matmul(T(f), t), T(f)),
        jvp=lambda dx, f, x: -matmul(matmul(f, dx), f),
        core=2,
    )


_inv = inverse(np.linalg.inv)


def inv(a: Operand) -> Any:
    """The inverses X of matrices (..., n, n); t_A = -Xᵀ t Xᵀ.

    Raises:
        numpy.linalg.LinAlgError: a matrix is singular, or not square.
    """
    return _inv(a)


def tensorinv(a: Operand, ind: int = 2) -> Any:
    """The inverse of ``tensordot(a, x, ind)`` as a map of x; see ``tensorsolve``."""
    if ind <= 0:
        raise ValueError(f"tensorinv: ind is positive, got {ind}")
    shape = shape_of(a)
    return reshape(inv(reshape(a, (prod(shape[:ind]), -1))), shape[ind:] + shape[:ind])


def matrix_power(a: Operand, n: int) -> Any:
    """The n-th power of square matrices, by repeated squaring; of the inverse if n is negative."""
    (n,) = whole_numbers("matrix_power", n)
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(f"matrix_power: expected square matrices, got {describe(a)}")
    if n == 0:
        return where(False, a, np.broadcast_to(constant_diagonal(a, 1.0), shape))
    square = inv(a) if n < 0 else a
    power = None
    for place, bit in enumerate(reversed(f"{abs(n):b}")):
        square = matmul(square, square) if place else square
        if bit == "1":
            power = square if power is None else matmul(power, square)
    return power


# --- least squares --------------------------------------------------------------------------------


def _pinv_vjp(t: Any, f: Any, a: Any, *, rcond: Any) -> Any:
    rows, columns = chain(T(t), f, T(f)), chain(T(f), f, T(t))
    within = -chain(T(f), t, T(f))
    return within + (rows - chain(a, f, rows)) + (columns - chain(columns, f, a))


def _pinv_jvp(da: Any, f: Any, a: Any, *, rcond: Any) -> Any:
    rows, columns = chain(T(da), T(f), f), chain(f, T(f), T(da))
    within = -chain(f, da, f)
    return within + (rows - chain(f, a, rows)) + (columns - chain(columns, a, f))


_pinv = Matrixwise(
    "pinv", lambda a, *, rcond: np.linalg.pinv(a, rcond), vjp=_pinv_vjp, jvp=_pinv_jvp, core=2
)


def pinv(a: Operand, rcond: Any = None, *, rtol: Any = None) -> Any:
    """The Moore-Penrose inverses of matrices (..., m, n).

    The derivative is the one along which the rank stays what it is: where it can change, the
    pseudo-inverse is not continuous. (Golub & Pereyra, The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate, SIAM J. Numer. Anal. 10, 1973.)

    Args:
        a: matrices.
        rcond: singular values up to this, times the largest one, count as zero; 1e-15 if not given.
        rtol: another name for it.
    """
    if rcond is not None and rtol is not None:
        raise ValueError("pinv: give rcond or rtol, not both")
    rcond = rtol if rcond is None else rcond
    return _pinv(a, rcond=1e-15 if rcond is None else rcond)


class LstsqResult(NamedTuple):
    """What ``lstsq`` returns; unpack it like NumPy's tuple."""

    x: Any
    residuals: Any
    rank: Any
    singular_values: Any


def lstsq(a: Operand, b: Operand, rcond: float | None = None) -> LstsqResult:
    """The shortest x that minimises ‖A x - b‖, by the pseudo-inverse.

    Args:
        a: a matrix (m, n).
        b: a vector (m,) or a matrix (m, k).
        rcond: singular values up to this, times the largest one, count as zero; the precision times
            the longer side if not given.

    Returns:
        The solution; the sums of squares of A x - b for each column (empty if the rank is not n, or
        m <= n); the rank and the singular values of A, which are bare.

    Raises:
        numpy.linalg.LinAlgError: A is no matrix, or doesn't fit b.
    """
    shape, right = shape_of(a), shape_of(b)
    if len(shape) != 2 or len(right) not in (1, 2) or shape[0] != right[0]:
        raise np.linalg.LinAlgError(
            f"lstsq: expected a matrix (m, n), and (m,) or (m, k), got {describe(a)} and "
            f"{describe(b)}"
        )
    values = np.linalg.svd(bare(a), compute_uv=False)
    if rcond is None:
        precision = np.finfo(np.result_type(values.dtype, dtype_of(b), np.float32)).eps
        rcond = float(precision) * max(shape)
    rank = int(np.sum(values > rcond * np.max(values, initial=0.0)))
    x = matmul(pinv(a, rcond), b)
    if rank < shape[1] or shape[0] <= shape[1]:
        return LstsqResult(x, np.zeros(0, values.dtype), rank, values)
    rest = matmul(a, x) - b
    rest = rest if len(right) == 2 else reshape(rest, (-1, 1))
    return LstsqResult(x, sum(rest * rest, 0), rank, values)


# --- products, and parts of matrices --------------------------------------------------------------


def multi_dot(arrays: Sequence[Operand]) -> Any:
    """The product of a chain of matrices in the cheapest order; the ends may be vectors.

    Raises:
        ValueError: there are less than two, or an inner one is no matrix.
    """
    if len(arrays) < 2:
        raise ValueError("multi_dot: expected at least two operands")
    for i, x in enumerate(arrays):
        if len(shape_of(x)) != 2 and (len(shape_of(x)) != 1 or 0 < i < len(arrays) - 1):
            raise np.linalg.LinAlgError(f"multi_dot: operand {i}, {describe(x)}, is no matrix")
    ends = shape_of(arrays[0]), shape_of(arrays[-1])
    sizes = [
        ends[0][0] if len(ends[0]) == 2 else 1,
        *(shape_of(x)[0] for x in arrays[1:]),
        ends[1][1] if len(ends[1]) == 2 else 1,
    ]
    return _multiplied(arrays, _splits(sizes), 0, len(arrays) - 1)


def _splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each part of a chain; matrix i is of shape (sizes[i], sizes[i + 1]).

    By dynamic programming (Cormen et al., Introduction to Algorithms, §15.2).
    """
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return split


def _multiplied(arrays: Sequence[Any], split: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return arrays[i]
    k = split[i, j]
    return dot(_multiplied(arrays, split, i, k), _multiplied(arrays, split, k + 1, j))


def outer(x: Operand, y: Operand) -> Any:
    """The matrix of the products of the elements of two vectors.

    Raises:
        ValueError: an operand is no vector.
    """
    for operand in (x, y):
        if len(shape_of(operand)) != 1:
            raise ValueError(f"outer: expected a vector, got {describe(operand)}")
    return products.outer(x, y)


def cross(x: Operand, y: Operand, axis: int = -1) -> Any:
    """The cross product of vectors in space that lie along one axis."""
    return products.cross(x, y, axis=axis)


def diagonal(x: Operand, offset: int = 0) -> Any:
    """The diagonals of matrices (..., m, n), ``offset`` places right of the main one."""
    return diagonals.diagonal(x, offset, -2, -1)


def trace(x: Operand, offset: int = 0) -> Any:
    """The sums of the diagonals of matrices; see ``diagonal``."""
    return sum(diagonal(x, offset), -1)


# --- the exponential ------------------------------------------------------------------------------


def _scipy_expm(x: Any) -> Any:
    try:
        from scipy.linalg import expm as of_matrices
    except ImportError:
        raise ImportError(
            "expm needs SciPy: pip install scipy, or autodiff-explained[scipy]"
        ) from None
    return of_matrices(x)


def _expm_along(direction: Any, x: Any) -> Any:
    """The derivative of e^x along a direction, from a matrix of twice the size."""
    n = shape_of(x)[-1]
    zero = np.zeros(shape_of(x), dtype_of(x))
    blocks = concatenate(
        [concatenate([x, direction], -1), concatenate([zero, x], -1)],
        -2,
    )
    return getitem(_expm(blocks), (..., slice(None, n), slice(n, None)))


_expm: Matrixwise = Matrixwise(
    "expm",
    _scipy_expm,
    vjp=lambda t, f, x: _expm_along(t, T(x)),
    jvp=lambda dx, f, x: _expm_along(dx, x),
    core=2,
)


def expm(a: Operand) -> Any:
    """The exponentials e^A of matrices (..., n, n), through SciPy.

    The derivative L(A, E) along E stands in e^[[A, E], [0, A]] = [[e^A, L(A, E)], [0, e^A]]; its
    adjoint is L(Aᵀ, t). (Mathias, A chain rule for matrix functions and applications, SIAM J.
    Matrix Anal. Appl. 17, 1996; Higham, Functions of Matrices, 2008, section 3.2.)

    Raises:
        ImportError: SciPy isn't installed.
        ValueError: the matrices are not square.
    """
    return _expm(a)
