"""One tile of a matrix product, held in vector registers from the first term to the last.

    out[p, v] = start[v] + Σ over i of x[rows[p] + i · x_steps] · w[i · w_steps + v]

The sum runs over three nested indices. The rows of the left operand begin anywhere in ``x``, so it
may be an image, and need not be copied out into a matrix first (im2col); the right operand's rows
are contiguous. A compiler does not keep a tile in registers by itself, so its instructions are
written here, one by one; LLVM chooses the registers and the widths that the processor has.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import INT, Emitter

HEIGHTS = {1: 8, 2: 8, 3: 8, 4: 6, 5: 5, 6: 4, 7: 4}
"""Rows of a tile, by vectors side by side: at most 28 of the 32 registers of AVX-512.

So many sums grow independently that none waits for its last addition. Each number that is loaded
is used several times, by the whole row or the whole column.
"""


@written
def tile(
    typing: Any, tall: Any, wide: Any, x: Any, origin: Any, rows: Any, x_steps: Any, w: Any,
    w_origin: Any, w_steps: Any, counts: Any, start: Any, out: Any, out_origin: Any, out_row: Any,
    last: Any,
) -> Any:  # fmt: skip
    """Compute a tile; see above.

    Args:
        typing: of numba.
        tall: whether the tile has as many rows as ``HEIGHTS`` says, or just one.
        wide: how many vectors side by side.
        x: flat array.
        origin: what is added to all of ``rows``.
        rows: flat array of places in ``x``; as many are used as the tile has rows.
        x_steps: how far the three indices move in ``x``.
        w: flat array.
        w_origin: where its first row begins.
        w_steps: how far the three indices move in ``w``.
        counts: how many values the three indices take.
        start: flat array of what is added to each row.
        out: flat array.
        out_origin: where its first row begins.
        out_row: from one row to the next.
        last: how many elements of the last vector there are: no others are read or written.
    """
    three = types.UniTuple(types.intp, 3)
    signature = types.void(
        types.boolean, types.intp, x, types.intp, rows, three, w, types.intp, three, three, start,
        out, types.intp, types.intp, types.intp,
    )  # fmt: skip

    def every_size(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tall, wide, *rest = arguments
        for vectors, height in HEIGHTS.items():
            of_width = builder.icmp_signed("==", wide, INT(vectors))
            with builder.if_then(of_width), builder.if_else(tall) as (several, one):
                for branch, rows in ((several, height), (one, 1)):
                    with branch:
                        write = Emitter(x.dtype.bitwidth, context, builder)
                        _emit(write, rows, vectors, signature.args[2:], rest)
        return context.get_dummy_value()

    return signature, every_size


def _emit(write: Emitter, height: int, vectors: int, kinds: Any, arguments: Any) -> None:
    """Write the instructions of one size of tile."""
    builder = write.builder
    (x, origin, rows, x_steps, w, w_origin, w_steps, counts, start, out, out_origin, out_row,
     last) = arguments  # fmt: skip
    masks = [None] * (vectors - 1) + [write.mask(last)]
    table = builder.inttoptr(write.address(kinds[2], rows), INT.as_pointer())
    places = [builder.load(builder.gep(table, [INT(p)])) for p in range(height)]
    at_start = write.address(kinds[8], start)
    first = [write.load(at_start, v, mask) for v, mask in enumerate(masks)]
    tile = [[cgutils.alloca_once_value(builder, vector) for vector in first] for _ in range(height)]

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
        for place, row in zip(places, tile, strict=True):
            left = write.number_at(write.moved(at_x, place))
            for register, factor in zip(row, right, strict=True):
                builder.store(write.multiply_add(left, factor, builder.load(register)), register)

    nest(0, write.address(kinds[0], x, origin), write.address(kinds[4], w, w_origin))
    for p, row in enumerate(tile):
        place = builder.add(out_origin, builder.mul(out_row, INT(p)))
        at_out = write.address(kinds[9], out, place)
        for v, (register, mask) in enumerate(zip(row, masks, strict=True)):
            write.store(builder.load(register), at_out, v, mask)
