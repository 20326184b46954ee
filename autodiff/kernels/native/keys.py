"""Numbers as whole numbers in the same order: their largest is sought in vectors.

Of two numbers neither is larger if one is nan, so that it would matter in which order they come; to
whole numbers that does not happen. Without its sign, the pattern of bits of a number of IEEE 754
grows as the number does; with the sign, it must be turned round.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from autodiff.kernels.native.compiler import written


def _reordered(builder: Any, bits: Any) -> Any:
    """The bits behind the sign turned round, if it is negative; twice, it is the same again."""
    kind = bits.type
    negative = builder.ashr(bits, kind(kind.width - 1))
    return builder.xor(bits, builder.lshr(negative, kind(1)))


@written
def key_of(typing: Any, x: Any) -> Any:
    """A whole number for each number; for nan one beyond that of inf, or of -inf."""
    key = types.int32 if x.bitwidth == 32 else types.int64

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _reordered(builder, builder.bitcast(arguments[0], ir.IntType(x.bitwidth)))

    return key(x), emit


@written
def number_of(typing: Any, key: Any) -> Any:
    """The number that has the key."""
    kind = types.float32 if key.bitwidth == 32 else types.float64

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = ir.FloatType() if key.bitwidth == 32 else ir.DoubleType()
        return builder.bitcast(_reordered(builder, arguments[0]), number)

    return kind(key), emit
