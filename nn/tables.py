"""Aligned tables, as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> str:
    """Columns side by side, two spaces apart.

    Args:
        header: a title for each column.
        rows: as many cells each.
        alignment: "<" or ">" for each column: to the left or to the right.

    Example:
        >>> print(text_table(["class", "n"], [["cat", "3"], ["dog", "12"]], "<>"))
        class   n
        cat     3
        dog    12
    """
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}"
            for cell, side, width in zip(line, alignment, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> str:
    """The same as HTML, for notebooks; whatever the cells hold is shown as it is."""
    sides = ["left" if side == "<" else "right" for side in alignment]

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align: {side}; white-space: pre">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return (
        f"<table>\n<thead><tr>{line(header, 'th')}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    )
