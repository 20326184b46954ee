"""``autodiff plot``: a function of one number and its first two derivatives, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from autodiff.commands.arguments import (
    Assignment,
    Command,
    Range,
    expression_and_values,
    output_file,
    problem_of,
)
from autodiff.commands.curves import sampled
from autodiff.commands.figure import save
from autodiff.expressions import Expression


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  autodiff plot "sin(x)/x" x=-15:15
  autodiff plot "exp(-a*x)*cos(x)" a=0.2 x=0:6*pi -o oscillation.svg
  autodiff plot "x if x > 0 else exp(x)-1" x=-3:3 -o elu.pdf
""",
)
@expression_and_values
@output_file(".png", ".svg", ".pdf", default="plot.png")
@click.option(
    "--points", type=click.IntRange(10, 100_000), default=600, show_default=True,
    help="How many points to compute.",
)  # fmt: skip
def plot(expression: Expression, values: Sequence[Assignment], output: Path, points: int) -> None:
    """f, f′ and f″ over a range, such as x=-3:3."""
    context = click.get_current_context()
    ranges = [(a.name, a.value) for a in values if isinstance(a.value, Range)]
    if len(ranges) != 1:
        found = ", ".join(name for name, _ in ranges) or "none"
        raise click.UsageError(f"one name needs a range, such as x=-3:3; found {found}", context)
    name, limits = ranges[0]
    if not 0 < limits.stop - limits.start < float("inf"):
        raise click.UsageError(
            f"the range of {name} must go from a number to a larger one, "
            f"not from {limits.start:g} to {limits.stop:g}",
            context,
        )
    middle = [Assignment(name, limits.start) if isinstance(a.value, Range) else a for a in values]
    curves = sampled(problem_of(expression, middle), name, limits.start, limits.stop, points)
    save(curves, output)
    click.echo(output)
