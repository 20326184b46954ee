"""Dataset.from_arrays: images and labels of many forms, split in a way that can be foretold."""

from typing import Any

import numpy as np
import pytest

from nn.data import DataError, Dataset


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def numbered(n: int, shape: tuple[int, ...] = (1, 2, 2)) -> Any:
    """Images of which each has its own number, as uint8, in all pixels."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8).reshape(n, *[1] * len(shape)), (n, *shape))


def numbers(images: Any) -> list[int]:
    return (images.reshape(len(images), -1)[:, 0] * 255).round().astype(int).tolist()


# The form of the images.


@pytest.mark.parametrize(
    ("shape", "channel_axis", "expected"),
    [
        ((5, 7), None, (1, 7)),
        ((5, 7, 6), None, (1, 7, 6)),
        ((5, 3, 7, 6), None, (3, 7, 6)),
        ((5, 3, 7, 6), 1, (3, 7, 6)),
        ((5, 7, 6, 3), -1, (3, 7, 6)),
        ((5, 7, 6, 3), 3, (3, 7, 6)),
        ((5, 7, 3, 6), -2, (3, 7, 6)),
        ((5, 3, 7), 1, (3, 7)),
        ((5, 7, 3), -1, (3, 7)),
        ((5, 2, 7, 6, 4), None, (2, 7, 6, 4)),
    ],
)
def test_axes(shape: tuple[int, ...], channel_axis: int | None, expected: tuple[int, ...]) -> None:
    images = rng().random(shape, dtype=np.float32)
    data = Dataset.from_arrays(images, [0, 1, 0, 1, 1], channel_axis=channel_axis, stratified=False)
    assert data.train_images.shape == (4, *expected)
    moved = images if channel_axis is None else np.moveaxis(images, channel_axis, 1)
    np.testing.assert_array_equal(data.train_images, moved[:4].reshape(4, *expected), strict=True)


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [(np.uint8, 255), (np.uint16, 65535), (np.bool_, 1), (np.float64, 1), (np.float16, 1)],
)
def test_dtypes(dtype: Any, largest: int) -> None:
    values = np.array([0, largest, largest // 3]).astype(dtype)
    images = np.tile(values, (4, 1))
    data = Dataset.from_arrays(images, [0, 0, 1, 1], test_fraction=0.5)
    expected = values.astype(np.float64) / largest
    assert data.train_images.dtype == np.float32
    np.testing.assert_array_equal(data.train_images[0, 0], expected.astype(np.float32))


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((4, 3), np.int64), {}, r"pets: images: .*got int64; convert .* astype\("),
        (np.zeros((4, 3), complex), {}, "pets: images: .*got complex128"),
        (np.zeros(4), {}, r"pets: images: expected images along the first axis, got shape \(4,\)"),
        (np.full((4, 3), 255.0), {}, r"pets: train_images: expected finite values in \[0, 1\]"),
        (np.zeros((4, 3, 3)), {"channel_axis": 0}, "pets: images: expected channels in axis 0"),
        (np.zeros((4, 3, 3)), {"channel_axis": 3}, "pets: images: expected channels in axis 3"),
        (np.zeros((4, 3, 3)), {"channel_axis": -3}, "pets: images: expected channels in axis -3"),
        (np.zeros((4, 3)), {"channel_axis": 1}, "beside at least one of pixels"),
        (np.zeros((5, 3)), {}, "pets: expected one label per image, got 5 images and 4 labels"),
        (np.zeros((4, 0)), {}, "pets: train_images: expected shape .* without a zero"),
    ],
)
def test_bad_images(images: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(images, [0, 1, 0, 1], name="pets", test_fraction=0.5, **options)


# The form of the labels.


@pytest.mark.parametrize(
    ("labels", "classes", "expected", "names"),
    [
        ([0, 2, 1, 2], None, [0, 2, 1, 2], ("0", "1", "2")),
        (np.array([0, 1, 1, 0], np.uint8), ["no", "yes"], [0, 1, 1, 0], ("no", "yes")),
        ([True, False, True, True], None, [1, 0, 1, 1], ("0", "1")),
        ([0, 0, 1, 1], "abc", [0, 0, 1, 1], ("a", "b", "c")),
        (["dog", "cat", "dog", "ant"], None, [2, 1, 2, 0], ("ant", "cat", "dog")),
        (["dog", "cat", "dog", "cat"], ("dog", "eel", "cat"), [0, 2, 0, 2], ("dog", "eel", "cat")),
    ],
)
def test_labels(labels: Any, classes: Any, expected: list[int], names: tuple[str, ...]) -> None:
    images = numbered(4)
    data = Dataset.from_arrays(images, labels, test=(images, labels), classes=classes)
    assert data.train_labels.tolist() == data.test_labels.tolist() == expected
    assert data.train_labels.dtype == np.int64
    assert data.classes == names


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0.0, 1.0, 0.0, 1.0], None, r"expected one integer or name per image, .* got float64 of"),
        ([[0], [1], [0], [1]], None, r"got int64 of shape \(4, 1\)"),
        ([], None, r"shape \(0,\)"),
        ([0, -1, 0, 1], None, r"expected labels in 0\.\.1, got -1 to 1"),
        ([0, 1, 2, 3], ["a", "b"], r"expected labels in 0\.\.1, got 0 to 3"),
        (["a", "b", "c", "a"], ["a", "b"], r"expected names among \('a', 'b'\), got 'c' as well"),
        ([0, 1, 0, 1], ["a", "a"], "expected names that all differ"),
    ],
)
def test_bad_labels(labels: Any, classes: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"pets: .*{message}"):
        Dataset.from_arrays(numbered(4), labels, classes=classes, name="pets", test_fraction=0.5)


# The split.


def test_a_given_split() -> None:
    test = (numbered(2), ["x", "x"])
    data = Dataset.from_arrays(numbered(3), ["o", "x", "o"], test=test)
    assert data.train_labels.tolist() == [0, 1, 0]
    assert data.test_labels.tolist() == [1, 1]
    with pytest.raises(DataError, match=r"test labels: expected names among \('o', 'x'\), got 'z'"):
        Dataset.from_arrays(numbered(3), ["o", "x", "o"], test=(numbered(2), ["x", "z"]))


def test_the_last_images_in_their_order() -> None:
    data = Dataset.from_arrays(numbered(10), [0, 1] * 5, test_fraction=0.3, stratified=False)
    assert numbers(data.train_images) == [0, 1, 2, 3, 4, 5, 6]
    assert numbers(data.test_images) == [7, 8, 9]


def test_the_last_images_of_each_class() -> None:
    labels = [0] * 4 + [1] * 6
    data = Dataset.from_arrays(numbered(10), labels, test_fraction=0.5)
    assert numbers(data.train_images) == [0, 1, 4, 5, 6]
    assert numbers(data.test_images) == [2, 3, 7, 8, 9]


@pytest.mark.parametrize("stratified", [True, False])
def test_a_random_split(stratified: bool) -> None:
    labels = rng().integers(0, 4, 200)

    def split(seed: int) -> tuple[list[int], list[int]]:
        data = Dataset.from_arrays(
            numbered(200), labels, test_fraction=0.25, generator=rng(seed), stratified=stratified
        )
        np.testing.assert_array_equal(data.test_labels, labels[numbers(data.test_images)])
        np.testing.assert_array_equal(data.train_labels, labels[numbers(data.train_images)])
        return numbers(data.train_images), numbers(data.test_images)

    train, test = split(0)
    assert (train, test) == split(0) != split(1)
    assert sorted(train + test) == list(range(200))
    assert (train, test) == (sorted(train), sorted(test))
    assert len(test) == 50


def test_every_image_is_as_likely_to_be_tested() -> None:
    counts = np.zeros(20)
    generator = rng()
    for _ in range(2000):
        data = Dataset.from_arrays(
            numbered(20), [0] * 12 + [1] * 8, test_fraction=0.25, generator=generator
        )
        counts[numbers(data.test_images)] += 1
    np.testing.assert_allclose(counts / 2000, 0.25, atol=6 * np.sqrt(0.25 * 0.75 / 2000))


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.29, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("sizes", [(40, 13, 7), (1, 1, 30), (2, 2, 2, 2, 2, 2, 2), (25, 0, 3)])
def test_classes_have_their_shares(sizes: tuple[int, ...], fraction: float) -> None:
    labels = rng().permutation(np.repeat(np.arange(len(sizes)), sizes))
    data = Dataset.from_arrays(
        numbered(len(labels)), labels, test_fraction=fraction, generator=rng()
    )
    tested = np.bincount(data.test_labels, minlength=len(sizes))
    kept = np.bincount(data.train_labels, minlength=len(sizes))
    np.testing.assert_array_equal(tested + kept, sizes)
    assert kept[np.array(sizes) > 0].all()
    most = np.maximum(np.array(sizes) - 1, 0)
    wanted = np.minimum(np.array(sizes) * fraction, most)
    assert (np.abs(tested - wanted) <= 1).all()
    if (np.array(sizes) * fraction <= most).all():
        assert tested.sum() == round(len(labels) * fraction)


def test_the_largest_remainders_get_the_seats_left_over() -> None:
    # Shares of 1.2, 0.9 and 0.9 images: one each, not two of the largest class.
    labels = [0] * 4 + [1] * 3 + [2] * 3
    data = Dataset.from_arrays(numbered(10), labels, test_fraction=0.3)
    assert data.test_labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 20, float("nan")])
def test_bad_fraction(fraction: float) -> None:
    with pytest.raises(ValueError, match=f"expected between 0 and 1, got {fraction}"):
        Dataset.from_arrays(numbered(4), [0, 1, 0, 1], test_fraction=fraction)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1, 0, 1], {"test_fraction": 0.1}, "test_fraction=0.1 puts 0 of 4 into the test split"),
        ([0, 1, 2, 3], {"test_fraction": 0.5}, "puts 0 of 4 .* each class keeps at least one"),
    ],
)
def test_an_empty_split(labels: list[int], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(numbered(4), labels, **options)


def test_a_seed_is_no_generator() -> None:
    seed: Any = 0
    with pytest.raises(TypeError, match=r"expected a generator such as np\.random"):
        Dataset.from_arrays(numbered(4), [0, 1, 0, 1], generator=seed)
