"""Steps of optimisers as one pass over memory, where one is compiled.

Both ways of computing round in the same places, and give the same bits.
"""

from __future__ import annotations

import numpy as np

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


def adam(
    w: Array, m: Array, v: Array, largest: Array | None, g: Array, rates: Array,
    shares: tuple[float, float], epsilon: float, decay: float,
) -> None:  # fmt: skip
    """Take a step of Adam, in place.

    w ← w - α′ w, m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², w ← w - α m / (r √v + ε), where
    g + decay · w stands for g.

    Args:
        w: what moves.
        m: the mean of gradients, of the same shape and dtype.
        v: that of their squares, likewise.
        largest: the largest v so far, which then stands for v in the last step.
        g: the gradient, likewise; it is not changed.
        rates: α, r and α′, (3,): jobs that are repeated read them anew.
        shares: β₁ and β₂.
        epsilon: ε.
        decay: how fast w decays, through its gradient.
    """
    raised = largest is not None
    square = v if largest is None else largest
    numbers = (*shares, epsilon, decay, raised)
    if _compiled("adam", (w, m, v, square, g), rates, numbers):
        return
    rate, root, fading = map(float, rates)
    if fading:
        w += w * -fading
    g = g + decay * w if decay else g
    first, second = shares
    m *= first
    m += g * (1 - first)
    v *= second
    v += g * g * (1 - second)
    if raised:
        np.maximum(square, v, out=square)
    step = np.sqrt(square, out=np.empty_like(w))
    step *= root
    step += epsilon
    np.divide(m, step, out=step)
    step *= -rate
    w += step


def _compiled(
    name: str, arrays: tuple[Array, ...], rates: Array, numbers: tuple[float, ...]
) -> bool:
    """Let a compiled kernel do the step; False if there is none for these arrays."""
    w = arrays[0]
    if not worth_it(w, _FEW + 1) or native("updates", *arrays) is None:
        return False
    for x in arrays:
        if x.shape != w.shape or not x.flags.c_contiguous:
            return False
    module("updates").step(name, arrays, rates, numbers)
    return True
