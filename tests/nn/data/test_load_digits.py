"""load_digits: the embedded images, their split and their enlargement."""

from importlib.resources import files

import numpy as np
import pytest

from nn.data import load_digits


def test_default() -> None:
    digits = load_digits()
    assert digits.train_images.shape == (1437, 1, 28, 28)
    assert digits.test_images.shape == (360, 1, 28, 28)
    assert digits.classes == tuple("0123456789")
    assert digits.train_images.min() == 0
    assert digits.train_images.max() <= 1


def test_split_is_fixed_whole_and_stratified() -> None:
    with files("nn.data").joinpath("optdigits/digits.npz").open("rb") as file, np.load(file) as npz:
        train, test, labels = npz["train_index"], npz["test_index"], npz["labels"]
        images = npz["images"]
    assert sorted([*train, *test]) == list(range(1797))
    digits = load_digits(8)
    np.testing.assert_array_equal(digits.train_labels, labels[train])
    np.testing.assert_array_equal(digits.test_labels, labels[test])
    np.testing.assert_array_equal(digits.train_images[:, 0] * 16, images[train])
    np.testing.assert_array_equal(digits.test_images[:, 0] * 16, images[test])
    share = np.bincount(labels[test], minlength=10) / np.bincount(labels, minlength=10)
    np.testing.assert_allclose(share, 360 / 1797, atol=0.005)


def test_is_the_data_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    original = datasets.load_digits()
    digits = load_digits(8)
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(-1, 64) * 16
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    ours = np.column_stack([images, labels])
    theirs = np.column_stack([original.data, original.target])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


@pytest.mark.parametrize("size", [8, 9, 12, 16, 27, 28, 32])
def test_sizes(size: int) -> None:
    images = load_digits(size).test_images
    assert images.shape == (360, 1, size, size)
    assert images.min() == 0
    assert 0.99 < images.max() <= 1


def test_enlargement_is_bilinear_pixel_by_pixel() -> None:
    stored = load_digits(8).test_images[7, 0].astype(np.float64)
    enlarged = load_digits(28).test_images[7, 0]
    padded = np.pad(stored, 2)
    for row in range(28):
        for column in range(28):
            # The stored image covers pixels 4 to 23; padded index 2 is its first row.
            y, x = (np.array([row, column]) + 0.5 - 4) * 8 / 20 - 0.5 + 2
            y0, x0 = int(np.floor(y)), int(np.floor(x))
            if not (0 <= y0 < 11 and 0 <= x0 < 11):
                assert enlarged[row, column] == 0
                continue
            (a, b), (c, d) = padded[y0 : y0 + 2, x0 : x0 + 2]
            top, bottom = a + (b - a) * (x - x0), c + (d - c) * (x - x0)
            assert enlarged[row, column] == pytest.approx(top + (bottom - top) * (y - y0), abs=1e-6)


def test_margin_is_that_of_mnist() -> None:
    images = load_digits().train_images
    margin = np.ones((28, 28), dtype=bool)
    # Interpolation towards the black surroundings reaches one pixel beyond the middle 20.
    margin[3:25, 3:25] = False
    assert not images[:, 0, margin].any()
    assert images[:, 0, 4].any()
    assert images[:, 0, 23].any()


def test_calls_agree() -> None:
    np.testing.assert_array_equal(load_digits().test_images, load_digits().test_images)


@pytest.mark.parametrize("size", [7, 0, -28])
def test_too_small(size: int) -> None:
    with pytest.raises(ValueError, match=f"size: expected at least 8, .* got {size}"):
        load_digits(size)


def test_no_integer() -> None:
    with pytest.raises(TypeError):
        load_digits(28.0)  # type: ignore[arg-type]
