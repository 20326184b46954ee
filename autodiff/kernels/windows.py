"""Sliding windows over the trailing axes of an array.

A window of ``size`` starts at every multiple of ``stride``; its elements lie ``dilation`` apart.
Element ``o`` of all windows together is a strided slice of the array, so every routine here is a
loop over the few elements of one window, never over positions, channels or images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autodiff.arrays import Array

Sizes: TypeAlias = tuple[int, ...]
Index: TypeAlias = tuple[Any, ...]
Widths: TypeAlias = tuple[tuple[int, int], ...]
"""Of a border, before and after each of the trailing axes; none at all if empty."""

REMEMBERED = 512
"""How much is kept of what follows from shapes: the layers of a network come back with the same."""


def output_sizes(spatial: Sequence[int], size: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    """How many windows fit along each axis: floor((n - extent) / stride) + 1.

    Raises:
        ValueError: a window is larger than the array.
    """
    extent = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    if any(n < e for n, e in zip(spatial, extent, strict=True)):
        raise ValueError(f"a window of {by(extent)} does not fit into an input of {by(spatial)}")
    return tuple((n - e) // s + 1 for n, e, s in zip(spatial, extent, stride, strict=True))


def by(sizes: Sequence[int]) -> str:
    """Sizes as people write them: 5×5."""
    return "×".join(map(str, sizes))


def elements(
    out: Sizes, size: Sizes, stride: Sizes, dilation: Sizes
) -> Iterator[tuple[Sizes, Index]]:
    """For each place in a window: the place, and the index of all elements of ``x`` that are there.

    The index is for the trailing, spatial axes: ``x[reads]`` has the shape of the result.
    """
    for place in product(*map(range, size)):
        reads = (
            slice(p * d, p * d + (n - 1) * s + 1, s)
            for p, n, s, d in zip(place, out, stride, dilation, strict=True)
        )
        yield place, (..., *reads)


def windows(x: Array, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """All windows as a view without a copy: shape (*leading, *positions, *size)."""
    lead, spatial = x.ndim - len(size), x.strides[x.ndim - len(size) :]
    out = output_sizes(x.shape[lead:], size, stride, dilation)
    step = tuple(n * s for n, s in zip(spatial, stride, strict=True))
    inside = tuple(n * d for n, d in zip(spatial, dilation, strict=True))
    return as_strided(
        x, (*x.shape[:lead], *out, *size), (*x.strides[:lead], *step, *inside), writeable=False
    )


def overlap_add(t: Array, spatial: Sizes, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """The transpose of ``windows``: every element of every window added to where it came from."""
    rank = len(size)
    lead, out = t.shape[: t.ndim - 2 * rank], t.shape[t.ndim - 2 * rank : t.ndim - rank]
    x = np.zeros((*lead, *spatial), dtype=t.dtype)
    for place, reads in elements(out, size, stride, dilation):
        of_place: Index = (..., *place)
        x[reads] += t[of_place]
    return x


# --- borders --------------------------------------------------------------------------------------


def padded_sizes(spatial: Sizes, padding: Widths) -> Sizes:
    """Lengths with a border."""
    return tuple(n + sum(w) for n, w in zip(spatial, padding, strict=True)) if padding else spatial


def inside(spatial: Sizes, padding: Widths) -> Index:
    """The index of an array within its padded self."""
    if not padding:
        return (...,)
    return (..., *(slice(w, w + n) for (w, _), n in zip(padding, spatial, strict=True)))


def framed(x: Array, padding: Widths, border: Any = 0) -> Array:
    """An array with a border around its trailing axes, in the same layout."""
    if not any(map(any, padding)):
        return x
    lead = x.ndim - len(padding)
    shape = (*x.shape[:lead], *padded_sizes(x.shape[lead:], padding))
    frame = empty_in_layout_of(x, shape, x.dtype)
    frame[inside(x.shape[lead:], padding)] = x
    for axis, (before, after) in enumerate(padding, lead):
        along = frame.swapaxes(0, axis)
        along[:before] = border
        along[len(along) - after :] = border
    return frame


def empty_in_layout_of(like: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """An array whose last axes lie in memory like those of ``like``, and behind the others."""
    lead = len(shape) - like.ndim
    order = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    axes = [*range(lead), *(lead + axis for axis in order)]
    empty: Array = np.empty([shape[axis] for axis in axes], dtype).transpose(np.argsort(axes))
    return empty
