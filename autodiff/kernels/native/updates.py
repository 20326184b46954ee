"""Steps of optimisers, an element after the other, computed in the elements' own precision."""

from __future__ import annotations

from typing import Any

from autodiff.kernels.native.compiler import compiled


@compiled
def descent(w: Any, g: Any, rate: float, decay: float) -> None:
    """Take the step w ← w - rate (g + decay · w), for flat arrays."""
    rate, decay = w.dtype.type(rate), w.dtype.type(decay)
    for i in range(len(w)):
        push = g[i] + decay * w[i] if decay else g[i]
        w[i] -= rate * push


@compiled
def momentum(w: Any, v: Any, g: Any, rate: float, mu: float, decay: float) -> None:
    """Take the step v ← μ v - rate (g + decay · w), then w ← w + v, for flat arrays."""
    kind = w.dtype.type
    rate, mu, decay = kind(rate), kind(mu), kind(decay)
    for i in range(len(w)):
        push = g[i] + decay * w[i] if decay else g[i]
        v[i] = mu * v[i] - rate * push
        w[i] += v[i]
