"""Scopes: which nodes are marked, and that nothing else changes."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
from collections.abc import Callable

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value, reverse
from autodiff.graph import next_number
from autodiff.scopes import mark_call, marks_of
from autodiff.view.framing import chains


def around(output: Node) -> dict[str, tuple[str, ...]]:
    """The names of the scopes around labelled nodes."""
    nodes = reverse.schedule(output)[::-1]
    found = chains(nodes)
    return {
        node.label: tuple(mark.name for mark in found.get(node, ()))
        for node in nodes
        if node.label is not None
    }


class Layer:
    """It remembers its output, as layers of users do."""

    def __call__(self, x: Node) -> Node:
        start = next_number()
        self.output = ad.tanh(x)
        mark_call(self, start, self.output)
        return self.output


def labelled(node: Node, label: str) -> Node:
    node.label = label
    return node


def test_scopes_nest() -> None:
    x = Value(2.0, label="x")
    a = labelled(x * x, "a")
    with ad.scope("outer"):
        b = labelled(ad.sin(a), "b")
        with ad.scope("inner"):
            c = labelled(b + 1.0, "c")
        d = labelled(c * b, "d")
    e = labelled(d + a, "e")
    assert around(e) == {
        "x": (), "a": (), "b": ("outer",), "c": ("outer", "inner"), "d": ("outer",), "e": (),
    }  # fmt: skip


def test_a_leaf_belongs_to_the_scope_in_which_it_was_made() -> None:
    x = Value(2.0, label="x")
    with ad.scope("layer"):
        w = Value(3.0, label="w")
        with ad.scope("sum"):
            y = w * x + Value(1.0, label="b")
    assert around(y) == {"x": (), "w": ("layer",), "b": ("layer", "sum")}


@pytest.mark.parametrize("make", [lambda: Value(2.0), lambda: Tensor([2.0, 3.0])])
def test_derivatives_are_the_same(make: Callable[[], Node]) -> None:
    x, y = make(), make()
    with ad.scope("here"):
        f = ad.sum(ad.exp(x) * 2.0 + ad.sqrt(x) / x**2)
    g = ad.sum(ad.exp(y) * 2.0 + ad.sqrt(y) / y**2)
    f.backward()
    g.backward()
    assert np.array_equal(x.grad, y.grad)
    assert f.data == g.data


def test_a_scope_ends_with_an_exception() -> None:
    x = Value(1.0)
    with pytest.raises(RuntimeError), ad.scope("broken"):
        raise RuntimeError
    assert marks_of(x + 1.0) == []


def test_as_a_decorator_each_call_is_a_scope() -> None:
    @ad.scope("unit")
    def unit(x: Node) -> Node:
        return ad.tanh(x * 2.0)

    y = unit(unit(Value(1.0)))
    starts = {mark.start for node in reverse.schedule(y) for mark in marks_of(node)}
    assert len(starts) == 2


def test_scopes_of_threads_keep_apart() -> None:
    x = Value(1.0)
    outputs: dict[str, Node] = {}
    barrier = threading.Barrier(2)

    def work(name: str) -> None:
        with ad.scope(name):
            y: Node = x
            for i in range(200):
                if i % 20 == 0:
                    barrier.wait(10)
                y = labelled(ad.sin(y), f"{i}")
        outputs[name] = y

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, y in outputs.items():
        assert set(around(y).values()) == {(name,)}


def test_scopes_of_tasks_keep_apart() -> None:
    async def work(name: str) -> Node:
        with ad.scope(name):
            y: Node = Value(1.0, label="x")
            for i in range(5):
                await asyncio.sleep(0)
                y = labelled(ad.sin(y), f"{i}")
        return y

    async def both() -> list[Node]:
        return list(await asyncio.gather(work("one"), work("two")))

    for name, y in zip(("one", "two"), asyncio.run(both()), strict=True):
        assert set(around(y).values()) == {(name,)}


def test_other_states_keep_the_scope() -> None:
    x = Value(4.0)
    with ad.scope("outside"):
        with ad.detect_anomaly():
            watched = ad.sqrt(x)
        with ad.no_grad():
            left_out = ad.sqrt(x)
            with ad.recording(True):
                recorded = ad.sqrt(x)
    assert [mark.name for mark in marks_of(watched)] == ["outside"]
    assert [mark.name for mark in marks_of(recorded)] == ["outside"]
    assert left_out.is_leaf
    with ad.no_grad(), ad.scope("inside"):
        assert (x * 2.0).is_leaf
        assert marks_of(x * 2.0) == []


def test_copies_have_no_scopes() -> None:
    with ad.scope("here"):
        y = Value(1.0) * Tensor([1.0, 2.0])
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y)), copy.copy(y)):
        assert marks_of(twin) == []


def test_a_graph_with_scopes_is_freed_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        layer = Layer()
        with ad.scope("here"):
            y = layer(Tensor(np.ones(3)))
        del y, layer
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_call_marks_what_it_gave() -> None:
    x = Value(1.0, label="x")
    start = next_number()
    a, b = labelled(ad.sin(x), "a"), labelled(ad.cos(x), "b")
    mark_call(Layer(), start, (x, [a], {"b": b}, 3))
    y = labelled(a + b, "y")
    assert around(y) == {"x": (), "a": ("Layer",), "b": ("Layer",), "y": ()}
    assert marks_of(a)[0].subject is None  # nobody holds it


def test_a_name_is_a_text() -> None:
    with pytest.raises(TypeError, match="the name is a text, got int 3"):
        ad.scope(3)  # type: ignore[arg-type]
