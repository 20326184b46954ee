"""What the page of ``explore`` shows: the description of a graph, placed, as plain data for JSON.

All numbers are text already and all sums are made here, so that the page only shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, bare
from autodiff.view import notation
from autodiff.view.description import EARLIER, Description, Edge, Entry, Kind
from autodiff.view.explanation import Row, explain, reverse_cells
from autodiff.view.placement import Arrow, Frame, Placement, Point, Size, placed
from autodiff.view.thumbnails import Thumbnail, thumbnail

_TITLE = 30  # characters of a box's first line: a longer expression goes on the next
_FORMULA = 36
_PARTIAL = 20  # characters of a formula on an arrow
_ELEMENTS = 12  # of an array that is shown in numbers, too
_ARROWS = 150  # of more arrows, none has a label: the page shows the partials when asked
_PIXELS = 400_000  # of all pictures together, which bounds the size of the page
_PICTURE = Size(84, 56)  # the largest picture in a box, in points
_ELEMENT = 18.0  # the largest side of one element in a picture
_LINE = 17.0


@dataclass(frozen=True)
class _Box:
    """The texts of a box and its pictures, before it has a place."""

    head: tuple[str, ...]
    contents: str | None
    size: Size
    picture: dict[str, Any] | None
    gradient: dict[str, Any] | None


def page_content(node: Node, *, seed: Any, direction: str, limit: int) -> dict[str, Any]:
    """All that the page needs to know.

    Args:
        node: the output.
        seed: its adjoint, as for ``explain``.
        direction: where the arrows point, as for ``draw``.
        limit: how many nodes to show.

    Returns:
        ``title``, ``direction``, ``size``, and the lists ``nodes``, ``edges``, ``clusters`` and
        ``steps``; all of them dicts, lists, texts and numbers.
    """
    graph = Description(node, write=_short, newest=lambda nodes: limit)
    entries = list(graph)
    rows = explain(node, seed=seed, limit=limit).reverse
    adjoints = {row.entry.id: row.adjoint for row in rows}
    arrays = dict(_arrays(graph))
    boxes = dict(_boxes(graph, entries, arrays, adjoints))
    edges = {f"e{i}": edge for i, edge in enumerate(e for entry in entries for e in entry.edges)}
    labels = {name: _partial(edge) for name, edge in edges.items()}
    labelled = len(edges) <= _ARROWS
    arrows = [
        Arrow(name, edge.source, edge.target, _measured(labels[name]) if labelled else None)
        for name, edge in edges.items()
    ]
    clusters = _clusters(entries)
    frames = [Frame(c.id, c.parent, c.members, _text_size([c.name], 24)) for c in clusters]
    places = placed({name: box.size for name, box in boxes.items()}, arrows, frames, direction)
    of = {member: cluster.id for cluster in clusters for member in cluster.members}
    names = {entry.name: entry.id for entry in entries if not entry.is_plain_number}
    return {
        "title": graph.names[node],
        "direction": direction,
        "size": [places.size.width, places.size.height],
        "nodes": [
            *([_earlier(graph.earlier, boxes[EARLIER], places)] if graph.earlier else []),
            *(
                _node(
                    entry, boxes[entry.id], places, of, arrays.get(entry.id), adjoints.get(entry.id)
                )
                for entry in entries
            ),
        ],
        "edges": [
            _edge(name, edge, labels[name] if labelled else "", places)
            for name, edge in edges.items()
        ],
        "clusters": [
            {"id": c.id, "name": c.name, "parent": c.parent, "frame": places.frames[c.id]}
            for c in clusters
        ],
        "steps": [_step(row, names) for row in rows],
    }


# --- clusters -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cluster:
    id: str
    name: str
    parent: str | None
    members: list[str]


def cluster_path(entry: Entry) -> tuple[str, ...]:
    """The names of the scopes that a node was made in, the outermost first."""
    return ()


def _clusters(entries: Iterable[Entry]) -> list[_Cluster]:
    """The scopes of the nodes, each after the one it is in."""
    found: dict[tuple[str, ...], _Cluster] = {}
    for entry in entries:
        path = cluster_path(entry)
        for depth in range(1, len(path) + 1):
            parent = found[path[: depth - 1]].id if depth > 1 else None
            name = notation.visible(path[depth - 1])
            found.setdefault(path[:depth], _Cluster(f"k{len(found)}", name, parent, []))
        if path:
            found[path].members.append(entry.id)
    return list(found.values())


# --- boxes ----------------------------------------------------------------------------------------


def _boxes(
    graph: Description,
    entries: Sequence[Entry],
    arrays: Mapping[str, Array],
    adjoints: Mapping[str, Any],
) -> Iterator[tuple[str, _Box]]:
    if graph.earlier:
        title = f"{len(graph.earlier):,} earlier nodes"
        yield EARLIER, _Box((title,), None, _text_size([title]), None, None)
    pixels = _PIXELS // max(1, 2 * len(arrays))
    for entry in entries:
        array, adjoint = arrays.get(entry.id), adjoints.get(entry.id)
        picture = gradient = None
        if array is not None:
            batch = entry.kind is not Kind.LEAF
            picture = _shown(thumbnail(array, pixels, batch=batch, diverging=False))
            if adjoint is not None:
                gradient = _shown(thumbnail(adjoint, pixels, batch=batch, diverging=True))
        head, contents = _head(entry), None if entry.is_plain_number else _contents(entry)
        lines = [*head, *([] if contents is None else [contents])]
        if adjoint is not None and gradient is None:
            lines.append(f"t = {_number(adjoint)}")
        pictures = [shown for shown in (picture, gradient) if shown is not None]
        yield entry.id, _Box(head, contents, _box_size(lines, pictures), picture, gradient)


def _arrays(graph: Description) -> Iterator[tuple[str, Array]]:
    """The arrays among the nodes and constants, by their ids."""
    for node in graph.nodes:
        for edge, operand in zip(graph.edges(node), node.operands, strict=True):
            if not isinstance(operand, Node) and np.ndim(operand):
                yield edge.source, operand
        if np.ndim(node.data):
            yield graph.ids[node], bare(node)


def _head(entry: Entry) -> tuple[str, ...]:
    """Name and expression, on one line if they fit."""
    name = entry.name if entry.is_plain_number else _short(entry.name)
    if entry.expression is None:
        return (name,)
    expression = notation.shortened(entry.expression, _FORMULA)
    if len(name) + len(expression) <= _TITLE:
        return (f"{name} = {expression}",)
    return name, f"= {expression}"


def _contents(entry: Entry) -> str:
    if entry.value is not None:
        return notation.number(entry.value)
    return f"{entry.shape} {entry.dtype}"


def _number(adjoint: Any) -> str:
    """An adjoint in a few characters: a number, or the shape of an array."""
    return f"shape {np.shape(adjoint)}" if np.ndim(adjoint) else notation.number(float(adjoint))


def _elements(array: Any) -> str | None:
    """The elements of a small array."""
    if not np.ndim(array) or np.size(array) > _ELEMENTS:
        return None
    return np.array2string(array, separator=", ", precision=6, max_line_width=60)


def _shown(picture: Thumbnail | None) -> dict[str, Any] | None:
    if picture is None:
        return None
    scale = min(_PICTURE.width / picture.width, _PICTURE.height / picture.height, _ELEMENT)
    return {
        "uri": picture.uri,
        "width": round(max(picture.width * scale, 6.0), 1),
        "height": round(max(picture.height * scale, 6.0), 1),
        "caption": picture.caption,
    }


def _box_size(lines: Sequence[str], pictures: Sequence[Mapping[str, Any]]) -> Size:
    text = _text_size(lines)
    if not pictures:
        return text
    width = sum(picture["width"] for picture in pictures) + 10 * (len(pictures) - 1) + 20
    height = max(picture["height"] for picture in pictures) + 6
    return Size(max(text.width, width), text.height + height)


def _text_size(lines: Sequence[str], margin: float = 22) -> Size:
    """How much room text needs; the page squeezes a line that turns out wider."""
    widest = max(map(notation.width, lines))
    return Size(max(34.0, widest * 7.4 + margin), len(lines) * _LINE + 13)


def _measured(label: str) -> Size | None:
    return Size(notation.width(label) * 6.2 + 10, 17) if label else None


# --- what the page reads --------------------------------------------------------------------------


def _node(
    entry: Entry,
    box: _Box,
    places: Placement,
    of: Mapping[str, str],
    data: Any,
    adjoint: Any,
) -> dict[str, Any]:
    return _drawn(box, places.boxes[entry.id]) | {
        "id": entry.id,
        "name": entry.name if entry.is_plain_number else _short(entry.name),
        "full": entry.name,
        "kind": entry.kind.value,
        "expression": entry.expression,
        "value": _contents(entry),
        "adjoint": None if adjoint is None else _number(adjoint),
        "array": entry.value is None,
        "elements": _elements(data),
        "adjoints": _elements(adjoint),
        "cluster": of.get(entry.id),
    }


def _earlier(nodes: Sequence[Node], box: _Box, places: Placement) -> dict[str, Any]:
    """The box that stands for all nodes that are left out."""
    return _drawn(box, places.boxes[EARLIER]) | {
        "id": EARLIER,
        "name": box.head[0],
        "full": box.head[0],
        "kind": EARLIER,
        "expression": None,
        "value": f"{len(nodes):,} nodes that are not shown",
        "adjoint": None,
        "array": True,
        "elements": None,
        "adjoints": None,
        "cluster": None,
    }


def _drawn(box: _Box, place: Point) -> dict[str, Any]:
    return {
        "head": box.head,
        "contents": box.contents,
        "box": [*place, round(box.size.width, 1), round(box.size.height, 1)],
        "picture": box.picture,
        "gradient": box.gradient,
    }


def _edge(name: str, edge: Edge, label: str, places: Placement) -> dict[str, Any]:
    size = _measured(label)
    return {
        "id": name,
        "source": edge.source,
        "target": edge.target,
        "partial": edge.partial,
        "number": None if edge.number is None else notation.number(edge.number),
        "curve": places.curves[name],
        "label": label,
        "place": None if size is None else [*places.labels[name], size.width, size.height],
    }


def _partial(edge: Edge) -> str:
    """The local partial on an arrow: as formula and number, once if they read the same."""
    formula = [] if edge.partial is None else [notation.shortened(edge.partial, _PARTIAL)]
    number = [] if edge.number is None else [notation.number(edge.number)]
    return " = ".join(dict.fromkeys(formula + number))


def _step(row: Row, ids: Mapping[str, str]) -> dict[str, Any]:
    """A step of the reverse pass: the lines of ``explain``, and the sums on the way."""
    running: list[str | None] = []
    total: float | None = 0.0
    for term in row.terms:
        if total is not None:
            total = None if term.number is None else total + term.number * float(term.adjoint)
        running.append(None if total is None else notation.number(total))
    return {
        "node": row.entry.id,
        "children": [ids[term.child] for term in row.terms],
        "running": running,
        "lines": list(reverse_cells(row)),
    }


def _short(name: str) -> str:
    return notation.shortened(notation.subscripted(name))
