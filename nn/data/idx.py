"""Reader for IDX, the array format of the MNIST files.

A file holds two zero bytes, a type code, the number of axes, one big-endian uint32 per axis, and
then the elements in C order, big-endian.  Nothing the header claims is believed until the file has
shown that it can hold it, so a damaged or hostile file costs an error, not the machine's memory.
"""

import gzip
import io
import math
import os
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nn.data.errors import DataError

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_GZIP_MAGIC = b"\x1f\x8b"
# Deflate's shortest code for its longest match: 2 bits for 258 bytes.
_MOST_BYTES_PER_GZIP_BYTE = 258 * 8 // 2
_MAX_NDIM = 64  # numpy's limit
_CHUNK = 1 << 18


def read_idx(
    path: str | os.PathLike[str],
    *,
    shape: Sequence[int | None] | None = None,
    dtype: npt.DTypeLike | None = None,
) -> npt.NDArray[Any]:
    """Read an IDX file, gzipped or not (the content decides, not the name).

    Args:
        path: The file to read.
        shape: The shape it must have, ``None`` standing for any length, as in ``(None, 28, 28)``.
        dtype: The type its elements must have.

    Returns:
        A new array of the file's shape and type, native-endian, C-contiguous and writable.

    Raises:
        DataError: The file is no IDX file, is damaged, truncated or too long, or is not of the
            expected shape and dtype (these two are checked before the elements are read).
        OSError: The file cannot be opened or read.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "pairs.idx")
    ...     _ = file.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 10, 20, 30, 40]))
    ...     read_idx(file, shape=(None, 2), dtype="uint8")
    array([[10, 20],
           [30, 40]], dtype=uint8)
    """
    path = Path(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        if not zipped:
            return _read_array(path, file, size, zipped, shape, dtype)
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                return _read_array(path, stream, size, zipped, shape, dtype)
        except EOFError as error:
            raise DataError(
                f"{path}: truncated: the gzip stream stops before its end marker, after {size} "
                "compressed bytes; fetch the file again"
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{path}: corrupt gzip stream: expected valid compressed data, got: {error}; "
                "fetch the file again"
            ) from error


def _read_array(
    path: Path,
    stream: io.BufferedIOBase,
    file_size: int,
    zipped: bool,
    wanted_shape: Sequence[int | None] | None,
    wanted_dtype: npt.DTypeLike | None,
) -> npt.NDArray[Any]:
    dtype, shape = _read_header(path, stream)
    _check_expectations(path, dtype, shape, wanted_dtype, wanted_shape)
    n_bytes = math.prod(shape) * dtype.itemsize
    header_bytes = 4 + 4 * len(shape)
    if zipped:
        _check_gzip_size(path, header_bytes + n_bytes, file_size)
    else:
        _check_plain_size(path, header_bytes + n_bytes, file_size)
    payload = _read_payload(path, stream, n_bytes)
    array: npt.NDArray[Any] = np.ndarray(shape, dtype, buffer=payload)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(path: Path, stream: io.BufferedIOBase) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise DataError(
            f"{path}: truncated: expected a header of at least 8 bytes, got {len(magic)}"
        )
    zeros, code, ndim = magic[:2], magic[2], magic[3]
    if zeros != b"\0\0" or code not in _DTYPES:
        known = " ".join(f"{code:02x}" for code in _DTYPES)
        raise DataError(
            f"{path}: not an IDX file: expected it to begin with 00 00 and a type code "
            f"(one of {known}), got {magic[:3].hex(' ')}"
        )
    if not 1 <= ndim <= _MAX_NDIM:
        raise DataError(f"{path}: bad header: expected 1 to {_MAX_NDIM} axes, got {ndim}")
    lengths = stream.read(4 * ndim)
    if len(lengths) < 4 * ndim:
        raise DataError(
            f"{path}: truncated: expected a header of {4 + 4 * ndim} bytes ({ndim} axes), "
            f"got {4 + len(lengths)}"
        )
    dtype, shape = _DTYPES[code], struct.unpack(f">{ndim}I", lengths)
    # numpy refuses such a shape even where another axis has length 0.
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize > sys.maxsize:
        raise DataError(
            f"{path}: bad header: expected a shape that fits in memory, got {shape} of {dtype.name}"
        )
    return dtype, shape


def _check_expectations(
    path: Path,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    wanted_dtype: npt.DTypeLike | None,
    wanted_shape: Sequence[int | None] | None,
) -> None:
    if wanted_dtype is not None and np.dtype(wanted_dtype).newbyteorder(">") != dtype:
        raise DataError(
            f"{path}: expected elements of {np.dtype(wanted_dtype).name}, "
            f"the header says {dtype.name}"
        )
    if wanted_shape is None:
        return
    if len(shape) != len(wanted_shape) or any(
        wanted not in (None, length) for wanted, length in zip(wanted_shape, shape, strict=True)
    ):
        raise DataError(
            f"{path}: expected shape {tuple(wanted_shape)}, None standing for any length; "
            f"the header says {shape}"
        )


def _check_plain_size(path: Path, expected: int, file_size: int) -> None:
    if file_size == expected:
        return
    fault = "truncated" if file_size < expected else "trailing bytes"
    raise DataError(
        f"{path}: {fault}: expected {expected} bytes by the header, the file has {file_size}; "
        "fetch the file again"
    )


def _check_gzip_size(path: Path, expected: int, file_size: int) -> None:
    most = file_size * _MOST_BYTES_PER_GZIP_BYTE
    if expected > most:
        raise DataError(
            f"{path}: truncated or corrupt: expected {expected} bytes by the header, but "
            f"{file_size} bytes of gzip can hold at most {most}; fetch the file again"
        )


def _read_payload(path: Path, stream: io.BufferedIOBase, n_bytes: int) -> bytearray:
    # Grows with what was really read; the gzip checksum is verified by the read past the end.
    payload = bytearray()
    while len(payload) < n_bytes:
        chunk = stream.read(min(_CHUNK, n_bytes - len(payload)))
        if not chunk:
            raise DataError(
                f"{path}: truncated: expected {n_bytes} bytes of elements by the header, "
                f"got {len(payload)}; fetch the file again"
            )
        payload += chunk
    if stream.read(1):
        raise DataError(
            f"{path}: trailing bytes: expected the file to end after {n_bytes} bytes of elements, "
            "got more; fetch the file again"
        )
    return payload
