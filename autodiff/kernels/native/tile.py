"""One tile of a matrix product, held in vector registers from the first term to the last.

    out[places[p] + v] = start[v] + Σ over i of x[rows[p] + i · x_steps] · w[i · w_steps + v]

The sum runs over three nested indices. The rows of the left operand begin anywhere in ``x``, so it
may be an image, and need not be copied out into a matrix first (im2col); the right operand's rows
are contiguous. By channel, each column has a left operand of its own, x[... + v]: nothing is summed
over channels. A compiler does not keep a tile in registers by itself, so its instructions are
written here, one by one; LLVM chooses the registers and the widths that the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils

from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import BYTES, INT, LONGEST, REGISTERS, Emitter
from autodiff.kernels.native.window import STREAM

WIDE = 4 if REGISTERS == 32 else 3
"""Vectors that a tile has side by side at most, of the longest kind."""
NARROW = 3
"""Likewise, of shorter ones."""
HEIGHTS = {wide: min(8, REGISTERS // wide - 2) for wide in range(1, WIDE + 1)}
"""Rows of a tile, by vectors side by side: all sums stay in registers, with room for one row of the
right operand, and a number of the left one.

So many sums grow independently that none waits for its last addition. Each number that is loaded
is used several times, by the whole row or the whole column.
"""
_SIZES = {(BYTES, wide) for wide in range(1, NARROW + 1)} | {(LONGEST, wide) for wide in HEIGHTS}


@written
def tile(
    typing: Any, by_channel: Any, tall: Any, length: Any, wide: Any, row: Any, x: Any, origin: Any,
    rows: Any, x_steps: Any, w: Any, w_origin: Any, w_steps: Any, counts: Any, start: Any,
    start_origin: Any, follow: Any, out: Any, out_origin: Any, places: Any, last: Any,
    how: Any,
) -> Any:  # fmt: skip
    """Compute a tile; see above.

    Args:
        typing: of numba.
        by_channel: True, or None: known when this is compiled.
        tall: whether the tile has as many rows as ``HEIGHTS`` says, or just one.
        length: of a vector, in bytes.
        wide: how many vectors side by side.
        row: the first one.
        x: flat array.
        origin: what is added to all of ``rows``.
        rows: flat array of places in ``x``; as many are used, from ``row``, as the tile has rows.
        x_steps: how far the three indices move in ``x``.
        w: flat array.
        w_origin: where its first row begins.
        w_steps: how far the three indices move in ``w``.
        counts: how many values the three indices take.
        start: flat array of what is added to each row.
        start_origin: where that begins.
        follow: 0 if it is the same for all rows, 1 if they lie as in ``out``.
        out: flat array.
        out_origin: what is added to all of ``places``.
        places: flat array of where the rows of the result begin.
        last: how many elements of the last vector there are: no others are read or written.
        how: to write, by channel; ``window.STREAM`` if all vectors are full, and lie in lines of
            the cache.
    """
    three = types.UniTuple(types.intp, 3)
    signature = types.void(
        by_channel, types.boolean, types.intp, types.intp, types.intp, x, types.intp, rows, three,
        w, types.intp, three, three, start, types.intp, types.intp, out, types.intp, places,
        types.intp, types.intp,
    )  # fmt: skip
    each = by_channel is not types.none

    def every_size(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, tall, length, wide, *rest = arguments
        tiles = [(0, BYTES, 1, 1)]  # tall, length, wide, and the number of rows
        tiles += [(1, bytes_, vectors, HEIGHTS[vectors]) for bytes_, vectors in sorted(_SIZES)]
        size = builder.add(builder.mul(length, INT(8)), builder.add(wide, wide))
        size = builder.add(size, builder.zext(tall, INT))
        switch = [INT(bytes_ * 8 + vectors * 2 + is_tall) for is_tall, bytes_, vectors, _ in tiles]
        for this, (_, bytes_, vectors, height) in zip(switch, tiles, strict=True):
            with builder.if_then(builder.icmp_signed("==", size, this)):
                write = Emitter(x.dtype.bitwidth, context, builder, bytes_)
                _emit(write, each, height, vectors, signature.args[4:], rest)
        return context.get_dummy_value()

    return signature, every_size


def _emit(
    write: Emitter, each: bool, height: int, vectors: int, kinds: Any, arguments: Any
) -> None:
    """Write the instructions of one size of tile."""
    builder = write.builder
    (row, x, origin, rows, x_steps, w, w_origin, w_steps, counts, start, start_origin, follow, out,
     out_origin, places, last, how) = arguments  # fmt: skip
    masks = [None] * (vectors - 1) + [write.mask(last)]

    def table(kind: Any, array: Any) -> list[Any]:
        first = builder.inttoptr(write.address(kind, array), INT.as_pointer())
        first = builder.gep(first, [row])
        return [builder.load(builder.gep(first, [INT(p)])) for p in range(height)]

    lefts, targets = table(kinds[3], rows), table(kinds[14], places)
    at_start = write.address(kinds[9], start, start_origin)
    tile = []
    for target in targets:
        place = write.moved(at_start, builder.mul(follow, target))
        first = [write.load(place, v, mask) for v, mask in enumerate(masks)]
        tile.append([cgutils.alloca_once_value(builder, vector) for vector in first])

    def three(values: Any) -> list[Any]:
        return [builder.extract_value(values, i) for i in range(3)]

    of_count, of_x, of_w = map(three, (counts, x_steps, w_steps))

    def nest(depth: int, at_x: Any, at_w: Any) -> None:
        if depth < 3:
            with cgutils.for_range(builder, of_count[depth]) as loop:
                nest(
                    depth + 1,
                    write.moved(at_x, builder.mul(loop.index, of_x[depth])),
                    write.moved(at_w, builder.mul(loop.index, of_w[depth])),
                )
            return
        right = [write.load(at_w, v, mask) for v, mask in enumerate(masks)]
        for place, sums in zip(lefts, tile, strict=True):
            at_left = write.moved(at_x, place)
            if each:
                left = [write.load(at_left, v, mask) for v, mask in enumerate(masks)]
            else:
                left = [write.number_at(at_left)] * vectors
            for register, number, factor in zip(sums, left, right, strict=True):
                builder.store(write.multiply_add(number, factor, builder.load(register)), register)

    nest(0, write.address(kinds[1], x, origin), write.address(kinds[5], w, w_origin))
    at_out = write.address(kinds[12], out, out_origin)

    def write_all(put: Callable[[Any, Any, int, Any], None]) -> None:
        for target, sums in zip(targets, tile, strict=True):
            for v, (register, mask) in enumerate(zip(sums, masks, strict=True)):
                put(builder.load(register), write.moved(at_out, target), v, mask)

    if not each or write.length != LINE:
        write_all(write.store)
        return
    with builder.if_else(builder.icmp_signed("==", how, INT(STREAM))) as (past, near):
        with past:
            write_all(lambda vector, address, v, mask: write.stream(vector, address, v))
        with near:
            write_all(write.store)
