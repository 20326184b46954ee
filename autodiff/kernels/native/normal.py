"""The normal distribution as kernels use it: without a branch, to be computed in vectors."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import types

from autodiff.kernels.native.compiler import by_type
from autodiff.kernels.native.exponential import exponential, rounding_of
from autodiff.kernels.native.polynomial import polynomial

# (1 + 2u) e^(u²) erfc(u) for u ≥ 0, as a polynomial in (u - 2.5) / (u + 2.5): the first terms of
# its series of Chebyshev's polynomials, after Shepherd & Laframboise, Chebyshev Approximation of
# (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞ (1981). What is left out is smaller than the last digit.
_scaled_erfc = polynomial(
    (
        1.26483818,
        -0.122356801,
        -0.0990245363,
        0.157630994,
        -0.102967101,
        0.0327520526,
        0.000932091773,
        -0.00435049234,
        0.000491625531,
        0.000575734629,
        -8.90627643e-5,
        -6.1907531e-5,
        8.38163277e-6,
    ),
    (
        1.2648381843668615,
        -0.12235676308240214,
        -0.09902453957360054,
        0.1576299190229927,
        -0.10296705603863399,
        0.03276089327566133,
        0.00093189281843529628,
        -0.0043820784408475866,
        0.0004918658041021489,
        0.0006321251464155949,
        -8.8479206876698282e-5,
        -0.00011352632492718974,
        6.2660107849729754e-6,
        2.2712248592600016e-5,
        2.6086713496937895e-6,
        -4.2446125265992909e-6,
        -1.5844422539027936e-6,
        5.6508978980072572e-7,
        5.3238570551775472e-7,
        -2.5957897797325721e-9,
        -1.250612981958526e-7,
        -1.9529757279629243e-8,
        1.9289162118600858e-8,
        3.3505549185349608e-9,
        -1.4759816086462546e-9,
    ),
)


def bell(x: Any) -> Any:
    """e^(-x²/2), as ``kernels.special.bell`` computes it."""
    return np.exp(-x * x / 2)


@by_type(bell)
def _bell(x: Any) -> Any:
    number, rounding = _NUMBER[x], rounding_of(x)
    last, many, few, half = number(40), number(64), number(1 / 64), number(0.5)

    def made(x: Any) -> Any:
        x = last if x > last else x
        x = -last if x < -last else x
        rough = ((x * many + rounding) - rounding) * few  # of so few digits is the square exact
        return exponential(-half * (rough * rough), -half * ((x - rough) * (x + rough)))

    return made


def distribution(x: Any) -> Any:
    """Φ(x), the integral of the normal density up to x, with its digits where it is nearly 0."""
    return 0.5 * (1 + np.tanh(x))


@by_type(distribution)
def _distribution(x: Any) -> Any:
    number = _NUMBER[x]
    zero, one, two, half, centre = (number(c) for c in (0, 1, 2, 0.5, 2.5))
    last, sqrt_half = number(40), number(sqrt(0.5))

    def made(x: Any) -> Any:
        z = -x if x < zero else x
        u = (last if z > last else z) * sqrt_half
        tail = half * bell(z) * _scaled_erfc((u - centre) / (u + centre)) / (one + two * u)
        return one - tail if x > zero else tail

    return made


_NUMBER: dict[Any, Any] = {types.float32: np.float32, types.float64: float}
