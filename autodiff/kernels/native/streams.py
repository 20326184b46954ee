"""Large results, written past the caches piece by piece.

What is larger than the caches is gone from them before the next kernel reads it. To write it there
would make each line be fetched from memory first. So a piece is computed where it stays near, and
sent from there to where it belongs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils

from autodiff.arrays import Array
from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.compiler import internal, written
from autodiff.kernels.native.vectors import INT, LONGEST, Emitter
from autodiff.kernels.native.window import STREAM, WRITE

PIECE = 2048
"""Numbers that are computed before they are sent, where no other number suggests itself."""
_LARGE = 1 << 24
"""Bytes of a result that has left the caches before it is read, with those of its operands."""


def manner_of(y: Array) -> int:
    """How to write to all of a flat array: ``STREAM``, or ``WRITE``."""
    fitting = LONGEST == LINE and y.ctypes.data % LINE == 0
    return STREAM if fitting and y.nbytes >= _LARGE else WRITE


@internal
def room_of(how: int, y: Any, most: int) -> Any:
    """Room for pieces of so many numbers, where it is needed."""
    return np.empty(most * (how == STREAM), y.dtype)


@internal
def piece_of(how: int, room: Any, y: Any, begin: int, stop: int) -> Any:
    """Where the elements from ``begin`` to ``stop`` are computed."""
    return room[: stop - begin] if how == STREAM else y[begin:stop]


@internal
def send(how: int, room: Any, y: Any, begin: int, stop: int) -> None:
    """Write a piece that has been computed to where it belongs."""
    if how == STREAM:
        lanes = LINE // y.itemsize
        first = min(-begin % lanes, stop - begin)
        whole = (stop - begin - first) // lanes * lanes
        for k in range(first):
            y[begin + k] = room[k]
        _stream(room, first, y, begin + first, whole)
        for k in range(first + whole, stop - begin):
            y[begin + k] = room[k]


@written
def _stream(typing: Any, room: Any, first: Any, y: Any, begin: Any, count: Any) -> Any:
    """Copy so many numbers, whole vectors of them, to where a line of the cache begins."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        room, first, y, begin, count = arguments
        write = Emitter(signature.args[0].dtype.bitwidth, context, builder, LONGEST)
        source = write.address(signature.args[0], room, first)
        target = write.address(signature.args[2], y, begin)
        with cgutils.for_range(builder, builder.sdiv(count, INT(write.lanes))) as loop:
            behind = builder.mul(loop.index, INT(LONGEST))
            vector = write.load(builder.add(source, behind))
            write.stream(vector, builder.add(target, behind))
        return context.get_dummy_value()

    return types.void(room, types.intp, y, types.intp, types.intp), emit
