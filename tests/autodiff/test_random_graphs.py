"""Random graphs of scalars against series of fifty digits, up to the third order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]


class Series:
    """A Taylor polynomial in one variable, with coefficients of fifty digits."""

    def __init__(self, coefficients: Sequence[Any]) -> None:
        self.c = list(coefficients)

    def __add__(self, other: Series) -> Series:
        return Series([a + b for a, b in zip(self.c, other.c, strict=True)])

    def __mul__(self, other: Series) -> Series:
        return Series([
            sum(self.c[i] * other.c[k - i] for i in range(k + 1)) for k in range(len(self.c))
        ])  # fmt: skip

    def of(self, function: Function) -> Series:
        """``function(self)``, by its own Taylor polynomial at the first coefficient."""
        outer = mpmath.taylor(function, self.c[0], len(self.c) - 1)
        inner = Series([mpmath.mpf(0), *self.c[1:]])
        result = Series([outer[-1], *[mpmath.mpf(0)] * (len(self.c) - 1)])
        for coefficient in reversed(outer[:-1]):
            result = result * inner
            result.c[0] += coefficient
        return result


# Each with no singularity in reach, in the library's functions and in series.
OPERATIONS: dict[str, tuple[Function, Function]] = {
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "sub": (lambda x, y: x - y, lambda x, y: x + y.of(lambda u: -u)),
    "mul": (lambda x, y: x * y, lambda x, y: x * y),
    "square": (lambda x, y: x * x, lambda x, y: x * x),
    "double": (lambda x, y: x + x, lambda x, y: x + x),
    "cube": (lambda x, y: x**3, lambda x, y: x.of(lambda u: u**3)),
    "div": (lambda x, y: x / (1 + y * y), lambda x, y: x * y.of(lambda u: 1 / (1 + u * u))),
    "rdiv": (
        lambda x, y: 1 / (2 + ad.sin(x)), lambda x, y: x.of(lambda u: 1 / (2 + mpmath.sin(u)))
    ),
    "pow": (
        lambda x, y: (2 + ad.cos(x)) ** ad.tanh(y),
        lambda x, y: (x.of(lambda u: mpmath.log(2 + mpmath.cos(u))) * y.of(mpmath.tanh)).of(
            mpmath.exp
        ),
    ),
    "neg": (lambda x, y: -x, lambda x, y: x.of(lambda u: -u)),
    "sin": (lambda x, y: ad.sin(x), lambda x, y: x.of(mpmath.sin)),
    "cos": (lambda x, y: ad.cos(x), lambda x, y: x.of(mpmath.cos)),
    "tan": (lambda x, y: ad.tan(ad.sin(x)), lambda x, y: x.of(lambda u: mpmath.tan(mpmath.sin(u)))),
    "tanh": (lambda x, y: ad.tanh(x), lambda x, y: x.of(mpmath.tanh)),
    "exp": (lambda x, y: ad.exp(-abs(x)), lambda x, y: x.of(lambda u: mpmath.exp(-abs(u)))),
    "log": (lambda x, y: ad.log(1 + x * x), lambda x, y: x.of(lambda u: mpmath.log(1 + u * u))),
    "sqrt": (lambda x, y: ad.sqrt(1 + x * x), lambda x, y: x.of(lambda u: mpmath.sqrt(1 + u * u))),
    "sigmoid": (lambda x, y: ad.sigmoid(x), lambda x, y: x.of(lambda u: 1 / (1 + mpmath.exp(-u)))),
    "relu": (lambda x, y: ad.relu(x), lambda x, y: x.of(lambda u: max(u, mpmath.mpf(0)))),
    "maximum": (lambda x, y: ad.maximum(x, y), lambda x, y: x if x.c[0] > y.c[0] else y),
    "where": (lambda x, y: ad.where(x > y, x, y), lambda x, y: x if x.c[0] > y.c[0] else y),
}  # fmt: skip
KINKS = {"exp", "relu", "maximum", "where"}
Program = list[tuple[str, int, int]]

steps = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99), st.integers(0, 99))
programs = st.lists(steps, min_size=1, max_size=18)
points = st.lists(
    st.floats(-2, 2).filter(lambda x: abs(x) > 0.01), min_size=3, max_size=3, unique=True
)


def run(program: Program, inputs: Sequence[Any], exact: bool) -> Any:
    """The last two results of a program, whose steps read any two results before them."""
    results = list(inputs)
    for name, i, j in program:
        x, y = results[i % len(results)], results[j % len(results)]
        if exact and name in KINKS:
            distance = x.c[0] - y.c[0] if name in ("maximum", "where") else x.c[0]
            assume(abs(distance) > 0.02)
        results.append(OPERATIONS[name][exact](x, y))
        if exact:
            assume(abs(results[-1].c[0]) < 50)
    return results[-1] + results[-2]


def exact_series(program: Program, point: list[float], direction: Sequence[float]) -> list[float]:
    """f(point), and its derivatives of order 1, 2, 3 along a direction."""
    with mpmath.workdps(50):
        line = [
            Series(map(mpmath.mpf, (x, d, 0, 0))) for x, d in zip(point, direction, strict=True)
        ]
        return [float(c) for c in run(program, line, exact=True).c]


def assert_close(got: float, expected: float) -> None:
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(program=programs, point=points)
def test_gradients_of_random_graphs(program: Program, point: list[float]) -> None:
    exact = [exact_series(program, point, np.eye(3)[i]) for i in range(3)]
    assume(max(abs(e[1]) for e in exact) < 1e4)
    inputs = [Value(x) for x in point]
    output = run(program, inputs, exact=False)
    output.backward()
    assert_close(output.data, exact[0][0])
    functional = ad.grad(lambda *x: run(program, x, exact=False), (0, 1, 2))(*point)
    for node, gradient, e in zip(inputs, functional, exact, strict=True):
        assert_close(node.grad, e[1])
        assert gradient == node.grad
    tensors = [Tensor([x, x]) for x in point]
    ad.sum(run(program, tensors, exact=False)).backward()
    for tensor, e in zip(tensors, exact, strict=True):
        assert_close(0.0 if tensor.grad is None else tensor.grad[1], e[1])


@settings(max_examples=100, deadline=None)
@given(program=programs, point=points, direction=points)
def test_higher_derivatives_of_random_graphs(
    program: Program, point: list[float], direction: list[float]
) -> None:
    exact = exact_series(program, point, direction)
    assume(max(map(abs, exact)) < 1e4)

    def f(s: Any) -> Any:
        line = [x + s * d for x, d in zip(point, direction, strict=True)]
        return run(program, line, exact=False)

    first, second = ad.grad(f), ad.grad(ad.grad(f))
    assert_close(first(0.0), exact[1])
    assert_close(second(0.0) / 2, exact[2])
    assert_close(ad.grad(second)(0.0) / 6, exact[3])
    assert_close(ad.jvp(f, (0.0,), (1.0,))[1], exact[1])
    assert_close(ad.jvp(second, (0.0,), (1.0,))[1] / 6, exact[3])
