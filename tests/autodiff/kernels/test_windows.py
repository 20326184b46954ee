"""Sliding windows, and the addition of what overlaps, against loops."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodiff.kernels.windows import elements, output_sizes, overlap_add, windows

Sizes = tuple[int, ...]
Case = tuple[Any, Sizes, Sizes, Sizes]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rank = draw(st.integers(1, 3))
    size, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(rank)) for _ in range(3))
    spatial = tuple(
        (k - 1) * d + 1 + draw(st.integers(0, 4)) for k, d in zip(size, dilation, strict=True)
    )
    lead = tuple(draw(st.integers(0, 2)) for _ in range(draw(st.integers(0, 2))))
    x = np.arange(float(np.prod((*lead, *spatial)))).reshape(*lead, *spatial)
    order = draw(st.sampled_from(["C", "F", "backwards", "strided"]))
    if order == "F":
        x = np.asfortranarray(x)
    elif order == "backwards":
        x = x[..., ::-1]
    elif order == "strided":
        x = np.repeat(x, 3, axis=-1)[..., 1::3]
    return x, size, stride, dilation


def naive(x: Any, size: Sizes, stride: Sizes, dilation: Sizes) -> dict[tuple[Sizes, Sizes], Sizes]:
    """For each window and each place in it, the index of its element."""
    spatial = x.shape[x.ndim - len(size) :]
    starts = [
        range(0, n - (k - 1) * d, s)
        for n, k, s, d in zip(spatial, size, stride, dilation, strict=True)
    ]
    return {
        (position, place): tuple(
            start[i] + a * d
            for start, i, a, d in zip(starts, position, place, dilation, strict=True)
        )
        for position in product(*(range(len(start)) for start in starts))
        for place in product(*map(range, size))
    }


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_windows_and_overlap_add_against_loops(case: Case) -> None:
    x, size, stride, dilation = case
    indices = naive(*case)
    w = windows(*case)
    lead = x.shape[: x.ndim - len(size)]
    out = output_sizes(x.shape[x.ndim - len(size) :], size, stride, dilation)
    assert w.shape == (*lead, *out, *size)
    t = np.random.default_rng(0).integers(-5, 6, w.shape).astype(np.float32)
    added = np.zeros(x.shape)
    for (position, place), index in indices.items():
        np.testing.assert_array_equal(w[(..., *position, *place)], x[(..., *index)])
        added[(..., *index)] += t[(..., *position, *place)]
    got = overlap_add(t, x.shape[x.ndim - len(size) :], size, stride, dilation)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, added)


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_elements_of_all_windows_are_slices(case: Case) -> None:
    x, size, stride, dilation = case
    w = windows(*case)
    out = w.shape[w.ndim - 2 * len(size) : w.ndim - len(size)]
    places = []
    for place, index in elements(out, size, stride, dilation):
        reads = index if index and index[0] is Ellipsis else (..., *index)
        np.testing.assert_array_equal(x[reads], w[(..., *place)])
        places.append(place)
    assert places == list(product(*map(range, size)))  # row-major: "first" and "last" rely on it


def test_windows_are_a_view_that_is_not_written_to() -> None:
    x = np.arange(4.0)
    w = windows(x, (2,), (1,), (1,))
    assert np.shares_memory(w, x)
    assert not w.flags.writeable


@pytest.mark.parametrize(
    ("spatial", "size", "stride", "dilation", "expected"),
    [((5,), (2,), (1,), (1,), (4,)), ((5,), (2,), (2,), (1,), (2,)), ((5,), (2,), (1,), (4,), (1,)),
     ((5, 4), (5, 1), (9, 3), (1, 1), (1, 2))],
)  # fmt: skip
def test_how_many_windows_fit(
    spatial: Sizes, size: Sizes, stride: Sizes, dilation: Sizes, expected: Sizes
) -> None:
    assert output_sizes(spatial, size, stride, dilation) == expected


@pytest.mark.parametrize(("size", "dilation"), [((6, 1), (1, 1)), ((2, 2), (1, 4))])
def test_a_window_that_does_not_fit_is_refused(size: Sizes, dilation: Sizes) -> None:
    with pytest.raises(ValueError, match="5×4"):
        output_sizes((5, 4), size, (1, 1), dilation)
