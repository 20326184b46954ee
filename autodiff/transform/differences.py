"""Finite differences of a function of numbers and arrays, and what they say about its smoothness.

They know nothing of graphs or rules: the function is merely evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import bare

_EPSILON = float(np.finfo(float).eps)
_LEVELS = 20  # step sizes, each a quarter of the one before


@dataclass(frozen=True)
class Line:
    """A function along one element of one of its arguments.

    Attributes:
        value: the function of that element.
        at: the element.
    """

    value: Callable[[float], float]
    at: float

    def central(self, h: float) -> float:
        """The slope between x - h and x + h."""
        above, below = self.at + h, self.at - h
        return (self.value(above) - self.value(below)) / (above - below)


@dataclass(frozen=True)
class Slope:
    """A derivative, and by how much it may be wrong."""

    slope: float
    error: float


def along(
    function: Callable[..., Any], point: Sequence[Any], i: int, place: tuple[int, ...]
) -> Line:
    """The function along one element of argument ``i``."""
    origin = np.array(point[i], dtype=float)

    def value(x: float) -> float:
        moved: Any = np.float64(x)  # Python's own numbers would raise, or turn complex
        if origin.ndim:
            moved = origin.copy()
            moved[place] = x
        with np.errstate(all="ignore"):
            return float(bare(function(*point[:i], moved, *point[i + 1 :])))

    return Line(value, float(origin[place]))


def gradient(function: Callable[..., Any], point: Sequence[Any], i: int, step: float) -> Array:
    """∂function/∂argument i, element by element, to the sixth order in the step."""
    slopes = np.empty(np.shape(point[i]))
    for place in np.ndindex(*slopes.shape):
        line = along(function, point, i, place)
        h = step * max(1.0, abs(line.at))
        # The errors of the three differences are as 16 : 4 : 1 and 256 : 16 : 1.
        coarse, middle, fine = (line.central(h / n) for n in (1, 2, 4))
        coarse, middle = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
        slopes[place] = (16 * middle - coarse) / 15
    return slopes


def ridders(line: Line, precision: float = 1.0) -> Slope | None:
    """The derivative by differences of ever smaller steps, the best of their extrapolations.

    Args:
        line: the function.
        precision: of its arithmetic, relative to that of float64.

    Returns:
        None if the function is finite on both sides at no step.
    """
    best: Slope | None = None
    before: list[float] = []  # the extrapolations that end with the step before
    rounding = _EPSILON * precision * abs(line.value(line.at))
    h = 8e-2 * max(1.0, abs(line.at)) * precision ** (1 / 7)
    for _ in range(_LEVELS):
        h /= 4
        row = [line.central(h)]
        if not isfinite(row[0]):
            before = []
            continue
        factor = 16.0  # the first error falls with the square of the step
        for previous in before:
            row.append(row[-1] + (row[-1] - previous) / (factor - 1))
            factor *= 16.0
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - previous)) + rounding / h
            if best is None or error < best.error:
                best = Slope(row[-1], error)
        before = row
    return best


def kink(line: Line, precision: float = 1.0, cancelled: float = 0.0) -> str | None:
    """Why the function has no derivative at the point, with its slopes on the two sides.

    Args:
        line: the function.
        precision: of its arithmetic, relative to that of float64.
        cancelled: the size of numbers that may cancel inside of the function.

    Returns:
        None if the function seems to have a derivative.
    """
    why = _kink_within(line, max(1.0, abs(line.at)), precision, cancelled)
    if why is not None and 0 < abs(line.at) < 1:
        # What lies between the point and zero, a pole perhaps, is not at the point.
        return _kink_within(line, abs(line.at), precision, cancelled)
    return why


def _kink_within(line: Line, scale: float, precision: float, cancelled: float) -> str | None:
    """Why the function has no derivative, as far as steps of a size show."""
    middle = line.value(line.at)
    steps = [scale * s for s in (1e-4, 1e-5, 1e-6)]
    lefts, rights = (
        [(line.value(line.at + side * h) - middle) / (side * h) for h in steps]
        for side in (-1.0, 1.0)
    )
    left, right = lefts[-1] + 0.0, rights[-1] + 0.0  # no -0
    sides = [name for name, s in (("below", left), ("above", right)) if not isfinite(s)]
    if sides:
        return f"it is not finite just {' and '.join(sides)}"
    noise = [4 * _EPSILON * precision * (abs(middle) + cancelled) / h for h in steps]
    if any(_grows(slopes, noise) for slopes in (lefts, rights)):
        return (
            f"it jumps, or is infinitely steep: a step of {steps[-1]:.0e} gives the slopes "
            f"{left:.6g} to the left and {right:.6g} to the right, a smaller one steeper ones"
        )
    # Of a smooth function the slopes on the two sides draw nearer with the step, of a kink they
    # stay apart.
    gaps = [abs(b - a) for a, b in zip(lefts, rights, strict=True)]
    if gaps[2] > 10 * noise[2] + 1e-7 * (abs(left) + abs(right)) and gaps[2] > 0.5 * gaps[0]:
        return f"its slope is {left:.6g} to the left and {right:.6g} to the right"
    return None


def _grows(slopes: Sequence[float], noise: Sequence[float]) -> bool:
    """Whether slopes of smaller and smaller steps grow like a power of the step."""
    a, b, c = map(abs, slopes)
    return c > 1.25 * b > 1.25**2 * a and c - b > 10 * noise[2]
