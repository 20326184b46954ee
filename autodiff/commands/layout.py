"""Numbers and tables in a terminal, and numbers in JSON."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from autodiff.view import notation


def exact(number: float) -> str:
    """A number with the digits that tell it from any other; a space where a minus could be."""
    text = repr(float(number) + 0.0)  # no -0.0
    return text if text.startswith("-") else f" {text}"


def short(number: float) -> str:
    """A number with ten digits."""
    return f"{number + 0.0:.10g}"


def plain(number: Any) -> Any:
    """A number or an array for JSON.

    JSON has no nan and no infinities; the strings are those of Protocol Buffers' JSON format.

    Example:
        >>> plain(math.inf), plain(np.array([1.0, math.nan]))
        ('Infinity', [1.0, 'NaN'])
    """
    if isinstance(number, np.ndarray):
        return [plain(row) for row in number]
    number = float(number)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else f"{'-' * (number < 0)}Infinity"


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """Lines of cells, each column as wide as its widest cell.

    Args:
        rows: the cells.
        right: the columns that are flush right.
    """
    widths = [max(map(notation.width, column)) for column in zip(*rows, strict=True)]

    def cell(text: str, i: int) -> str:
        padding = " " * (widths[i] - notation.width(text))
        return padding + text if i in right else text + padding

    return ["  ".join(cell(text, i) for i, text in enumerate(row)).rstrip() for row in rows]
