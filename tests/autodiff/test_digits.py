"""Values, first and second derivatives to the last digits, in the middle and in the tails.

Each function stands here with its derivatives as mathematics writes them, and is calculated with
mpmath in 800 digits. The library has to agree up to a few units in the last place (ulp) for scalars
and for arrays. Points where a function or a derivative crosses zero are left out: there the
distance to the zero is what counts, and no digits of it are promised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import autodiff as ad

Function = Callable[..., Any]
Formulas = tuple[Function, ...]

ULP = 2.0**-52
SMALL = [1e-300, 1e-160, 1e-20, 1e-8, 1e-3]
MIDDLE = [0.1, 0.4, 0.7, 1.3, 2.0, 3.7, 10.0, 20.5, 36.0]
LARGE = [100.0, 300.0, 700.0, 1e5, 1e16, 1e80, 1e150, 1e300]
POSITIVE = SMALL + MIDDLE + LARGE
ANY = POSITIVE + [-x for x in POSITIVE]
WITHIN = [1e-300, 1e-160, 1e-20, 1e-8, 1e-3, 0.3, 0.7, 0.99, 1 - 1e-9, 1 - 2**-52]
INSIDE = WITHIN + [-x for x in WITHIN]
ABOVE_1 = [1 + 2**-52, 1 + 1e-9, 1.01, 1.5, 4.0, 30.0, 1e3, 1e10, 1e80, 1e150, 1e300]
ABOVE_MINUS_1 = POSITIVE + [-x for x in WITHIN]


def log2(x: Any) -> Any:
    return mp.log(x) / mp.log(2)


def sech2(x: Any) -> Any:
    return 1 / mp.cosh(x) ** 2


def logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def logistic_slope(x: Any) -> Any:
    return 1 / (4 * mp.cosh(x / 2) ** 2)


def sinc(n: int) -> Function:
    """The n-th derivative of sin(πx)/(πx) as a power series, for any x of moderate size."""

    def series(x: Any) -> Any:
        return mp.nsum(
            lambda k: (-1) ** int(k) * mp.pi ** (2 * k) * x ** (2 * k - n)
            * mp.rf(2 * k - n + 1, n) / mp.factorial(2 * k + 1),
            [(n + 1) // 2, mp.inf], method="direct",
        )  # fmt: skip

    return series


# fmt: off
UNARY: dict[str, tuple[Formulas, Sequence[float], float]] = {
    # name: (f, f', f''), where, how many ulp
    "neg":        ((lambda x: -x, lambda x: -1, lambda x: 0), ANY, 0),
    "abs":        ((abs, mp.sign, lambda x: 0), ANY, 0),
    "square":     ((lambda x: x**2, lambda x: 2 * x, lambda x: 2), ANY, 1),
    "reciprocal": ((lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3), ANY, 4),
    "sqrt":       ((mp.sqrt, lambda x: x**-0.5 / 2, lambda x: -x**-1.5 / 4), POSITIVE, 3),
    "cbrt":       ((mp.cbrt, lambda x: mp.cbrt(x) / (3 * x),
                    lambda x: -2 * mp.cbrt(x) / (9 * x**2)), POSITIVE, 6),
    "exp":        ((mp.exp, mp.exp, mp.exp), ANY, 1.5),
    "exp2":       ((lambda x: 2**x, lambda x: 2**x * mp.log(2), lambda x: 2**x * mp.log(2) ** 2),
                   ANY, 3),
    "expm1":      ((mp.expm1, mp.exp, mp.exp), ANY, 2),
    "log":        ((mp.log, lambda x: 1 / x, lambda x: -1 / x**2), POSITIVE, 2),
    "log2":       ((log2, lambda x: 1 / x / mp.log(2), lambda x: -1 / x**2 / mp.log(2)),
                   POSITIVE, 3),
    "log10":      ((mp.log10, lambda x: 1 / x / mp.log(10), lambda x: -1 / x**2 / mp.log(10)),
                   POSITIVE, 3),
    "log1p":      ((lambda x: mp.log(1 + x), lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
                   ABOVE_MINUS_1, 3),
    "sin":        ((mp.sin, mp.cos, lambda x: -mp.sin(x)), ANY, 2),
    "cos":        ((mp.cos, lambda x: -mp.sin(x), lambda x: -mp.cos(x)), ANY, 2),
    "tan":        ((mp.tan, lambda x: 1 + mp.tan(x) ** 2,
                    lambda x: 2 * mp.tan(x) * (1 + mp.tan(x) ** 2)), ANY, 6),
    "arcsin":     ((mp.asin, lambda x: (1 - x**2) ** -0.5, lambda x: x * (1 - x**2) ** -1.5),
                   INSIDE, 6),
    "arccos":     ((mp.acos, lambda x: -((1 - x**2) ** -0.5),
                    lambda x: -x * (1 - x**2) ** -1.5), INSIDE, 6),
    "arctan":     ((mp.atan, lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2), ANY, 5),
    "sinh":       ((mp.sinh, mp.cosh, mp.sinh), ANY, 2),
    "cosh":       ((mp.cosh, mp.sinh, mp.cosh), ANY, 2),
    "tanh":       ((mp.tanh, sech2, lambda x: -2 * sech2(x) * mp.tanh(x)), ANY, 8),
    "arcsinh":    ((mp.asinh, lambda x: (1 + x**2) ** -0.5, lambda x: -x * (1 + x**2) ** -1.5),
                   ANY, 5),
    "arccosh":    ((mp.acosh, lambda x: (x**2 - 1) ** -0.5, lambda x: -x * (x**2 - 1) ** -1.5),
                   ABOVE_1, 8),
    "arctanh":    ((mp.atanh, lambda x: 1 / (1 - x**2), lambda x: 2 * x / (1 - x**2) ** 2),
                   INSIDE, 5),
    "sigmoid":    ((logistic, logistic_slope, lambda x: -logistic_slope(x) * mp.tanh(x / 2)),
                   ANY, 6),
    "softplus":   ((lambda x: mp.log(1 + mp.exp(x)), logistic, logistic_slope), ANY, 5),
    "sinc":       ((sinc(0), sinc(1), sinc(2)),
                   [s * x for x in (*SMALL[2:], 0.1, 0.3, 0.4, 0.7, 0.9, 1.3, 1.6, 2.3, 3.7, 10.2)
                    for s in (1, -1)], 40),
}
# fmt: on


def hypot(x: Any, y: Any) -> Any:
    return mp.sqrt(x**2 + y**2)


# fmt: off
BINARY: dict[str, tuple[Formulas, Sequence[tuple[float, float]], float]] = {
    # name: (f, ∂x, ∂y, ∂x∂x, ∂x∂y, ∂y∂y), where, how many ulp
    "mul":    ((lambda x, y: x * y, lambda x, y: y, lambda x, y: x,
                lambda x, y: 0, lambda x, y: 1, lambda x, y: 0), [(3.7, -1e-9), (1e150, 1e80)], 1),
    "div":    ((lambda x, y: x / y, lambda x, y: 1 / y, lambda x, y: -x / y**2,
                lambda x, y: 0, lambda x, y: -1 / y**2, lambda x, y: 2 * x / y**3),
               [(3.7, -1e-9), (1e-150, 1e-80), (1e300, 1e299), (1e80, 1e-100)], 4),
    "pow":    ((lambda x, y: x**y, lambda x, y: y * x ** (y - 1), lambda x, y: x**y * mp.log(x),
                lambda x, y: y * (y - 1) * x ** (y - 2),
                lambda x, y: x ** (y - 1) * (1 + y * mp.log(x)),
                lambda x, y: x**y * mp.log(x) ** 2),
               [(1.7, 2.5), (1e-30, 3.0), (1e-30, -2.0), (1e100, 1.5), (0.3, -7.7), (30.0, 0.0),
                (1 + 1e-9, 1e6), (1e150, -1.5)], 12),
    "hypot":  ((hypot, lambda x, y: x / hypot(x, y), lambda x, y: y / hypot(x, y),
                lambda x, y: y**2 / hypot(x, y) ** 3, lambda x, y: -x * y / hypot(x, y) ** 3,
                lambda x, y: x**2 / hypot(x, y) ** 3),
               [(3.0, 4.0), (1.0, 1e-10), (-1e-10, 1.0), (1e200, 1e190), (1e-200, -1e-190),
                (1e-170, 1e-180)], 8),
    "arctan2": ((mp.atan2, lambda x, y: y / hypot(x, y) ** 2, lambda x, y: -x / hypot(x, y) ** 2,
                 lambda x, y: -2 * x * y / hypot(x, y) ** 4,
                 lambda x, y: (x**2 - y**2) / hypot(x, y) ** 4,
                 lambda x, y: 2 * x * y / hypot(x, y) ** 4),
                [(3.0, 4.0), (1.0, 1e-10), (-1e-10, 1.0), (1e140, 1e130), (1e-130, -1e-140),
                 (2.0, 2.0001), (-1.0, -3.0)], 10),
    "logaddexp": ((lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
                   lambda x, y: logistic(x - y), lambda x, y: logistic(y - x),
                   lambda x, y: logistic_slope(x - y), lambda x, y: -logistic_slope(x - y),
                   lambda x, y: logistic_slope(x - y)),
                  [(1.0, 2.0), (3.0, 3.0), (-40.0, 10.0), (500.0, 0.0), (1e-9, 0.0),
                   (1000.0, 1000.5)], 6),
}
# fmt: on


def assert_digits(got: float, expected: Any, ulp: float, about: str) -> None:
    if abs(expected) < mpf("1e-290"):
        assert abs(got) < 1e-289, about  # the last digits of what underflows are gone
    elif abs(expected) > mpf("1e300"):
        assert abs(got) > 1e299, about
        assert np.sign(got) == mp.sign(expected), about
    else:
        error = float(abs(mpf(float(got)) - expected) / abs(expected)) / ULP
        assert error <= ulp, f"{about}: {got!r} is {error:.1f} ulp off {float(expected)!r}"


def derivatives_of_scalars(f: Function, point: tuple[float, ...]) -> list[float]:
    """f, its gradient, and the upper half of its second derivatives, row by row."""
    n = len(point)
    slopes = [ad.grad(f, i) for i in range(n)]
    return [
        f(*point),
        *(slope(*point) for slope in slopes),
        *(ad.grad(slopes[i], j)(*point) for i in range(n) for j in range(i, n)),
    ]


def derivatives_of_arrays(f: Function, point: tuple[float, ...]) -> list[float]:
    def summed(g: Function) -> Function:
        return lambda *x: ad.sum(g(*x))

    n = len(point)
    arrays = [np.array([x]) for x in point]
    slopes = [ad.grad(summed(f), i) for i in range(n)]
    with np.errstate(all="ignore"):
        return [
            f(*arrays)[0],
            *(slope(*arrays)[0] for slope in slopes),
            *(ad.grad(summed(slopes[i]), j)(*arrays)[0] for i in range(n) for j in range(i, n)),
        ]


TABLE = [
    pytest.param(getattr(ad, name), formulas, [(x,) for x in points], ulp, id=name)
    for name, (formulas, points, ulp) in UNARY.items()
] + [
    pytest.param(getattr(ad, name), formulas, points, ulp, id=name)
    for name, (formulas, points, ulp) in BINARY.items()
]


@pytest.mark.parametrize(("f", "formulas", "points", "ulp"), TABLE)
def test_value_and_derivatives_keep_their_digits(
    f: Function, formulas: Formulas, points: Sequence[tuple[float, ...]], ulp: float
) -> None:
    with mp.workdps(800):
        for point in points:
            expected = [mpf(formula(*map(mpf, point))) for formula in formulas]
            for derivatives in (derivatives_of_scalars, derivatives_of_arrays):
                for k, (got, e) in enumerate(zip(derivatives(f, point), expected, strict=True)):
                    about = f"{f.__name__}{point} number {k}, {derivatives.__name__}"
                    assert_digits(got, e, ulp, about)


@pytest.mark.parametrize("x", [1.0, -2.0, 3.0, 1e6 + 1, -1e300])
def test_sinc_of_whole_numbers_is_zero(x: float) -> None:
    assert ad.sinc(x) == ad.sinc(np.array([x]))[0] == 0.0
    assert ad.grad(ad.sinc)(x) == pytest.approx((-1) ** (x % 2) / x, rel=1e-15)


def test_sinc_at_zero() -> None:
    assert ad.sinc(0.0) == 1.0
    assert ad.grad(ad.sinc)(0.0) == 0.0
    assert ad.grad(ad.grad(ad.sinc))(0.0) == pytest.approx(-(np.pi**2) / 3, rel=1e-15)
    assert ad.grad(ad.grad(ad.grad(ad.sinc)))(0.0) == 0.0
    fourth = ad.grad(ad.grad(ad.grad(ad.grad(ad.sinc))))
    assert fourth(0.0) == pytest.approx(np.pi**4 / 5, rel=1e-15)


def test_mixed_derivatives_of_powers_at_exponent_zero() -> None:
    for x in (0.5, 3.0):
        mixed = ad.grad(lambda y, x=x: ad.grad(ad.pow)(x, y))
        assert mixed(0.0) == pytest.approx(1 / x, rel=1e-15)
        assert ad.grad(mixed)(0.0) == pytest.approx(2 * np.log(x) / x, rel=1e-15)
    assert ad.grad(lambda y: ad.grad(lambda x: ad.sum(x**y))(np.array([4.0])).sum())(0.0) == 0.25


def test_modulo_knows_the_quotient_to_the_last_unit() -> None:
    # 1 / 0.1 rounds to 10; but the float 0.1 is a little more than a tenth, and 9 of them fit in 1.
    for f in (ad.mod, ad.fmod):
        assert ad.grad(f, 1)(1.0, 0.1) == -9.0
        assert ad.grad(lambda y, f=f: ad.sum(f(1.0, y)))(np.array([0.1]))[0] == -9.0


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "arctan", "sinc", "hypot", "pow"])
def test_single_precision_stays_single_and_keeps_its_digits(name: str) -> None:
    f = getattr(ad, name)
    points = np.array([-40.0, -5.3, -0.7, 1e-6, 0.3, 2.6, 30.0])
    points = np.abs(points) if name == "pow" else points
    rest = (2.5,) if name in ("hypot", "pow") else ()
    single, double = (
        ad.grad(lambda x: ad.sum(f(x, *rest)))(points.astype(kind)) for kind in ("f4", "f8")
    )
    exact = ad.grad(lambda x: ad.sum(f(x, *rest)))(points.astype("f4").astype("f8"))
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    np.testing.assert_allclose(single, exact, rtol=3e-6)
