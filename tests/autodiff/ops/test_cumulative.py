"""Sums, products and maxima of the elements so far."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import nan
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((), None), ((1,), None), ((4,), 0), ((4,), None), ((2, 3), None), ((2, 3), 0), ((2, 3), -1),
    ((2, 1, 3), 2), ((2, 1, 3), -2), ((0, 2), 0), ((2, 0), 0),
)  # fmt: skip
N = np.array([[1.0, nan, 2.0], [nan, 0.5, 3.0]])


def rows() -> Iterator[Row]:
    for name, (shape, axis) in product(("cumsum", "cumprod", "nancumsum", "nancumprod"), AXES):
        f = getattr(ad, name)
        yield (
            name, f"x{list(shape)} axis={axis}", lambda x, f=f, a=axis: f(x * x, a),
            (points(*shape),),
        )  # fmt: skip
    for name, initial in product(("cumulative_sum", "cumulative_prod"), (False, True)):
        f = getattr(ad, name)
        yield (
            name, f"vector include_initial={initial}",
            lambda x, f=f, i=initial: f(x * x, include_initial=i), (points(4),),
        )  # fmt: skip
        for axis in (0, -1):
            yield (
                name, f"axis={axis} include_initial={initial}",
                lambda x, f=f, a=axis, i=initial: f(x * x, axis=a, include_initial=i),
                (points(2, 3),),
            )  # fmt: skip
    for name in ("cumsum", "cumprod"):
        f = getattr(ad, name)
        yield name, "method", lambda x, name=name: getattr(x * x, name)(0), (points(3, 2),)
        yield name, "twice the operand", lambda x, f=f: f(x, 0) * x, (points(3),)
        yield name, "of itself", lambda x, f=f: f(f(x, 0), 0), (points(4),)
        yield name, "long", lambda x, f=f: f(x * x, 0)[::25], (1 + 0.1 * points(75),)
    for zeros, axis in product(range(1, 4), (0, 1)):
        x = points(3, 4)
        x[:zeros, 1] = x[1, :zeros] = 0.0
        yield "cumprod", f"{zeros} zeros axis={axis}", lambda x, a=axis: ad.cumprod(x, a), (x,)
    for name in ("nancumsum", "nancumprod"):
        f = getattr(ad, name)
        yield name, "of nan", lambda x, f=f: f(ad.concatenate([x * x, N, x]), 0), (points(2, 3),)
    for ufunc, name in ((np.add, "cumsum"), (np.multiply, "cumprod"), (np.maximum, "cummax"),
                        (np.minimum, "cummin")):  # fmt: skip
        yield name, "accumulate", lambda x, u=ufunc: u.accumulate(x * x), (points(4, 2),)
        yield name, "accumulate axis=1", lambda x, u=ufunc: u.accumulate(x, axis=1), (points(2, 5),)


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(3, 4, 5))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("function", [np.cumsum, np.cumprod, np.nancumsum, np.nancumprod])
def test_values_are_those_of_numpy(function: Any, axis: Any, dtype: Any) -> None:
    x = X.astype(dtype)
    if "nan" in function.__name__:
        x[x > 1] = nan
    result = function(Tensor(x), axis=axis)
    assert type(result) is Tensor
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.data, function(x, axis=axis))


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum])
def test_accumulate_goes_along_the_first_axis(ufunc: Any) -> None:
    np.testing.assert_array_equal(ufunc.accumulate(Tensor(X)).data, ufunc.accumulate(X))
    np.testing.assert_array_equal(ufunc.accumulate(Tensor(X), 2).data, ufunc.accumulate(X, 2))


@pytest.mark.parametrize("initial", [False, True])
def test_the_names_of_the_standard(initial: bool) -> None:
    for f, first, reference in ((ad.cumulative_sum, 0.0, np.cumsum),
                                (ad.cumulative_prod, 1.0, np.cumprod)):  # fmt: skip
        got = f(Tensor(X), axis=1, include_initial=initial).data
        expected = reference(X, axis=1)
        if initial:
            expected = np.concatenate([np.full((3, 1, 5), first), expected], axis=1)
        np.testing.assert_array_equal(got, expected)
        assert f(Tensor(X[0, 0].astype(np.float32)), include_initial=initial).dtype == np.float32


def test_a_scalar_becomes_a_vector() -> None:
    for f in (np.cumsum, np.cumprod):
        x = Value(1.5)
        y = f(x)
        assert y.shape == (1,)
        y.backward()
        assert (y.data[0], x.grad) == (1.5, 1.0)


def test_integers_stay_integers() -> None:
    for f in (np.cumsum, np.cumprod, np.nancumsum, np.nancumprod):
        y = f(Tensor([1, 2, 3]))
        assert y.dtype.kind == "i"
        np.testing.assert_array_equal(y.data, f([1, 2, 3]))


# --- conventions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.0, 0.0, 3.0, 5.0], [1, 2 + 6 + 30, 0, 0]),
        ([0.0, 0.0, 3.0], [1, 0, 0]),
        ([0.0, 2.0, 3.0], [1 + 2 + 6, 0, 0]),
        ([1e-200, 1e-200, 1e200], [1 + 1e-200 + 1.0, 1e-200 + 1.0, 0.0]),
    ],
)
def test_cumprod_divides_by_nothing(x: list[float], expected: list[float]) -> None:
    gradient = ad.grad(lambda x: ad.sum(ad.cumprod(x)))(np.array(x))
    np.testing.assert_allclose(gradient, expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_equal_largest_so_far_share_evenly(name: str) -> None:
    sign = 1.0 if name == "maximum" else -1.0
    x = sign * np.array([1.0, 3.0, 2.0, 3.0, 3.0, 4.0])
    weights = np.array([1.0, 10.0, 100.0, 1e3, 1e4, 1e5])
    # 3 is the largest so far from the 2nd place on: alone, alone, of two, of three.
    expected = [1, 10 + 100 + 500 + 1e4 / 3, 0, 500 + 1e4 / 3, 1e4 / 3, 1e5]

    def f(x: Any) -> Any:
        return ad.sum(weights * getattr(np, name).accumulate(x))

    gradient = ad.grad(f)(x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-14)
    direction = np.cos(np.arange(6.0))
    assert ad.jvp(f, (x,), (direction,))[1] == pytest.approx(np.sum(direction * expected))


def test_nan_has_no_influence() -> None:
    for f in (ad.nancumsum, ad.nancumprod):
        with np.errstate(invalid="ignore"):
            gradient = ad.grad(lambda x, f=f: ad.sum(f(ad.sqrt(x))))(np.array([4.0, -1.0, 9.0]))
        assert gradient[1] == 0.0
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumprod"])
def test_what_comes_later_has_no_influence(name: str) -> None:
    def f(x: Any) -> Any:
        return getattr(ad, name)(ad.sqrt(x))[:2] * [1.0, 2.0]

    def hidden(x: Any) -> Any:
        h = getattr(ad, name)(ad.sqrt(x))
        return ad.sum(ad.where([True, True, False], h, 0.0) * [1.0, 2.0, 3.0])

    x = np.array([4.0, 9.0, 0.0])
    expected = ad.grad(lambda x: ad.sum(f(x)))(x[:2])
    np.testing.assert_array_equal(ad.grad(hidden)(x), [*expected, 0.0])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: ad.cumsum(x, 2), ValueError, "axis 2"),
        (lambda x: ad.cumprod(x, (0, 1)), TypeError, "one axis"),
        (lambda x: ad.cumulative_sum(x), ValueError, "cumulative_sum.*axis.*2 dim"),
        (lambda x: np.cumsum(x, dtype=np.float32), TypeError, "cumsum.*dtype"),
        (lambda x: np.logaddexp.accumulate(x), TypeError, "np.logaddexp.accumulate"),
    ],
)
def test_errors(call: Function, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(Tensor(points(2, 3)))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumprod_by_division_and_without_agree(kind: type, reverse: bool) -> None:
    # The recorded rule never divides; that of bare arrays does, where nothing is zero.
    rng = np.random.default_rng(0)
    x, weights = rng.uniform(0.5, 2, (2, 30)).astype(kind)
    turn = (lambda x: x[::-1]) if reverse else (lambda x: x)

    def f(x: Any) -> Any:
        return (ad.cumprod(turn(x)) * weights).sum()

    leaf = Tensor(x)
    recorded = ad.grad(f)(leaf)
    assert recorded.dtype == kind
    fast = ad.grad(f)(x)
    assert fast.dtype == kind
    np.testing.assert_allclose(fast, recorded.data, rtol=50 * np.finfo(kind).eps)


@pytest.mark.parametrize(
    "x",
    [
        [2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [1e-200, 1e-200, 1e200, 3.0], [1e200, 1e200, 0.1, 2.0],
        [1e-160, 1e-160, 2.0], [nan, 2.0, 3.0], [1e200, 1e-200, 1e-200, 1e250], [-1e-310, 1e10],
    ],
)  # fmt: skip
@pytest.mark.parametrize("f", [ad.prod, lambda x: ad.cumprod(x).sum()])
@pytest.mark.filterwarnings("ignore:overflow")
def test_products_that_leave_the_range_of_floats(x: list[float], f: Any) -> None:
    recorded = ad.grad(f)(Tensor(x)).data
    np.testing.assert_allclose(ad.grad(f)(np.array(x)), recorded, rtol=1e-15)


@pytest.mark.filterwarnings("ignore:overflow")
def test_cumprod_of_an_adjoint_beyond_the_range() -> None:
    x, weights = np.array([1e-200, 1e250, 1e40]), np.array([0.0, 1e-200, 1e250])
    # ∂/∂x_0 = 1e250 * 1e-200 + 1e290 * 1e250 overflows, and the others don't.
    gradient = ad.grad(lambda x: (ad.cumprod(x) * weights).sum())(x)
    recorded = ad.grad(lambda x: (ad.cumprod(x) * weights).sum())(Tensor(x)).data
    np.testing.assert_allclose(gradient, recorded, rtol=1e-15)
