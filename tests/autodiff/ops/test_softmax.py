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


def cross_entropy_rows() -> Iterator[Row]:
    for shape, labels in (((1, 1), [0]), ((1, 3), [2]), ((3, 2), [1, 0, 1]), ((0, 2), [])):
        whole = np.array(labels, int)
        yield (
            "cross_entropy", f"{shape}", lambda x, y=whole: ad.cross_entropy(x * x, y),
            (points(*shape),),
        )  # fmt: skip
    yield "cross_entropy", "far", lambda x: ad.cross_entropy(x * 300.0, [0, 1]), (points(2, 2),)


TABLE: list[Row] = [*rows(), *cross_entropy_rows()]


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


def test_whole_numbers_count_as_real_ones() -> None:
    for function in (ad.logsumexp, ad.softmax, ad.log_softmax):
        given, real = function(np.array([3, 1]), 0), function(np.array([3.0, 1.0]), 0)
        assert np.array_equal(given, real)
    labels = np.array([1])
    assert ad.cross_entropy([[3, 1]], labels) == ad.cross_entropy([[3.0, 1.0]], labels)


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


def test_cross_entropy_is_the_composition() -> None:
    labels = np.array([2, 0, 1, 2])
    x = points(4, 3)

    def composed(x: Any) -> Any:
        return ad.logsumexp(x, axis=1) - ad.getitem(x, (np.arange(4), labels))

    weights = points(4, seed=1)
    functions = [
        lambda x, f=f: ad.sum(weights * f(x))
        for f in (composed, lambda x: ad.cross_entropy(x, labels))
    ]
    for derivative in (lambda f: f, ad.grad, ad.hessian):
        expected, got = (derivative(f)(x) for f in functions)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_cross_entropy_of_a_certain_label_has_no_loss_and_of_an_excluded_one_infinite() -> None:
    x = np.array([[0.0, 800.0], [0.0, 800.0]])
    np.testing.assert_array_equal(ad.cross_entropy(x, [1, 0]), [0.0, 800.0])
    assert ad.cross_entropy(np.float32([[1.0, 2.0]]), [0]).dtype == np.float32


@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (np.zeros(3), [0], ValueError, r"\(n, classes\).*\(3,\)"),
        (np.zeros((2, 3)), [0], ValueError, r"labels of shape \(1,\)"),
        (np.zeros((2, 3)), [0.0, 1.0], TypeError, "whole numbers.*float64"),
        (np.zeros((2, 3)), [0, 3], ValueError, "between 0 and 2.*from 0 to 3"),
        (np.zeros((2, 3)), [-1, 2], ValueError, "between 0 and 2.*from -1 to 2"),
    ],
)
def test_errors_of_cross_entropy(
    scores: Any, labels: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ad.cross_entropy(scores, labels)
