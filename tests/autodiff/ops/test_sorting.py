"""Elements in the order of their size, and what equal ones get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value


def rows() -> Iterator[Row]:
    for shape, axis in (
        ((5,), -1), ((5,), None), ((3, 4), 0), ((3, 4), 1), ((3, 4), None), ((2, 3, 2), -2),
        ((0,), 0), ((1,), 0),
    ):  # fmt: skip
        yield "sort", f"{shape} axis={axis}", lambda x, a=axis: ad.sort(x * x, a), (points(*shape),)
    for shape, kth, axis in (
        ((5,), 2, -1),
        ((3, 4), 1, 0),
        ((3, 4), (0, -1), 1),
        ((3, 2), 4, None),
    ):
        yield (
            "partition", f"{shape} {kth} axis={axis}",
            lambda x, k=kth, a=axis: ad.partition(x * x, k, a), (points(*shape),),
        )  # fmt: skip
    yield (
        "sort",
        "of products",
        lambda x, y: ad.sort(x * y)[::-1] * x,
        (points(4), points(4, seed=1)),
    )


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, -3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_are_those_of_numpy(axis: Any, dtype: Any) -> None:
    x = np.random.default_rng(0).integers(0, 5, (4, 3, 5)).astype(dtype)
    x[0, 0, 0] = np.nan
    got = np.sort(Tensor(x), axis=axis)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.data, np.sort(x, axis=axis))
    for kind in ("quicksort", "stable"):
        np.testing.assert_array_equal(np.sort(Tensor(x), axis, kind).data, np.sort(x, axis))
    for kth in (0, -1, (1, 2)):
        got, expected = np.partition(Tensor(x), kth, axis=axis), np.partition(x, kth, axis=axis)
        along = -1 if axis is None else axis
        np.testing.assert_array_equal(
            np.take(got.data, kth, axis=along), np.take(expected, kth, axis=along)
        )
        np.testing.assert_array_equal(np.sort(got.data, along), np.sort(x, axis))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.0, 1.0, 2.0, 1.0], [30, 10, 40, 20]),
        ([5.0, 5.0, 5.0, 5.0], [10, 20, 30, 40]),
        ([0.0, -0.0, 1.0, -1.0], [20, 30, 40, 10]),
        ([np.inf, -np.inf, np.inf, 0.0], [30, 10, 40, 20]),
    ],
)
@pytest.mark.parametrize("kind", [None, "heapsort"])
def test_equal_elements_keep_their_order(x: list[float], expected: list[float], kind: Any) -> None:
    weights = np.array([10.0, 20.0, 30.0, 40.0])
    with np.errstate(all="ignore"):
        gradient = ad.grad(lambda x: ad.sum(ad.sort(x, kind=kind) * weights))(np.array(x))
    np.testing.assert_array_equal(gradient, expected)


def test_errors() -> None:
    for call, error, text in (
        (lambda: ad.sort(Value(1.0)), ValueError, "axis -1"),
        (lambda: ad.sort(Tensor([1.0]), 1), ValueError, "axis 1"),
        (lambda: np.sort(Tensor([1.0]), order="f"), TypeError, "order="),
        (lambda: ad.partition(Tensor([1.0]), 1), ValueError, "kth"),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
            call()
