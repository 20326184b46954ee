"""The triangular factors of a matrix, found once and used again by the derivative.

A P = L U is most of the work of a determinant, of a system and of an inverse. NumPy keeps none of
it, SciPy does: what a result was computed with is kept for as long as somebody holds the result.
Where SciPy is not there, for small matrices and for stacks of them, NumPy begins anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import lapack
from autodiff.kernels.remembered import Remembered


class Factors(NamedTuple):
    """Those of xᵀ, for LAPACK reads the rows of NumPy's arrays as columns."""

    lu: Array
    pivots: Array

    def solution(self, b: Array, transposed: bool = False) -> Array:
        """The solution of x s = b, or of xᵀ s = b; b is of shape (n, k)."""
        solve = self._routine("getrs")
        found: Array = solve(self.lu, self.pivots, b, trans=not transposed)[0]
        return found if found.flags.c_contiguous else found.copy()

    def inverse(self) -> Array:
        """The inverse of x."""
        size = int(self._routine("getri_lwork")(len(self.lu))[0])
        inverse: Array = self._routine("getri")(self.lu, self.pivots, lwork=size)[0].T
        return inverse

    def determinant(self) -> tuple[float, Any]:
        """The sign of the determinant, and the logarithm of its size."""
        diagonal = np.diag(self.lu)
        odd = np.count_nonzero(self.pivots != np.arange(len(self.lu)))
        odd += np.count_nonzero(diagonal < 0)
        return (-1.0 if odd % 2 else 1.0), np.sum(np.log(np.abs(diagonal)))

    def _routine(self, name: str) -> Callable[..., Any]:
        routine = lapack.found(name)
        assert routine is not None  # it is SciPy that found the factors
        return routine


_kept = Remembered()


def of(result: Any) -> Factors | None:
    """The factors that a result was computed with, if they are known."""
    return _kept.of(result) if isinstance(result, np.ndarray) else None


def solve(x: Array, b: Array) -> Array:
    """``numpy.linalg.solve`` for matrices b."""
    factors = _factors(x) if np.ndim(b) == 2 and b.dtype == x.dtype else None
    if factors is None or len(b) != len(x):
        return np.linalg.solve(x, b)
    return _remembered(factors.solution(b), factors, x)


def slogdet(x: Array) -> Array:
    """``numpy.linalg.slogdet`` as one array, the two numbers along a last axis."""
    factors = _factors(x)
    if factors is None:
        return np.stack(np.linalg.slogdet(x), -1)
    return _remembered(np.array(factors.determinant()), factors, x)


def det(x: Array) -> Array:
    """``numpy.linalg.det`` as an array."""
    factors = _factors(x)
    if factors is None:
        return np.asarray(np.linalg.det(x))
    sign, log = factors.determinant()
    return _remembered(np.asarray(sign * np.exp(log)), factors, x)


def _factors(x: Array) -> Factors | None:
    """The factors of a regular matrix; None where it is NumPy that computes."""
    factorise = lapack.routine("getrf", x)
    if factorise is None or x.shape[0] != x.shape[1]:
        return None
    lu, pivots, singular = factorise(x.T)
    return None if singular else Factors(lu, pivots)


def _remembered(result: Array, factors: Factors, x: Array) -> Array:
    if not x.flags.writeable:  # of a node: perhaps there will be a derivative
        _kept.keep(result, factors)
    return result
