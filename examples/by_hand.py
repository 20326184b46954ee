"""What the exercises compute beside the engine, as one would on paper: plain loops, no graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff.kernels.pooling import Ties

TIE_RULES: tuple[Ties, ...] = ("first", "last", "all", "split")
"""What ``max_pool`` offers for windows with several largest elements."""


def shares(window: Sequence[float], ties: Ties) -> list[float]:
    """How much of the adjoint of max(window) each element of the window receives.

    Example:
        >>> for ties in TIE_RULES:
        ...     print(ties, shares([7, 7, 1, 5], ties))
        first [1.0, 0.0, 0.0, 0.0]
        last [0.0, 1.0, 0.0, 0.0]
        all [1.0, 1.0, 0.0, 0.0]
        split [0.5, 0.5, 0.0, 0.0]
    """
    largest = [k for k, value in enumerate(window) if value == max(window)]
    chosen = {"first": largest[:1], "last": largest[-1:]}.get(ties, largest)
    share = 1 / len(largest) if ties == "split" else 1.0
    return [share if k in chosen else 0.0 for k in range(len(window))]


def largest_difference(engine: Mapping[str, Any], hand: Mapping[str, Any]) -> float:
    """The largest difference of two computations of the same quantities.

    Raises:
        ValueError: a quantity is missing on one side, or has another shape there.
    """
    if engine.keys() != hand.keys():
        raise ValueError(f"only one side has {sorted(engine.keys() ^ hand.keys())}")
    for name in engine:
        if np.shape(engine[name]) != np.shape(hand[name]):
            raise ValueError(f"{name}: {np.shape(engine[name])} and {np.shape(hand[name])}")
    return max(float(np.max(np.abs(np.subtract(engine[name], hand[name])))) for name in engine)


def differences(loss: Callable[..., float], arrays: dict[str, Any], step: float) -> dict[str, Any]:
    """Central differences of a loss by each element of its arguments.

    A loss that is linear in each argument has exact ones for any step, so 1 is as good as any.
    """
    found = {name: np.zeros_like(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        for place in np.ndindex(array.shape):
            sides = []
            for by in (step, -step):
                moved = array.copy()
                moved[place] += by
                sides.append(loss(**{**arrays, name: moved}))
            found[name][place] = (sides[0] - sides[1]) / (2 * step)
    return found
