"""Steps of optimisers, an element after the other, computed in the elements' own precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import internal
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared

_BLOCK = 1 << 14
"""Numbers that a thread updates at least, before it looks for more."""
_PIECE = 1 << 11
"""Numbers that stay in the nearest cache from one part of a step to the next."""


def step(name: str, arrays: tuple[Array, ...], rates: Array, numbers: tuple[float, ...]) -> None:
    """Take the step that is called ``name`` here, for contiguous arrays of one dtype."""
    flat = [x.reshape(-1) for x in arrays]
    in_parallel(globals()[name], arrays[0].size, *flat, rates, *numbers, least=_BLOCK)


@shared
def descent(first: int, end: int, w: Any, g: Any, rate: Any, decay: float) -> None:
    """Take the step w ← w - rate (g + decay · w), for flat arrays."""
    line = _next_line(w, first, end)
    for begin, stop in ((first, line), (line, end)):
        _descent(w[begin:stop], g[begin:stop], w.dtype.type(rate[0]), w.dtype.type(decay))


@internal
def _descent(w: Any, g: Any, rate: float, decay: float) -> None:
    for i in range(len(w)):
        push = g[i] + decay * w[i] if decay else g[i]
        w[i] -= rate * push


@shared
def momentum(
    first: int, end: int, w: Any, v: Any, g: Any, rate: Any, mu: float, decay: float
) -> None:
    """Take the step v ← μ v - rate (g + decay · w), then w ← w + v, for flat arrays."""
    kind = w.dtype.type
    line = _next_line(w, first, end)
    for begin, stop in ((first, line), (line, end)):
        _momentum(w[begin:stop], v[begin:stop], g[begin:stop], kind(rate[0]), kind(mu), kind(decay))


@internal
def _momentum(w: Any, v: Any, g: Any, rate: float, mu: float, decay: float) -> None:
    for i in range(len(w)):
        push = g[i] + decay * w[i] if decay else g[i]
        v[i] = mu * v[i] - rate * push
        w[i] += v[i]


@shared
def adam(
    first: int, end: int, w: Any, m: Any, v: Any, largest: Any, g: Any, rates: Any,
    first_share: float, second_share: float, epsilon: float, decay: float, raised: bool,
) -> None:  # fmt: skip
    """Take the step of ``kernels.updates.adam``, for flat arrays.

    If ``largest`` is not raised to v, it is v itself.
    """
    begin, stop = first, _next_line(w, first, end)
    while begin < end:
        own, square = w[begin:stop], largest[begin:stop]
        _fade(own, rates[2])
        _means(own, m[begin:stop], v[begin:stop], g[begin:stop], first_share, second_share, decay)
        if raised:
            _raise(square, v[begin:stop])
        _scaled(own, m[begin:stop], square, rates, epsilon)
        begin, stop = stop, min(stop + _PIECE, end)


@internal
def _fade(w: Any, rate: float) -> None:
    factor = w.dtype.type(-rate)
    if factor:
        for i in range(len(w)):
            w[i] += w[i] * factor


@internal
def _means(
    w: Any, m: Any, v: Any, g: Any, first_share: float, second_share: float, decay: float
) -> None:
    kind = w.dtype.type
    first, rest = kind(first_share), kind(1 - first_share)
    second, others = kind(second_share), kind(1 - second_share)
    drawn = kind(decay)
    for i in range(len(w)):
        push = g[i] + drawn * w[i] if drawn else g[i]
        m[i] = m[i] * first + push * rest
        v[i] = v[i] * second + push * push * others


@internal
def _raise(largest: Any, v: Any) -> None:
    for i in range(len(v)):
        before, now = largest[i], v[i]
        largest[i] = before if before >= now or before != before else now


@internal
def _scaled(w: Any, m: Any, square: Any, rates: Any, epsilon: float) -> None:
    kind = w.dtype.type
    rate, root, least = kind(-rates[0]), kind(rates[1]), kind(epsilon)
    for i in range(len(w)):
        w[i] += m[i] / (np.sqrt(square[i]) * root + least) * rate


@internal
def _next_line(w: Any, first: int, end: int) -> int:
    """Where a line of the cache begins: vectors that are written across two take twice as long."""
    lanes: int = buffers.LINE // w.itemsize
    address: int = w.ctypes.data // w.itemsize
    return min(first - (address + first) % -lanes, end)
