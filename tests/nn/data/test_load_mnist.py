"""load_mnist: where it looks, what it checks, and what it says without a network."""

import functools
import gzip
import hashlib
import http.server
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nn.data import DataError, Dataset, download, load_mnist, mnist, read_idx

# Read at import, before `no_data_dir` removes the variable.
REAL_DATA_DIR = os.environ.get("AUTODIFF_DATA_DIR", "")
NAMES = ["mnist", "fashion-mnist"]
DASHED = [f"{stem}-ubyte" for stem in mnist._STEMS]
DOTTED = [name.replace("-idx", ".idx") for name in DASHED]


def idx_bytes(array: npt.NDArray[Any]) -> bytes:
    start = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return start + array.astype(np.uint8).tobytes()


def tiny_arrays(n_train: int = 7, n_test: int = 3, seed: int = 0) -> list[npt.NDArray[Any]]:
    generator = np.random.default_rng(seed)
    arrays: list[npt.NDArray[Any]] = []
    for n in (n_train, n_test):
        arrays.append(generator.integers(0, 256, (n, 28, 28)))
        arrays.append(generator.integers(0, 10, n))
    return arrays


def write_files(
    folder: Path,
    arrays: list[npt.NDArray[Any]],
    file_names: list[str] = DASHED,
    zipped: bool = True,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, array in zip(file_names, arrays, strict=True):
        content = idx_bytes(array)
        if zipped:
            (folder / f"{file_name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / file_name).write_bytes(content)


def assert_holds(dataset: Dataset, arrays: list[npt.NDArray[Any]]) -> None:
    train_images, train_labels, test_images, test_labels = arrays
    np.testing.assert_array_equal(
        dataset.train_images, (train_images / 255).astype(np.float32)[:, None], strict=True
    )
    np.testing.assert_array_equal(
        dataset.test_images, (test_images / 255).astype(np.float32)[:, None], strict=True
    )
    np.testing.assert_array_equal(dataset.train_labels, train_labels, strict=True)
    np.testing.assert_array_equal(dataset.test_labels, test_labels, strict=True)


@pytest.fixture(autouse=True)
def no_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTODIFF_DATA_DIR", raising=False)


# Folders.


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file_names", [DASHED, DOTTED])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("in_subfolder", [True, False])
def test_reads_a_folder(
    tmp_path: Path, name: str, file_names: list[str], zipped: bool, in_subfolder: bool
) -> None:
    arrays = tiny_arrays()
    write_files(tmp_path / name if in_subfolder else tmp_path, arrays, file_names, zipped)
    dataset = load_mnist(tmp_path, name=name)
    assert_holds(dataset, arrays)
    assert dataset.name == name
    assert len(dataset.classes) == 10
    assert_holds(load_mnist(str(tmp_path), name=name), arrays)


def test_takes_the_folder_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODIFF_DATA_DIR", str(tmp_path / "a"))
    in_a, in_b = tiny_arrays(seed=1), tiny_arrays(seed=2)
    write_files(tmp_path / "a", in_a)
    write_files(tmp_path / "b", in_b)
    assert_holds(load_mnist(), in_a)
    assert_holds(load_mnist(tmp_path / "b"), in_b)


def test_each_set_from_its_own_subfolder(tmp_path: Path) -> None:
    arrays = {name: tiny_arrays(seed=seed) for seed, name in enumerate(NAMES)}
    for name in NAMES:
        write_files(tmp_path / name, arrays[name])
    for name in NAMES:
        assert_holds(load_mnist(tmp_path, name=name), arrays[name])
        assert_holds(load_mnist(tmp_path / name, name=name), arrays[name])


def test_the_folder_of_one_set_does_not_pass_for_the_other(tmp_path: Path) -> None:
    write_files(tmp_path / "mnist", tiny_arrays())
    with pytest.raises(DataError, match="expected the four fashion-mnist files"):
        load_mnist(tmp_path / "mnist", name="fashion-mnist")


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_the_other_set_under_the_same_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, position: int, zipped: bool
) -> None:
    arrays = {name: tiny_arrays(seed=seed) for seed, name in enumerate(NAMES)}
    sums = {name: [zlib.crc32(a.astype(np.uint8)) for a in arrays[name]] for name in NAMES}
    monkeypatch.setattr(mnist, "_CRC32", sums)
    for name, other in (NAMES, NAMES[::-1]):
        mixed = arrays[name].copy()
        mixed[position] = arrays[other][position]
        write_files(tmp_path, mixed, zipped=zipped)
        message = f"{DASHED[position]}.*: expected a file of {name}, this is that of {other}; load"
        with pytest.raises(DataError, match=message):
            load_mnist(tmp_path, name=name)
        write_files(tmp_path, arrays[name], zipped=zipped)
        assert_holds(load_mnist(tmp_path, name=name), arrays[name])


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: expected a folder with the mnist files"):
        load_mnist(tmp_path / "nowhere")


def test_missing_file_lists_names_and_places(tmp_path: Path) -> None:
    write_files(tmp_path, tiny_arrays())
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        load_mnist(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[-1] == (
        f"  {tmp_path}: none of t10k-labels-idx1-ubyte.gz, t10k-labels-idx1-ubyte, "
        "t10k-labels.idx1-ubyte.gz, t10k-labels.idx1-ubyte"
    )
    assert len(lines) == 1 + 4 + 1
    assert all(line.startswith(f"  {tmp_path / 'mnist'}: none of ") for line in lines[1:5])


def test_files_of_two_folders_are_not_mixed(tmp_path: Path) -> None:
    arrays = tiny_arrays()
    write_files(tmp_path, arrays[:2], DASHED[:2])
    write_files(tmp_path / "mnist", arrays[2:], DASHED[2:])
    with pytest.raises(DataError, match=r"together in one folder, or mnist_all\.mat; looked"):
        load_mnist(tmp_path)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="name: expected one of mnist, fashion-mnist, got 'letter"):
        load_mnist(name="letters")


# Cross-checks.


@pytest.mark.parametrize(
    ("position", "array", "message"),
    [
        (0, np.zeros((7, 28, 27)), r"train-images-.*: expected shape \(None, 28, 28\)"),
        (0, np.zeros((6, 28, 28)), r"train_labels: expected shape \(6,\), one label per image"),
        (1, np.zeros((7, 1)), r"train-labels-.*: expected shape \(None,\)"),
        (1, np.full(7, 10), "train_labels: expected labels in 0..9"),
        (2, np.zeros((4, 28, 28)), r"test_labels: expected shape \(4,\), one label per image"),
        (3, np.full(3, 255), "test_labels: expected labels in 0..9"),
    ],
)
def test_files_that_do_not_fit(
    tmp_path: Path, position: int, array: npt.NDArray[Any], message: str
) -> None:
    arrays = tiny_arrays()
    arrays[position] = array
    write_files(tmp_path, arrays)
    with pytest.raises(DataError, match=message):
        load_mnist(tmp_path)


def test_images_of_another_type(tmp_path: Path) -> None:
    write_files(tmp_path, tiny_arrays(), zipped=False)
    path = tmp_path / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[2] = 0x09
    path.write_bytes(content)
    with pytest.raises(DataError, match="train-images-idx3-ubyte: expected elements of uint8"):
        load_mnist(tmp_path)


def test_damaged_file(tmp_path: Path) -> None:
    write_files(tmp_path, tiny_arrays())
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz: truncated"):
        load_mnist(tmp_path)


# Download.


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A closed local port for a mirror, its sums those of tiny files, and an empty cache."""
    monkeypatch.setenv("AUTODIFF_CACHE_DIR", str(tmp_path / "cache"))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setitem(download.URLS, "mnist", f"http://127.0.0.1:{port}/files/")
    folder = tmp_path / "files"
    write_files(folder, tiny_arrays())
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setitem(download.SHA256, "mnist", sums)
    return folder


@pytest.fixture
def running_mirror(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same mirror, serving."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(mirror.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setitem(
            download.URLS, "mnist", f"http://127.0.0.1:{server.server_address[1]}/files/"
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield mirror
        server.shutdown()
        thread.join()


def test_without_a_network(mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_mnist()
    message = str(caught.value)
    first = next(iter(download.SHA256["mnist"]))
    assert message.startswith(f"{first}: could not be downloaded from {download.URLS['mnist']}")
    assert str(tmp_path / "cache" / "mnist") in message
    for way_out in ("data_dir=", "--data-dir", "AUTODIFF_DATA_DIR"):
        assert way_out in message


def test_downloads_once(running_mirror: Path, tmp_path: Path) -> None:
    assert_holds(load_mnist(), tiny_arrays())
    for path in running_mirror.iterdir():
        assert (tmp_path / "cache" / "mnist" / path.name).read_bytes() == path.read_bytes()
        path.unlink()
    assert_holds(load_mnist(), tiny_arrays())


def test_refuses_a_download_with_another_sum(running_mirror: Path, tmp_path: Path) -> None:
    write_files(running_mirror, tiny_arrays(seed=5))
    with pytest.raises(DataError, match=r"(?s)could not be downloaded.*hash"):
        load_mnist()
    assert not any((tmp_path / "cache" / "mnist").iterdir())


def test_a_file_that_the_mirror_lacks(running_mirror: Path) -> None:
    (running_mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: could not .* 404"):
        load_mnist()


def test_the_mirrors_have_sums_for_all_files() -> None:
    for name in NAMES:
        assert sorted(download.SHA256[name]) == sorted(f"{file}.gz" for file in DASHED)
        assert download.URLS[name].endswith("/")


def test_importing_the_data_package_imports_no_heavy_library() -> None:
    heavy = {"pooch", "PIL", "scipy"}
    code = f"import nn.data, sys; sys.exit(not {heavy}.isdisjoint(sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


# The real files.


@pytest.fixture(scope="module")
def real_data_dir() -> Path:
    data_dir = Path(REAL_DATA_DIR)
    if not REAL_DATA_DIR or not data_dir.is_dir():
        pytest.skip("set AUTODIFF_DATA_DIR to a folder with mnist/ and fashion-mnist/ to run this")
    return data_dir


@pytest.mark.parametrize("name", NAMES)
def test_real_files(real_data_dir: Path, name: str) -> None:
    if not (real_data_dir / name).is_dir():
        pytest.skip(f"AUTODIFF_DATA_DIR has no subfolder {name}")
    dataset = load_mnist(real_data_dir, name=name)
    assert dataset.train_images.shape == (60000, 1, 28, 28)
    assert dataset.test_images.shape == (10000, 1, 28, 28)
    assert (dataset.train_images.min(), dataset.train_images.max()) == (0, 1)
    np.testing.assert_array_equal(np.unique(dataset.test_labels), np.arange(10))
    if name == "mnist":
        assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
        assert dataset.train_images.mean() == pytest.approx(0.1307, abs=1e-4)
    else:
        assert dataset.classes[dataset.train_labels[0]] == "Ankle boot"
        assert dataset.train_images.mean() == pytest.approx(0.2860, abs=1e-4)


@pytest.mark.parametrize(("name", "other"), [NAMES, NAMES[::-1]])
def test_real_files_of_the_other_set(
    real_data_dir: Path, tmp_path: Path, name: str, other: str
) -> None:
    for file in DASHED:
        if not (real_data_dir / other / f"{file}.gz").is_file():
            pytest.skip(f"AUTODIFF_DATA_DIR has no {other}/{file}.gz")
        (tmp_path / f"{file}.gz").symlink_to(real_data_dir / other / f"{file}.gz")
    with pytest.raises(DataError, match=f"expected a file of {name}, this is that of {other}"):
        load_mnist(tmp_path, name=name)


@pytest.mark.parametrize("name", NAMES)
def test_real_files_have_the_known_checksums(real_data_dir: Path, name: str) -> None:
    for file, expected in zip(DASHED, mnist._CRC32[name], strict=True):
        path = real_data_dir / name / f"{file}.gz"
        if not path.is_file():
            pytest.skip(f"AUTODIFF_DATA_DIR has no {name}/{file}.gz")
        assert zlib.crc32(read_idx(path)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_real_files_have_the_sums_that_a_download_must_have(real_data_dir: Path, name: str) -> None:
    for file_name, expected in download.SHA256[name].items():
        path = real_data_dir / name / file_name
        if not path.is_file():
            pytest.skip(f"AUTODIFF_DATA_DIR has no {name}/{file_name}")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == expected
