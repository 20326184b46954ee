"""What the page of ``explore`` shows: the description of a graph, placed, as plain data for JSON.

All numbers are text already and all sums are made here, so that the page only shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autodiff.graph import Node
from autodiff.scopes import Mark
from autodiff.view import notation
from autodiff.view.description import EARLIER, Description, Edge, Entry
from autodiff.view.explanation import Row, explain, reverse_cells
from autodiff.view.framing import chains
from autodiff.view.layout import PLAIN
from autodiff.view.page_boxes import (
    Box,
    adjoint_text,
    arrays_of,
    boxes_of,
    contents_of,
    elements_text,
    label_size,
    short,
    text_size,
)
from autodiff.view.placement import Arrow, Frame, Placement, Point, placed

_SCOPE = 36  # characters of a title
_PARTIAL = 20  # characters of a formula on an arrow
_ARROWS = 150  # of more arrows, none has a label: the page shows the partials when asked


def page_content(node: Node, *, seed: Any, direction: str, limit: int) -> dict[str, Any]:
    """All that the page needs to know.

    Args:
        node: the output.
        seed: its adjoint, as for ``explain``.
        direction: where the arrows point, as for ``draw``.
        limit: how many nodes to show.

    Returns:
        ``title``, ``direction``, and the lists ``nodes``, ``edges``, ``clusters`` and
        ``steps``; all of them dicts, lists, texts and numbers.
    """
    graph = Description(node, write=short, newest=lambda nodes: limit)
    entries = list(graph)
    rows = explain(node, seed=seed, limit=limit).reverse
    adjoints = {row.entry.id: row.adjoint for row in rows}
    arrays = dict(arrays_of(graph))
    boxes = dict(boxes_of(graph, entries, arrays, adjoints))
    edges = {f"e{i}": edge for i, edge in enumerate(e for entry in entries for e in entry.edges)}
    labels = {name: _partial(edge) for name, edge in edges.items()}
    labelled = len(edges) <= _ARROWS
    arrows = [
        Arrow(name, edge.source, edge.target, label_size(labels[name]) if labelled else None)
        for name, edge in edges.items()
    ]
    clusters = _clusters(graph)
    frames = [Frame(c.id, c.parent, c.members, text_size([c.name], 24)) for c in clusters]
    places = placed({name: box.size for name, box in boxes.items()}, arrows, frames, direction)
    of = {member: cluster.id for cluster in clusters for member in cluster.members}
    names = {entry.name: entry.id for entry in entries if not entry.is_plain_number}
    return {
        "title": graph.names[node],
        "direction": direction,
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


def _clusters(graph: Description) -> list[_Cluster]:
    """The scopes of the nodes, each after the one it is in; a constant is where it is used."""
    found: dict[int, _Cluster] = {}
    around = chains(graph.nodes)
    for node in graph.nodes:
        parent = None
        for mark in around.get(node, ()):
            if mark.start not in found:
                found[mark.start] = _Cluster(f"k{len(found)}", _title(mark), parent, [])
            parent = found[mark.start].id
        if node in around:
            members = found[around[node][-1].start].members
            members.extend(entry.id for entry in (*graph.constants(node), graph.entry(node)))
    return list(found.values())


def _title(mark: Mark) -> str:
    """What a scope is called; the call of a module with its arguments, if they are short."""
    full = "" if mark.subject is None else " ".join(repr(mark.subject).split())
    title = full if 0 < len(full) <= _SCOPE else mark.name
    return notation.shortened(notation.visible(title), _SCOPE)


# --- what the page reads --------------------------------------------------------------------------


def _node(
    entry: Entry,
    box: Box,
    places: Placement,
    of: Mapping[str, str],
    data: Any,
    adjoint: Any,
) -> dict[str, Any]:
    return _drawn(box, places.boxes[entry.id]) | {
        "id": entry.id,
        "name": entry.name if entry.is_plain_number else short(entry.name),
        "full": entry.name,
        "kind": entry.kind.value,
        "expression": entry.expression,
        "value": contents_of(entry),
        "adjoint": None if adjoint is None else adjoint_text(adjoint),
        "array": entry.value is None,
        "elements": elements_text(data),
        "adjoints": elements_text(adjoint),
        "cluster": of.get(entry.id),
    }


def _earlier(nodes: Sequence[Node], box: Box, places: Placement) -> dict[str, Any]:
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


def _drawn(box: Box, place: Point) -> dict[str, Any]:
    return {
        "head": box.head,
        "contents": box.contents,
        "box": [*place, round(box.size.width, 1), round(box.size.height, 1)],
        "picture": box.picture,
        "gradient": box.gradient,
    }


def _edge(name: str, edge: Edge, label: str, places: Placement) -> dict[str, Any]:
    size = label_size(label)
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
        "lines": list(reverse_cells(row, PLAIN)),
    }
