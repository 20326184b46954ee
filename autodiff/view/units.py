"""Draw a network of single numbers unit by unit, in columns of layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from autodiff.graph import Node, Value
from autodiff.reverse import schedule
from autodiff.view import notation
from autodiff.view.canvas import Drawing
from autodiff.view.description import Kind
from autodiff.view.style import ADJOINT, ARROW, FONT, INK, LOOKS, on_ground, text

Weights: TypeAlias = Literal["arrows", "boxes", None]

# Distances in inches, where places are fixed.
_TITLE = 0.7  # from a title to what it is above
_WEIGHT = 0.46  # from weight to weight


@dataclass(frozen=True)
class Connection:
    """That a unit sees another one.

    Attributes:
        source: the unit that is seen.
        target: the unit that sees it.
        weight: the leaf that it is multiplied by; None if there is none.
    """

    source: Node
    target: Node
    weight: Node | None


def draw_units(
    output: Node,
    layers: Mapping[str, Iterable[Node]],
    *,
    weights: Weights = "arrows",
    values: bool = True,
) -> Drawing:
    """A drawing of a network unit by unit: a column for each layer, an arrow where a unit sees one.

    Which unit sees which one, and through which weight, is read from the graph: from each unit the
    walk goes back until it meets others. A weight is a leaf that a unit is multiplied by.

    Args:
        output: the last node; if it is no unit, it has a box of its own behind the last layer.
        layers: the units of each layer, by the layer's name, from the input on.
        weights: "arrows" writes a weight at each arrow that has one. "boxes" draws every leaf that
            isn't a unit, biases among them, with an arrow to each unit that uses it: below,
            where the units stand once more, so that connections of units can be compared with those
            of weights. None leaves weights out.
        values: whether boxes show value and adjoint; else units are circles with their names.

    Returns:
        the drawing; the same graph always gives the same text.

    Raises:
        TypeError: a unit is not a single number.
        ValueError: there is no unit, or one is in two places; or one of them is not among what
            ``output`` was computed from.

    Example:
        >>> from autodiff import Value, tanh
        >>> x, w = Value(2.0, label="x"), Value(0.5, label="w")
        >>> h = tanh(w * x)
        >>> h.label = "h"
        >>> drawing = draw_units(h, {"input": [x], "hidden": [h]})
        >>> "w = 0.5" in drawing.source
        True
    """
    columns = {name: list(units) for name, units in layers.items()}
    if weights not in ("arrows", "boxes", None):
        raise ValueError(f"weights is 'arrows', 'boxes' or None, got {weights!r}")
    nodes = schedule(output)
    _check(output, nodes, columns)
    units = [unit for column in columns.values() for unit in column]
    if output not in set(units):
        columns[""] = [output]
        units.append(output)
    return _Picture(units, columns, weights, values).drawing


def _check(output: Node, nodes: Sequence[Node], columns: Mapping[str, Sequence[Node]]) -> None:
    units = [unit for column in columns.values() for unit in column]
    if not units:
        raise ValueError("draw_units: there is no unit in any layer")
    graph, seen = set(nodes), set[Node]()
    for name, column in columns.items():
        for unit in column:
            if not isinstance(unit, Value):
                raise TypeError(
                    f"draw_units: a unit is a Value, got {type(unit).__name__} in layer {name!r}"
                )
            if unit in seen:
                raise ValueError(f"draw_units: {unit!r} is a unit twice, again in layer {name!r}")
            if unit not in graph:
                raise ValueError(
                    f"draw_units: {output!r} was not computed from {unit!r} of layer {name!r}"
                )
            seen.add(unit)


def connections(units: Sequence[Node]) -> tuple[list[Connection], dict[Node, list[Node]]]:
    """Which units see which ones, and which other leaves each one uses, in order."""
    among = set(units)
    seen: list[Connection] = []
    leaves: dict[Node, list[Node]] = {}
    for unit in units:
        found: dict[tuple[Node, Node | None], Connection] = {}
        used: dict[Node, None] = {}
        stack: list[tuple[Node, Node | None]] = [(x, w) for x, w in _operands(unit, among)]
        visited = set[Node]()
        while stack:
            node, weight = stack.pop(0)
            if node in among:
                found.setdefault((node, weight), Connection(node, unit, weight))
                if weight is not None:
                    used[weight] = None
            elif node.is_leaf:
                used[node] = None
            elif node not in visited:
                visited.add(node)
                stack[:0] = _operands(node, among)
        seen += found.values()
        leaves[unit] = list(used)
    return seen, leaves


def _operands(node: Node, units: set[Node]) -> Iterator[tuple[Node, Node | None]]:
    """The operands that are nodes; those that a leaf is multiplied by, with that leaf."""
    operands = [x for x in node.operands if isinstance(x, Node)]
    if node.primitive is not None and node.primitive.name == "mul" and len(operands) == 2:
        for x, w in (operands, operands[::-1]):
            if x in units and w.is_leaf and w not in units:
                yield x, w
                return
    yield from ((x, None) for x in operands)


class _Picture:
    """A network on its way into a drawing.

    With labels at the arrows ``dot`` makes room for them. Without, every box has a fixed place:
    columns are centred. Weights stand below, opposite of the units that use them.
    """

    def __init__(
        self,
        units: Sequence[Node],
        columns: Mapping[str, Sequence[Node]],
        weights: Weights,
        values: bool,
    ) -> None:
        self.units, self.weights, self.values = units, weights, values
        self.seen, self.leaves = connections(units)
        boxes = self._boxes(columns) if weights == "boxes" else {}
        self.ids = {unit: f"u{i}" for i, unit in enumerate(units, 1)}
        every = [weight for column in boxes.values() for weight in column]
        self.ids |= {weight: f"w{i}" for i, weight in enumerate(every, 1)}
        self.inner = {connection.target for connection in self.seen}
        self.drawing = self._canvas()
        if weights == "arrows":
            self._add_ranks(columns)
        else:
            self._add_places(columns, boxes)
        self._add_arrows()

    def _canvas(self) -> Drawing:
        if self.weights == "arrows":
            engine, layout, ends = "dot", {"rankdir": "LR", "nodesep": "0.12", "ranksep": "1.0"}, {}
        else:  # side to side, straight arrows stay off the boxes of their columns
            engine, layout = "neato", {"splines": "line"}
            ends = {"headport": "w", "tailport": "e"}
        return Drawing(
            engine=engine,
            graph_attr={"bgcolor": "transparent", "fontname": FONT, **layout},
            node_attr={"fontname": FONT, "fontsize": "11", "fontcolor": INK, "penwidth": "1.2",
                       "margin": "0.08,0.04"},
            edge_attr={"fontname": FONT, "fontsize": "9", "fontcolor": ADJOINT, "color": ARROW,
                       "penwidth": "0.9", "arrowsize": "0.6", **ends},
        )  # fmt: skip

    def _boxes(self, columns: Mapping[str, Sequence[Node]]) -> dict[int, list[Node]]:
        """The weights that have a box, by the first column with a unit that uses them."""
        found: dict[int, list[Node]] = {}
        placed = set[Node]()
        for i, column in enumerate(columns.values()):
            for unit in column:
                new = [leaf for leaf in self.leaves[unit] if leaf not in placed]
                placed.update(new)
                found.setdefault(i, []).extend(new)
        return found

    def _add_ranks(self, columns: Mapping[str, Sequence[Node]]) -> None:
        for i, (name, column) in enumerate(columns.items()):
            with self.drawing.subgraph() as rank:
                rank.attr(rank="same")
                self._add_title(f"layer{i}", name, rank)
                for unit in column:
                    self._add_unit(rank, unit)
                in_order = [f"layer{i}", *(self.ids[unit] for unit in column)]
                for one, other in pairwise(in_order):
                    rank.edge(one, other, style="invis")
        for i in range(1, len(columns)):
            self.drawing.edge(f"layer{i - 1}", f"layer{i}", style="invis", weight="10")

    def _add_places(
        self, columns: Mapping[str, Sequence[Node]], boxes: Mapping[int, Sequence[Node]]
    ) -> None:
        across, down = self._distances()
        highest = (max(map(len, columns.values())) - 1) / 2 * down
        for i, (name, column) in enumerate(columns.items()):
            self._add_title(f"layer{i}", name, pos=_place(i * across, highest + _TITLE))
            top = (len(column) - 1) / 2 * down
            for n, unit in enumerate(column):
                self._add_unit(self.drawing, unit, pos=_place(i * across, top - n * down))
        lowest = -highest - 2 * _TITLE
        for i, column in enumerate(columns.values()):
            self._add_weights(i, boxes.get(i, ()), column, lowest)

    def _distances(self) -> tuple[float, float]:
        """From column to column, and from unit to unit."""
        if self.values:
            return (4.0 if self.weights == "boxes" else 2.4), 0.62
        return (2.4 if self.weights == "boxes" else 1.7), 0.65

    def _add_weights(
        self, i: int, weights: Sequence[Node], column: Sequence[Node], top: float
    ) -> None:
        """Draw the weights of a layer, and opposite of them its units once more."""
        across, down = self._distances()
        users = [unit for unit in column if self.weights == "boxes" and self.leaves[unit]]
        height = max(len(weights) * _WEIGHT, len(users) * down)
        left, right = (i - 0.57) * across, i * across
        if weights:
            self._add_title(f"weights{i}", "weights", pos=_place(left, top))
        for n, weight in enumerate(weights):
            y = top - _TITLE / 2 - (n + 0.5) * height / len(weights)
            self._add_weight(weight, pos=_place(left, y))
        for n, unit in enumerate(users):
            y = top - _TITLE / 2 - (n + 0.5) * height / len(users)
            self._add_unit(self.drawing, unit, copy=True, pos=_place(right, y))

    def _add_title(self, id: str, name: str, canvas: Drawing | None = None, **where: str) -> None:
        label = on_ground([text(notation.visible(name))]) if name else ""
        canvas = self.drawing if canvas is None else canvas
        canvas.node(id, label=label, shape="plaintext", fontsize="13", **where)

    def _add_unit(self, canvas: Drawing, unit: Node, copy: bool = False, **where: str) -> None:
        kind = Kind.OPERATION if unit in self.inner else Kind.LEAF
        attributes = LOOKS[Kind.OUTPUT if unit is self.units[-1] else kind].attributes
        if not self.values:
            attributes |= {"shape": "circle", "style": "filled", "fixedsize": "true",
                           "width": "0.5", "fontsize": "13"}  # fmt: skip
        elif attributes["shape"] == "ellipse":
            attributes |= {"margin": "0,0"}
        name = f"{self.ids[unit]}b" if copy else self.ids[unit]
        canvas.node(name, label=self._label(unit), **attributes, **where)

    def _add_weight(self, weight: Node, **where: str) -> None:
        attributes = LOOKS[Kind.PARAMETER].attributes
        size = {"fontsize": "10", "height": "0.3", "width": "0.5"}
        label = self._label(weight, on_one_line=True)
        self.drawing.node(self.ids[weight], label=label, **attributes, **size, **where)

    def _label(self, node: Node, *, on_one_line: bool = False) -> str:
        name = text(_name(node))
        if not self.values:
            return f"<{name}>"
        lines = [f"{name} = {notation.number(node.data)}"]
        if node.has_adjoint:
            lines.append(f'<FONT COLOR="{ADJOINT}">t = {notation.number(node.grad)}</FONT>')
        return f"<{('  ' if on_one_line else '<BR/>').join(lines)}>"

    def _add_arrows(self) -> None:
        for connection in self.seen:
            weight, label = connection.weight, None
            if self.weights == "arrows" and weight is not None:
                number = f" = {notation.number(weight.data)}" if self.values else ""
                label = on_ground([text(_name(weight) + number)])
            self.drawing.edge(self.ids[connection.source], self.ids[connection.target], label=label)
        for unit in self.units if self.weights == "boxes" else ():
            for leaf in self.leaves[unit]:
                color = LOOKS[Kind.PARAMETER].line
                self.drawing.edge(self.ids[leaf], f"{self.ids[unit]}b", color=color)


def _place(x: float, y: float) -> str:
    """Inches to the right and up; the box is pinned there."""
    return f"{x:g},{y:g}!"


def _name(node: Node) -> str:
    label = "" if node.label is None else notation.visible(str(node.label)).strip()
    return notation.shortened(notation.subscripted(label))
