"""Sums over images, and over parts of them: in an order that does not depend on threads."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.strongest import NOBODY
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.walk import copy
from autodiff.kernels.replay import fixed
from autodiff.kernels.windows import REMEMBERED

CHUNKS = 16
"""Sums over images are taken in so many parts at most, whatever the number of threads: the same
bits."""
_BLOCK = 1 << 12
"""Numbers of the sum that a thread works on at least, before it looks for more."""


@lru_cache(REMEMBERED)
def chunks(count: int, least: int = 1) -> tuple[int, Array]:
    """Into how many parts a sum of so many terms falls, and where they begin and end.

    The array is not to be written to.

    Args:
        count: of the terms.
        least: terms that a part has at least, if there are as many.
    """
    parts = min(CHUNKS, -(-count // least))
    return parts, fixed(np.arange(parts + 1) * count // max(parts, 1))


def add_up(parts: Array) -> Array:
    """The sum over the first axis of a contiguous array, which is not empty."""
    total = buffers.empty(parts.shape[1:], parts.dtype)
    in_parallel(_add_up, total.size, parts.reshape(-1), total.reshape(-1), least=_BLOCK)
    return total


def share(x: Array, count: int) -> Array:
    """``x / count``."""
    shares = buffers.empty(x.shape, x.dtype)
    in_parallel(_share, x.size, contiguous(x).reshape(-1), count, shares.reshape(-1), least=_BLOCK)
    return shares


@shared
def _share(first: int, end: int, x: Any, count: int, shares: Any) -> None:
    for i in range(first, end):
        shares[i] = x[i] / x.dtype.type(count)


@shared
def _add_up(first: int, end: int, parts: Any, total: Any) -> None:
    size = len(total)
    to = total[first:end]
    copy(parts[first:end], to)
    for begin in range(size, len(parts), size):
        here = parts[begin + first : begin + end]
        for k in range(len(to)):
            to[k] += here[k]


_ALL = fixed(np.empty(0, np.int32))


def per_channel(t: Array, places: Array | None = None) -> Array:
    """The sum over all axes of (n, height, width, o), contiguous, but the last.

    Args:
        t: adjoints.
        places: whose they are, if they belong to winners; what is nobody's is left out.
    """
    parts, ends = chunks(len(t))
    sums = buffers.empty((max(parts, 1), t.shape[3]), t.dtype)
    if not parts:
        buffers.write(sums, 0)
    flat = t.reshape(-1), (_ALL if places is None else places.reshape(-1))
    in_parallel(_per_channel, parts, ends, t[:1].size, *flat, places is None, sums)
    return add_up(sums)


@shared
def _per_channel(
    first: int, end: int, ends: Any, size: int, t: Any, places: Any, everybody: bool, sums: Any
) -> None:  # fmt: skip
    outputs = sums.shape[1]
    nothing = t.dtype.type(0)
    for part in range(first, end):
        total = sums[part]
        total[:] = 0
        for begin in range(ends[part] * size, ends[part + 1] * size, outputs):
            here = t[begin : begin + outputs]
            if everybody:
                for o in range(outputs):
                    total[o] += here[o]
            else:
                who = places[begin : begin + outputs]
                for o in range(outputs):
                    total[o] += here[o] if who[o] != NOBODY else nothing
