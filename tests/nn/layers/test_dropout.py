"""Dropout: what is dropped, from which generator, and with which gradient."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
from nn import Dropout, Sequential


def layer(p: float = 0.3, seed: int = 1) -> Dropout:
    return Dropout(p, generator=np.random.default_rng(seed))


def test_the_share_and_the_mean() -> None:
    y = layer()(np.ones((200, 300)))
    assert set(np.unique(y)) == {0.0, 1 / 0.7}
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.006)  # three deviations


def test_the_seed_decides_and_the_dtype_does_not() -> None:
    x = np.ones((20, 30))
    first = layer()(x)
    assert np.array_equal(layer()(x), first)
    assert not np.array_equal(layer(seed=2)(x), first)
    single = layer()(x.astype(np.float32))
    assert single.dtype == np.float32
    assert np.array_equal(single != 0, first != 0)


def test_each_call_in_training_draws_anew_and_none_in_use() -> None:
    dropout = layer()
    x = np.ones(50)
    assert not np.array_equal(dropout(x), dropout(x))
    state = dropout.generator.bit_generator.state
    dropout.eval()
    assert dropout(x) is x
    assert dropout.generator.bit_generator.state == state


def test_the_generator_is_found_and_shared_ones_once() -> None:
    generator = np.random.default_rng(0)
    net = Sequential(Dropout(generator=generator), Dropout(generator=generator))
    assert list(net.named_generators()) == [("layers.0.generator", generator)]


def test_gradient() -> None:
    dropout = layer(0.5)
    state = dropout.generator.bit_generator.state

    def same_draw(x: ad.Tensor) -> ad.Tensor:
        dropout.generator.bit_generator.state = state
        return dropout(x)  # type: ignore[no-any-return]

    ad.check_gradients(same_draw, np.random.default_rng(2).normal(size=(3, 4)), order=2)


def test_a_dropped_element_has_no_adjoint_even_where_its_derivative_is_infinite() -> None:
    x = ad.Tensor(np.zeros(40))
    y = layer(0.5)(ad.sqrt(x) + 1.0)
    y.backward(np.ones(40))
    assert x.grad is not None
    assert np.array_equal(x.grad == 0, y.data == 0)
    assert (x.grad[y.data != 0] == np.inf).all()


def test_nothing_is_dropped_with_probability_0() -> None:
    x = np.ones(5)
    assert layer(0.0)(x) is x
