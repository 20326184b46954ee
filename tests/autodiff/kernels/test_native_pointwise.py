"""Compiled functions of elements against NumPy's, which define them, and against mpmath."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import autodiff as ad
from autodiff import config
from autodiff.kernels import dispatch, pointwise, special

pytest.importorskip("numba")
DTYPES = [np.float32, np.float64]
SPECIAL = [nan, inf, -inf, 0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30, 40.0, -40.0, 88.0, -95.0, -104.0]


@pytest.fixture(scope="module", autouse=True)
def native() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "backend", "native")
        patch.setattr(dispatch, "WORTH_IT", 1)
        yield


def ndtr(x: Any) -> Any:
    return ad.special.ndtr(x)


# name, function, the same with many digits, and how many units in the last place it may be off
MATHS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any], float]] = [
    ("relu", pointwise.relu, lambda x: max(x, 0), 0),
    ("sign", pointwise.sign, lambda x: mp.sign(x), 0),
    ("sigmoid", pointwise.sigmoid, lambda x: 1 / (1 + mp.exp(-x)), 2),
    ("sigmoid_slope", pointwise.sigmoid_slope, lambda x: mp.sech(x / 2) ** 2 / 4, 4),
    ("softplus", pointwise.softplus, lambda x: mp.log1p(mp.exp(x)), 3),
    ("bell", special.bell, lambda x: mp.exp(-x * x / 2), 2),
    ("ndtr", ndtr, mp.ncdf, 4),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "function", "exact", "ulp"), MATHS, ids=[m[0] for m in MATHS])
def test_all_digits_are_right(name: str, function: Any, exact: Any, ulp: float, dtype: Any) -> None:
    x = np.concatenate([np.linspace(-12.5, 12.5, 301), np.geomspace(1e-6, 12, 50)]).astype(dtype)
    assert dispatch.elementwise(name, x) is not None
    with mp.workdps(40):
        expected = [exact(mpf(float(number))) for number in x]
    got = function(x)
    assert got.dtype == dtype
    unit = np.finfo(dtype).eps
    for number, ours, wanted in zip(x, got, expected, strict=True):
        error = abs(mpf(float(ours)) - wanted)
        assert error <= ulp * unit * abs(wanted), f"{name}({number}): {ours}, not {wanted}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "function", "exact", "ulp"), MATHS, ids=[m[0] for m in MATHS])
def test_the_same_as_without_compiled_kernels_where_there_are_no_digits(
    name: str, function: Any, exact: Any, ulp: float, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.array(SPECIAL, dtype)
    with np.errstate(all="ignore"):
        got = function(x)
        monkeypatch.setattr(config, "backend", "numpy")
        expected = function(x)
    tiny = 10 * np.finfo(dtype).tiny
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=tiny)


# --- choices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("x_of", "y_of"),
    [
        (lambda x: x, lambda y: 0.0), (lambda x: x, lambda y: 0), (lambda x: 0.0, lambda y: y),
        (lambda x: x, lambda y: y), (lambda x: x, lambda y: -0.0), (lambda x: 1.0, lambda y: y),
        (lambda x: x, lambda y: y[:1]), (lambda x: x.astype(np.float16), lambda y: y),
        (lambda x: x[:1], lambda y: 0.0),
    ],
)  # fmt: skip
def test_choices_are_those_of_numpy(x_of: Any, y_of: Any, dtype: Any) -> None:
    generator = np.random.default_rng(0)
    x, y = (generator.normal(size=(20, 30)).astype(dtype) for _ in range(2))
    x[0, :4] = y[0, 2:6] = (nan, inf, -inf, -0.0)
    condition = generator.random((20, 30)) < 0.5
    given = [x_of(x), y_of(y)]
    expected = np.where(condition, *given)
    got = pointwise.select(condition, *given)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


# --- layouts --------------------------------------------------------------------------------------


def transposed(x: Any) -> Any:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("layout", [np.array, transposed, np.asfortranarray])
def test_results_lie_in_memory_like_what_they_are_made_of(layout: Callable[[Any], Any]) -> None:
    x = layout(np.random.default_rng(0).normal(size=(2, 3, 4, 5)))
    x.flags.writeable = False
    for got in (pointwise.relu(x), pointwise.select(x > 0, x, 0.0)):
        assert got.strides == x.strides
        assert got.flags.owndata
        np.testing.assert_array_equal(got, np.maximum(x, 0))


def test_operands_in_other_orders_are_copied() -> None:
    x = np.random.default_rng(0).normal(size=(8, 30, 20, 10))
    condition, other = transposed(x) > 0.5, x[::-1]
    for got, expected in (
        (pointwise.select(condition, x, 0.0), np.where(condition, x, 0)),
        (pointwise.select(condition, x, other), np.where(condition, x, other)),
    ):
        np.testing.assert_array_equal(got, expected)
        assert got.strides == tuple(8 * n for n in condition.strides)


def test_what_the_compiled_functions_do_not_take() -> None:
    x = np.ones((4, 5))
    for operands in (
        (x[:, ::2],), (x[::-1],), (np.ones((4, 5), np.float16),), (np.ones((4, 5), int),),
        (np.ones(()).item(),), (x > 0, x.T), (x[0] > 0, x),
    ):  # fmt: skip
        name = "relu" if len(operands) == 1 else "kept"
        assert dispatch.elementwise(name, *operands) is None
    np.testing.assert_array_equal(pointwise.relu(x[:, ::2]), x[:, ::2])


def test_small_arrays_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "WORTH_IT", 1000)
    assert dispatch.elementwise("relu", np.ones(999)) is None
    assert dispatch.elementwise("relu", np.ones(1000)) is not None


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=200_003).astype(np.float32)
    seen = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(config, "threads", threads)
        seen.append([f(x).tobytes() for _, f, *_ in MATHS])
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", [np.array, transposed])
def test_a_gate_lets_through_where_a_number_is_positive(layout: Any, dtype: Any) -> None:
    generator = np.random.default_rng(0)
    x, t = (layout(generator.normal(size=(2, 3, 4, 5)).astype(dtype)) for _ in range(2))
    x[0, 0, 0], t[0, 0, 0, :2] = [0.0, -0.0, nan, inf, -inf], (nan, inf)
    got = pointwise.gate(x, t)
    np.testing.assert_array_equal(got, np.where(x > 0, t, 0))
    assert got.dtype == dtype
    alike = np.broadcast_to(dtype(2.0), x.shape)
    np.testing.assert_array_equal(pointwise.gate(x, alike), np.where(x > 0, alike, 0))


# --- past the caches ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 15, 2047, 2048, 40_000, 100_003])
def test_large_results_are_the_same_when_they_are_written_past_the_caches(
    size: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autodiff.kernels import buffers
    from autodiff.kernels.native import streams

    generator = np.random.default_rng(0)
    x, t = (generator.normal(size=size).astype(dtype) for _ in range(2))
    monkeypatch.setattr(buffers, "_LEAST", 0)  # results begin where a line of the cache does
    expected = pointwise.relu(x), pointwise.gate(x, t)
    monkeypatch.setattr(streams, "_LARGE", 0)
    for threads in (1, 2, 3):
        monkeypatch.setattr(config, "threads", threads)
        for got, plain in zip((pointwise.relu(x), pointwise.gate(x, t)), expected, strict=True):
            np.testing.assert_array_equal(got, plain)


@pytest.mark.parametrize("channels", [1, 3, 64, 3000])
def test_normalised_images_are_the_same_when_they_are_written_past_the_caches(
    channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autodiff.kernels import buffers
    from autodiff.kernels.native import streams

    generator = np.random.default_rng(0)
    x = transposed(generator.normal(size=(3, channels, 5, 7)).astype(np.float32))
    t = transposed(generator.normal(size=x.shape).astype(np.float32))

    def both() -> list[Any]:
        leaf = ad.Tensor(x)
        y = ad.standardise(leaf, (0, 2, 3), eps=1e-5)
        y.backward(t)
        return [y.data, leaf.grad]

    monkeypatch.setattr(buffers, "_LEAST", 0)
    expected = both()
    monkeypatch.setattr(streams, "_LARGE", 0)
    for got, plain in zip(both(), expected, strict=True):
        np.testing.assert_array_equal(got, plain)
