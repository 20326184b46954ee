"""Directional derivatives: what a tangent is, and what moves."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]
X = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        pytest.param(lambda x: ad.concatenate([x, [inf, np.nan]]), [3, 5, 0, 0], id="concatenate"),
        pytest.param(lambda x: ad.stack([x, [inf, 0.0]]), [[3, 5], [0, 0]], id="stack"),
        pytest.param(lambda x: ad.where([True, False], x, inf), [3, 0], id="where"),
        pytest.param(lambda x: ad.pad(x, 1, constant_values=inf), [0, 3, 5, 0], id="pad"),
        pytest.param(lambda x: ad.pad(x, 1, constant_values=7.0), [0, 3, 5, 0], id="pad finite"),
        pytest.param(lambda x: x + np.array([inf, 0.0]), [3, 5], id="add"),
        pytest.param(lambda x: ad.maximum(x, -inf), [3, 5], id="maximum"),
    ],
)
def test_what_is_constant_does_not_move_even_if_infinite(
    function: Function, expected: list[float]
) -> None:
    np.testing.assert_array_equal(ad.jvp(function, (X,), ([3.0, 5.0],))[1], expected)


@pytest.mark.parametrize(
    "f", [ad.add, ad.sub, ad.mul, ad.maximum, lambda x, c: ad.where(True, x, c)]
)
def test_a_tangent_is_broadcast_with_its_value(f: Function) -> None:
    constant = np.array([[-1.0], [-2.0], [-3.0]])
    for x, d in ((X, [3.0, 5.0]), (2.0, 4.0)):
        value, tangent = ad.jvp(lambda x: f(x, constant), (x,), (d,))
        assert np.shape(tangent) == np.shape(value) != np.shape(x)
        _, total = ad.jvp(lambda x: ad.sum(f(x, constant)), (x,), (d,))
        assert total == pytest.approx(np.sum(tangent), rel=1e-15)


def test_values_and_tangents_have_the_kind_of_the_output() -> None:
    value, tangent = ad.jvp(lambda x, y: x * y, (2.0, 3.0), (1, 0))
    assert (value, type(value), tangent, type(tangent)) == (6.0, float, 3.0, float)
    value, tangent = ad.jvp(lambda x, v: x * v, (X.astype(np.float32), 2.0), ([1, 1], 1.0))
    assert value.dtype == tangent.dtype == np.float32
    np.testing.assert_array_equal(tangent, [3.0, 4.0])
    value, tangent = ad.jvp(ad.sum, (X,), (X,))
    assert np.shape(value) == np.shape(tangent) == ()


def test_results_are_nodes_on_nodes() -> None:
    x = Value(3.0)
    value, tangent = ad.jvp(lambda x: x**3, (x,), (1.0,))
    assert type(value) is Value
    tangent.backward()
    assert x.grad == 18.0
    direction = Tensor([1.0, 0.0])
    _, tangent = ad.jvp(lambda x: ad.sum(x**3), (Tensor(X),), (direction,))
    tangent.backward()
    np.testing.assert_array_equal(direction.grad, 3 * X**2)


@pytest.mark.parametrize("constant", [3.0, X, Value(3.0), Tensor(X)], ids=repr)
def test_a_constant_does_not_move(constant: Any) -> None:
    _, tangent = ad.jvp(lambda x: constant, (X,), (X,))
    np.testing.assert_array_equal(tangent, np.zeros(np.shape(getattr(constant, "data", constant))))


def test_of_several_arguments_each_moves_on_its_own() -> None:
    def f(x: Any, y: Any) -> Any:
        return ad.sum(x * x) * y

    assert ad.jvp(f, (X, 3.0), ([1.0, 0.0], 0.0))[1] == 6.0
    assert ad.jvp(f, (X, 3.0), ([0.0, 0.0], 1.0))[1] == 5.0
    assert ad.jvp(f, (X, 3.0), ([1.0, 0.0], 1.0))[1] == 11.0


def test_twice_in_the_same_direction_and_in_two() -> None:
    def f(x: Any) -> Any:
        return ad.sum(x**3)

    def along(d: Any) -> Function:
        return lambda x: ad.jvp(f, (x,), (d,))[1]

    a, b = np.array([1.0, 2.0]), np.array([-1.0, 0.5])
    assert ad.jvp(along(a), (X,), (b,))[1] == pytest.approx(np.sum(6 * X * a * b), rel=1e-14)


def test_a_function_of_what_another_moves_only_in_part() -> None:
    w = Value(2.0)
    assert ad.jvp(lambda x: w * x + w * w, (3.0,), (1.0,)) == (10.0, 2.0)
    assert not w.has_adjoint


def test_tangents_of_scalars_are_scalars_when_nested_too() -> None:
    def slope(x: Any) -> Any:
        return ad.jvp(lambda y: y**3, (x,), (1.0,))[1]

    assert ad.jvp(slope, (2.0,), (1.0,)) == (12.0, 12.0)
    assert [type(part) for part in ad.jvp(slope, (2.0,), (1.0,))] == [float, float]
    assert type(ad.jvp(lambda x: x, (Value(2.0),), (1.0,))[1]) is float


@pytest.mark.parametrize("constant", [inf, np.nan, np.array([inf, 1.0]), np.float32(inf)])
def test_what_does_not_move_has_the_tangent_zero(constant: Any) -> None:
    for tangent in (
        ad.jvp(lambda x: constant, (X,), (X,))[1],
        ad.jvp(ad.grad(lambda x: ad.sum(x * constant)), (X,), (X,))[1],
        ad.linearize(lambda x: constant, X)[1](X),
    ):
        np.testing.assert_array_equal(tangent, np.zeros(np.shape(tangent)))
