"""The gradient checker is itself checked: it passes right rules, and finds an error of 0.1 %."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import FILES, table_of

import autodiff as ad
from autodiff import Node, Primitive, Tensor, Value, reverse
from autodiff.adjoint import Masked, Structured
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


# --- errors planted in the library's own rules ----------------------------------------------------


def scaled(contribution: Any, scale: Function) -> Any:
    """What a rule gives, changed."""
    if isinstance(contribution, Masked):
        return Masked(scale(contribution.values), contribution.mask)
    if contribution is None:
        return None
    return scale(contribution.dense() if isinstance(contribution, Structured) else contribution)


def value_off(error: float) -> Function:
    """Wrong by a factor."""
    return lambda x: x * (1 + error)


def slope_off(error: float) -> Function:
    """The right number with a wrong derivative."""
    return lambda x: x + (x - x.data) * error if isinstance(x, Node) else x


def plant(primitive: Primitive, rule: str, scale: Function, patch: pytest.MonkeyPatch) -> None:
    """Change what a rule of a primitive gives."""
    right = {"vjp": primitive.vjp, "jvp": primitive.jvp}
    patch.setattr(primitive, "scalar_pull", None)
    patch.setattr(primitive, "scalar_contributions", None)
    if rule == "vjp":
        patch.setattr(primitive, "vjp", lambda *a: scaled(right["vjp"](*a), scale))
    else:
        patch.setattr(primitive, "jvp", lambda *a: scaled(right["jvp"](*a), scale))


PLANTS = [(rule, change) for rule in ("vjp", "jvp") for change in (value_off, slope_off)]


def derivative(function: Function, arguments: tuple[Any, ...], rule: str, order: int) -> Any:
    """A derivative in which errors of a rule show."""
    positions = tuple(range(len(arguments)))
    ones = [np.ones_like(x) if np.ndim(x) else 1.0 for x in arguments]

    def total(*x: Any) -> Any:
        return ad.sum(function(*x))

    def first(*x: Any) -> Any:
        if rule == "jvp":
            return ad.jvp(total, x, ones)[1]
        return sum(ad.sum(g) for g in ad.grad(total, positions)(*x))

    if order == 1:
        return np.asarray(first(*arguments))
    return np.concatenate([np.ravel(g) for g in ad.grad(first, positions)(*arguments)])


def matters(function: Function, arguments: tuple[Any, ...], plant_in: Primitive, rule: str,
            change: Function) -> bool:  # fmt: skip
    """Whether a large error in a rule makes a large error in the derivatives of a function."""
    order = 1 if change is value_off else 2
    right = derivative(function, arguments, rule, order)
    with pytest.MonkeyPatch.context() as patch:
        plant(plant_in, rule, change(1.0), patch)
        wrong = derivative(function, arguments, rule, order)
    return bool(np.any(np.abs(wrong - right) > 0.1 * np.max(np.abs(right), initial=1e-3)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_error_of_a_thousandth_in_any_rule_is_found() -> None:
    """Planted into the reverse and the forward rule of every primitive; first and second order."""
    planted, overlooked = set[tuple[Any, ...]](), []
    tried = Counter[tuple[Any, ...]]()
    for *_, function, arguments in (row for path in FILES for row in table_of(path)):
        size = sum(map(np.size, arguments))
        if not 0 < size <= 12:
            continue

        def squared(*x: Any, f: Function = function) -> Any:
            y = f(*(a * (1 - 0.05 * a * a) for a in x))  # second derivatives pass every rule
            return y * y

        output = function(*(Tensor(x) if np.ndim(x) else Value(x) for x in arguments))
        nodes = reverse.schedule(output) if isinstance(output, Node) else []
        for primitive in {node.primitive for node in nodes} - {None}:
            assert primitive is not None
            for rule, change in PLANTS:
                case = (primitive, rule, change)
                if change is slope_off and size > 6:
                    continue  # takes long
                tried[case] += 1
                if case in planted or tried[case] > 4 or not matters(squared, arguments, *case):
                    continue
                planted.add(case)
                with pytest.MonkeyPatch.context() as patch:
                    plant(primitive, rule, change(1e-3), patch)
                    verdict = found(squared, arguments, 1 if change is value_off else 2)
                if verdict is not ad.GradientError:
                    overlooked.append((*case, verdict))
    assert not overlooked
    assert len(planted) > 100


def found(function: Function, arguments: tuple[Any, ...], order: int) -> type[Exception] | None:
    try:
        ad.check_gradients(function, *arguments, order=order)
    except ad.GradientError as error:
        return type(error)
    return None


# --- kinks ----------------------------------------------------------------------------------------

KINKS: dict[str, tuple[Function, tuple[Any, ...], str]] = {
    "relu": (
        ad.relu,
        (0.0,),
        "argument 0 = 0, where its slope is 0 to the left and 1 to the right",
    ),
    "steeper": (lambda x: ad.relu(3 * x) - x, (0.0,), "is -1 to the left and 2 to the right"),
    "second argument": (lambda x, y: x * ad.relu(y), (2.0, 0.0), "argument 1 = 0"),
    "element": (lambda x: ad.relu(x - 1) * x, (np.array([0.5, 1.0, 2.0]),), "argument 0[1] = 1"),
    "sqrt of a square": (lambda x: ad.sqrt(x * x), (0.0,), "-1 to the left and 1 to the right"),
    "of the gradient": (lambda x: ad.relu(x) ** 2, (0.0,), "the gradient has no derivative"),
    "abs": (ad.abs, (0.0,), "it jumps"),  # the choice of 0 is what central differences give
    "tie": (ad.maximum, (1.0, 1.0), "the gradient has no derivative"),
    "tie of elements": (ad.max, (np.array([1.0, 3.0, 3.0]),), "argument 0[1] = 3"),
    "jump": (ad.sign, (0.0,), "it jumps, or is infinitely steep"),
    "infinitely steep": (lambda x: ad.sign(x) * ad.abs(x) ** 0.3, (0.0,), "infinitely steep"),
    "edge": (ad.sqrt, (0.0,), "it is not finite just below"),
    "edge with a slope": (lambda x: ad.sqrt(x) * x, (0.0,), "it is not finite just below"),
    "other edge": (lambda x: ad.sqrt(1 - x), (1.0,), "it is not finite just above"),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_called_a_kink(name: str) -> None:
    function, arguments, why = KINKS[name]
    with pytest.raises(ad.KinkError, match="kink") as caught:
        ad.check_gradients(function, *arguments)
    assert why in str(caught.value)


SMOOTH: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "near a kink": (ad.relu, (1e-5,)),
    "elements near kinks": (ad.relu, (np.array([1e-3, -1e-4, 1.0]),)),
    "near a pole": (lambda x: 1 / x, (1e-5,)),
    "near an edge": (ad.log, (np.array([1e-8, 1e-3, 1.0, 1e8]),)),
    "kink of a high order": (lambda x: ad.abs(x) ** 3, (0.0,)),
    "large values": (lambda x: ad.sin(x) * 1e200, (0.3,)),
    "small values": (lambda x: ad.sin(x) * 1e-200, (0.3,)),
    "large arguments": (lambda x: x**2, (1e10,)),
    "fast": (lambda x: ad.sin(1e4 * x), (0.3,)),
    "steep": (lambda x: ad.exp(100 * x), (3.0,)),
    "upon something large": (lambda x: ad.sin(x) + 1e8, (0.3,)),
    "float32": (ad.exp, (np.ones(3, np.float32),)),
    "float16": (ad.exp, (np.ones(3, np.float16),)),
    "float32 within": (lambda x: ad.exp(ad.astype(x, np.float32)), (np.ones(3),)),
    "whole numbers": (ad.exp, (1,)),
    "nodes": (lambda x, y: x * y, (Value(2.0), Tensor([1.0, 2.0]))),
    "third order": (lambda x: ad.sin(x) * x, (0.3,)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_hard_to_measure_passes(name: str) -> None:
    function, arguments = SMOOTH[name]
    order = 3 if name == "third order" else 1 if name == "float32 within" else 2
    assert ad.check_gradients(function, *arguments, order=order)


@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "kink of a high order"])
def test_an_error_is_found_even_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, arguments = SMOOTH[name]
    bares = [getattr(x, "data", x) if isinstance(x, Node) else x for x in arguments]
    output = function(*(Tensor(x) if np.ndim(x) else Value(x) for x in bares))
    plant(output.primitive, "vjp", value_off(1e-3), monkeypatch)
    with pytest.raises(ad.GradientError) as caught:
        ad.check_gradients(function, *arguments, order=1)
    assert not isinstance(caught.value, ad.KinkError)


# --- what it says ---------------------------------------------------------------------------------


def test_the_worst_elements_are_listed() -> None:
    wrong = explicit(lambda x: x * x, lambda t, f, x: t * 2.0 * x * off(0.5) * off(0.1).T[0, 0])
    with pytest.raises(ad.GradientError) as caught:
        ad.check_gradients(wrong, X, order=1)
    first, count, head, *rows = str(caught.value).splitlines()
    assert "argument 0[1, 2]" in first
    assert "relative error 0.33" in first
    assert count == "1 of 6 elements are off:"
    assert head.split() == ["element", "at", "derivative", "differences", "error"]
    (row,) = rows
    assert row.split()[:4] == ["argument", "0[1,", "2]", "-1.3"]


def test_no_more_than_a_few_are_listed() -> None:
    with pytest.raises(ad.GradientError, match="100 of 100") as caught:
        ad.check_gradients(pointwise("sin(x)", "cos(x) * 1.5"), np.linspace(1.6, 4.6, 100))
    assert len(str(caught.value).splitlines()) == 8


def test_forward_mode_says_where_too() -> None:
    with pytest.raises(ad.GradientError, match=r"forward.*argument 0\[1, 2\].*0.5") as caught:
        ad.check_gradients(rules(1.0)["forward, one element"], X)
    assert "1 of 6 elements" in str(caught.value)


def test_the_second_order_is_named() -> None:
    with pytest.raises(ad.GradientError, match="second order, reverse of the gradient"):
        ad.check_gradients(rules(0.1)["second order only"], X)


def test_the_derivative_of_a_forward_rule_is_checked() -> None:
    slope = Slope(0.1)
    wrong = explicit(np.sin, lambda t, f, x: t * ad.cos(x), lambda dx, f, x: dx * slope(x))
    with pytest.raises(ad.GradientError, match="second order, reverse of the jvp"):
        ad.check_gradients(wrong, X)


def test_what_can_not_be_checked_is_said() -> None:
    with pytest.raises(ad.GradientError, match="not finite at the arguments"):
        ad.check_gradients(ad.log, -1.0)
    generator = np.random.default_rng(0)
    with pytest.raises(ad.GradientError, match="different results"):
        ad.check_gradients(lambda x: x * generator.normal(), 1.0)
    with pytest.raises(TypeError, match="int64"):
        ad.check_gradients(ad.exp, np.array([1, 2]))


def test_the_name_that_users_of_other_libraries_know() -> None:
    assert ad.gradcheck(lambda x, y: ad.sin(x * y), 0.3, np.ones(2))
    assert ad.gradcheck is ad.check_gradients
