"""Initialisers: variances, bounds, fans, and the same bits from the same seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from nn import Conv1d, Conv2d, ConvTranspose2d, Dense, Embedding
from nn.initialisers import (
    Constant,
    Initialiser,
    Normal,
    Uniform,
    VarianceScaling,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    zeros,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


SHAPE = (300, 400)
# and the variance that they should have for fans of 40 and 60
RANDOM: dict[str, tuple[Initialiser, float]] = {
    "glorot uniform": (glorot_uniform, 2 / 100),
    "glorot normal": (glorot_normal, 2 / 100),
    "he uniform": (he_uniform, 2 / 40),
    "he normal": (he_normal, 2 / 40),
    "lecun uniform": (lecun_uniform, 1 / 40),
    "lecun normal": (lecun_normal, 1 / 40),
    "backward": (VarianceScaling(3, "out", "normal"), 3 / 60),
    "uniform": (Uniform(0.6), 0.12),
    "normal": (Normal(0.5), 0.25),
}


@pytest.mark.parametrize("name", RANDOM)
def test_variance_and_distribution(name: str) -> None:
    initialiser, variance = RANDOM[name]
    weights = initialiser(SHAPE, 40, 60, rng(), np.float64)
    assert weights.shape == SHAPE
    assert weights.mean() == pytest.approx(0, abs=4 * (variance / weights.size) ** 0.5)
    assert weights.var() == pytest.approx(variance, rel=0.02)
    fourth = np.mean(weights**4) / variance**2  # 9/5 of uniform, 3 of normal numbers
    assert fourth == pytest.approx(1.8 if "uniform" in name else 3, rel=0.03)
    if "uniform" in name:
        assert 0.999 * (3 * variance) ** 0.5 < np.abs(weights).max() <= (3 * variance) ** 0.5


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_decides(name: str) -> None:
    initialiser, _ = RANDOM[name]
    single, again = (initialiser((4, 5), 4, 5, rng(), np.float32) for _ in range(2))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, again)
    double = initialiser((4, 5), 4, 5, rng(), np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))
    other = initialiser((4, 5), 4, 5, np.random.default_rng(6), np.float32)
    assert not np.array_equal(single, other)


def test_the_default_draws_once_from_the_generator() -> None:
    bound = (3 / 75) ** 0.5
    expected = rng().uniform(-bound, bound, (2, 3, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(Conv2d(3, 2, 5, generator=rng()).weight.data, expected)


def test_constants_draw_nothing() -> None:
    generator = rng()
    layer = Dense(2, 3, initialiser=Constant(0.25), generator=generator)
    assert (layer.weight.data == 0.25).all()
    assert not zeros((2, 2), 1, 1).any()
    assert generator.bit_generator.state == rng().bit_generator.state


FANS: list[tuple[Callable[[Initialiser], Any], tuple[int, ...], int, int]] = [
    (lambda f: Dense(7, 9, initialiser=f, generator=rng()), (7, 9), 7, 9),
    (lambda f: Conv2d(4, 6, (3, 5), initialiser=f, generator=rng()), (6, 4, 3, 5), 60, 90),
    (lambda f: Conv2d(4, 6, 3, groups=2, initialiser=f, generator=rng()), (6, 2, 3, 3), 18, 27),
    (lambda f: Conv1d(4, 6, 3, initialiser=f, generator=rng()), (6, 4, 3), 12, 18),
    (
        lambda f: ConvTranspose2d(4, 6, 3, groups=2, initialiser=f, generator=rng()),
        (4, 3, 3, 3), 18, 27,
    ),
    (lambda f: Embedding(10, 3, initialiser=f, generator=rng()), (10, 3), 1, 3),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shape", "fan_in", "fan_out"), FANS)
def test_fans_of_layers(
    make: Callable[[Initialiser], Any], shape: tuple[int, ...], fan_in: int, fan_out: int
) -> None:
    asked: list[tuple[Any, ...]] = []

    def spy(shape: Sequence[int], *fans: int | np.random.Generator, **_: Any) -> Any:
        asked.append((shape, *fans[:2]))
        return np.ones(shape)

    layer = make(spy)  # type: ignore[arg-type]
    assert asked == [(shape, fan_in, fan_out)]
    assert layer.weight.dtype == np.float32


def test_activations_keep_their_size_through_many_layers() -> None:
    """What the variances are for: with ReLU, He's keep the mean square, and LeCun's halve it."""
    x = rng().normal(size=(500, 400))
    for initialiser, factor in [(he_normal, 1.0), (lecun_normal, 0.5)]:
        h, generator = x, rng()
        for _ in range(6):
            w = initialiser((400, 400), 400, 400, generator, np.float64)
            h = np.maximum(h, 0) @ w
        assert np.mean(h**2) == pytest.approx(factor**6, rel=0.3)


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: VarianceScaling(1, "both", "normal"), ValueError, "in, out, mean.*'both'"),  # type: ignore[arg-type]
    (lambda: VarianceScaling(1, "in", "flat"), ValueError, "uniform, normal.*'flat'"),  # type: ignore[arg-type]
    (lambda: VarianceScaling(0, "in", "normal"), ValueError, "factor > 0, got 0"),
    (lambda: he_normal((2,), 1, 1, 3), TypeError, "default_rng.*3"),  # type: ignore[arg-type]
    (
        lambda: Dense(2, 3, initialiser=lambda *_: np.ones(2), generator=rng()),
        ValueError, r"dense.weight.*\(2, 3\).*\(2,\)",
    ),
    (lambda: Dense(2, 3, dtype=int, generator=rng()), TypeError, "floating-point.*int64"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
