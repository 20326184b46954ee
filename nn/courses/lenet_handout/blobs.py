"""Blobs, and the order of axes in which the rest of the library has its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, NamedTuple, TypeAlias

import numpy as np

import autodiff as ad
from autodiff.arrays import Array, real_array
from autodiff.graph import describe
from autodiff.ops.shapes import shape_of

Dict: TypeAlias = Mapping[str, Any]


class Shape(NamedTuple):
    """The shape of one image."""

    height: int
    width: int
    channel: int

    @property
    def size(self) -> int:
        """How many numbers a column has."""
        return self.height * self.width * self.channel

    def __str__(self) -> str:
        return f"{self.height}×{self.width}×{self.channel}"


class Output(dict[str, Any]):
    """A blob that remembers which layer made it, so that it can be made again from another input.

    Args:
        blob: its entries.
        forward: from an input blob to the layer's output.
    """

    def __init__(self, blob: Dict, forward: Callable[[Dict], dict[str, Any]]) -> None:
        super().__init__(blob)
        self.forward = forward


def setting(of: Dict, name: str, *, least: int = 1, default: int | None = None) -> int:
    """A whole number from a dict.

    Raises:
        ValueError: it is not there, is no whole number, or is too small.
    """
    n = of.get(name, default)
    if isinstance(n, bool) or not isinstance(n, Integral) or n < least:
        given = f"got {n!r}" if name in of else f"there is none among {list(of)}"
        raise ValueError(f"expected a whole number '{name}' of at least {least}, {given}")
    return int(n)


def image_shape(blob: Dict) -> Shape:
    """The shape of a blob's images."""
    return Shape(*(setting(blob, name) for name in Shape._fields))


def columns_of(blob: Dict, name: str = "data") -> Array:
    """The data of a blob, or its adjoint ``diff``: (height · width · channel, n), float64.

    Raises:
        ValueError: it is not there, or not as the rest of the blob says.
    """
    if name not in blob:
        raise ValueError(f"expected a blob with '{name}', got one with {list(blob)}")
    shape, data = image_shape(blob), numbers(blob[name])
    batch = blob.get("batch_size", data.shape[-1] if data.ndim else 1)
    if data.shape != (shape.size, batch):
        raise ValueError(
            f"'{name}' of a blob of {batch} images of {shape}: expected shape "
            f"({shape.size}, {batch}), got {data.shape}"
        )
    return data


def numbers(data: Any) -> Array:
    """An array of float64; itself if it is one."""
    array: Array = np.asarray(real_array(data), dtype=np.float64)
    return array


def as_images(data: Any, shape: Shape) -> Any:
    """Columns as images: (h · w · c, n) to (n, c, h, w)."""
    if len(shape_of(data)) != 2 or shape_of(data)[0] != shape.size:
        raise ValueError(
            f"expected ({shape.size}, n), images of {shape} as columns, got {describe(data)}"
        )
    return ad.transpose(ad.reshape(data, (*shape, shape_of(data)[1])), (3, 2, 0, 1))


def as_columns(images: Any) -> Any:
    """Images as columns, the channel fastest: (n, c, h, w) to (h · w · c, n)."""
    n, c, h, w = shape_of(images)
    return ad.reshape(ad.transpose(images, (2, 3, 1, 0)), (h * w * c, n))
