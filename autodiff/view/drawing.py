"""Draw the graph of a node, as a textbook would.

Reading along the arrows gives the forward pass: every box shows a name, what it computes, and its
value. Reading against them gives the reverse pass: the labels on the arrows are the local partial
derivatives, and t in a box is its adjoint, the sum over its outgoing arrows of label times t.
(What ``backward()`` left there, that is: on a leaf, several calls have added up.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from autodiff.graph import Node, Value, bare
from autodiff.scopes import Mark
from autodiff.view import notation
from autodiff.view.canvas import Drawing
from autodiff.view.description import Description, Edge, Entry, Kind
from autodiff.view.folding import Depth, Folding, Frame, Group, fold
from autodiff.view.framing import chains
from autodiff.view.style import (
    ADJOINT,
    ARROW,
    FONT,
    INK,
    LOOKS,
    on_ground,
    table,
    text,
)

_LINE = 40  # characters of a name; a longer one goes on below
_LINES = 5
_FORMULA = 60  # characters of a formula
_TITLE = 40  # characters of what a scope is a call of
_FEW_OPERATIONS = 3  # of a folded box, that are named one by one
_KINDS = 5  # kinds of operations that a folded box counts one by one
_SINGLE_ARROWS = 4  # from a box to another one; more are drawn as one

Names: TypeAlias = Sequence[tuple[Any, str]]


@runtime_checkable
class Drawable(Protocol):
    """What is drawn by a pass through it, such as ``nn.Module``."""

    def traced(self, input_shape: Sequence[int], dtype: Any = None) -> tuple[Node, Names]:
        """The output for an input of that shape, and names of its parts: parameters, modules."""
        ...


def draw(
    subject: Node | Drawable,
    input_shape: Sequence[int] | None = None,
    *,
    direction: str = "LR",
    limit: int = 500,
    depth: Depth = None,
    symbols: bool = False,
    dtype: Any = None,
) -> Drawing:
    """A drawing of the graph that ends in a node; or of a network, layer by layer.

    Ellipses are leaves, hexagons parameters, grey rectangles constants, rounded boxes operations;
    the output has a double line. A box shows value and adjoint, or shape and type of an array. The
    adjoint t is what ``.grad`` holds; call ``backward()`` first to see it. Frames are scopes: a
    ``with autodiff.scope(name)`` block, and the call of a module of ``nn``.

    Args:
        subject: the output, or a module.
        input_shape: for a module, of one example, without the axis of the batch.
        direction: where the arrows point: "LR" (left to right), "RL", "TB" (top to bottom), "BT".
        limit: the largest number of boxes to draw. In a larger graph, scopes are folded into boxes,
            the innermost first; if that doesn't help, operations that do the same with the same
            kinds of operands share a box. A note says what was folded.
        depth: how many scopes within one another are shown with what is in them; those in them
            become boxes that count what they hold. "layers": all but the innermost, as is usual
            for a module. None: all, as is usual for a node.
        symbols: whether boxes show no more than ``+``, ``sin`` or a leaf's name, and arrows
            nothing, as syntax trees do.
        dtype: of the input of a module; float32 if None.

    Returns:
        the drawing, a ``graphviz.Digraph``; the same graph always gives the same text.

    Raises:
        TypeError: ``subject`` is no node and no module; a module comes without ``input_shape``.
        ValueError: there is no such direction or depth, ``limit`` is less than 2, or a leaf got new
            data after the graph had been computed from it.

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
    if depth is not None and depth != "layers" and (not isinstance(depth, int) or depth < 0):
        raise ValueError(f"depth is a number of scopes, at least 0, or 'layers', got {depth!r}")
    names: Names = ()
    if isinstance(subject, Node):
        if input_shape is not None:
            raise TypeError("draw: input_shape is for a module; a node has its graph already")
        node = subject
    elif isinstance(subject, Drawable):
        if input_shape is None:
            raise TypeError(
                f"draw: of a {type(subject).__name__}, the shape of one example is needed: "
                "draw(module, input_shape)"
            )
        node, names = subject.traced(input_shape, dtype)
        depth = "layers" if depth is None else depth
    else:
        raise TypeError(
            f"expected a node, a Value or a Tensor, or a module, got {type(subject).__name__}"
        )
    labels = {x: name for x, name in names if isinstance(x, Node)}
    graph = Description(node, write=_short_name, labels=labels)
    folding = fold(graph.nodes, chains(graph.nodes), depth, limit)
    paths = {id(x): name for x, name in names}
    return _Picture(graph, folding, paths, direction, symbols).drawing


class _Picture:
    """A graph on its way into a drawing."""

    def __init__(
        self,
        graph: Description,
        folding: Folding,
        paths: Mapping[int, str],
        direction: str,
        symbols: bool,
    ) -> None:
        self.graph, self.folding, self.paths, self.symbols = graph, folding, paths, symbols
        self.results = _results(graph, folding)
        self.drawing = Drawing(
            graph_attr={"rankdir": direction, "bgcolor": "transparent", "fontname": FONT,
                        "nodesep": "0.3", "ranksep": "0.35"},
            node_attr={"fontname": FONT, "fontsize": "12", "fontcolor": INK, "penwidth": "1.2"},
            edge_attr={"fontname": FONT, "fontsize": "10", "fontcolor": ADJOINT, "color": ARROW,
                       "penwidth": "1.2", "arrowsize": "0.7"},
        )  # fmt: skip
        if symbols:
            self.drawing.graph_attr["ordering"] = "in"  # operands from left to right
            self.drawing.node_attr |= {"fontsize": "16", "width": "0.6"}
        note = _note(graph, folding)
        if note:
            self.drawing.attr(label=on_ground([text(note)]), labelloc="b", fontsize="11")
        self._ids = self._identified()
        self._frames = 0
        self._add(self.drawing, range(len(folding.groups)), 0)

    def _identified(self) -> list[str]:
        """The id of each group's box."""
        ids, folded = [], 0
        for group in self.folding.groups:
            folded += not group.is_one_node
            ids.append(self.graph.ids[group.nodes[0]] if group.is_one_node else f"g{folded}")
        return ids

    def _add(self, canvas: Drawing, places: Sequence[int], level: int) -> None:
        """Draw groups that have the same frames up to a level, and frames around those within."""
        within: dict[Any, list[int]] = {}
        for place in places:
            frames = self.folding.groups[place].frames
            key = frames[level].key if len(frames) > level else (None, place)
            within.setdefault(key, []).append(place)
        for members in within.values():
            group = self.folding.groups[members[0]]
            if len(group.frames) <= level:
                self._add_box(canvas, members[0])
                if level == 0:
                    self._add_arrows(members[0])
                continue
            self._frames += 1
            with canvas.subgraph(name=f"cluster_{self._frames}") as frame:
                frame.attr(label=self._frame_label(group.frames[level]), style="rounded",
                           color=ARROW, penwidth="1.2", labeljust="l", labelloc="t",
                           margin="12")  # fmt: skip
                self._add(frame, members, level + 1)
            if level == 0:  # an arrow within a frame would draw its ends into it
                for place in members:
                    self._add_arrows(place)

    def _add_box(self, canvas: Drawing, place: int) -> None:
        group, graph = self.folding.groups[place], self.graph
        if group.is_one_node:
            node = group.nodes[0]
            for entry in graph.constants(node):
                canvas.node(entry.id, label=_box(entry), **LOOKS[entry.kind].attributes)
            entry = graph.entry(node)
            label = f"<{text(graph.sign(node))}>" if self.symbols else _box(entry)
            canvas.node(entry.id, label=label, **LOOKS[entry.kind].attributes)
            return
        attributes = LOOKS[_kind(group, graph.output)].attributes
        if attributes["shape"] == "box":
            attributes |= {
                "shape": "box3d",
                "style": "filled",
                "margin": "0.2,0.11",
                "peripheries": "1",
            }
        canvas.node(self._ids[place], label=self._folded_box(group), **attributes)

    # --- arrows -----------------------------------------------------------------------------------

    def _add_arrows(self, place: int) -> None:
        """Draw the arrows into a box: one for each operand, or one for many from a folded box."""
        groups, ids = self.folding.groups, self._ids
        sources = self.folding.sources(place)
        if groups[place].is_one_node:
            node = groups[place].nodes[0]
            for edge in self.graph.edges(node):
                operand, source_id = node.operands[edge.position], edge.source
                if isinstance(operand, Node):
                    source = self.folding.group_of[operand]
                    if sources[source] > _SINGLE_ARROWS and not groups[source].is_one_node:
                        continue
                    source_id = ids[source]
                label = None if self.symbols else _arrow_label(edge)
                self.drawing.edge(source_id, edge.target, label=label)
            sources = Counter(
                {
                    source: count
                    for source, count in sources.items()
                    if count > _SINGLE_ARROWS and not groups[source].is_one_node
                }
            )
        for source, count in sources.items():
            label = on_ground([f"× {count:,}"]) if count > 1 else None
            self.drawing.edge(ids[source], ids[place], label=label)

    # --- what is folded, and frames ---------------------------------------------------------------

    def _title(self, mark: Mark, *, folded: bool) -> str:
        """What a scope is called; the call of a module with its path and arguments."""
        title = mark.name
        if mark.subject is not None:
            full = " ".join(repr(mark.subject).split())
            title = full if folded and len(full) <= _TITLE else title
            path = self.paths.get(id(mark.subject))
            title = f"{path}  {title}" if path else title
        return notation.shortened(notation.visible(title), 2 * _TITLE)

    def _frame_label(self, frame: Frame) -> str:
        times = f"{frame.count:,} × " if frame.count > 1 else ""
        return on_ground([f"{times}{text(self._title(frame.mark, folded=False))}"])

    def _folded_box(self, group: Group) -> str:
        times = f"{group.count:,} × " if group.count > 1 else ""
        if group.mark is not None:
            title = f"<B>{times}{text(self._title(group.mark, folded=True))}</B>"
            lines = [title, *self._outcome(group), *_counts(group.nodes)]
        else:
            kinds = {_operation(node) for node in group.nodes}
            what = f"× {kinds.pop()}" if len(kinds) == 1 else "nodes"
            lines = [f"<B>{len(group.nodes):,} {text(what)}</B>"]
            lines += [text(line) for line in self._alike(group)]
            lines += _counts(group.nodes) if kinds else []
        return f"<{table(lines, padding=2)}>"

    def _outcome(self, group: Group) -> Iterator[str]:
        """What comes out of a folded scope, if it is one thing."""
        results = self.results[self.folding.group_of[group.nodes[0]]]
        if len(results) == 1 and group.count == 1:
            entry = self.graph.entry(*results)
            space = " " if entry.value is not None else ": "
            yield f"{text(_short_name(entry.name) + space + _contents(entry))}"
            yield from _adjoint(entry)

    def _alike(self, group: Group) -> Iterator[str]:
        """What the nodes of a box have in common, and the names of the first and last."""
        names = [_short_name(self.graph.names[node]) for node in (group.nodes[0], group.nodes[-1])]
        yield " … ".join(names)
        contents = {() if node.__class__ is Value else np.shape(bare(node)) for node in group.nodes}
        if len(contents) == 1 and contents != {()}:
            yield f"{contents.pop()} each"


def _results(graph: Description, folding: Folding) -> Mapping[int, set[Node]]:
    """The nodes of each group that others use, or that are the output."""
    found: dict[int, set[Node]] = defaultdict(set)
    group_of = folding.group_of
    for node in graph.nodes:
        for operand in node.operands:
            if isinstance(operand, Node) and group_of[operand] != group_of[node]:
                found[group_of[operand]].add(operand)
    found[group_of[graph.output]].add(graph.output)
    return found


def _kind(group: Group, output: Node) -> Kind:
    if all(node.is_parameter for node in group.nodes):
        return Kind.PARAMETER
    if all(node.is_leaf for node in group.nodes):
        return Kind.LEAF
    return Kind.OUTPUT if group.nodes[-1] is output else Kind.OPERATION


def _operation(node: Node) -> str:
    if node.primitive is None:
        return "parameter" if node.is_parameter else "leaf"
    return node.primitive.name


def _counts(nodes: Sequence[Node]) -> Iterator[str]:
    """How many nodes of which kinds there are, and how many numbers their parameters hold."""
    counts = Counter(_operation(node) for node in nodes if not node.is_parameter)
    if sum(counts.values()) <= _FEW_OPERATIONS:
        yield text(", ".join(counts.elements()))
    else:
        for kind, count in counts.most_common(_KINDS):
            yield f"{count:,} × {text(kind)}"
        if len(counts) > _KINDS:
            rest = counts.total() - sum(count for _, count in counts.most_common(_KINDS))
            yield f"{rest:,} others"
    size = sum(np.size(bare(node)) for node in nodes if node.is_parameter)
    if size:
        yield f"{size:,} parameters"


def _note(graph: Description, folding: Folding) -> str:
    """What was folded because there was too much to draw; nothing if that is not so."""
    if not folding.forced:
        return ""
    start = f"{len(graph.nodes):,} nodes in {len(folding.groups):,} boxes: "
    if folding.repeats:
        return f"{start}operations that repeat themselves share one"
    scopes = Counter(group.mark.name for group in folding.groups if group.mark is not None)
    named = [f"{count:,} × {name}" if count > 1 else name
             for name, count in scopes.most_common(_KINDS)]  # fmt: skip
    more = ["others"] if len(scopes) > _KINDS else []
    return notation.visible(f"{start}folded are {', '.join(named + more)}")


# --- boxes ----------------------------------------------------------------------------------------


def _box(entry: Entry) -> str:
    lines = (
        [text(entry.name)] if entry.is_plain_number else [*_title_lines(entry), *_adjoint(entry)]
    )
    return f"<{table(lines, padding=2)}>"


def _title_lines(entry: Entry) -> Iterator[str]:
    """Name, expression and contents: what fits goes onto one line."""
    title = f"<B>{_wrapped(notation.subscripted(entry.name))}</B>"
    contents = text(_contents(entry))
    if entry.expression is None:
        fits = entry.value is not None and len(entry.name) <= _LINE
        yield from [f"{title} {contents}"] if fits else [title, contents]
        return
    expression = f"= {text(notation.shortened(entry.expression, _FORMULA))}"
    fits = len(entry.name) + len(entry.expression) <= _LINE
    yield from [f"{title} {expression}"] if fits else [title, expression]
    yield contents


def _wrapped(name: str) -> str:
    """A name in full, over several lines if it is long."""
    name = notation.shortened(name, _LINE * _LINES)
    lines = [name[i : i + _LINE] for i in range(0, len(name), _LINE)]
    return "<BR/>".join(map(text, lines))


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
        shown = f"t: {entry.shape}"
    else:
        shown = f"t = {notation.number(float(entry.adjoint))}"
    yield f'<FONT COLOR="{ADJOINT}">{shown}</FONT>'


# --- arrows ---------------------------------------------------------------------------------------


def _arrow_label(edge: Edge) -> str | None:
    """The local partial, as a formula and as a number; once if they read the same."""
    formula = [] if edge.partial is None else [notation.shortened(edge.partial, _FORMULA)]
    number = [] if edge.number is None else [notation.number(edge.number)]
    if not formula + number:
        return None
    return on_ground([text(" = ".join(dict.fromkeys(["∂", *formula, *number])))])
