"""The median, quantiles and percentiles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad
from autodiff import Tensor, Value

AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((3,), None), ((4,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), -1), ((2, 3), (0, 1)),
    ((2, 3), ()), ((2, 2, 3), (0, 2)), ((2, 2, 3), 1),
)  # fmt: skip
METHODS = (
    "linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf",
    "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased",
    "normal_unbiased",
)  # fmt: skip
HOLES = np.array([[1.0, nan, 1.0, 1.0], [nan, 1.0, 1.0, nan], [1.0, 1.0, nan, 1.0]])


def rows() -> Iterator[Row]:
    for (shape, axis), keepdims in product(AXES, (False, True)):
        about = f"x{list(shape)} axis={axis} keepdims={keepdims}"
        yield (
            "median", about, lambda x, a=axis, k=keepdims: ad.median(x * x, a, k),
            (positive(*shape),),
        )  # fmt: skip
        for name, q in (("quantile", 0.3), ("percentile", [20, 70.5])):
            f = getattr(ad, name)
            yield (
                name, about,
                lambda x, f=f, q=q, a=axis, k=keepdims: f(x * x, q, a, k),
                (positive(*shape),),
            )  # fmt: skip
    for q in (0, 0.5, 1, 1.0, [0.1, 0.1, 0.9], [[0.2], [0.8]], []):
        yield "quantile", f"q={q}", lambda x, q=q: ad.quantile(x * x, q, 0), (positive(3, 2),)
    for method in METHODS:
        yield (
            "quantile", method, lambda x, m=method: ad.quantile(x * x, [0.15, 0.62], 0, method=m),
            (positive(5, 2),),
        )  # fmt: skip
    yield "median", "0-d", zero_d(ad.median), (points(1),)
    yield "quantile", "0-d", zero_d(lambda x: ad.quantile(x, [0.2, 0.4])), (points(1),)
    for (shape, axis), keepdims in product(AXES[:-2], (False, True)):
        about = f"x{list(shape)} axis={axis} keepdims={keepdims}"
        yield (
            "nanmedian", about, lambda x, a=axis, k=keepdims: ad.nanmedian(x * x, a, k),
            (positive(*shape),),
        )  # fmt: skip
    for axis in (None, 0, 1, (0, 1)):
        for name in ("nanquantile", "nanpercentile"):
            f = getattr(ad, name)
            q = 0.3 if name == "nanquantile" else [10, 62.5]
            yield (
                name, f"axis={axis}",
                lambda x, f=f, q=q, a=axis: f(x * x * HOLES, q, a),
                (positive(3, 4),),
            )  # fmt: skip
        yield (
            "nanmedian", f"holes axis={axis}",
            lambda x, a=axis: ad.nanmedian(x * x * HOLES, a, True), (positive(3, 4),),
        )  # fmt: skip
    for method in METHODS:
        yield (
            "nanquantile", method,
            lambda x, m=method: ad.nanquantile(x * HOLES, [0.15, 0.62], 0, method=m),
            (positive(3, 4),),
        )  # fmt: skip
    yield "median", "twice the operand", lambda x: ad.median(x) * x, (points(4),)


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(3, 4, 5))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, -2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_medians_are_those_of_numpy(axis: Any, keepdims: bool, dtype: Any) -> None:
    x = X.astype(dtype)
    result = np.median(Tensor(x), axis=axis, keepdims=keepdims)
    assert type(result) is Tensor
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.data, np.median(x, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", [0, 0.25, 1 / 3, 0.5, 1, [0.1, 0.9, 0.1], [[0.2, 0.3], [0.6, 1.0]]])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_quantiles_are_those_of_numpy(q: Any, axis: Any, method: Any) -> None:
    options = {"axis": axis, "method": method}
    result = np.quantile(Tensor(X), q, keepdims=True, **options)
    np.testing.assert_allclose(result.data, np.quantile(X, q, keepdims=True, **options), rtol=1e-13)
    percents = np.multiply(q, 100)
    result = np.percentile(Tensor(X), percents, **options)
    np.testing.assert_allclose(result.data, np.percentile(X, percents, **options), rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_quantiles_without_nan_are_those_of_numpy(axis: Any, method: Any) -> None:
    x = np.where(X > 0.9, nan, X)
    for keepdims in (False, True):
        for q in (0.3, [0.1, 0.5], [[0.0], [1.0]]):
            options = {"axis": axis, "keepdims": keepdims, "method": method}
            columns = np.moveaxis(x, 1, 0).reshape(4, 15) if axis == (0, 2) else x
            expected = np.nanquantile(columns, q, axis and 1, method=method)
            result = np.nanquantile(Tensor(x), q, **options).data
            assert result.shape == np.quantile(x, q, **options).shape
            result = result.reshape(expected.shape)
            np.testing.assert_allclose(result, expected, rtol=1e-13)
            result = np.nanpercentile(Tensor(x), np.multiply(q, 100), **options).data
            np.testing.assert_allclose(result.reshape(expected.shape), expected, rtol=1e-13)
        result = np.nanmedian(Tensor(x), axis=axis, keepdims=keepdims)
        expected = np.nanmedian(x, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(result.data, expected, rtol=1e-14)


def test_nothing_but_nan() -> None:
    x = Tensor([[nan, nan], [1.0, nan]])
    for f in (ad.nanmedian, lambda x, axis: ad.nanquantile(x, 0.3, axis)):
        y = f(x, axis=1)
        np.testing.assert_array_equal(y.data, [nan, 1.0])
        x.grad = None
        y.backward([1.0, 1.0])
        np.testing.assert_array_equal(x.grad, [[0.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("f", [ad.nanmedian, lambda x: ad.nanquantile(x, 0.3)])
def test_what_is_nan_has_no_influence(f: Function) -> None:
    with np.errstate(invalid="ignore"):
        gradient = ad.grad(lambda x: f(ad.sqrt(x)))(np.array([4.0, -1.0, 9.0]))
    assert gradient[1] == 0.0
    assert np.all(np.isfinite(gradient))


def test_float32_stays_float32() -> None:
    for q in (0.3, [0.3, 0.7]):
        assert np.quantile(Tensor(X, dtype=np.float32), q).dtype == np.float32


def test_scalars() -> None:
    for f in (np.median, lambda x: np.quantile(x, 0.3), lambda x: np.percentile(x, 30),
              np.nanmedian, lambda x: np.nanquantile(x, 0.3)):  # fmt: skip
        x = Value(1.5)
        y = f(x)
        assert type(y) is Value
        y.backward()
        assert (y.data, x.grad) == (1.5, 1.0)
    assert np.quantile(Value(1.5), [0.1, 0.2]).shape == (2,)


def test_of_lists_and_integers() -> None:
    assert ad.median([3, 1, 2]) == 2.0
    assert ad.quantile([3.0, 1.0, 2.0], 0.25) == 1.5
    assert ad.quantile(np.array([4, 1]), 0.25) == 1.75


def test_nan_and_infinities() -> None:
    x = np.array([[1.0, nan, 2.0], [1.0, inf, inf], [-inf, 0.0, inf]])
    for got, expected in (
        (ad.median(x, 1), [nan, inf, 0.0]),
        (ad.quantile(x, 0.75, 1), [nan, inf, inf]),
        (ad.quantile(x, 0.5, 1), [nan, inf, 0.0]),
    ):
        np.testing.assert_array_equal(got, expected)


# --- conventions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "q", "expected"),
    [
        ([2.0, 2.0, 2.0], 0.5, [1 / 3, 1 / 3, 1 / 3]),
        ([1.0, 2.0, 2.0], 0.5, [0, 0.5, 0.5]),
        ([1.0, 3.0, 3.0, 4.0], 0.5, [0, 0.5, 0.5, 0]),
        ([1.0, 1.0, 3.0, 4.0], 0.5, [0.25, 0.25, 0.5, 0]),
        ([1.0, 5.0, 5.0], 1.0, [0, 0.5, 0.5]),
        ([1.0, 2.0], 0.25, [0.75, 0.25]),
        ([3.0, 3.0, 1.0], 0.75, [0.5, 0.5, 0]),
    ],
)
def test_equals_share_evenly(x: list[float], q: float, expected: list[float]) -> None:
    functions = [lambda x: ad.quantile(x, q)]
    if q == 0.5:
        functions.append(ad.median)
    for f in functions:
        np.testing.assert_allclose(ad.grad(f)(np.array(x)), expected, rtol=1e-15)
        direction = np.cos(np.arange(len(x)))
        slope = ad.jvp(f, (np.array(x),), (direction,))[1]
        assert slope == pytest.approx(direction @ expected)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: ad.median(x, 2), ValueError, "axis 2"),
        (lambda x: ad.median(x[:0], 0), ValueError, "median.*at least one"),
        (lambda x: ad.quantile(x, 1.5), ValueError, "quantile.*0 to 1.*1.5"),
        (lambda x: ad.quantile(x, [0.5, nan]), ValueError, "quantile"),
        (lambda x: ad.percentile(x, -1), ValueError, "percentile.*0 to 100.*-1"),
        (lambda x: ad.quantile(x, Value(0.5)), TypeError, "q is a constant.*Value 0.5"),
        (lambda x: ad.quantile(x, 0.5, method="median"), ValueError, "method"),
        (lambda x: np.quantile(x, 0.5, weights=x, method="inverted_cdf"), TypeError, "weights"),
        (lambda x: np.median(x, overwrite_input=True), TypeError, "overwrite_input"),
    ],
)
def test_errors(call: Function, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(Tensor(points(2, 3)))
