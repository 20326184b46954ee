"""Sums of the elements along axes, and means.

NumPy computes them; where jobs are recorded, compiled kernels do.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from autodiff.kernels import buffers, dispatch, replay

Axes = tuple[int, ...]

_reduce: Callable[..., Any] = np.add.reduce  # np.sum takes a longer way there


def total(x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """The sum over axes."""
    native = _recorded(x)
    if native is None:
        return _reduce(x, axis=axis, keepdims=keepdims)
    kept = [1 if i in axis else n for i, n in enumerate(x.shape) if keepdims or i not in axis]
    return _compiled(native, x, axis).reshape(kept)


def mean(x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """The mean over axes."""
    count = prod(x.shape[i] for i in axis)
    if count and x.dtype.char in "fd":
        return share(total(x, axis=axis, keepdims=keepdims), count)
    return np.mean(x, axis=axis, keepdims=keepdims)


def share(x: Any, count: int) -> Any:
    """``x / count``."""
    native = _recorded(x)
    return x / count if native is None else native.share(x, count)


def to_shape(x: Any, *, axes: Axes, shape: tuple[int, ...]) -> Any:
    """The sum over axes, in the shape that had been broadcast along them."""
    native = _recorded(x)
    if native is not None:
        return _compiled(native, x, axes).reshape(shape)
    if x.size > 1000 and axes == (x.ndim - 1,) and 0 < x.shape[-1] < 8:
        # NumPy is slow where inner sums are short, and adds so few in this order too.
        parts = [x[..., i] for i in range(x.shape[-1])]
        return functools.reduce(operator.add, parts).reshape(shape)
    added = np.asarray(_reduce(x, axis=axes))
    return added if added.shape == shape else added.reshape(shape)


def _recorded(x: Any) -> ModuleType | None:
    """The compiled kernels, where nothing else will do."""
    if replay.recorder() is None or not isinstance(x, np.ndarray):
        return None
    return dispatch.native("sums", x)


def _compiled(native: ModuleType, x: Any, axes: Axes) -> Any:
    """The sum over axes, by columns of a matrix: (-1,) or (-1, *what is kept)."""
    kept = [i for i in range(x.ndim) if i not in axes]
    columns = prod(x.shape[i] for i in kept)
    rows = buffers.contiguous(x.transpose(*axes, *kept)).reshape(-1, 1, 1, columns)
    return native.per_channel(dispatch.contiguous(rows))
