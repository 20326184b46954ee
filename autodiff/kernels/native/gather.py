"""A sum of rows that lie anywhere, each times a number of its own, held in vector registers.

out[v] += Σ over e of factors[e] · x[places[e] + v]
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import compiled, written
from autodiff.kernels.native.vectors import BYTES, INT, Emitter

_MOST_VECTORS = 16


@compiled
def add_rows(
    factors: Any, places: Any, begin: int, end: int, shift: int, x: Any, out: Any, out_origin: int,
    count: int,
) -> None:  # fmt: skip
    """Add the rows from ``begin`` to ``end``, ``count`` numbers long.

    Args:
        factors: of the rows.
        places: where they begin in x.
        begin: the first row.
        end: behind the last one.
        shift: what is added to all of ``places``.
        x: flat array.
        out: flat array.
        out_origin: where the sum begins.
        count: numbers in a row.
    """
    if begin == end:
        return  # where there is nothing to add the sum may lie outside of any array
    lanes = BYTES // x.itemsize
    vectors = -(-count // lanes)
    width = -(-vectors // -(-vectors // _MOST_VECTORS))
    for at in range(0, count, width * lanes):
        wide = min(width, -(-(count - at) // lanes))
        last = min(lanes, count - at - (wide - 1) * lanes)
        _add_rows(wide, factors, places, begin, end, shift + at, x, out, out_origin + at, last)


@written
def _add_rows(
    typing: Any, wide: Any, factors: Any, places: Any, begin: Any, end: Any, shift: Any, x: Any,
    out: Any, out_origin: Any, last: Any,
) -> Any:  # fmt: skip
    """The same for a number of vectors that the registers hold."""
    signature = types.void(
        types.intp,
        factors,
        places,
        types.intp,
        types.intp,
        types.intp,
        x,
        out,
        types.intp,
        types.intp,
    )

    def every_width(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, factors_, places_, begin, end, shift, x_, out_, out_origin, last = arguments
        for vectors in range(1, _MOST_VECTORS + 1):
            with builder.if_then(builder.icmp_signed("==", wide, INT(vectors))):
                write = Emitter(x.dtype.bitwidth, context, builder)
                at_factors = write.address(factors, factors_)
                table = builder.inttoptr(write.address(places, places_), INT.as_pointer())
                at_x, at_out = write.address(x, x_, shift), write.address(out, out_, out_origin)
                masks = [None] * (vectors - 1) + [write.mask(last)]
                sums = [cgutils.alloca_once_value(builder, write.load(at_out, v, mask))
                        for v, mask in enumerate(masks)]  # fmt: skip
                with cgutils.for_range_slice(builder, begin, end, INT(1)) as (index, _):
                    factor = write.number_at(write.moved(at_factors, index))
                    row = write.moved(at_x, builder.load(builder.gep(table, [index])))
                    for v, (register, mask) in enumerate(zip(sums, masks, strict=True)):
                        term = write.multiply_add(
                            factor, write.load(row, v, mask), builder.load(register)
                        )
                        builder.store(term, register)
                for v, (register, mask) in enumerate(zip(sums, masks, strict=True)):
                    write.store(builder.load(register), at_out, v, mask)
        return context.get_dummy_value()

    return signature, every_width
