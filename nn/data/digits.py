"""The UCI optical digits, which come with the package (see optdigits/README.md)."""

import operator
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from nn.data.dataset import Dataset

_STORED_SIZE = 8
_STORED_MAX = 16


def load_digits(size: int = 28) -> Dataset:
    """Load 1797 handwritten digits, enlarged from 8x8 pixels; needs no network.

    The split is fixed and stratified: 1437 images to train on, 360 to test on.

    As in MNIST, the digit takes the middle 20 of 28 pixels (the same share of other sizes, but
    never fewer than the 8 it has).  Interpolation is bilinear, with black around the stored image:
    strokes come out smooth and fade at the image's edge, where nearest neighbour shows blocks and
    a repeated edge pixel cuts the stroke off hard, and unlike cubic it never leaves [0, 1].

    Args:
        size: Height and width of the images, at least 8; 8 gives the images as stored.

    Returns:
        A data set of images (n, 1, size, size) float32 in [0, 1] and labels 0 to 9.

    Raises:
        ValueError: ``size`` is less than 8.
        TypeError: ``size`` is no integer.

    >>> load_digits()
    Dataset('digits', train=1437, test=360, image_shape=(1, 28, 28), classes=10)
    """
    size = operator.index(size)
    if size < _STORED_SIZE:
        raise ValueError(
            f"size: expected at least {_STORED_SIZE}, as the stored images are "
            f"{_STORED_SIZE}x{_STORED_SIZE}, got {size}"
        )
    resource = files("nn.data").joinpath("optdigits/digits.npz")
    with resource.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        images = _enlarge(stored["images"].astype(np.float32) / _STORED_MAX, size)[:, np.newaxis]
        labels = stored["labels"].astype(np.int64)
        train, test = stored["train_index"], stored["test_index"]
    return Dataset(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        classes=tuple("0123456789"),
    )


def _enlarge(images: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Enlarge images (n, 8, 8) to (n, size, size), along one axis and then the other."""
    weights = _bilinear_weights(size)
    enlarged: npt.NDArray[np.float32] = weights @ images @ weights.T
    # Weights that sum to 1 before rounding can exceed it by one unit in the last place.
    return np.minimum(enlarged, 1, out=enlarged)


def _bilinear_weights(size: int) -> npt.NDArray[np.float32]:
    """Weights (size, 8) of the stored pixels in each pixel of the enlarged image."""
    inner = max(_STORED_SIZE, round(size * 20 / 28))
    centres = np.arange(size) + 0.5 - size / 2
    stored_centres = np.arange(_STORED_SIZE) + 0.5 - _STORED_SIZE / 2
    distance = np.abs(centres[:, np.newaxis] * (_STORED_SIZE / inner) - stored_centres)
    weights: npt.NDArray[np.float32] = np.maximum(0, 1 - distance).astype(np.float32)
    return weights
