"""Cross-correlation in any number of spatial dimensions, and its two transposes.

Arrays come as (batch, channels, *spatial) and kernels as (outputs, channels of a group, *size), but
what counts for speed is the order in memory. Here it is channels, space, batch: unfolding the input
into columns is then one copy of long contiguous runs per place in the kernel, the product is one
matrix product without any transposition, and the result is in the same order for the next layer.
Arrays are returned as views in the order of axes in which they came, so no caller notices.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.windows import Index, Sizes, elements, output_sizes


def correlate(
    x: Array, w: Array, stride: Sizes, dilation: Sizes, groups: int, b: Array | None = None
) -> Array:
    """y[n, o, i] = b[o] + Σ over c, a of x[n, c, i · stride + a · dilation] · w[o, c, a].

    Args:
        x: (n, c, *spatial).
        w: (o, c / groups, *size).
        stride: distance of neighbouring outputs, per axis.
        dilation: distance of neighbouring kernel elements, per axis.
        groups: the channels fall into this many groups that don't see each other.
        b: (o,), or None for zeros.

    Returns:
        (n, o, *positions).
    """
    size = w.shape[2:]
    out = output_sizes(x.shape[2:], size, stride, dilation)
    dtype = np.result_type(x, w) if b is None else np.result_type(x, w, b)
    columns = _unfold(_batch_last(x), out, size, stride, dilation, groups, dtype)
    y = w.reshape(groups, len(w) // groups, -1) @ columns
    if b is not None:
        y += b.reshape(groups, -1, 1)  # in place: a sum of its own would double the memory
    return _batch_first(y.reshape(len(w), *out, len(x)))


def correlate_input(
    t: Array, w: Array, spatial: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> Array:
    """The transpose of ``correlate`` with respect to x: (n, o, *positions) to (n, c, *spatial)."""
    size, out = w.shape[2:], t.shape[2:]
    channels = w.shape[1] * groups
    kernels = w.reshape(groups, len(w) // groups, -1).swapaxes(1, 2)
    errors = _batch_last(t).reshape(groups, len(w) // groups, -1)
    columns = _scratch((groups, kernels.shape[1], errors.shape[2]), np.result_type(t, w))
    np.matmul(kernels, errors, out=columns)
    columns = columns.reshape(channels, *size, *out, len(t))
    x = np.zeros((channels, *spatial, len(t)), dtype=columns.dtype)
    for of_place, reads in _elements(out, size, stride, dilation):
        x[reads] += columns[of_place]
    return _batch_first(x)


def correlate_kernel(
    x: Array, t: Array, size: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> Array:
    """The transpose with respect to w: (n, c, *spatial), (n, o, *positions) to (o, c, *size)."""
    out, outputs = t.shape[2:], t.shape[1]
    columns = _unfold(_batch_last(x), out, size, stride, dilation, groups, np.result_type(x, t))
    errors = _batch_last(t).reshape(groups, outputs // groups, -1)
    w: Array = errors @ columns.swapaxes(1, 2)
    return w.reshape(outputs, x.shape[1] // groups, *size)


def _unfold(
    x: Array, out: Sizes, size: Sizes, stride: Sizes, dilation: Sizes, groups: int, dtype: Any
) -> Array:
    """The columns of (c, *spatial, n): (groups, c / groups · size, positions · n)."""
    channels, batch = x.shape[0], x.shape[-1]
    shape = (groups, channels // groups * prod(size), prod(out) * batch)
    if prod(size) == 1 and out == x.shape[1:-1] and x.dtype == dtype:
        return x.reshape(shape)
    columns = _scratch((channels, *size, *out, batch), dtype)
    for of_place, reads in _elements(out, size, stride, dilation):
        columns[of_place] = x[reads]
    return columns.reshape(shape)


def _elements(
    out: Sizes, size: Sizes, stride: Sizes, dilation: Sizes
) -> Iterator[tuple[Index, Index]]:
    """For each place in a kernel: its index in columns, and the index of what it reads in x."""
    for place, reads in elements(out, size, stride, dilation):
        yield (slice(None), *place), (*reads, slice(None))


def _batch_last(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, 0, -1))


def _batch_first(x: Array) -> Array:
    return np.moveaxis(x, -1, 0)


_LARGEST_SCRATCH = 1 << 26  # bytes; what is larger is not worth holding on to
_threads = threading.local()


def _scratch(shape: Sizes, dtype: Any) -> Array:
    """An uninitialised array that lives until this thread's next call.

    Columns are several times the size of the input and are needed for one product only. Fetching
    fresh pages for them each time would cost as much as the product.
    """
    dtype = np.dtype(dtype)
    needed = prod(shape) * dtype.itemsize
    if needed > _LARGEST_SCRATCH:
        return np.empty(shape, dtype)
    memory: Array | None = getattr(_threads, "memory", None)
    if memory is None or memory.nbytes < needed:
        memory = _threads.memory = np.empty(needed, dtype=np.uint8)
    scratch: Array = np.ndarray(shape, dtype, memory.data)
    return scratch
