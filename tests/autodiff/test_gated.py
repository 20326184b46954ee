"""What relu sends back keeps its parts until it is known who needs it: the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.kernels import normalisation
from autodiff.ops import gated


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def channels_last(shape: tuple[int, ...], dtype: Any) -> Any:
    n, c, *spatial = shape
    x = rng().normal(size=(n, *spatial, c)).astype(dtype)
    return np.moveaxis(x, -1, 1)


def columns(x: Any, w: Any, b: Any) -> Any:
    return ad.relu(ad.standardise(x, (0, 2, 3), w, b))


def unlike_columns(x: Any, w: Any, b: Any) -> Any:
    """One number is nan, others are exactly at the kink."""
    x = ad.index_update(x, (0, 0, 0, 0), np.nan)
    return ad.relu(ad.standardise(x, (0, 2, 3), w, 0 * b))


def rows(x: Any, w: Any, b: Any) -> Any:
    return ad.relu(ad.standardise(x, (1, 2, 3), w, b))


def another(x: Any, w: Any, b: Any) -> Any:
    """The gate is of something else than what was standardised."""
    return ad.relu(2 * ad.standardise(x, (0, 2, 3), w, b) - 0.5)


def twice(x: Any, w: Any, b: Any) -> Any:
    y = ad.standardise(x, (0, 2, 3), w, b)
    return ad.relu(y) * y + ad.relu(y)


def of_a_leaf(x: Any, w: Any, b: Any) -> Any:
    return ad.relu(x) * w + b


def masked(x: Any, w: Any, b: Any) -> Any:
    y = ad.relu(ad.standardise(x, (0, 2, 3), w, b))
    return ad.where(np.isfinite(y.data), y, 0.0)


def convolved(x: Any, w: Any, b: Any) -> Any:
    kernel = rng().normal(size=(4, x.shape[1], 2, 2)).astype(x.dtype)
    return ad.relu(ad.conv(ad.relu(x * w + b), kernel))


FUNCTIONS: list[Callable[..., Any]] = [
    columns, unlike_columns, rows, another, twice, of_a_leaf, masked, convolved,
]  # fmt: skip


def gradients(function: Callable[..., Any], dtype: Any, keep: bool = False) -> list[Any]:
    x = channels_last((3, 5, 7, 6), dtype)
    w, b = (rng().normal(size=(5, 1, 1)).astype(dtype) for _ in range(2))
    leaves = [ad.Tensor(a) for a in (x, w, b)]
    y = function(*leaves)
    t = rng().normal(size=y.shape).astype(dtype)
    y.backward(t, keep_adjoints=keep)
    return [y.data, *(leaf.grad for leaf in leaves)]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_bits_are_those_of_an_array(
    function: Callable[..., Any], dtype: Any, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = gradients(function, dtype, keep)
    monkeypatch.setattr(gated, "_LARGE", 0)
    for mine, plain in zip(gradients(function, dtype, keep), expected, strict=True):
        np.testing.assert_array_equal(mine, plain)


@pytest.mark.parametrize("eps", [1e-5, np.float64(1e-5), np.float32(1e-5), 1])
def test_what_is_at_the_kink_is_found_again(eps: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = channels_last((40, 50), np.float32), rng().normal(size=50).astype(np.float32)
    nothing = np.zeros(50, np.float32)
    b = -ad.standardise(x, 0, w, nothing, eps=eps)[7]  # one number of each column becomes 0

    def gradient() -> Any:
        return ad.grad(lambda b: ad.sum(ad.relu(ad.standardise(x, 0, w, b, eps=eps))))(b)

    expected = gradient()
    monkeypatch.setattr(gated, "_LARGE", 0)
    np.testing.assert_array_equal(gradient(), expected)


def test_anomalies_are_looked_for_behind_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gated, "_LARGE", 0)
    x = np.array([-1.0, 2.0, 3.0])

    def f(x: Any) -> Any:
        return ad.sum(ad.where(x > -2, ad.relu(ad.sqrt(x + 1) - 1), 0.0))

    with ad.detect_anomaly():
        np.testing.assert_allclose(ad.grad(f)(x + 0.5), 0.5 / np.sqrt(x + 1.5) * (x > -0.5))
        with pytest.raises(FloatingPointError, match="sqrt"):
            ad.grad(lambda x: f(x - 0.0))(x)


def test_a_sum_is_made_where_the_array_was(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng().normal(size=(3, 4))
    t, other = rng().normal(size=(2, 3, 4))
    adjoint = gated.Gated(t, x)
    np.testing.assert_array_equal(adjoint.add(other), np.where(x > 0, t, 0) + other)
    again = gated.Gated(t, x)
    dense = again.dense()
    before = dense.copy()
    again.add(other)
    np.testing.assert_array_equal(dense, before)  # somebody may hold it
    assert again.add(1.0).shape == x.shape


def test_standardising_reads_what_arrived_at_relu(monkeypatch: pytest.MonkeyPatch) -> None:
    if normalisation._matrix(np.ones((2, 3), np.float32), 1.0, 0.0, (0,)) is None:
        pytest.skip("there are no compiled kernels")
    monkeypatch.setattr(gated, "_LARGE", 0)

    def unexpected(x: Any, t: Any) -> Any:
        raise AssertionError("the adjoint was worked out")

    monkeypatch.setattr(gated, "gate", unexpected)
    gradients(columns, np.float32)
    with pytest.raises(AssertionError, match="worked out"):
        gradients(another, np.float32)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_second_derivatives_are_those_of_an_array(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = channels_last((2, 2, 3, 2), float)
    w, b = np.array([[[0.7]], [[-1.2]]]), np.array([[[0.1]], [[0.4]]])

    def curvature() -> Any:
        direction = rng().normal(size=x.shape)
        return ad.hvp(lambda x: ad.sum(function(x, w, b) ** 2))(x, direction)

    expected = curvature()
    monkeypatch.setattr(gated, "_LARGE", 0)
    np.testing.assert_array_equal(curvature(), expected)
