"""How drawings look: the fonts, colours and shapes that they share, and text in boxes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from autodiff.view.description import Kind

FONT = "Helvetica,Arial,sans-serif"  # one list for the engine, which measures, and the browser
INK = "#1a1a1a"
ADJOINT = "#00456f"  # a dark blue: what the reverse pass brings
ARROW = "#808080"  # stands out from a white and from a black page alike
LABEL_FILL = "#f2f2f2"


class Look(NamedTuple):
    """Of a box."""

    shape: str
    style: str
    fill: str
    line: str
    outlines: int = 1

    @property
    def attributes(self) -> dict[str, str]:
        """As DOT has them."""
        return {"shape": self.shape, "style": self.style, "fillcolor": self.fill,
                "color": self.line, "peripheries": str(self.outlines)}  # fmt: skip


# Told apart by shape first. The colours are the palette of Okabe and Ito, which colour-blind
# people can tell apart as well: the colour itself for the line, a tint of it for the box.
LOOKS = {
    Kind.LEAF: Look("ellipse", "filled", "#d6ecfa", "#0072b2"),
    Kind.PARAMETER: Look("cylinder", "filled", "#f7e4ef", "#cc79a7"),
    Kind.CONSTANT: Look("box", "filled", "#ececec", "#7f7f7f"),
    Kind.OPERATION: Look("box", "rounded,filled", "#d9f2e6", "#009e73"),
    Kind.OUTPUT: Look("box", "filled", "#fde7bd", "#d55e00", outlines=2),
}


def table(rows: Iterable[str], padding: int, attributes: str = "") -> str:
    """Lines of an HTML-like label, below one another."""
    cells = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="{padding}"{attributes}>{cells}</TABLE>'


def on_ground(rows: Iterable[str]) -> str:
    """A label with a ground of its own, which keeps it legible on any page and across arrows."""
    filled = table(rows, padding=3, attributes=f' STYLE="ROUNDED" BGCOLOR="{LABEL_FILL}"')
    return f"<{table([filled], padding=2)}>"  # the outer table keeps it off the arrow


def text(plain: str) -> str:
    """Any text as part of an HTML-like label."""
    # Graphviz replaces \N and the like in text even here, and after it has decoded the entities.
    return escape(plain).replace("\\", "&#92;&#92;")
