"""Steps of optimisers, an element after the other, computed in the elements' own precision."""

from __future__ import annotations

from typing import Any

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.native.compiler import internal
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared

_BLOCK = 1 << 14
"""Numbers that a thread updates at least, before it looks for more."""


def step(name: str, arrays: tuple[Array, ...], rate: Array, numbers: tuple[float, ...]) -> None:
    """Take the step that is called ``name`` here, for contiguous arrays of one dtype."""
    flat = [x.reshape(-1) for x in arrays]
    in_parallel(globals()[name], arrays[0].size, *flat, rate, *numbers, least=_BLOCK)


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


@internal
def _next_line(w: Any, first: int, end: int) -> int:
    """Where a line of the cache begins: vectors that are written across two take twice as long."""
    lanes: int = buffers.LINE // w.itemsize
    address: int = w.ctypes.data // w.itemsize
    return min(first - (address + first) % -lanes, end)
