"""``autodiff check``: derivatives against finite differences and against arbitrary precision."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np

from autodiff.commands import precision
from autodiff.commands.arguments import Command, chosen, problem
from autodiff.commands.layout import aligned, exact, plain
from autodiff.commands.problem import Element, Number, Problem
from autodiff.expressions import ExpressionError
from autodiff.transform import differences

# How many digits have to agree. Differences of float64 lose about a third of 16, and more where a
# function bends sharply; a walk through the graph loses only what the function itself loses.
_ENOUGH_BY_DIFFERENCES = 5.0
_ENOUGH = 10.0
_MOST = 17.0  # float64 has no more
_FLOOR = 1e-3  # a derivative that is smaller than this part of the largest one is as good as zero


@dataclass(frozen=True)
class Row:
    """A derivative and its agreement with the two others.

    Attributes:
        name: such as ``∂f/∂x``.
        derivative: by the library.
        by_differences: digits that agree with finite differences; None where there are none.
        by_precision: digits that agree with arithmetic of arbitrary precision, likewise.
    """

    name: str
    derivative: float
    by_differences: float | None
    by_precision: float | None

    @property
    def agrees(self) -> bool:
        """Whether enough digits agree, and there is something to compare with."""
        compared = (
            (self.by_differences, _ENOUGH_BY_DIFFERENCES), (self.by_precision, _ENOUGH)
        )  # fmt: skip
        there = [digits >= enough for digits, enough in compared if digits is not None]
        return bool(there) and all(there)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  autodiff check "sin(θ*x1+x2)+θ*x2**2" θ=0.5 x1=2 x2=3
  autodiff check "softplus(x)" x=40 --order 1 --json

The exit code is 1 where a derivative does not agree, or where there is none.
""",
)
@problem
@click.option("--wrt", metavar="NAME", multiple=True, help="Only for this name; may be repeated.")
@click.option(
    "--order", type=click.IntRange(1, 2), default=2, show_default=True,
    help="1 to leave out the second derivatives.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
def check(
    ctx: click.Context, problem: Problem, wrt: Sequence[str], order: int, as_json: bool
) -> None:
    """Derivatives against finite differences and arbitrary precision.

    Each derivative is compared with finite differences (second ones with differences of the
    gradient), and with difference quotients in 50-digit arithmetic. What is shown is how many
    digits agree.
    """
    names = chosen(wrt, problem)
    value, gradient = problem.first_order(names)
    if not math.isfinite(value):
        raise ValueError(f"the expression is {value} here: there are no derivatives to check")
    kinks = list(_kinks(problem, names))
    notes: list[str] = []
    rows = list(_first_order(problem, names, value, gradient, notes))
    if order == 2:
        rows += _second_order(problem, names, value, notes)
    agrees = all(row.agrees for row in rows) and not kinks
    if as_json:
        result = {
            "expression": problem.expression.text,
            "value": plain(value),
            "agrees": agrees,
            "derivatives": [_for_json(row) for row in rows],
            "notes": [*kinks, *notes],
        }
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False, indent=2))
    else:
        click.echo(f"f = {problem.expression.text} = {exact(value).strip()}\n")
        click.echo("\n".join(_table(rows)))
        for note in dict.fromkeys([*kinks, *notes]):
            click.echo(f"note: {note}")
        click.echo("\n" + _verdict(rows, agrees))
    ctx.exit(0 if agrees else 1)


# --- comparing ------------------------------------------------------------------------------------


def _first_order(
    problem: Problem,
    names: Sequence[str],
    value: float,
    gradient: dict[str, Number],
    notes: list[str],
) -> Iterator[Row]:
    elements = list(problem.elements(names))
    derivatives = [float(np.asarray(gradient[e.name])[e.place]) for e in elements]
    scale = _scale([value, *derivatives])
    for element, derivative in zip(elements, derivatives, strict=True):
        slope = differences.ridders(_line(problem, element))
        yield Row(
            f"∂f/∂{element}",
            derivative,
            None if slope is None else _digits(derivative, slope.slope, scale),
            _precisely(problem, [element], derivative, scale, notes),
        )


def _second_order(
    problem: Problem, names: Sequence[str], value: float, notes: list[str]
) -> Iterator[Row]:
    elements = list(problem.elements(names))
    hessian = problem.second_order(names)
    scale = _scale([value, *hessian.ravel()])
    for i, row in enumerate(elements):
        for j, column in enumerate(elements[: i + 1]):
            derivative = float(hessian[i, j])
            slope = differences.ridders(_line(problem, column, of_derivative=row))
            name = f"∂²f/∂{row}²" if i == j else f"∂²f/∂{row}∂{column}"
            yield Row(
                name,
                derivative,
                None if slope is None else _digits(derivative, slope.slope, scale),
                _precisely(problem, [row, column], derivative, scale, notes),
            )


def _line(
    problem: Problem, element: Element, of_derivative: Element | None = None
) -> differences.Line:
    """The expression, or its derivative by another element, along an element."""

    def function(moved: Number) -> float:
        point = Problem(problem.expression, {**problem.values, element.name: moved})
        if of_derivative is None:
            return float(point.function({}))
        gradient = point.first_order([of_derivative.name])[1][of_derivative.name]
        return float(np.asarray(gradient)[of_derivative.place])

    start = problem.values[element.name]
    if isinstance(start, float):
        return differences.Line(function, start)

    def in_array(x: float) -> float:
        moved = start.copy()
        moved[element.place] = x
        return function(moved)

    return differences.Line(in_array, float(start[element.place]))


def _precisely(
    problem: Problem,
    elements: Sequence[Element],
    derivative: float,
    scale: float,
    notes: list[str],
) -> float | None:
    """The digits that agree with arithmetic of arbitrary precision; None where it can't be done."""
    try:
        expected = precision.derivative(problem, elements)
    except (precision.MissingFunctionError, ExpressionError, ArithmeticError, ValueError) as fault:
        reason = fault.reason if isinstance(fault, ExpressionError) else str(fault)
        notes.append(f"no arbitrary precision: {reason}")
        return None
    return _digits(derivative, expected, scale)


def _kinks(problem: Problem, names: Sequence[str]) -> Iterator[str]:
    for element in problem.elements(names):
        why = differences.kink(_line(problem, element))
        if why is not None:
            yield f"f has no derivative by {element} here, where {why}"


def _scale(numbers: Sequence[float]) -> float:
    return max((abs(x) for x in numbers if math.isfinite(x)), default=0.0)


def _digits(derivative: float, expected: object, scale: float) -> float:
    """How many decimal digits of two numbers agree."""
    other = float(expected)  # type: ignore[arg-type]
    # The difference is taken before rounding: a float less an mpf of 50 digits is an mpf.
    apart = abs(float(derivative - expected))  # type: ignore[operator]
    largest = max(abs(derivative), abs(other), _FLOOR * scale)
    if not (math.isfinite(apart) and math.isfinite(largest)):
        return 0.0
    if apart == 0:
        return _MOST
    return min(max(0.0, -math.log10(apart / largest)), _MOST)


# --- showing --------------------------------------------------------------------------------------


def _table(rows: Sequence[Row]) -> list[str]:
    heading = ["derivative", "value", "digits: finite differences", "50-digit arithmetic"]
    cells = [
        [row.name, exact(row.derivative), _shown(row.by_differences), _shown(row.by_precision),
         *([] if row.agrees else ["does not agree"])]
        for row in rows
    ]  # fmt: skip
    width = max(map(len, cells), default=4)
    filled = [[*line, *[""] * (width - len(line))] for line in [heading, *cells]]
    return aligned(filled, right=(2, 3))


def _shown(digits: float | None) -> str:
    if digits is None:
        return "–"
    return "all" if digits == _MOST else f"{digits:.1f}"


def _verdict(rows: Sequence[Row], agrees: bool) -> str:
    if not rows:
        return "there is nothing to check: no name has a value"
    if not agrees:
        return click.style("The derivatives do not agree.", fg="red", bold=True)
    parts = []
    for what, column in (
        ("with finite differences", [row.by_differences for row in rows]),
        ("with 50-digit arithmetic", [row.by_precision for row in rows]),
    ):
        digits = [d for d in column if d is not None]
        if digits:
            worst = _shown(min(digits))
            parts.append(f"in {worst} digits {what}")
    return click.style(f"All agree: {', '.join(parts)}.", fg="green", bold=True)


def _for_json(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "value": plain(row.derivative),
        "digits": {"differences": row.by_differences, "arbitrary_precision": row.by_precision},
        "agrees": row.agrees,
    }
