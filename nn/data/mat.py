"""MNIST from ``mnist_all.mat``, a MATLAB file in which each digit has a table of its own."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nn.data.arrays import as_images
from nn.data.dataset import Dataset
from nn.data.errors import DataError

_PIXELS = 28 * 28
_TABLES = [f"{split}{digit}" for split in ("train", "test") for digit in range(10)]


def load_mnist_mat(path: str | os.PathLike[str]) -> Dataset:
    """Load MNIST from the MATLAB file ``mnist_all.mat``, through SciPy.

    The file has twenty tables, ``train0`` to ``train9`` and ``test0`` to ``test9``: uint8, an image
    a row, its pixels row by row.  The images are those of the IDX files, and those of a digit come
    in the same order as there; but here the digits come one after another, all zeros first.  So
    take every twentieth image for a twentieth of the data, not the first ones.

    SciPy's reader was not made for hostile files: read those of a source that you trust.

    Args:
        path: The file, of MATLAB's format 5 (which is "-v7" and before, not "-v7.3").

    Returns:
        A data set of images (n, 1, 28, 28) float32 in [0, 1] and labels 0 to 9, in ascending order.

    Raises:
        DataError: The file is damaged, or a table is missing or not as described.
        ImportError: SciPy is not installed.
        OSError: The file cannot be opened.

    >>> load_mnist_mat("mnist_all.mat")  # doctest: +SKIP
    Dataset('mnist', train=60000, test=10000, image_shape=(1, 28, 28), classes=10)
    """
    path = Path(path)
    tables = _read_tables(path)
    found = [_checked(path, name, tables) for name in _TABLES]
    images = [np.concatenate(split).reshape(-1, 28, 28) for split in (found[:10], found[10:])]
    labels = [np.repeat(np.arange(10), [*map(len, split)]) for split in (found[:10], found[10:])]
    return Dataset(
        name="mnist",
        train_images=as_images("mnist", images[0]),
        train_labels=labels[0],
        test_images=as_images("mnist", images[1]),
        test_labels=labels[1],
        classes=tuple("0123456789"),
    )


def _read_tables(path: Path) -> dict[str, Any]:
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ImportError(
            f"{path}: MATLAB files are read by SciPy, which is not installed: "
            "pip install 'autodiff-explained[scipy]'"
        ) from None
    with path.open("rb") as file:
        try:
            tables: dict[str, Any] = loadmat(file, variable_names=_TABLES)
        # Damage shows in whatever exception the reader happens to stumble into.
        except Exception as error:
            raise DataError(
                f"{path}: expected a MATLAB file of format 5, SciPy cannot read it: {error}; "
                "fetch the file again"
            ) from error
    return tables


def _checked(path: Path, name: str, tables: dict[str, Any]) -> npt.NDArray[np.uint8]:
    wanted = f"{path}: {name}: expected a table of shape (images, {_PIXELS}) and type uint8"
    if name not in tables:
        raise DataError(f"{wanted}, but the file has none of that name; it may be truncated")
    table = tables[name]
    # Sparse matrices and cells are no arrays of uint8 either.
    dtype = getattr(table, "dtype", type(table).__name__)
    if not isinstance(table, np.ndarray) or dtype != np.uint8:
        raise DataError(f"{wanted}, got {dtype}")
    if table.ndim != 2 or table.shape[1] != _PIXELS or len(table) == 0:
        raise DataError(f"{wanted}, got shape {table.shape}")
    return table
