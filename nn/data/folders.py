"""Data sets from folders of image files."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nn.data.dataset import Dataset
from nn.data.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

_SPLITS = ("train", "test")
_MODES = {1: "L", 3: "RGB"}
# What file managers leave behind, besides hidden files.
_OF_FILE_MANAGERS = {"thumbs.db", "desktop.ini"}


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    channels: int = 3,
    test_fraction: float = 0.2,
    generator: np.random.Generator | None = None,
    stratified: bool = True,
    name: str | None = None,
) -> Dataset:
    """Load image files from a folder that has one subfolder per class.

    If it has subfolders ``train`` and ``test``, the classes are looked for in these, and the split
    is theirs; else it is made as in ``Dataset.from_arrays``.  Classes are in the order of their
    sorted names, images in that of classes and of sorted file names.  Hidden files are left out.

    Pillow reads the files: PNG, JPEG, BMP, GIF, TIFF, WebP and others; of several frames the first.
    Photographs are turned upright, as their camera says.

    Args:
        path: The folder.
        size: The height and width to resize to, with a bilinear filter, whatever the proportions;
            one number for squares. None: all images must have the same size.
        channels: 1 for shades of grey, to which colours are converted by their luma (ITU-R BT.601),
            or 3 for red, green and blue.
        test_fraction: The share of images in the test split, if the folder has none.
        generator: Chooses them. None: they are the last ones of each class.
        stratified: Whether each class has its share in the test split.
        name: What messages call the data set. None: the folder's name.

    Returns:
        A data set of images (n, channels, height, width) float32 in [0, 1].

    Raises:
        DataError: A folder or file is missing, is not what is described above, cannot be read, or
            has transparent pixels (of which Pillow does not know the colour that shows through).
        ValueError: An option is out of range.
        TypeError: ``size`` is made of other things than integers.

    >>> load_image_folder("pets", size=32)  # doctest: +SKIP
    Dataset('pets', train=80, test=20, image_shape=(3, 32, 32), classes=2)
    """
    root = Path(path)
    if channels not in _MODES:
        raise ValueError(f"channels: expected 1 (grey) or 3 (colour), got {channels!r}")
    shape = None if size is None else _height_and_width(size)
    name = root.resolve().name if name is None else name
    folders = {folder.name: folder for folder in _subfolders(root)}
    if not folders.keys() >= set(_SPLITS):
        files, labels = _find_images(root, list(folders))
        return Dataset.from_arrays(
            _read_images(files, shape, channels),
            labels,
            test_fraction=test_fraction,
            generator=generator,
            stratified=stratified,
            classes=tuple(folders),
            name=name,
        )
    if len(folders) > len(_SPLITS):
        raise DataError(
            f"{root}: expected no folder beside train and test, got {', '.join(folders)}"
        )
    train, test = (folders[split] for split in _SPLITS)
    classes = [folder.name for folder in _subfolders(train)]
    for folder in _subfolders(test):
        if folder.name not in classes:
            raise DataError(
                f"{folder}: expected a class that {train} has as well; it has {', '.join(classes)}"
            )
    files, labels = _find_images(train, classes)
    n_train = len(files)
    test_files, test_labels = _find_images(test, classes)
    images = _read_images(files + test_files, shape, channels)
    return Dataset.from_arrays(
        images[:n_train],
        labels,
        test=(images[n_train:], test_labels),
        classes=classes,
        name=name,
    )


def _height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    lengths = [*map(operator.index, size if isinstance(size, Sequence) else (size, size))]
    if len(lengths) != 2 or min(lengths) < 1:
        raise ValueError(f"size: expected a positive height and width, got {size!r}")
    return lengths[0], lengths[1]


def _subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name; those in it are expected to hold images."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with a subfolder of images per class")
    found = [entry for entry in _entries(folder) if entry.is_dir()]
    if not found:
        raise DataError(f"{folder}: expected a subfolder of images per class, found no subfolder")
    return found


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, in the same order on every system."""
    found = [
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and entry.name.lower() not in _OF_FILE_MANAGERS
    ]
    return sorted(found, key=lambda entry: entry.name)


def _find_images(folder: Path, classes: list[str]) -> tuple[list[Path], list[int]]:
    """The files of the classes, and the number of the class of each."""
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        if not (folder / name).is_dir():
            continue
        found = _entries(folder / name)
        if not found:
            raise DataError(f"{folder / name}: expected images of the class {name!r}, found none")
        files += found
        labels += [label] * len(found)
    return files, labels


def _read_images(
    files: list[Path], shape: tuple[int, int] | None, channels: int
) -> npt.NDArray[np.uint8]:
    """Read images, of one size or resized to one, as (n, channels, height, width)."""
    images: list[npt.NDArray[np.uint8]] = []
    for file in files:
        image = _read_image(file, shape, channels)
        if images and image.shape != images[0].shape:
            wanted, got = (
                f"{height}x{width}" for height, width, *_ in (images[0].shape, image.shape)
            )
            raise DataError(
                f"{file}: expected {wanted} pixels (height x width) as in {files[0]}, got {got}; "
                "set size= to resize all images"
            )
        images.append(image)
    stacked = np.stack(images)
    return stacked[:, np.newaxis] if channels == 1 else np.moveaxis(stacked, -1, 1)


def _read_image(file: Path, shape: tuple[int, int] | None, channels: int) -> npt.NDArray[np.uint8]:
    """Read an image as (height, width) or (height, width, 3)."""
    from PIL import Image, ImageOps

    if not file.is_file():
        raise DataError(f"{file}: expected an image file, which is all that classes' folders hold")
    try:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened)
        if upright.mode.startswith("I;16"):
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
        _check_convertible(file, upright)
        converted = upright.convert(_MODES[channels])
        if shape is not None:
            height, width = shape
            converted = converted.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(converted)
    except DataError:
        raise
    # Damage shows in whatever exception the decoder of the format happens to stumble into.
    except Exception as error:
        raise DataError(
            f"{file}: expected an image file, Pillow cannot read it: {error}"
        ) from error


def _check_convertible(file: Path, image: Image) -> None:
    """Refuse what Pillow's ``convert`` would clip to 8 bits, or strip of its alpha channel."""
    if image.mode in ("I", "F"):
        raise DataError(
            f"{file}: expected whole numbers of 8 or 16 bits per channel, got Pillow's mode "
            f"{image.mode}, whose range is not known; convert the image first"
        )
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        raise DataError(
            f"{file}: expected an opaque image, got transparent pixels; lay it on a background "
            "first"
        )
