"""Transforms over transforms, in any combination: each derivative is with respect to its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]

# Ways to the derivative of a function of one scalar.
DERIVATIVES: dict[str, Callable[[Function], Function]] = {
    "grad": ad.grad,
    "value_and_grad": lambda f: lambda x: ad.value_and_grad(f)(x)[1],
    "elementwise": ad.elementwise_grad,
    "jvp": lambda f: lambda x: ad.jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: ad.vjp(f, x)[1](1.0)[0],
    "linearize": lambda f: lambda x: ad.linearize(f, x)[1](1.0),
    "reverse jacobian": lambda f: ad.jacobian(f, mode="reverse"),
    "forward jacobian": lambda f: ad.jacobian(f, mode="forward"),
    "container": lambda f: lambda x: ad.grad(lambda p: f(p["x"][0]))({"x": [x]})["x"][0],
    "checkpoint": lambda f: ad.grad(ad.checkpoint(f)),
    "checkpoint forward": lambda f: lambda x: ad.jvp(ad.checkpoint(f), (x,), (1.0,))[1],
    "hvp": lambda f: lambda x: ad.hvp(lambda y: _antiderivative(f, y))(x, 1.0),
    "hessian": lambda f: ad.hessian(lambda y: _antiderivative(f, y)),
}


def _antiderivative(f: Function, y: Any) -> Any:
    """A function whose second derivative is f': its derivative is ``f`` by a rule of its own."""
    return ad.custom_rule(vjp=lambda t, _, y: t * f(y))(lambda y: 0.0 * y)(y)


def curve(x: Any) -> Any:
    return ad.sin(x) * ad.exp(x / 2) + x**3


def expected(x: float, order: int) -> float:
    with mpmath.workdps(40):
        f = lambda x: mpmath.sin(x) * mpmath.exp(x / 2) + x**3  # noqa: E731
        return float(mpmath.diff(f, x, order))


@pytest.mark.parametrize(("outer", "inner"), list(product(DERIVATIVES, repeat=2)))
def test_two_levels(outer: str, inner: str) -> None:
    second = DERIVATIVES[outer](DERIVATIVES[inner](curve))
    got = second(0.7)
    assert type(got) is float
    assert got == pytest.approx(expected(0.7, 2), rel=1e-12)


THREE = ["grad", "jvp", "vjp", "linearize", "forward jacobian", "checkpoint", "checkpoint forward"]


@pytest.mark.parametrize("names", list(product(THREE, repeat=3)), ids=" of ".join)
def test_three_levels(names: tuple[str, ...]) -> None:
    f: Function = curve
    for name in reversed(names):
        f = DERIVATIVES[name](f)
    assert f(0.7) == pytest.approx(expected(0.7, 3), rel=1e-12)


@pytest.mark.parametrize(("outer", "inner"), list(product(DERIVATIVES, repeat=2)))
def test_no_perturbation_confusion(outer: str, inner: str) -> None:
    d, e = DERIVATIVES[outer], DERIVATIVES[inner]
    assert d(lambda x: x * e(lambda y: x + y)(1.0))(1.0) == pytest.approx(1.0)
    assert d(lambda x: x * e(lambda y: x * y)(x))(3.0) == pytest.approx(6.0)
    assert d(lambda x: x * e(lambda y: x * y)(2.0))(3.0) == pytest.approx(6.0)
    assert d(lambda x: e(lambda y: x * y * y)(x) * x)(3.0) == pytest.approx(54.0)
    assert d(lambda x: e(lambda x: x**3)(x) + x)(2.0) == pytest.approx(13.0)
    # d/dx (x · d/dy (y · d/dz (x y z) at z = y) at y = x) = d/dx (x · 2x·x) = 6x²
    deepest = d(lambda x: x * e(lambda y: y * d(lambda z: x * y * z)(y))(x))
    assert deepest(2.0) == pytest.approx(24.0)


@pytest.mark.parametrize("inner", DERIVATIVES)
def test_what_a_function_closes_over(inner: str) -> None:
    """Of a function on nodes the derivative is a node, through closures and arguments alike."""
    d = DERIVATIVES[inner]
    outer, x = Value(5.0), Value(3.0)
    slope = d(lambda y: outer * y**2)(x)
    slope.backward()
    assert (outer.grad, x.grad) == pytest.approx((6.0, 10.0))


@pytest.mark.parametrize("inner", DERIVATIVES)
def test_without_recording_a_derivative_is_a_constant(inner: str) -> None:
    d = DERIVATIVES[inner]

    def f(x: Any) -> Any:
        with ad.no_grad():
            slope = d(lambda y: y**3)(x)
        return x * slope

    assert ad.grad(f)(2.0) == 12.0
    with ad.no_grad():
        assert d(lambda y: y**3)(2.0) == pytest.approx(12.0)
        slope = d(lambda y: y**3)(Value(2.0))
    assert isinstance(slope, Value)
    assert slope.is_leaf


@pytest.mark.parametrize("name", DERIVATIVES)
def test_an_exception_leaves_nothing_behind(name: str) -> None:
    def fails(x: Any) -> Any:
        ad.sin(x)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        DERIVATIVES[name](fails)(1.0)
    with pytest.raises(KeyError, match="mine"):
        ad.grad(lambda x: DERIVATIVES[name](fails)(x))(1.0)
    assert ad.is_recording()
    assert float(Value(2.0)) == 2.0  # no transform is running
    assert type(ad.grad(ad.sin)(0.0)) is float


def test_threads_at_the_same_time() -> None:
    barrier = threading.Barrier(4)
    layer = ad.checkpoint(lambda x: ad.sin(x) * x)
    shared = ad.linearize(layer, 0.5)[1]

    def worker(seed: int) -> None:
        barrier.wait(timeout=60)
        for k in range(30):
            x = 0.1 * seed + 0.01 * k
            for name in ("grad", "jvp", "forward jacobian", "checkpoint", "hvp"):
                got = DERIVATIVES["grad"](DERIVATIVES[name](curve))(x)
                assert got == pytest.approx(expected_second(x), rel=1e-12)
            assert shared(2.0) == pytest.approx(2 * (np.cos(0.5) * 0.5 + np.sin(0.5)), rel=1e-14)

    def expected_second(x: float) -> float:
        e = np.exp(x / 2)
        return float(e * (np.cos(x) - 0.75 * np.sin(x)) + 6 * x)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(worker, seed) for seed in range(4)]:
            done.result(timeout=120)


def test_one_pullback_used_by_several_threads() -> None:
    w = Tensor(np.arange(1.0, 4.0))
    inner = ad.checkpoint(lambda x: (ad.sin(x) * w, x * x))
    _, pull = ad.vjp(inner, np.ones(3))
    barrier = threading.Barrier(4)

    def worker(scale: float) -> None:
        barrier.wait(timeout=60)
        for _ in range(50):
            (got,) = pull((np.full(3, scale), np.ones(3)))
            np.testing.assert_allclose(got, scale * np.cos(1.0) * np.arange(1.0, 4.0) + 2.0)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(worker, float(k)) for k in range(4)]:
            done.result(timeout=60)


def test_asynchronous_tasks_at_the_same_time() -> None:
    """A task that is suspended within a function being differentiated disturbs no other."""

    async def worker(x: float) -> None:
        for _ in range(5):
            _, pull = ad.vjp(curve, x)
            await asyncio.sleep(0)
            assert float(Value(1.0)) == 1.0
            (slope,) = pull(1.0)
            assert slope == pytest.approx(expected(x, 1), rel=1e-12)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(worker(0.1 * k) for k in range(5)))

    asyncio.run(main())
