"""The images of Flatland, where the world has one dimension and an image is a row of pixels."""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_PIXELS = 20


def flatland(
    n: int, *, dtype: npt.DTypeLike = np.float64
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """All binary images of n pixels, and whether each contains the pattern 1, 0, 1.

    They come in counting order, the first pixel being the most significant digit: image k is k
    written in binary.  The pattern counts where its three pixels are neighbours.

    Args:
        n: The number of pixels, from 1 to 20 (of which there are a million images).
        dtype: That of the images.

    Returns:
        The images, of shape (2**n, 1, n), and their labels, int64 of shape (2**n,): 1 where the
        image contains the pattern, else 0.

    Raises:
        ValueError: ``n`` is out of range.
        TypeError: ``n`` is no integer.

    >>> images, labels = flatland(4)
    >>> for image in images[labels == 1]:
    ...     print(image[0])
    [0. 1. 0. 1.]
    [1. 0. 1. 0.]
    [1. 0. 1. 1.]
    [1. 1. 0. 1.]
    """
    n = operator.index(n)
    if not 1 <= n <= _MOST_PIXELS:
        raise ValueError(
            f"n: expected 1 to {_MOST_PIXELS} pixels, got {n}; there are 2**n images of n pixels"
        )
    pixels = (np.arange(2**n)[:, np.newaxis] >> np.arange(n - 1, -1, -1)) & 1 == 1
    found = pixels[:, :-2] & ~pixels[:, 1:-1] & pixels[:, 2:]
    return pixels[:, np.newaxis].astype(dtype), found.any(axis=1).astype(np.int64)
