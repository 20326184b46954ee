"""The form that every data set takes: images and labels, split into train and test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nn.checks import need_generator
from nn.data.arrays import as_images, as_labels, choose_for_testing
from nn.data.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images in a training and a test split, checked and read-only.

    The arrays are not copied: the data set holds read-only views of those it is given.

    Attributes:
        name: What messages call the data set.
        train_images: float32 in [0, 1], shape (n, channels, *spatial): (n, channels, height, width)
            of pictures, (n, channels, length) of images with one dimension.
        train_labels: int64, shape (n,), each an index into ``classes``.
        test_images: As ``train_images``; only the number of images may differ.
        test_labels: As ``train_labels``.
        classes: The name of each class.

    Raises:
        DataError: A field is not as described above, or a split is empty.

    >>> images = np.zeros((3, 1, 2, 2), dtype=np.float32)
    >>> labels = np.array([0, 1, 1])
    >>> Dataset("dots", images, labels, images[:1], labels[:1], classes=("no", "yes"))
    Dataset('dots', train=3, test=1, image_shape=(1, 2, 2), classes=2)
    """

    name: str
    train_images: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check every field, then make the arrays read-only."""
        self._check_classes()
        for split in ("train", "test"):
            self._check_images(f"{split}_images")
            self._check_labels(f"{split}_labels", n=len(getattr(self, f"{split}_images")))
        train_shape, test_shape = self.train_images.shape[1:], self.test_images.shape[1:]
        if train_shape != test_shape:
            raise self._error(
                "test_images", f"images of shape {train_shape} as in train_images", test_shape
            )
        for field in ("train_images", "train_labels", "test_images", "test_labels"):
            view = getattr(self, field).view()
            view.setflags(write=False)
            object.__setattr__(self, field, view)

    @classmethod
    def from_arrays(
        cls,
        images: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        test: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        test_fraction: float = 0.2,
        generator: np.random.Generator | None = None,
        stratified: bool = True,
        classes: Sequence[str] | None = None,
        channel_axis: int | None = None,
        name: str = "arrays",
    ) -> "Dataset":
        """Make a data set from arrays.

        Args:
            images: uint8 or uint16 (which are divided by 255 or 65535), booleans, or floats in
                [0, 1]; shape (n, length), (n, height, width) or (n, channels, height, width).
            labels: shape (n,): integers from 0, or the names of classes.
            test: Images and labels to test on, in the same form. None: a part of those above.
            test_fraction: The share of the images that become the test split, if ``test`` is None.
            generator: Chooses them. None: they are the last ones, of each class if stratified.
            stratified: Whether each class has its share in the test split, to within one image, and
                at least one image in the training split.
            classes: The names of the classes. None: "0", "1" and so on, or the names that occur in
                the labels, sorted.
            channel_axis: The axis of the channels, such as -1, where the shape is not one of those
                above; of ``images`` with the axis of the n images counted.
            name: What messages call the data set.

        Returns:
            The data set. In each split, images keep the order they have in ``images``.

        Raises:
            DataError: An array is not as described, they do not fit together, or a split would be
                empty.
            ValueError: ``test_fraction`` is not between 0 and 1.
            TypeError: ``generator`` is none of NumPy's.

        >>> images = np.arange(80, dtype=np.uint8).reshape(5, 4, 4)
        >>> Dataset.from_arrays(images, ["x", "o", "x", "o", "o"], test_fraction=0.4)
        Dataset('arrays', train=3, test=2, image_shape=(1, 4, 4), classes=2)
        """
        train_images = as_images(f"{name}: images", images, channel_axis)
        train_labels, class_names = as_labels(f"{name}: labels", labels, classes)
        if test is not None:
            test_images = as_images(f"{name}: test images", test[0], channel_axis)
            test_labels, _ = as_labels(f"{name}: test labels", test[1], class_names)
            return cls(name, train_images, train_labels, test_images, test_labels, class_names)
        if len(train_images) != len(train_labels):
            raise DataError(
                f"{name}: expected one label per image, got {len(train_images)} images and "
                f"{len(train_labels)} labels"
            )
        if not 0 < test_fraction < 1:
            raise ValueError(f"test_fraction: expected between 0 and 1, got {test_fraction}")
        if generator is not None:
            need_generator(generator)
        tested = choose_for_testing(train_labels, test_fraction, generator, stratified)
        if not 0 < tested.sum() < len(tested):
            raise DataError(
                f"{name}: expected images for both splits, but test_fraction={test_fraction} puts "
                f"{tested.sum()} of {len(tested)} into the test split; each class keeps at least "
                "one to train on"
            )
        return cls(
            name,
            train_images[~tested],
            train_labels[~tested],
            train_images[tested],
            train_labels[tested],
            class_names,
        )

    def __repr__(self) -> str:
        """Show the sizes rather than the numbers."""
        return (
            f"Dataset({self.name!r}, train={len(self.train_labels)}, "
            f"test={len(self.test_labels)}, image_shape={self.train_images.shape[1:]}, "
            f"classes={len(self.classes)})"
        )

    def _check_classes(self) -> None:
        names = self.classes
        if not (
            isinstance(names, tuple) and names and all(isinstance(name, str) for name in names)
        ):
            raise self._error("classes", "a tuple of at least one name", repr(names))
        if len(set(names)) < len(names):
            raise self._error("classes", "names that all differ", repr(names))

    def _check_images(self, field: str) -> None:
        images = getattr(self, field)
        self._check_dtype(field, images, np.float32)
        if images.ndim < 3 or images.size == 0:
            raise self._error(field, "shape (n, channels, *spatial) without a zero", images.shape)
        # NaN spreads through min and max and then fails the comparison: no large temporary.
        low, high = images.min(), images.max()
        if not (low >= 0 and high <= 1):
            raise self._error(
                field, "finite values in [0, 1]; scale the images", f"{low} to {high}"
            )

    def _check_labels(self, field: str, n: int) -> None:
        labels = getattr(self, field)
        self._check_dtype(field, labels, np.int64)
        if labels.shape != (n,):
            raise self._error(field, f"shape ({n},), one label per image", labels.shape)
        low, high = labels.min(), labels.max()
        if not (low >= 0 and high < len(self.classes)):
            raise self._error(
                field,
                f"labels in 0..{len(self.classes) - 1}, as there are {len(self.classes)} classes",
                f"{low} to {high}",
            )

    def _check_dtype(self, field: str, value: object, dtype: type[np.generic]) -> None:
        wanted = f"a numpy array of {np.dtype(dtype).name}"
        if not isinstance(value, np.ndarray):
            raise self._error(field, wanted, type(value).__name__)
        if value.dtype != dtype:
            raise self._error(field, f"{wanted}; convert it with astype", value.dtype)

    def _error(self, field: str, expected: str, got: Any) -> DataError:
        return DataError(f"{self.name}: {field}: expected {expected}; got {got}")
