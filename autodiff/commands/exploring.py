"""``autodiff explore``: a page on which one steps through the forward and the reverse pass."""

from __future__ import annotations

from pathlib import Path

import click

from autodiff.commands.arguments import Command, output_file, problem
from autodiff.commands.problem import Problem
from autodiff.view import exploration


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  autodiff explore "sin(θ*x1+x2)+θ*x2**2" θ=0.5 x1=2 x2=3 -o f.html
  autodiff explore "a*b + a**2" a=2 b=3 --open
""",
)
@problem
@output_file(".html", default="explore.html")
@click.option("--open", "shown", is_flag=True, help="Open the page in a browser.")
def explore(problem: Problem, output: Path, shown: bool) -> None:
    """A page of its own on which one steps through both passes and watches the adjoints arrive."""
    result, _ = problem.graph()
    page = exploration.explore(result, output)
    click.echo(page)
    if shown:
        click.launch(str(page))
