"""MNIST and Fashion-MNIST, from a folder or from the network."""

import importlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nn.data.dataset import Dataset
from nn.data.errors import DataError
from nn.data.idx import read_idx

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


def load_mnist(data_dir: str | os.PathLike[str] | None = None, *, name: str = "mnist") -> Dataset:
    """Load MNIST or Fashion-MNIST.

    The files come from ``data_dir``, else from the folder that the environment variable
    AUTODIFF_DATA_DIR names, else from the network: they are downloaded once, checked against
    their SHA-256 sums and kept in the user's cache (or in AUTODIFF_CACHE_DIR).

    Args:
        data_dir: A folder with the four IDX files, gzipped or not, or one in which a subfolder
            called ``name`` has them.
        name: "mnist" or "fashion-mnist".

    Returns:
        A data set of images (n, 1, 28, 28) float32 in [0, 1] and labels 0 to 9.

    Raises:
        DataError: A file is missing, is damaged, does not fit the others or cannot be downloaded.
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
    train_images, train_labels, test_images, test_labels = _find_files(Path(data_dir), name)
    return Dataset(
        name=name,
        train_images=_read_images(train_images),
        train_labels=_read_labels(train_labels),
        test_images=_read_images(test_images),
        test_labels=_read_labels(test_labels),
        classes=_CLASSES[name],
    )


def _download(name: str) -> Path:
    # Imported here because the download library is slow to import and seldom needed.
    folder: Path = importlib.import_module("nn.data.download").fetch(name)
    return folder


def _find_files(data_dir: Path, name: str) -> list[Path]:
    """Find the four files, in the order of ``_STEMS``, all in one folder."""
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
    raise DataError(
        f"{data_dir}: expected the four {name} files together in one folder; looked for\n"
        + "\n".join(missing)
    )


def _find_file(folder: Path, stem: str) -> Path | None:
    paths = (folder / spelling for spelling in _spellings(stem))
    return next((path for path in paths if path.is_file()), None)


def _spellings(stem: str) -> list[str]:
    dotted = stem.replace("-idx", ".idx")
    return [f"{base}-ubyte{suffix}" for base in (stem, dotted) for suffix in (".gz", "")]


def _read_images(path: Path) -> npt.NDArray[np.float32]:
    images = read_idx(path, shape=(None, 28, 28), dtype=np.uint8)
    scaled: npt.NDArray[np.float32] = np.divide(images, np.float32(255), dtype=np.float32)
    return scaled[:, np.newaxis]


def _read_labels(path: Path) -> npt.NDArray[np.int64]:
    return read_idx(path, shape=(None,), dtype=np.uint8).astype(np.int64)
