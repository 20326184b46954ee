"""The program: its commands, and how errors end it.

Exit codes: 0 for success, 1 where something can't be computed, drawn, written or confirmed, 2 where
the command line can't be understood, 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from autodiff.commands.checking import check
from autodiff.commands.drawing import draw
from autodiff.commands.explaining import explain
from autodiff.commands.exploring import explore
from autodiff.commands.gradients import grad
from autodiff.commands.plotting import plot
from autodiff.version import __version__
from autodiff.view.rendering import RenderError

COMMANDS = (grad, explain, draw, explore, check, plot)

# What a computation or a file may bring about; anything else is a fault of the program itself.
_FAULTS = (
    ValueError, TypeError, ArithmeticError, OSError, MemoryError, ImportError, RenderError,
)  # fmt: skip


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=COMMANDS,
    epilog="""\b
Examples:
  autodiff grad "sin(θ*x1+x2)+θ*x2**2" θ=0.5 x1=2 x2=3
  autodiff explain "a*b + a**2" a=2 b=3
  autodiff draw "x*sin(x)" x=2 -o graph.svg
  autodiff explore "x*sin(x)" x=2 --open
  autodiff check "x*log(x)" x=0.3
  autodiff plot "sin(x)/x" x=-15:15 -o sinc.png

Completion of commands, options and names, in bash (or zsh, fish): put into ~/.bashrc the line

\b
  eval "$(_AUTODIFF_COMPLETE=bash_source autodiff)"
""",
)
@click.version_option(__version__, prog_name="autodiff", message="%(prog)s %(version)s")
def program() -> None:
    """Exact derivatives of expressions, and where they come from.

    An expression is written as in Python: "sin(θ*x1+x2) + θ*x2**2"; then come the values of its
    names: θ=0.5 x1=2 x2=pi/3 v=[1,2,3].
    """


def main() -> None:
    """The program as the shell calls it."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; an error becomes a message on standard error.

    Returns:
        the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a θ gets \u03b8
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            status = program.main(
                list(arguments) or ["--help"],
                prog_name="autodiff",
                standalone_mode=False,
                color=_color(),
            )
        sys.stdout.flush()
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "autodiff"
        return _fail(error.format_message(), 2, command)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except click.Abort:
        return 130
    except BrokenPipeError:
        # Whoever reads, such as ``head``, has seen enough. What waits to be written goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        return _fail(f"this needs {error.name}, which is not installed: pip install {error.name}")
    except _FAULTS as error:
        return _fail(str(error) or type(error).__name__)
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int = 1, command: str = "autodiff") -> int:
    mark = click.style("error:", fg="red", bold=True)
    click.echo(f"{command}: {mark} {message}", err=True, color=_color())
    return status


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    mark = click.style("warning:", fg="yellow", bold=True)
    click.echo(f"autodiff: {mark} {message}", err=True, color=_color())


def _color() -> bool | None:
    """No colours where NO_COLOR is set (no-color.org), else where there is a terminal."""
    return False if os.environ.get("NO_COLOR") else None
