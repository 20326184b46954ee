"""read_idx: what is written comes back, and no damaged file passes or costs much memory."""

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nn.data import DataError, read_idx

CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}

# The file is rewritten in each example, so sharing the folder is harmless.
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def header(code: int, shape: tuple[int, ...]) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx_bytes(array: npt.NDArray[Any]) -> bytes:
    content = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return header(CODES[array.dtype.name], array.shape) + content


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def peak_bytes(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda name: hnp.arrays(
        dtype=name, shape=hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=5)
    )
)


@same_folder
@given(array=arrays, zipped=st.booleans())
def test_round_trip(tmp_path: Path, array: npt.NDArray[Any], zipped: bool) -> None:
    content = idx_bytes(array)
    path = written(tmp_path / "array", gzip.compress(content) if zipped else content)
    result = read_idx(path)
    np.testing.assert_array_equal(result, array, strict=True)
    assert result.dtype.isnative
    assert result.flags.c_contiguous
    assert result.flags.writeable


def test_round_trip_over_many_chunks(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(-999, 999, (700, 30, 31)).astype(np.int32)
    for content in (idx_bytes(array), gzip.compress(idx_bytes(array), 1)):
        np.testing.assert_array_equal(read_idx(written(tmp_path / "a", content)), array)


def test_big_endian_bytes_by_hand(tmp_path: Path) -> None:
    path = written(tmp_path / "a", bytes([0, 0, 0x0B, 1, 0, 0, 0, 2, 0x01, 0x02, 0xFF, 0xFE]))
    np.testing.assert_array_equal(read_idx(str(path)), np.array([258, -2], np.int16), strict=True)


def test_gzip_is_known_by_content_not_by_name(tmp_path: Path) -> None:
    array = np.arange(5, dtype=np.uint8)
    plain = written(tmp_path / "plain.gz", idx_bytes(array))
    zipped = written(tmp_path / "zipped", gzip.compress(idx_bytes(array)))
    np.testing.assert_array_equal(read_idx(plain), array)
    np.testing.assert_array_equal(read_idx(zipped), array)


def test_gzip_of_several_members(tmp_path: Path) -> None:
    array = np.arange(50, dtype=np.uint8)
    content = idx_bytes(array)
    path = written(tmp_path / "a.gz", gzip.compress(content[:20]) + gzip.compress(content[20:]))
    np.testing.assert_array_equal(read_idx(path), array)


def test_most_axes_that_numpy_has(tmp_path: Path) -> None:
    array = np.zeros((1,) * 64, np.uint8)
    assert read_idx(written(tmp_path / "a", idx_bytes(array))).shape == array.shape


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")


# Expectations.


@pytest.mark.parametrize("shape", [(2, 3), (None, 3), (None, None), [2, None], None])
@pytest.mark.parametrize("dtype", ["int16", ">i2", "<i2", np.int16, None])
def test_met_expectations(tmp_path: Path, shape: Any, dtype: Any) -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    path = written(tmp_path / "a", idx_bytes(array))
    np.testing.assert_array_equal(read_idx(path, shape=shape, dtype=dtype), array)


@pytest.mark.parametrize("shape", [(2, 4), (None, 4), (6,), (None, 2, 3), ()])
def test_unmet_shape(tmp_path: Path, shape: Any) -> None:
    path = written(tmp_path / "pairs", idx_bytes(np.zeros((2, 3), np.uint8)))
    with pytest.raises(DataError, match=r"pairs: expected shape .* says \(2, 3\)"):
        read_idx(path, shape=shape)


@pytest.mark.parametrize("dtype", [np.int8, np.float64, "int64"])
def test_unmet_dtype(tmp_path: Path, dtype: Any) -> None:
    path = written(tmp_path / "pairs", idx_bytes(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match=r"pairs: expected elements of .* says uint8"):
        read_idx(path, dtype=dtype)


def test_expectations_come_before_the_elements(tmp_path: Path) -> None:
    only_header = header(0x08, (1000, 5, 5))
    for content in (only_header, gzip.compress(only_header)):
        path = written(tmp_path / "a", content)
        with pytest.raises(DataError, match="expected shape"):
            read_idx(path, shape=(None, 28, 28))
        with pytest.raises(DataError, match="expected elements of float32"):
            read_idx(path, dtype="float32")


# Faults.


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated: expected a header of at least 8 bytes, got 0"),
        (b"\0\0\x08", "truncated: expected a header of at least 8 bytes, got 3"),
        (b"\0\0\x08\x02\0\0\0\x01", r"truncated: expected a header of 12 bytes \(2 axes\), got 8"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file: .* got 89 50 4e"),
        (b"\0\x01\x08\x01\0\0\0\0", "not an IDX file: .* got 00 01 08"),
        (b"\0\0\x0a\x01\0\0\0\0", "not an IDX file: .* got 00 00 0a"),
        (b"\0\0\x08\0\x05", "bad header: expected 1 to 64 axes, got 0"),
        (header(0x08, (1,) * 65) + b"\0", "bad header: expected 1 to 64 axes, got 65"),
        (header(0x08, (1,) * 255) + b"\0", "bad header: expected 1 to 64 axes, got 255"),
        (header(0x08, (2**31, 2**31, 2)), "bad header: expected a shape that fits in memory"),
        (header(0x0E, (0, 2**31, 2**31)), "bad header: expected a shape that fits in memory"),
        (header(0x08, (3,)) + b"abcd", "trailing bytes"),
        (header(0x08, (0,)) + b"a", "trailing bytes"),
        (header(0x08, (3,)) + b"ab", "truncated"),
    ],
)
def test_faults(tmp_path: Path, content: bytes, message: str, zipped: bool) -> None:
    path = written(tmp_path / "broken.idx", gzip.compress(content) if zipped else content)
    with pytest.raises(DataError, match=f"broken.idx: {message}"):
        read_idx(path)


@pytest.mark.parametrize("zipped", [False, True])
def test_truncation_at_any_byte(tmp_path: Path, zipped: bool) -> None:
    content = idx_bytes(np.arange(60, dtype=np.int32).reshape(3, 4, 5))
    content = gzip.compress(content) if zipped else content
    for length in range(len(content)):
        path = written(tmp_path / "cut", content[:length])
        with pytest.raises(DataError, match="cut: "):
            read_idx(path)


@pytest.mark.parametrize("zipped", [False, True])
def test_trailing_bytes(tmp_path: Path, zipped: bool) -> None:
    content = idx_bytes(np.arange(9, dtype=np.float32))
    content = gzip.compress(content) if zipped else content
    for extra in (b"x", b"\x1f\x8b", content):
        path = written(tmp_path / "long", content + extra)
        with pytest.raises(DataError, match="long: "):
            read_idx(path)


@same_folder
@given(data=st.data(), array=arrays)
def test_a_flipped_byte_in_gzip_never_changes_the_result(
    tmp_path: Path, data: st.DataObject, array: npt.NDArray[Any]
) -> None:
    content = bytearray(gzip.compress(idx_bytes(array)))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path = written(tmp_path / "flipped", bytes(content))
    # Some bits say nothing about the content: the time in the gzip header, the padding behind the
    # last code. All others, the checksum must notice.
    try:
        result = read_idx(path)
    except DataError:
        return
    np.testing.assert_array_equal(result, array, strict=True)


@same_folder
@given(content=st.binary(max_size=60), zipped=st.booleans(), as_idx=st.booleans())
def test_any_bytes_give_an_array_or_a_data_error(
    tmp_path: Path, content: bytes, zipped: bool, as_idx: bool
) -> None:
    content = b"\0\0\x08" + content if as_idx else content
    path = written(tmp_path / "any", gzip.compress(content) if zipped else content)
    try:
        result = read_idx(path)
    except DataError:
        return
    assert idx_bytes(result) == content


# Memory.


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(2**30, 2**30), (2**30,), (2**20, 2**13)])
def test_an_absurd_claim_costs_no_memory(
    tmp_path: Path, shape: tuple[int, ...], zipped: bool
) -> None:
    content = header(0x08, shape) + bytes(1000)
    path = written(tmp_path / "absurd", gzip.compress(content) if zipped else content)

    def read() -> None:
        with pytest.raises(DataError, match="absurd: truncated"):
            read_idx(path)

    assert peak_bytes(read) < 1e6


def gzip_of_zeros(start: bytes, n_zeros: int) -> bytes:
    """Compress `start` and then `n_zeros` zero bytes, in little memory."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [compressor.compress(start)]
    parts += [compressor.compress(block) for _ in range(n_zeros // len(block))]
    return b"".join([*parts, compressor.flush()])


@pytest.mark.parametrize("n_zeros", [2**23, 2**30])
def test_a_gzip_bomb_with_a_small_header(tmp_path: Path, n_zeros: int) -> None:
    content = gzip_of_zeros(header(0x08, (10, 28, 28)), n_zeros)
    assert len(content) < n_zeros / 1000
    path = written(tmp_path / "bomb", content)

    def read() -> None:
        with pytest.raises(DataError, match=r"bomb: trailing bytes: expected .* 7840 bytes"):
            read_idx(path)

    assert peak_bytes(read) < 1e6


def test_a_gzip_bomb_of_zeros_is_no_header(tmp_path: Path) -> None:
    path = written(tmp_path / "bomb", gzip_of_zeros(b"", 2**28))

    def read() -> None:
        with pytest.raises(DataError, match="bomb: not an IDX file"):
            read_idx(path)

    assert peak_bytes(read) < 1e6


def test_memory_grows_with_the_content_not_with_the_claim(tmp_path: Path) -> None:
    # Incompressible padding after the stream's end lets the claim pass the first check.
    content = gzip.compress(header(0x08, (10**9,)) + bytes(10**6))
    path = written(tmp_path / "claim", content + np.random.default_rng(0).bytes(10**6))

    def read() -> None:
        with pytest.raises(DataError, match="claim: "):
            read_idx(path)

    assert peak_bytes(read) < 4e6
