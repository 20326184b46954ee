"""Whether compiled kernels apply, and arrays as they read them."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers, replay
from autodiff.settings import config

_DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}

WORTH_IT = 1 << 14
"""Fewer numbers than this NumPy is done with before a compiled function has been called."""


def worth_it(x: Array, least: int | None = None) -> bool:
    """Whether there are so many numbers that a compiled function pays, or no other will do."""
    enough = WORTH_IT if least is None else least
    return x.size >= enough or replay.recorder() is not None


@lru_cache(None)
def module(name: str) -> ModuleType:
    """A module of compiled kernels; numba is loaded with the first one."""
    return import_module(f"autodiff.kernels.native.{name}")


def native(name: str, *arrays: Array | None) -> ModuleType | None:
    """A module of compiled kernels, if it takes these arrays: all of one of its dtypes."""
    dtype = None
    for array in arrays:
        if array is not None:
            if dtype is None:
                dtype = array.dtype
            elif array.dtype != dtype:
                return None
    if dtype not in _DTYPES or config.backend != "native":
        return None
    return module(name)


def contiguous(x: Array) -> Array:
    """An array as compiled kernels read it: without the mark that says it is read-only.

    Of what may be written to and what may not, numba would make two programs; kernels never write
    to an operand.
    """
    x = buffers.contiguous(x)
    if x.flags.writeable:
        return x
    interface = x.__array_interface__
    interface["data"] = (interface["data"][0], False)
    return np.asarray(SimpleNamespace(__array_interface__=interface, base=x))


def elementwise(name: str, *operands: Any) -> Array | None:
    """A function of ``native.pointwise``, if it takes these operands: an array laid out like them.

    They have one shape, and the first one lies in memory without gaps; others are copied into its
    order.

    Args:
        name: of the function.
        operands: of one dtype, but for conditions, which are of bool.
    """
    like = operands[0]
    if not isinstance(like, np.ndarray) or not worth_it(like):
        return None
    if any(x.shape != like.shape for x in operands):
        return None
    kernels = native("pointwise", *(x for x in operands if x.dtype != bool))
    if kernels is None:
        return None
    result = buffers.empty_like(like, operands[-1].dtype)
    ordered = [*operands, result]
    if not like.flags.c_contiguous:
        order = sorted(range(like.ndim), key=lambda i: -like.strides[i])
        ordered = [x.transpose(order) for x in ordered]
        if not ordered[0].flags.c_contiguous:
            return None
    kernels.fill(name, *(contiguous(x).reshape(-1) for x in ordered))
    return result
