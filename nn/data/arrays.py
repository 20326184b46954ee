"""Arrays as people have them, made into the images and labels that a data set holds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nn.data.errors import DataError


def as_images(
    where: str, images: npt.ArrayLike, channel_axis: int | None = None
) -> npt.NDArray[np.float32]:
    """Make float32 images of shape (n, channels, *spatial) from an array.

    Args:
        where: What errors call the array.
        images: uint8 or uint16 in their full range, booleans, or floats; each of them an image
            along the first axis.
        channel_axis: The axis of the channels.  None: arrays of two and three axes have none, which
            makes one channel; those of four and more have them in axis 1.

    Returns:
        The images, those of integers divided by the largest value of their type.  Floats are not
        looked at, and not copied where they need not be.

    Raises:
        DataError: The array is of another type, or has no such axis.

    >>> as_images("shades", np.array([[0, 51, 255]], dtype=np.uint8))
    array([[[0. , 0.2, 1. ]]], dtype=float32)
    """
    array = np.asarray(images)
    scale = {"uint8": 255, "uint16": 65535}.get(array.dtype.name)
    if scale is None and array.dtype.kind not in "fb":
        raise DataError(
            f"{where}: expected images of uint8, uint16, bool or floats in [0, 1], got "
            f"{array.dtype}; convert values of 0 to 255 with astype(numpy.uint8)"
        )
    if array.ndim < 2:
        raise DataError(f"{where}: expected images along the first axis, got shape {array.shape}")
    if channel_axis is None:
        if array.ndim < 4:
            array = array[:, np.newaxis]
    elif array.ndim < 3 or channel_axis not in {*range(1, array.ndim), *range(1 - array.ndim, 0)}:
        raise DataError(
            f"{where}: expected channels in axis {channel_axis}, after that of the images and "
            f"beside at least one of pixels, got shape {array.shape}"
        )
    else:
        array = np.moveaxis(array, channel_axis, 1)
    if scale is None:
        return np.ascontiguousarray(array, dtype=np.float32)
    scaled: npt.NDArray[np.float32] = np.divide(
        array, np.float32(scale), dtype=np.float32, order="C"
    )
    return scaled


def as_labels(
    where: str, labels: npt.ArrayLike, classes: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Make int64 labels and the names of the classes from indices, or from names.

    Args:
        where: What errors call the labels.
        labels: Integers from 0, which number the classes, or strings, which name them; shape (n,).
        classes: The names of the classes, by number.  None: those of integers are called "0", "1"
            and so on, up to the largest; strings stand for themselves, in sorted order.

    Returns:
        The labels, and the classes.

    Raises:
        DataError: The labels are of another type or shape, or one is none of the classes.

    >>> as_labels("pets", ["dog", "cat", "dog"])
    (array([1, 0, 1]), ('cat', 'dog'))
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iubU":
        raise DataError(
            f"{where}: expected one integer or name per image, in shape (n,), got {array.dtype} of "
            f"shape {array.shape}"
        )
    if array.dtype.kind != "U":
        low, high = int(array.min()), int(array.max())
        n_classes = high + 1 if classes is None else len(classes)
        if low < 0 or high >= n_classes:
            raise DataError(
                f"{where}: expected labels in 0..{n_classes - 1}, got {low} to {high}; "
                "they number the classes"
            )
        names = map(str, range(n_classes)) if classes is None else classes
        return array.astype(np.int64), tuple(names)
    names_seen, positions = np.unique(array, return_inverse=True)
    classes = tuple(names_seen.tolist()) if classes is None else tuple(classes)
    unknown = [name for name in names_seen.tolist() if name not in classes]
    if unknown:
        raise DataError(f"{where}: expected names among {classes}, got {unknown[0]!r} as well")
    numbers = np.array([classes.index(name) for name in names_seen.tolist()], dtype=np.int64)
    return numbers[positions], classes


def choose_for_testing(
    labels: npt.NDArray[np.int64],
    fraction: float,
    generator: np.random.Generator | None,
    stratified: bool,
) -> npt.NDArray[np.bool_]:
    """Choose the images to test on: True for those, shape (n,).

    Of n images, ``round(n * fraction)`` are chosen: at random, or the last ones if there is no
    generator.  ``stratified`` gives each class its share of them, to within one image by the method
    of largest remainders, and leaves each at least one image to train on.
    """
    n = len(labels)
    groups = labels if stratified else np.zeros(n, dtype=np.int64)
    sizes = np.bincount(groups)
    share = sizes * fraction
    most = np.maximum(sizes - 1, 0)
    counts = np.minimum(share.astype(np.int64), most)
    ranked = np.argsort(counts - share, kind="stable")
    takers = ranked[(counts < most)[ranked]]
    counts[takers[: max(0, round(n * fraction) - int(counts.sum()))]] += 1
    order = np.arange(n) if generator is None else generator.permutation(n)
    order = order[np.argsort(groups[order], kind="stable")]
    mask = np.zeros(n, dtype=np.bool_)
    for end, count in zip(np.cumsum(sizes), counts, strict=True):
        mask[order[end - count : end]] = True
    return mask
