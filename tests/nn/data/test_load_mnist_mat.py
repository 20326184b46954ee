"""load_mnist_mat: the digits of mnist_all.mat, and what is said of files that are not it."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nn.data import DataError, load_mnist, load_mnist_mat

savemat: Any = pytest.importorskip("scipy.io").savemat
REAL_DATA_DIR = os.environ.get("AUTODIFF_DATA_DIR", "")


def tables(seed: int = 0) -> dict[str, Any]:
    """From 1 to 10 images of each digit to train on, 2 to test on."""
    generator = np.random.default_rng(seed)
    sizes = {f"train{digit}": digit + 1 for digit in range(10)}
    sizes |= {f"test{digit}": 2 for digit in range(10)}
    return {name: generator.integers(0, 256, (n, 784), dtype=np.uint8) for name, n in sizes.items()}


def written(path: Path, content: dict[str, Any], *, compressed: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content, do_compression=compressed)
    return path


def as_read(tables: dict[str, npt.NDArray[np.uint8]], split: str) -> npt.NDArray[np.float32]:
    rows = np.concatenate([tables[f"{split}{digit}"] for digit in range(10)])
    return (rows.reshape(-1, 1, 28, 28) / 255).astype(np.float32)


@pytest.mark.parametrize("compressed", [True, False])
def test_reads_the_tables(tmp_path: Path, compressed: bool) -> None:
    content = tables()
    extra = {"notes": "by hand", "train10": np.zeros(3)}
    path = written(tmp_path / "any.mat", content | extra, compressed=compressed)
    for data in (load_mnist_mat(path), load_mnist_mat(str(path))):
        assert (data.name, data.classes) == ("mnist", tuple("0123456789"))
        np.testing.assert_array_equal(data.train_images, as_read(content, "train"), strict=True)
        np.testing.assert_array_equal(data.test_images, as_read(content, "test"), strict=True)
        np.testing.assert_array_equal(data.train_labels, np.repeat(np.arange(10), range(1, 11)))
        np.testing.assert_array_equal(data.test_labels, np.repeat(np.arange(10), 2))


@pytest.mark.parametrize("folder", [".", "mnist"])
def test_is_found_where_there_are_no_idx_files(tmp_path: Path, folder: str) -> None:
    written(tmp_path / folder / "mnist_all.mat", tables())
    data = load_mnist(tmp_path)
    np.testing.assert_array_equal(data.test_images, as_read(tables(), "test"))


def test_does_not_pass_for_fashion(tmp_path: Path) -> None:
    written(tmp_path / "mnist_all.mat", tables())
    with pytest.raises(DataError, match="expected the four fashion-mnist files"):
        load_mnist(tmp_path, name="fashion-mnist")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "but the file has none of that name; it may be truncated"),
        (np.zeros((3, 784)), "got float64"),
        (np.zeros((3, 785), np.uint8), r"got shape \(3, 785\)"),
        (np.zeros((784, 3), np.uint8), r"got shape \(784, 3\)"),
        (np.zeros((3, 28, 28), np.uint8), r"got shape \(3, 28, 28\)"),
        (np.zeros((0, 784), np.uint8), r"got shape \(0, 784\)"),
        ("seven", "got <U5"),
        ({"rows": 3}, "got "),
    ],
)
def test_a_table_that_is_not_as_it_should_be(tmp_path: Path, table: Any, message: str) -> None:
    content = tables() | {"test7": table}
    if table is None:
        del content["test7"]
    path = written(tmp_path / "odd.mat", content)
    expected = r"odd\.mat: test7: expected a table of shape \(images, 784\) and type uint8, "
    with pytest.raises(DataError, match=expected + message):
        load_mnist_mat(path)


@pytest.mark.parametrize("compressed", [True, False])
def test_truncation(tmp_path: Path, compressed: bool) -> None:
    path = written(tmp_path / "cut.mat", tables(), compressed=compressed)
    content = path.read_bytes()
    for length in np.linspace(0, len(content) - 9, 60).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"cut\.mat: "):
            load_mnist_mat(path)


def test_a_flipped_byte_of_a_compressed_table(tmp_path: Path) -> None:
    path = written(tmp_path / "flipped.mat", tables())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"flipped\.mat: expected a MATLAB file of format 5"):
        load_mnist_mat(path)


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n" + bytes(600), b"no MATLAB" * 99])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.mat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"other\.mat: expected a MATLAB file of format 5"):
        load_mnist_mat(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.mat"):
        load_mnist_mat(tmp_path / "none.mat")


def test_without_scipy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "mnist_all.mat", tables())
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    for load in (lambda: load_mnist_mat(path), lambda: load_mnist(tmp_path)):
        with pytest.raises(ImportError, match=r"mnist_all\.mat: .* 'autodiff-explained\[scipy\]'"):
            load()


def test_the_real_file_has_the_images_of_the_idx_files() -> None:
    folder = Path(REAL_DATA_DIR)
    if not REAL_DATA_DIR or not (folder / "mnist_all.mat").is_file():
        pytest.skip("set AUTODIFF_DATA_DIR to a folder with mnist_all.mat to run this")
    tabled = load_mnist_mat(folder / "mnist_all.mat")
    assert len(tabled.train_labels) == 60000
    if not (folder / "mnist").is_dir():
        pytest.skip("AUTODIFF_DATA_DIR has no subfolder mnist")
    data = load_mnist(folder)
    for split in ("train", "test"):
        labels = getattr(data, f"{split}_labels")
        order = np.argsort(labels, kind="stable")
        np.testing.assert_array_equal(getattr(tabled, f"{split}_labels"), labels[order])
        images = getattr(data, f"{split}_images")[order]
        np.testing.assert_array_equal(getattr(tabled, f"{split}_images"), images)
