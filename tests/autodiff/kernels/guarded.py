"""Run compiled kernels on arrays that end, or begin, at memory which nobody may touch.

    PYTHONPATH=. python tests/autodiff/kernels/guarded.py SIDE

SIDE is "end" or "start": a kernel that reads or writes beyond an array, there, ends the process.
Arrays that kernels make for their results are guarded, too.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from math import prod
from typing import Any

import numpy as np

from autodiff import config
from autodiff.kernels import buffers, images
from autodiff.kernels.native import matrices

SIDE = sys.argv[-1]
PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
kept = []


def guarded(shape: Any, dtype: Any = float, **_: Any) -> Any:
    """Zeros, with a forbidden page right behind them or right before them."""
    shape = (shape,) if np.isscalar(shape) else tuple(shape)
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    pages = -(-size // PAGE) + 1
    memory = mmap.mmap(-1, pages * PAGE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    at_end = SIDE == "end"
    forbidden = start + (pages - 1) * PAGE if at_end else start
    assert libc.mprotect(ctypes.c_void_p(forbidden), PAGE, 0) == 0
    offset = (pages - 1) * PAGE - size if at_end else PAGE
    return np.ndarray(shape, dtype, memory, offset)


def placed(shape: tuple[int, ...], generator: np.random.Generator, dtype: Any) -> Any:
    """Images of random numbers, channels last in guarded memory."""
    order = (0, *range(2, len(shape)), 1)
    array = guarded([shape[i] for i in order], dtype)
    array[...] = generator.normal(size=array.shape)
    return np.moveaxis(array, -1, 1)


def run(dtype: Any, n: int, c: int, o: int, size: int, stride: int, padding: int, groups: int,
        dilation: int, length: int) -> None:  # fmt: skip
    """All kernels of images, once."""
    generator = np.random.default_rng(0)
    x = placed((n, c, length, length + 1), generator, dtype)
    w = generator.normal(size=(o, c // groups, size, size)).astype(dtype)
    steps: Any = ((stride, stride), (dilation, dilation), groups)
    border: Any = ((padding, padding),) * 2 if padding else ()
    y = images.correlate(x, w, *steps, padding=border)
    t = placed(y.shape, generator, dtype)
    images.correlate_input(t, w, x.shape[2:], *steps, padding=border)
    images.correlate_kernel(x, t, w.shape[2:], *steps, padding=border)
    images.correlate_both(x, t, w, *steps, padding=border)
    if min(y.shape[2:]) < 2:
        return
    for window, step, edge in ((2, 2, 0), (3, 2, 1), (2, 1, 1)):
        widths: Any = ((edge, edge),) * 2 if edge else ()
        if min(y.shape[2:]) + 2 * edge < window:
            continue
        pooled = images.max_pool(y, (window,) * 2, (step,) * 2, widths)
        adjoint = placed(pooled.shape, generator, dtype)
        sent = images.Pooled(adjoint, y, pooled, (window,) * 2, (step,) * 2, widths, False)
        assert sent.dense.shape == y.shape
        images.correlate_input(sent, w, x.shape[2:], *steps, padding=border)
        images.correlate_kernel(x, sent, w.shape[2:], *steps, padding=border)
        images.sum_pool(y, (window,) * 2, (step,) * 2, 0.25, widths)
        images.sum_unpool(adjoint, y.shape[2:], (window,) * 2, (step,) * 2, 0.25, widths)


CASES = (
    (2, 20, 50, 5, 1, 0, 1, 1, 9), (3, 1, 20, 5, 1, 0, 1, 1, 8), (1, 7, 9, 3, 1, 1, 1, 1, 6),
    (2, 16, 33, 3, 2, 1, 1, 1, 7), (2, 8, 8, 3, 1, 1, 8, 1, 6), (2, 4, 12, 2, 1, 0, 2, 2, 6),
    (1, 64, 130, 1, 1, 0, 1, 1, 5), (2, 12, 5, 3, 1, 2, 1, 1, 4), (2, 12, 8, 3, 2, 1, 4, 1, 9),
    (1, 2, 4, 3, 1, 0, 1, 1, 40), (2, 19, 19, 3, 1, 1, 19, 1, 6), (1, 33, 33, 3, 1, 0, 33, 2, 9),
)  # fmt: skip
"""Batch, channels, outputs, size, stride, padding, groups, dilation, length."""


def multiply(dtype: Any, m: int, k: int, n: int) -> None:
    """A product of matrices, with operands in both orders of memory."""
    generator = np.random.default_rng(0)
    shapes = ((m, k), (k, n))
    for turned in (False, True):
        operands = []
        for shape in shapes:
            x = guarded(shape[::-1] if turned else shape, dtype)
            x[...] = generator.normal(size=x.shape)
            operands.append(x.T if turned else x)
        matrices.product(*operands, None)


def run_all() -> None:
    """Every case in both precisions."""
    for dtype in (np.float32, np.float64):
        for shape in ((8, 3, 9), (64, 50, 100), (100, 64, 50), (97, 5, 33), (9, 7, 300)):
            multiply(dtype, *shape)
        for case in CASES:
            print(dtype.__name__, case, flush=True)
            run(dtype, *case)


if __name__ == "__main__":
    config.threads = 1
    run_all()  # everything is compiled before NumPy is changed
    buffers._LEAST = sys.maxsize  # each result has memory of its own
    np.empty = np.zeros = guarded  # type: ignore[assignment]
    run_all()
    print("nothing else was touched")
