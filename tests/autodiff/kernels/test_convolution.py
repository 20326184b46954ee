"""The convolution kernels against the sum that defines them, one number at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodiff import config
from autodiff.kernels import images
from autodiff.kernels.images import correlate, correlate_input, correlate_kernel

Sizes = tuple[int, ...]

# Orders in memory: C, Fortran, channels last, batch last as the kernels return it, and no order.
LAYOUTS = ("C", "F", "channels last", "batch last", "strided", "backwards", "read-only")


def laid_out(array: Any, layout: str) -> Any:
    """The same numbers in another order in memory."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "channels last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)
    if layout == "batch last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 0, -1)), -1, 0)
    if layout == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "backwards":
        return array[::-1, ..., ::-1].copy()[::-1, ..., ::-1]
    copy = array.copy()
    copy.flags.writeable = layout != "read-only"
    return copy


@pytest.fixture(scope="module", params=["native", "numpy"], autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs with the compiled kernels, for few outputs too, and with NumPy's."""
    if request.param == "native":
        pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "backend", request.param)
        patch.setattr(images, "_FEWEST_OUTPUTS", 1)
        yield request.param


@dataclass
class Case:
    """Operands of a convolution, and the steps it takes."""

    x: Any
    w: Any
    stride: Sizes
    dilation: Sizes
    groups: int

    @property
    def steps(self) -> tuple[Sizes, Sizes, int]:
        return self.stride, self.dilation, self.groups

    def terms(self) -> list[tuple[Any, Any, Any]]:
        """Indices (of y, of x, of w) of all the products y += x · w."""
        n = len(self.x)
        o, per_group = self.w.shape[:2]
        size = self.w.shape[2:]
        positions = [
            range((length - (k - 1) * d - 1) // s + 1)
            for length, k, s, d in zip(
                self.x.shape[2:], size, self.stride, self.dilation, strict=True
            )
        ]
        return [
            (
                (image, out, *position),
                (image, out // (o // self.groups) * per_group + channel, *(
                    i * s + a * d
                    for i, s, a, d in zip(
                        position, self.stride, place, self.dilation, strict=True)
                )),
                (out, channel, *place),
            )
            for image in range(n) for out in range(o) for channel in range(per_group)
            for position in product(*positions) for place in product(*map(range, size))
        ]  # fmt: skip

    @property
    def positions(self) -> Sizes:
        return tuple(
            (n - (k - 1) * d - 1) // s + 1
            for n, k, s, d in zip(
                self.x.shape[2:], self.w.shape[2:], self.stride, self.dilation, strict=True
            )
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rank = draw(st.sampled_from([1, 2, 2]))
    small = st.integers(1, 3)

    def sizes() -> Sizes:
        return tuple(draw(small) for _ in range(rank))

    size, stride, dilation, spare = sizes(), sizes(), sizes(), sizes()
    spatial = tuple(
        (k - 1) * d + 1 + extra - 1 for k, d, extra in zip(size, dilation, spare, strict=True)
    )
    groups = draw(st.integers(1, 3))
    channels, outputs, batch = draw(small), draw(small), draw(st.integers(0, 3))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    dtypes = st.sampled_from([np.float32, np.float64])
    x = generator.normal(size=(batch, channels * groups, *spatial)).astype(draw(dtypes))
    w = generator.normal(size=(outputs * groups, channels, *size)).astype(draw(dtypes))
    layouts = st.sampled_from(LAYOUTS)
    return Case(
        laid_out(x, draw(layouts)), laid_out(w, draw(layouts)), stride, dilation, groups
    )  # fmt: skip


def tolerance(*arrays: Any) -> float:
    return 1e-5 if any(array.dtype == np.float32 for array in arrays) else 1e-12


@settings(max_examples=150, deadline=None)
@given(case=cases(), layout=st.sampled_from(LAYOUTS))
def test_convolution_and_both_transposes_are_the_sums_that_define_them(
    case: Case, layout: str
) -> None:
    x, w = case.x, case.w
    before = x.copy(), w.copy()
    dtype = np.result_type(x, w)
    t = np.random.default_rng(1).normal(size=(len(x), len(w), *case.positions)).astype(dtype)
    y, to_x, to_w = np.zeros(t.shape), np.zeros(x.shape), np.zeros(w.shape)
    for of_y, of_x, of_w in case.terms():
        y[of_y] += float(x[of_x]) * float(w[of_w])
        to_x[of_x] += float(t[of_y]) * float(w[of_w])
        to_w[of_w] += float(t[of_y]) * float(x[of_x])
    t = laid_out(t, layout)
    for got, expected in (
        (correlate(x, w, *case.steps), y),
        (correlate_input(t, w, x.shape[2:], *case.steps), to_x),
        (correlate_kernel(x, t, w.shape[2:], *case.steps), to_w),
    ):
        assert got.dtype == dtype
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=0, atol=20 * tolerance(x, w))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(w, before[1])


def test_numbers_that_a_reader_can_check() -> None:
    x = np.array([[[1.0, 2.0, 4.0, 8.0]]])
    w = np.array([[[1.0, -1.0]]])
    assert correlate(x, w, (1,), (1,), 1).tolist() == [[[-1.0, -2.0, -4.0]]]
    assert correlate(x, w, (2,), (1,), 1).tolist() == [[[-1.0, -4.0]]]
    assert correlate(x, w, (1,), (2,), 1).tolist() == [[[-3.0, -6.0]]]
    t = np.array([[[1.0, 10.0, 100.0]]])
    assert correlate_input(t, w, (4,), (1,), (1,), 1).tolist() == [[[1.0, 9.0, 90.0, -100.0]]]
    assert correlate_kernel(x, t, (2,), (1,), (1,), 1).tolist() == [[[421.0, 842.0]]]


def test_a_kernel_larger_than_its_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3×5.*3×4"):
        correlate(np.ones((1, 1, 3, 4)), np.ones((1, 1, 3, 3)), (1, 1), (1, 2), 1)


# --- memory ---------------------------------------------------------------------------------------


def results(seed: int, length: int) -> list[Any]:
    """What the three kernels give for operands of a size of one's choice."""
    generator = np.random.default_rng(seed)
    x, w = generator.normal(size=(3, 2, length, length)), generator.normal(size=(4, 2, 3, 3))
    t = generator.normal(size=(3, 4, length - 2, length - 2))
    steps = ((1, 1), (1, 1), 1)
    return [
        correlate(x, w, *steps),
        correlate_input(t, w, (length, length), *steps),
        correlate_kernel(x, t, (3, 3), *steps),
        correlate(x, w[:, :, :1, :1], *steps),
    ]


def test_a_result_outlives_the_next_calls() -> None:
    """The scratch memory that calls share is never part of a result."""
    kept = results(0, 9)
    copies = [array.copy() for array in kept]
    for length in (9, 5, 30):
        results(1, length)
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_results_share_no_memory_with_operands_or_each_other() -> None:
    x, w = np.ones((1, 2, 3, 3)), np.ones((2, 2, 1, 1))
    steps = ((1, 1), (1, 1), 1)
    first, second = correlate(x, w, *steps), correlate(x, w, *steps)
    for array in (x, w, second):
        assert not np.shares_memory(first, array)


def test_what_a_larger_or_other_call_left_in_memory_has_no_influence() -> None:
    alone = results(0, 5)
    results(1, 40)
    steps = ((1, 1), (1, 1), 1)
    correlate(np.full((2, 2, 9, 9), np.nan), np.full((4, 2, 3, 3), np.nan), *steps)
    correlate(np.full((2, 2, 9, 9), np.inf, np.float32), np.ones((4, 2, 3, 3), np.float32), *steps)
    for array, expected in zip(results(0, 5), alone, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_threads_have_memory_of_their_own() -> None:
    expected = {seed: results(seed, 8 + seed) for seed in range(4)}

    def worker(seed: int) -> None:
        for _ in range(40):
            for array, e in zip(results(seed, 8 + seed), expected[seed], strict=True):
                np.testing.assert_array_equal(array, e)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))


@pytest.mark.parametrize("shape", [(0, 1, 3, 3), (2, 1, 3, 3)])
def test_empty_batches(shape: Sizes) -> None:
    x, w = np.ones(shape), np.ones((2, 1, 2, 2))
    t = np.ones((shape[0], 2, 2, 2))
    steps = ((1, 1), (1, 1), 1)
    assert correlate(x, w, *steps).shape == t.shape
    assert correlate_input(t, w, (3, 3), *steps).shape == shape
    np.testing.assert_array_equal(
        correlate_kernel(x, t, (2, 2), *steps), np.full(w.shape, 4.0 * shape[0])
    )
    assert prod(w.shape) == 8
