"""Which kernel computes on images: the compiled one where it applies, else that of NumPy.

Arrays come and go in the order of axes that users see, (batch, channels, *spatial), in any memory
layout. The compiled kernels want channels last in memory; their results are views of such arrays,
so that the next kernel finds what it wants.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from types import ModuleType
from typing import Literal

import numpy as np

from autodiff.arrays import Array
from autodiff.caching import cached
from autodiff.kernels import buffers, convolution, dispatch, pooling
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.pooling import Ties, Winners
from autodiff.kernels.remembered import Remembered
from autodiff.kernels.windows import (
    REMEMBERED,
    Sizes,
    Widths,
    framed,
    inside,
    output_sizes,
    padded_sizes,
)

_FEWEST_OUTPUTS = 4
"""A group of fewer outputs would leave most of a vector register idle."""


def _native(name: str, rank: int, *arrays: Array | None) -> ModuleType | None:
    """A module of compiled kernels, if it takes these images: along one axis or two."""
    return dispatch.native(name, *arrays) if rank <= 2 else None


def _channels_last(x: Array, times: int = 1) -> Array:
    """(n, c, *spatial) as a contiguous (n, height, width, c); a sequence has the height 1.

    Each channel may come several times, one after the other.
    """
    x = x[:, :, np.newaxis] if x.ndim == 3 else x
    x = x.transpose(0, 2, 3, 1)
    return contiguous(x if times == 1 else np.repeat(x, times, -1))


def _channels_first(x: Array, rank: int) -> Array:
    x = x.transpose(0, 3, 1, 2)
    return x[:, :, 0] if rank == 1 else x


def _two(sizes: Sizes, first: int = 1) -> Sizes:
    """Sizes along two axes."""
    return sizes if len(sizes) == 2 else (first, *sizes)


@lru_cache(REMEMBERED)
def _positions(
    spatial: Sizes, size: Sizes, stride: Sizes, dilation: Sizes, padding: Widths
) -> Sizes:
    return _two(output_sizes(padded_sizes(spatial, padding), size, stride, dilation))


def _four(w: Array) -> Array:
    return w[:, :, np.newaxis] if w.ndim == 3 else w


# --- convolution ----------------------------------------------------------------------------------


def correlate(
    x: Array, w: Array, stride: Sizes, dilation: Sizes, groups: int, b: Array | None = None,
    padding: Widths = (),
) -> Array:  # fmt: skip
    """See ``convolution.correlate``; ``padding`` are the zeros around each axis of x."""
    rank = w.ndim - 2
    native = _native("convolution", rank, x, w, b)
    alone, times = _by_channel(x.shape[1], len(w), groups)
    if native is None or not (alone or len(w) // groups >= _FEWEST_OUTPUTS):
        return convolution.correlate(framed(x, padding), w, stride, dilation, groups, b)
    out = _positions(x.shape[2:], w.shape[2:], stride, dilation, padding)
    kernels = _grouped(w, 1 if alone else groups).transpose(0, 3, 4, 2, 1)
    bias = buffers.zeros(len(w), x.dtype) if b is None else contiguous(b)
    y = native.correlate(
        _channels_last(x, times), kernels, bias, _corner(padding), _two(stride), _two(dilation),
        out, alone,
    )  # fmt: skip
    return _channels_first(y, rank)


def correlate_input(
    t: Array | Pooled, w: Array, spatial: Sizes, stride: Sizes, dilation: Sizes, groups: int,
    padding: Widths = (),
) -> Array:  # fmt: skip
    """See ``convolution.correlate_input``; ``spatial`` is without the padding."""
    rank = w.ndim - 2
    whole = padded_sizes(spatial, padding)
    if isinstance(t, Pooled):
        if t.dtype == w.dtype and _is_plain(stride, dilation, groups):
            scattered = dispatch.module("scattered")
            kernels = _four(w).transpose(0, 2, 3, 1)
            x = _channels_first(scattered.correlate_input(t.winners, kernels, _two(whole)), rank)
            return x[inside(spatial, padding)]
        t = t.dense
    native = _native("convolution", rank, t, w)
    alone, times = _by_channel(w.shape[1] * groups, len(w), groups)
    if native is None or not (alone or w.shape[1] >= _FEWEST_OUTPUTS):
        x = convolution.correlate_input(t, w, whole, stride, dilation, groups)
        return x[inside(spatial, padding)]
    kernels = _grouped(w, 1 if alone else groups)
    order = (0, 3, 4, 2, 1) if alone else (0, 3, 4, 1, 2)
    x = native.correlate_input(
        _channels_last(t), kernels.transpose(order), _two(spatial), _corner(padding), _two(stride),
        _two(dilation), alone,
    )  # fmt: skip
    if times > 1:
        x = sum(x[..., k::times] for k in range(times))
    return _channels_first(x, rank)


def correlate_kernel(
    x: Array, t: Array | Pooled, size: Sizes, stride: Sizes, dilation: Sizes, groups: int,
    padding: Widths = (),
) -> Array:  # fmt: skip
    """See ``convolution.correlate_kernel``; ``padding`` are the zeros around each axis of x."""
    rank = len(size)
    if isinstance(t, Pooled):
        if t.dtype == x.dtype and _is_plain(stride, dilation, groups):
            scattered = dispatch.module("scattered")
            images = _channels_last(framed(x, padding))
            w = scattered.correlate_kernel(images, t.winners, _two(size))
            return _kernel_first(w.transpose(0, 3, 1, 2), rank)
        t = t.dense
    native = _native("convolution", rank, x, t)
    alone, times = _by_channel(x.shape[1], t.shape[1], groups)
    if native is None or not (alone or t.shape[1] // groups >= _FEWEST_OUTPUTS):
        return convolution.correlate_kernel(framed(x, padding), t, size, stride, dilation, groups)
    w = native.correlate_kernel(
        _channels_last(x, times), _channels_last(t), _two(size), _corner(padding), _two(stride),
        _two(dilation), 1 if alone else groups, alone,
    )  # fmt: skip
    return _kernel_first(w.transpose(3, 2, 0, 1), rank)


def correlate_both(
    x: Array, t: Array | Pooled, w: Array, stride: Sizes, dilation: Sizes, groups: int,
    padding: Widths = (),
) -> tuple[Array, Array] | None:  # fmt: skip
    """What ``correlate_input`` and ``correlate_kernel`` give, in one go; None if they are better.

    They are, unless each channel has one kernel of few places, and windows are neighbours.
    """
    rank, places = w.ndim - 2, prod(w.shape[2:])
    alone, times = _by_channel(x.shape[1], len(w), groups)
    if alone is None or times > 1 or {*stride} != {1} or 0 in x.shape:
        return None
    t = t.dense if isinstance(t, Pooled) else t
    native = _native("by_channel", rank, x, t, w)
    if native is None or places > native.MOST_PLACES:
        return None
    to_x, to_w = native.correlate_both(
        _channels_last(x), _channels_last(t), _four(w)[:, 0].transpose(1, 2, 0), _corner(padding),
        _two(dilation),
    )  # fmt: skip
    return _channels_first(to_x, rank), _kernel_first(to_w.transpose(3, 2, 0, 1), rank)


def _kernel_first(w: Array, rank: int) -> Array:
    w = buffers.contiguous(w)
    return w[:, :, 0] if rank == 1 else w


def _is_plain(stride: Sizes, dilation: Sizes, groups: int) -> bool:
    return groups == 1 and {*stride, *dilation} == {1}


def _by_channel(channels: int, outputs: int, groups: int) -> tuple[Literal[True] | None, int]:
    """Whether every channel is a group of its own, and then, how many kernels it has."""
    return (True, outputs // groups) if 1 < groups == channels else (None, 1)


def _grouped(w: Array, groups: int) -> Array:
    """(groups, o / groups, c / groups, height, width)."""
    w = w[:, :, np.newaxis] if w.ndim == 3 else w
    return w.reshape(groups, -1, *w.shape[1:])


def _corner(padding: Widths) -> Sizes:
    """Where the first window begins."""
    return _two(tuple(-before for before, _ in padding), 0) if padding else (0, 0)


def per_channel(t: Array) -> Array:
    """The sum over all axes of (n, c, *spatial) but that of channels."""
    native = _native("sums", t.ndim - 2, t) if dispatch.worth_it(t) else None
    if native is None:
        axes = (0, *range(2, t.ndim))
        return np.asarray(t.sum(axes))
    total: Array = native.per_channel(_channels_last(t))
    return total


# --- pooling --------------------------------------------------------------------------------------


_winners = Remembered()
"""Which of several equal elements win, and the places that ``max_pool`` found."""


def max_pool(
    x: Array, size: Sizes, stride: Sizes, padding: Widths = (), last: bool = False
) -> Array:
    """See ``pooling.max_pool``; a border never wins. ``Pooled`` tells of ``last``."""
    native = _native("pooling", len(size), x) if x.ndim == len(size) + 2 else None
    if native is None:
        return pooling.max_pool(framed(x, padding, -np.inf), size, stride)
    out = _positions(x.shape[2:], size, stride, (1,) * len(size), padding)
    windows = _two(size), _two(stride), _corner(padding)
    y, places = native.max_pool(_channels_last(x), *windows, out, last)
    y = _channels_first(y, len(size))
    _winners.keep(y, (last, places))
    return y


def sum_pool(
    x: Array, size: Sizes, stride: Sizes, weight: float, padding: Widths = ()
) -> Array:  # fmt: skip
    """The sums of windows, times ``weight``; there are zeros in the border."""
    native = _native("pooling", len(size), x)
    if native is None:
        return pooling.pool(framed(x, padding), _uniform(size, x.ndim, weight), size, stride)
    out = _positions(x.shape[2:], size, stride, (1,) * len(size), padding)
    images = _channels_last(x)
    y = native.sum_pool(images, _two(size), _two(stride), _corner(padding), out, weight)
    return _channels_first(y, len(size))


def sum_unpool(
    t: Array, spatial: Sizes, size: Sizes, stride: Sizes, weight: float, padding: Widths = ()
) -> Array:
    """The transpose of ``sum_pool``: from (n, c, *positions) to (n, c, *spatial)."""
    native = _native("pooling", len(size), t)
    if native is None:
        whole, weights = padded_sizes(spatial, padding), _uniform(size, t.ndim, weight)
        return pooling.unpool(t, weights, whole, size, stride)[inside(spatial, padding)]
    x = native.sum_unpool(
        _channels_last(t), _two(spatial), _two(size), _two(stride), _corner(padding), weight
    )
    return _channels_first(x, len(size))


def _uniform(size: Sizes, rank: int, weight: float) -> Array:
    return np.full((*size, *(1,) * rank), weight)


class Pooled:
    """What max-pooling sends back, not worked out until it is known in which form it is needed.

    Args:
        t: the adjoint of what was pooled.
        x: (n, c, *spatial).
        largest: what ``max_pool`` gave.
        size: the window.
        stride: the distance of neighbouring windows.
        padding: see ``max_pool``.
        last: whether the last of several equal largest elements wins, and not the first.

    Attributes:
        dtype: of the adjoint.
    """

    def __init__(
        self, t: Array, x: Array, largest: Array, size: Sizes, stride: Sizes, padding: Widths,
        last: bool,
    ) -> None:  # fmt: skip
        self._x, self._largest, self._last = x, largest, last
        self._t = _channels_last(t)
        self._windows = (size, stride, padding)
        self.dtype = t.dtype

    @staticmethod
    def knows(t: Array, x: Array, size: Sizes, ties: Ties) -> bool:
        """Whether there are compiled kernels for it."""
        return ties in ("first", "last") and _native("pooling", len(size), x, t) is not None

    @cached
    def winners(self) -> Winners:
        """The adjoint of each window, and the place that it belongs to."""
        size, stride, padding = self._windows
        found = _winners.of(self._largest)
        if found is None or found[0] is not self._last:  # it is a copy, or of another rule
            found = _winners.of(max_pool(self._x, *self._windows, self._last))
        _, places = found
        return Winners(self._t, places, _two(size), _two(stride), _corner(padding))

    @cached
    def dense(self) -> Array:
        """All as an array, (n, c, *spatial)."""
        native = dispatch.module("pooling")
        values, places, *windows = self.winners
        x = native.max_unpool(values, places, _two(self._x.shape[2:]), *windows)
        return _channels_first(x, len(self._windows[0]))

    @cached
    def per_channel(self) -> Array:
        """The sum over all axes but that of channels."""
        values, places, *_ = self.winners
        total: Array = dispatch.module("sums").per_channel(values, places)
        return total
