"""Where the boxes and arrows of a page go: Graphviz places them, by their sizes alone.

No text of the graph reaches Graphviz here: boxes have ids, and sizes that were measured before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autodiff.view.rendering import picture

Point = tuple[float, float]


@dataclass(frozen=True)
class Size:
    """How large a box is, in points."""

    width: float
    height: float


@dataclass(frozen=True)
class Arrow:
    """An arrow between two boxes, and the size of its label, if it has one."""

    id: str
    source: str
    target: str
    label: Size | None


@dataclass(frozen=True)
class Frame:
    """A frame around boxes and other frames, and the size of its title."""

    id: str
    parent: str | None
    boxes: Sequence[str]
    title: Size


@dataclass(frozen=True)
class Placement:
    """Where everything is, in points from the upper left corner.

    Attributes:
        size: of the whole drawing.
        boxes: the centre of each box.
        curves: of each arrow: the points of a chain of cubic Bézier curves, then the arrow's tip.
        labels: the centre of the label of each arrow that has one.
        frames: left, top, right and bottom of each frame.
    """

    size: Size
    boxes: Mapping[str, Point]
    curves: Mapping[str, Sequence[Point]]
    labels: Mapping[str, Point]
    frames: Mapping[str, tuple[float, float, float, float]]


def placed(
    boxes: Mapping[str, Size], arrows: Sequence[Arrow], frames: Sequence[Frame], direction: str
) -> Placement:
    """Ask Graphviz for a layout in layers.

    Args:
        boxes: the size of each box, by its id.
        arrows: between them.
        frames: around them; a frame comes after its parent.
        direction: where the arrows point, as in ``draw``.

    Raises:
        RenderError: no engine was found, or it failed.
    """
    lines = [f"digraph {{ rankdir={direction}; nodesep=0.3; ranksep=0.45;"]
    lines.append('node [shape=box, fixedsize=true, label=""]; edge [arrowsize=0.7];')
    lines += [
        f'"{name}" [width={size.width / 72:.4f}, height={size.height / 72:.4f}];'
        for name, size in boxes.items()
    ]
    lines += _clusters(frames)
    lines += [
        f'"{arrow.source}" -> "{arrow.target}" [id="{arrow.id}"{_label(arrow.label)}];'
        for arrow in arrows
    ]
    return _read(json.loads(picture("\n".join([*lines, "}"]), "json0")))


def _clusters(frames: Sequence[Frame]) -> list[str]:
    """The subgraphs of the frames, nested: a frame is closed after all those within it."""
    within: dict[str | None, list[Frame]] = {}
    for each in frames:
        within.setdefault(each.parent, []).append(each)
    lines = []
    waiting: list[Frame | None] = [*reversed(within.get(None, []))]
    while waiting:
        frame = waiting.pop()
        if frame is None:
            lines.append("}")
            continue
        lines.append(f'subgraph "cluster_{frame.id}" {{ id="{frame.id}"; margin=12;')
        lines.append(f"label={_blank(frame.title)}; labeljust=l;")
        lines += [f'"{box}";' for box in frame.boxes]
        waiting.append(None)
        waiting += reversed(within.get(frame.id, []))
    return lines


def _label(size: Size | None) -> str:
    return "" if size is None else f", label={_blank(size)}"


def _blank(size: Size) -> str:
    """A label that takes a place and shows nothing."""
    sizes = f'WIDTH="{size.width:.0f}" HEIGHT="{size.height:.0f}"'
    return f'<<TABLE BORDER="0" FIXEDSIZE="TRUE" {sizes}><TR><TD></TD></TR></TABLE>>'


def _read(answer: Mapping[str, Any]) -> Placement:
    _, bottom, width, top = map(float, answer["bb"].split(","))
    height = top - bottom

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return round(x, 1), round(top - y, 1)

    def curve(text: str) -> list[Point]:
        tip, *points = text.removeprefix("e,").split(" ")
        return [*map(point, points), point(tip)]

    parts = answer.get("objects", [])
    edges = answer.get("edges", [])
    frames = {}
    for part in parts:
        if part["name"].startswith("cluster_"):
            left, low, right, high = map(float, part["bb"].split(","))
            frames[part["id"]] = (left, top - high, right, top - low)
    return Placement(
        size=Size(width, height),
        boxes={part["name"]: point(part["pos"]) for part in parts if "pos" in part},
        curves={edge["id"]: curve(edge["pos"]) for edge in edges},
        labels={edge["id"]: point(edge["lp"]) for edge in edges if "lp" in edge},
        frames=frames,
    )
