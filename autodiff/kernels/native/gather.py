"""Sums of rows that lie anywhere, each times a number of its own, held in vector registers.

out[r, v] += Σ over e of factors[e] · x[places[e] + r, v]
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import internal, written
from autodiff.kernels.native.vectors import BYTES, INT, Emitter

_MOST_VECTORS = 15
"""Vectors of sums at most: one register is left for the factor."""
_MOST_ROWS = 5


def whole(count: int, itemsize: int) -> int:
    """So many numbers, and those that complete their last vector."""
    lanes = BYTES // itemsize
    return -(-count // lanes) * lanes


@internal
def tile_shape(rows: int, count: int, itemsize: int) -> tuple[int, int]:
    """How many rows, and how many numbers of each, are summed at once: tiles of about one size."""
    lanes = BYTES // itemsize
    vectors = max(1, -(-count // lanes))
    wide = -(-vectors // -(-vectors // _MOST_VECTORS))
    most = min(_MOST_ROWS, _MOST_VECTORS // wide)
    return -(-rows // -(-rows // most)), wide * lanes


@written
def add_rows(
    typing: Any, rows: Any, count: Any, factors: Any, places: Any, begin: Any, end: Any, step: Any,
    x: Any, x_origin: Any, x_step: Any, out: Any, out_origin: Any, out_step: Any,
) -> Any:  # fmt: skip
    """Add the terms from ``begin`` on, ``step`` apart; see above.

    Args:
        typing: of numba.
        rows: number of sums, at most as ``tile_shape`` says.
        count: how long they are, likewise.
        factors: flat array.
        places: flat array of 32 bits.
        begin: the first term.
        end: behind the last one. Without terms nothing is read or written.
        step: how far terms are apart.
        x: flat array; the numbers that complete the last vector of a row are read, too.
        x_origin: what is added to all of ``places``.
        x_step: how far rows are apart in x.
        out: flat array.
        out_origin: where the first sum begins.
        out_step: how far sums are apart.
    """
    one = types.intp
    signature = types.void(one, one, factors, places, one, one, one, x, one, one, out, one, one)

    def every_size(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, count, *rest = arguments
        begin, end = rest[2:4]
        write = Emitter(x.dtype.bitwidth, context, builder)
        before = builder.sdiv(builder.sub(count, INT(1)), INT(write.lanes))  # the last vector
        mask = write.mask(builder.sub(count, builder.mul(before, INT(write.lanes))))
        with builder.if_then(builder.icmp_signed("<", begin, end)):
            done = builder.append_basic_block()
            size = builder.add(builder.mul(rows, INT(_MOST_VECTORS)), before)
            choice = builder.switch(size, done)
            for vectors in range(1, _MOST_VECTORS + 1):
                masks = [None] * (vectors - 1) + [mask]
                for tall in range(1, min(_MOST_ROWS, _MOST_VECTORS // vectors) + 1):
                    block = builder.append_basic_block()
                    choice.add_case(INT(tall * _MOST_VECTORS + vectors - 1), block)
                    builder.position_at_end(block)
                    _emit(write, tall, masks, signature.args[2:], rest)
                    builder.branch(done)
            builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, every_size


def _emit(write: Emitter, rows: int, masks: Any, kinds: Any, arguments: Any) -> None:
    """Write the instructions for so many rows, and a vector for each mask."""
    builder = write.builder
    factors, places, begin, end, step, x, x_origin, x_step, out, out_origin, out_step = arguments
    of_factors = write.address(kinds[0], factors)
    of_places = write.context.make_array(kinds[1])(write.context, builder, places).data
    at_x, at_out = write.address(kinds[5], x, x_origin), write.address(kinds[8], out, out_origin)
    lines = [write.moved(at_x, builder.mul(x_step, INT(r))) for r in range(rows)]
    targets = [write.moved(at_out, builder.mul(out_step, INT(r))) for r in range(rows)]
    sums = [[cgutils.alloca_once_value(builder, write.load(target, v, mask))
             for v, mask in enumerate(masks)] for target in targets]  # fmt: skip
    with cgutils.for_range_slice(builder, begin, end, step) as (term, _):
        factor = write.number_at(write.moved(of_factors, term))
        place = builder.sext(builder.load(builder.gep(of_places, [term])), INT)
        for line, registers in zip(lines, sums, strict=True):
            row = write.moved(line, place)
            for v, register in enumerate(registers):
                total = write.multiply_add(factor, write.load(row, v), builder.load(register))
                builder.store(total, register)
    for target, registers in zip(targets, sums, strict=True):
        for v, (register, mask) in enumerate(zip(registers, masks, strict=True)):
            write.store(builder.load(register), target, v, mask)
