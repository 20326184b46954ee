"""MNIST and Fashion-MNIST, from a folder or from the network."""

import importlib
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nn.data.arrays import as_images
from nn.data.dataset import Dataset
from nn.data.errors import DataError
from nn.data.idx import read_idx
from nn.data.mat import load_mnist_mat

DATA_DIR_VARIABLE = "AUTODIFF_DATA_DIR"

_CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}
# Train images, train labels, test images, test labels.
_STEMS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
_MAT_FILE = "mnist_all.mat"
# CRC-32 of the elements of each set's files, in the order of ``_STEMS``.
_CRC32 = {
    "mnist": (0xF3639B56, 0xBA07E8EF, 0xE4CA5F57, 0xEE8604D9),
    "fashion-mnist": (0xAE65DCCD, 0x2ED6E46A, 0x12728439, 0x242BC73F),
}


def load_mnist(data_dir: str | os.PathLike[str] | None = None, *, name: str = "mnist") -> Dataset:
    """Load MNIST or Fashion-MNIST.

    The files come from ``data_dir``, else from the folder that the environment variable
    AUTODIFF_DATA_DIR names, else from the network: they are downloaded once, checked against
    their SHA-256 sums and kept in the user's cache (or in AUTODIFF_CACHE_DIR).

    Args:
        data_dir: A folder with the four IDX files, gzipped or not, or one in which a subfolder
            called ``name`` has them.  MNIST is also found as ``mnist_all.mat`` in these places,
            where its images come digit by digit (see ``load_mnist_mat``).
        name: "mnist" or "fashion-mnist".

    Returns:
        A data set of images (n, 1, 28, 28) float32 in [0, 1] and labels 0 to 9.

    Raises:
        DataError: A file is missing, is damaged, does not fit the others, belongs to the other set
            or cannot be downloaded.
        ImportError: Only ``mnist_all.mat`` was found, and SciPy is not installed.
        ValueError: ``name`` is neither of the two.

    >>> load_mnist()  # doctest: +SKIP
    Dataset('mnist', train=60000, test=10000, image_shape=(1, 28, 28), classes=10)
    >>> load_mnist("no/such/folder")
    Traceback (most recent call last):
    ...
    nn.data.errors.DataError: no/such/folder: expected a folder with the mnist files, found none
    """
    if name not in _CLASSES:
        raise ValueError(f"name: expected one of {', '.join(_CLASSES)}, got {name!r}")
    if data_dir is None:
        data_dir = os.environ.get(DATA_DIR_VARIABLE) or _download(name)
    found = _find_files(Path(data_dir), name)
    if isinstance(found, Path):
        return load_mnist_mat(found)
    arrays = [
        read_idx(path, shape=(None, 28, 28) if "images" in path.name else (None,), dtype=np.uint8)
        for path in found
    ]
    _refuse_the_other_set(found, arrays, name)
    train_images, train_labels, test_images, test_labels = arrays
    return Dataset(
        name=name,
        train_images=as_images(name, train_images),
        train_labels=train_labels.astype(np.int64),
        test_images=as_images(name, test_images),
        test_labels=test_labels.astype(np.int64),
        classes=_CLASSES[name],
    )


def _download(name: str) -> Path:
    # Imported here because the download library is slow to import and seldom needed.
    folder: Path = importlib.import_module("nn.data.download").fetch(name)
    return folder


def _find_files(data_dir: Path, name: str) -> list[Path] | Path:
    """Find the four files, in the order of ``_STEMS``, all in one folder; else the MATLAB file."""
    if not data_dir.is_dir():
        raise DataError(f"{data_dir}: expected a folder with the {name} files, found none")
    folders = [data_dir / name]
    # Both sets use the same file names: a folder called after one must not pass for the other.
    if data_dir.resolve().name not in _CLASSES.keys() - {name}:
        folders.append(data_dir)
    missing = []
    for folder in folders:
        found = [_find_file(folder, stem) for stem in _STEMS]
        files = [file for file in found if file is not None]
        if len(files) == len(_STEMS):
            return files
        missing += [
            f"  {folder}: none of {', '.join(_spellings(stem))}"
            for stem, file in zip(_STEMS, found, strict=True)
            if file is None
        ]
    alternative = ""
    if name == "mnist":
        for file in (folder / _MAT_FILE for folder in folders):
            if file.is_file():
                return file
        alternative = f", or {_MAT_FILE}"
    raise DataError(
        f"{data_dir}: expected the four {name} files together in one folder{alternative}; "
        "looked for\n" + "\n".join(missing)
    )


def _find_file(folder: Path, stem: str) -> Path | None:
    paths = (folder / spelling for spelling in _spellings(stem))
    return next((path for path in paths if path.is_file()), None)


def _spellings(stem: str) -> list[str]:
    dotted = stem.replace("-idx", ".idx")
    return [f"{base}-ubyte{suffix}" for base in (stem, dotted) for suffix in (".gz", "")]


def _refuse_the_other_set(files: list[Path], arrays: list[npt.NDArray[Any]], name: str) -> None:
    """Both sets use the same file names, so look at what the files hold."""
    for file, array, *sums in zip(files, arrays, *_CRC32.values(), strict=True):
        crc32 = zlib.crc32(array)
        for other, known in zip(_CRC32, sums, strict=True):
            if crc32 == known and other != name:
                raise DataError(
                    f"{file}: expected a file of {name}, this is that of {other}; "
                    f"load it with name={other!r}, or keep each set in a folder of its own name"
                )
