"""What micrograd's Value does, ours does (github.com/karpathy/micrograd)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from autodiff import Value

try:
    from micrograd import engine, nn
except ImportError:
    engine = nn = None

needs_micrograd = pytest.mark.skipif(engine is None, reason="micrograd is not installed")
KINDS = [
    pytest.param(Value, id="autodiff"),
    pytest.param(getattr(engine, "Value", None), id="micrograd", marks=needs_micrograd),
]
both = pytest.mark.parametrize("Value", KINDS)


@both
def test_the_example_of_its_readme(Value: Callable[..., Any]) -> None:
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


@both
def test_every_operation(Value: Callable[..., Any]) -> None:
    """Number on the left, on the right, on both sides; the derivatives are worked out by hand."""
    for f, at, value, slope in (
        (lambda x: x + 2, 3.0, 5.0, 1.0), (lambda x: 2 + x, 3.0, 5.0, 1.0),
        (lambda x: x - 2, 3.0, 1.0, 1.0), (lambda x: 2 - x, 3.0, -1.0, -1.0),
        (lambda x: x * 2, 3.0, 6.0, 2.0), (lambda x: 2 * x, 3.0, 6.0, 2.0),
        (lambda x: x / 2, 3.0, 1.5, 0.5), (lambda x: 3 / x, 2.0, 1.5, -0.75),
        (lambda x: x**3, 2.0, 8.0, 12.0), (lambda x: x**-1, 2.0, 0.5, -0.25),
        (lambda x: x**0.5, 4.0, 2.0, 0.25), (lambda x: -x, 3.0, -3.0, -1.0),
        (lambda x: x.relu(), 3.0, 3.0, 1.0), (lambda x: x.relu(), -3.0, 0.0, 0.0),
        (lambda x: x.relu(), 0.0, 0.0, 0.0), (lambda x: x + x, 3.0, 6.0, 2.0),
        (lambda x: x * x, 3.0, 9.0, 6.0), (lambda x: x / x, 3.0, 1.0, 0.0),
        (lambda x: x - x, 3.0, 0.0, 0.0), (lambda x: sum([x, x * 2]), 3.0, 9.0, 3.0),
    ):  # fmt: skip
        x = Value(at)
        y = f(x)
        y.backward()
        assert (y.data, x.grad, y.grad) == (
            pytest.approx(value),
            pytest.approx(slope, abs=1e-12),
            1,
        )


@both
def test_training_by_hand(Value: Callable[..., Any]) -> None:
    """Assignment to data and grad, in place too, and gradients that add up until they are reset."""
    w, b = Value(0.0), Value(0)
    for _ in range(200):
        cost = sum((w * x + b - (2 * x + 1)) ** 2 for x in (-1.0, 0.0, 1.0, 2.0))
        for p in (w, b):
            p.grad = 0
        cost.backward()
        for p in (w, b):
            p.data -= 0.05 * p.grad
    assert (w.data, b.data) == (pytest.approx(2.0, abs=1e-6), pytest.approx(1.0, abs=1e-6))


@both
def test_leaves_add_up_what_several_graphs_bring(Value: Callable[..., Any]) -> None:
    x = Value(3.0)
    assert x.grad == 0
    (x * 2).backward()
    (x * x).backward()
    assert x.grad == 8.0
    x.grad += 1
    assert x.grad == 9.0


def expression(a: Any, b: Any, c: Any) -> Any:
    """Shared subexpressions, operators in place, every operation, as in its own test suite."""
    d = a * b + c**2 - 1.5
    e = (d * 2 + a).relu() + (c - d).relu() / 3
    d += e * b
    e -= d / 7 - 2 / (a * a + 1)
    return (d * e - c) ** 2 / 10 + 3 * e


@needs_micrograd
def test_random_points() -> None:
    generator = random.Random(0)
    for _ in range(200):
        point = [generator.uniform(-2, 2) for _ in range(3)]
        ours, theirs = [Value(x) for x in point], [engine.Value(x) for x in point]
        y, z = expression(*ours), expression(*theirs)
        y.backward()
        z.backward()
        assert y.data == pytest.approx(z.data, rel=1e-12)
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.grad == pytest.approx(other.grad, rel=1e-9, abs=1e-9)


@needs_micrograd
def test_its_networks_run_on_our_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def gradients() -> tuple[float, list[float]]:
        random.seed(1)
        net = nn.MLP(3, [8, 8, 1])
        cost = sum((net([x, -x, 0.5]) - y) ** 2 for x, y in ((0.1, 1.0), (0.7, -1.0), (-0.3, 0.5)))
        net.zero_grad()
        cost.backward()
        return cost.data, [p.grad for p in net.parameters()]

    expected_cost, expected = gradients()
    monkeypatch.setattr(nn, "Value", Value)
    cost, got = gradients()
    assert cost == pytest.approx(expected_cost, rel=1e-12)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)
