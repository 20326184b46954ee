"""Pooling: windows reduced to one number each.

``pool`` is a weighted sum over each window, ``unpool`` its transpose. Sum- and average-pooling are
``pool`` with constant weights; max-pooling is ``pool`` with the weights that ``winners`` finds.
Results keep the memory layout of their operand.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.windows import Sizes, elements, empty_in_layout_of, output_sizes

Ties: TypeAlias = Literal["first", "last", "all", "split"]
TIES = get_args(Ties)


class Winners(NamedTuple):
    """What max-pooling sends back: the adjoint of each window, and which element it belongs to.

    Attributes:
        values: (n, height, width, c), contiguous: one for each window.
        places: of that shape: the element's number within its window; -1 for none.
        size: the window, along two axes.
        stride: the distance of neighbouring windows.
        corner: where the first window begins; negative in a border.
    """

    values: Array
    places: Array
    size: Sizes
    stride: Sizes
    corner: Sizes


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
    sample = weights[(0,) * len(size)]
    layout = sample if sample.shape == t.shape else t  # of the pooled operand, for max-pooling
    x = empty_in_layout_of(layout, (*t.shape[: t.ndim - len(size)], *spatial), t.dtype)
    disjoint = all(s >= k for s, k in zip(stride, size, strict=True))
    if not disjoint or any(n != m * k for n, m, k in zip(spatial, out, size, strict=True)):
        x.fill(0)  # not every element is written below
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
    won: Array = empty_in_layout_of(largest, (*size, *largest.shape), bool)
    free = np.ones_like(largest, dtype=bool)
    for place, reads in reversed(places) if ties == "last" else places:
        np.equal(x[reads], largest, out=won[place])
        if ties in ("first", "last"):
            won[place] &= free
            free ^= won[place]
    if ties == "split":
        shares = won.sum(axis=tuple(range(len(size))), dtype=x.dtype)
        won = won / np.maximum(shares, 1)  # nobody equals a nan
    return won
