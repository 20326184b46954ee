"""``autodiff explain``: how a derivative comes about."""

from __future__ import annotations

import click

from autodiff.commands.arguments import Command, chosen, problem
from autodiff.commands.problem import Problem
from autodiff.view import explanation


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  autodiff explain "a*b + a**2" a=2 b=3
  autodiff explain "sin(θ*x1+x2)+θ*x2**2" θ=0.5 x1=2 x2=3 --wrt θ
  autodiff explain "a*b + a**2" a=2 b=3 --format latex
""",
)
@problem
@click.option("--wrt", metavar="NAME", help="Only the steps that lead to this name.")
@click.option(
    "--format", "style", type=click.Choice(["text", "markdown", "latex", "html"]), default="text",
    show_default=True, help="How to write it; text is coloured in a terminal.",
)  # fmt: skip
def explain(problem: Problem, wrt: str | None, style: str) -> None:
    """The reverse pass of an expression, step by step."""
    names = chosen([wrt], problem) if wrt else ()
    output, leaves = problem.graph()
    explained = explanation.explain(output, leaves[names[0]] if names else None)
    if style == "text":
        explained.show()
    else:
        click.echo(getattr(explained, style)().rstrip("\n"))
