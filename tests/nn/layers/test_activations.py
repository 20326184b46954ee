"""Activations: exact and finite far from 0, and as documented at kinks."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import autodiff as ad
from nn import (
    ELU,
    GELU,
    SELU,
    LeakyReLU,
    LogSoftmax,
    Module,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)  # fmt: skip

FAR = [-1e30, -1e4, -800.0, -90.0, -20.0, 0.0, 20.0, 90.0, 800.0, 1e4, 1e30]

POINTWISE: dict[str, Module] = {
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "relu": ReLU(),
    "leaky relu": LeakyReLU(),
    "prelu": PReLU(dtype="float64"),
    "elu": ELU(2.0),
    "selu": SELU(),
    "gelu": GELU(),
    "gelu, tanh": GELU("tanh"),
    "silu": SiLU(),
    "softplus": Softplus(),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", POINTWISE)
def test_nothing_overflows_far_from_0(name: str, dtype: type) -> None:
    layer = POINTWISE[name]
    x = np.array(FAR, dtype)

    def slope(u: ad.Tensor) -> ad.Tensor:
        return ad.grad(lambda v: ad.sum(layer(v)))(u)  # type: ignore[no-any-return]

    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value = np.asarray(ad.graph.bare(layer(x)))
        first = np.asarray(slope(x))  # type: ignore[arg-type]
        second = np.asarray(ad.grad(lambda u: ad.sum(slope(u)))(x))
    assert np.isfinite(value).all()
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    assert first[[0, -1]] == pytest.approx(first[[1, -2]], rel=1e-6)  # the slopes of asymptotes
    assert second[[0, 1, 2, -3, -2, -1]].tolist() == [0] * 6


EXACT = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "elu": lambda x: x if x > 0 else 2 * mpmath.expm1(x),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu, tanh": lambda x: (
        x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)))
    ),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_left_tail_keeps_its_digits(name: str) -> None:
    x = np.array([-9.0, -3.1, -0.5, -1e-9, 1e-9, 0.7, 5.0, 12.0])
    with mpmath.workdps(60):
        value = [float(EXACT[name](mpmath.mpf(u))) for u in x.tolist()]
        slope = [float(mpmath.diff(EXACT[name], mpmath.mpf(u), h=mpmath.mpf(10) ** -20))
                 for u in x.tolist()]  # fmt: skip
    layer = POINTWISE[name]
    np.testing.assert_allclose(layer(x), value, rtol=2e-13)
    np.testing.assert_allclose(ad.grad(lambda u: ad.sum(layer(u)))(x), slope, rtol=2e-13)


AT_0 = [
    (ReLU(), 0.0),
    (LeakyReLU(0.2), 0.2),
    (PReLU(slope=0.5, dtype="float64"), 0.5),
    (ELU(3.0), 3.0),
    (SELU(), SELU.SCALE * SELU.ALPHA),
    (GELU(), 0.5),
    (SiLU(), 0.5),
]


@pytest.mark.parametrize(("layer", "slope"), AT_0)
def test_the_slope_at_0(layer: Module, slope: float) -> None:
    x = ad.Tensor([0.0])
    layer(x).backward([1.0])
    assert x.grad is not None
    assert x.grad[0] == pytest.approx(slope, rel=1e-15)


@pytest.mark.parametrize("name", ["relu", "leaky relu", "prelu", "elu", "selu", "softplus"])
def test_infinities_and_nan(name: str) -> None:
    x = ad.Tensor([np.inf, np.nan])
    y = POINTWISE[name](x)
    assert y.data[0] == np.inf
    assert np.isnan(y.data[1])
    y.backward(np.ones(2))
    assert x.grad is not None
    assert x.grad[0] == pytest.approx(SELU.SCALE if name == "selu" else 1)


@pytest.mark.parametrize("slope", [0.0, 0.01, 1.0, 1.5, -0.5])
@pytest.mark.parametrize(
    "x", [np.array([-2.0, -0.0, 3.0], np.float32), np.array([-2, 0, 3]), np.float64(-2)]
)
def test_leaky_relu_of_any_slope(slope: float, x: Any) -> None:
    y = LeakyReLU(slope)(x)
    assert y.dtype == (np.float32 if getattr(x, "dtype", None) == np.float32 else np.float64)
    np.testing.assert_array_equal(y, np.where(x > 0, x, y.dtype.type(slope) * x))
    node = LeakyReLU(slope)(ad.Tensor(np.asarray(x, float)))
    np.testing.assert_array_equal(node.data, np.where(x > 0, x, slope * np.asarray(x, float)))


def test_softmax_of_large_scores() -> None:
    scores = np.array([[1e4, 0.0], [-1e4, -1e4]])
    np.testing.assert_array_equal(Softmax()(scores), [[1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(LogSoftmax()(scores), [[0, -1e4], [-np.log(2), -np.log(2)]])


def test_selu_keeps_mean_0_and_variance_1_of_normal_numbers() -> None:
    """What its two factors are for; the integrals are Gauss-Legendre sums on either side of 0."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x = np.concatenate([6 * nodes - 6, 6 * nodes + 6])
    density = np.tile(6 * weights, 2) * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    y = np.asarray(SELU()(x))
    assert density.sum() == pytest.approx(1, abs=1e-14)
    assert (density * y).sum() == pytest.approx(0, abs=1e-14)
    assert (density * y**2).sum() == pytest.approx(1, abs=1e-14)
