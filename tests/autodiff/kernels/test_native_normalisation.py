"""The compiled kernels of normalisation against NumPy's, which define them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autodiff import config
from autodiff.kernels import normalisation

pytest.importorskip("numba")
Layout = Callable[[Any], Any]
ROUNDING = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-13}


@pytest.fixture(scope="module", autouse=True)
def native() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "backend", "native")
        yield


def channels_last(x: Any) -> Any:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


def strided(x: Any) -> Any:
    return np.repeat(x, 2, -1)[..., ::2]


# shape, axis, shape of the weight: what lies along columns, along rows, and neither
CASES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    *(((2, c, 5, 7), (0, 2, 3), (c, 1, 1)) for c in (1, 2, 7, 20, 130)),
    *(((rows, 3), (0,), (3,)) for rows in (1, 5, 170, 171, 12_000)),
    ((9, 700), (0,), (700,)), ((40, 33, 50), (0, 2), (33, 1)), ((3, 4, 5, 2, 2), (0, 2, 3, 4), ()),
    *(((6, c), (1,), (c,)) for c in (1, 5, 7, 8, 31, 32, 33, 64, 100, 1000)),
    ((9000, 5), (1,), (5,)), ((4, 3, 5, 6), (2, 3), (5, 6)), ((4, 3, 5, 6), (2, 3), (6,)),
    ((4, 3, 5), (0, 1, 2), (4, 3, 5)), ((4, 3, 5), (1,), ()), ((4, 3, 5), (1,), (3, 1)),
    ((4, 3, 5), (0,), (3, 5)), ((4, 3, 5), (2,), (3, 5)), ((4, 3, 5), (0, 2), (3, 5)),
    ((0, 5), (1,), (5,)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", [np.array, channels_last, np.asfortranarray, read_only, strided])
@pytest.mark.parametrize(("shape", "axis", "own"), CASES)
def test_compiled_kernels_are_those_of_numpy(
    shape: tuple[int, ...], axis: tuple[int, ...], own: tuple[int, ...], layout: Layout, dtype: Any
) -> None:
    generator = np.random.default_rng(0)
    x, t = (generator.normal(2.0, 3.0, shape).astype(dtype) for _ in range(2))
    w, b = (generator.normal(1.0, 1.0, own).astype(dtype) for _ in range(2))
    kept = [x.copy(), t.copy(), w.copy(), b.copy()]
    x, t = layout(x), layout(t)
    got, expected = both(x, t, w, b, axis)
    for ours, wanted in zip(got, expected, strict=True):
        assert ours.dtype == dtype
        scale = np.abs(wanted).max(initial=1.0)
        rounding = ROUNDING[np.dtype(dtype)] * scale
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=rounding)
    for before, after in zip(kept, (x, t, w, b), strict=True):
        np.testing.assert_array_equal(before, after)


def both(x: Any, t: Any, w: Any, b: Any, axis: tuple[int, ...]) -> tuple[list[Any], list[Any]]:
    """Values, moments and adjoints by the compiled kernels, and by NumPy with more digits."""
    seen = []
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        for backend in ("native", "numpy"):
            patch.setattr(config, "backend", backend)
            if backend == "numpy":
                x, t, w, b = (array.astype(np.longdouble) for array in (x, t, w, b))
            y, moments = normalisation.standardise(x, w, b, axis, 1e-5)
            to_x, to_w, to_b = normalisation.adjoints(t, x, w, b, moments, axis, 1e-5)
            to_w, to_b = (total(sent, np.shape(w)) for sent in (to_w, to_b))
            seen.append([y, *moments, to_x, to_w, to_b])
    return seen[0], seen[1]


def total(x: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes that ``shape`` broadcasts along."""
    axes = tuple(
        i for i in range(x.ndim) if i < x.ndim - len(shape) or shape[i - x.ndim] < x.shape[i]
    )
    return x.sum(axes, keepdims=True).reshape(shape)


def test_which_arrays_the_compiled_kernels_take() -> None:
    x, w = np.ones((4, 3, 5)), np.ones((3, 5))
    assert normalisation._matrix(x, w, 0.0, (0,)) is not None
    assert normalisation._matrix(x, w, 0.0, (0, 1)) is None, "one weight for no row, nor column"
    assert normalisation._matrix(x, w.astype(np.float32), 0.0, (0,)) is None
    assert normalisation._matrix(x[:0], 1.0, 0.0, (1,)) is None
    assert normalisation._matrix(x.astype(np.float16), 1.0, 0.0, (1,)) is None
    for array, along_rows in ((x, True), (channels_last(x), False)):
        matrix = normalisation._matrix(array, 1.0, 0.0, (0, 2))
        assert matrix is not None
        assert matrix.along_rows is along_rows


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("shape", "axis", "own"), CASES[2:4] + CASES[14:16])
def test_what_is_not_finite_reaches_what_it_should_and_nothing_else(
    shape: tuple[int, ...], axis: tuple[int, ...], own: tuple[int, ...], value: float
) -> None:
    generator = np.random.default_rng(0)
    for which in range(4):
        operands = [generator.normal(size=s) for s in (shape, shape, own, own)]
        operands[which].reshape(-1)[1] = value
        x, t, w, b = operands
        for ours, wanted in zip(*both(x, t, w, b, axis), strict=True):
            np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(wanted))


@pytest.mark.parametrize(("axis", "own"), [((0, 2, 3), (20, 1, 1)), ((1, 2, 3), (20, 9, 8))])
def test_the_number_of_threads_changes_no_bit(
    axis: tuple[int, ...], own: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    x, t = (generator.normal(size=(37, 20, 9, 8)).astype(np.float32) for _ in range(2))
    w, b = (generator.normal(size=own).astype(np.float32) for _ in range(2))
    seen = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(config, "threads", threads)
        seen.append([array.tobytes() for array in both(x, t, w, b, axis)[0]])
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize(("shape", "axis"), [((50_000, 2), (0,)), ((2, 50_000), (1,))])
@pytest.mark.parametrize("trend", [0.0, 100.0])
def test_no_digits_are_lost_to_a_large_mean(
    shape: tuple[int, ...], axis: tuple[int, ...], trend: float
) -> None:
    """Also where the first elements say little of the others."""
    x = 1e3 + np.random.default_rng(0).normal(size=shape)
    x += np.linspace(0, trend, 50_000).reshape([n if n > 2 else 1 for n in shape])
    single = x.astype(np.float32)
    exact = single.astype(float)
    y, moments = normalisation.standardise(single, 1.0, 0.0, axis, 1e-5)
    variance = exact.var(axis, keepdims=True)
    np.testing.assert_allclose(moments.mean, exact.mean(axis, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, variance, rtol=2e-4)
    expected = (exact - exact.mean(axis, keepdims=True)) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-3)
