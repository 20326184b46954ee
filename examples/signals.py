"""Signals of finitely many numbers at whole-numbered places, and their convolution, by loops."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Place: TypeAlias = tuple[int, ...]
Signal: TypeAlias = dict[Place, Any]
"""Numbers, or their names, at places; zero everywhere else. The keys are its support."""


def signal(values: Any, first: Place) -> Signal:
    """The elements of an array, the first of them at the place ``first``."""
    values = np.asarray(values)
    return {
        tuple(map(sum, zip(i, first, strict=True))): values[i] for i in np.ndindex(values.shape)
    }


def names(letter: str, like: Signal) -> Signal:
    """A name for each place: x₁, x₂ ..."""
    return {place: letter + subscript(place) for place in like}


def flip(a: Signal) -> Signal:
    """What is at n goes to -n."""
    return {tuple(-i for i in place): value for place, value in a.items()}


def terms(a: Signal, b: Signal, on: Signal) -> dict[Place, list[tuple[Any, Any]]]:
    """The products that a ⋆ b adds up, (a ⋆ b)_n = Σ_k a_k · b_(n-k), at the places of ``on``."""
    return {n: [(a[k], b[rest]) for k in a if (rest := _less(n, k)) in b] for n in on}


def convolve(a: Signal, b: Signal, on: Signal) -> Signal:
    """A ⋆ b at the places of ``on``."""
    return {n: sum(u * v for u, v in products) for n, products in terms(a, b, on).items()}


def _less(n: Place, k: Place) -> Place:
    return tuple(i - j for i, j in zip(n, k, strict=True))


def subscript(place: Place) -> str:
    """Whole numbers as an index in writing."""
    return "".join(map(str, place)).translate(str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉"))
