"""Copies between arrays whose numbers lie in different orders."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import internal
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.walk import copy
from autodiff.kernels.replay import UnrepeatableError, fixed

_AXES = 5
_TOGETHER = 16
"""Numbers that are next to each other in what is read: a line of the cache of them."""
_BLOCK = 1 << 14
"""Numbers that a thread copies at least, before it looks for more."""


def write(to: Array, x: Any) -> None:
    """Copy numbers into an array, or one number everywhere.

    Raises:
        UnrepeatableError: they are of different dtypes, or have too many axes.
    """
    if type(x) in (bool, int, float):  # NumPy's own may have been computed
        x = fixed(np.full((), x, to.dtype))
    if not isinstance(x, np.ndarray) or x.dtype != to.dtype:
        raise UnrepeatableError(f"a copy of {type(x).__name__} of {x.dtype} to {to.dtype}")
    if not to.size:
        return
    x = np.broadcast_to(x, to.shape)
    sizes, to_steps, x_steps = _way(to, x)
    if len(sizes) > _AXES:
        raise UnrepeatableError(f"a copy of {len(sizes)} axes")
    least = 1 + _BLOCK // max(1, to.size // sizes[0])
    (to, to_first), (x, x_first) = _memory(to), _memory(x)
    steps = to_steps[0], x_steps[0]
    evenly = all(len(m) == sizes[0] * step for m, step in zip((to, x), steps, strict=True))
    in_parallel(
        _write, sizes[0], to, to_first, to_steps, x, x_first, x_steps, sizes, least=least,
        shares=sizes[0] if evenly else 1, divided=(to, x),
    )  # fmt: skip


def _way(to: Array, x: Array) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Lengths of axes, and how far apart in memory their elements are, in both arrays.

    The axis whose elements are next to each other is the last one. Axes that can be gone along like
    one are one; and there are some more of length 1.
    """
    size = to.itemsize
    axes = sorted((i for i in range(to.ndim) if to.shape[i] > 1), key=lambda i: -to.strides[i])
    found: list[tuple[int, int, int]] = []
    for i in axes:
        length, step, x_step = to.shape[i], to.strides[i] // size, x.strides[i] // size
        if found and found[-1][1:] == (length * step, length * x_step):
            length *= found.pop()[0]
        found.append((length, step, x_step))
    *outer, last = found or [(1, 0, 0)]
    if outer and last[2] != 1:  # those next to each other in x are gone along side by side
        outer.append(outer.pop(min(range(len(outer)), key=lambda i: outer[i][2] or inf)))
    more = [(1, 0, 0)] * (_AXES - 1 - len(outer))
    found = [*outer[:1], *more, *outer[1:], last] if len(outer) > 1 else [*more, *outer, last]
    lengths, steps, x_steps = zip(*found, strict=True)
    return lengths, steps, x_steps


def _memory(x: Array) -> tuple[Array, int]:
    """The memory in which the elements of an array are, and where in it the first one is."""
    if any(step % x.itemsize for step in x.strides):
        raise UnrepeatableError("a copy of parts of numbers")
    backwards = tuple(i for i, step in enumerate(x.strides) if step < 0)
    forwards = np.flip(x, backwards) if backwards else x
    ways = [step * (n - 1) // x.itemsize for step, n in zip(x.strides, x.shape, strict=True)]
    first = -sum(way for way in ways if way < 0)
    return as_strided(forwards, (sum(map(abs, ways)) + 1,), (x.itemsize,)), first


@shared
def _write(
    first: int, end: int, to: Any, to_first: int, to_steps: Any, x: Any, x_first: int, x_steps: Any,
    sizes: Any,
) -> None:  # fmt: skip
    run, to_step, x_step = sizes[4], to_steps[4], x_steps[4]
    for i in range(first, end):
        for j in range(sizes[1]):
            for k in range(sizes[2]):
                at = to_first + i * to_steps[0] + j * to_steps[1] + k * to_steps[2]
                here = x_first + i * x_steps[0] + j * x_steps[1] + k * x_steps[2]
                if to_step == 1 and x_step > 1:
                    _across(to, at, to_steps[3], x, here, x_steps[3], x_step, sizes[3], run)
                    continue
                for m in range(sizes[3]):
                    begin, source = at + m * to_steps[3], here + m * x_steps[3]
                    part = to[begin : begin + (run - 1) * to_step + 1]
                    if to_step == 1 and x_step == 1:
                        copy(x[source : source + run], part)
                    elif to_step == 1 and not x_step:
                        part[:] = x[source]
                    else:
                        for n in range(run):
                            part[np.uintp(n * to_step)] = x[np.uintp(source + n * x_step)]


@internal
def _across(
    to: Any, at: int, to_row: int, x: Any, here: int, x_row: int, x_column: int, rows: int,
    columns: int,
) -> None:  # fmt: skip
    """A matrix whose rows are contiguous in ``to``; elements of its columns may be near in x."""
    for top in range(0, rows, _TOGETHER):
        for m in range(top, min(top + _TOGETHER, rows)):
            row, source = to[at + m * to_row : at + m * to_row + columns], here + m * x_row
            for n in range(columns):
                row[n] = x[np.uintp(source + n * x_column)]
