"""What is wrong with an expression, and where."""

from __future__ import annotations

import unicodedata

_SHOWN = 72  # characters of the text around the place


class ExpressionError(ValueError):
    """An expression that can't be read or computed.

    Attributes:
        reason: what is wrong, in one line.
        text: the expression.
        column: the place in the text, counted from 0.
    """

    def __init__(self, reason: str, text: str, column: int) -> None:
        super().__init__(reason, text, column)
        self.reason = reason
        self.text = text
        self.column = column

    def __str__(self) -> str:
        """The reason, then the text with a mark under the place.

        Example:
            >>> print(ExpressionError("what is this?", "θ $ x", 2))
            what is this? (column 3)
              θ $ x
                ^
        """
        start = max(0, self.column - _SHOWN // 2)
        before = _printable(self.text[start : self.column])
        after = _printable(self.text[self.column : start + _SHOWN])
        if start:
            before = f"…{before}"
        if start + _SHOWN < len(self.text):
            after += "…"
        mark = " " * sum(map(_columns, before)) + "^"
        return f"{self.reason} (column {self.column + 1})\n  {before}{after}\n  {mark}"


def _printable(text: str) -> str:
    """The text with what could move the cursor or turn the direction of writing replaced."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _columns(character: str) -> int:
    """How many columns a terminal gives a character."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
