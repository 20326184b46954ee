"""Graphs of any size are built, differentiated and freed: no recursion, no cycles, no repeats."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value, reverse
from autodiff.ops.rules import Explicit

Function = Callable[..., Any]


def test_diamonds_take_linear_time() -> None:
    """A walk along every path would take 2^60 steps."""
    x = y = Value(1.0)
    t = u = Tensor([1.0, 2.0])
    for _ in range(60):
        y, u = y + y, u + u
    y.backward()
    u.backward([1.0, 1.0])
    assert x.grad == 2.0**60
    np.testing.assert_array_equal(t.grad, [2.0**60] * 2)
    assert len(reverse.schedule(y)) == 61

    def product(x: Any) -> Any:
        for _ in range(5):
            x = x * x
        return x

    assert ad.grad(ad.grad(product))(1.0) == 32 * 31


def test_wide_sums() -> None:
    x = Value(2.0)
    sum(x * i for i in range(100_000)).backward()  # type: ignore[union-attr]
    assert x.grad == 100_000 * 99_999 / 2
    t = Tensor(np.ones(1000))
    sum(t[i] * i for i in range(1000)).backward()  # type: ignore[union-attr]
    np.testing.assert_array_equal(t.grad, np.arange(1000.0))


def test_a_wide_node_takes_n_log_n() -> None:
    """Many users of one node, and many operands of one: neither is looked at again and again."""
    x = Value(2.0)
    users = [x * i for i in range(20_000)]
    ad.stack(users).sum().backward()
    assert x.grad == 20_000 * 19_999 / 2


def test_a_vector_of_many_scalars() -> None:
    values = [Value(i) for i in range(10_000)]
    (ad.stack(values) ** 2).sum().backward()
    assert [value.grad for value in values] == [2.0 * i for i in range(10_000)]


# --- memory ---------------------------------------------------------------------------------------


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """What the block leaves behind is freed without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        yield
        assert gc.collect() == 0
    finally:
        gc.enable()


MILLION = 1_000_000


def million(x: Value) -> Value:
    """A chain that tends to 1, with a derivative of 2^-500000."""
    for _ in range(MILLION // 2):
        x = (x + 1.0) * 0.5
    return x


def test_a_chain_of_a_million_operations() -> None:
    with nothing_to_collect():
        x = Value(0.5)
        y = million(x)
        y.backward(keep_adjoints=False)
        assert y.data == 1.0
        assert x.grad == 0.0  # 2^-500000
        del y
        assert (x * 2).operands[0] is x


def test_a_chain_of_a_million_operations_is_copied_and_pickled() -> None:
    with nothing_to_collect():
        y = million(Value(0.5))
        twin = copy.deepcopy(y)
        del y
        twin = pickle.loads(pickle.dumps(twin))
        nodes = reverse.schedule(twin)
        assert len(nodes) == MILLION + 1
        assert twin.data == 1.0
        twin.backward(3.0)
        assert nodes[2].grad == 1.5
        del nodes, twin


def test_a_chain_of_a_million_operations_is_drawn_and_explained() -> None:
    y = million(Value(0.5))
    assert "nodes in" in ad.draw(y, limit=200).source
    explanation = ad.explain(y, limit=20)
    assert explanation.omitted == MILLION + 1 - 20
    assert len(str(explanation).splitlines()) < 100


def test_a_long_chain_of_scalars_to_the_second_order() -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = x * x * 0.5 + 0.5
        return x

    with nothing_to_collect():
        gradient = ad.grad(f)
        first, second = gradient(0.9), ad.grad(gradient)(0.9)
        step = 1e-4
        assert second == pytest.approx(
            (gradient(0.9 + step) - gradient(0.9 - step)) / (2 * step), rel=1e-3, abs=1e-9
        )
        assert 0 < first < 1e-3


def test_a_long_chain_of_arrays_to_the_second_order() -> None:
    def f(x: Any) -> Any:
        for _ in range(5_000):
            x = x * 0.5 + 1.0
        return ad.sum(x * x)

    with nothing_to_collect():
        assert ad.grad(lambda x: ad.sum(ad.grad(f)(x)))(np.ones(2)).tolist() == [0.0, 0.0]
        assert ad.jvp(f, (np.ones(2),), (np.ones(2),))[1] == pytest.approx(0.0, abs=1e-300)


def everything(x: Any, w: Any) -> Any:
    y = ad.max_pool(ad.conv(x[None, None], w[None, None], padding="same"), 2)
    z = ad.concatenate([y.reshape(-1), ad.where(x > 0, x, x * x)[0, [0, 0]]])
    return ad.logsumexp(z) + ad.sum(x @ w) + ad.max(x) * ad.mean(w)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda x, w: everything(Tensor(x), Tensor(w)), id="recorded"),
        pytest.param(lambda x, w: everything(Tensor(x), Tensor(w)).backward(), id="backward"),
        pytest.param(
            lambda x, w: everything(Tensor(x), Tensor(w)).backward(keep_adjoints=False), id="leaves"
        ),
        pytest.param(ad.grad(everything, (0, 1)), id="grad"),
        pytest.param(lambda x, w: ad.jvp(everything, (x, w), (x, w)), id="jvp"),
        pytest.param(
            ad.grad(lambda x, w: ad.sum(ad.grad(everything)(x, w) * w)), id="grad of grad"
        ),
        pytest.param(lambda x, w: ad.grad(ad.grad(ad.sin))(0.5), id="scalar grad of grad"),
        pytest.param(lambda x, w: ad.grad(ad.sin)(Value(0.5)).backward(), id="grad of nodes"),
    ],
)
def test_a_graph_is_freed_without_the_garbage_collector(use: Function) -> None:
    x, w = np.arange(16.0).reshape(4, 4), np.ones((4, 4))
    use(x, w)  # what is made once and kept (caches) is made now
    with nothing_to_collect():
        use(x, w)


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param(lambda x, breaks: breaks(x * x).backward(), id="backward"),
        pytest.param(lambda x, breaks: ad.grad(breaks)(1.0), id="grad"),
        pytest.param(lambda x, breaks: ad.grad(ad.grad(breaks))(1.0), id="grad of grad"),
        pytest.param(lambda x, _: (x * Tensor([1.0, 2.0])) @ Tensor([1.0]), id="operation"),
        pytest.param(lambda x, _: (x * Tensor([1.0, 2.0])).backward(), id="seed"),
        pytest.param(lambda x, _: np.histogram(x * Tensor([1.0])), id="no rule"),
    ],
)
def test_a_graph_is_freed_after_an_exception(fails: Function, breaks: Explicit) -> None:
    def attempt() -> None:
        try:
            fails(Value(2.0) * Value(3.0), breaks)
        except (ArithmeticError, ValueError, TypeError):
            return
        pytest.fail("nothing was raised")

    attempt()
    with nothing_to_collect():
        attempt()


def test_nodes_know_nothing_of_their_consumers() -> None:
    x = Value(2.0)
    before = gc.get_referrers(x)
    y: Node | None = x * x
    del y
    assert len(gc.get_referrers(x)) == len(before)
