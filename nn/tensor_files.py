"""Arrays by name in a file, in the format of ``safetensors``: written as a whole or not at all.

A file holds numbers and text only; reading one runs nothing that is in it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nn.module import Array

PathLike: TypeAlias = str | os.PathLike[str]

CHECKSUM = "crc32"
"""Where a file's text holds the checksum of everything else in it."""


def write_arrays(path: PathLike, arrays: Mapping[str, Array], text: Mapping[str, str]) -> None:
    """Write named arrays, and text beside them.

    Args:
        path: of the file; one that is there already is replaced.
        arrays: of booleans, integers or floating-point numbers.
        text: by name.

    Raises:
        TypeError: the format has no place for the dtype of an array.
    """
    from safetensors.numpy import save  # here, for only those who save need it

    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"{path}: {name} is of {array.dtype}, which safetensors files can't hold; "
                "convert it to float64, or to integers"
            )
    ordered = {
        name: np.array(arrays[name], dtype=arrays[name].dtype.newbyteorder("="), order="C")
        for name in sorted(arrays)
    }
    checked = {**text, CHECKSUM: _checksum(ordered, text)}
    write_atomically(path, save(ordered, metadata=checked))


def read_arrays(path: PathLike) -> tuple[dict[str, Array], dict[str, str]]:
    """Read what ``write_arrays`` wrote, or any other file in the format of safetensors.

    Returns:
        The arrays, which are the caller's to keep, and the text.

    Raises:
        OSError: there is no such file, or it can't be read.
        ValueError: the file is damaged, or of another format.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):  # the system's own message where there is nothing to read
        pass
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            text = dict(file.metadata() or {})
            arrays = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as fault:
        raise ValueError(f"{path}: not a safetensors file, or a damaged one: {fault}") from fault
    expected = text.pop(CHECKSUM, None)
    if expected is not None and expected != _checksum(arrays, text):
        raise ValueError(f"{path}: damaged: the checksum of its content is not the one it states")
    return arrays, text


def write_atomically(path: PathLike, content: bytes) -> None:
    """Write a file so that whoever reads it finds the old content or the new one, never a part.

    The content goes into a file beside it, is forced to the disk, and takes the name in one step.
    After a crash in between, the next call overwrites what was left beside.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.partial")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, target)
    if os.name == "posix":  # elsewhere folders can't be forced to the disk
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _checksum(arrays: Mapping[str, Array], text: Mapping[str, str]) -> str:
    total = 0
    for name in sorted(text):
        total = zlib.crc32(f"{name}\0{text[name]}\0".encode(), total)
    for name in sorted(arrays):
        array = arrays[name]
        total = zlib.crc32(f"{name}\0{array.dtype.name}{array.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data, total)
    return f"{total:08x}"
