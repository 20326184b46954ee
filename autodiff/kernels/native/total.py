"""The sum of a window, channel by channel, and its transpose."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from autodiff.kernels.native.compiler import written
from autodiff.kernels.native.vectors import Emitter
from autodiff.kernels.native.window import Window, by_channels, of_window


@written
def total(
    typing: Any, x: Any, origin: Any, steps: Any, counts: Any, channels: Any, weight: Any, y: Any,
    to: Any,
) -> Any:  # fmt: skip
    """Write the sums of a window's elements, times ``weight``, to ``y``.

    Args:
        typing: of numba.
        x: see ``of_window`` for what follows.
        origin: see there.
        steps: see there.
        counts: see there.
        channels: see there.
        weight: of all elements.
        y: flat array.
        to: where to write in it.
    """
    signature = types.void(*of_window(x), x.dtype, y, types.intp)

    def emit(write: Emitter, window: Window, kinds: Any, arguments: Any) -> None:
        builder = write.builder
        weight, y, to = arguments
        sums = cgutils.alloca_once_value(builder, write.spread(write.number(0.0)))
        for address, _, _ in window.elements():
            here = write.load(address, 0, window.mask)
            builder.store(builder.fadd(builder.load(sums), here), sums)
        product = builder.fmul(builder.load(sums), write.spread(weight))
        write.store(product, write.address(kinds[1], y, builder.add(to, window.first)), 0,
                    window.mask)  # fmt: skip

    return signature, by_channels(emit)


@written
def to_all(
    typing: Any, back: Any, origin: Any, steps: Any, counts: Any, channels: Any, weight: Any,
    how: Any, t: Any, at: Any,
) -> Any:  # fmt: skip
    """Send numbers, times ``weight``, to all elements of a window.

    Args:
        typing: of numba.
        back: see ``of_window`` for what follows.
        origin: see there.
        steps: see there.
        counts: see there.
        channels: see there.
        weight: of all elements.
        how: to send them; see ``window.ADD``.
        t: flat array of what is sent.
        at: where to read in it.
    """
    signature = types.void(*of_window(back), back.dtype, types.intp, t, types.intp)

    def emit(write: Emitter, window: Window, kinds: Any, arguments: Any) -> None:
        builder = write.builder
        weight, how, t, at = arguments
        sent = write.load(write.address(kinds[2], t, builder.add(at, window.first)), 0, window.mask)
        product = builder.fmul(sent, write.spread(weight))
        for target, _, _ in window.elements():
            window.send(product, target, how)

    return signature, by_channels(emit)
