"""Functions on Python floats that ``math`` does not have, following IEEE 754 as NumPy does."""

from __future__ import annotations

from math import exp


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x), without overflow and without loss of digits far from zero."""
    if x >= 0:
        return 1 / (1 + exp(-x))
    e = exp(x)
    return e / (1 + e)


def sign(x: float) -> float:
    """-1.0, 0.0 or 1.0; nan for nan."""
    if x > 0:
        return 1.0
    return -1.0 if x < 0 else x * 0.0
