"""The smooth maximum and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, zero_d

import autodiff as ad
from autodiff import Tensor, Value

AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((), None), ((3,), None), ((3,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), -1),
    ((2, 3), ()), ((2, 1, 3), (0, 2)), ((2, 1, 3), 1),
)  # fmt: skip


def rows() -> Iterator[Row]:
    for (shape, axis), keepdims in product(AXES, (False, True)):
        yield (
            "logsumexp", f"x{list(shape)} axis={axis} keepdims={keepdims}",
            lambda x, a=axis, k=keepdims: ad.logsumexp(x * x, a, k), (points(*shape),),
        )  # fmt: skip
    for name, (shape, axis) in product(("softmax", "log_softmax"), AXES):
        f = getattr(ad, name)
        yield (
            name, f"x{list(shape)} axis={axis}", lambda x, f=f, a=axis: f(x * x, a),
            (points(*shape),),
        )  # fmt: skip
    for name in ("logsumexp", "softmax", "log_softmax"):
        f = getattr(ad, name)
        yield name, "0-d", zero_d(f), (points(1),)
        yield name, "large", lambda x, f=f: f(x + 1000.0, 0), (points(3),)
        yield name, "small", lambda x, f=f: f(x - 1000.0, 0), (points(3),)
        yield name, "none to none", lambda x, f=f: f(x, 1), (points(0, 2),)
    yield "logsumexp", "reduce", lambda x: np.logaddexp.reduce(x), (points(2, 3),)


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


X = np.random.default_rng(0).normal(size=(3, 4, 5))


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_values(axis: Any) -> None:
    expected = np.exp(X) / np.sum(np.exp(X), axis=axis, keepdims=True)
    np.testing.assert_allclose(ad.softmax(Tensor(X), axis).data, expected, rtol=1e-14)
    np.testing.assert_allclose(ad.log_softmax(Tensor(X), axis).data, np.log(expected), rtol=1e-13)
    np.testing.assert_allclose(ad.softmax(X + 1e6, axis), expected, rtol=1e-9)
    first = 0 if axis is None else axis
    expected = np.logaddexp.reduce(X, axis=first)
    np.testing.assert_allclose(ad.logsumexp(X, first), expected, rtol=1e-14)
    np.testing.assert_allclose(
        np.logaddexp.reduce(Tensor(X), axis=first).data, expected, rtol=1e-14
    )


def test_nothing_is_lost_however_large_the_elements() -> None:
    x = np.array([0.0, np.log(3.0)])
    for shift in (0.0, 2.0**40):
        moved = np.array([shift, shift + 1.0])
        np.testing.assert_array_equal(ad.softmax(moved), ad.softmax([0.0, 1.0]))
        np.testing.assert_array_equal(ad.log_softmax(moved), ad.log_softmax([0.0, 1.0]))
        np.testing.assert_array_equal(ad.grad(ad.logsumexp)(moved), ad.softmax([0.0, 1.0]))
    np.testing.assert_allclose(ad.softmax(x), [0.25, 0.75], rtol=1e-15)
    np.testing.assert_array_equal(ad.log_softmax([0.0, -1000.0]), [0.0, -1000.0])


def test_an_element_that_is_minus_infinity_has_no_share() -> None:
    x = np.array([0.0, -inf, 0.0])
    np.testing.assert_array_equal(ad.softmax(x), [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(ad.log_softmax(x)[1], -inf)
    np.testing.assert_array_equal(ad.grad(ad.logsumexp)(x), [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(ad.grad(lambda x: ad.softmax(x)[0])(x), [0.25, 0.0, -0.25])


def test_scalars() -> None:
    for f, value, slope in ((ad.softmax, 1.0, 0.0), (ad.log_softmax, 0.0, 0.0),
                            (ad.logsumexp, 1.5, 1.0)):  # fmt: skip
        x = Value(1.5)
        y = f(x)
        assert type(y) is Value
        y.backward()
        assert (y.data, x.grad) == (value, slope)


def test_rows_do_not_influence_each_other() -> None:
    with np.errstate(all="ignore"):
        for f in (ad.softmax, ad.log_softmax):
            gradient = ad.grad(
                lambda x, f=f: ad.where([[True], [False]], f(ad.log(x), 1)[:, :1], 0.0).sum()
            )(np.array([[1.0, 2.0], [0.0, -1.0]]))
            assert np.all(np.isfinite(gradient))
            np.testing.assert_array_equal(gradient[1], 0.0)


def test_errors() -> None:
    with pytest.raises(ValueError, match="axis 2"):
        ad.softmax(Tensor(X[0]), 2)
