"""``autodiff draw``: the graph as a picture."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from autodiff.commands.arguments import Command, output_file, problem
from autodiff.commands.problem import Problem
from autodiff.graph import bare
from autodiff.view import drawing


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  autodiff draw "sin(θ*x1+x2)+θ*x2**2" θ=0.5 x1=2 x2=3 -o f.svg
  autodiff draw "x*sin(x)" x=2 -o f.pdf --direction TB
""",
)
@problem
@output_file(".svg", ".png", ".pdf", ".dot", ".gv", default="graph.svg")
@click.option(
    "--direction", type=click.Choice(["LR", "TB", "RL", "BT"], case_sensitive=False),
    default="LR", show_default=True, help="Where arrows point: left to right, top to bottom ...",
)  # fmt: skip
def draw(problem: Problem, output: Path, direction: str) -> None:
    """A picture of the graph, with values, local partials and adjoints."""
    result, _ = problem.graph()
    if not np.ndim(bare(result)):
        result.backward()  # for the adjoints; an array has none of its own
    click.echo(drawing.draw(result, direction=direction).write(output))
