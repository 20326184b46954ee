"""Checkpoints: the state of a training in one file.

A state is what objects say of themselves: dicts, lists, numbers, strings and arrays. In the file,
arrays go under their path within the state, and all else is JSON beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nn.module import Array
from nn.tensor_files import PathLike, read_arrays, write_arrays

FILE_NAME = "checkpoint.safetensors"
TEXT = "training"
VERSION = "1"
PLACE = "$array"


def checkpoint_file(path: PathLike) -> Path:
    """The file of a checkpoint; in a folder it has a name of its own."""
    given = Path(path)
    return given if given.suffix == ".safetensors" else given / FILE_NAME


def write_checkpoint(path: PathLike, state: dict[str, Any]) -> Path:
    """Write a state; its folder is made where there is none.

    Raises:
        TypeError: something in the state is no dict, list, number, string or array.
    """
    file = checkpoint_file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Array] = {}
    text = json.dumps(_without_arrays(state, "", arrays))
    write_arrays(file, arrays, {TEXT: text, "version": VERSION})
    return file


def read_checkpoint(path: PathLike) -> dict[str, Any]:
    """Read a state.

    Raises:
        OSError: there is no such file, or it can't be read.
        ValueError: the file is damaged, no checkpoint, or one of another version.
    """
    file = checkpoint_file(path)
    arrays, text = read_arrays(file)
    if TEXT not in text:
        raise ValueError(
            f"{file}: this is no checkpoint; it holds {', '.join(arrays) or 'nothing'}"
        )
    if text.get("version") != VERSION:
        raise ValueError(
            f"{file}: expected a checkpoint of version {VERSION}, got {text.get('version')}"
        )
    state: dict[str, Any] = _with_arrays(json.loads(text[TEXT]), arrays)
    return state


def _without_arrays(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """A state as JSON has it; its arrays are put aside, each under its path."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {PLACE: path}
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    inside = f"{path}/" if path else ""
    if isinstance(value, dict) and all(isinstance(key, str) and key != PLACE for key in value):
        return {k: _without_arrays(item, f"{inside}{k}", arrays) for k, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(item, f"{inside}{i}", arrays) for i, item in enumerate(value)]
    raise TypeError(
        f"a checkpoint holds dicts by string, lists, numbers, strings and arrays; {path} is "
        f"{value!r}"
    )


def _with_arrays(value: Any, arrays: dict[str, Array]) -> Any:
    """A state from JSON, its arrays put back."""
    if isinstance(value, dict):
        if PLACE in value:
            return arrays[value[PLACE]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    return value
