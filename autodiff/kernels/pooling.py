"""Pooling: windows reduced to one number each.

``pool`` is a weighted sum over each window, ``unpool`` its transpose. Sum- and average-pooling are
``pool`` with constant weights; max-pooling is ``pool`` with the weights that ``winners`` finds.
Results keep the memory layout of their operand.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.windows import Sizes, elements, output_sizes

Ties: TypeAlias = Literal["first", "last", "all", "split"]
TIES = get_args(Ties)


def pool(x: Array, weights: Array, size: Sizes, stride: Sizes) -> Array:
    """Σ over the places o of a window of ``weights[o]`` · x at o.

    Args:
        x: (*leading, *spatial).
        weights: (*size, ...), broadcasting against the result behind the first axes.
        size: the window.
        stride: the distance of neighbouring windows.
    """
    ones = (1,) * len(size)
    out = output_sizes(x.shape[x.ndim - len(size) :], size, stride, ones)
    total: Array | None = None
    for place, reads in elements(out, size, stride, ones):
        term = np.multiply(x[reads], weights[place], dtype=x.dtype)
        total = term if total is None else np.add(total, term, out=total)
    assert total is not None
    return total


def unpool(t: Array, weights: Array, spatial: Sizes, size: Sizes, stride: Sizes) -> Array:
    """The transpose of ``pool``: ``weights[o]`` · t added to place o of each window."""
    ones = (1,) * len(size)
    out = t.shape[t.ndim - len(size) :]
    x = _zeros_in_layout_of(t, (*t.shape[: t.ndim - len(size)], *spatial))
    disjoint = all(s >= k for s, k in zip(stride, size, strict=True))
    for place, reads in elements(out, size, stride, ones):
        target = x[reads]
        if disjoint:
            np.multiply(t, weights[place], out=target, casting="same_kind")
        else:
            target += t * weights[place]
    return x


def max_pool(x: Array, size: Sizes, stride: Sizes) -> Array:
    """The largest element of each window."""
    ones = (1,) * len(size)
    out = output_sizes(x.shape[x.ndim - len(size) :], size, stride, ones)
    largest: Array | None = None
    for _, reads in elements(out, size, stride, ones):
        part = x[reads]
        largest = (
            part.copy(order="K") if largest is None else np.maximum(largest, part, out=largest)
        )
    assert largest is not None
    return largest


def winners(x: Array, largest: Array, size: Sizes, stride: Sizes, ties: Ties) -> Array:
    """The weight of each place of each window in its maximum: (*size, *positions).

    Args:
        x: (*leading, *spatial).
        largest: what ``max_pool`` gave.
        size: the window.
        stride: the distance of neighbouring windows.
        ties: which of several equal largest elements win: the first or the last in row-major order,
            all of them with weight 1 each, or all of them in equal shares.
    """
    ones = (1,) * len(size)
    places = list(elements(largest.shape[largest.ndim - len(size) :], size, stride, ones))
    won = {}
    free = np.ones_like(largest, dtype=bool)
    for place, reads in reversed(places) if ties == "last" else places:
        won[place] = x[reads] == largest
        if ties in ("first", "last"):
            won[place] &= free
            free ^= won[place]
    weights = np.stack([won[place] for place, _ in places])
    if ties == "split":
        weights = weights / weights.sum(axis=0, dtype=x.dtype)
    return weights.reshape(*size, *largest.shape)


def _zeros_in_layout_of(like: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` whose axes lie in memory in the order of those of ``like``."""
    order = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    zeros = np.zeros([shape[axis] for axis in order], dtype=like.dtype)
    laid_out: Array = zeros.transpose(np.argsort(order))
    return laid_out
