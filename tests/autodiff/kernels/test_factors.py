"""Triangular factors that are kept for the derivative, and matrices large enough for LAPACK."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, linalg
from autodiff.arrays import Array
from autodiff.kernels import cholesky, factors, lapack
from autodiff.kernels.triangular import inverse_of_lower

RNG = np.random.default_rng(0)
N = 70


def regular(dtype: Any = float) -> Array:
    return (RNG.normal(size=(N, N)) + 20 * np.eye(N)).astype(dtype)


def definite() -> Array:
    a = regular()
    return a @ a.T + N * np.eye(N)


@pytest.fixture(params=["scipy", "numpy"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With SciPy, and as if it were not installed."""
    lapack.found.cache_clear()
    if request.param == "scipy":
        pytest.importorskip("scipy.linalg")
    else:
        monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    yield str(request.param)
    lapack.found.cache_clear()


RIGHT, WEIGHTS = RNG.normal(size=(N, 3)), RNG.normal(size=(N, N))
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Array]] = {
    "det": (lambda x: linalg.det(x / 20), regular()),
    "slogdet": (lambda x: linalg.slogdet(x)[1], regular()),
    "solve": (lambda x: ad.sum(linalg.solve(x, RIGHT) ** 2), regular()),
    "solve a vector": (lambda x: ad.sum(linalg.solve(x, RIGHT[:, 0]) ** 2), regular()),
    "solve for both": (lambda x: ad.sum(linalg.solve(x, x[:, :2] * x[:, 2:4])), regular()),
    "cholesky": (lambda x: ad.sum(linalg.cholesky((x + x.T) * 0.5) * WEIGHTS), definite()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_large_matrices(name: str, library: str) -> None:
    function, x = FUNCTIONS[name]
    direction = np.random.default_rng(1).normal(size=x.shape)
    along = ad.grad(lambda s: function(x + s * direction))
    h = 1e-5
    difference = (function(x + h * direction) - function(x - h * direction)) / (2 * h)
    gradient = ad.grad(function)(x)
    np.testing.assert_allclose(np.vdot(gradient, direction), difference, rtol=1e-6)
    np.testing.assert_allclose(ad.jvp(function, (x,), (direction,))[1], difference, rtol=1e-6)
    twice = (along(h) - along(-h)) / (2 * h)
    np.testing.assert_allclose(ad.grad(along)(0.0), twice, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_those_of_numpy(dtype: Any, library: str) -> None:
    x, b = regular(dtype), RIGHT.astype(dtype)
    pairs = [
        (linalg.det(x / 20), np.linalg.det(x / 20)),
        (linalg.det(-x[::-1] / 20), np.linalg.det(-x[::-1] / 20)),
        (np.stack(linalg.slogdet(-x)), np.stack(np.linalg.slogdet(-x))),
        (linalg.solve(x, b), np.linalg.solve(x, b)),
        (linalg.solve(x.T, b[:, 0]), np.linalg.solve(x.T, b[:, 0])),
    ]
    for ours, theirs in pairs:
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3 if dtype == np.float32 else 1e-11)
    assert type(linalg.det(x / 20)) is dtype
    gradient = ad.grad(lambda x: linalg.slogdet(x)[1])(x)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, np.linalg.inv(x).T, atol=1e-4)


def test_who_computes(library: str) -> None:
    assert (lapack.routine("getrf", regular()) is None) == (library == "numpy")
    assert lapack.routine("getrf", regular(np.float32)) is None


def test_a_large_singular_matrix(library: str) -> None:
    x = regular()
    x[3] = 0
    assert linalg.det(x) == 0
    assert linalg.slogdet(x) == (0, -np.inf)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        linalg.solve(x, RIGHT)
    with pytest.raises(ValueError, match=r"solve\(.*\(3, 2\)"):
        linalg.solve(regular(), np.ones((3, 2)))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        inverse_of_lower(np.tril(x * np.arange(N)))


def test_factors_are_kept_for_nodes_and_as_long_as_the_result() -> None:
    pytest.importorskip("scipy.linalg")
    x = Tensor(regular())
    before = len(factors._kept._findings)
    f = linalg.solve(x, RIGHT)
    assert factors.of(f._data) is not None
    assert factors.of(linalg.solve(regular(), RIGHT)) is None  # bare: there is no derivative
    del f
    gc.collect()
    assert len(factors._kept._findings) == before


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (65, 65), (150, 150), (2, 70, 70), (0, 0)])
def test_the_adjoint_of_a_cholesky_factor_is_that_of_the_closed_formula(
    shape: tuple[int, ...], library: str
) -> None:
    n = shape[-1]
    lower = np.tril(RNG.uniform(-0.5, 0.5, shape) / max(n, 1)) + np.eye(n)
    t = RNG.normal(size=shape)
    inverse = np.linalg.inv(lower)
    inner = np.tril(lower.swapaxes(-1, -2) @ t) * (1 - 0.5 * np.eye(n))
    expected = inverse.swapaxes(-1, -2) @ inner @ inverse
    expected = (expected + expected.swapaxes(-1, -2)) / 2
    kept = t.copy()
    np.testing.assert_allclose(cholesky.adjoint(t, lower), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(t, kept)
