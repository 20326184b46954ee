"""The form that every data set takes: images and labels, split into train and test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nn.data.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images in a training and a test split, checked and read-only.

    The arrays are not copied: the data set holds read-only views of those it is given.

    Attributes:
        name: What messages call the data set.
        train_images: float32 in [0, 1], shape (n, channels, height, width).
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
        if images.ndim != 4 or images.size == 0:
            raise self._error(
                field, "shape (n, channels, height, width) without a zero", images.shape
            )
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
