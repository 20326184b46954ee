"""Normalisation: running averages, and what they are no part of."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from nn import BatchNorm, LayerNorm


def batches() -> Any:
    return np.random.default_rng(3).normal(5.0, 2.0, (4, 6, 3, 2, 2))


def test_a_batch_comes_out_with_mean_0_and_variance_1_per_channel() -> None:
    y = BatchNorm(3, affine=False, dtype="float64")(batches()[0])
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-14)
    np.testing.assert_allclose(y.var((0, 2, 3)), 1, rtol=1e-4)


def test_running_averages_move_by_momentum_and_take_the_unbiased_variance() -> None:
    layer = BatchNorm(3, momentum=0.25, dtype="float64")
    mean, variance = np.zeros(3), np.ones(3)
    for x in batches():
        layer(x)
        mean = 0.75 * mean + 0.25 * x.mean((0, 2, 3))
        variance = 0.75 * variance + 0.25 * x.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-14)
    np.testing.assert_allclose(layer.running_var, variance, rtol=1e-14)
    x = batches()[0]
    y = (x - mean.reshape(3, 1, 1)) / np.sqrt(variance.reshape(3, 1, 1) + layer.eps)
    np.testing.assert_allclose(layer.predict(x), y, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-14)


def test_running_averages_are_buffers_and_stay_the_same_arrays() -> None:
    layer = BatchNorm(2)
    before = dict(layer.named_buffers())
    assert list(before) == ["running_mean", "running_var"]
    layer(np.ones((3, 2), np.float32))
    assert all(layer.state()[path].dtype == np.float32 for path in before)
    assert all(x is before[path] for path, x in layer.named_buffers())
    assert before["running_mean"].tolist() == [np.float32(0.1)] * 2


def test_a_graph_keeps_the_averages_that_it_was_recorded_with() -> None:
    layer = BatchNorm(1, dtype="float64").eval()
    x = ad.Tensor([[3.0], [5.0]])
    y = (layer(x) ** 2).sum()
    expected = 2 * x.data / (1 + layer.eps)
    layer.train()(x)
    y.backward()
    np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


def test_without_a_scale_nothing_is_learned() -> None:
    assert not BatchNorm(2, affine=False).parameters()
    assert not LayerNorm(2, affine=False).parameters()


def test_scales_are_told_from_weights() -> None:
    for layer in (BatchNorm(2), LayerNorm(2)):
        assert [p.role for p in layer.parameters()] == ["scale", "bias"]


def test_equal_elements_are_finite() -> None:
    layer = LayerNorm(3)
    x = ad.Tensor(np.full((2, 3), 7.0, np.float32))
    y = layer(x)
    assert not y.data.any()
    y.backward(np.ones((2, 3)))
    assert x.grad is not None
    assert not x.grad.any()


def test_large_means_do_not_take_the_digits() -> None:
    x = 1e4 + np.random.default_rng(1).normal(size=(64, 1)).astype(np.float32)
    y = BatchNorm(1)(x).data
    exact = x.astype(float)
    exact = (exact - exact.mean()) / np.sqrt(exact.var() + 1e-5)
    np.testing.assert_allclose(y, exact, atol=2e-3)
