"""The largest number of a window, channel by channel, and where in the window it is."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import INT, Emitter
from autodiff.kernels.native.window import Window, by_channels, of_window

NOBODY = -1
"""The place that stands for none."""

_PLACE = ir.IntType(32)


@written
def strongest(
    typing: Any, x: Any, origin: Any, steps: Any, counts: Any, channels: Any, begin: Any, row: Any,
    last: Any, y: Any, places: Any, to: Any,
) -> Any:  # fmt: skip
    """Write the largest numbers of a window to ``y``, and where they are to ``places``.

    nan is larger than any number, and is nowhere.

    Args:
        typing: of numba.
        x: see ``of_window`` for what follows.
        origin: see there.
        steps: see there.
        counts: see there.
        channels: see there.
        begin: the place of the first element.
        row: how many places further on that of the next row is.
        last: True, or None: whether the last of several equal numbers is the largest, and not the
            first; known when this is compiled.
        y: flat array.
        places: flat array of 32 bits.
        to: where to write in both.
    """
    one = types.intp
    signature = types.void(*of_window(x), one, one, last, y, places, one)
    comparison = ">" if last is types.none else ">="

    def emit(write: Emitter, window: Window, kinds: Any, arguments: Any) -> None:
        builder = write.builder
        begin, row, _, y, places, to = arguments
        best = cgutils.alloca_once_value(builder, write.spread(write.number(-math.inf)))
        place = cgutils.alloca_once_value(builder, _place(write, begin, row, INT(0), INT(0)))
        spoilt = cgutils.alloca_once_value(builder, write.spread(ir.IntType(1)(0)))
        for neighbours in window.neighbours():
            numbers = [write.load(element.address, 0, window.mask) for element in neighbours]
            for here, (_, i, j) in zip(numbers, neighbours, strict=True):
                held, number = builder.load(best), _place(write, begin, row, i, j)
                larger = builder.fcmp_ordered(comparison, here, held)
                builder.store(builder.select(larger, here, held), best)
                builder.store(builder.select(larger, number, builder.load(place)), place)
            nan = builder.fcmp_unordered("uno", numbers[0], numbers[-1])  # one of both, if two
            builder.store(builder.or_(builder.load(spoilt), nan), spoilt)
        nan, to = builder.load(spoilt), builder.add(to, window.first)
        held = builder.select(nan, write.spread(write.number(math.nan)), builder.load(best))
        write.store(held, write.address(kinds[3], y, to), 0, window.mask)
        place = builder.select(nan, write.spread(_PLACE(NOBODY)), builder.load(place))
        write.store_places(place, write.place_of(kinds[4], places, to), window.mask)

    return signature, by_channels(emit)


@written
def to_strongest(
    typing: Any, back: Any, origin: Any, steps: Any, counts: Any, channels: Any, begin: Any,
    row: Any, how: Any, t: Any, places: Any, at: Any,
) -> Any:  # fmt: skip
    """Send numbers to where the largest ones of a window are.

    Args:
        typing: of numba.
        back: flat array that lies like ``x`` of ``strongest``, which see for what follows.
        origin: see there.
        steps: see there.
        counts: see there.
        channels: see there.
        begin: see there.
        row: see there.
        how: to send the numbers, and 0 to the other elements; see ``window.ADD``.
        t: flat array of what is sent.
        places: what ``strongest`` wrote.
        at: where to read in both.
    """
    one = types.intp
    signature = types.void(*of_window(back), one, one, one, t, places, one)

    def emit(write: Emitter, window: Window, kinds: Any, arguments: Any) -> None:
        builder = write.builder
        begin, row, how, t, places, at = arguments
        at = builder.add(at, window.first)
        sent = write.load(write.address(kinds[3], t, at), 0, window.mask)
        place = write.load_places(write.place_of(kinds[4], places, at), window.mask)
        nothing = write.spread(write.number(0.0))
        for target, i, j in window.elements():
            won = builder.icmp_signed("==", place, _place(write, begin, row, i, j))
            window.send(builder.select(won, sent, nothing), target, how)

    return signature, by_channels(emit)


def _place(write: Emitter, begin: Any, row: Any, i: Any, j: Any) -> Any:
    """The place of an element, in all lanes."""
    builder = write.builder
    number = builder.add(builder.add(begin, builder.mul(i, row)), j)
    return write.spread(builder.trunc(number, _PLACE))
