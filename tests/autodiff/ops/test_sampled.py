"""Differences, slopes, integrals and interpolation of sampled functions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

PLACES = np.array([0.2, 0.5, 1.1, 1.3, 2.0])


def difference_rows() -> Iterator[Row]:
    for n, axis in product((0, 1, 2, 3), (0, -1)):
        yield (
            "diff", f"n={n} axis={axis}", lambda x, n=n, a=axis: ad.diff(x * x, n, a),
            (points(3, 4),),
        )  # fmt: skip
    yield "diff", "vector", lambda x: ad.diff(x * x), (points(3),)
    yield "diff", "of one", lambda x: ad.diff(x), (points(1),)
    yield (
        "diff", "prepend and append",
        lambda x, y: ad.diff(x * x, axis=0, prepend=y, append=y * y),
        (points(2, 3), points(1, 3, seed=1)),
    )  # fmt: skip
    yield "diff", "prepend a number", lambda x: ad.diff(x * x, prepend=1.5), (points(2, 3),)
    yield (
        "diff", "append a node", lambda x, y: ad.diff(x, append=y * y), (points(2, 3), points())
    )  # fmt: skip
    yield "ediff1d", "vector", lambda x: ad.ediff1d(x * x), (points(4),)
    yield "ediff1d", "matrix", lambda x: ad.ediff1d(x * x), (points(2, 3),)
    yield (
        "ediff1d", "ends", lambda x, y: ad.ediff1d(x * x, to_end=y * y, to_begin=[1.0, 2.0]),
        (points(3), points(2, seed=1)),
    )  # fmt: skip


def slope_rows() -> Iterator[Row]:
    for axis, edge_order in product((0, -1), (1, 2)):
        about = f"axis={axis} edge_order={edge_order}"
        options: dict[str, Any] = {"axis": axis, "edge_order": edge_order}
        yield (
            "gradient", about, lambda x, o=options: ad.gradient(x * x, **o), (points(3, 4),)
        )  # fmt: skip
        yield (
            "gradient", f"{about} distance", lambda x, h, o=options: ad.gradient(x * x, h, **o),
            (points(3, 4), 0.7),
        )  # fmt: skip
        yield (
            "gradient", f"{about} coordinates",
            lambda x, c, o=options: ad.gradient(x * x, c, **o),
            (points(4, 4), np.array([0.2, 0.5, 1.1, 1.3])),
        )  # fmt: skip
    yield (
        "gradient", "both axes", lambda x: ad.stack(ad.gradient(x * x, 0.5)), (points(2, 3),)
    )  # fmt: skip
    yield (
        "gradient", "both spacings", lambda x: ad.stack(ad.gradient(x * x, 0.5, [1.0, 2.0, 4.0])),
        (points(2, 3),),
    )  # fmt: skip
    yield "gradient", "two samples", lambda x: ad.gradient(x * x), (points(2),)
    for axis in (0, -1):
        yield (
            "trapezoid", f"axis={axis}", lambda y, a=axis: ad.trapezoid(y * y, axis=a),
            (points(3, 2),),
        )  # fmt: skip
    yield "trapezoid", "dx", lambda y, d: ad.trapezoid(y, dx=d), (points(3), 0.4)
    yield "trapezoid", "coordinates", ad.trapezoid, (points(2, 3), points(3, seed=1))
    yield (
        "trapezoid", "coordinates axis=0", lambda y, x: ad.trapezoid(y, x, axis=0),
        (points(3, 2), points(3, seed=1)),
    )  # fmt: skip
    yield "trapezoid", "array of coordinates", ad.trapezoid, (points(2, 3), points(2, 3, seed=1))
    yield "trapezoid", "constant samples", lambda x: ad.trapezoid([1.0, 2.0, 4.0], x), (points(3),)


def interpolation_rows() -> Iterator[Row]:
    inside = np.array([[0.3, 0.7], [1.15, 1.9]])
    outside = np.array([-1.0, 0.3, 1.7, 2.5])
    for about, x in (("inside", inside), ("outside", outside)):
        yield (
            "interp", f"{about}, all three", lambda x, xp, fp: ad.interp(x, xp, fp * fp),
            (x, PLACES, points(5)),
        )  # fmt: skip
        yield (
            "interp", f"{about}, values", lambda fp, x=x: ad.interp(x, PLACES, fp * fp),
            (points(5),),
        )  # fmt: skip
        yield (
            "interp", f"{about}, period",
            lambda x, xp, fp: ad.interp(x, xp, fp * fp, period=1.7),
            (x, PLACES[::-1] + 0.013, points(5)),
        )  # fmt: skip
    yield (
        "interp", "ends", lambda x, a, b: ad.interp(x, PLACES, PLACES**2, left=a, right=b * b),
        (outside, 3.0, 0.5),
    )  # fmt: skip
    yield "interp", "scalar", lambda x, fp: ad.interp(x, PLACES, fp), (0.7, points(5))
    yield "interp", "one point", lambda x, fp: ad.interp(x, [1.0], fp), (inside, points(1))
    yield "interp", "twice", lambda x: ad.interp(ad.interp(x, PLACES, PLACES**2), PLACES,
                                                 PLACES**3), (inside,)  # fmt: skip
    yield "unwrap", "vector", lambda x: ad.unwrap(20 * x), (points(5),)
    yield "unwrap", "axis=0", lambda x: ad.unwrap(x * x, axis=0, period=0.3), (points(4, 2),)


TABLE: list[Row] = [*difference_rows(), *slope_rows(), *interpolation_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(3, 4, 5))
C = np.cumsum(np.random.default_rng(1).uniform(0.1, 1.0, 5))

CALLS: dict[str, Function] = {
    "diff": lambda x: np.diff(x), "diff 2": lambda x: np.diff(x, 2, axis=0),
    "diff 5": lambda x: np.diff(x, 5, axis=0), "diff 0": lambda x: np.diff(x, 0),
    "diff ends": lambda x: np.diff(x, axis=1, prepend=2.0, append=X),
    "ediff1d": lambda x: np.ediff1d(x),
    "ediff1d ends": lambda x: np.ediff1d(x, to_end=[1.0, 2.0], to_begin=3.0),
    "gradient": lambda x: np.gradient(x, axis=1), "gradient 2": lambda x: np.gradient(
        x, 0.3, axis=-1, edge_order=2),
    "gradient at": lambda x: np.gradient(x, C, axis=-1),
    "gradient at 2": lambda x: np.gradient(x, C, axis=2, edge_order=2),
    "trapezoid": lambda x: np.trapezoid(x), "trapezoid dx": lambda x: np.trapezoid(
        x, dx=0.3, axis=0),
    "trapezoid x": lambda x: np.trapezoid(x, C), "trapezoid X": lambda x: np.trapezoid(
        x, np.cumsum(X, 1), axis=1),
    "interp": lambda x: np.interp(x, C - 1, C**2),
    "interp ends": lambda x: np.interp(x, C - 1, C**2, left=-1.0, right=-2.0),
    "interp period": lambda x: np.interp(x, C - 1, C**2, period=1.5),
    "interp backwards": lambda x: np.interp(x, C[::-1], C**2, period=-1.2),
    "interp one": lambda x: np.interp(x, [0.1], [3.0], left=1.0),
    "unwrap": lambda x: np.unwrap(9 * x), "unwrap period": lambda x: np.unwrap(
        x, axis=0, discont=0.8, period=1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_are_those_of_numpy(name: str, dtype: Any) -> None:
    x = X.astype(dtype)
    result, expected = CALLS[name](Tensor(x)), CALLS[name](x)
    assert type(result) is Tensor
    assert result.shape == expected.shape
    tolerance = 1e-13 if dtype is np.float64 else 2e-5
    np.testing.assert_allclose(result.data, expected, rtol=tolerance, atol=tolerance)


def test_several_axes_give_a_tuple() -> None:
    for options in ({}, {"axis": (2, 0)}, {"axis": (-1,)}):
        got, expected = (np.gradient(x, 0.7, **options) for x in (Tensor(X), X))
        assert isinstance(got, tuple) is isinstance(expected, tuple)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(getattr(one, "data", one), other, rtol=1e-13, atol=1e-14)


def test_float32_stays_float32() -> None:
    x = Tensor(X[0, 0], dtype=np.float32)
    for y in (np.gradient(x), np.gradient(x, 0.5), np.diff(x, prepend=0.0), np.trapezoid(x),
              np.unwrap(x), np.ediff1d(x)):  # fmt: skip
        assert y.dtype == np.float32


def test_scalars() -> None:
    x = Value(1.0)
    y = np.interp(x, [0.0, 2.0], [1.0, 5.0])
    y.backward()
    assert (float(y), x.grad) == (3.0, 2.0)
    y = np.ediff1d(x)
    assert y.shape == (0,)


def test_nan_shows() -> None:
    np.testing.assert_array_equal(
        ad.interp(Tensor([nan, 1.0]), [0.0, 2.0], [1.0, 5.0]).data, [nan, 3.0]
    )


# --- conventions ----------------------------------------------------------------------------------


def test_interp_has_the_slope_on_the_right_of_a_point_and_none_outside() -> None:
    x = np.array([-inf, -1.0, 0.0, 0.5, 1.0, 3.0, 4.0, inf])
    gradient = ad.grad(lambda x: ad.sum(ad.interp(x, [0.0, 1.0, 3.0], [0.0, 2.0, -4.0])))(x)
    np.testing.assert_array_equal(gradient, [0, 0, 2, 2, -3, -3, 0, 0])


def test_interp_outside_depends_on_the_end_alone() -> None:
    gradient = ad.grad(lambda fp: ad.interp(-1.0, [0.0, 1.0, 3.0], fp))(np.zeros(3))
    np.testing.assert_array_equal(gradient, [1, 0, 0])
    gradient = ad.grad(lambda fp: ad.interp(9.0, [0.0, 1.0, 3.0], fp))(np.zeros(3))
    np.testing.assert_array_equal(gradient, [0, 0, 1])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: ad.diff(x, -1), ValueError, "not negative; got -1"),
        (lambda x: ad.diff(x, 1.5), TypeError, "diff takes whole numbers"),
        (lambda x: ad.diff(x, axis=2), ValueError, "axis 2"),
        (lambda x: ad.diff(Value(1.0)), ValueError, "diff.*axis.*Value 1"),
        (lambda x: ad.gradient(x, 1.0, 2.0, 3.0), TypeError, "spacing for each of 2"),
        (lambda x: ad.gradient(x, [1.0, 2.0]), ValueError, "coordinates are given for each"),
        (lambda x: ad.gradient(x, [1.0, 2.0], axis=1), ValueError, "3 coordinates for axis 1"),
        (lambda x: ad.gradient(x, axis=0, edge_order=2), ValueError, "at least 3 samples.*got 2"),
        (lambda x: ad.gradient(x, edge_order=3), ValueError, "edge_order is 1 or 2, got 3"),
        (lambda x: ad.trapezoid(x, axis=(0, 1)), TypeError, "trapezoid.*one axis"),
        (lambda x: ad.trapezoid(x, [1.0, 2.0]), ValueError, "trapezoid.*length 2.*axis 1"),
        (lambda x: ad.interp(1.0, [0.0, 1.0], x), ValueError, r"interp.*one length.*\(2, 3\)"),
        (lambda x: ad.interp(1.0, [], []), ValueError, "interp"),
        (lambda x: ad.interp(x, [0.0, 1.0], [0.0, 1.0], period=0), ValueError, "period"),
        (lambda x: ad.interp(x, [0, 1], [0, 1], period=Value(1.0)), TypeError, "period is a const"),
    ],
)
def test_errors(call: Function, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(Tensor(points(2, 3)))
