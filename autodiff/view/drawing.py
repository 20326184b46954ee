"""Draw the graph of a node, as a textbook would.

Reading along the arrows gives the forward pass: every box shows a name, what it computes, and its
value. Reading against them gives the reverse pass: the labels on the arrows are the local partial
derivatives, and t in a box is its adjoint, the sum over its outgoing arrows of label times t.
(What ``backward()`` left there, that is: on a leaf, several calls have added up.)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import graphviz  # type: ignore[import-untyped]

from autodiff.graph import Node
from autodiff.view import notation
from autodiff.view.description import EARLIER, Description, Edge, Entry, Kind
from autodiff.view.rendering import render

FONT = "Helvetica,Arial,sans-serif"  # one list for the engine, which measures, and the browser
INK = "#1a1a1a"
ADJOINT = "#00456f"  # a dark blue: what the reverse pass brings
ARROW = "#808080"  # stands out from a white and from a black page alike
LABEL_FILL = "#f2f2f2"


class _Look(NamedTuple):
    shape: str
    style: str
    fill: str
    line: str
    outlines: int = 1


# Told apart by shape first. The colours are the palette of Okabe and Ito, which colour-blind
# people can tell apart as well: the colour itself for the line, a tint of it for the box.
LOOKS = {
    Kind.LEAF: _Look("ellipse", "filled", "#d6ecfa", "#0072b2"),
    Kind.CONSTANT: _Look("box", "filled", "#ececec", "#7f7f7f"),
    Kind.OPERATION: _Look("box", "rounded,filled", "#d9f2e6", "#009e73"),
    Kind.OUTPUT: _Look("box", "filled", "#fde7bd", "#d55e00", outlines=2),
}

_LINE = 40  # characters of a name; a longer one goes on below
_LINES = 5
_FORMULA = 60  # characters of a formula
_KINDS = 5  # kinds of operations that a summary counts one by one


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A ``graphviz.Digraph`` that can be written with whichever engine is at hand.

    Example:
        >>> from autodiff import Value
        >>> x = Value(3.0, label="x")
        >>> draw(x * x).write("square.svg")  # doctest: +SKIP
        PosixPath('square.svg')
    """

    def write(self, path: str | os.PathLike[str], *, dpi: int = 144) -> Path:
        """Write a picture, or the DOT text, by the ending of ``path``: see ``render``.

        A PNG gets a white background, as many programs show a transparent one as black; the other
        formats have none and fit a light and a dark page.
        """
        drawing = self
        if Path(path).suffix.lower() == ".png":
            drawing = self.copy()
            drawing.graph_attr["bgcolor"] = "white"
        return render(drawing.source, path, dpi=dpi)

    def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, str]:
        """How a notebook shows the drawing: as SVG, or as DOT text where there is no engine."""
        with TemporaryDirectory() as folder:
            written = self.write(Path(folder) / "drawing.svg")
            kind = "image/svg+xml" if written.suffix == ".svg" else "text/plain"
            return {kind: written.read_text(encoding="utf-8")}


def draw(node: Node, *, direction: str = "LR", limit: int = 500) -> Drawing:
    """A drawing of the graph that ends in ``node``.

    Ellipses are leaves, grey rectangles constants, rounded boxes operations; the output has a
    double line. A box shows value and adjoint, or shape and type of an array. The adjoint t is
    what ``.grad`` holds; call ``backward()`` first to see it.

    Args:
        node: the output.
        direction: where the arrows point: "LR" (left to right), "RL", "TB" (top to bottom), "BT".
        limit: the largest number of boxes to draw. Of a larger graph the last operations are drawn;
            one box, with a dashed line, stands for all that was computed before, and counts it.

    Returns:
        the drawing, a ``graphviz.Digraph``; the same graph always gives the same text.

    Raises:
        TypeError: ``node`` is no node.
        ValueError: there is no such direction, ``limit`` is less than 2, or a leaf got new data
            after the graph had been computed from it.

    Example:
        >>> from autodiff import Value, sin
        >>> f = sin(Value(2.0, label="x"))
        >>> f.backward()
        >>> draw(f).write("sine.svg")  # doctest: +SKIP
        PosixPath('sine.svg')
    """
    if direction not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"direction must be 'LR', 'RL', 'TB' or 'BT', got {direction!r}")
    if limit < 2:
        raise ValueError(f"limit is the number of boxes to draw, at least 2, got {limit!r}")
    graph = Description(node, write=_short_name, newest=lambda nodes: _fitting(nodes, limit))
    drawing = Drawing(
        graph_attr={"rankdir": direction, "bgcolor": "transparent", "fontname": FONT,
                    "nodesep": "0.3", "ranksep": "0.35"},
        node_attr={"fontname": FONT, "fontsize": "12", "fontcolor": INK, "penwidth": "1.2"},
        edge_attr={"fontname": FONT, "fontsize": "10", "fontcolor": ADJOINT, "color": ARROW,
                   "penwidth": "1.2", "arrowsize": "0.7"},
    )  # fmt: skip
    if graph.earlier:
        drawing.node(EARLIER, label=_summary(graph.earlier), shape="box", style="dashed")
    for entry in graph:
        look = LOOKS[entry.kind]
        drawing.node(
            entry.id,
            label=_box(entry),
            shape=look.shape,
            style=look.style,
            fillcolor=look.fill,
            color=look.line,
            peripheries=str(look.outlines),
        )
        for edge in entry.edges:
            drawing.edge(edge.source, edge.target, label=_arrow_label(edge))
    return drawing


def _fitting(nodes: Sequence[Node], limit: int) -> int:
    """How many nodes of a schedule fit into so many boxes, together with their constants.

    If they are not all, the others need a box too.
    """
    boxes = 0
    fitting = 1  # the output is always drawn
    for i, node in enumerate(nodes, 1):
        boxes += 1 + sum(not isinstance(operand, Node) for operand in node.operands)
        if boxes > limit:
            return fitting
        if boxes < limit:
            fitting = i
    return len(nodes)


# --- boxes ----------------------------------------------------------------------------------------


def _summary(nodes: Sequence[Node]) -> str:
    """How many nodes there are, of which kinds."""
    counts = Counter("leaf" if node.primitive is None else node.primitive.name for node in nodes)
    lines = [f"{count:,} × {name}" for name, count in counts.most_common(_KINDS)]
    if len(counts) > _KINDS:
        rest = len(nodes) - sum(count for _, count in counts.most_common(_KINDS))
        lines.append(f"{rest:,} others")
    return f"<{_table([f'<B>{len(nodes):,} earlier nodes</B>', *map(_text, lines)], padding=2)}>"


def _box(entry: Entry) -> str:
    lines = (
        [_text(entry.name)] if entry.is_plain_number else [*_title_lines(entry), *_adjoint(entry)]
    )
    return f"<{_table(lines, padding=2)}>"


def _title_lines(entry: Entry) -> Iterator[str]:
    """Name, expression and contents: what fits goes onto one line."""
    title = f"<B>{_wrapped(notation.subscripted(entry.name))}</B>"
    contents = _text(_contents(entry))
    if entry.expression is None:
        fits = entry.value is not None and len(entry.name) <= _LINE
        yield from [f"{title} {contents}"] if fits else [title, contents]
        return
    expression = f"= {_text(notation.shortened(entry.expression, _FORMULA))}"
    fits = len(entry.name) + len(entry.expression) <= _LINE
    yield from [f"{title} {expression}"] if fits else [title, expression]
    yield contents


def _wrapped(name: str) -> str:
    """A name in full, over several lines if it is long."""
    name = notation.shortened(name, _LINE * _LINES)
    lines = [name[i : i + _LINE] for i in range(0, len(name), _LINE)]
    return "<BR/>".join(map(_text, lines))


def _short_name(name: str) -> str:
    return notation.shortened(notation.subscripted(name))


def _contents(entry: Entry) -> str:
    if entry.value is not None:
        return f"= {notation.number(entry.value)}"
    return f"{entry.shape} {entry.dtype}"


def _adjoint(entry: Entry) -> Iterator[str]:
    if entry.adjoint is None:
        return
    if entry.value is None:
        text = f"t: {entry.shape}"
    else:
        text = f"t = {notation.number(float(entry.adjoint))}"
    yield f'<FONT COLOR="{ADJOINT}">{text}</FONT>'


# --- arrows ---------------------------------------------------------------------------------------


def _arrow_label(edge: Edge) -> str | None:
    """The local partial, as a formula and as a number; once if they read the same."""
    formula = [] if edge.partial is None else [notation.shortened(edge.partial, _FORMULA)]
    number = [] if edge.number is None else [notation.number(edge.number)]
    if not formula + number:
        return None
    text = _text(" = ".join(dict.fromkeys(["∂", *formula, *number])))
    # A fill of its own keeps the text legible on any page; the outer table keeps it off the arrow.
    filled = _table([text], padding=3, attributes=f' STYLE="ROUNDED" BGCOLOR="{LABEL_FILL}"')
    return f"<{_table([filled], padding=2)}>"


# --- HTML-like labels -----------------------------------------------------------------------------


def _table(rows: Iterable[str], padding: int, attributes: str = "") -> str:
    cells = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="{padding}"{attributes}>{cells}</TABLE>'


def _text(text: str) -> str:
    # Graphviz replaces \N and the like in text even here, and after it has decoded the entities.
    return escape(text).replace("\\", "&#92;&#92;")
