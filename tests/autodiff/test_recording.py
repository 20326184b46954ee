"""Recording is switched off per thread and per asynchronous task, and always on again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value, is_recording, no_grad, recording

Function = Callable[..., Any]

OPERATIONS: dict[str, Function] = {
    "generated": lambda v, x: v * v, "unary": lambda v, x: ad.sin(v),
    "constant": lambda v, x: 2 * v,
    "array": lambda v, x: x * x, "mixed": lambda v, x: v * x, "sum": lambda v, x: x.sum(),
    "view": lambda v, x: x.reshape(2, 1), "where": lambda v, x: ad.where(True, v, 1.0),
    "NumPy": lambda v, x: np.exp(x), "stack": lambda v, x: ad.stack([v, v]),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_kept_without_recording(name: str) -> None:
    v, x = Value(2.0), Tensor([1.0, 2.0])
    with no_grad():
        y = OPERATIONS[name](v, x)
    expected = OPERATIONS[name](v, x)
    assert y.is_leaf
    assert y.primitive is None
    assert type(y) is type(expected)
    np.testing.assert_array_equal(y.data, expected.data)
    assert not expected.is_leaf


def test_what_is_computed_without_recording_is_a_constant() -> None:
    x = Value(3.0)
    with no_grad():
        y = x * x
    z = x * y
    z.backward()
    assert (x.grad, y.grad) == (9.0, 3.0)


def test_switches_nest() -> None:
    assert is_recording()
    with no_grad():
        assert not is_recording()
        with recording(True):
            assert is_recording()
            with no_grad(), no_grad():
                assert not is_recording()
            assert is_recording()
        assert not is_recording()
    assert is_recording()


def test_one_switch_may_be_entered_again_and_within_itself() -> None:
    switch = no_grad()
    for _ in range(2):
        with switch, switch:
            assert not is_recording()
        assert is_recording()


def test_an_exception_switches_back() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert is_recording()
    assert not (Value(1.0) * 2).is_leaf


@no_grad()
def product(x: Any, y: Any = 2.0) -> Any:
    """A product."""
    return x * y


def test_decorator() -> None:
    assert product(Value(1.0), y=3.0).is_leaf
    assert (product.__name__, product.__doc__) == ("product", "A product.")
    assert is_recording()

    @no_grad()
    def fails() -> None:
        assert not is_recording()
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert is_recording()


def test_decorator_of_a_recursive_function() -> None:
    @no_grad()
    def power(x: Any, n: int) -> Any:
        return x if n == 1 else x * power(x, n - 1)

    y = power(Value(2.0), 5)
    assert (y.data, y.is_leaf) == (32.0, True)
    assert is_recording()


def test_decorator_of_an_asynchronous_function() -> None:
    states = []

    @no_grad()
    async def quiet() -> Any:
        await asyncio.sleep(0)
        states.append(is_recording())
        return Value(1.0) * 2

    async def loud() -> Any:
        for _ in range(3):
            states.append(not is_recording())
            await asyncio.sleep(0)
        return Value(1.0) * 2

    async def main() -> Any:
        return await asyncio.gather(loud(), quiet(), loud(), quiet())

    results = asyncio.run(main())
    assert [result.is_leaf for result in results] == [False, True, False, True]
    assert not any(states)
    assert is_recording()


def test_asynchronous_tasks_do_not_disturb_one_another() -> None:
    async def worker(on: bool) -> None:
        for _ in range(20):
            with recording(on):
                await asyncio.sleep(0)
                assert is_recording() == on
                assert (Value(1.0) * 2).is_leaf != on
                await asyncio.sleep(0)
                assert is_recording() == on
            await asyncio.sleep(0)
            assert is_recording()

    async def main() -> None:
        await asyncio.gather(*(worker(i % 2 == 0) for i in range(6)))

    asyncio.run(main())


def test_a_task_keeps_what_it_was_started_with() -> None:
    """Whatever others do meanwhile: the block it was started in ends, another one begins."""

    async def child(states: list[bool], ended: asyncio.Event) -> None:
        states.append(is_recording())
        await ended.wait()
        states.append(is_recording())
        with no_grad():
            pass
        states.append(is_recording())

    async def main() -> list[bool]:
        states: list[bool] = []
        ended = asyncio.Event()
        with no_grad():
            task = asyncio.create_task(child(states, ended))
            await asyncio.sleep(0)
        ended.set()
        await task
        return states

    assert asyncio.run(main()) == [False, False, False]


def test_threads_do_not_disturb_one_another() -> None:
    barrier = threading.Barrier(4)

    def worker(on: bool) -> None:
        for _ in range(200):
            barrier.wait()
            with recording(on):
                assert is_recording() == on
                assert (Value(1.0) * 2).is_leaf != on
            assert is_recording()
            assert not (Value(1.0) * 2).is_leaf

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(worker, i % 2 == 0) for i in range(4)]:
            done.result(timeout=60)


def test_one_switch_may_be_used_by_several_threads() -> None:
    switch = no_grad()
    barrier = threading.Barrier(2)

    def worker(_: int) -> None:
        for _ in range(50):
            barrier.wait(timeout=60)
            with switch:
                barrier.wait(timeout=60)
                assert not is_recording()
            assert is_recording()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(worker, range(2)))


def test_threads_differentiate_at_the_same_time() -> None:
    def worker(seed: int) -> None:
        x = Value(seed)
        for _ in range(50):
            y = ad.sin(x) * x
            y.backward()
        assert x.grad == pytest.approx(50 * (np.cos(seed) * seed + np.sin(seed)), rel=1e-12)
        assert type(ad.grad(lambda x: x * x)(3.0)) is float

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(1, 9)))


# --- transforms -----------------------------------------------------------------------------------


def square(x: Any) -> Any:
    return x * x


def test_gradients_within_no_grad() -> None:
    with no_grad():
        assert ad.grad(square)(3.0) == 6.0
        assert ad.grad(ad.grad(square))(3.0) == 2.0
        assert ad.value_and_grad(square)(3.0) == (9.0, 6.0)
        assert ad.jvp(square, (3.0,), (1.0,)) == (9.0, 6.0)
        assert not is_recording()
        ad.check_gradients(square, 3.0)


def test_gradients_of_a_graph_within_no_grad() -> None:
    x = Value(3.0)
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad == 6.0


def test_no_grad_within_a_function_makes_a_constant() -> None:
    def f(x: Any) -> Any:
        with no_grad():
            frozen = x * x
        return frozen * x

    assert ad.grad(f)(3.0) == 9.0
    assert ad.grad(ad.grad(f))(3.0) == 0.0


def test_the_arithmetic_of_a_backward_pass_is_not_recorded() -> None:
    x = Tensor([1.0, 2.0])
    ad.sum(x * x).backward()
    assert type(x.grad) is np.ndarray
    assert type(ad.grad(lambda x: ad.sum(x * x))(np.ones(2))) is np.ndarray


def test_a_generator_is_refused() -> None:
    """Its body runs after the call has returned: the switch would have no effect."""
    with pytest.raises(TypeError, match="generator"):

        @no_grad()
        def numbers() -> Any:
            yield 1.0


# --- many at once ---------------------------------------------------------------------------------


def workload(seed: int) -> tuple[Any, ...]:
    """Transforms, passes and switches, nested; what it returns depends on the seed alone."""
    x = 0.1 + seed / 10
    with ad.detect_anomaly():
        first = ad.grad(ad.sin)(x)
    with no_grad():
        second = ad.grad(ad.grad(lambda t: ad.exp(t) * t))(x)
        with recording(True):
            leaf = Value(x)
            (leaf * leaf).backward()
    moved = ad.jvp(lambda t: ad.sum(t * t), (np.full(3, x),), (np.ones(3),))[1]
    failed = 0
    try:
        ad.grad(lambda t: [][0])(x)
    except IndexError:
        failed = 1
    return first, second, leaf.grad, float(moved), failed, is_recording(), type(ad.sin(x))


def test_many_threads() -> None:
    expected = [workload(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert list(pool.map(workload, range(8))) == expected


def test_many_tasks() -> None:
    """Each task is interrupted within its blocks by all others."""

    async def task(seed: int) -> Any:
        x = Value(float(seed))
        for _ in range(5):
            with recording(seed % 2 == 0):
                await asyncio.sleep(0)
                y = x * x
                await asyncio.sleep(0)
                assert y.is_leaf == (seed % 2 == 1)
                with ad.detect_anomaly(forward=seed % 3 == 0):
                    await asyncio.sleep(0)
                    try:
                        ad.log(x * 0.0)
                    except ad.AnomalyError:
                        assert seed % 3 == 0
                    else:
                        assert seed % 3 != 0
            assert is_recording()
        return workload(seed)

    async def main() -> Any:
        return await asyncio.gather(*(task(seed) for seed in range(12)))

    assert asyncio.run(main()) == [workload(seed) for seed in range(12)]


def test_threads_share_a_leaf() -> None:
    """Each thread's gradient is its own; only additions to .grad need the caller's lock."""
    x = Value(2.0)
    lock = threading.Lock()

    def worker(n: int) -> None:
        for _ in range(100):
            assert ad.grad(lambda t: t * x * n)(3.0) == 2.0 * n
            y = x * n
            for _ in range(20):
                y = y * 1.0
            with lock:
                y.backward()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(1, 5)))
    assert x.grad == 100 * (1 + 2 + 3 + 4)
    assert getattr(x, "_t", None) is None


def test_an_interrupt_in_the_middle_leaves_nothing_behind() -> None:
    class Interrupt(BaseException):
        pass

    def interrupted(x: Any) -> Any:
        y = x * x
        raise Interrupt(y)

    for transform in (ad.grad, ad.value_and_grad, lambda f: lambda x: ad.jvp(f, (x,), (1.0,))):
        with pytest.raises(Interrupt):
            transform(interrupted)(2.0)
        assert is_recording()
        assert type(ad.grad(ad.sin)(1.0)) is float
        assert float(Value(1.0)) == 1.0  # no transform is running any more
