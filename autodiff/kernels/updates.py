"""Steps of optimisers as one pass over memory, where one is compiled.

Both ways of computing round in the same places, and give the same bits.
"""

from __future__ import annotations

from importlib import import_module

from autodiff.arrays import Array
from autodiff.settings import config

_FEW = 1 << 12
"""So few numbers are done with NumPy before a compiled kernel would have begun."""


def descent(w: Array, g: Array, rate: float, decay: float) -> None:
    """Take the step w ← w - rate (g + decay · w), in place.

    Args:
        w: what moves.
        g: the gradient, of the same shape and dtype; it is not changed.
        rate: of the step.
        decay: how fast w decays.
    """
    if not _compiled("descent", (w, g), (rate, decay)):
        w -= rate * (g + decay * w if decay else g)


def momentum(w: Array, v: Array, g: Array, rate: float, mu: float, decay: float) -> None:
    """Take the step v ← μ v - rate (g + decay · w), then w ← w + v, in place.

    Args:
        w: what moves.
        v: its velocity, of the same shape and dtype.
        g: the gradient, likewise; it is not changed.
        rate: of the step.
        mu: the share of the velocity that stays.
        decay: how fast w decays.
    """
    if not _compiled("momentum", (w, v, g), (rate, mu, decay)):
        v *= mu
        v -= rate * (g + decay * w if decay else g)
        w += v


def _compiled(name: str, arrays: tuple[Array, ...], numbers: tuple[float, ...]) -> bool:
    """Let a compiled kernel do the step; False if there is none for these arrays."""
    w = arrays[0]
    if w.size <= _FEW or w.dtype.char not in "fd" or config.backend != "native":
        return False
    for x in arrays:
        if x.dtype != w.dtype or x.shape != w.shape or not x.flags.c_contiguous:
            return False
    import_module("autodiff.kernels.native.updates").step(name, arrays, numbers)
    return True
