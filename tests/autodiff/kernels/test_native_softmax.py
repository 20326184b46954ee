"""The compiled exponential, and softmax along rows, against NumPy's."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import config
from autodiff.kernels import softmax

numba = pytest.importorskip("numba")
DTYPES = [np.float32, np.float64]
SHAPES = [(1, 1), (1, 7), (5, 1), (3, 64), (70, 1000), (2, 3, 10), (2, 70_000), (5000, 3)]


@pytest.fixture(scope="module", autouse=True)
def native() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "backend", "native")
        patch.setattr(softmax, "_WORTH_IT", 1)
        yield


def powers(x: Any) -> Any:
    exponential = import_module("autodiff.kernels.native.exponential").exponential

    @numba.njit(error_model="numpy")
    def fill(x: Any, f: Any) -> None:
        for i in range(len(x)):
            f[i] = exponential(x[i], x.dtype.type(0))

    f = np.empty_like(x)
    fill(x, f)
    return f


@pytest.mark.parametrize(
    ("dtype", "least", "largest"), [(np.float32, -87, 88), (np.float64, -708, 709)]
)
def test_powers_have_all_digits(dtype: Any, least: float, largest: float) -> None:
    x = np.random.default_rng(0).uniform(least, largest, 100_000).astype(dtype)
    exact = np.exp(x.astype(np.longdouble))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(powers(x).astype(np.longdouble), exact, rtol=1.1 * eps)
    tiny = np.linspace(-1e-3, 1e-3, 1001).astype(dtype)
    np.testing.assert_allclose(powers(tiny), np.exp(tiny.astype(np.longdouble)), rtol=eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_at_the_ends_of_the_range(dtype: Any) -> None:
    limits = np.finfo(dtype)
    subnormal = np.log(limits.tiny) - 5
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, subnormal], dtype)
    with np.errstate(over="ignore"):
        expected = np.exp(x)
    np.testing.assert_allclose(powers(x), expected, rtol=1e-4)
    above = np.array([np.log(limits.max) * 1.001, 2 * np.log(limits.tiny)], dtype)
    np.testing.assert_array_equal(powers(above), [np.inf, 0.0])


def everything(x: Any, t: Any, labels: Any) -> list[Any]:
    axis = (x.ndim - 1,)
    seen = [
        softmax.softmax(x, axis), softmax.log_softmax(x, axis), softmax.log_sum_exp(x, axis, True)
    ]  # fmt: skip
    if x.ndim == 2:
        losses = softmax.cross_entropy(x, labels)
        seen += [losses]
        for known in (losses, losses.copy()):  # of a copy, nothing is remembered
            seen.append(softmax.cross_entropy_adjoint(t, known, x, labels))
    return seen


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_compiled_kernels_are_those_of_numpy(
    shape: tuple[int, ...], dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    x = (100 + 5 * generator.normal(size=shape)).astype(dtype)
    t = generator.normal(size=shape[0]).astype(dtype)
    labels = generator.integers(0, shape[-1], shape[0])
    before = x.copy()
    got = everything(x, t, labels)
    monkeypatch.setattr(config, "backend", "numpy")
    expected = everything(x.astype(np.longdouble), t, labels)
    rounding = 30 * np.finfo(dtype).eps
    for ours, wanted in zip(got, expected, strict=True):
        assert (ours.shape, ours.dtype) == (wanted.shape, dtype)
        np.testing.assert_allclose(ours, wanted.astype(float), rtol=rounding, atol=rounding)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    "row",
    [[np.nan, 1, 2], [-np.nan, 1, 2], [np.inf, 1, 2], [np.inf, np.nan, 2], [-np.inf, 1, 2],
     [-np.inf] * 3],
)  # fmt: skip
def test_what_is_not_finite_stays_in_its_row(
    row: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.array([[0.0, 1.0, 3.0], row, [5.0, 1.0, 3.0]])
    t, labels = np.ones(3), np.array([0, 1, 2])
    with np.errstate(all="ignore"):
        got = everything(x, t, labels)
        monkeypatch.setattr(config, "backend", "numpy")
        for ours, wanted in zip(got, everything(x, t, labels), strict=True):
            np.testing.assert_allclose(ours, wanted, rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_is_found_among_numbers_of_all_sizes_and_signs(dtype: Any) -> None:
    limits = np.finfo(dtype)
    sizes = np.array([0.0, limits.smallest_subnormal, limits.tiny, 1e-3, 1.0, 2.0, limits.max])
    numbers = np.concatenate([-sizes, sizes]).astype(dtype)
    pairs = np.stack(np.meshgrid(numbers, numbers), -1).reshape(-1, 2)
    rows = np.concatenate([pairs[:, :1], np.full((len(pairs), 70), -limits.max), pairs[:, 1:]], 1)
    largest, _ = softmax._sums_of_powers(rows.astype(dtype), (1,))
    np.testing.assert_array_equal(largest[:, 0], pairs.max(1))


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(131, 1000)).astype(np.float32)
    seen = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(config, "threads", threads)
        results = everything(x, x[:, 0], np.zeros(131, int))
        seen.append([array.tobytes() for array in results])
    assert all(one == seen[0] for one in seen)


def test_powers_are_computed_once_and_forgotten_with_the_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = ad.Tensor(np.random.default_rng(0).normal(size=(30, 200)))
    others = {*softmax._powers._findings}
    loss = ad.cross_entropy(x, np.arange(30)).sum()
    unused = ad.cross_entropy(x, np.arange(30))
    assert len({*softmax._powers._findings} - others) == 2
    expected = ad.softmax(x, -1).data - np.eye(30, 200)
    gradients = []
    for compute in (None, softmax.cross_entropy):
        monkeypatch.setattr(softmax, "cross_entropy", compute)
        x.grad = None
        loss.backward()
        gradients.append(x.grad)
    np.testing.assert_allclose(gradients[0], expected, rtol=1e-13, atol=1e-15)
    assert gradients[0].tobytes() == gradients[1].tobytes()
    del unused
    assert {*softmax._powers._findings} <= others


def test_derivatives_do_not_depend_on_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(30, 200))
    labels = np.arange(30)
    losses = [
        lambda x: ad.cross_entropy(x, labels).sum(), lambda x: (ad.softmax(x, -1) ** 2).sum(),
        lambda x: (ad.log_softmax(x, -1) ** 2).sum(), lambda x: (ad.logsumexp(x, -1) ** 2).sum(),
    ]  # fmt: skip

    def gradients() -> list[Any]:
        return [ad.grad(loss)(x) for loss in losses]

    compiled = gradients()
    monkeypatch.setattr(config, "backend", "numpy")
    for got, expected in zip(compiled, gradients(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("without", ["compiled kernels", "many numbers"])
def test_an_adjoint_by_numpy_computes_no_loss(
    without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if without == "compiled kernels":
        monkeypatch.setattr(config, "backend", "numpy")
    else:
        monkeypatch.setattr(softmax, "_WORTH_IT", 1000)
    x, labels, t = np.random.default_rng(0).normal(size=(30, 7)), np.arange(30) % 7, np.ones(30)
    losses = softmax.cross_entropy(x, labels)
    expected = softmax.softmax(x, (1,)) - np.eye(7)[labels]
    monkeypatch.setattr(softmax, "cross_entropy", None)
    np.testing.assert_allclose(softmax.cross_entropy_adjoint(t, losses, x, labels), expected)
