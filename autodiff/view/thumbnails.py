"""Arrays as small pictures, for pages: values in grey, gradients as diverging heat maps."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from math import ceil, log, prod

import numpy as np

from autodiff.arrays import Array

_TILES = 8  # of a stack of maps: more can't be told apart
_LONGEST = 64  # elements along an axis: of more, every second is left out, or more
_ASPECT = 1.6  # of width to height, liked best
_LEVELS = 16  # colours on either side of zero
_BLACK_TO_WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)
_BLUE_TO_RED = (5, 48, 97), (247, 247, 247), (165, 15, 21)  # colour-blind people tell them apart
_LINE = (150, 150, 150)  # between maps


@dataclass(frozen=True)
class Thumbnail:
    """A picture of an array.

    Attributes:
        uri: the picture as a PNG in a ``data:`` address.
        width: in pixels.
        height: in pixels.
        caption: what is shown, and which numbers its colours stand for.
    """

    uri: str
    width: int
    height: int
    caption: str


def thumbnail(array: Array, pixels: int, *, batch: bool, diverging: bool) -> Thumbnail | None:
    """A picture of an array: of a matrix, a map, or a stack of maps side by side.

    Args:
        array: real numbers with at least one axis.
        pixels: how many to use at most; what does not fit is left out.
        batch: whether the first of four axes counts examples: then the first is shown.
        diverging: whether colours say which side of zero a number is on (blue, white, red), or
            go from the smallest (black) to the largest (white).

    Returns:
        the picture; None of an array with fewer than two elements.
    """
    if array.size < 2:
        return None
    shown = array[0] if batch and array.ndim == 4 else array
    maps = np.atleast_2d(shown).astype(float)
    maps = maps.reshape(-1, *maps.shape[-2:])
    longest = min(_LONGEST, int(pixels**0.5))
    y, x = (ceil(length / longest) for length in maps.shape[1:])
    maps = maps[:, ::y, ::x]
    count = max(1, min(_TILES, len(maps), pixels // prod(maps.shape[1:])))
    tiles = maps[:count]
    largest = np.abs(tiles[np.isfinite(tiles)]).max(initial=0.0)
    low, high = (-largest, largest) if diverging else _range(tiles)
    levels = 2 * _LEVELS
    scaled = (tiles - low) / (high - low) if high > low else np.full_like(tiles, 0.5)
    painted = np.rint(np.nan_to_num(scaled, nan=0.5).clip(0, 1) * levels).astype(np.uint8)
    image = _side_by_side(painted, line=levels + 1)
    of = f"{count} of {len(maps)} maps, " if count < len(maps) else ""
    first = "the first example, " if shown is not array and len(array) > 1 else ""
    colours = ("blue", "red") if diverging else ("black", "white")
    caption = f"{first}{of}{colours[0]} {low + 0.0:.3g} to {colours[1]} {high + 0.0:.3g}"
    return Thumbnail(_png(image, diverging), image.shape[1], image.shape[0], caption)


def _range(tiles: Array) -> tuple[float, float]:
    finite = tiles[np.isfinite(tiles)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _side_by_side(tiles: Array, line: int) -> Array:
    """Maps in rows with lines between them, so that the picture is neither long nor high."""
    count, height, width = map(int, tiles.shape)

    def ugliness(columns: int) -> float:
        rows = ceil(count / columns)
        return abs(log(columns * width / (rows * height * _ASPECT))) + rows * columns - count

    columns = min(range(1, count + 1), key=ugliness)
    rows = ceil(count / columns)
    image = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), line, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = i // columns * (height + 1), i % columns * (width + 1)
        image[y : y + height, x : x + width] = tile
    return image


def _png(image: Array, diverging: bool) -> str:
    from PIL import Image

    ends = _BLUE_TO_RED if diverging else _BLACK_TO_WHITE
    places = np.linspace(0, 2, 2 * _LEVELS + 1)
    colours = [np.interp(places, [0, 1, 2], channel) for channel in zip(*ends, strict=True)]
    palette = np.rint(np.stack(colours, axis=1)).astype(np.uint8)
    picture = Image.fromarray(image)
    picture.putpalette(palette.tobytes() + bytes(_LINE))
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
