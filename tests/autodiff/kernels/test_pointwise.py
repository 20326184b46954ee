"""The functions that neither ``math`` nor NumPy has, against fifty digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from autodiff.kernels import pointwise, scalar

POINTS = [0.0, 1e-300, 1e-9, 0.5, 1.0, 20.0, 36.0, 40.0, 700.0, 745.0, 800.0, 1e300, np.inf]


@pytest.mark.parametrize("x", [*POINTS, *(-x for x in POINTS)])
def test_sigmoid_to_the_last_digits(x: float) -> None:
    with mpmath.workdps(50):
        expected = float(1 / (1 + mpmath.exp(-mpmath.mpf(x))))
    assert scalar.sigmoid(x) == pytest.approx(expected, rel=1e-15, abs=1e-320)
    with np.errstate(under="ignore"):
        array = pointwise.sigmoid(np.array([x]))
    assert array[0] == pytest.approx(expected, rel=1e-15, abs=1e-320)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(dtype: type) -> None:
    x = np.array([-1.0, 0.0, 2.0], dtype)
    assert pointwise.sigmoid(x).dtype == dtype
    assert pointwise.relu(x).dtype == dtype
    assert pointwise.relu(x).tolist() == [0.0, 0.0, 2.0]


def test_nan_stays_nan() -> None:
    assert np.isnan(scalar.sigmoid(np.nan))
    assert np.isnan(scalar.sign(np.nan))
    assert np.isnan(pointwise.sigmoid(np.array(np.nan)))
    assert np.isnan(pointwise.relu(np.array(np.nan)))


@pytest.mark.parametrize(("x", "expected"), [(3.0, 1.0), (-0.5, -1.0), (0.0, 0.0), (-np.inf, -1.0)])
def test_sign(x: float, expected: float) -> None:
    assert scalar.sign(x) == expected == np.sign(x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("condition", [True, [True, False] * 3 + [True], np.eye(7, dtype=bool)])
def test_select_is_numpys_choice_to_the_bit(dtype: type, condition: object) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 5e-8, -0.0, 1.5, -2.0], dtype)
    chosen = pointwise.select(np.asarray(condition), x, 0.0)
    expected = np.where(condition, x, 0.0)
    assert chosen.dtype == dtype
    np.testing.assert_array_equal(chosen, expected)
    np.testing.assert_array_equal(np.signbit(chosen), np.signbit(expected))
    assert not np.shares_memory(chosen, x)


def test_select_of_views_and_other_types() -> None:
    mask = np.array([True, False, True])
    for x in (np.broadcast_to(2.5, (3,)), np.arange(6.0)[::-2], np.array(3.0), np.arange(3), 4.0):
        for y in (0.0, 0, -0.0, 1.0, np.ones(3)):
            np.testing.assert_array_equal(pointwise.select(mask, x, y), np.where(mask, x, y))
    assert np.signbit(pointwise.select(mask, np.ones(3), -0.0)).tolist() == [False, True, False]
    of_numbers = pointwise.select(np.array([2, 0, 0.5]), np.array([np.inf, 1, 2]), 0.0)
    assert of_numbers.tolist() == [np.inf, 0, 2]
    swapped = np.array([1.0, 2.0, 3.0], ">f8")
    assert pointwise.select(mask, swapped, 0.0).tolist() == [1, 0, 3]


def test_where_of_rare_exceptions() -> None:
    x = np.array([1.0, 2.0, np.nan])
    assert pointwise.where(x == 7, 0.5, x) is x
    np.testing.assert_array_equal(pointwise.where(x == 2, 0.5, x), [1, 0.5, np.nan])
    np.testing.assert_array_equal(pointwise.where(x == 2, 0, x), [1, 0, np.nan])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_radius_is_hypot(dtype: type) -> None:
    rng = np.random.default_rng(0)
    limits = np.finfo(dtype)
    x = rng.normal(size=1000).astype(dtype)
    y = x[::-1] * (10 ** rng.uniform(-15, 15, 1000)).astype(dtype)
    exact = np.hypot(x.astype(np.longdouble), y.astype(np.longdouble))
    np.testing.assert_allclose(pointwise.radius(x, y), exact, rtol=2 * limits.eps)
    for extreme in (0.0, limits.tiny, limits.smallest_subnormal, limits.max / 2, np.inf, np.nan):
        ends = np.array([extreme, 1], dtype)
        np.testing.assert_array_equal(pointwise.radius(ends, ends / 2), np.hypot(ends, ends / 2))


MANY = np.linspace(-2.0, 2.0, pointwise._LARGE)
ONES = np.broadcast_to(np.float64(1.0), MANY.shape)


def test_an_adjoint_of_ones_leaves_a_large_partial_as_it_is() -> None:
    assert pointwise.times(ONES, MANY) is MANY
    few = MANY[:5]
    assert pointwise.times(ONES[:5], few) is not few
    for t in (ONES * 1.0, np.broadcast_to(np.float64(2.0), MANY.shape), ONES.astype(np.float32)):
        product = pointwise.times(t, MANY)
        assert product is not MANY
        np.testing.assert_array_equal(product, t * MANY)
    single = MANY.astype(np.float32)
    np.testing.assert_array_equal(pointwise.times(ONES, single), ONES * single)
    assert pointwise.times(ONES, single).dtype == np.float64


def test_a_product_is_written_into_a_partial_that_nobody_else_holds() -> None:
    partial = MANY + 1
    pointwise.times(MANY, partial)
    np.testing.assert_array_equal(partial, MANY + 1)
    np.testing.assert_array_equal(pointwise.times(MANY, MANY + 1), MANY * (MANY + 1))
    fresh: list[np.ndarray] = [MANY + 1]  # type: ignore[type-arg]
    place = fresh[0].ctypes.data
    product = pointwise.times(MANY, fresh.pop())
    assert product.ctypes.data == place


@pytest.mark.parametrize("t", [1.0, 2.5, 0.0, -1.5, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_number_that_is_everywhere_is_kept_in_places(t: float, dtype: type) -> None:
    everywhere = np.broadcast_to(np.asarray(t, dtype), MANY.shape)
    condition = MANY > 0.5
    expected = np.where(condition, everywhere, dtype(0))
    for result in (
        pointwise.select(condition, everywhere, 0.0),
        pointwise.select(~condition, 0.0, everywhere),
        pointwise.times(everywhere, condition),
    ):
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, expected)
        assert not np.signbit(result[~condition]).any()


def test_a_power_that_is_a_factor() -> None:
    assert pointwise.factor(MANY, 1) is MANY
    assert pointwise.factor(MANY, 1.0) is MANY
    np.testing.assert_array_equal(pointwise.factor(MANY, 3.0), MANY**3.0)
    whole = pointwise.factor(np.arange(3), 1.0)
    assert whole.dtype == np.float64
