"""Computations that are repeated: what they give, and what they refuse."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, config
from autodiff.graph import bare
from autodiff.kernels.replay import UnrepeatableError, recorder
from autodiff.recording import watch_here
from autodiff.transform.repeat import Gradients, Leaves, Repeated

pytest.importorskip("numba")

pytestmark = pytest.mark.usefixtures("compiled_kernels")


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


# --- computations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "compute",
    [
        lambda x, y: [ad.relu(x)],
        lambda x, y: [ad.sigmoid(x), ad.softplus(ad.relu(y))],
        lambda x, y: [ad.matmul(x, ad.transpose(y, (1, 0)))],
        lambda x, y: [x, ad.relu(y)],
        lambda x, y: [],
    ],
)
def test_results_are_those_of_the_numbers_given(compute: Callable[..., Any]) -> None:
    repeated = Repeated(compute, (normal(3, 4), normal(3, 4, seed=1)))
    for seed in range(4):
        x, y = normal(3, 4, seed=seed), normal(3, 4, seed=seed + 10)
        results = repeated(x, y)
        assert results is repeated.results
        for got, expected in zip(results, compute(x, y), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_the_numbers_that_are_given_are_copied() -> None:
    x = normal(3, 4)
    repeated = Repeated(lambda x: [x], (x,))
    x[...] = 0
    np.testing.assert_array_equal(repeated.results[0], normal(3, 4))
    repeated(x)
    assert x.flags.writeable
    assert not repeated.results[0].flags.writeable


def test_state_is_read_where_it_is() -> None:
    w = normal(4, 2)
    repeated = Repeated(lambda x: [ad.matmul(x, w)], (normal(3, 4),), state=[w])
    w *= 3
    np.testing.assert_allclose(repeated(normal(3, 4))[0], normal(3, 4) @ w)
    assert repeated.jobs == 1


@pytest.mark.parametrize(
    ("compute", "obstacle"),
    [
        (lambda x: [np.exp(x)], r"an array of shape \(3, 4\) that no compiled kernel made"),
        (lambda x: [ad.relu(np.abs(x))], r"shape \(12,\) and dtype float64 that no compiled"),
        (lambda x: [bare(ad.tanh(Tensor(x)))], "'tanh' may do something else with other numbers"),
        (lambda x: [np.ones(3)], "that no compiled kernel made"),
        (lambda x: Repeated(lambda: [], ()).results, "a recording within another one"),
    ],
)
def test_what_is_no_mere_repetition_is_refused(compute: Any, obstacle: str) -> None:
    with pytest.raises(UnrepeatableError, match=obstacle):
        Repeated(compute, (normal(3, 4),))
    assert recorder() is None
    assert watch_here() is None


def test_without_compiled_kernels_nothing_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "backend", "numpy")
    with pytest.raises(UnrepeatableError, match=r"config.backend is 'numpy'"):
        Repeated(lambda x: [ad.relu(x)], (normal(3),))


@pytest.mark.parametrize("labels", [[0, 4], [-1, 0]])
def test_labels_out_of_range_are_refused_before_anything_is_computed(labels: list[int]) -> None:
    repeated = Repeated(lambda x, y: [ad.cross_entropy(x, y)], (normal(2, 4), np.array([0, 3])))
    before = repeated.results[0].copy()
    with pytest.raises(UnrepeatableError, match=r"not all in range\(4\)"):
        repeated(normal(2, 4, seed=1), np.array(labels))
    np.testing.assert_array_equal(repeated.results[0], before)
    expected = ad.cross_entropy(normal(2, 4, seed=1), [3, 1])
    np.testing.assert_allclose(repeated(normal(2, 4, seed=1), np.array([3, 1]))[0], expected)


# --- leaves and gradients -------------------------------------------------------------------------


def test_leaves_know_whether_their_elements_have_moved() -> None:
    x = Tensor(normal(3))
    leaves = Leaves([x])
    x.assign(normal(3, seed=1))
    assert leaves.hold()  # nobody else held them
    data = x.data
    x.assign(normal(3, seed=2))
    assert not leaves.hold()
    np.testing.assert_array_equal(data, normal(3, seed=1))
    assert Leaves([x]).data()[0] is x._data


LABELS = np.array([0, 1, 0])


def cost(x: Any, labels: Any, w: Tensor) -> tuple[Any, Any]:
    y = ad.relu(ad.matmul(x, w))
    return ad.mean(ad.cross_entropy(y, labels)), bare(y)


def test_gradients_are_those_of_the_numbers_given() -> None:
    w = Tensor(normal(4, 2))
    gradients = Gradients(lambda x, y: cost(x, y, w), (normal(3, 4), LABELS), [w])
    for seed in range(4):
        x = normal(3, 4, seed=seed)
        twin = Tensor(w.data)
        expected, outputs = cost(x, LABELS, twin)
        expected.backward()
        gradients(x, LABELS)
        np.testing.assert_allclose(gradients.value, expected.data, rtol=1e-13)
        np.testing.assert_allclose(gradients.more, outputs, rtol=1e-13)
        np.testing.assert_allclose(w.grad, twin.grad, rtol=1e-12)
        assert w.grad is not None
        assert w.grad.flags.writeable
        w.assign(0.9 * w.data)
    assert gradients.reached == [w]


def test_gradients_that_are_held_are_noticed() -> None:
    w = Tensor(normal(4, 2))
    gradients = Gradients(lambda x, y: cost(x, y, w), (normal(3, 4), LABELS), [w])
    w.grad = None
    assert not gradients.are_held()
    gradients(normal(3, 4), LABELS)
    part = w.grad[:1]
    w.grad = None
    assert gradients.are_held()
    del part
    assert not gradients.are_held()


@pytest.mark.parametrize(
    ("function", "obstacle"),
    [
        (lambda x, w: (ad.sum(w * x), x), "'mul' may do something else"),
        (lambda x, w: (ad.sum(ad.matmul(x, w)), np.exp(x)), "no compiled kernel made"),
        (lambda x, w: (ad.sum(ad.relu(ad.matmul(w, ad.relu(w)))), x), "read-only|no compiled"),
    ],
)
def test_gradients_that_can_not_be_repeated(function: Any, obstacle: str) -> None:
    w = Tensor(normal(4, 4))
    with pytest.raises((UnrepeatableError, ValueError), match=obstacle):
        Gradients(lambda x: function(x, w), (normal(4, 4),), [w])
    assert w.grad is None


def test_a_leaf_that_is_not_named_is_refused() -> None:
    w = Tensor(normal(4, 2))
    with pytest.raises(UnrepeatableError, match="no compiled kernel made"):
        Gradients(lambda x, y: cost(x, y, w), (normal(3, 4), LABELS), [])


def test_all_is_freed() -> None:
    gc.disable()
    try:
        w = Tensor(normal(4, 2))
        gradients = Gradients(lambda x, y: cost(x, y, w), (normal(3, 4), LABELS), [w])
        gradients(normal(3, 4), LABELS)
        memory = weakref.ref(gradients.value)
        w.grad = None
        del gradients
        assert memory() is None
    finally:
        gc.enable()
