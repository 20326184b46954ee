"""Who is recording the jobs of kernels here, so that they can be done again without any Python.

While somebody does, kernels compute in memory that the recorder hands out, by compiled functions
alone. Nobody else can write to that memory, and what others compute is not taken for an operand: a
computation that needs something else than compiled functions fails, and never goes wrong unnoticed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.arrays import Array

if TYPE_CHECKING:
    from autodiff.kernels.native.replay import Recorder


class UnrepeatableError(Exception):
    """What is computed takes more than to do the same jobs again; the message says what."""


class _Recorders:
    """Those of all threads. Most of the time there are none, which is quickly seen."""

    def __init__(self) -> None:
        self.of_thread: dict[int, Recorder] = {}


_recorders = _Recorders()
if hasattr(os, "register_at_fork"):  # a forked process has none of the threads that record
    os.register_at_fork(after_in_child=_recorders.of_thread.clear)


def recorder() -> Recorder | None:
    """Who records what this thread computes."""
    of_thread = _recorders.of_thread
    return of_thread.get(threading.get_ident()) if of_thread else None


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Let somebody record what this thread computes within a ``with`` block."""
    me = threading.get_ident()
    if me in _recorders.of_thread:
        raise UnrepeatableError("a recording within another one")
    _recorders.of_thread[me] = recorder
    try:
        yield
    finally:
        _recorders.of_thread.pop(me, None)


@contextmanager
def preparation(*sources: Array) -> Iterator[None]:
    """What is done in this block need not be repeated while these arrays stay as they are.

    It depends on nothing else, and nobody writes to what comes of it.
    """
    here = recorder()
    if here is None:
        yield
    else:
        with here.preparing(sources):
            yield


class _Fixed(np.ndarray):
    """Memory whose numbers are the same at each repetition."""


def fixed(array: Array) -> Array:
    """A copy of an array that follows from shapes alone: jobs that are repeated may read it."""
    memory = _Fixed(array.shape, array.dtype)
    memory[...] = array
    copy: Array = np.ndarray(array.shape, array.dtype, memory)
    return copy


def is_fixed(array: Array) -> bool:
    """Whether the array is one that ``fixed`` gave, or a part of it."""
    owner: Any = array
    while owner is not None and not isinstance(owner, _Fixed):
        owner = getattr(owner, "base", None)  # what stands between two arrays has one too
    return owner is not None
