"""``autodiff grad``: value, gradient and Hessian."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
import numpy as np

from autodiff.arrays import Array
from autodiff.commands.arguments import Command, chosen, problem
from autodiff.commands.layout import aligned, exact, plain, short
from autodiff.commands.problem import Problem


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  autodiff grad "sin(θ*x1+x2)+θ*x2**2" θ=0.5 x1=2 x2=3
  autodiff grad "x**y" x=2 y=3 --order 2
  autodiff grad "sum(softmax(v)*[1,2,3])" v=[0.1,0.2,0.3] --json
  autodiff grad "x if x > 0 else exp(x)-1" x=-pi/4
""",
)
@problem
@click.option("--wrt", metavar="NAME", multiple=True, help="Only for this name; may be repeated.")
@click.option(
    "--order", type=click.IntRange(1, 2), default=1, help="2 for the Hessian as well.",
    show_default=True,
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with all digits.")
def grad(problem: Problem, wrt: Sequence[str], order: int, as_json: bool) -> None:
    """Value and gradient of an expression."""
    names = chosen(wrt, problem)
    value, gradient = problem.first_order(names)
    matrix = problem.second_order(names) if order == 2 else None
    elements = [str(element) for element in problem.elements(names)]
    if as_json:
        result = {
            "expression": problem.expression.text,
            "value": plain(value),
            "gradient": {name: plain(gradient[name]) for name in names},
        }
        if matrix is not None:
            result["hessian"] = {
                row: dict(zip(elements, map(plain, numbers), strict=True))
                for row, numbers in zip(elements, matrix, strict=True)
            }
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False, indent=2))
        return
    numbers = [float(x) for name in names for x in np.ravel(gradient[name])]
    rows = [("f", value), *((f"∂f/∂{e}", x) for e, x in zip(elements, numbers, strict=True))]
    click.echo(f"f = {problem.expression.text}\n")
    click.echo("\n".join(aligned([[name, f"= {exact(x)}"] for name, x in rows])))
    if matrix is not None:
        click.echo("\n" + "\n".join(_table(elements, matrix)))


def _table(elements: Sequence[str], matrix: Array) -> list[str]:
    """The Hessian with names at rows and columns."""
    heading = ["∂²f", *(f"∂{element}" for element in elements)]
    rows = [
        [f"∂{element}", *map(short, numbers)]
        for element, numbers in zip(elements, matrix, strict=True)
    ]
    return aligned([heading, *rows], right=range(1, len(heading)))
