"""Which kernel computes on images: the compiled one where it applies, else that of NumPy.

Arrays come and go in the order of axes that users see, (batch, channels, *spatial), in any memory
layout. The compiled kernels want channels last in memory; their results are views of such arrays,
so that the next kernel finds what it wants.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import convolution, dispatch, pooling
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.pooling import Ties, Winners
from autodiff.kernels.windows import Sizes, output_sizes

_FEWEST_OUTPUTS = 4
"""A group of fewer outputs would leave most of a vector register idle."""


def _native(name: str, rank: int, *arrays: Array | None) -> ModuleType | None:
    """A module of compiled kernels, if it takes these images: along one axis or two."""
    return dispatch.native(name, *arrays) if rank <= 2 else None


def _channels_last(x: Array) -> Array:
    """(n, c, *spatial) as a contiguous (n, height, width, c); a sequence has the height 1."""
    x = x[:, :, np.newaxis] if x.ndim == 3 else x
    return contiguous(x.transpose(0, 2, 3, 1))


def _channels_first(x: Array, rank: int) -> Array:
    x = x.transpose(0, 3, 1, 2)
    return x[:, :, 0] if rank == 1 else x


def _two(sizes: Sizes, first: int = 1) -> Sizes:
    """Sizes along two axes."""
    return sizes if len(sizes) == 2 else (first, *sizes)


def _four(w: Array) -> Array:
    return w[:, :, np.newaxis] if w.ndim == 3 else w


# --- convolution ----------------------------------------------------------------------------------


def correlate(
    x: Array, w: Array, stride: Sizes, dilation: Sizes, groups: int, b: Array | None = None
) -> Array:
    """See ``convolution.correlate``."""
    rank = w.ndim - 2
    native = _native("convolution", rank, x, w, b)
    if native is None or len(w) // groups < _FEWEST_OUTPUTS:
        return convolution.correlate(x, w, stride, dilation, groups, b)
    out = output_sizes(x.shape[2:], w.shape[2:], stride, dilation)
    kernels = contiguous(_four(w).transpose(2, 3, 1, 0))
    bias = np.zeros(len(w), x.dtype) if b is None else contiguous(b)
    y = native.correlate(
        _channels_last(x), kernels, bias, _two(stride), _two(dilation), groups, _two(out)
    )
    return _channels_first(y, rank)


def correlate_input(
    t: Array | Winners, w: Array, spatial: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> Array:
    """See ``convolution.correlate_input``."""
    rank = w.ndim - 2
    if isinstance(t, Winners):
        if _is_plain(stride, dilation, groups) and w.shape[1] * w.shape[-1] >= _FEWEST_IN_A_RUN:
            scattered = import_module("autodiff.kernels.native.scattered")
            kernels = contiguous(_four(w).transpose(0, 2, 3, 1))
            return _channels_first(scattered.correlate_input(t, kernels, _two(spatial)), rank)
        t = unpooled(t)
    native = _native("convolution", rank, t, w)
    channels = w.shape[1]
    if native is None or channels < _FEWEST_OUTPUTS or max(stride) > 1:
        return convolution.correlate_input(t, w, spatial, stride, dilation, groups)
    # A correlation again: of the adjoint with a border, and of the kernels flipped.
    ours, size = len(w) // groups, _two(w.shape[2:])
    kernels = _four(w)[:, :, ::-1, ::-1].reshape(groups, ours, channels, *size)
    kernels = contiguous(kernels.transpose(3, 4, 1, 0, 2)).reshape(*size, ours, -1)
    framed = _framed(t, _two(spatial), size, _two(dilation))
    nothing = np.zeros(groups * channels, t.dtype)
    x = native.correlate(framed, kernels, nothing, (1, 1), _two(dilation), groups, _two(spatial))
    return _channels_first(x, rank)


def _framed(t: Array, spatial: Sizes, size: Sizes, dilation: Sizes) -> Array:
    """An adjoint, channels last, with zeros around it as far as kernels reach."""
    t = np.moveaxis(t[:, :, np.newaxis] if t.ndim == 3 else t, 1, -1)
    reach = [(k - 1) * d for k, d in zip(size, dilation, strict=True)]
    lengths = [n + r for n, r in zip(spatial, reach, strict=True)]
    framed = np.zeros((len(t), *lengths, t.shape[-1]), t.dtype)
    (top, left), (high, wide) = reach, t.shape[1:3]
    framed[:, top : top + high, left : left + wide] = t
    return framed


_FEWEST_IN_A_RUN = 32
"""Shorter runs of an image are not worth being looked up one by one."""


def correlate_kernel(
    x: Array, t: Array | Winners, size: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> Array:
    """See ``convolution.correlate_kernel``."""
    rank = len(size)
    if isinstance(t, Winners):
        if _is_plain(stride, dilation, groups) and x.shape[1] * size[-1] >= _FEWEST_IN_A_RUN:
            scattered = import_module("autodiff.kernels.native.scattered")
            w = scattered.correlate_kernel(_channels_last(x), t, _two(size))
            return _kernel_first(w.transpose(0, 3, 1, 2), rank)
        t = unpooled(t)
    native = _native("convolution", rank, x, t)
    if native is None or t.shape[1] // groups < _FEWEST_OUTPUTS:
        return convolution.correlate_kernel(x, t, size, stride, dilation, groups)
    w = native.correlate_kernel(
        _channels_last(x), _channels_last(t), _two(size), _two(stride), _two(dilation), groups
    )
    return _kernel_first(w.transpose(3, 2, 0, 1), rank)


def _kernel_first(w: Array, rank: int) -> Array:
    w = np.ascontiguousarray(w)
    return w[:, :, 0] if rank == 1 else w


def _is_plain(stride: Sizes, dilation: Sizes, groups: int) -> bool:
    return groups == 1 and {*stride, *dilation} == {1}


# --- pooling --------------------------------------------------------------------------------------


def max_pool(x: Array, size: Sizes, stride: Sizes) -> Array:
    """See ``pooling.max_pool``."""
    native = _native("pooling", len(size), x) if x.ndim == len(size) + 2 else None
    if native is None:
        return pooling.max_pool(x, size, stride)
    out = output_sizes(x.shape[2:], size, stride, (1,) * len(size))
    y = native.max_pool(_channels_last(x), _two(size), _two(stride), _two(out))
    return _channels_first(y, len(size))


def pooled_adjoint(
    t: Array, x: Array, largest: Array, size: Sizes, stride: Sizes, ties: Ties
) -> Winners | None:
    """What max-pooling sends back, if it is known sharply: None where NumPy finds the winners.

    Args:
        t: the adjoint of what was pooled.
        x: (n, c, *spatial).
        largest: what ``max_pool`` gave.
        size: the window.
        stride: the distance of neighbouring windows.
        ties: which of several equal largest elements win; see ``pooling.winners``.
    """
    native = _native("pooling", len(size), x, t) if ties in ("first", "last") else None
    if native is None:
        return None
    images, most = _channels_last(x), _channels_last(largest)
    places = native.winners(images, most, _two(size), _two(stride), ties == "last")
    return Winners(_channels_last(t), places, _two(size), _two(stride), x.shape[2:])


def unpooled(t: Winners) -> Array:
    """The adjoint of what was pooled, as an array."""
    native = import_module("autodiff.kernels.native.pooling")
    return _channels_first(native.scatter(t, _two(t.spatial)), len(t.spatial))


def per_channel(t: Winners) -> Array:
    """The sum of the adjoint over all axes but that of channels."""
    there = t.places >= 0
    values = t.values if there.all() else np.where(there, t.values, 0)
    total: Array = values.sum((0, 1, 2))
    return total
