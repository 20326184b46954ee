"""Checking derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import bare
from autodiff.transform import differences
from autodiff.transform.forward import jvp
from autodiff.transform.gradient import grad

Function: TypeAlias = Callable[..., Any]

_SHOWN = 5  # rows of the table in a message


class GradientError(AssertionError):
    """A derivative differs from what finite differences give."""


class KinkError(GradientError):
    """There is no derivative to compare with: the point is a kink, a jump, or the edge of a domain.

    The rule is not to blame. What it gives there is a convention; check it at another point.
    """


def check_gradients(
    function: Function,
    *arguments: Any,
    order: int = 2,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> bool:
    """Compare derivatives of a function with central differences, reverse and forward.

    The output is weighted with random numbers first, so that a derivative that is right only on
    average is found out. Differences are extrapolated twice (Richardson), to an error of the sixth
    order in the step, which leaves about ten correct digits in float64. Where they disagree with
    the derivative they are taken again, with smaller and smaller steps (Ridders, Advances in
    Engineering Software 4, 1982), and from each side.

    Also known as ``gradcheck``.

    Args:
        function: of numbers and arrays, to a number or an array; smooth at the arguments.
        arguments: where to check; arrays are taken in float64, which says more about a rule.
        order: 1 checks the gradient, 2 also the derivatives of a random combination of its
            elements, that of a reverse pass and that of a forward one.
        tolerance: how far an element may be off, relative to its size.
        seed: of the random weights.

    Returns:
        True, so that it can stand in an ``assert``.

    Raises:
        GradientError: a derivative differs; the message says which, where, and by how much. Or the
            function is not finite there, or not the same in two calls.
        KinkError: the function has no derivative at the arguments; the message names the element,
            and the slopes on its two sides.

    Example:
        >>> import autodiff as ad
        >>> ad.check_gradients(lambda x, y: ad.sin(x * y), 0.3, 0.7)
        True
    """
    point = [_in_double(argument) for argument in arguments]
    generator = np.random.default_rng(seed)
    output = _output(function, point)
    limits = _Limits(tolerance, _precision(output), _scale(output))
    functions = [("", _weighted(function, np.shape(output), generator))]
    for level in range(1, order + 1):
        _check(functions, point, level, limits, generator)
        if level < order:
            functions = _derivatives(functions[0][1], point, generator)
    return True


gradcheck = check_gradients


@dataclass(frozen=True)
class _Limits:
    """How far apart numbers may lie.

    Attributes:
        tolerance: relative to the size of an element.
        precision: of the function's arithmetic, relative to that of float64.
        scale: of the numbers that may cancel inside of the function: 1, or its value if smaller.
    """

    tolerance: float
    precision: float
    scale: float

    def noise(self, value: float, argument: Any) -> Any:
        """What rounding leaves in the differences.

        Args:
            value: of the function; its rounding errors are divided by the step.
            argument: whose elements the steps are proportional to, if they are large.
        """
        rounding = 5e-12 * self.precision ** (6 / 7) * abs(value)
        return rounding / np.maximum(1.0, np.abs(argument)) + 1e-11 * self.scale


def _in_double(argument: Any) -> Any:
    array = np.asarray(bare(argument))
    if array.dtype.kind != "f":
        return argument  # a whole number; or refused by the transforms, who say why
    return array.astype(np.float64) if array.ndim else np.float64(array)  # which never raises


def _output(function: Function, point: Sequence[Any]) -> Any:
    output = bare(function(*point))
    if not np.isfinite(output).all():
        raise GradientError(f"the function is not finite at the arguments: it gives {output!r}")
    if not np.array_equal(output, bare(function(*point))):
        raise GradientError("the function gives different results when called twice alike")
    return output


def _precision(output: Any) -> float:
    dtype = np.asarray(output).dtype
    return max(1.0, float(np.finfo(dtype).eps / np.finfo(float).eps)) if dtype.kind == "f" else 1.0


def _scale(output: Any) -> float:
    return min(1.0, float(np.max(np.abs(output), initial=0.0))) or 1.0


def _weighted(
    function: Function, shape: tuple[int, ...], generator: np.random.Generator
) -> Function:
    """The function as one number: Σ of its elements times random weights."""
    if not shape:
        return function
    weights = generator.uniform(0.5, 1.5, shape) * generator.choice([-1.0, 1.0], shape)
    return lambda *x: np.sum(weights * function(*x))


def _derivatives(
    function: Function, point: Sequence[Any], generator: np.random.Generator
) -> list[tuple[str, Function]]:
    """Σ of the elements of the gradient times random weights, computed in two ways."""
    weights: list[Any] = [generator.uniform(0.5, 1.5, np.shape(argument)) for argument in point]
    weights = [w if np.ndim(w) else float(w) for w in weights]
    if sum(map(np.size, weights)) == 1:
        weights = [np.ones_like(w) if np.ndim(w) else 1.0 for w in weights]
    gradient = grad(function, tuple(range(len(point))))

    def of_reverse(*x: Any) -> Any:
        terms = [np.sum(w * g) for w, g in zip(weights, gradient(*x), strict=True)]
        return sum(terms[1:], terms[0])

    def of_forward(*x: Any) -> Any:
        return jvp(function, x, weights)[1]

    return [(" of the gradient", of_reverse), (" of the jvp", of_forward)]


def _check(
    functions: Sequence[tuple[str, Function]],
    point: Sequence[Any],
    level: int,
    limits: _Limits,
    generator: np.random.Generator,
) -> None:
    """Compare derivatives of functions that all compute the same with differences of the first."""
    function = functions[0][1]
    positions = tuple(range(len(point)))
    value = float(bare(function(*point)))
    step = 2e-3 * limits.precision ** (1 / 7)  # balances rounding and what is left out
    expected = [differences.gradient(function, point, i, step) for i in positions]
    directions = [generator.normal(size=np.shape(argument)) for argument in point]
    order = "" if level == 1 else "second order, " if level == 2 else f"order {level}, "
    for about, candidate in functions:
        where = f"{order}reverse{about}"
        gradients = [np.asarray(bare(g)) for g in grad(candidate, positions)(*point)]
        for i, (got, e) in enumerate(zip(gradients, expected, strict=True)):
            if got.shape != e.shape:
                raise GradientError(
                    f"{where}: the gradient of argument {i} of shape {e.shape} has shape "
                    f"{got.shape}"
                )
        allowed = _reconcile(function, point, gradients, expected, limits, value, level)
        _compare(where, point, gradients, expected, allowed)
        _, slope = jvp(candidate, point, directions)
        along = sum(float(np.sum(e * d)) for e, d in zip(expected, directions, strict=True))
        sum_allowed = sum(
            float(np.sum(a * np.abs(d))) for a, d in zip(allowed, directions, strict=True)
        )
        if not abs(float(bare(slope)) - along) <= sum_allowed:
            where = f"{order}forward{about}"
            _compare(where, point, _by_jvp(candidate, point), expected, allowed)
            raise GradientError(
                f"{where}: the derivative along a random direction is {float(bare(slope)):.12g}, "
                f"finite differences give {along:.12g}"
            )


def _reconcile(
    function: Function,
    point: Sequence[Any],
    gradients: Sequence[Array],
    expected: Sequence[Array],
    limits: _Limits,
    value: float,
    level: int,
) -> list[Array]:
    """How far each element may be off; where it is further, differences are taken again.

    ``expected`` is changed to the better numbers.

    Raises:
        KinkError: there is no derivative at the point.
    """
    both = (*gradients, *expected)
    largest = max(float(np.max(np.abs(g), initial=0.0, where=np.isfinite(g))) for g in both)
    floor = 1e-3 * largest
    noises = [np.asarray(limits.noise(value, x)) for x in point]
    allowed = [
        np.asarray(limits.tolerance * (np.abs(e) + floor) + noise)
        for e, noise in zip(expected, noises, strict=True)
    ]
    for i, place in _too_far(gradients, expected, allowed):
        line = differences.along(function, point, i, place)
        better = differences.ridders(line, limits.precision)
        size = floor if better is None else floor + abs(better.slope)
        noise = noises[i][place]
        if better is not None and better.error <= 1e-4 * size + 1e3 * noise:
            expected[i][place] = better.slope
            allowed[i][place] = limits.tolerance * size + noise + 10 * better.error
            if abs(gradients[i][place] - better.slope) <= allowed[i][place]:
                continue
        kink = differences.kink(line, limits.precision, limits.scale)
        if kink is not None:
            got = float(gradients[i][place])
            raise KinkError(_about_kink(kink, point, i, place, got, level))
    return allowed


def _too_far(
    gradients: Sequence[Array], expected: Sequence[Array], allowed: Sequence[Array]
) -> list[tuple[int, tuple[int, ...]]]:
    """The elements that are not as expected."""
    return [
        (i, place)
        for i, (g, e, a) in enumerate(zip(gradients, expected, allowed, strict=True))
        for place in map(tuple, np.argwhere(~(np.abs(g - e) <= a)))
    ]


def _by_jvp(function: Function, point: Sequence[Any]) -> list[Array]:
    """The gradient, one element at a time by forward mode."""
    still = [np.zeros(np.shape(argument)) for argument in point]
    gradients = [np.zeros(np.shape(argument)) for argument in point]
    for gradient, moving in zip(gradients, still, strict=True):
        for place in np.ndindex(*gradient.shape):
            moving[place] = 1.0
            gradient[place] = float(bare(jvp(function, point, still)[1]))
            moving[place] = 0.0
    return gradients


# --- messages -------------------------------------------------------------------------------------


def _compare(
    where: str,
    point: Sequence[Any],
    gradients: Sequence[Array],
    expected: Sequence[Array],
    allowed: Sequence[Array],
) -> None:
    rows = []
    for i, place in _too_far(gradients, expected, allowed):
        got, e = float(gradients[i][place]), float(expected[i][place])
        rows.append((_relative(got, e), i, place, got, e))
    if not rows:
        return
    rows.sort(key=lambda row: -row[0] if row[0] == row[0] else -np.inf)
    error, i, place, got, e = rows[0]
    count = sum(g.size for g in gradients)
    message = [
        f"{where}: the derivative with respect to {_element(i, place)} is {got:.12g}, "
        f"finite differences give {e:.12g}, relative error {error:.2g}"
    ]
    if count > 1:
        message += [f"{len(rows)} of {count} elements are off:", *_table(rows[:_SHOWN], point)]
    raise GradientError("\n".join(message))


def _table(rows: Sequence[tuple[Any, ...]], point: Sequence[Any]) -> Iterator[str]:
    yield f"  {'element':<20} {'at':>12} {'derivative':>20} {'differences':>20} {'error':>9}"
    for error, i, place, got, e in rows:
        at = float(np.asarray(point[i])[place])
        yield f"  {_element(i, place):<20} {at:>12.6g} {got:>20.12g} {e:>20.12g} {error:>9.2g}"


def _element(i: int, place: tuple[int, ...]) -> str:
    return f"argument {i}{list(map(int, place)) if place else ''}"


def _relative(got: float, expected: float) -> float:
    return abs(got - expected) / max(abs(got), abs(expected), 1e-300)


def _about_kink(
    why: str, point: Sequence[Any], i: int, place: tuple[int, ...], got: float, level: int
) -> str:
    at = float(np.asarray(point[i])[place])
    of = "function" if level == 1 else "gradient" if level == 2 else f"derivative {level - 1}"
    return (
        f"kink: the {of} has no derivative with respect to {_element(i, place)} = {at:.12g}, where "
        f"{why}. The rule, which gives {got + 0.0:.12g}, follows a convention there: check it at "
        "another point"
    )
