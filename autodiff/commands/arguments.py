"""What is typed: an expression, values of names, files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.shell_completion import CompletionItem

from autodiff.commands.problem import Number, Problem
from autodiff.expressions import Expression, ExpressionError, parse
from autodiff.expressions.tokens import is_name

_OPTION = re.compile("--[a-z][a-z-]*")
_FILE = re.compile(r"\.[A-Za-z]+$")


@dataclass(frozen=True)
class Range:
    """The numbers from one to another."""

    start: float
    stop: float


@dataclass(frozen=True)
class Assignment:
    """``name=value``, or ``name=start:stop``."""

    name: str
    value: Number | Range


class Command(click.Command):
    """A command whose expression may begin with a minus, which is not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = {
            name: parameter
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option)
            for name in parameter.opts
        }
        shielded = []
        before = None
        for argument in args:
            takes_value = before is not None and not before.is_flag
            if not takes_value and _is_expression(argument, options):
                argument = f" {argument}"
            shielded.append(argument)
            before = None if takes_value else options.get(argument)
        return super().parse_args(ctx, shielded)


def _is_expression(argument: str, options: dict[str, click.Option]) -> bool:
    """Whether something that begins with a minus is no option, known or mistyped."""
    if not argument.startswith("-") or argument in ("-", "--"):
        return False
    name = argument.partition("=")[0]
    if name in options or _OPTION.fullmatch(name):
        return False
    return argument[:2] not in options or not _FILE.search(argument)  # -of.svg is an option, too


def _expression(text: str) -> Expression:
    try:
        return parse(text.strip())
    except ExpressionError as error:
        raise click.UsageError(str(error)) from None


def _assignment(text: str) -> Assignment:
    name, equals, value = text.partition("=")
    name = unicodedata.normalize("NFC", name.strip())
    if not equals or not is_name(name):
        raise click.UsageError(f"a value is given as NAME=VALUE, such as x=2, not {text!r}")
    start, colon, stop = value.partition(":")
    try:
        if colon:
            return Assignment(name, Range(_single(start), _single(stop)))
        return Assignment(name, _constant(value))
    except ExpressionError as error:
        raise click.UsageError(f"the value of {name}: {error}") from None


def _names_without_value(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What the shell offers: the names of the expression that have no value yet."""
    expression = context.params.get("expression")
    given = {assignment.name for assignment in context.params.get("values") or ()}
    return [
        CompletionItem(f"{name}=")
        for name in (expression.unknowns if isinstance(expression, Expression) else ())
        if name.startswith(incomplete) and name not in given
    ]


def _constant(text: str) -> Number:
    """A number or an array from text such as ``pi/2`` or ``[1, 2, 3]``."""
    expression = parse(text)
    with np.errstate(all="ignore"):
        value = np.asarray(expression({}), dtype=float)
    return value if value.ndim else float(value)


def _single(text: str) -> float:
    value = _constant(text)
    if isinstance(value, float):
        return value
    raise ExpressionError("this must be a single number", text, 0)


def output_file(*endings: str, default: str) -> Callable[[Callable[..., Any]], Any]:
    """The option ``-o FILE``, for a file of a format that its ending tells."""

    def path(text: str) -> Path:
        if Path(text).suffix.lower() not in endings:
            known = ", ".join(endings)
            raise click.UsageError(f"a file must end in one of {known}; got {text!r}")
        return Path(text)

    return click.option(
        "-o", "--output", type=path, default=default, show_default=True, metavar="FILE",
        shell_complete=lambda context, option, text: [CompletionItem(text, type="file")],
        help=f"Where to write; the ending tells the format: {', '.join(endings)}.",
    )  # fmt: skip


def expression_and_values(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the arguments EXPRESSION NAME=VALUE ..., as an expression and assignments."""
    command = click.argument(
        "values", nargs=-1, type=_assignment, metavar="NAME=VALUE...",
        shell_complete=_names_without_value,
    )(command)  # fmt: skip
    return click.argument("expression", type=_expression, metavar="EXPRESSION")(command)


def problem(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the same arguments, as a problem: every name has a number or an array."""

    @expression_and_values
    @wraps(command)
    def with_problem(expression: Expression, values: Sequence[Assignment], **options: Any) -> Any:
        return command(problem_of(expression, values), **options)

    return with_problem


def problem_of(expression: Expression, assignments: Sequence[Assignment]) -> Problem:
    """An expression at the point that the assignments give.

    Raises:
        click.UsageError: a name has no value, two, or a range; or a value is for no name.
    """
    context = click.get_current_context()
    values: dict[str, Number] = {}
    for assignment in assignments:
        name = assignment.name
        if name in values:
            raise click.UsageError(f"{name} has two values", context)
        if name not in expression.names:
            known = ", ".join(expression.names) or "no names"
            raise click.UsageError(f"{name} is not in the expression, which has {known}", context)
        if isinstance(assignment.value, Range):
            raise click.UsageError(f"{name} must be a number here, not a range", context)
        values[name] = assignment.value
    missing = [name for name in expression.unknowns if name not in values]
    if missing:
        given = " ".join(f"{name}=…" for name in missing)
        have = "have" if missing[1:] else "has"
        raise click.UsageError(f"{', '.join(missing)} {have} no value: add {given}", context)
    ordered = {name: values[name] for name in expression.names if name in values}
    return Problem(expression, ordered)


def chosen(names: Sequence[str], problem: Problem) -> tuple[str, ...]:
    """The names of ``--wrt``; all that have a value if there are none.

    Raises:
        click.UsageError: there is no such name.
    """
    normal = [unicodedata.normalize("NFC", name) for name in names]
    for name in normal:
        if name not in problem.values:
            known = ", ".join(problem.values) or "none"
            message = f"--wrt {name}: there is no such name; known are {known}"
            raise click.UsageError(message, click.get_current_context())
    return tuple(dict.fromkeys(normal)) or tuple(problem.values)
