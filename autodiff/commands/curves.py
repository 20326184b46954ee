"""A function of one number and its first two derivatives, point by point."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from autodiff.arrays import Array
from autodiff.commands.problem import Number, Problem
from autodiff.transform.gradient import grad

_SLACK = 0.5  # how far the slope between two points may be from those at the points, relatively
_NOTICEABLE = 1e-3  # part of a curve's height that a jump must have
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Curves:
    """What a figure shows.

    Attributes:
        text: the expression.
        name: of the number that varies.
        fixed: the values of the other names.
        x: the points.
        orders: f, f′ and f″ at these points; nan where a curve is interrupted.
    """

    text: str
    name: str
    fixed: dict[str, Number]
    x: Array
    orders: tuple[Array, ...]

    def zeros(self, order: int) -> Array:
        """Where f, f′ or f″ changes its sign, without a jump: by linear interpolation."""
        y = self.orders[order]
        left, right = y[:-1], y[1:]
        with np.errstate(invalid="ignore"):
            crossing = np.flatnonzero((left * right < 0) | ((left == 0) & (right != 0)))
        crossing = crossing[(crossing > 0) & np.isfinite(right[crossing])]
        # A zero that stays zero, as of a constant, is none; nor is one that is only touched.
        crossing = np.array(
            [i for i in crossing if y[i] != 0 or y[i - 1] * y[i + 1] < 0], dtype=int
        )
        step = self.x[crossing + 1] - self.x[crossing]
        zeros: Array = self.x[crossing] + step * y[crossing] / (y[crossing] - y[crossing + 1])
        return zeros


def sampled(problem: Problem, name: str, start: float, stop: float, points: int) -> Curves:
    """The curves of an expression over a range of one of its names."""
    x = np.linspace(start, stop, points)

    def f(number: float) -> object:
        return problem.function({name: number})

    slope = grad(f)
    curvature = grad(slope)
    third = grad(curvature)  # tells where f″ jumps
    numbers = np.array(
        [[function(float(number)) for function in (f, slope, curvature, third)] for number in x]
    )
    numbers[~np.isfinite(numbers)] = np.nan
    orders: list[Array] = []
    for y, derivative in pairwise(numbers.T):
        broken = np.isnan(orders[-1]) if orders else np.zeros(points, dtype=bool)
        orders.append(_interrupted(y, derivative, x, broken))
    fixed = {other: value for other, value in problem.values.items() if other != name}
    return Curves(problem.expression.text, name, fixed, x, tuple(orders))


def _interrupted(y: Array, slope: Array, x: Array, broken: Array) -> Array:
    """The curve with nan where it jumps.

    Between two points a function rises by something between its slopes there, also at a kink; what
    is far from that is a jump, or a pole. Where a function is broken, so are its derivatives.
    """
    with np.errstate(all="ignore"):
        rise = np.diff(y) / np.diff(x)
        least, most = (f(slope[:-1], slope[1:]) for f in (np.minimum, np.maximum))
        slack = _SLACK * np.minimum(np.abs(least), np.abs(most))
        unexplained = (rise < least - slack) | (rise > most + slack)
        size = np.nanpercentile(y, 95) - np.nanpercentile(y, 5) if np.isfinite(y).any() else 0.0
        smallest = _NOTICEABLE * size + _ROUNDING * np.nanmax(np.abs(y), initial=0.0)
        jumps = unexplained & (np.abs(np.diff(y)) > smallest)
    curve = np.where(broken, np.nan, y)
    curve[1:][jumps] = np.nan
    return curve
