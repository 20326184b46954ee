"""The handwritten digits as the handout splits them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from autodiff.arrays import Array
from nn.data.errors import DataError
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
        DataError: the file is missing or not as it should be.
        ImportError: SciPy is not installed, which reads such files.
    """
    xtrain, ytrain, xtest, ytest = _read(_found(path))
    held_out = VALIDATION if len(xtrain) > VALIDATION else len(xtrain) // 6
    parts: list[Array] = []
    for x, y in (
        (xtrain[held_out:], ytrain[held_out:]),
        (xtrain[:held_out], ytrain[:held_out]),
        (xtest, ytest),
    ):
        kept = len(x) if fullset else len(x) // SMALL
        parts += [(x[:kept] / 255.0).T, y[:kept]]
    return parts


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


def _read(path: Path) -> tuple[Array, Array, Array, Array]:
    """Images (n, 784) of bytes and labels (n,), shuffled: for training, and for testing."""
    try:
        from scipy.io import loadmat  # heavy, and only needed here
    except ImportError as missing:
        raise ImportError(f"load_mnist reads {path} with SciPy: pip install scipy") from missing
    try:
        tables = loadmat(path)
    except (OSError, ValueError, TypeError, NotImplementedError) as fault:
        raise DataError(f"{path}: expected a MATLAB file: {fault}") from fault
    parts: list[Array] = []
    for split in ("train", "test"):
        of_digits = [_of_digit(path, tables, f"{split}{digit}") for digit in range(10)]
        images = np.concatenate(of_digits)
        labels = np.repeat(np.arange(10), [len(of_digit) for of_digit in of_digits])
        order = np.random.permutation(len(images))
        parts += [images[order], labels[order]]
    return parts[0], parts[1], parts[2], parts[3]


def _of_digit(path: Path, tables: dict[str, Array], name: str) -> Array:
    images = tables.get(name)
    if images is None or images.ndim != 2 or images.shape[1] != 784 or images.dtype != np.uint8:
        got = "none" if images is None else f"{images.dtype} of shape {images.shape}"
        raise DataError(f"{path}: expected {name} of uint8, (n, 784), got {got}")
    return images
