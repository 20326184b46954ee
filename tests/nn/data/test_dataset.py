"""Dataset: it holds what it is given, read-only, and refuses what does not fit together."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from nn.data import DataError, Dataset


def fields(**changes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    good: dict[str, Any] = {
        "name": "toy",
        "train_images": generator.random((5, 2, 3, 4), dtype=np.float32),
        "train_labels": np.array([0, 1, 2, 1, 0]),
        "test_images": generator.random((2, 2, 3, 4), dtype=np.float32),
        "test_labels": np.array([2, 0]),
        "classes": ("a", "b", "c"),
    }
    return good | changes


def test_holds_what_it_is_given() -> None:
    given = fields()
    dataset = Dataset(**given)
    assert (dataset.name, dataset.classes) == ("toy", ("a", "b", "c"))
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(dataset, field), given[field], strict=True)
        assert np.shares_memory(getattr(dataset, field), given[field])
    expected = "Dataset('toy', train=5, test=2, image_shape=(2, 3, 4), classes=3)"
    assert repr(dataset) == expected


def test_is_read_only_and_leaves_the_given_arrays_alone() -> None:
    given = fields()
    dataset = Dataset(**given)
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(dataset, field)[0] = 0
        assert given[field].flags.writeable
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "other"  # type: ignore[misc]


def test_accepts_the_ends_of_the_ranges() -> None:
    images = np.array([0, 1], np.float32).reshape(2, 1, 1, 1)
    labels = np.array([0, 0])
    Dataset("ends", images, labels, images, labels, ("only",))


@pytest.mark.parametrize("spatial", [(7,), (3, 4), (2, 3, 4)])
def test_any_number_of_spatial_axes(spatial: tuple[int, ...]) -> None:
    images = np.zeros((5, 2, *spatial), np.float32)
    dataset = Dataset(**fields(train_images=images, test_images=images[:2]))
    assert f"image_shape={(2, *spatial)}" in repr(dataset)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([[[[0.5]]]], "expected a numpy array of float32; got list"),
        (np.zeros((2, 2, 3, 4)), "expected a numpy array of float32; .* got float64"),
        (np.zeros((2, 2, 3, 4), np.uint8), "expected a numpy array of float32; .* got uint8"),
        (np.zeros((2, 3), np.float32), r"expected shape \(n, channels, \*spatial\)"),
        (np.zeros((0, 2, 3, 4), np.float32), "expected shape .* without a zero; got"),
        (np.zeros((2, 2, 0, 4), np.float32), "expected shape .* without a zero; got"),
        (np.full((2, 2, 3, 4), np.nan, np.float32), "expected finite values in .* got nan"),
        (np.full((2, 2, 3, 4), np.inf, np.float32), "expected finite values in .* got inf"),
        (np.full((2, 2, 3, 4), -0.1, np.float32), "expected finite values in"),
        (np.full((2, 2, 3, 4), 255, np.float32), "expected finite values in .* 255.0"),
    ],
)
def test_bad_images(split: str, images: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"toy: {split}_images: {message}"):
        Dataset(**fields(**{f"{split}_images": images, f"{split}_labels": np.array([0, 1])}))


def test_one_nan_among_good_values() -> None:
    images = np.full((5, 2, 3, 4), 0.5, np.float32)
    images[3, 1, 2, 0] = np.nan
    with pytest.raises(DataError, match="train_images: expected finite"):
        Dataset(**fields(train_images=images))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "expected a numpy array of int64; got list"),
        (np.array([0, 1], np.uint8), "expected a numpy array of int64; .* got uint8"),
        (np.array([0, 1, 2]), r"expected shape \(2,\), one label per image; got \(3,\)"),
        (np.array([[0, 1]]), r"expected shape \(2,\), one label per image; got \(1, 2\)"),
        (np.array([0, 3]), "expected labels in 0..2, as there are 3 classes; got 0 to 3"),
        (np.array([-1, 0]), "expected labels in 0..2, as there are 3 classes; got -1 to 0"),
    ],
)
def test_bad_labels(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"toy: test_labels: {message}"):
        Dataset(**fields(test_labels=labels))


@pytest.mark.parametrize("classes", [(), ["a", "b", "c"], (0, 1, 2), "abc"])
def test_bad_classes(classes: Any) -> None:
    with pytest.raises(DataError, match="toy: classes: expected a tuple of at least one name"):
        Dataset(**fields(classes=classes))


def test_equal_class_names() -> None:
    with pytest.raises(DataError, match="toy: classes: expected names that all differ"):
        Dataset(**fields(classes=("a", "b", "a")))


def test_splits_of_different_image_shapes() -> None:
    with pytest.raises(DataError, match=r"test_images: .* \(2, 3, 4\) .*; got \(2, 4, 3\)"):
        Dataset(**fields(test_images=np.zeros((2, 2, 4, 3), np.float32)))
