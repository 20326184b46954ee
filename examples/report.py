"""How the exercises print: numbers, tables and small matrices as aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autodiff.view.notation import number, padded, width


def heading(text: str, rule: str = "-") -> str:
    """A title with a line below it, set apart from what stands above."""
    return f"\n{text}\n{rule * width(text)}\n"


def shown(x: Any) -> str:
    """A cell: text as it is, numbers to six digits, vectors as (a, b, ...), matrices as [a b; c d].

    Example:
        >>> shown(0.5), shown((1, -2.5)), shown([[1, 0], [0, 1]])
        ('0.5', '(1, -2.5)', '[1 0; 0 1]')
    """
    if isinstance(x, str):
        return x
    if np.ndim(x) == 0:
        return number(float(x) + 0.0)  # + 0.0: nobody wants to read -0
    if np.ndim(x) == 1:
        return f"({', '.join(map(shown, x))})"
    return f"[{'; '.join(' '.join(map(shown, row)) for row in x)}]"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as wide as their widest cell; columns of numbers are aligned on the right."""
    body = [[shown(cell) for cell in row] for row in rows]
    lines = []
    columns = list(zip(*body, strict=True))
    widths = [max(map(width, column)) for column in zip(head, *body, strict=True)]
    for row in (head, ["-" * columns for columns in widths], *body):
        cells = (
            " " * (size - width(cell)) + cell if _numeric(column) else padded(cell, size)
            for cell, size, column in zip(row, widths, columns, strict=True)
        )
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def matrices(**named: Any) -> str:
    """Matrices side by side, each behind its name: ``F1 = `` and its rows below each other."""
    blocks = [_block(name, np.atleast_2d(values)) for name, values in named.items()]
    height = max(map(len, blocks))
    for block in blocks:
        block += [" " * width(block[0])] * (height - len(block))
    return "\n".join(("  " + "     ".join(lines)).rstrip() for lines in zip(*blocks, strict=True))


def _block(name: str, values: Any) -> list[str]:
    cells = [[shown(cell) for cell in row] for row in values]
    size = max(width(cell) for row in cells for cell in row)
    lead = f"{name} = "
    return [
        (" " * width(lead) if i else lead)
        + "[ "
        + "  ".join(" " * (size - width(cell)) + cell for cell in row)
        + " ]"
        for i, row in enumerate(cells)
    ]


def _numeric(column: Sequence[str]) -> bool:
    try:
        [float(cell.rstrip("%")) for cell in column]
    except ValueError:
        return False
    return True
