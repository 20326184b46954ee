"""Checks of arguments, which layers, losses, optimisers and data share."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, nan
from numbers import Integral, Real
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


def number(
    name: str,
    x: Any,
    *,
    above: float = -inf,
    least: float = -inf,
    below: float = inf,
    most: float = inf,
) -> float:
    """A finite real number within bounds: above < x < below, least <= x <= most.

    Raises:
        ValueError: it is none; the message calls it ``name``.
    """
    real = float(x) if isinstance(x, Real) else nan
    if not (above < real < below and least <= real <= most):
        bounds = {"above": above, "at least": least, "below": below, "at most": most}
        wanted = " and ".join(
            f"{word} {bound}" for word, bound in bounds.items() if isfinite(bound)
        )
        raise ValueError(f"{name} is a finite number {wanted}".rstrip() + f", got {x!r}")
    return real


def need_generator(generator: Any) -> np.random.Generator:
    """A source of random numbers.

    Raises:
        TypeError: it is none; the message says how to make one.
    """
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"expected a generator such as np.random.default_rng(0), got {generator!r}")
    return generator


def need_fitting(what: str, own: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """See that a state has the names, shapes and dtypes of one's own.

    Raises:
        ValueError: it has others; the message lists all that differ.
    """
    faults = [f"{name}: missing" for name in own if name not in given]
    faults += [f"{name}: unknown" for name in given if name not in own]
    for name in own.keys() & given.keys():
        mine, other = own[name], given[name]
        if (mine.shape, mine.dtype) != (other.shape, other.dtype):
            faults.append(
                f"{name}: expected shape {mine.shape} of {mine.dtype}, "
                f"got {other.shape} of {other.dtype}"
            )
    if faults:
        raise ValueError(f"this state does not fit {what}:\n  " + "\n  ".join(sorted(faults)))
