"""The transposes of cross-correlation for an adjoint that max-pooling sends back.

Of each window one element at most has an adjoint. It is added to, or multiplied with, the part of
the image that its kernel saw: a few contiguous runs. Three quarters of the work, for windows of
2×2, are never done. Correlations have neither stride, dilation nor groups here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import internal
from autodiff.kernels.native.gather import add_rows, tile_shape, whole
from autodiff.kernels.native.met import met
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.strongest import NOBODY
from autodiff.kernels.native.sums import add_up, chunks
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.walk import copy
from autodiff.kernels.pooling import Winners
from autodiff.kernels.windows import Sizes

_NEAR = 1 << 15
"""Bytes of images that are read together: they stay in the cache that is nearest."""
_POSITIONS = 256
"""Windows that are looked at together."""
_TERMS = 128
"""Windows that are worth a sum of their own, which is added to the others in the end."""


@internal
def _strip(high: int, wide: int) -> int:
    """How many rows of windows are looked at together: strips of about one size."""
    strips = max(1, -(-high * wide // _POSITIONS))
    return max(1, -(-high // strips))


@internal
def _shifts(size: Any, line: int, channels: int) -> Any:
    """Where the places of a window are in an image, from the first one on."""
    shifts = np.empty(size[0] * size[1], np.intp)
    for k in range(len(shifts)):
        shifts[k] = k // size[1] * line + k % size[1] * channels
    return shifts


def correlate_input(t: Winners, w: Array, spatial: Sizes) -> Array:
    """The transpose with respect to x.

    Args:
        t: the adjoint.
        w: (o, kernel height, kernel width, c) in any layout.
        spatial: height and width of the result.

    Returns:
        (n, *spatial, c).
    """
    outputs, rows, columns, channels = w.shape
    run = columns * channels
    laid = buffers.empty((rows, outputs, whole(run, w.itemsize)), w.dtype)
    if run < laid.shape[-1]:
        buffers.write(laid, 0)
    runs = laid[..., :run].reshape(rows, outputs, columns, channels)
    buffers.write(runs, w.transpose(1, 0, 2, 3))
    x = buffers.empty((len(t.values), *spatial, channels), t.values.dtype)
    in_parallel(_correlate_input, len(x), *t, laid, run, x,
                shares=len(x), divided=(t.values, t.places, x))  # fmt: skip
    return x


@shared
def _correlate_input(
    first: int, end: int, t: Any, places: Any, size: Any, stride: Any, corner: Any, w: Any,
    run: int, x: Any,
) -> None:  # fmt: skip
    _, high, wide, outputs = t.shape
    rows, _, length = w.shape
    _, height, width, channels = x.shape
    flat, kernels = x.reshape(-1), w.reshape(-1)
    line, slab = width * channels, outputs * length
    tall, long = tile_shape(rows, run, x.itemsize)
    strip, shifts = _strip(high, wide), _shifts(size, line, channels)
    each = len(shifts) + 1  # groups of adjoints for a window: one for each place, and nobody's
    ends = np.empty(strip * wide * each, np.uintp)
    factors = np.empty(len(ends) * outputs, t.dtype)
    begins = np.empty(len(factors), np.int32)
    for i in range(first, end):
        flat[i * height * line : (i + 1) * height * line] = 0
        for top in range(0, high, strip):
            bottom = min(top + strip, high)
            _sort(t[i, top:bottom], places[i, top:bottom], each, length, factors, begins, ends)
            for a in range(0, rows, tall):  # the part of w that is read then stays in the cache
                for v in range(0, run, long):
                    group = 0
                    for r in range(top, bottom):
                        row = i * height + r * stride[0] + corner[0] + a
                        for q in range(wide):
                            begin = row * line + (q * stride[1] + corner[1]) * channels + v
                            for shift in shifts:
                                group += 1  # the first one is nobody's
                                add_rows(
                                    min(tall, rows - a), min(long, run - v), factors, begins,
                                    group * outputs, ends[group], 1, kernels, a * slab + v, slab,
                                    flat, begin + shift, line,
                                )  # fmt: skip
                            group += 1


@internal
def _sort(
    t: Any, places: Any, each: int, length: int, factors: Any, begins: Any, ends: Any
) -> None:
    """Put together the adjoints that belong to one place of one window.

    Args:
        t: (height, width, o).
        places: of that shape.
        each: number of groups for each window: the first has what is nobody's.
        length: numbers in a row of a kernel.
        factors: becomes the adjoints. A group has room for all outputs.
        begins: becomes where the rows begin that they are factors of.
        ends: becomes the end of each group.
    """
    high, wide, outputs = t.shape
    for group in range(high * wide * each):
        ends[group] = group * outputs
    first = 0
    for r in range(high):
        for q in range(wide):
            values, here = t[r, q], places[r, q]
            for o in range(outputs):
                group = np.uintp(first + here[o] - NOBODY)  # which no index counts from the end
                term = ends[group]
                factors[term] = values[o]
                begins[term] = o * length
                ends[group] = term + np.uintp(1)
            first += each


def correlate_kernel(x: Array, t: Winners, size: Sizes) -> Array:
    """The transpose with respect to w: to (o, kernel height, kernel width, c)."""
    batch, channels, (_, high, wide, outputs) = len(x), x.shape[3], t.values.shape
    (parts, ends), run = chunks(batch, -(-_TERMS // max(1, high * wide))), size[1] * channels
    sums = buffers.empty((parts, outputs, size[0], whole(run, x.itemsize)), x.dtype)
    in_parallel(_correlate_kernel, parts, ends, *t, x, sums)
    w = add_up(sums)[..., :run] if parts else np.zeros((*sums.shape[1:-1], run), x.dtype)
    return w.reshape(outputs, *size, channels)


@shared
def _correlate_kernel(
    first: int, end: int, ends: Any, t: Any, places: Any, size: Any, stride: Any, corner: Any,
    x: Any, sums: Any,
) -> None:  # fmt: skip
    _, high, wide, outputs = t.shape
    _, _, rows, run = sums.shape
    _, height, width, channels = x.shape
    kernels, line = sums.reshape(-1), width * channels
    adjoints, winners = t.reshape(-1), places.reshape(-1)
    tall, long = tile_shape(rows, run, x.itemsize)
    strip = _strip(high, wide)
    steps = (stride[0] * line, stride[1] * channels)
    seen = (strip - 1) * stride[0] + size[0] + rows - 1  # lines that a strip has to do with
    image = min(height, seen) * line
    fitting = _NEAR // max(1, image * x.itemsize)
    together = max(1, min(fitting, _POSITIONS // max(1, strip * wide)))
    near = np.zeros(together * image + (rows - 1) * line + run, x.dtype)
    pitch = (outputs + 7) // 16 * 16 + 8  # odd in lines of the cache: columns then spread over it
    factors = np.empty(together * strip * wide * pitch, t.dtype)
    corners = np.empty(len(factors), np.int32)
    slab = outputs * rows * run
    for part in range(first, end):
        kernels[part * slab : (part + 1) * slab] = 0
        for begin in range(ends[part], ends[part + 1], together):
            last = min(begin + together, ends[part + 1])
            for top in range(0, high, strip):
                bottom = min(top + strip, high)
                row = top * stride[0] + corner[0]
                above = max(0, row)
                below = max(above, min(height, row + seen))
                terms = (bottom - top) * wide * pitch
                for i in range(begin, last):
                    k = i - begin
                    source = x[i, above:below].reshape(-1)
                    copy(source, near[k * image : k * image + len(source)])
                    _look_up(
                        adjoints, winners, (i * high + top) * wide, bottom - top, wide, outputs,
                        size, (line, channels),
                        k * image + (row - above) * line + corner[1] * channels, steps,
                        together * image, pitch, factors, corners, k * terms,
                    )  # fmt: skip
                for o in range(outputs):
                    for a in range(0, rows, tall):
                        for v in range(0, run, long):
                            add_rows(
                                min(tall, rows - a), min(long, run - v), factors, corners, o,
                                (last - begin) * terms, pitch, near, a * line + v, line, kernels,
                                ((part * outputs + o) * rows + a) * run + v, run,
                            )  # fmt: skip


@internal
def _look_up(
    t: Any, places: Any, first: int, high: int, wide: int, outputs: int, size: Any, inside: Any,
    origin: int, steps: Any, nothing: int, pitch: int, factors: Any, begins: Any, term: int,
) -> None:  # fmt: skip
    """Find what each adjoint is multiplied with.

    Args:
        t: flat array.
        places: likewise.
        first: the first window.
        high: rows of windows.
        wide: columns of windows.
        outputs: adjoints of each.
        size: of a window.
        inside: how far the rows and the columns of a window are apart.
        origin: where the first window is.
        steps: how far windows are apart.
        nothing: where there are zeros.
        pitch: how far windows are apart in the results.
        factors: becomes the adjoints; zeros for those of nobody.
        begins: becomes where that begins what they are multiplied with; zeros for those of nobody.
        term: the first one that is written.
    """
    for r in range(high):
        for q in range(wide):
            met(
                t, places, (first + r * wide + q) * outputs, outputs, size, inside,
                origin + r * steps[0] + q * steps[1], nothing, factors, begins,
                term + (r * wide + q) * pitch,
            )  # fmt: skip
