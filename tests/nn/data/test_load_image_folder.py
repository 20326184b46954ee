"""load_image_folder: pixels as they are in the files, and errors that name the file."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from nn.data import DataError, load_image_folder

Pixels = npt.NDArray[Any]


def pixels(seed: int = 0, shape: tuple[int, ...] = (5, 6, 3)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, image: Pixels | Image.Image, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image.save(path, **options)
    return path


def as_stored(image: Pixels) -> npt.NDArray[np.float32]:
    return (np.moveaxis(image, -1, 0) / 255).astype(np.float32)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes with three images each, made in an order that is not the sorted one."""
    for i, name in enumerate(["dog/2", "cat/10", "cat/9", "dog/1", "dog/3", "cat/x"]):
        save(tmp_path / "pets" / f"{name}.png", pixels(i))
    return tmp_path / "pets"


def test_classes_and_files_in_sorted_order(pets: Path) -> None:
    data = load_image_folder(pets, test_fraction=0.4)
    assert repr(data) == "Dataset('pets', train=4, test=2, image_shape=(3, 5, 6), classes=2)"
    assert data.classes == ("cat", "dog")
    assert data.train_labels.tolist() == [0, 0, 1, 1]
    expected = [as_stored(pixels(i)) for i in (1, 2, 3, 0)]
    np.testing.assert_array_equal(data.train_images, expected, strict=True)
    np.testing.assert_array_equal(data.test_images, [as_stored(pixels(i)) for i in (5, 4)])


def test_a_random_split_by_generator(pets: Path) -> None:
    def tested(seed: int) -> list[float]:
        data = load_image_folder(str(pets), generator=np.random.default_rng(seed), name="mine")
        assert data.name == "mine"
        return [float(image.sum()) for image in data.test_images]

    assert tested(0) == tested(0)
    assert len({tuple(tested(seed)) for seed in range(20)}) > 2


def test_train_and_test_folders(tmp_path: Path) -> None:
    for i, name in enumerate(["train/b/1", "train/a/1", "train/c/1", "test/c/1", "test/a/1"]):
        save(tmp_path / f"{name}.png", pixels(i))
    data = load_image_folder(tmp_path)
    assert data.classes == ("a", "b", "c")
    assert data.train_labels.tolist() == [0, 1, 2]
    assert data.test_labels.tolist() == [0, 2]
    np.testing.assert_array_equal(data.train_images, [as_stored(pixels(i)) for i in (1, 0, 2)])
    np.testing.assert_array_equal(data.test_images, [as_stored(pixels(i)) for i in (4, 3)])
    save(tmp_path / "test" / "d" / "1.png", pixels())
    with pytest.raises(
        DataError, match=r"d: expected a class that .*train has as well; it has a, "
    ):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "gif", "jpg", "PNG"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    # Of one colour, so that lossy formats lose nothing to speak of.
    image = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    for i in range(2):
        save(tmp_path / "only" / f"{i}.{suffix}", image)
    data = load_image_folder(tmp_path, test_fraction=0.5)
    np.testing.assert_allclose(data.train_images[0], as_stored(image), atol=2 / 255)


def test_grey_is_the_luma(tmp_path: Path) -> None:
    for i in range(2):
        save(tmp_path / "only" / f"{i}.png", pixels(i))
    data = load_image_folder(tmp_path, channels=1, test_fraction=0.5)
    assert data.train_images.shape == (1, 1, 5, 6)
    luma = pixels(0) @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(data.train_images[0, 0], luma, atol=1 / 255)


def test_grey_files_as_colours_and_16_bits(tmp_path: Path) -> None:
    grey = pixels(shape=(5, 6))
    save(tmp_path / "only" / "0.png", grey)
    save(tmp_path / "only" / "1.png", grey.astype(np.uint16) * 257)
    data = load_image_folder(tmp_path, test_fraction=0.5)
    expected = np.stack([grey / 255] * 3).astype(np.float32)
    np.testing.assert_array_equal(data.train_images[0], expected)
    np.testing.assert_array_equal(data.test_images[0], expected)


def test_palettes_and_opaque_alpha(tmp_path: Path) -> None:
    image = np.full((4, 4, 3), (0, 51, 255), np.uint8)
    image[0] = (255, 0, 102)
    save(tmp_path / "only" / "0.png", Image.fromarray(image).convert("P", palette=1))
    save(tmp_path / "only" / "1.png", np.dstack([image, np.full((4, 4), 255, np.uint8)]))
    data = load_image_folder(tmp_path, test_fraction=0.5)
    np.testing.assert_array_equal(data.train_images[0], as_stored(image))
    np.testing.assert_array_equal(data.test_images[0], as_stored(image))


@pytest.mark.parametrize(
    ("size", "expected"), [(4, (4, 4)), (np.int64(4), (4, 4)), ((3, 8), (3, 8)), ([3, 8], (3, 8))]
)
def test_resizing(tmp_path: Path, size: Any, expected: tuple[int, int]) -> None:
    # Brighter from left to right, in files of different sizes.
    for i, width in enumerate([20, 33]):
        ramp = np.broadcast_to(np.linspace(0, 255, width), (12, width)).astype(np.uint8)
        save(tmp_path / "only" / f"{i}.png", ramp)
    data = load_image_folder(tmp_path, size=size, channels=1, test_fraction=0.5)
    for image in (data.train_images[0, 0], data.test_images[0, 0]):
        assert image.shape == expected
        assert (np.diff(image, axis=1) > 0).all()
        assert (np.diff(image, axis=0) == 0).all()


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to show
    for i in range(2):
        save(tmp_path / "only" / f"{i}.png", pixels(i), exif=exif)
    data = load_image_folder(tmp_path, test_fraction=0.5)
    np.testing.assert_array_equal(data.train_images[0], as_stored(np.rot90(pixels(0), -1)))


def test_hidden_files_are_left_out(pets: Path) -> None:
    for name in ("cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "README"):
        (pets / name).write_text("not an image")
    (pets / ".git").mkdir()
    assert len(load_image_folder(pets).train_labels) == 5


# Errors.


def test_images_of_different_sizes(pets: Path) -> None:
    save(pets / "dog" / "2.png", pixels(shape=(6, 5, 3)))
    message = r"dog.2\.png: expected 5x6 pixels .* as in .*cat.10\.png, got 6x5; set size="
    with pytest.raises(DataError, match=message):
        load_image_folder(pets)
    assert load_image_folder(pets, size=(5, 6)).train_images.shape[1:] == (3, 5, 6)


def test_sizes_that_differ_between_splits(tmp_path: Path) -> None:
    save(tmp_path / "train" / "a" / "1.png", pixels())
    save(tmp_path / "test" / "a" / "1.png", pixels(shape=(6, 5, 3)))
    with pytest.raises(DataError, match=r"test.a.1\.png: expected 5x6 pixels .*train.*got 6x5"):
        load_image_folder(tmp_path)


def test_damaged_files(pets: Path) -> None:
    whole = {}
    for suffix in ("PNG", "JPEG", "BMP", "TIFF", "GIF"):
        buffer = io.BytesIO()
        Image.fromarray(pixels(shape=(5, 6, 3))).save(buffer, suffix)
        whole[suffix] = buffer.getvalue()
    cut = [content[: len(content) // 2] for content in whole.values()]
    flipped = bytearray(whole["PNG"])
    flipped[len(flipped) // 2] ^= 1
    for content in (*cut, bytes(flipped), b"", b"not an image"):
        (pets / "dog" / "2.png").write_bytes(content)
        with pytest.raises(DataError, match=r"dog.2\.png: expected an image file, Pillow cannot"):
            load_image_folder(pets)


def test_transparent_pixels(pets: Path) -> None:
    alpha = np.full((5, 6), 255, np.uint8)
    alpha[2, 3] = 254
    save(pets / "cat" / "9.png", np.dstack([pixels(), alpha]))
    with pytest.raises(DataError, match=r"cat.9\.png: expected an opaque image, got transparent"):
        load_image_folder(pets)


def test_pixels_of_unknown_range(pets: Path) -> None:
    save(pets / "cat" / "9.tiff", np.ones((5, 6), np.float32))
    with pytest.raises(DataError, match=r"cat.9\.tiff: expected whole numbers .* Pillow's mode F"):
        load_image_folder(pets)


def test_folders_that_are_not_as_described(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: expected a folder with a subfolder of images"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="cat: expected a subfolder of images per class, found no"):
        load_image_folder(pets / "cat")
    (pets / "cat" / "kittens").mkdir()
    with pytest.raises(DataError, match="kittens: expected an image file, which is all"):
        load_image_folder(pets)
    (pets / "cat" / "kittens").rmdir()
    (pets / "eel").mkdir()
    with pytest.raises(DataError, match="eel: expected images of the class 'eel', found none"):
        load_image_folder(pets)
    for name in ("train", "test"):
        (pets / name).mkdir()
    with pytest.raises(DataError, match="expected no folder beside train and test, got cat, dog, "):
        load_image_folder(pets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 4}, r"channels: expected 1 \(grey\) or 3 \(colour\), got 4"),
        ({"size": 0}, "size: expected a positive height and width, got 0"),
        ({"size": (3, -1)}, r"size: expected a positive height and width, got \(3, -1\)"),
        ({"size": (3, 3, 3)}, "size: expected a positive height and width"),
        ({"test_fraction": 2}, "test_fraction: expected between 0 and 1, got 2"),
    ],
)
def test_bad_options(pets: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_image_folder(pets, **options)


@pytest.mark.parametrize("size", [2.5, (3, 4.0), ("3", 4)])
def test_sizes_that_are_no_integers(pets: Path, size: Any) -> None:
    with pytest.raises(TypeError):
        load_image_folder(pets, size=size)
