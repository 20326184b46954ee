"""The gradient checker is itself checked: it passes right rules, and finds an error of 0.1 %."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.ops.rules import Explicit, Linear, Pointwise

Function = Callable[..., Any]

X = np.array([[0.3, -0.7, 1.1], [0.5, 0.9, -1.3]])
NAMES: dict[str, Any] = {"sin": np.sin, "cos": np.cos, "exp": np.exp}
NODES: dict[str, Any] = {"sin": ad.sin, "cos": ad.cos, "exp": ad.exp}


def pointwise(value: str, *partials: str) -> Pointwise:
    return Pointwise("planted", value, partials, NAMES, NODES)


def explicit(compute: Function, vjp: Function, jvp: Function | None = None) -> Explicit:
    """By default with the jvp of a pointwise function, which is its vjp."""
    return Explicit("planted", compute, vjp=vjp, jvp=jvp or vjp, pattern=vjp)


def off(error: float) -> np.ndarray[Any, Any]:
    """A factor that is wrong in one element only."""
    factor = np.ones(X.shape)
    factor[1, 2] += error
    return factor


class Slope(Explicit):
    """cos, a right function whose own derivative is off."""

    def __init__(self, error: float) -> None:
        def rule(t: Any, f: Any, x: Any) -> Any:
            return t * -ad.sin(x) * (1 + error)

        super().__init__("slope", np.cos, vjp=rule, jvp=rule, pattern=rule)


def rules(error: float) -> dict[str, Function]:
    """Functions whose derivatives are off by ``error`` in one way each."""
    slope = Slope(error)
    return {
        "pointwise": pointwise("sin(x)", f"cos(x) * {1 + error}"),
        "first of two": lambda x: pointwise("x * y", f"y * {1 + error}", "x")(x, x),
        "second of two": lambda x: pointwise("x * exp(y)", "exp(y)", f"f * {1 + error}")(x, x),
        "linear": Linear("planted", lambda x: 3 * x, lambda t, f, x: t * (3 * (1 + error))),
        "one element": explicit(np.sin, lambda t, f, x: t * ad.cos(x) * off(error)),
        "reverse only": explicit(
            np.sin,
            lambda t, f, x: t * ad.cos(x) * (1 + error),
            lambda dx, f, x: dx * ad.cos(x),
        ),
        "forward only": explicit(
            np.sin,
            lambda t, f, x: t * ad.cos(x),
            lambda dx, f, x: dx * ad.cos(x) * (1 + error),
        ),
        "forward, one element": explicit(
            np.sin,
            lambda t, f, x: t * ad.cos(x),
            lambda dx, f, x: dx * ad.cos(x) * off(error),
        ),
        "second order only": explicit(np.sin, lambda t, f, x: t * slope(x)),
        "within an expression": lambda x: ad.sum(
            x * pointwise("exp(x)", f"f * {1 + error}")(ad.sin(x)), axis=0
        ),
        "neighbours swapped": explicit(
            lambda x: 2.0 * x,
            lambda t, f, x: 2.0 * (t + error * (t[::-1] - t)),  # right on average
            lambda dx, f, x: 2.0 * dx,
        ),
    }


@pytest.mark.parametrize("error", [1e-3, -1e-3])
@pytest.mark.parametrize("name", rules(0.0))
def test_planted_errors_are_found(name: str, error: float) -> None:
    with pytest.raises(ad.GradientError):
        ad.check_gradients(rules(error)[name], X, order=2)


@pytest.mark.parametrize("name", rules(0.0))
def test_right_rules_pass(name: str) -> None:
    ad.check_gradients(rules(0.0)[name], X, order=2)


@pytest.mark.parametrize("error", [1e-3, 1e-5])
def test_planted_errors_of_scalars_are_found(error: float) -> None:
    planted = pointwise("sin(x)", f"cos(x) * {1 + error}")
    with pytest.raises(ad.GradientError):
        ad.check_gradients(planted, 0.7)
    ad.check_gradients(pointwise("sin(x)", "cos(x)"), 0.7)


def test_second_order_is_not_checked_when_not_asked_for() -> None:
    wrong = rules(1e-3)["second order only"]
    ad.check_gradients(wrong, X, order=1)
    with pytest.raises(ad.GradientError):
        ad.check_gradients(wrong, X, order=2)


@pytest.mark.parametrize("i", [0, 1])
def test_every_argument_is_checked(i: int) -> None:
    partials = ["exp(y)", "f"]
    partials[i] += " * 1.001"
    with pytest.raises(ad.GradientError, match=rf"argument {i}"):
        ad.check_gradients(pointwise("x * exp(y)", *partials), X, X + 0.1)


def test_the_message_says_which_derivative_where_and_by_how_much() -> None:
    wrong = explicit(lambda x: 2.0 * x, lambda t, f, x: t * 2.0 * off(0.5))
    with pytest.raises(ad.GradientError, match=r"reverse.*argument 0\[1, 2\].*finite differences"):
        ad.check_gradients(wrong, X)
    with pytest.raises(ad.GradientError, match=r"forward"):
        ad.check_gradients(rules(0.5)["forward only"], X)


def test_a_derivative_that_is_nan_is_found() -> None:
    wrong = explicit(lambda x: 2.0 * x, lambda t, f, x: t * np.where(off(1.0) > 1, np.nan, 2.0))
    with pytest.raises(ad.GradientError):
        ad.check_gradients(wrong, X)


def test_a_gradient_of_zero_where_there_is_one_is_found() -> None:
    with pytest.raises(ad.GradientError):
        ad.check_gradients(explicit(lambda x: 2.0 * x, lambda t, f, x: None), X)


def test_the_tolerance_is_what_the_caller_says() -> None:
    wrong = pointwise("sin(x)", "cos(x) * 1.001")
    ad.check_gradients(wrong, X, tolerance=1e-2)
    with pytest.raises(ad.GradientError):
        ad.check_gradients(wrong, X, tolerance=1e-4)


@pytest.mark.parametrize("size", [1e-6, 1e-4, 1.0, 1e6])
def test_errors_are_relative_to_the_size_of_the_derivatives(size: float) -> None:
    ad.check_gradients(lambda x: size * ad.sin(x), X)
    with pytest.raises(ad.GradientError):
        ad.check_gradients(lambda x: size * pointwise("sin(x)", "cos(x) * 1.001")(x), X)


def test_a_constant_function_passes() -> None:
    ad.check_gradients(lambda x: 0 * x + 1e6, X)
    ad.check_gradients(lambda x: 3.0, X)


def test_arguments_are_left_alone() -> None:
    x = X.copy()
    ad.check_gradients(lambda x: ad.sin(x) * x, x)
    np.testing.assert_array_equal(x, X)
