"""What a shift of the image does to a convolution, and to what is pooled from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

Array: TypeAlias = NDArray[np.float64]
Shift: TypeAlias = tuple[int, int]
"""How many pixels down, and how many to the right."""

IMAGE = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ],
    float,
)
FILTERS = (
    np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]], float),
    np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]], float),
)


@dataclass(frozen=True)
class Maps:
    """What two filters make of an image.

    Attributes:
        convolved: (2, 4, 4), without padding.
        pooled: (2, 2, 2), the largest of windows of 2×2 side by side.
        largest: (2,), the largest of each whole map.
    """

    convolved: Array
    pooled: Array
    largest: Array

    @property
    def stages(self) -> tuple[Array, Array, Array]:
        """All three, from the most places to the fewest."""
        return self.convolved, self.pooled, self.largest


def maps_of(image: Array, filters: tuple[Array, Array]) -> Maps:
    """Convolve an image of 6×6 with two filters of 3×3, and pool."""
    kernels = np.stack(filters)[:, np.newaxis]
    convolved = ad.conv(image[np.newaxis, np.newaxis], kernels)
    pooled = ad.max_pool(convolved, 2)
    return Maps(convolved[0], pooled[0], ad.max(convolved, axis=(0, 2, 3)))


def shifted(array: Array, shift: Shift) -> Array:
    """An image, or several, moved down and to the right; zeros come in."""
    moved = np.zeros_like(array)
    rows, columns = array.shape[-2:]
    for i, j in np.ndindex(rows, columns):
        from_i, from_j = i - shift[0], j - shift[1]
        if 0 <= from_i < rows and 0 <= from_j < columns:
            moved[..., i, j] = array[..., from_i, from_j]
    return moved


@dataclass(frozen=True)
class Comparison:
    """The maps before and after a shift.

    Attributes:
        before: of the image.
        after: of the shifted image.
        equivariance: the largest difference of the convolution of the shifted image and the shifted
            convolution, where the shift has brought in no border.
        lost: how many pixels that are not 0 have left the image.
    """

    before: Maps
    after: Maps
    equivariance: float
    lost: int


def compare(image: Array, filters: tuple[Array, Array], shift: Shift) -> Comparison:
    """Shift an image, and see what becomes of its maps."""
    moved = shifted(image, shift)
    before, after = maps_of(image, filters), maps_of(moved, filters)
    covered = shifted(np.ones_like(before.convolved), shift) > 0
    differences = np.abs(after.convolved - shifted(before.convolved, shift))[covered]
    lost = int(np.count_nonzero(image) - np.count_nonzero(moved))
    return Comparison(before, after, float(differences.max(initial=0.0)), lost)


def read_matrix(text: str, size: int) -> Array:
    """A matrix from text, ``"0 1; 2 3"``, or from a file with its rows.

    Raises:
        ValueError: there are not ``size`` rows of ``size`` finite numbers.
    """
    source = text
    if ";" not in text and Path(text).is_file():
        source = Path(text).read_text(encoding="utf-8").strip().replace("\n", ";")
    try:
        rows = [list(map(float, row.replace(",", " ").split())) for row in source.split(";")]
    except ValueError:
        raise ValueError(
            f"expected numbers such as '0 1; 2 3', or a file with their rows, got {text!r}"
        ) from None
    lengths = [len(row) for row in rows]
    if lengths != [size] * size or not np.isfinite(rows).all():
        raise ValueError(
            f"expected {size} rows of {size} finite numbers, got {len(rows)} of "
            f"{' and '.join(map(str, sorted(set(lengths))))}: {text!r}"
        )
    return np.array(rows)
