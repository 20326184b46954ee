"""Means with weights, variances, standard deviations, correlations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import nan
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad
from autodiff import Tensor, Value

AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((3,), None), ((3,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), -1), ((2, 3), (0, 1)),
    ((2, 1, 3), (0, 2)),
)  # fmt: skip
MASK = np.array([[True, False, True], [True, True, True]])


def spread_rows() -> Iterator[Row]:
    for name, (shape, axis), keepdims in product(("var", "std"), AXES, (False, True)):
        f = getattr(ad, name)
        yield (
            name, f"x{list(shape)} axis={axis} keepdims={keepdims}",
            lambda x, f=f, a=axis, k=keepdims: f(x * x, a, k), (positive(*shape),),
        )  # fmt: skip
    for name in ("var", "std"):
        f = getattr(ad, name)
        yield name, "ddof=1", lambda x, f=f: f(x, 1, ddof=1), (points(2, 3),)
        yield name, "correction", lambda x, f=f: f(x, 0, correction=0.5), (points(3, 2),)
        yield name, "method", lambda x, name=name: getattr(x, name)(0, ddof=1), (points(3, 2),)
        yield name, "where", lambda x, f=f: f(x * x, 1, where=MASK), (points(2, 3),)
        yield (
            name, "where ddof", lambda x, f=f: f(x * x, None, True, ddof=1, where=MASK),
            (points(2, 3),),
        )  # fmt: skip
    yield "var", "0-d", zero_d(ad.var), (points(1),)
    yield "var", "no axis", lambda x: ad.var(x * x, ()), (points(2),)
    yield "var", "far from zero", lambda x: ad.var(x + 1e3), (points(3),)


def average_rows() -> Iterator[Row]:
    for (shape, axis), keepdims in product(AXES, (False, True)):
        yield (
            "average", f"x{list(shape)} axis={axis} keepdims={keepdims}",
            lambda x, w, a=axis, k=keepdims: ad.average(x * x, a, w * w, keepdims=k),
            (points(*shape), positive(*shape, seed=1)),
        )  # fmt: skip
    yield "average", "without weights", lambda x: ad.average(x * x, 0), (points(2, 3),)
    for axis, shape in ((0, (2,)), (-1, (3,)), ((0, 1), (2, 3)), ((1, 0), (3, 2))):
        yield (
            "average", f"weights along {axis}", lambda x, w, a=axis: ad.average(x, a, w),
            (points(2, 3), positive(*shape, seed=1)),
        )  # fmt: skip
    yield (
        "average", "returned", lambda x, w: sum(ad.average(x, 0, w, returned=True)),
        (points(3, 2), positive(3, seed=1)),
    )  # fmt: skip
    yield (
        "average", "constant weights", lambda x: ad.average(x * x, weights=[1.0, 2.0, -0.5]),
        (points(3),),
    )  # fmt: skip
    yield (
        "average", "constant numbers", lambda w: ad.average([1.0, 2.0, 4.0], weights=w),
        (positive(3),),
    )  # fmt: skip
    yield "average", "0-d", zero_d(ad.average), (points(1),)


def correlation_rows() -> Iterator[Row]:
    for name in ("cov", "corrcoef"):
        f = getattr(ad, name)
        yield name, "matrix", f, (points(2, 4),)
        yield name, "of x squared", lambda x, f=f: f(x * x), (points(3, 3),)
        yield (
            name, "columns", lambda x, f=f: f(x, rowvar=False), (points(4, 2),)
        )  # fmt: skip
        yield name, "two vectors", f, (points(4), points(4, seed=1))
        yield name, "matrix and vector", f, (points(2, 3), points(3, seed=1))
        yield (
            name, "two of columns", lambda x, y, f=f: f(x, y, rowvar=False),
            (points(3, 2), points(3, 1, seed=1)),
        )  # fmt: skip
        yield name, "of itself", lambda x, f=f: f(x, x * x), (points(4),)
    yield "cov", "vector", ad.cov, (points(4),)
    yield "cov", "bias", lambda x: ad.cov(x, bias=True), (points(2, 3),)
    yield "cov", "ddof", lambda x: ad.cov(x, ddof=2), (points(2, 4),)
    yield "cov", "fweights", lambda x: ad.cov(x, fweights=[1, 2, 0, 1]), (points(2, 4),)
    for ddof in (0, 1):
        yield (
            "cov", f"aweights ddof={ddof}",
            lambda x, w, d=ddof: ad.cov(x, ddof=d, aweights=w),
            (points(2, 4), positive(4, seed=1)),
        )  # fmt: skip
    yield (
        "cov", "both weights", lambda x, w: ad.cov(x, fweights=[1, 2, 0, 1], aweights=w),
        (points(2, 4), positive(4, seed=1)),
    )  # fmt: skip


TABLE: list[Row] = [*spread_rows(), *average_rows(), *correlation_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(3, 4, 5))
W = np.arange(60).reshape(3, 4, 5) % 9 < 7
M = X[:, :, 0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize(
    "options",
    [{}, {"ddof": 1}, {"correction": 0.5}, {"where": W}, {"keepdims": True},
     {"where": W, "ddof": 1}],
    ids=["", "ddof", "correction", "where", "keepdims", "where ddof"],
)  # fmt: skip
@pytest.mark.parametrize("function", [np.var, np.std])
def test_spreads_are_those_of_numpy(function: Any, options: Any, axis: Any, dtype: Any) -> None:
    x = X.astype(dtype)
    result = function(Tensor(x), axis=axis, **options)
    assert result.dtype == dtype
    expected = function(x, axis=axis, **options)
    tolerance = 1e-14 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(result.data, expected, rtol=tolerance)


def test_nothing_cancels_far_from_zero() -> None:
    x = np.array([0.0, 1.0, 2.0, 4.0])
    for f in (ad.var, ad.std):
        assert f(x + 2.0**40) == f(x)
        np.testing.assert_array_equal(ad.grad(f)(x + 2.0**40), ad.grad(f)(x))


@pytest.mark.parametrize("axis", [None, 0, (0, 2), (2, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_averages_are_those_of_numpy(axis: Any, keepdims: bool) -> None:
    shapes = {None: [(3, 4, 5)], 0: [(3, 4, 5), (3,)], (0, 2): [(3, 5)], (2, 0): [(5, 3)]}
    for shape in shapes[axis]:
        weights = np.random.default_rng(1).uniform(size=shape)
        options = {"axis": axis, "weights": weights, "keepdims": keepdims, "returned": True}
        for got, expected in zip(
            np.average(Tensor(X), **options), np.average(X, **options), strict=True
        ):
            assert np.shape(got) == np.shape(expected)
            np.testing.assert_allclose(getattr(got, "data", got), expected, rtol=1e-13)
    got, count = np.average(Tensor(X), axis=axis, keepdims=keepdims, returned=True)
    expected, expected_count = np.average(X, axis=axis, keepdims=keepdims, returned=True)
    np.testing.assert_allclose(got.data, expected, rtol=1e-14)
    np.testing.assert_array_equal(count, expected_count)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"bias": True}, {"ddof": 2}, {"y": X[0, 0, :4]}, {"rowvar": False},
        {"rowvar": False, "y": X[:, :2, 1]}, {"fweights": [1, 2, 0, 3]},
        {"aweights": [0.1, 0.4, 0.2, 0.7]}, {"aweights": [0.1, 0.4, 0.2, 0.7], "ddof": 0},
        {"fweights": [1, 2, 0, 3], "aweights": [0.1, 0.4, 0.2, 0.7]},
    ],
    ids=str,
)  # fmt: skip
def test_covariances_are_those_of_numpy(options: Any) -> None:
    got = np.cov(Tensor(M), **options)
    np.testing.assert_allclose(got.data, np.cov(M, **options), rtol=1e-13)
    if options.keys() <= {"y", "rowvar"}:
        got = np.corrcoef(Tensor(M), **options)
        np.testing.assert_allclose(got.data, np.corrcoef(M, **options), rtol=1e-13)
    if "rowvar" not in options:
        got = np.cov(Tensor(M[0]), **options)
        assert got.shape == np.cov(M[0], **options).shape
        np.testing.assert_allclose(got.data, np.cov(M[0], **options), rtol=1e-13)


def test_a_correlation_lies_within_minus_1_and_1() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[1] = -3 * x[0]
    c = ad.corrcoef(Tensor(x)).data
    assert c.max() == 1.0
    assert c.min() >= -1.0
    np.testing.assert_allclose(np.diag(ad.corrcoef(x)), 1.0, rtol=1e-15)
    assert ad.corrcoef(x[0]) == 1.0


def test_scalars() -> None:
    for f in (np.var, np.std, np.average):
        x = Value(1.5)
        y = f(x)
        assert type(y) is Value
        assert y.data == f(1.5)
        y.backward()
        assert x.grad == (1.0 if f is np.average else 0.0)


# --- conventions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0.0, 2.0, 0.1, -1e300, 1e-300])
@pytest.mark.parametrize("options", [{}, {"ddof": 1}, {"where": [True, True, True]}], ids=str)
def test_equal_elements_have_no_spread_and_no_slope(number: float, options: Any) -> None:
    def f(x: Any) -> Any:
        return ad.std(x, **options)

    x = np.full(3, number)
    assert f(x) == 0.0
    np.testing.assert_array_equal(ad.grad(f)(x), 0.0)
    np.testing.assert_array_equal(ad.grad(lambda x: ad.sum(ad.grad(f)(x)))(x), 0.0)
    assert ad.jvp(f, (x,), (np.array([1.0, 2.0, 3.0]),)) == (0.0, 0.0)


def test_equal_rows_beside_others() -> None:
    x = np.array([[0.1, 0.1, 0.1], [1.0, 2.0, 4.0]])
    gradient = ad.grad(lambda x: ad.sum(ad.std(x, 1)))(x)
    np.testing.assert_array_equal(gradient[0], 0.0)
    np.testing.assert_allclose(gradient[1], ad.grad(ad.std)(x[1]), rtol=1e-15)


def test_no_degree_of_freedom() -> None:
    for f in (ad.var, ad.std):
        with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="freedom"):
            gradient = ad.grad(lambda x, f=f: f(x, ddof=1))(np.array([2.0]))
        assert np.isnan(gradient[0])


def test_what_where_leaves_out_has_no_influence() -> None:
    for f in (ad.var, ad.std):
        with np.errstate(invalid="ignore"):
            gradient = ad.grad(lambda x, f=f: f(ad.sqrt(x), where=[True, False, True]))(
                np.array([4.0, -1.0, 9.0])
            )
        assert gradient[1] == 0.0
        assert np.all(np.isfinite(gradient))


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: ad.var(x, 2), ValueError, "axis 2"),
        (lambda x: ad.std(x, ddof=1, correction=1), ValueError, "std.*correction"),
        (lambda x: np.var(x, mean=0.0), TypeError, "var.*mean"),
        (lambda x: ad.average(x, weights=[1.0, 2.0, 3.0]), TypeError, "average.*axis"),
        (lambda x: ad.average(x, 0, [1.0, 2.0, 3.0]), ValueError, r"average.*\(3,\).*axis 0"),
        (lambda x: ad.average(x, 0, [1.0, -1.0]), ZeroDivisionError, "sum of the weights"),
        (lambda x: ad.cov(x[:, :1]), ValueError, "no degree of freedom"),
        (lambda x: ad.cov(x, fweights=[1, 2]), ValueError, r"fweights.*\(3,\).*\(2,\)"),
        (lambda x: ad.cov(x, fweights=[1, 2.5, 1]), TypeError, "whole"),
        (lambda x: ad.cov(x, fweights=x[0]), TypeError, "constant"),
        (lambda x: ad.cov(x, aweights=[1, -1, 1]), ValueError, "aweights.*negative"),
        (lambda x: ad.cov(ad.reshape(x, (1, 2, 3))), ValueError, "cov.*two axes.*3"),
        (lambda x: ad.corrcoef(x, x[:, :2]), ValueError, "concatenate"),
    ],
)
def test_errors(call: Function, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(Tensor(points(2, 3)))


def test_nan_shows() -> None:
    for f in (ad.var, ad.std):
        assert np.isnan(f(np.array([1.0, nan])))


def test_variance_of_no_degree_of_freedom_has_no_derivative() -> None:
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    included = np.array([[True, True], [False, True]])
    for operation in (ad.var, ad.std):

        def f(x: Any, operation: Any = operation) -> Any:
            return operation(x, 0, ddof=1, where=included)

        with np.errstate(all="ignore"):
            value, tangent = ad.jvp(f, (x,), (np.ones((2, 2)),))
            gradient = ad.grad(lambda x: ad.sum(f(x)))(x)
        assert np.isnan([value[0], tangent[0], gradient[0, 0]]).all()
        assert np.isfinite(gradient[:, 1]).all()
