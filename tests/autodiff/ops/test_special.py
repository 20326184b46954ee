"""Special functions: derivatives, digits, and how SciPy's own functions come here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive, zero_d
from mpmath import mp, mpf

import autodiff as ad
from autodiff import Tensor, Value, special

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("scipy") is None, reason="SciPy computes the values"
)


@pytest.mark.parametrize("operation", [special.kl_div, special.rel_entr])
def test_no_number_raises_beside_an_array(operation: Function) -> None:
    def slope(x: Any, y: Any) -> Any:
        return ad.sum(ad.grad(lambda x, y: ad.sum(operation(x, y)), 0)(x, y))

    assert ad.grad(slope, 1)(np.ones(2), 0.0) == -np.inf
    np.testing.assert_array_equal(ad.grad(slope, 0)(np.array([1.0, 2.0]), 0.0), [1.0, 0.5])


# --- derivatives against differences --------------------------------------------------------------


def within(*shape: int, seed: int = 0) -> Any:
    """Numbers between 0 and 1."""
    return positive(*shape, seed=seed) - 0.1


UNARY: dict[str, Function] = {
    "erf": points, "erfc": points, "erfcx": points, "erfinv": points, "erfcinv": positive,
    "ndtr": points, "log_ndtr": points, "ndtri": within, "gamma": points, "gammaln": positive,
    "psi": positive, "digamma": positive, "j0": points, "j1": points, "y0": positive,
    "y1": positive, "i0": points, "i1": points, "k0": positive, "k1": positive, "logit": within,
    "entr": positive, "expit": points, "log_expit": points,
}  # fmt: skip
BINARY = ("beta", "betaln", "xlogy", "xlog1py", "rel_entr", "kl_div")
WITH_ORDER: dict[str, tuple[Any, ...]] = {
    "polygamma": (1, 2), "gammainc": (0.5, 1.0, 2.5), "gammaincc": (0.5, 1, 2.5),
    "jv": (0, 2, 1.5), "yv": (0, 2, 1.5), "iv": (0, 2, 1.5), "kv": (0, 2, 1.5),
}  # fmt: skip
SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 1, 2), (0, 3))
PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()), ((), (3,)), ((3,), ()), ((2, 1), (3,)), ((0, 3), (1, 3)),
)  # fmt: skip


def rows() -> Iterator[Row]:
    for name, where in UNARY.items():
        for shape in SHAPES:
            yield name, f"x{list(shape)}", getattr(special, name), (where(*shape),)
        yield name, "0-d", zero_d(getattr(special, name)), (where(1),)
    for name in BINARY:
        operation = getattr(special, name)
        for x, y in PAIRS:
            yield name, f"x{list(x)} y{list(y)}", operation, (positive(*x), positive(*y, seed=1))
        yield name, "x x", lambda x, f=operation: f(x, 2 * x), (positive(3),)
        yield name, "constant", lambda x, f=operation: f(x, 2) * f(0.7, x), (positive(3),)
        yield name, "float", lambda x, f=operation: f(x, 2) * f(0.7, x), (1.3,)
    for name, orders in WITH_ORDER.items():
        of_order = getattr(special, name)
        for order in (*orders, np.array(orders)):
            for shape in ((), (2, 1)):
                yield (
                    name, f"{order} x{list(shape)}",
                    lambda x, n=order, f=of_order: f(n, x),
                    (1.0 + positive(*shape),),
                )  # fmt: skip
    for name in ("erfcx", "log_ndtr"):
        yield name, "far from zero", getattr(special, name), (np.array([-3.0, 0.9, 1.1, 4.0, 8.0]),)


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- digits ---------------------------------------------------------------------------------------

ULP = 2.0**-52


def density(x: Any) -> Any:
    return mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)


def erfcx(x: Any) -> Any:
    return mp.exp(x**2) * mp.erfc(x)


def erfcx_slope(x: Any) -> Any:
    return 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi)


def hazard(x: Any) -> Any:
    return density(x) / mp.ncdf(x)


def bell(x: Any) -> Any:
    return 2 / mp.sqrt(mp.pi) * mp.exp(-(x**2))


ANY = [s * x for x in (1e-300, 1e-20, 1e-5, 0.1, 0.7, 1.7, 3.3, 5.1) for s in (1, -1)]
TAIL = [8.3, 12.7, 20.9, 25.3]
POSITIVE = [1e-100, 1e-5, 0.1, 0.7, 1.1, 2.2, 9.3, 30.1]

# fmt: off
DIGITS: dict[str, tuple[Sequence[Function], Sequence[float], float]] = {
    # name: (f', f''), where, how many ulp; the values are SciPy's
    "erf":      ((bell, lambda x: -2 * x * bell(x)), [*ANY, *TAIL], 4),
    "erfc":     ((lambda x: -bell(x), lambda x: 2 * x * bell(x)), [*ANY, *TAIL], 4),
    "erfcx":    ((erfcx_slope, lambda x: 2 * erfcx(x) + 2 * x * erfcx_slope(x)),
                 [1e-20, 0.1, 0.7, 0.99, 1.01, 1.7, 3.3, *TAIL, 1e3, 1e9, 1e60, -0.4, -3.1], 40),
    "ndtr":     ((density, lambda x: -x * density(x)), [*ANY, *TAIL, 37.1], 5),
    "log_ndtr": ((hazard, lambda x: -hazard(x) * (x + hazard(x))),
                 [*(-x for x in TAIL), -1e4, -1e9, *ANY, *TAIL], 60),
    "gammaln":  ((mp.digamma, lambda x: mp.psi(1, x)), POSITIVE, 40),
    "psi":      ((lambda x: mp.psi(1, x), lambda x: mp.psi(2, x)), POSITIVE, 20),
    "gamma":    ((lambda x: mp.gamma(x) * mp.psi(0, x),
                  lambda x: mp.gamma(x) * (mp.psi(0, x) ** 2 + mp.psi(1, x))), POSITIVE[1:], 60),
    "j0":       ((lambda x: -mp.j1(x), lambda x: mp.j1(x) / x - mp.j0(x)),
                 [1e-6, 0.1, 1.3, 5.0, 9.0], 30),
    "j1":       ((lambda x: mp.j0(x) - mp.j1(x) / x,
                  lambda x: (2 / x**2 - 1) * mp.j1(x) - mp.j0(x) / x),
                 [1e-6, 1e-3, 0.1, 1.3, 4.1, 9.5], 60),
    "i0":       ((lambda x: mp.besseli(1, x), lambda x: mp.besseli(0, x) - mp.besseli(1, x) / x),
                 [1e-6, 1e-3, 0.1, 1.3, 9.5, 300.0], 20),
    "i1":       ((lambda x: mp.besseli(0, x) - mp.besseli(1, x) / x,
                  lambda x: (1 + 2 / x**2) * mp.besseli(1, x) - mp.besseli(0, x) / x),
                 [1e-6, 1e-3, 0.1, 1.3, 9.5, 300.0], 20),
    "k0":       ((lambda x: -mp.besselk(1, x), lambda x: mp.besselk(0, x) + mp.besselk(1, x) / x),
                 POSITIVE[1:], 20),
    "logit":    ((lambda x: 1 / (x * (1 - x)), lambda x: (2 * x - 1) / (x * (1 - x)) ** 2),
                 [1e-100, 1e-9, 0.3, 0.7, 1 - 1e-9], 10),
}
# fmt: on


@pytest.mark.parametrize("name", DIGITS)
def test_derivatives_keep_their_digits(name: str) -> None:
    formulas, where, ulp = DIGITS[name]
    first = ad.grad(getattr(special, name))
    second = ad.grad(first)
    arrays = ad.grad(lambda x: ad.sum(getattr(special, name)(x)))(np.array(where))
    with mp.workdps(300 if name in ("erfcx", "log_ndtr") else 60):
        for x, of_array in zip(where, arrays, strict=True):
            results = ((0, first(x)), (0, of_array), (1, second(x)))
            for k, got in results:
                expected = formulas[k](mpf(x))
                if abs(expected) < mpf("1e-290"):
                    assert abs(got) < 1e-289
                elif abs(expected) > mpf("1e300"):
                    assert abs(got) > 1e299
                else:
                    error = float(abs(mpf(float(got)) / expected - 1)) / ULP
                    assert error <= ulp, (
                        f"derivative {k + 1} at {x}: {got!r} is {error:.0f} ulp off "
                        f"{float(expected)!r}"
                    )


def test_near_equals_the_divergence_keeps_its_digits() -> None:
    x, y = 1.0 + 1e-9, 1.0
    with mp.workdps(60):
        expected = float(mp.log(mpf(x)))
    assert ad.grad(special.kl_div)(x, y) == pytest.approx(expected, rel=1e-14)
    assert ad.grad(special.kl_div, 1)(x, y) == pytest.approx(1.0 - x, rel=1e-14)


# --- limits and kinks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "point", "value", "slopes"),
    [
        (special.xlogy, (0.0, 0.0), 0.0, (0.0, 0.0)),
        (special.xlogy, (0.0, 2.0), 0.0, (np.log(2.0), 0.0)),
        (special.xlogy, (2.0, 0.0), -np.inf, (-np.inf, np.inf)),
        (special.xlog1py, (0.0, -1.0), 0.0, (0.0, 0.0)),
        (special.rel_entr, (0.0, 2.0), 0.0, (-np.inf, 0.0)),
        (special.entr, (0.0,), 0.0, (np.inf,)),
        (special.erfinv, (1.0,), np.inf, (np.inf,)),
        (special.logit, (0.0,), -np.inf, (np.inf,)),
    ],
)
def test_limits(
    function: Function, point: tuple[float, ...], value: float, slopes: tuple[float, ...]
) -> None:
    scalars, arrays = [Value(x) for x in point], [Tensor([x]) for x in point]
    y = function(*scalars)
    y.backward()
    assert y.data == value
    assert tuple(x.grad for x in scalars) == slopes
    with np.errstate(all="ignore"):
        function(*arrays).sum().backward()
    assert tuple(float(x.grad[0]) for x in arrays) == slopes  # type: ignore[index]


# --- SciPy's own functions ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in special.__all__ if name != "polygamma"])
def test_functions_of_scipy_on_nodes(name: str) -> None:
    theirs = getattr(pytest.importorskip("scipy.special"), name)
    plain = (2,) * (theirs.nin - 1)
    for x, kind in ((0.7, Value), (np.array([0.3, 0.7]), Tensor)):
        y = theirs(*plain, kind(x))
        assert type(y) is kind
        np.testing.assert_allclose(y.data, theirs(*plain, x), rtol=4e-15)
    assert getattr(special, name)(*plain, 0.7) == pytest.approx(theirs(*plain, 0.7), rel=4e-15)


def test_a_function_of_scipy_without_a_rule_is_refused() -> None:
    scipy_special = pytest.importorskip("scipy.special")
    with pytest.raises(TypeError, match="ellipk has no rule"):
        scipy_special.ellipk(Value(0.3))


def test_i0_of_numpy() -> None:
    x = np.array([0.3, 2.0])
    y = np.i0(Tensor(x))
    np.testing.assert_allclose(y.data, np.i0(x), rtol=1e-15)


@pytest.mark.parametrize("name", WITH_ORDER)
def test_an_order_is_a_constant(name: str) -> None:
    for order in (Value(1.0), Tensor([1.0])):
        with pytest.raises(TypeError, match=f"{name} has no derivative"):
            getattr(special, name)(order, 2.0)


def run(source: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    ).stdout


def test_scipy_is_loaded_when_it_is_needed() -> None:
    assert run("import autodiff, sys; print('scipy' in sys.modules)") == "False\n"


def test_without_scipy_the_error_says_what_to_install() -> None:
    source = (
        "import sys; sys.modules['scipy'] = None\n"
        "import autodiff as ad, numpy as np\n"
        "print(ad.special.expit(0.0), np.sin(ad.Value(0.0)))\n"
        "try: ad.special.erf(ad.Value(1.0))\n"
        "except ImportError as fault: print(fault)\n"
    )
    assert "autodiff-explained[scipy]" in run(source)
