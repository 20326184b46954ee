"""Pooling of images that lie channels last. What lies beyond an image is in no window."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import internal
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.strongest import strongest, to_strongest
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.total import to_all, total
from autodiff.kernels.native.window import ADD, manner, settle
from autodiff.kernels.windows import Sizes

_BLOCK = 1 << 12
"""Numbers in windows that a thread looks at at least, before it looks for more."""


def _least(y: Array, size: Sizes, parts: int) -> int:
    """So many of the parts of some windows, whose results are y, are not worth being divided."""
    return 1 + _BLOCK * parts // max(1, y.size * prod(size))


@internal
def _clipped(position: int, size: int, stride: int, corner: int, length: int) -> tuple[int, int]:
    """The first element of a window that is in the image, and the one behind the last."""
    begin = position * stride + corner
    return max(begin, 0), min(begin + size, length)


def max_pool(
    x: Array, size: Sizes, stride: Sizes, corner: Sizes, out: Sizes, last: bool
) -> tuple[Array, Array]:
    """The largest element of each window, nan if there is one, and which place holds it.

    Args:
        x: (n, height, width, c), contiguous.
        size: the window.
        stride: the distance of neighbouring windows.
        corner: where the first one begins.
        out: height and width of the result.
        last: whether the last of several equal ones wins, and not the first.

    Returns:
        The elements and, as int32, their places, counted row by row, both (n, *out, c); ``NOBODY``
        is the place of nan.
    """
    shape = (len(x), *out, x.shape[3])
    y, places = buffers.empty(shape, x.dtype), buffers.empty(shape, np.int32)
    lines = len(x) * out[0]
    in_parallel(_max_pool, lines, x, size, stride, corner, last or None, y, places,
                least=_least(y, size, lines), shares=len(x), divided=(x, y, places))  # fmt: skip
    return y, places


@shared
def _max_pool(
    first: int, end: int, x: Any, size: Any, stride: Any, corner: Any, last: Any, y: Any,
    places: Any,
) -> None:  # fmt: skip
    _, high, wide, channels = y.shape
    _, height, width, _ = x.shape
    flat, to, of = x.reshape(-1), y.reshape(-1), places.reshape(-1)
    steps = (width * channels, channels)
    for line in range(first, end):
        i, r = line // high, line % high
        top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
        above = top - r * stride[0] - corner[0]
        for q in range(wide):
            left, right = _clipped(q, size[1], stride[1], corner[1], width)
            begin = above * size[1] + left - q * stride[1] - corner[1]
            at = ((i * height + top) * width + left) * channels
            strongest(
                flat, at, steps, (bottom - top, right - left), channels, begin, size[1], last, to,
                of, (line * wide + q) * channels,
            )  # fmt: skip


def max_unpool(
    t: Array, places: Array, spatial: Sizes, size: Sizes, stride: Sizes, corner: Sizes
) -> Array:
    """What max-pooling sends back: each adjoint at the place of its window's winner.

    Args:
        t: the adjoints of the windows, (n, *positions, c), contiguous.
        places: see ``max_pool``.
        spatial: height and width of what was pooled.
        size: see ``max_pool``.
        stride: see ``max_pool``.
        corner: see ``max_pool``.
    """
    back, how = _target(t, spatial, size, stride, corner)
    in_parallel(_max_unpool, len(t), t, places, size, stride, corner, how, back,
                least=_least(t, size, len(t)), shares=len(t),
                divided=(t, places, back))  # fmt: skip
    return back


@shared
def _max_unpool(
    first: int, end: int, t: Any, places: Any, size: Any, stride: Any, corner: Any, how: int,
    back: Any,
) -> None:  # fmt: skip
    _, high, wide, channels = t.shape
    _, height, width, _ = back.shape
    to, sent, of = back.reshape(-1), t.reshape(-1), places.reshape(-1)
    steps = (width * channels, channels)
    for line in range(first * high, end * high):
        i, r = line // high, line % high
        top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
        above = top - r * stride[0] - corner[0]
        for q in range(wide):
            left, right = _clipped(q, size[1], stride[1], corner[1], width)
            begin = above * size[1] + left - q * stride[1] - corner[1]
            at = ((i * height + top) * width + left) * channels
            to_strongest(
                to, at, steps, (bottom - top, right - left), channels, begin, size[1], how, sent,
                of, (line * wide + q) * channels,
            )  # fmt: skip
    settle(how)


def sum_pool(
    x: Array, size: Sizes, stride: Sizes, corner: Sizes, out: Sizes, weight: float
) -> Array:
    """The sum of each window, times ``weight``; arguments as for ``max_pool``."""
    y = buffers.empty((len(x), *out, x.shape[3]), x.dtype)
    lines = len(x) * out[0]
    in_parallel(_sum_pool, lines, x, size, stride, corner, weight, y,
                least=_least(y, size, lines), shares=len(x), divided=(x, y))  # fmt: skip
    return y


@shared
def _sum_pool(
    first: int, end: int, x: Any, size: Any, stride: Any, corner: Any, weight: float, y: Any
) -> None:
    _, high, wide, _ = y.shape
    _, height, width, channels = x.shape
    flat, to, steps = x.reshape(-1), y.reshape(-1), (width * channels, channels)
    factor = x.dtype.type(weight)
    for line in range(first, end):
        i, r = line // high, line % high
        top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
        for q in range(wide):
            left, right = _clipped(q, size[1], stride[1], corner[1], width)
            at = ((i * height + top) * width + left) * channels
            total(
                flat, at, steps, (bottom - top, right - left), channels, factor, to,
                (line * wide + q) * channels,
            )  # fmt: skip


def sum_unpool(
    t: Array, spatial: Sizes, size: Sizes, stride: Sizes, corner: Sizes, weight: float
) -> Array:
    """The transpose of ``sum_pool``: to (n, *spatial, c)."""
    back, how = _target(t, spatial, size, stride, corner)
    in_parallel(_sum_unpool, len(t), t, size, stride, corner, weight, how, back,
                least=_least(t, size, len(t)), shares=len(t), divided=(t, back))  # fmt: skip
    return back


@shared
def _sum_unpool(
    first: int, end: int, t: Any, size: Any, stride: Any, corner: Any, weight: float, how: int,
    back: Any,
) -> None:  # fmt: skip
    _, high, wide, channels = t.shape
    _, height, width, _ = back.shape
    to, sent, steps = back.reshape(-1), t.reshape(-1), (width * channels, channels)
    factor = t.dtype.type(weight)
    for line in range(first * high, end * high):
        i, r = line // high, line % high
        top, bottom = _clipped(r, size[0], stride[0], corner[0], height)
        for q in range(wide):
            left, right = _clipped(q, size[1], stride[1], corner[1], width)
            at = ((i * height + top) * width + left) * channels
            to_all(
                to, at, steps, (bottom - top, right - left), channels, factor, how, sent,
                (line * wide + q) * channels,
            )  # fmt: skip
    settle(how)


def _target(
    t: Array, spatial: Sizes, size: Sizes, stride: Sizes, corner: Sizes
) -> tuple[Array, int]:
    """Where adjoints are sent back to, and how; see ``window.ADD``.

    If each element is in exactly one window, nothing is there yet; else there are zeros.
    """
    covered = tuple(n * k for n, k in zip(t.shape[1:3], size, strict=True))
    exact = size == stride and covered == spatial and not any(corner)
    shape = (len(t), *spatial, t.shape[3])
    back = buffers.empty(shape, t.dtype)
    if exact:
        return back, manner(back)
    buffers.write(back, 0)
    return back, ADD
