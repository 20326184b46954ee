"""The pooling kernels against loops over windows."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodiff.kernels.pooling import TIES, max_pool, pool, unpool, winners

Sizes = tuple[int, ...]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Sizes, Sizes]:
    """An array with many ties, a window and a stride."""
    rank = draw(st.integers(1, 3))
    size, stride = (tuple(draw(st.integers(1, 3)) for _ in range(rank)) for _ in range(2))
    spatial = tuple(k + draw(st.integers(0, 4)) for k in size)
    lead = tuple(draw(st.integers(0, 2)) for _ in range(draw(st.integers(0, 2))))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    x = generator.integers(-2, 3, (*lead, *spatial)).astype(
        draw(st.sampled_from([np.float32, np.float64]))
    )
    match draw(st.sampled_from(["C", "F", "strided", "backwards", "turned"])):
        case "F":
            x = np.asfortranarray(x)
        case "strided":
            x = np.repeat(x, 2, axis=-1)[..., ::2]
        case "backwards":
            x = x[..., ::-1]
        case "turned":
            x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)
    return x, size, stride


def positions(x: Any, size: Sizes, stride: Sizes) -> list[tuple[Sizes, tuple[Any, ...]]]:
    """Each window's position, and the index of what it holds."""
    spatial = x.shape[x.ndim - len(size) :]
    counts = [(n - k) // s + 1 for n, k, s in zip(spatial, size, stride, strict=True)]
    return [
        (p, (..., *(slice(i * s, i * s + k) for i, s, k in zip(p, stride, size, strict=True))))
        for p in product(*map(range, counts))
    ]


def out_shape(x: Any, size: Sizes, stride: Sizes) -> Sizes:
    lead = x.shape[: x.ndim - len(size)]
    last = positions(x, size, stride)[-1][0]
    return (*lead, *(i + 1 for i in last))


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_max_pool_is_the_largest_of_each_window(case: tuple[Any, Sizes, Sizes]) -> None:
    x, size, stride = case
    axes = tuple(range(-len(size), 0))
    expected = np.empty(out_shape(x, size, stride), x.dtype)
    for position, window in positions(x, size, stride):
        expected[(..., *position)] = x[window].max(axis=axes)
    got = max_pool(x, size, stride)
    assert got.dtype == x.dtype
    assert not np.shares_memory(got, x)
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=150, deadline=None)
@given(case=cases(), seed=st.integers(0, 99), constant=st.booleans())
def test_pool_and_unpool_are_weighted_sums_and_transposes(
    case: tuple[Any, Sizes, Sizes], seed: int, constant: bool
) -> None:
    x, size, stride = case
    shape = out_shape(x, size, stride)
    generator = np.random.default_rng(seed)
    weights = generator.integers(-2, 3, (*size, *((1,) * x.ndim if constant else shape)))
    weights = weights.astype(x.dtype)
    t = generator.integers(-3, 4, shape).astype(x.dtype)
    t.flags.writeable = False
    sums, spread = np.zeros(shape), np.zeros(x.shape)
    for position, window in positions(x, size, stride):
        for place in product(*map(range, size)):
            at = (..., *position)
            w = np.broadcast_to(weights[place], shape)[at]
            element = tuple(
                part.start + i for part, i in zip(window[1:], place, strict=True)
            )  # fmt: skip
            sums[at] += w * x[(..., *element)]
            spread[(..., *element)] += w * t[at]
    pooled = pool(x, weights, size, stride)
    unpooled = unpool(t, weights, x.shape[x.ndim - len(size) :], size, stride)
    assert pooled.dtype == unpooled.dtype == x.dtype
    np.testing.assert_array_equal(pooled, sums)
    np.testing.assert_array_equal(unpooled, spread)


@settings(max_examples=150, deadline=None)
@given(case=cases(), ties=st.sampled_from(TIES))
def test_winners_by_every_choice(case: tuple[Any, Sizes, Sizes], ties: Any) -> None:
    x, size, stride = case
    got = winners(x, max_pool(x, size, stride), size, stride, ties)
    shape = out_shape(x, size, stride)
    assert got.shape == (*size, *shape)
    lead = x.shape[: x.ndim - len(size)]
    for position, window in positions(x, size, stride):
        for image in np.ndindex(*lead):
            elements = x[image][window[1:]].ravel()
            largest = np.flatnonzero(elements == elements.max())
            expected = np.zeros(elements.size)
            if ties == "first":
                expected[largest[0]] = 1
            elif ties == "last":
                expected[largest[-1]] = 1
            else:
                expected[largest] = 1 if ties == "all" else x.dtype.type(1) / largest.size
            index = (*(slice(None),) * len(size), *image, *position)
            np.testing.assert_allclose(got[index].ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize("ties", TIES)
def test_winners_among_infinities(ties: Any) -> None:
    x = np.array([[-np.inf, -np.inf, np.inf, 1.0]])
    won = winners(x, max_pool(x, (2,), (2,)), (2,), (2,), ties)
    np.testing.assert_array_equal(won[:, 0, 1], [1, 0])
    assert won[:, 0, 0].sum() == (2 if ties == "all" else 1)


def test_nan_is_the_largest_and_nobody_wins() -> None:
    x = np.array([[1.0, np.nan]])
    largest = max_pool(x, (2,), (2,))
    assert np.isnan(largest).all()
    assert not winners(x, largest, (2,), (2,), "first").any()


def test_unpool_leaves_no_element_unset() -> None:
    """Windows apart from each other, and elements behind the last whole window."""
    for spatial, size, stride in (((7,), (2,), (3,)), ((5, 5), (2, 2), (2, 2)), ((4,), (1,), (2,))):
        out = tuple((n - k) // s + 1 for n, k, s in zip(spatial, size, stride, strict=True))
        for _ in range(5):
            np.full((1, 1, *spatial), np.nan)  # what lies about in memory
            x = unpool(np.ones((1, 1, *out)), np.ones((*size, 1, 1)), spatial, size, stride)
            assert x.sum() == np.prod(out) * np.prod(size)


def test_a_window_larger_than_the_array_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3.*2"):
        max_pool(np.ones((1, 2)), (3,), (1,))
    with pytest.raises(ValueError, match=r"3.*2"):
        pool(np.ones((1, 2)), np.ones((3, 1, 1)), (3,), (1,))
