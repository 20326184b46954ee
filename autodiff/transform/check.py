"""Checking derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import bare
from autodiff.transform.forward import jvp
from autodiff.transform.gradient import grad


class GradientError(AssertionError):
    """A derivative differs from what finite differences give."""


def check_gradients(
    function: Callable[..., Any],
    *arguments: Any,
    order: int = 2,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Compare derivatives of a function with central differences, reverse and forward.

    The output is weighted with random numbers first, so that a derivative that is right only on
    average is found out. Differences are extrapolated twice (Richardson), to an error of the sixth
    order in the step, which leaves about ten correct digits in float64.

    Args:
        function: of floats and float64 arrays, to a number or an array; smooth at the arguments.
        arguments: where to check.
        order: 1 checks the gradient, 2 also the gradient of a random combination of its elements.
        tolerance: how far a derivative may be off, relative to the largest one.
        seed: of the random weights.

    Raises:
        GradientError: a derivative differs; the message says which, where, and by how much.

    Example:
        >>> import autodiff as ad
        >>> ad.check_gradients(lambda x, y: ad.sin(x * y), 0.3, 0.7)
    """
    generator = np.random.default_rng(seed)
    positions = tuple(range(len(arguments)))
    weighted = _weighted(function, arguments, generator)
    gradients = grad(weighted, positions)(*arguments)
    expected = [_differences(weighted, arguments, i) for i in positions]
    largest = max((float(np.max(np.abs(e), initial=0.0)) for e in expected), default=0.0)
    noise = 1e-10 * abs(float(bare(weighted(*arguments)))) + 1e-11  # of the differences
    allowed = tolerance * largest + noise
    _compare(gradients, expected, allowed)
    directions = [generator.normal(size=np.shape(argument)) for argument in arguments]
    _, slope = jvp(weighted, arguments, directions)
    along = sum(float(np.sum(e * d)) for e, d in zip(expected, directions, strict=True))
    if not abs(float(slope) - along) <= allowed * np.sqrt(sum(map(np.size, arguments))):
        raise GradientError(
            f"forward: the derivative along a random direction is {float(slope):.12g}, "
            f"finite differences give {along:.12g}"
        )
    if order > 1:
        combined = _combined(grad(weighted, positions), arguments, generator)
        check_gradients(combined, *arguments, order=order - 1, tolerance=tolerance, seed=seed + 1)


def _weighted(
    function: Callable[..., Any], arguments: Sequence[Any], generator: np.random.Generator
) -> Callable[..., Any]:
    """The function as one number: Σ of its elements times random weights."""
    output = bare(function(*arguments))
    weights = generator.uniform(0.5, 1.5, np.shape(output)) * generator.choice(
        [-1.0, 1.0], np.shape(output)
    )
    if not np.ndim(output):
        return lambda *x: float(weights) * function(*x)
    return lambda *x: np.sum(weights * function(*x))


def _combined(
    gradient: Callable[..., Any], arguments: Sequence[Any], generator: np.random.Generator
) -> Callable[..., Any]:
    """Σ of the elements of a gradient times random weights."""
    weights = [generator.uniform(0.5, 1.5, np.shape(argument)) for argument in arguments]

    def combined(*x: Any) -> Any:
        terms = [
            np.sum(w * g) if w.ndim else float(w) * g
            for w, g in zip(weights, gradient(*x), strict=True)
        ]
        return sum(terms[1:], terms[0])

    return combined


def _differences(function: Callable[..., Any], arguments: Sequence[Any], i: int) -> Array:
    """∂function/∂argument i, element by element."""
    point = np.array(arguments[i], dtype=float)
    slopes = np.empty(point.shape)
    for place in np.ndindex(*point.shape):
        step = 2e-3 * max(1.0, abs(point[place]))

        def central(h: float, place: tuple[int, ...] = place) -> float:
            ends = []
            for moved in (point[place] + h, point[place] - h):
                changed = point.copy()
                changed[place] = moved
                argument = changed if point.ndim else float(changed)
                value = function(*arguments[:i], argument, *arguments[i + 1 :])
                ends.append(float(bare(value)))
            return (ends[0] - ends[1]) / (2 * h)

        # The errors of the three differences are as 16 : 4 : 1 and 256 : 16 : 1.
        coarse, middle, fine = central(step), central(step / 2), central(step / 4)
        coarse, middle = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
        slopes[place] = (16 * middle - coarse) / 15
    return slopes


def _compare(gradients: Sequence[Any], expected: Sequence[Array], allowed: float) -> None:
    for i, (gradient, e) in enumerate(zip(gradients, expected, strict=True)):
        got = np.asarray(bare(gradient))
        if got.shape != e.shape:
            raise GradientError(
                f"reverse: the gradient of argument {i} of shape {e.shape} has shape {got.shape}"
            )
        error = np.abs(got - e)
        if not np.all(error <= allowed):
            worst = np.argmax(np.nan_to_num(error, nan=np.inf))
            place = tuple(map(int, np.unravel_index(worst, e.shape)))
            raise GradientError(
                f"reverse: the derivative with respect to argument {i}"
                f"{list(place) if place else ''} is {float(got[place]):.12g}, "
                f"finite differences give {float(e[place]):.12g}"
            )
