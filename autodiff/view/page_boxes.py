"""The boxes of a page: what is written in them, their pictures, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, bare
from autodiff.view import notation
from autodiff.view.description import EARLIER, Description, Entry, Kind
from autodiff.view.placement import Size
from autodiff.view.thumbnails import Thumbnail, thumbnail

_TITLE = 30  # characters of a box's first line: a longer expression goes on the next
_FORMULA = 36
_ELEMENTS = 12  # of an array that is shown in numbers, too
_PIXELS = 400_000  # of all pictures together, which bounds the size of the page
_PICTURE = Size(84, 56)  # the largest picture in a box, in points
_ELEMENT = 18.0  # the largest side of one element in a picture
_LINE = 17.0


@dataclass(frozen=True)
class Box:
    """A box, before it has a place.

    Attributes:
        head: name and expression, on one line or two.
        contents: the value, or the shape of an array; None where the name says all.
        size: with room for the adjoint.
        picture: of an array, for the page.
        gradient: of its adjoint.
    """

    head: tuple[str, ...]
    contents: str | None
    size: Size
    picture: dict[str, Any] | None
    gradient: dict[str, Any] | None


def boxes_of(
    graph: Description,
    entries: Sequence[Entry],
    arrays: Mapping[str, Array],
    adjoints: Mapping[str, Any],
) -> Iterator[tuple[str, Box]]:
    """The boxes of all nodes and constants, by their ids."""
    if graph.earlier:
        title = f"{len(graph.earlier):,} earlier nodes"
        yield EARLIER, Box((title,), None, text_size([title]), None, None)
    pixels = _PIXELS // max(1, 2 * len(arrays))
    for entry in entries:
        array, adjoint = arrays.get(entry.id), adjoints.get(entry.id)
        picture = gradient = None
        if array is not None:
            batch = entry.kind not in (Kind.LEAF, Kind.PARAMETER)
            picture = _shown(thumbnail(array, pixels, batch=batch, diverging=False))
            if adjoint is not None:
                gradient = _shown(thumbnail(adjoint, pixels, batch=batch, diverging=True))
        head, contents = _head(entry), None if entry.is_plain_number else contents_of(entry)
        lines = [*head, *([] if contents is None else [contents])]
        if adjoint is not None and gradient is None:
            lines.append(f"t = {adjoint_text(adjoint)}")
        pictures = [shown for shown in (picture, gradient) if shown is not None]
        yield entry.id, Box(head, contents, _box_size(lines, pictures), picture, gradient)


def arrays_of(graph: Description) -> Iterator[tuple[str, Array]]:
    """The arrays among the nodes and constants, by their ids."""
    for node in graph.nodes:
        operands = [operand for operand in node.operands if not isinstance(operand, Node)]
        for entry, operand in zip(graph.constants(node), operands, strict=True):
            if entry.shape:
                yield entry.id, operand
        if np.ndim(node.data):
            yield graph.ids[node], bare(node)


def _head(entry: Entry) -> tuple[str, ...]:
    """Name and expression, on one line if they fit."""
    name = entry.name if entry.is_plain_number else short(entry.name)
    if entry.expression is None:
        return (name,)
    expression = notation.shortened(entry.expression, _FORMULA)
    if len(name) + len(expression) <= _TITLE:
        return (f"{name} = {expression}",)
    return name, f"= {expression}"


def contents_of(entry: Entry) -> str:
    """The value, or the shape and type of an array."""
    if entry.value is not None:
        return notation.number(entry.value)
    return f"{entry.shape} {entry.dtype}"


def adjoint_text(adjoint: Any) -> str:
    """An adjoint in a few characters: a number, or the shape of an array."""
    return f"shape {np.shape(adjoint)}" if np.ndim(adjoint) else notation.number(float(adjoint))


def elements_text(array: Any) -> str | None:
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
    text = text_size(lines)
    if not pictures:
        return text
    width = sum(picture["width"] for picture in pictures) + 10 * (len(pictures) - 1) + 20
    height = max(picture["height"] for picture in pictures) + 6
    return Size(max(text.width, width), text.height + height)


def text_size(lines: Sequence[str], margin: float = 22) -> Size:
    """How much room text needs; the page squeezes a line that turns out wider."""
    widest = max(map(notation.width, lines))
    return Size(max(34.0, widest * 7.4 + margin), len(lines) * _LINE + 13)


def label_size(label: str) -> Size | None:
    """How much room the label of an arrow needs; None if it is empty."""
    return Size(notation.width(label) * 6.2 + 10, 17) if label else None


def short(name: str) -> str:
    """A name as boxes show it."""
    return notation.shortened(notation.subscripted(name))
