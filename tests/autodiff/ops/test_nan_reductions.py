"""Reductions that leave out nan."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad
from autodiff import Tensor, Value

NAMES = ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin")
HOLES = np.array([[1.0, nan, 1.0], [nan, 1.0, 1.0], [1.0, 1.0, nan]])


def rows() -> Iterator[Row]:
    for name, axis, keepdims in product(NAMES, (None, 0, -1, (0, 1)), (False, True)):
        f = getattr(ad, name)
        yield (
            name, f"axis={axis} keepdims={keepdims}",
            lambda x, f=f, a=axis, k=keepdims: f(x * x * HOLES, a, k), (positive(3, 3),),
        )  # fmt: skip
    for name in NAMES:
        f = getattr(ad, name)
        yield name, "without nan", lambda x, f=f: f(x * x, 0), (points(3, 2),)
        if name != "nanstd":
            yield name, "0-d", zero_d(f), (points(1),)
        yield (
            name, "vector", lambda x, f=f: f(ad.concatenate([x, [nan], x * x])), (points(3),)
        )  # fmt: skip
    for name in ("nanvar", "nanstd"):
        f = getattr(ad, name)
        yield name, "ddof", lambda x, f=f: f(x * HOLES, 0, ddof=1), (points(3, 3),)
        yield name, "correction", lambda x, f=f: f(x * HOLES, 1, correction=0.5), (points(3, 3),)


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


X = np.random.default_rng(0).normal(size=(3, 4, 5))
X[X > 1] = nan
FUNCTIONS = tuple(getattr(np, name) for name in NAMES)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_values_are_those_of_numpy(function: Any, axis: Any, keepdims: bool, dtype: Any) -> None:
    x = X.astype(dtype)
    result = function(Tensor(x), axis=axis, keepdims=keepdims)
    assert type(result) is Tensor
    assert result.dtype == dtype
    expected = function(x, axis=axis, keepdims=keepdims)
    tolerance = 1e-13 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(result.data, expected, rtol=tolerance)


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_scalars(function: Any) -> None:
    result = function(Value(1.5))
    assert type(result) is Value
    assert result.data == function(1.5)


def test_integers_have_no_nan() -> None:
    assert np.nansum(Tensor([1, 2])).dtype.kind == "i"
    assert np.nanmean(Tensor([1, 2])).data == 1.5
    assert np.nanmax(Tensor([1, 2])).data == 2


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_nothing_but_nan(function: Any) -> None:
    x = np.array([[nan, nan], [1.0, 3.0]])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of nanmax and nanmin, as in NumPy
        y = function(Tensor(x), axis=1)
    expected = {"nansum": 0.0, "nanprod": 1.0}.get(function.__name__, nan)
    np.testing.assert_array_equal(y.data[0], expected)
    assert np.isfinite(y.data[1])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_nan_has_no_influence(name: str) -> None:
    """Not even the derivative of the root, which is nan as well."""
    x = np.array([4.0, -1.0, 9.0, 2.25])

    def f(x: Any) -> Any:
        return getattr(ad, name)(ad.sqrt(x))

    with np.errstate(invalid="ignore"):
        gradient = ad.grad(f)(x)
        second = ad.grad(lambda x: ad.sum(ad.grad(f)(x) * [1.0, 2.0, 3.0, 4.0]))(x)
        slope = ad.jvp(f, (x,), (np.array([1.0, 0.0, 2.0, 3.0]),))[1]
    expected = ad.grad(lambda x: getattr(ad, name.removeprefix("nan"))(ad.sqrt(x)))(x[x > 0])
    assert gradient[1] == second[1] == 0.0
    np.testing.assert_allclose(gradient[x > 0], expected, rtol=1e-14, atol=1e-16)
    assert np.all(np.isfinite(second))
    assert slope == pytest.approx(expected @ [1.0, 2.0, 3.0])


def test_ties_and_infinities() -> None:
    gradient = ad.grad(ad.nanmax)(np.array([2.0, nan, 2.0, 1.0]))
    np.testing.assert_array_equal(gradient, [0.5, 0.0, 0.5, 0.0])
    gradient = ad.grad(ad.nanmin)(np.array([inf, nan, inf]))
    np.testing.assert_array_equal(gradient, [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(ad.grad(ad.nanstd)(np.array([0.1, nan, 0.1, 0.1])), 0.0)


def test_errors() -> None:
    with pytest.raises(ValueError, match="axis 2"):
        ad.nansum(Tensor(HOLES), 2)
    with pytest.raises(TypeError, match=r"nanmean.*dtype"):
        np.nanmean(Tensor(HOLES), dtype=np.float32)
