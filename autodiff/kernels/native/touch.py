"""Memory that is read before it is needed.

A product goes through memory in jumps, and where a line is in no cache near by, it waits. Lines
that are read one after the other, with nothing to be computed between them, are under way together.
Hints that the processor might fetch them did nothing.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import INT, Emitter

_WORD = ir.IntType(32)


@written
def touch(typing: Any, x: Any, first: Any, count: Any) -> Any:
    """Read so many numbers of a flat array from memory, in order, so that the cache has them."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, first, count = arguments
        write = Emitter(signature.args[0].dtype.bitwidth, context, builder)
        begin = write.address(signature.args[0], x, first)
        size = builder.mul(count, INT(write.bytes))
        unused = ir.FunctionType(ir.VoidType(), [_WORD])
        with cgutils.for_range_slice(builder, INT(0), size, INT(LINE)) as (place, _):
            word = builder.load(builder.inttoptr(builder.add(begin, place), _WORD.as_pointer()))
            builder.asm(unused, "", "r", [word], True)  # so that no compiler leaves it out
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp), emit
