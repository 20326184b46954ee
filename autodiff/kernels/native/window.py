"""How a window of an image is gone through: vector of channels by vector of channels.

Sums and the like are held in registers while the elements of a window are gone through: with few
channels, what a loop over them takes to begin and to end would be most of the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from numba import types
from numba.core import cgutils

from autodiff.arrays import Array
from autodiff.kernels.buffers import LINE
from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import INT, LONGEST, Emitter

ADD, WRITE, STREAM = 0, 1, 2
"""What is done with numbers: added to those that are there, written over them, or written past the
caches, too, where nobody would find them any more. A cache then need not fetch first what it is to
lose."""

_BEYOND_CACHES = 1 << 25
"""Bytes that are more than caches hold."""


def manner(to: Array) -> int:
    """How to write to all of an array of images that lie channels last."""
    if to.nbytes < _BEYOND_CACHES or LONGEST < LINE:
        return WRITE
    in_lines = to.shape[-1] * to.itemsize % LINE == 0 == to.ctypes.data % LINE
    return STREAM if in_lines else WRITE


@written
def settle(typing: Any, how: Any) -> Any:
    """Let other threads see what was sent past the caches before they see what comes next."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        with builder.if_then(builder.icmp_signed("==", arguments[0], INT(STREAM))):
            builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(types.intp), emit


def of_window(x: Any) -> tuple[Any, ...]:
    """Types of the arguments that say where a window is.

    They are: a flat array; where the first element of the window begins; how far its rows and its
    columns are apart; how many of them there are; and the numbers in an element, its channels.
    """
    two = types.UniTuple(types.intp, 2)
    return x, types.intp, two, two, types.intp


def by_channels(emit: Any) -> Any:
    """What writes a loop over the vectors of channels: ``emit(write, window, kinds, arguments)``.

    Both lists begin behind those of ``of_window``.
    """

    def every_vector(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(signature.args[0].dtype.bitwidth, context, builder, LONGEST)
        vectors = builder.add(arguments[4], INT(write.lanes - 1))
        with cgutils.for_range(builder, builder.sdiv(vectors, INT(write.lanes))) as loop:
            window = Window(write, loop.index, signature.args[0], *arguments[:5])
            emit(write, window, signature.args[5:], arguments[5:])
        return context.get_dummy_value()

    return every_vector


class Element(NamedTuple):
    """An element of a window: its address, its row and its column."""

    address: Any
    row: Any
    column: Any


class Window:
    """A vector of channels of a window.

    Args:
        write: of instructions.
        vector: which one.
        kind: of the array that the window lies in.
        array: see ``of_window`` for what follows.
        origin: see there.
        steps: see there.
        counts: see there.
        channels: see there.

    Attributes:
        first: its first channel.
        mask: which lanes exist.
    """

    def __init__(
        self, write: Emitter, vector: Any, kind: Any, array: Any, origin: Any, steps: Any,
        counts: Any, channels: Any,
    ) -> None:  # fmt: skip
        self._write, builder = write, write.builder
        self.first = builder.mul(vector, INT(write.lanes))
        self.mask = write.mask(builder.sub(channels, self.first))
        self._at = write.address(kind, array, builder.add(origin, self.first))
        self._down, self._across = cgutils.unpack_tuple(builder, steps, 2)
        self._rows, self._columns = cgutils.unpack_tuple(builder, counts, 2)

    def elements(self) -> Iterator[Element]:
        """Go through the elements, one after the other: what follows is written for each."""
        for neighbours in self.neighbours():
            yield from neighbours

    def neighbours(self) -> Iterator[Sequence[Element]]:
        """The same, for one or more at once that follow each other.

        Windows of 2×2, the most common ones, are written out row by row, others as loops.
        """
        write, builder = self._write, self._write.builder
        two = [builder.icmp_signed("==", n, INT(2)) for n in (self._rows, self._columns)]
        with builder.if_else(builder.and_(*two)) as (small, large):
            with small:
                for i in range(2):
                    line = write.moved(self._at, builder.mul(INT(i), self._down))
                    pair = [write.moved(line, builder.mul(INT(j), self._across)) for j in range(2)]
                    yield [Element(at, INT(i), INT(j)) for j, at in enumerate(pair)]
            with large, cgutils.for_range(builder, self._rows) as outer:
                line = write.moved(self._at, builder.mul(outer.index, self._down))
                with cgutils.for_range(builder, self._columns) as inner:
                    address = write.moved(line, builder.mul(inner.index, self._across))
                    yield [Element(address, outer.index, inner.index)]

    def send(self, vector: Any, address: Any, how: Any) -> None:
        """Add numbers to an element, or write them, as ``ADD``, ``WRITE`` and ``STREAM`` say."""
        write, builder = self._write, self._write.builder
        with builder.if_else(builder.icmp_signed("==", how, INT(STREAM))) as (past, near):
            with past:
                write.stream(vector, address)
            with near, builder.if_else(builder.icmp_signed("==", how, INT(ADD))) as (add, over):
                with add:
                    total = builder.fadd(write.load(address, 0, self.mask), vector)
                    write.store(total, address, 0, self.mask)
                with over:
                    write.store(vector, address, 0, self.mask)
