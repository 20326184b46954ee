"""What the adjoints that max-pooling sends back meet in an image: window by window, in vectors."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.strongest import NOBODY
from autodiff.kernels.native.vectors import INT, LONGEST, Emitter

_PLACE = ir.IntType(32)


@written
def met(
    typing: Any, t: Any, places: Any, at: Any, count: Any, size: Any, steps: Any, origin: Any,
    nothing: Any, factors: Any, begins: Any, to: Any,
) -> Any:  # fmt: skip
    """Write the adjoints of a window, and where that begins what they are multiplied with.

    Those of nobody become zeros, which are multiplied with zeros.

    Args:
        typing: of numba.
        t: flat array of adjoints.
        places: flat array of 32 bits: the places of winners in their window.
        at: where the adjoints and the places of the window begin.
        count: how many there are.
        size: rows and columns of the window.
        steps: how far the rows and the columns of windows are apart in the image.
        origin: where that begins what the first place of the window meets.
        nothing: where there are zeros.
        factors: flat array; becomes the adjoints.
        begins: flat array of 32 bits.
        to: where to write in both.
    """
    one, two = types.intp, types.UniTuple(types.intp, 2)
    signature = types.void(t, places, one, one, two, two, one, one, factors, begins, one)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        t, places, at, count, size, steps, origin, nothing, factors, begins, to = arguments
        kinds = signature.args
        write = Emitter(kinds[0].dtype.bitwidth, context, builder, LONGEST)
        rows, columns = cgutils.unpack_tuple(builder, size, 2)
        down, across = cgutils.unpack_tuple(builder, steps, 2)

        def spread(number: Any) -> Any:
            return write.spread(builder.trunc(number, _PLACE))

        line = spread(builder.sub(down, builder.mul(columns, across)))
        across, origin, nothing = spread(across), spread(origin), spread(nothing)
        vectors = builder.sdiv(builder.add(count, INT(write.lanes - 1)), INT(write.lanes))
        with cgutils.for_range(builder, vectors) as loop:
            first = builder.mul(loop.index, INT(write.lanes))
            mask = write.mask(builder.sub(count, first))
            here = builder.add(at, first)
            adjoint = write.load(write.address(kinds[0], t, here), 0, mask)
            place = write.load_places(write.place_of(kinds[1], places, here), mask)
            begin = builder.add(origin, builder.mul(place, across))
            begin = cgutils.alloca_once_value(builder, begin)
            with cgutils.for_range_slice(builder, INT(1), rows, INT(1)) as (row, _):
                reached = builder.icmp_signed(">=", place, spread(builder.mul(row, columns)))
                moved = builder.add(builder.load(begin), line)
                builder.store(builder.select(reached, moved, builder.load(begin)), begin)
            nobody = builder.icmp_signed("==", place, write.spread(_PLACE(NOBODY)))
            factor = builder.select(nobody, write.spread(write.number(0.0)), adjoint)
            begin = builder.select(nobody, nothing, builder.load(begin))
            target = builder.add(to, first)
            write.store(factor, write.address(kinds[8], factors, target), 0, mask)
            write.store_places(begin, write.place_of(kinds[9], begins, target), mask)
        return context.get_dummy_value()

    return signature, emit
