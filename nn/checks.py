"""Checks of arguments, which layers, losses and data share."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np


def whole(name: str, n: Any) -> int:
    """A positive whole number.

    Raises:
        ValueError: it is none; the message calls it ``name``.
    """
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"{name} is a positive whole number, got {n!r}")
    return int(n)


def need_generator(generator: Any) -> np.random.Generator:
    """A source of random numbers.

    Raises:
        TypeError: it is none; the message says how to make one.
    """
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"expected a generator such as np.random.default_rng(0), got {generator!r}")
    return generator
