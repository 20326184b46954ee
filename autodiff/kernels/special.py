"""Parts of the derivatives of special functions, on arrays, to the last digits."""

from __future__ import annotations

from math import factorial, pi, sqrt
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.dispatch import elementwise


def gauss(x: Array) -> Array:
    """e^(-x²). The square is taken in two parts, for its rounding would be magnified by x²."""
    return _gauss(x, 1.0)


def bell(x: Array) -> Array:
    """e^(-x²/2), the normal density without its factor."""
    compiled = elementwise("bell", x)
    return _gauss(x, 0.5) if compiled is None else compiled


def _gauss(x: Array, factor: float) -> Array:
    x = np.clip(x, -40.0, 40.0)  # beyond which there is nothing left
    rough = np.rint(x * 64) / 64  # with so few digits that its square is exact
    rest = (x - rough) * (x + rough)
    result: Array = np.exp(-factor * (rough * rough)) * np.exp(-factor * rest)
    return result


def log_ratio(x: Any, y: Any) -> Any:
    """log(x / y), for x near y too."""
    near = np.abs(x - y) < 0.5 * y
    return np.where(near, np.log1p(np.where(near, x - y, 0.0) / y), np.log(x / y))


def erfcx_derivative(erfcx: Any, x: Any, order: Any) -> Any:
    """The n-th derivative of erfcx(x) = e^(x²) erfc(x), with ``erfcx`` given.

    It is (-2)^n n! E_n with E_n = e^(x²) iⁿerfc(x), the repeated integrals of erfc (DLMF 7.18.5).
    For large x the ratios E_n / E_(n-1) come from a continued fraction (7.18.13), for small x E_n
    comes from the recurrence 2n E_n = E_(n-2) - 2x E_(n-1) (7.18.7), which loses digits elsewhere.
    """
    n = int(order)
    kind = np.result_type(x, np.float32)
    x = np.asarray(x, dtype=np.result_type(kind, np.float64))
    z = np.maximum(x, 1.0)
    fraction = z
    for k in range(200, n, -1):
        fraction = z + k / 2 / fraction
    large = (2 / sqrt(pi)) * 0.5 / fraction
    for k in range(n, 0, -1):
        fraction = z + k / 2 / fraction
        large = large * 0.5 / fraction
    before, small = 2 / sqrt(pi), np.asarray(erfcx, dtype=x.dtype)
    for k in range(1, n + 1):
        before, small = small, (before / 2 - x * small) / k  # type: ignore[assignment]
    result = (-2.0) ** n * factorial(n) * np.where(x < 1.0, small, large)
    return result.astype(kind, copy=False)[()]
