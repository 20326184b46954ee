"""The handwritten digits as the handout splits them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from autodiff.arrays import Array
from nn.data.errors import DataError
from nn.data.mat import load_mnist_mat
from nn.data.mnist import DATA_DIR_VARIABLE

FILE = "mnist_all.mat"
VALIDATION = 10_000
SMALL = 20  # one in so many is kept of the small set


def load_mnist(fullset: bool = True, path: str | os.PathLike[str] | None = None) -> list[Array]:
    """The images of ``mnist_all.mat``, shuffled and split.

    The order comes from NumPy's global generator, so ``np.random.seed`` fixes it.

    Args:
        fullset: whether to keep all; else one in twenty of each part.
        path: the file. If not given, it is ``mnist_all.mat`` in the current folder, or else in the
            folder that the environment variable AUTODIFF_DATA_DIR names.

    Returns:
        ``[xtrain, ytrain, xvalidate, yvalidate, xtest, ytest]``. Each x is (784, n) of float64 in
        [0, 1], an image in each column, row by row; each y is (n,) of integers. The validation set
        is the first 10 000 of the shuffled training images; a sixth of them if there are no more.

    Raises:
        DataError: the file is missing, or not as ``nn.load_mnist_mat`` expects it.
        ImportError: SciPy is not installed, which reads such files.
    """
    digits = load_mnist_mat(_found(path))
    xtrain, ytrain = _shuffled(digits.train_images, digits.train_labels)
    xtest, ytest = _shuffled(digits.test_images, digits.test_labels)
    held_out = VALIDATION if len(xtrain) > VALIDATION else len(xtrain) // 6
    parts: list[Array] = []
    for x, y in (
        (xtrain[held_out:], ytrain[held_out:]),
        (xtrain[:held_out], ytrain[:held_out]),
        (xtest, ytest),
    ):
        kept = len(x) if fullset else len(x) // SMALL
        parts += [_columns(x[:kept]), y[:kept]]
    return parts


def _shuffled(images: Array, labels: Array) -> tuple[Array, Array]:
    order = np.random.permutation(len(images))
    return images[order], labels[order]


def _columns(images: Array) -> Array:
    """Images (n, 1, 28, 28) as columns; the bytes are divided again, for float32 rounded them."""
    pixels = np.rint(images.reshape(-1, 784) * 255.0)
    columns: Array = np.divide(pixels, 255.0, dtype=np.float64).T
    return columns


def _found(path: str | os.PathLike[str] | None) -> Path:
    if path is not None:
        places = [Path(path)]
    else:
        folder = os.environ.get(DATA_DIR_VARIABLE)
        places = [Path(FILE), *([Path(folder, FILE)] if folder else [])]
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(str(place.absolute()) for place in places)
    raise DataError(
        f"load_mnist: expected the file {FILE}, found none at {looked}; give its path, or the "
        f"folder that it is in as {DATA_DIR_VARIABLE}"
    )
