"""Data sets from folders of image files."""

from __future__ import annotations

import os
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

    >>> load_image_folder("pets", size=32)  # doctest: +SKIP
    Dataset('pets', train=80, test=20, image_shape=(3, 32, 32), classes=2)
    """
    root = Path(path)
    if channels not in _MODES:
        raise ValueError(f"channels: expected 1 (grey) or 3 (colour), got {channels!r}")
    shape = (size, size) if isinstance(size, int) else size
    if shape is not None and (len(shape) != 2 or min(shape) < 1):
        raise ValueError(f"size: expected a positive height and width, got {size!r}")
    name = root.resolve().name if name is None else name
    folders = {folder.name: folder for folder in _subfolders(root)}
    if not folders.keys() >= set(_SPLITS):
        images, labels = _read_classes(root, list(folders), shape, channels)
        return Dataset.from_arrays(
            images,
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
    images, labels = _read_classes(train, classes, shape, channels)
    test_data = _read_classes(test, classes, images.shape[2:], channels)
    return Dataset.from_arrays(images, labels, test=test_data, classes=classes, name=name)


def _subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name; those in it are expected to hold images."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with a subfolder of images per class")
    found = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not _is_hidden(entry))
    if not found:
        raise DataError(f"{folder}: expected a subfolder of images per class, found no subfolder")
    return found


def _is_hidden(entry: Path) -> bool:
    return entry.name.startswith(".") or entry.name.lower() in _OF_FILE_MANAGERS


def _read_classes(
    folder: Path, classes: list[str], shape: tuple[int, ...] | None, channels: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Read all images of some classes: (n, channels, height, width), and the numbers of classes."""
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    first: Path | None = None
    for label, name in enumerate(classes):
        if not (folder / name).is_dir():
            continue
        files = sorted(entry for entry in (folder / name).iterdir() if not _is_hidden(entry))
        if not files:
            raise DataError(f"{folder / name}: expected images of the class {name!r}, found none")
        for file in files:
            image = _read_image(file, shape, channels)
            if first is None:
                first = file
            elif image.shape != images[0].shape:
                raise DataError(
                    f"{file}: expected {images[0].shape[0]}x{images[0].shape[1]} pixels (height x "
                    f"width) as in {first}, got {image.shape[0]}x{image.shape[1]}; "
                    "set size= to resize all images"
                )
            images.append(image)
            labels.append(label)
    stacked = np.stack(images).reshape(len(images), *images[0].shape[:2], channels)
    return np.moveaxis(stacked, -1, 1), np.array(labels)


def _read_image(file: Path, shape: tuple[int, ...] | None, channels: int) -> npt.NDArray[np.uint8]:
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
