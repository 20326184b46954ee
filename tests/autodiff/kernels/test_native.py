"""The compiled kernels against those of NumPy, which define them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import config
from autodiff.kernels import buffers, convolution, dispatch, images, updates
from autodiff.kernels.images import (
    correlate,
    correlate_both,
    correlate_input,
    correlate_kernel,
)
from autodiff.kernels.pooling import max_pool, unpool, winners
from autodiff.kernels.windows import framed, inside

pytest.importorskip("numba")
Sizes = tuple[int, ...]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def native() -> Iterator[None]:
    """Compiled kernels, for groups of few outputs too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "backend", "native")
        patch.setattr(images, "_FEWEST_OUTPUTS", 1)
        yield


# --- sizes that fill vector registers, and more than them -----------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("channels", "outputs", "size", "length", "groups"),
    [
        *((3, outputs, 2, 5, 1) for outputs in (1, 7, 8, 9, 20, 33, 40, 50, 56, 57, 64, 130)),
        (1, 20, 5, 12, 1), (20, 50, 5, 9, 1), (64, 16, 1, 4, 1), (8, 40, 3, 6, 2), (2, 6, 7, 7, 1),
    ],
)  # fmt: skip
def test_native_kernels_are_those_of_numpy_at_every_width(
    channels: int, outputs: int, size: int, length: int, groups: int, dtype: Any
) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, channels, length, length + 1)).astype(dtype)
    w = generator.normal(size=(outputs, channels // groups, size, size)).astype(dtype)
    b = generator.normal(size=outputs).astype(dtype)
    steps = ((1, 1), (1, 1), groups)
    expected = convolution.correlate(x, w, *steps, b)
    t = generator.normal(size=expected.shape).astype(dtype)
    rounding = 1e-5 if dtype == np.float32 else 1e-13
    for got, wanted in (
        (correlate(x, w, *steps, b), expected),
        (correlate_input(t, w, x.shape[2:], *steps),
         convolution.correlate_input(t, w, x.shape[2:], *steps)),
        (correlate_kernel(x, t, w.shape[2:], *steps),
         convolution.correlate_kernel(x, t, w.shape[2:], *steps)),
    ):  # fmt: skip
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(got, wanted, rtol=0, atol=rounding * scale)


STEPS = [  # channels, outputs, groups, size, stride, dilation, padding, spatial
    (5, 9, 1, (3, 3), (2, 2), (1, 1), ((1, 1), (1, 1)), (9, 8)),
    (4, 130, 1, (3, 2), (2, 3), (1, 2), ((2, 0), (1, 3)), (9, 11)),
    (4, 8, 1, (1, 1), (2, 2), (1, 1), (), (7, 6)),
    (4, 8, 1, (1, 1), (3, 1), (1, 1), ((2, 2), (0, 0)), (7, 6)),
    (3, 5, 1, (2, 2), (4, 4), (2, 2), ((0, 1), (5, 0)), (9, 9)),
    (3, 5, 1, (3, 3), (4, 2), (2, 4), ((3, 3), (4, 4)), (9, 12)),
    (6, 8, 2, (3, 3), (2, 1), (1, 1), ((1, 1), (1, 1)), (6, 7)),
    (70, 70, 70, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (9, 40)),
    (9, 9, 9, (3, 3), (2, 2), (1, 1), ((1, 0), (0, 1)), (9, 8)),
    (20, 60, 20, (5, 3), (1, 2), (2, 1), ((4, 4), (1, 1)), (9, 8)),
    (16, 16, 16, (1, 1), (1, 1), (1, 1), (), (4, 5)),
    (5, 6, 1, (3,), (2,), (1,), ((1, 2),), (40,)),
    (12, 24, 12, (3,), (1,), (2,), ((2, 2),), (40,)),
    (4, 200, 1, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (30, 31)),
    (2, 8, 1, (3, 3), (1, 1), (1, 1), ((7, 7), (9, 9)), (2, 2)),
]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", STEPS, ids=str)
def test_native_kernels_are_those_of_numpy_at_every_step(
    case: Any, dtype: Any, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strides, dilations, borders, groups and channels alone, in all three directions."""
    channels, outputs, groups, size, *steps, padding, spatial = case
    steps = (*steps, groups)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, channels, *spatial)).astype(dtype)
    w = generator.normal(size=(outputs, channels // groups, *size)).astype(dtype)
    b = generator.normal(size=outputs).astype(dtype)

    def everything() -> list[Any]:
        y = correlate(x, w, *steps, b, padding)
        t = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
        return [
            y,
            correlate_input(t, w, spatial, *steps, padding),
            correlate_kernel(x, t, size, *steps, padding),
        ]

    monkeypatch.setattr(config, "threads", threads)
    compiled = everything()
    monkeypatch.setattr(config, "backend", "numpy")
    rounding = 1e-5 if dtype == np.float32 else 1e-13
    for got, expected in zip(compiled, everything(), strict=True):
        assert got.shape == expected.shape
        assert got.dtype == dtype
        atol = rounding * np.abs(expected).max()
        np.testing.assert_allclose(got, expected, rtol=0, atol=atol)


ALONE = [  # channels, size, dilation, padding, spatial
    (64, (3, 3), (1, 1), ((1, 1), (1, 1)), (9, 40)),
    (70, (3, 3), (1, 1), (), (9, 4)),
    (9, (3, 3), (2, 1), ((2, 2), (5, 0)), (9, 8)),
    (17, (3, 3), (3, 4), ((3, 3), (4, 4)), (3, 2)),
    (16, (2, 1), (1, 1), ((0, 3), (0, 2)), (4, 5)),
    (8, (1, 9), (1, 2), ((0, 0), (20, 20)), (4, 5)),
    (40, (5,), (2,), ((4, 4),), (30,)),
    (6, (2, 2), (1, 1), (), (200, 300)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", ALONE, ids=str)
def test_both_transposes_in_one_go_are_the_two(
    case: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels, size, dilation, padding, spatial = case
    steps = ((1,) * len(size), dilation, channels)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, channels, *spatial)).astype(dtype)
    w = generator.normal(size=(channels, 1, *size)).astype(dtype)
    t = generator.normal(size=correlate(x, w, *steps, None, padding).shape).astype(dtype)
    seen = []
    for threads in (1, 3):
        monkeypatch.setattr(config, "threads", threads)
        both = correlate_both(x, t, w, *steps, padding)
        assert both is not None
        seen.append([part.tobytes() for part in both])
    assert seen[0] == seen[1]
    monkeypatch.setattr(config, "backend", "numpy")
    assert correlate_both(x, t, w, *steps, padding) is None
    alone = (
        correlate_input(t, w, spatial, *steps, padding),
        correlate_kernel(x, t, size, *steps, padding),
    )
    rounding = 1e-5 if dtype == np.float32 else 1e-13
    for got, expected in zip(both, alone, strict=True):
        assert got.shape == expected.shape
        assert got.dtype == dtype
        atol = rounding * np.abs(expected).max()
        np.testing.assert_allclose(got, expected, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("outputs", "groups", "size", "stride"),
    [(8, 8, 3, 2), (16, 8, 3, 1), (8, 1, 3, 1), (8, 4, 3, 1), (8, 8, 4, 1)],
)
def test_both_transposes_are_found_apart_where_that_is_better(
    outputs: int, groups: int, size: int, stride: int
) -> None:
    x, w = np.ones((2, 8, 9, 9)), np.ones((outputs, 8 // groups, size, size))
    steps = ((stride, stride), (1, 1), groups)
    assert correlate_both(x, correlate(x, w, *steps), w, *steps) is None


def test_what_is_not_finite_at_a_border_reaches_only_the_places_that_see_it() -> None:
    x, w = np.ones((1, 4, 5, 6)), np.ones((4, 1, 3, 3))
    x[0, 1, 0, 0], x[0, 2, 4, 3] = np.inf, np.nan
    steps, padding = ((1, 1), (1, 1), 4), ((1, 1), (1, 1))
    t = np.ones_like(x)
    both = correlate_both(x, t, w, *steps, padding)
    assert both is not None
    _, to_w = both
    assert np.isfinite(to_w[[0, 3]]).all()
    np.testing.assert_array_equal(np.isinf(to_w[1, 0]), [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(np.isnan(to_w[2, 0]), [[0, 0, 0], [1, 1, 1], [1, 1, 1]])


@pytest.mark.parametrize("name", ["x", "w", "b"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_what_it_should_and_nothing_else(
    name: str, value: float
) -> None:
    operands = {"x": np.ones((2, 2, 4, 5)), "w": np.ones((9, 2, 2, 2)), "b": np.ones(9)}
    operands[name].reshape(-1)[5] = value
    x, w, b = operands.values()
    got = correlate(x, w, (1, 1), (1, 1), 1, b)
    np.testing.assert_array_equal(got, convolution.correlate(x, w, (1, 1), (1, 1), 1, b))


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(37, 3, 9, 8)).astype(np.float32)
    w = generator.normal(size=(10, 3, 3, 3)).astype(np.float32)
    t = generator.normal(size=(37, 10, 7, 6)).astype(np.float32)
    steps = ((1, 1), (1, 1), 1)
    seen = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(config, "threads", threads)
        seen.append(
            [
                correlate(x, w, *steps).tobytes(),
                correlate_input(t, w, (9, 8), *steps).tobytes(),
                correlate_kernel(x, t, (3, 3), *steps).tobytes(),
            ]
        )
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(37, 3, 9, 8), (1, 1, 2, 3), (5, 20, 11), (0, 4, 3, 3)])
@pytest.mark.parametrize("last", [True, False], ids=["channels last", "channels first"])
def test_sums_per_channel(
    shape: Any, last: bool, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "WORTH_IT", 0)
    t = np.random.default_rng(0).normal(size=shape).astype(dtype)
    if last:
        t = np.moveaxis(np.ascontiguousarray(np.moveaxis(t, 1, -1)), -1, 1)
    seen = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(config, "threads", threads)
        seen.append(images.per_channel(t))
    expected = t.astype(float).sum((0, *range(2, t.ndim)))
    np.testing.assert_allclose(seen[0], expected, rtol=1e-5, atol=1e-5)
    assert seen[0].dtype == dtype
    assert seen[0].tobytes() == seen[1].tobytes() == seen[2].tobytes()


# --- pooling  -------------------------------------------------------------------------------------


@st.composite
def image_cases(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    """As ``cases``, with the axes of images, (n, c, *spatial), and with borders."""
    rank = draw(st.integers(1, 2))
    size, stride = (tuple(draw(st.integers(1, 3)) for _ in range(rank)) for _ in range(2))
    spatial = tuple(k + draw(st.integers(0, 4)) for k in size)
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    shape = (draw(st.integers(0, 3)), draw(st.sampled_from([1, 2, 7, 20])), *spatial)
    x = generator.integers(-2, 3, shape).astype(draw(st.sampled_from([np.float32, np.float64])))
    if draw(st.booleans()) and x.size:
        x.reshape(-1)[generator.integers(x.size)] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    padding = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in size)
    if draw(st.booleans()):
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    return x, {"size": size, "stride": stride, "padding": padding}


@settings(max_examples=150, deadline=None)
@given(case=image_cases(), ties=st.sampled_from(["first", "last"]))
def test_compiled_pooling_is_that_of_numpy(case: tuple[Any, dict[str, Any]], ties: Any) -> None:
    x, windows = case
    size, stride, padding = windows.values()
    bordered = framed(x, padding, -np.inf)
    largest = max_pool(bordered, size, stride)
    got = images.max_pool(x, **windows)
    t = np.random.default_rng(0).normal(size=got.shape).astype(x.dtype)
    adjoint = images.Pooled(t, x, got, **windows, last=ties == "last")
    np.testing.assert_array_equal(got, largest)
    assert got.dtype == x.dtype
    won = winners(framed(x, padding, np.nan), largest, size, stride, ties)
    expected = unpool(t, won, bordered.shape[2:], size, stride)[inside(x.shape[2:], padding)]
    dense = adjoint.dense
    assert dense.shape == x.shape
    rounding = 1e-6 if x.dtype == np.float32 else 1e-14  # of sums where windows overlap
    np.testing.assert_allclose(dense, expected, rtol=rounding, atol=rounding)
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(adjoint.per_channel, expected.sum(axes), rtol=1e-4, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(case=image_cases())
def test_compiled_sums_of_windows_are_those_of_numpy(case: tuple[Any, dict[str, Any]]) -> None:
    x, windows = case
    generator = np.random.default_rng(0)

    def sums() -> tuple[Any, Any]:
        y = images.sum_pool(x, weight=0.3, **windows)
        t = generator.integers(-2, 3, y.shape).astype(x.dtype)
        return y, images.sum_unpool(t, x.shape[2:], weight=0.3, **windows)

    compiled = sums()
    generator = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "backend", "numpy")
        definition = sums()
    rounding = 1e-6 if x.dtype == np.float32 else 1e-14
    for got, expected in zip(compiled, definition, strict=True):
        assert (got.shape, got.dtype) == (expected.shape, x.dtype)
        np.testing.assert_allclose(got, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [12, 16, 20, 48])
def test_what_is_sent_past_the_caches_has_the_same_bits(
    channels: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = pytest.importorskip("autodiff.kernels.native.window")
    size = ((2, 3), (2, 3))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5, 10, 9, channels)).astype(dtype).transpose(0, 3, 1, 2)
    largest = images.max_pool(x, *size)
    t = generator.normal(size=largest.shape).astype(dtype)
    seen = []
    for limit, threads in ((1 << 25, 1), (0, 1), (0, 3)):
        monkeypatch.setattr(window, "_BEYOND_CACHES", limit)
        monkeypatch.setattr(config, "threads", threads)
        dense = images.Pooled(t, x, largest, *size, (), last=False).dense
        seen.append([dense.tobytes(), images.sum_unpool(t, (10, 9), *size, 0.3).tobytes()])
        in_lines = channels * x.itemsize % 64 == 0 and window.LONGEST == 64
        way = window.manner(buffers.empty((5, 10, 9, channels), dtype))
        assert way == (window.STREAM if in_lines and not limit else window.WRITE)
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [8, 12, 16, 40, 64])
def test_convolutions_by_channel_have_the_same_bits_past_the_caches(
    channels: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = pytest.importorskip("autodiff.kernels.native.streams")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, 11, 9, channels)).astype(dtype).transpose(0, 3, 1, 2)
    w = generator.normal(size=(channels, 1, 3, 3)).astype(dtype)
    steps = {"dilation": (1, 1), "groups": channels, "padding": ((1, 1), (1, 1))}
    monkeypatch.setattr(buffers, "_LEAST", 0)  # results begin where a line of the cache does
    seen = []
    for large, threads in ((1 << 24, 1), (0, 1), (0, 3)):
        monkeypatch.setattr(streams, "_LARGE", large)
        monkeypatch.setattr(config, "threads", threads)
        got = []
        for stride in ((1, 1), (2, 1)):
            y = images.correlate(x, w, stride=stride, **steps)
            got += [y, images.correlate_input(y, w, spatial=(11, 9), stride=stride, **steps)]
        seen.append([array.tobytes() for array in got])
    assert seen[0] == seen[1] == seen[2]


def pooled_convolution(
    batch: int, channels: int, outputs: int, size: Sizes, spatial: Sizes, windows: Any, dtype: Any
) -> tuple[Any, Any, Any, images.Pooled]:
    """Images, kernels, an adjoint of the pooled convolution, and what it is before pooling.

    A window without a winner has an adjoint that is nan: it must reach nothing.
    """
    generator = np.random.default_rng(0)
    x = generator.normal(size=(batch, channels, *spatial)).astype(dtype)
    w = generator.normal(size=(outputs, channels, *size)).astype(dtype)
    shape = (n - k + 1 for n, k in zip(spatial, size, strict=True))
    y = generator.integers(-2, 3, (batch, outputs, *shape)).astype(dtype)
    y.reshape(-1)[:1] = np.nan
    largest = images.max_pool(y, *windows)
    t = generator.normal(size=largest.shape).astype(dtype)
    t[np.isnan(largest)] = np.nan
    return x, w, t, images.Pooled(t, y, largest, *windows, last=False)


POOLED = [  # batch, channels, outputs, kernel, spatial, window, stride, padding of the pooling
    (3, 20, 50, (5, 5), (10, 10), (2, 2), (2, 2), ()),
    (3, 20, 7, (3, 3), (10, 10), (3, 3), (2, 2), ()),
    (3, 40, 3, (2, 2), (10, 10), (2, 2), (1, 1), ()),
    (3, 33, 4, (3,), (10,), (3,), (2,), ()),
    (3, 70, 4, (5, 5), (10, 10), (2, 2), (2, 2), ()),
    (2, 1, 20, (5, 5), (28, 28), (2, 2), (2, 2), ()),  # whole kernels are held in registers
    (2, 3, 9, (3, 7), (9, 13), (2, 3), (3, 2), ((1, 1), (2, 0))),
    (3, 2, 1, (7, 2), (12, 9), (3, 2), (2, 1), ((2, 1), (1, 1))),
    (2, 1, 3, (1, 1), (5, 4), (2, 2), (2, 2), ((0, 1), (1, 0))),
    (1, 3, 4, (3, 3), (42, 40), (2, 2), (2, 2), ((1, 1), (1, 1))),  # in several strips
    (2, 1, 2, (3,), (700,), (3,), (2,), ((1, 2),)),  # strips are not shorter than a row
    (37, 2, 5, (2, 3), (4, 5), (2, 2), (2, 2), ()),  # several images, and parts, are summed
    (2, 150, 3, (2, 2), (4, 4), (2, 2), (1, 1), ()),  # a row is longer than the registers hold
    (0, 3, 4, (3, 3), (6, 6), (2, 2), (2, 2), ()),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", POOLED, ids=str)
def test_convolutions_take_what_pooling_sends_back(case: Any, dtype: Any) -> None:
    """The adjoint of a convolution that is pooled, in its sharp form and as an array."""
    *sizes, window, stride, padding = case
    x, w, _, sharp = pooled_convolution(*sizes, (window, stride, padding), dtype)
    dense = sharp.dense
    steps = ((1,) * len(window), (1,) * len(window), 1)
    for got, expected in (
        (correlate_input(sharp, w, x.shape[2:], *steps),
         convolution.correlate_input(dense, w, x.shape[2:], *steps)),
        (correlate_kernel(x, sharp, w.shape[2:], *steps),
         convolution.correlate_kernel(x, dense, w.shape[2:], *steps)),
    ):  # fmt: skip
        assert got.shape == expected.shape
        assert got.dtype == dtype
        atol = (1e-5 if dtype == np.float32 else 1e-13) * np.abs(expected).max(initial=1)
        np.testing.assert_allclose(got, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtypes", [(np.float32, np.float64), (np.float64, np.float32)], ids=str)
def test_what_pooling_sends_back_meets_operands_of_another_dtype(dtypes: Any) -> None:
    """Compiled kernels read one dtype: with another one they would read beyond the operands."""
    of_t, other = dtypes
    x, w, _, sharp = pooled_convolution(2, 3, 8, (3, 3), (10, 10), ((2, 2), (2, 2), ()), of_t)
    x, w, dense = x.astype(other), w.astype(other), sharp.dense
    steps = ((1, 1), (1, 1), 1)
    np.testing.assert_allclose(
        correlate_input(sharp, w, (10, 10), *steps),
        convolution.correlate_input(dense, w, (10, 10), *steps), rtol=0, atol=1e-4,
    )  # fmt: skip
    np.testing.assert_allclose(
        correlate_kernel(x, sharp, (3, 3), *steps),
        convolution.correlate_kernel(x, dense, (3, 3), *steps), rtol=0, atol=1e-4,
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_convolutions_take_what_pooling_of_any_kind_sends_back(data: st.DataObject) -> None:
    def two(least: int, most: int) -> Sizes:
        return data.draw(st.tuples(*[st.integers(least, most)] * 2))

    size, window, stride, more = two(1, 6), two(1, 4), two(1, 4), two(0, 5)
    padding = tuple((data.draw(st.integers(0, k - 1)), data.draw(st.integers(0, k - 1)))
                    for k in window)  # fmt: skip
    spatial = tuple(map(sum, zip(size, window, more, strict=True)))
    batch, channels = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, 2, 3, 8, 13]))
    outputs = data.draw(st.sampled_from([1, 3, 8]))
    test_convolutions_take_what_pooling_sends_back(
        (batch, channels, outputs, size, spatial, window, stride, padding), np.float64
    )


def test_the_number_of_threads_changes_no_bit_of_what_pooling_sends_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows = ((2, 2), (2, 2), ())
    x, w, _, sharp = pooled_convolution(37, 3, 10, (3, 3), (9, 8), windows, np.float32)
    steps = ((1, 1), (1, 1), 1)
    seen = set()
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(config, "threads", threads)
        got = (
            correlate_input(sharp, w, (9, 8), *steps),
            correlate_kernel(x, sharp, (3, 3), *steps),
        )
        seen.add(tuple(array.tobytes() for array in got))
    assert len(seen) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_multiplied_with_winners_only(value: float) -> None:
    """Zeros that pooling sends back are no factors: they would make nan of what is infinite."""
    windows = ((2, 2), (2, 2), ())
    x, w, t, _ = pooled_convolution(2, 3, 2, (2, 2), (5, 5), windows, np.float64)
    y, largest = np.zeros((2, 2, 4, 4)), np.ones_like(t)
    y[:, 0, 1::2, 1::2] = y[:, 1, ::2, ::2] = 1  # which places win
    largest[0, 0, 0, 0] = np.nan  # and nobody here
    adjoint = images.Pooled(np.nan_to_num(t), y, largest, *windows, last=False)
    x[0, 0, 0, 0] = w[1, 0, 0, 0] = value  # the image's corner is seen by the first place alone
    steps = ((1, 1), (1, 1), 1)
    of_w = ~np.isfinite(correlate_kernel(x, adjoint, (2, 2), *steps))
    assert np.argwhere(of_w).tolist() == [[1, 0, 0, 0]]
    of_x = ~np.isfinite(correlate_input(adjoint, w, (5, 5), *steps))
    expected = np.zeros_like(of_x)
    expected[:, 0, :4:2, :4:2] = True
    np.testing.assert_array_equal(of_x, expected)


# --- in the engine --------------------------------------------------------------------------------


def test_derivatives_through_pooled_convolutions_do_not_depend_on_the_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 12, 4, 5))
    w, b = generator.normal(size=(5, 12, 3, 3)), generator.normal(size=5)

    def loss(*operands: Any) -> Any:
        return (ad.max_pool(ad.conv(*operands), 2, stride=1) ** 2).sum()

    def everything() -> list[Any]:
        second = ad.grad(lambda w: (ad.grad(loss, argnums=1)(x, w, b) ** 2).sum())(w)
        return [*ad.grad(loss, argnums=(0, 1, 2))(x, w, b), second]

    compiled = everything()
    monkeypatch.setattr(config, "backend", "numpy")
    for got, expected in zip(compiled, everything(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)


# --- updates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decay", [0.0, 5e-4])
@pytest.mark.parametrize("shape", [(3,), (300, 1700), (0,)])
def test_an_update_has_the_bits_of_its_formula(
    shape: Sizes, decay: float, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    start = [generator.normal(size=shape).astype(dtype) for _ in range(3)]
    seen = []
    for backend, threads in (("numpy", 1), ("native", 1), ("native", 3)):
        monkeypatch.setattr(config, "backend", backend)
        monkeypatch.setattr(config, "threads", threads)
        w, v, g = (array.copy() for array in start)
        for _ in range(3):
            updates.momentum(w, v, g, np.array([0.1]), 0.9, decay)
            updates.descent(w, g, np.array([0.03]), decay)
        seen.append((w.tobytes(), v.tobytes(), g.tobytes()))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][2] == start[2].tobytes()
    assert start[0].size == 0 or seen[0][0] != start[0].tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("decay", "fading"), [(0.0, 0.0), (5e-4, 0.0), (0.0, 1e-3)])
@pytest.mark.parametrize("of_the_largest", [False, True])
@pytest.mark.parametrize("shape", [(3,), (300, 700), (0,)])
def test_a_step_of_adam_has_the_bits_of_its_formula(
    shape: Sizes, of_the_largest: bool, decay: float, fading: float, dtype: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    generator = np.random.default_rng(0)
    start = [generator.normal(size=shape).astype(dtype) for _ in range(6)]
    start[2], start[3] = abs(start[2]), abs(start[3])
    if start[0].size > 3:
        start[3].reshape(-1)[:2] = np.nan, np.inf
        start[4].reshape(-1)[:4] = 0.0, 1.0, np.nan, np.inf
    seen = []
    for backend, threads in (("numpy", 1), ("native", 1), ("native", 3)):
        monkeypatch.setattr(config, "backend", backend)
        monkeypatch.setattr(config, "threads", threads)
        w, m, v, largest, *gradients = (array.copy() for array in start)
        for t, g in enumerate(gradients, 1):
            rates = np.array([0.01 / (1 - 0.9**t), (1 - 0.999**t) ** -0.5, fading])
            top = largest if of_the_largest else None
            with np.errstate(all="ignore"):
                updates.adam(w, m, v, top, g, rates, (0.9, 0.999), 1e-8, decay)
        seen.append([array.tobytes() for array in (w, m, v, largest, *gradients)])
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][4:] == [g.tobytes() for g in start[4:]]
    assert start[0].size == 0 or seen[0][0] != start[0].tobytes()


@pytest.mark.parametrize("begin", range(17))
@pytest.mark.parametrize("count", [3, 14, 5000])
def test_an_update_may_begin_anywhere_in_a_line_of_the_cache(
    begin: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_FEW", 0)
    generator = np.random.default_rng(0)
    memory = generator.normal(size=(3, 5040)).astype(np.float32)
    before = memory.copy()
    w, v, g = memory[:, begin : begin + count]
    updates.momentum(w, v, g, np.array([0.5]), 0.75, 0.125)
    expected_w, expected_v, _ = before[:, begin : begin + count]
    expected_v *= np.float32(0.75)
    expected_v -= np.float32(0.5) * (g + np.float32(0.125) * expected_w)
    expected_w += expected_v
    assert memory.tobytes() == before.tobytes()
    updates.descent(w, g, np.array([0.5]), 0.125)
    expected_w -= np.float32(0.5) * (g + np.float32(0.125) * expected_w)
    assert memory.tobytes() == before.tobytes()


def test_an_update_of_infinite_weights_without_decay_stays_finite_in_the_velocity() -> None:
    w, v, g = np.array([np.inf]), np.zeros(1), np.ones(1)
    updates.momentum(w, v, g, np.array([0.5]), 0.9, 0.0)
    updates.descent(w, g, np.array([0.5]), 0.0)
    assert (v.tolist(), w.tolist()) == ([-0.5], [np.inf])


def test_no_memory_is_touched_for_a_sum_without_terms() -> None:
    """Places in the border of a pooled map have no adjoints, and lie outside of the image."""
    program = """if True:
        import ctypes, mmap
        import numba
        import numpy as np
        from autodiff.kernels.native.gather import add_rows

        @numba.njit
        def add(terms, x, out):
            add_rows(2, 9, x, np.zeros(3, np.intp), 2, 2 + terms, 1, x, 0, 1, out, 0, 9)

        x, sums = np.ones(60), np.zeros(18)
        add(1, x, sums)
        assert sums.tolist() == [1.0] * 18
        page = mmap.mmap(-1, mmap.PAGESIZE)
        locked = np.frombuffer(page, np.float64)
        ctypes.CDLL(None).mprotect(ctypes.c_void_p(locked.ctypes.data), mmap.PAGESIZE, 0)
        add(0, x, locked)  # reading or writing it ends the process
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="memory is protected as Linux does it")
@pytest.mark.parametrize("side", ["end", "start"])
def test_kernels_touch_nothing_beyond_their_arrays(side: str) -> None:
    """Their instructions are written by hand, so no compiler checks where they read and write."""
    program = Path(__file__).with_name("guarded.py")
    done = subprocess.run(
        [sys.executable, program, side],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    assert lines[-1] == "nothing else was touched"
