"""flatland: every image once, in counting order, rightly labelled."""

from typing import Any

import numpy as np
import pytest

from nn.data import flatland


@pytest.mark.parametrize("n", range(1, 11))
def test_against_strings(n: int) -> None:
    images, labels = flatland(n)
    written = [f"{k:0{n}b}" for k in range(2**n)]
    assert images.shape == (2**n, 1, n)
    assert images.dtype == np.float64
    assert labels.dtype == np.int64
    assert ["".join(str(int(pixel)) for pixel in image[0]) for image in images] == written
    assert labels.tolist() == ["101" in image for image in written]


def test_the_four_pixels_of_the_exercise() -> None:
    _, labels = flatland(4)
    assert np.flatnonzero(labels).tolist() == [0b0101, 0b1010, 0b1011, 0b1101]


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.uint8])
def test_dtype(dtype: Any) -> None:
    images, _ = flatland(3, dtype=dtype)
    assert images.dtype == dtype
    assert set(images.ravel().tolist()) == {0, 1}


def test_the_largest() -> None:
    images, labels = flatland(20, dtype=np.uint8)
    assert images[-1].all()
    # Strings without 101: a(n) = 2 a(n-1) - a(n-2) + a(n-3).
    without = [1, 2, 4]
    while len(without) <= 20:
        without.append(2 * without[-1] - without[-2] + without[-3])
    assert labels.sum() == 2**20 - without[20]


@pytest.mark.parametrize("n", [0, -4, 21])
def test_bad_sizes(n: int) -> None:
    with pytest.raises(ValueError, match=f"n: expected 1 to 20 pixels, got {n}"):
        flatland(n)


def test_no_integer() -> None:
    with pytest.raises(TypeError):
        flatland(4.0)  # type: ignore[arg-type]
