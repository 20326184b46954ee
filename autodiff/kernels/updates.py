"""Steps of optimisers as one pass over memory, where one is compiled.

Both ways of computing round in the same places, and give the same bits.
"""

from __future__ import annotations

from autodiff.arrays import Array
from autodiff.kernels.dispatch import module, native, worth_it

_FEW = 1 << 12
"""So few numbers are done with NumPy before a compiled kernel would have begun."""


def descent(w: Array, g: Array, rate: Array, decay: float) -> None:
    """Take the step w ← w - rate (g + decay · w), in place.

    Args:
        w: what moves.
        g: the gradient, of the same shape and dtype; it is not changed.
        rate: of the step, (1,): jobs that are repeated read it anew.
        decay: how fast w decays.
    """
    if not _compiled("descent", (w, g), rate, (decay,)):
        w -= float(rate[0]) * (g + decay * w if decay else g)


def momentum(w: Array, v: Array, g: Array, rate: Array, mu: float, decay: float) -> None:
    """Take the step v ← μ v - rate (g + decay · w), then w ← w + v, in place.

    Args:
        w: what moves.
        v: its velocity, of the same shape and dtype.
        g: the gradient, likewise; it is not changed.
        rate: of the step, (1,).
        mu: the share of the velocity that stays.
        decay: how fast w decays.
    """
    if not _compiled("momentum", (w, v, g), rate, (mu, decay)):
        v *= mu
        v -= float(rate[0]) * (g + decay * w if decay else g)
        w += v


def _compiled(
    name: str, arrays: tuple[Array, ...], rate: Array, numbers: tuple[float, ...]
) -> bool:
    """Let a compiled kernel do the step; False if there is none for these arrays."""
    w = arrays[0]
    if not worth_it(w, _FEW + 1) or native("updates", *arrays) is None:
        return False
    for x in arrays:
        if x.shape != w.shape or not x.flags.c_contiguous:
            return False
    module("updates").step(name, arrays, rate, numbers)
    return True
