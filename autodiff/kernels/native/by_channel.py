"""Both adjoints of a convolution in which each channel has a kernel of its own, in one go.

With neighbouring windows one element apart, element q of an image meets the same adjoints twice:

    x̄[q, v] = Σ over a of w[a, v] · t[q - corner - a · dilation, v]
    w̄[a, v] = Σ over q of x[q, v] · t[q - corner - a · dilation, v]

There is so little to compute that memory is what is waited for. So each adjoint is read once, for
both sums; what a block is about to read is fetched in the order in which it lies; and the kernel
and its sums stay in registers. What is outside of the images is left out, not read as zeros.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba import types
from numba.core import cgutils

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.streams import manner_of
from autodiff.kernels.native.sums import add_up, chunks
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.touch import touch
from autodiff.kernels.native.vectors import INT, LONGEST, Emitter
from autodiff.kernels.native.window import STREAM, WRITE, settle
from autodiff.kernels.windows import REMEMBERED, Sizes

MOST_PLACES = 9
"""Places of a kernel for which it and its sums stay in registers."""
_BLOCK = 1 << 17
"""Bytes of an image that the cache gets at once, with those of as many adjoints."""


def correlate_both(
    x: Array, t: Array, w: Array, corner: Sizes, dilation: Sizes
) -> tuple[Array, Array]:  # fmt: skip
    """The transposes of ``convolution.correlate`` with respect to x, and to w, by channel.

    Args:
        x: (n, height, width, c), contiguous.
        t: (n, *out, c), contiguous.
        w: (*size, c) in any layout, of ``MOST_PLACES`` at most.
        corner: where the window of the first position begins.
        dilation: distance of neighbouring kernel elements.

    Returns:
        (n, height, width, c), and (*size, 1, c).
    """
    *size, channels = w.shape
    lines, blocks, down, across = _way(x.shape, tuple(size), corner, dilation, x.itemsize)
    to_x, parts, ends = buffers.empty(x.shape, x.dtype), *chunks(blocks)
    sums = buffers.empty((parts, *size, 1, channels), x.dtype)
    flat = to_x.reshape(-1)
    how = manner_of(flat) if channels * x.itemsize % LINE == 0 else WRITE
    in_parallel(
        _correlate_both, parts, ends, lines, x.reshape(-1), x.shape[1:3], t.reshape(-1),
        t.shape[1:3], channels, buffers.contiguous(w).reshape(-1), down, across, sums.reshape(-1),
        flat, how,
    )  # fmt: skip
    return to_x, add_up(sums)


@lru_cache(REMEMBERED)
def _way(
    shape: Sizes, size: Sizes, corner: Sizes, dilation: Sizes, itemsize: int
) -> tuple[int, int, Sizes, Sizes]:
    """What follows from shapes alone.

    Returns:
        How many lines of an image a block has, and how many blocks there are; and how far the
        adjoints that an element meets are from where it is itself, down and across.
    """
    images, high, wide, channels = shape
    lines = min(high, max(1, _BLOCK // (wide * channels * itemsize)))
    down, across = (
        tuple(-(c + a * d) for a in range(n))
        for n, c, d in zip(size, corner, dilation, strict=True)
    )
    return lines, images * -(-high // lines), down, across


@shared
def _correlate_both(
    first: int, end: int, ends: Any, lines: int, x: Any, seen: Any, t: Any, made: Any,
    channels: int, w: Any, down: Any, across: Any, sums: Any, to_x: Any, how: int,
) -> None:  # fmt: skip
    lanes = LONGEST // x.itemsize
    slab = len(w)
    in_image = -(-seen[0] // lines)
    line, line_of_t = seen[1] * channels, made[1] * channels
    inner = max(0, -min(across)), min(seen[1], made[1] - max(across))
    if inner[0] >= inner[1]:
        inner = 0, 0
    for part in range(first, end):
        sums[part * slab : (part + 1) * slab] = 0
        for block in range(ends[part], ends[part + 1]):
            image, top = block // in_image, block % in_image * lines
            bottom = min(top + lines, seen[0])
            at_t = image * made[0] * line_of_t
            rows = max(0, top + min(down)), min(made[0], bottom + max(down))
            touch(t, at_t + rows[0] * line_of_t, (rows[1] - rows[0]) * line_of_t)
            touch(x, (image * seen[0] + top) * line, (bottom - top) * line)
            for column in range(0, channels, lanes):
                last = min(lanes, channels - column)
                to = part * slab + column
                for row in range(top, bottom):
                    at = (image * seen[0] + row) * line + column
                    whole = row + min(down) >= 0 and row + max(down) < made[0]
                    begin, behind = inner if whole else (0, 0)
                    ranges = ((0, begin, 1), (begin, behind, 0), (behind, seen[1], 1))
                    for head, tail, careful in ranges:
                        if head < tail:
                            _along(
                                careful, row, head, tail, x, at, t, at_t + column, made, down,
                                across, channels, w, column, sums, to, to_x, how, last,
                            )  # fmt: skip
    settle(how)


@written
def _along(
    typing: Any, careful: Any, row: Any, begin: Any, behind: Any, x: Any, at: Any, t: Any,
    at_t: Any, made: Any, down: Any, across: Any, channels: Any, w: Any, at_w: Any, sums: Any,
    at_sums: Any, to_x: Any, how: Any, last: Any,
) -> Any:  # fmt: skip
    """Both sums, for one vector of channels and some elements of a line.

    Args:
        typing: of numba.
        careful: 0 if all of them see every place of the kernel.
        row: which line it is.
        begin: the first element.
        behind: the one behind the last.
        x: flat array.
        at: where the line begins in it.
        t: flat array.
        at_t: where the image begins in it.
        made: its height and width.
        down: how far away the adjoints are that an element meets.
        across: likewise.
        channels: of the images: how far apart neighbouring elements are.
        w: flat array.
        at_w: where its first place begins; places are as far apart.
        sums: flat array.
        at_sums: likewise.
        to_x: flat array, laid out like x.
        how: to write to it: see ``window.STREAM``.
        last: how many channels there are in the vector: no others are read or written.
    """
    integer, pair = types.intp, types.UniTuple(types.intp, 2)
    signature = types.void(
        integer, integer, integer, integer, x, integer, t, integer, pair, down, across, integer, w,
        integer, sums, integer, to_x, integer, integer,
    )  # fmt: skip

    def every_kind(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(x.dtype.bitwidth, context, builder, LONGEST)
        careful, last = arguments[0], arguments[-1]
        full = builder.icmp_signed("==", last, INT(write.lanes))
        inside = builder.icmp_signed("==", careful, INT(0))
        for is_full in (True, False):
            for is_inside in (True, False):
                right = [
                    choice if wanted else builder.not_(choice)
                    for choice, wanted in ((full, is_full), (inside, is_inside))
                ]
                with builder.if_then(builder.and_(*right)):
                    mask = None if is_full else write.mask(last)
                    _emit(write, mask, not is_inside, signature.args, arguments)
        return context.get_dummy_value()

    return signature, every_kind


def _emit(write: Emitter, mask: Any, careful: bool, kinds: Any, arguments: Any) -> None:
    """Write the instructions of one kind."""
    builder = write.builder
    (_, row, begin, behind, x, at, t, at_t, made, down, across, channels, w, at_w, sums, at_sums,
     to_x, how, _) = arguments  # fmt: skip
    high, wide = cgutils.unpack_tuple(builder, made, 2)
    down, across = (
        cgutils.unpack_tuple(builder, shifts, kinds[k].count)
        for k, shifts in ((9, down), (10, across))
    )

    def moved(address: Any, elements: Any) -> Any:
        return write.moved(address, builder.mul(elements, channels))

    def places(kind: Any, array: Any, first: Any) -> list[list[Any]]:
        address = write.address(kind, array, first)
        return [
            [moved(address, INT(a * len(across) + c)) for c in range(len(across))]
            for a in range(len(down))
        ]

    def each(addresses: list[list[Any]]) -> list[list[Any]]:
        return [[write.load(address, 0, mask) for address in line] for line in addresses]

    of_sums = places(kinds[14], sums, at_sums)
    kernel = each(places(kinds[12], w, at_w))
    held = [
        [cgutils.alloca_once_value(builder, vector) for vector in line] for line in each(of_sums)
    ]
    lines = [builder.add(row, shift) for shift in down]
    image = write.address(kinds[6], t, at_t)
    starts = [
        [moved(image, builder.add(builder.mul(line, wide), shift)) for shift in across]
        for line in lines
    ]
    at_x, at_result = write.address(kinds[4], x, at), write.address(kinds[16], to_x, at)
    total = cgutils.alloca_once(builder, write.vector)

    def inside(place: Any, length: Any) -> Any:
        return builder.icmp_unsigned("<", place, length)

    with cgutils.for_range(builder, behind, begin) as loop:
        q = loop.index
        here = write.load(moved(at_x, q), 0, mask)
        builder.store(write.spread(write.number(0.0)), total)
        # last places first: adjoints in the order in which they lie
        for a in reversed(range(len(down))):
            for c in reversed(range(len(across))):

                def meet(a: int = a, c: int = c) -> None:
                    adjoint = write.load(moved(starts[a][c], q), 0, mask)
                    for factor, register in ((kernel[a][c], total), (here, held[a][c])):
                        so_far = builder.load(register)
                        builder.store(write.multiply_add(factor, adjoint, so_far), register)

                if careful:
                    met = builder.and_(
                        inside(lines[a], high), inside(builder.add(q, across[c]), wide)
                    )
                    with builder.if_then(met):
                        meet()
                else:
                    meet()
        result = moved(at_result, q)
        if mask is None and write.length == LINE:
            with builder.if_else(builder.icmp_signed("==", how, INT(STREAM))) as (past, near):
                with past:
                    write.stream(builder.load(total), result)
                with near:
                    write.store(builder.load(total), result)
        else:
            write.store(builder.load(total), result, 0, mask)
    for addresses, registers in zip(of_sums, held, strict=True):
        for address, register in zip(addresses, registers, strict=True):
            write.store(builder.load(register), address, 0, mask)
