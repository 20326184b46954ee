"""Derivatives of any order, of functions within functions, in either mode."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]


def example(lib: Any, theta: Any, x1: Any, x2: Any) -> Any:
    return lib.sin(theta * x1 + x2) + theta * x2**2


@pytest.mark.parametrize("orders", [o for o in product(range(4), repeat=3) if sum(o) <= 3], ids=str)
def test_mixed_derivatives_of_the_example_up_to_third_order(orders: tuple[int, ...]) -> None:
    point = (0.5, 2.0, 3.0)

    def f(*x: Any) -> Any:
        return example(ad, *x)

    for argument, order in enumerate(orders):
        for _ in range(order):
            f = ad.grad(f, argument)
    with mpmath.workdps(40):
        expected = mpmath.diff(lambda *x: example(mpmath, *x), point, orders)
    assert float(f(*point)) == pytest.approx(float(expected), rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("order", range(1, 8))
def test_high_orders_of_one_variable(order: int) -> None:
    f: Function = lambda x: ad.exp(ad.sin(x)) / x  # noqa: E731
    for _ in range(order):
        f = ad.grad(f)
    with mpmath.workdps(40):
        expected = mpmath.diff(lambda x: mpmath.exp(mpmath.sin(x)) / x, 1.3, order)
    assert f(1.3) == pytest.approx(float(expected), rel=1e-11)


def test_third_order_of_arrays() -> None:
    def cubic(x: Any) -> Any:
        return ad.sum(x**4)

    def slope(f: Function, d: Any) -> Function:
        return lambda x: ad.sum(ad.grad(f)(x) * d)

    a, b, c = np.random.default_rng(0).normal(size=(3, 2, 3))
    x = np.arange(1.0, 7.0).reshape(2, 3)
    third = slope(slope(slope(cubic, a), b), c)(x)
    assert third == pytest.approx(np.sum(24 * x * a * b * c), rel=1e-13)


@pytest.mark.parametrize("last", [lambda x: 2 * x, lambda x: x[:]], ids=["dense", "scattered"])
def test_contributions_that_are_recorded_and_bare_ones_in_any_order(last: Function) -> None:
    """Linear steps pass constants on: bare adjoints, among nodes where x's own sine adds one."""

    def f(x: Any) -> Any:
        oldest = last(x)
        return ad.sum(oldest + ad.sin(x) + 3 * x + 4 * x)  # the oldest contributes last

    x = np.array([0.3, -0.7])
    slope = np.array(ad.grad(lambda x: ad.sum(last(x)))(x)) + 7 + np.cos(x)
    squared = ad.grad(lambda x: ad.sum(ad.grad(f)(x) ** 2))(x)
    np.testing.assert_allclose(squared, -2 * slope * np.sin(x), rtol=1e-14)


def test_no_perturbation_confusion() -> None:
    assert ad.grad(lambda x: x * ad.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert ad.grad(lambda x: x * ad.grad(lambda y: x * y)(x))(3.0) == 6.0
    assert ad.grad(lambda x: ad.grad(lambda y: x * y * y)(x) * x)(3.0) == 54.0
    inner = ad.grad(lambda x: ad.grad(lambda x: x**3)(x) + x)
    assert inner(2.0) == 13.0
    assert ad.jvp(lambda x: x * ad.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,)) == (
        1.0,
        1.0,
    )
    array = np.array([1.0, 2.0])
    both = ad.grad(lambda x: ad.sum(x * ad.grad(lambda y: ad.sum(x * y * y))(x)))(array)
    np.testing.assert_array_equal(both, 6 * array**2)


def test_forward_over_reverse_is_reverse_over_forward_is_reverse_over_reverse() -> None:
    x, d = np.array([0.3, -0.7, 1.1]), np.array([1.0, 2.0, -0.5])

    def f(x: Any) -> Any:
        return ad.sum(ad.tanh(x) * x[::-1] ** 2) + ad.logsumexp(x)

    expected = ad.grad(lambda x: ad.sum(ad.grad(f)(x) * d))(x)
    np.testing.assert_allclose(ad.jvp(ad.grad(f), (x,), (d,))[1], expected, rtol=1e-13)
    forward = ad.grad(lambda x: ad.jvp(f, (x,), (d,))[1])
    np.testing.assert_allclose(forward(x), expected, rtol=1e-13)


def test_derivative_with_respect_to_what_a_function_closes_over() -> None:
    assert ad.grad(lambda a: ad.grad(lambda x: a * x**2)(3.0))(5.0) == 6.0
    outer = Value(5.0)
    inner = ad.grad(lambda x: outer * x**2)(Value(3.0))
    inner.backward()
    assert outer.grad == 6.0


def test_a_gradient_within_a_function_on_nodes_is_a_node() -> None:
    x = Value(2.0)
    slope = ad.grad(lambda x: x**3)(x)
    assert type(slope) is Value
    slope.backward()
    assert x.grad == 12.0


def test_argnums_and_options() -> None:
    def f(x: Any, y: Any, *, power: int) -> Any:
        return x * y**power

    assert ad.grad(f, 1)(3.0, 2.0, power=3) == 36.0
    assert ad.grad(f, (1, 0))(3.0, 2.0, power=3) == (36.0, 8.0)
    assert ad.grad(f, -1)(3.0, 2.0, power=3) == 36.0
    assert ad.value_and_grad(f)(3.0, 2.0, power=3) == (24.0, 8.0)
    assert ad.grad(lambda x, y: x * x)(3.0, "not differentiated") == 6.0
    assert ad.grad(lambda x: x * x, (0, 0, -1))(3.0) == (6.0, 6.0, 6.0)
    both = ad.grad(lambda x: ad.sum(x * x), (0, 0))(np.ones(2))
    assert not np.shares_memory(*both)


@pytest.mark.parametrize("constant", [1.0, 2, np.float64(3), Value(4.0), Tensor(1.0)], ids=repr)
def test_a_constant_function_has_gradient_zero(constant: Any) -> None:
    value, gradients = ad.value_and_grad(lambda x, y: constant, (0, 1))(2.0, np.ones((2, 3)))
    assert value == float(constant)
    assert gradients[0] == 0.0
    np.testing.assert_array_equal(gradients[1], np.zeros((2, 3)))


def test_the_identity() -> None:
    assert ad.value_and_grad(lambda x: x)(2.0) == (2.0, 1.0)
    assert ad.grad(ad.grad(lambda x: x))(2.0) == 0.0
    assert ad.grad(lambda x: x)(np.ones((1, 1))).tolist() == [[1.0]]


BEYOND_FLOATS: dict[str, tuple[Any, float, list[float]]] = {
    # name: f, x, and f, f', f'' there as IEEE 754 has them
    "x / 0": (lambda x: x / 0.0, 1.0, [np.inf, np.inf, 0.0]),
    "x / (1 / inf)": (
        lambda x: ad.div(x, ad.div(1.0, np.inf)),
        1.0,
        [np.inf, np.inf, 0],
    ),
    "root": (lambda x: ad.sqrt(x), 0.0, [0.0, np.inf, -np.inf]),
}


@pytest.mark.parametrize("name", BEYOND_FLOATS)
def test_derivatives_of_any_order_follow_ieee_754(name: str) -> None:
    f, x, expected = BEYOND_FLOATS[name]
    got = [float(f(ad.Value(x))), ad.grad(f)(x), ad.grad(ad.grad(f))(x)]
    np.testing.assert_array_equal(got, expected)


def test_bare_numbers_follow_ieee_754_too() -> None:
    assert ad.div(1.0, 0.0) == np.inf
    assert ad.log(0.0) == -np.inf
    assert np.isnan(ad.pow(-8.0, 1 / 3))
    assert type(ad.exp(1000)) is float


def test_an_array_without_axes_stays_one() -> None:
    z = np.array(2.0, np.float32)
    gradient = ad.grad(lambda z: ad.sum(z[None] ** 3) * z.reshape(1, 1)[0, 0])(z)
    assert type(gradient) is np.ndarray
    assert (gradient.shape, gradient.dtype) == ((), np.float32)
    assert gradient == 32.0
    assert type(ad.grad(lambda x: x * x)(np.float64(2.0))) is float
