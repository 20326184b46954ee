"""Writes docs/coverage.md, the table of NumPy's functions and what each does on a node.

The table is read from what the library itself answers NumPy with, so it says what happens. Run it
with ``make docs``; a test compares the file with what it writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autodiff.ops import coverage
from autodiff.ops.numpy_protocol import ANSWERS, FAMILIES, load

FILE = Path(__file__).with_name("coverage.md")
NAMESPACES = (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft))
LOADED = [load(family) for family in FAMILIES]
HERE = {id(getattr(family, name)): family for family in LOADED for name in family.__all__}

INTRODUCTION = f"""# NumPy's functions on nodes

Written by `make docs`, with NumPy {".".join(np.__version__.split(".")[:2])}: don't edit it.

Every public function of `np`, `np.linalg` and `np.fft` is in exactly one of five classes, and a
test walks these namespaces to hold that. Aliases count."""

CLASSES = (
    ("Bare", coverage.BARE, "These compute on bare data, for their results have no derivative."),
    ("Refused", coverage.REFUSED, "These raise `TypeError` on a node, and say why."),
    (
        "Of plain numbers",
        coverage.PLAIN,
        "These make arrays from lengths and numbers; in place of an array a node is refused.",
    ),
    ("Outside", coverage.OUTSIDE, "These are no functions of arrays of numbers."),
)


def answered() -> dict[ModuleType | None, list[tuple[str, Any]]]:
    """The names of the differentiable functions, and their operations, by family."""
    found: dict[ModuleType | None, list[tuple[str, Any]]] = {family: [] for family in LOADED}
    for prefix, namespace in NAMESPACES:
        for name in dir(namespace):
            function = getattr(namespace, name)
            if name[0] != "_" and callable(function) and _in_answers(function):
                operation = ANSWERS[function]
                found.setdefault(HERE.get(id(operation)), []).append(
                    (f"{prefix}.{name}", operation)
                )
    return found


def _in_answers(function: Any) -> bool:
    return not isinstance(function, type) and function in ANSWERS


def differentiable() -> Iterator[str]:
    """The lines about functions that have a rule."""
    for family, functions in answered().items():
        if family is None:
            yield f"**the operand itself, or composed** ({len(functions)}): {_listed(functions)}"
            continue
        title = family.__name__.rpartition(".")[2].replace("_", " ")
        used = {id(operation) for _, operation in functions}
        own = [name for name in family.__all__ if id(getattr(family, name)) not in used]
        lines = [f"**{title}** ({len(functions)}): {_listed(functions)}"]
        if own:
            lines.append(f"Only here: {', '.join(f'`{name}`' for name in own)}")
        yield "  \n".join(lines)


def _listed(functions: list[tuple[str, Any]]) -> str:
    return ", ".join(f"`{name}`" for name, _ in functions) or "none"


def text() -> str:
    """The whole table, in Markdown."""
    groups = list(differentiable())
    count = sum(map(len, answered().values()))
    counts = [("Differentiable", count)]
    parts = ["## Differentiable", *groups]
    for title, declared, about in CLASSES:
        parts += [f"## {title}", about]
        total = 0
        for group in declared:
            names = [name for name, _ in group.functions()]
            total += len(names)
            listed = ", ".join(f"`np.{name}`" for name in names)
            why = f"  \n{group.why[0].upper()}{group.why[1:]}." if group.why else ""
            if names:
                parts.append(f"**{group.about}** ({len(names)}): {listed}{why}")
        counts.append((title, total))
    table = "\n".join(f"| {title} | {n} |" for title, n in counts)
    head = [INTRODUCTION, f"| class | functions |\n|---|---:|\n{table}"]
    return "\n\n".join([*head, *parts]) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
