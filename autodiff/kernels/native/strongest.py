"""The largest number of a window, channel by channel, and where in the window it is.

Both are held in vector registers while a window is gone through: with few channels, what a loop
over them takes to begin and to end would be most of the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import INT, LONGEST, Emitter

NOBODY = -1
"""The place that stands for none."""

_PLACE = ir.IntType(32)


@written
def strongest(
    typing: Any, x: Any, origin: Any, steps: Any, counts: Any, begin: Any, row: Any, channels: Any,
    last: Any, y: Any, places: Any, to: Any,
) -> Any:  # fmt: skip
    """Write the largest numbers of a window to ``y``, and where they are to ``places``.

    nan is larger than any number, and is nowhere.

    Args:
        typing: of numba.
        x: flat array.
        origin: where the first element of the window begins.
        steps: how far its rows and its columns are apart.
        counts: how many of them there are.
        begin: the place of the first element.
        row: how many places further on that of the next row is.
        channels: numbers in an element.
        last: whether the last of several equal numbers is the largest, and not the first.
        y: flat array.
        places: flat array of 32 bits.
        to: where to write in both.
    """
    two, one = types.UniTuple(types.intp, 2), types.intp
    signature = types.void(
        x, one, two, two, one, one, one, types.boolean, y, places, one
    )  # fmt: skip

    def emit(write: Emitter, window: _Window, kinds: Any, arguments: Any) -> None:
        builder = write.builder
        last, y, places, to = arguments[7:]
        best = cgutils.alloca_once_value(builder, write.spread(write.number(-inf)))
        place = cgutils.alloca_once_value(builder, window.begin)
        for address, number in window.elements():
            here, held = write.load(address, 0, window.mask), builder.load(best)
            equal = builder.fcmp_ordered("==", here, held)
            larger = builder.fcmp_ordered(">", here, held)
            larger = builder.select(last, builder.or_(larger, equal), larger)
            larger = builder.or_(larger, builder.fcmp_unordered("uno", here, here))
            builder.store(builder.select(larger, here, held), best)
            builder.store(builder.select(larger, number, builder.load(place)), place)
        held, to = builder.load(best), builder.add(to, window.first)
        write.store(held, write.address(kinds[8], y, to), 0, window.mask)
        nobody = builder.fcmp_unordered("uno", held, held)
        place = builder.select(nobody, write.spread(_PLACE(NOBODY)), builder.load(place))
        write.store_places(place, write.place_of(kinds[9], places, to), window.mask)

    return signature, _by_channels(emit)


@written
def to_strongest(
    typing: Any, back: Any, origin: Any, steps: Any, counts: Any, begin: Any, row: Any,
    channels: Any, exact: Any, t: Any, places: Any, at: Any,
) -> Any:  # fmt: skip
    """Send numbers to where the largest ones of a window are.

    Args:
        typing: of numba.
        back: flat array that lies like ``x`` of ``strongest``, which see for what follows.
        origin: see there.
        steps: see there.
        counts: see there.
        begin: see there.
        row: see there.
        channels: see there.
        exact: whether the other elements get 0; else they keep what they have, and the largest is
            added to.
        t: flat array of what is sent.
        places: what ``strongest`` wrote.
        at: where to read in both.
    """
    two, one = types.UniTuple(types.intp, 2), types.intp
    signature = types.void(
        back, one, two, two, one, one, one, types.boolean, t, places, one
    )  # fmt: skip

    def emit(write: Emitter, window: _Window, kinds: Any, arguments: Any) -> None:
        builder = write.builder
        exact, t, places, at = arguments[7:]
        at = builder.add(at, window.first)
        sent = write.load(write.address(kinds[8], t, at), 0, window.mask)
        place = write.load_places(write.place_of(kinds[9], places, at), window.mask)
        nothing = write.spread(write.number(0.0))
        for target, number in window.elements():
            here = builder.select(builder.icmp_signed("==", place, number), sent, nothing)
            with builder.if_else(exact) as (alone, together):
                with alone:
                    write.store(here, target, 0, window.mask)
                with together:
                    total = builder.fadd(write.load(target, 0, window.mask), here)
                    write.store(total, target, 0, window.mask)

    return signature, _by_channels(emit)


def _by_channels(emit: Any) -> Any:
    """What writes a loop over the vectors of channels of a window."""

    def every_vector(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(signature.args[0].dtype.bitwidth, context, builder, LONGEST)
        vectors = builder.add(arguments[6], INT(write.lanes - 1))
        with cgutils.for_range(builder, builder.sdiv(vectors, INT(write.lanes))) as loop:
            window = _Window(write, loop.index, signature.args[0], arguments)
            emit(write, window, signature.args, arguments)
        return context.get_dummy_value()

    return every_vector


class _Window:
    """A vector of channels of a window.

    Args:
        write: of instructions.
        vector: which one.
        kind: of the array that the window lies in.
        arguments: see ``strongest``.

    Attributes:
        first: its first channel.
        mask: which lanes exist.
        begin: the place of the first element, in all lanes.
    """

    def __init__(self, write: Emitter, vector: Any, kind: Any, arguments: Any) -> None:
        self._write, builder = write, write.builder
        array, origin, steps, counts, begin, self._row, channels = arguments[:7]
        self.first = builder.mul(vector, INT(write.lanes))
        self.mask = write.mask(builder.sub(channels, self.first))
        self.begin = write.spread(builder.trunc(begin, _PLACE))
        self._begin, self._at = begin, write.address(kind, array, builder.add(origin, self.first))
        self._down, self._across = cgutils.unpack_tuple(builder, steps, 2)
        self._rows, self._columns = cgutils.unpack_tuple(builder, counts, 2)

    def elements(self) -> Iterator[tuple[Any, Any]]:
        """Write loops over the elements: the address of each, and its place in all lanes."""
        write, builder = self._write, self._write.builder
        with cgutils.for_range(builder, self._rows) as outer:
            line = write.moved(self._at, builder.mul(outer.index, self._down))
            number = builder.add(self._begin, builder.mul(outer.index, self._row))
            with cgutils.for_range(builder, self._columns) as inner:
                place = builder.trunc(builder.add(number, inner.index), _PLACE)
                address = write.moved(line, builder.mul(inner.index, self._across))
                yield address, write.spread(place)
