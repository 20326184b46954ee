"""Memory of large arrays, used again for later ones.

The steps of a training loop ask for arrays of the same sizes over and over. To get new memory from
the system takes as long as many a kernel, for each page of it is cleared first. So memory is kept
when nobody holds an array in it any more; what no one asks for is given back after a while.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from functools import lru_cache
from importlib import import_module
from math import inf, prod
from sys import getrefcount
from typing import Any, Literal

import numpy as np

from autodiff.arrays import Array, locked
from autodiff.kernels import replay

_LEAST = 1 << 14
"""Bytes of the smallest array that is worth it."""
_LOOSE = 1.25
"""How many times larger than an array its memory may be."""
_SEASON = 512
"""What was asked for so many times ago is given back, if nothing has been in it since."""
LINE = 64
"""Arrays begin where a line of the cache does."""


class _Block:
    """A piece of memory, and when it was last handed out."""

    __slots__ = ("last", "memory", "size", "start")

    def __init__(self, size: int) -> None:
        self.memory = np.empty(size + LINE, np.uint8)
        self.start = -self.memory.ctypes.data % LINE
        self.size = size
        self.last = 0

    @property
    def held(self) -> int:
        """By how many arrays: all views know whose memory they are in."""
        return getrefcount(self.memory) - 2


class Store:
    """All pieces, the smaller ones first.

    Args:
        patient: whether it never gives anything back.
    """

    def __init__(self, patient: bool = False) -> None:
        self._patient = patient
        self._blocks: list[_Block] = []
        self._sizes: list[int] = []
        self.lock = threading.Lock()
        self._asked = 0

    def get(self, shape: tuple[int, ...], dtype: np.dtype[Any], size: int) -> Array:
        """An array in a free piece of memory; in one of its own if somebody else is looking.

        Nobody waits: it may be that the other one is this very thread, stopped by a signal.
        """
        if not self.lock.acquire(False):
            return np.empty(shape, dtype)
        try:
            self._asked += 1
            if not self._asked % _SEASON and not self._patient:
                self.give_back(self._asked - _SEASON)
            block = self._free(size) or self._new(size)
            block.last = self._asked
            block.memory.setflags(write=True)  # an array that was in it may have been locked
            array: Array = np.ndarray(shape, dtype, block.memory, block.start)
            return array
        finally:
            self.lock.release()

    def holds_alone(self, x: Array) -> bool:
        """Whether ``x`` is the only array in a piece of memory; not known while others look."""
        if type(x.base) is not np.ndarray or not self.lock.acquire(blocking=False):
            return False
        try:
            size = x.base.nbytes - LINE
            for block in self._blocks[bisect_left(self._sizes, size) :]:
                if block.size != size:
                    return False
                if block.memory is x.base:
                    return block.held == 1
            return False
        finally:
            self.lock.release()

    def _free(self, size: int) -> _Block | None:
        i = bisect_left(self._sizes, size)
        while i < len(self._sizes) and self._sizes[i] <= size * _LOOSE:
            if not self._blocks[i].held:
                return self._blocks[i]
            i += 1
        return None

    def _new(self, size: int) -> _Block:
        block = _Block(size)
        i = bisect_left(self._sizes, size)
        self._blocks.insert(i, block)
        self._sizes.insert(i, size)
        return block

    def memories(self) -> list[Array]:
        """All pieces, as arrays of bytes."""
        return [block.memory for block in self._blocks]

    def give_back(self, before: float) -> None:
        """Forget the blocks that nobody needed since then."""
        self._blocks = [block for block in self._blocks if block.held or block.last > before]
        self._sizes = [b.size for b in self._blocks]


_store = Store()


def _forget() -> None:
    global _store
    _store = Store()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """A new array whose elements are not set, like ``numpy.empty``."""
    dtype = np.dtype(dtype)
    recorder = replay.recorder()
    if recorder is not None:
        return recorder.empty(shape, dtype)
    size = prod(shape) * dtype.itemsize
    if size < _LEAST or dtype.hasobject:
        return np.empty(shape, dtype)
    return _store.get(shape, dtype, size)


def _is_small(size: int) -> bool:
    """Whether NumPy's own memory will do for so many bytes."""
    return size < _LEAST and replay.recorder() is None


def empty_like(x: Array, dtype: Any = None) -> Array:
    """The same, in the shape and the order in memory of another array; in its dtype by default."""
    dtype = x.dtype if dtype is None else np.dtype(dtype)
    if dtype.hasobject or _is_small(x.size * dtype.itemsize):
        return np.empty_like(x, dtype)
    if x.flags.c_contiguous:
        return empty(x.shape, dtype)
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))
    back = sorted(range(x.ndim), key=order.__getitem__)
    array: Array = empty(tuple(x.shape[i] for i in order), dtype).transpose(back)
    return array


def room(x: Any, dtype: Any = None) -> Array | None:
    """For the ``out`` of a ufunc of ``x`` that gives this dtype, or that of x if x is of floats.

    None, by which NumPy makes its own, where that is small.
    """
    if x.__class__ is not np.ndarray or (dtype is None and x.dtype.char not in "efd"):
        return None
    dtype = x.dtype.newbyteorder("=") if dtype is None else np.dtype(dtype)
    return None if _is_small(x.size * dtype.itemsize) else empty_like(x, dtype)


def copied(x: Array, dtype: Any = None) -> Array:
    """``x.copy(order="K")``, of another dtype if one is given."""
    dtype = x.dtype if dtype is None else np.dtype(dtype)
    if _is_small(x.size * dtype.itemsize):
        return x.astype(dtype)
    copy = empty_like(x, dtype)
    write(copy, x)
    return copy


def write(to: Array, x: Any) -> None:
    """Copy numbers into an array, or one number everywhere."""
    if replay.recorder() is None:
        np.copyto(to, x, casting="unsafe")
    else:
        import_module("autodiff.kernels.native.strided").write(to, x)


def contiguous(x: Array) -> Array:
    """``numpy.ascontiguousarray``."""
    if x.flags.c_contiguous or _is_small(x.nbytes):
        return np.ascontiguousarray(x)
    copy = empty(x.shape, x.dtype)
    write(copy, x)
    return copy


def reshaped(x: Any, shape: int | tuple[int, ...], order: Literal["C", "F"] = "C") -> Array:
    """``numpy.reshape``."""
    strided = isinstance(x, np.ndarray) and order == "C" and not x.flags.c_contiguous
    if strided and not _is_small(x.nbytes):
        try:
            return np.reshape(x, shape, copy=False)
        except ValueError:  # there must be a copy, or the shape does not fit
            x = contiguous(x)
        except TypeError:  # NumPy 2.0 does not know ``copy``
            pass
    return np.reshape(x, shape, order)


@lru_cache(_SEASON)
def zeros(count: int, dtype: Any) -> Array:
    """So many zeros, which are not to be written to: whoever asks for them gets the same."""
    return replay.fixed(np.zeros(count, dtype))


def frozen(array: Array) -> Array:
    """An array equal to ``array`` that nobody can change: itself if that is so, else a copy."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            break
        owner = owner.base
    if owner is None or isinstance(owner, bytes):
        return array
    return locked(copied(array))


def zeros_beside(x: Array) -> Array:
    """Zeros like an array, which begin at the same place in a line of the cache.

    Kernels that write both can then write whole lines of both.
    """
    if x.nbytes < _LEAST or not x.flags.c_contiguous:
        return np.zeros_like(x)
    memory = np.zeros(x.nbytes + LINE, np.uint8)
    start = (x.ctypes.data - memory.ctypes.data) % LINE
    array: Array = np.ndarray(x.shape, x.dtype, memory, start)
    return array


def release() -> None:
    """Give all memory back that no array lies in."""
    with _store.lock:
        _store.give_back(inf)


def is_alone(x: Array) -> bool:
    """Whether it is certain that no other array lies in the memory of this one."""
    return x.flags.owndata or _store.holds_alone(x)
