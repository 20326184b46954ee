"""Steps of optimisers, an element after the other."""

from __future__ import annotations

from typing import Any

from autodiff.kernels.native.compiler import compiled


@compiled
def momentum(w: Any, v: Any, g: Any, rate: float, mu: float, decay: float) -> None:
    """V ← μ v - rate (g + decay · w), then w ← w + v, for flat arrays."""
    for i in range(len(w)):
        push = g[i] + decay * w[i] if decay else g[i]
        v[i] = mu * v[i] - rate * push
        w[i] += v[i]
