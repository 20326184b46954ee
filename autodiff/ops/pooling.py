"""Pooling: each window of the spatial axes reduced to one number."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from autodiff.adjoint import Structured, dense
from autodiff.arrays import Array, real_array
from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels import images, pooling
from autodiff.kernels.pooling import TIES, Ties, Winners
from autodiff.kernels.windows import Sizes, by
from autodiff.ops.rules import Explicit, Linear
from autodiff.ops.shapes import astype, shape_of
from autodiff.ops.spatial import Padding, padded, padding_widths, window_sizes

__all__ = [
    "average_pool",
    "max_pool",
    "sum_pool",
]


class Pooled(Structured):
    """An adjoint that is zero except at the winner of each window: what max-pooling sends back.

    Args:
        winners: the adjoints of the windows, and which elements won.
    """

    def __init__(self, winners: Winners) -> None:
        self.winners = winners
        self.values = winners.values

    @cached_property
    def _array(self) -> Array:
        return images.unpooled(self.winners)

    def dense(self) -> Array:
        return self._array

    def add(self, other: Any) -> Any:
        return self.dense() + dense(other)


_pool = Linear(
    "pool",
    pooling.pool,
    lambda t, f, x, weights, *, size, stride: _unpool_like(t, x, weights, size, stride),
    None,
)
_unpool: Linear = Linear(
    "unpool",
    pooling.unpool,
    lambda u, f, t, weights, *, spatial, size, stride: _pool(u, weights, size=size, stride=stride),
    None,
    text=lambda t, weights, *, spatial, size, stride: f"unpool({t}, {weights})",
)


def _unpool_like(t: Any, x: Any, weights: Any, size: Sizes, stride: Sizes) -> Any:
    return _unpool(t, weights, spatial=shape_of(x)[-len(size) :], size=size, stride=stride)


def _winners(f: Any, x: Any, size: Sizes, stride: Sizes, ties: Ties) -> Array:
    """Who won is constant almost everywhere, so nothing is recorded."""
    return pooling.winners(bare(x), bare(f), size, stride, ties)


def _pull_max(t: Any, f: Any, x: Any, *, size: Sizes, stride: Sizes, ties: Ties) -> Any:
    if not isinstance(t, Node):
        winners = images.pooled_adjoint(t, bare(x), bare(f), size, stride, ties)
        if winners is not None:
            return Pooled(winners)
    return _unpool_like(t, x, _winners(f, x, size, stride, ties), size, stride)


_max_pool = Explicit(
    "max_pool",
    lambda x, *, size, stride, ties: images.max_pool(x, size, stride),
    vjp=_pull_max,
    jvp=lambda dx, f, x, *, size, stride, ties: _pool(
        dx, _winners(f, x, size, stride, ties), size=size, stride=stride
    ),
    pattern=lambda t, f, x, *, size, stride, ties: _unpool_like(
        t, x, _uniform(size, shape_of(x), 1.0), size, stride
    ),
)
_max_pool.constants = ("winners",)


def max_pool(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    padding: Padding = 0,
    ties: Ties = "first",
) -> Any:
    """The largest element of each window of the spatial axes.

    Args:
        x: (n, c, *spatial).
        size: the window, a number per spatial axis or one for all.
        stride: the distance of neighbouring windows; that of windows side by side if not given.
        padding: a border that never wins; see ``conv``.
        ties: who gets the adjoint where several elements are the largest: the "first" or the "last"
            in row-major order, "all" of them in full, or all in equal shares ("split").

    Returns:
        (n, c, *positions); elements behind the last whole window are not used.

    Raises:
        ValueError: a window is larger than its padded input, the padding is as wide as a window, or
            ``ties`` is unknown.
    """
    if ties not in TIES:
        raise ValueError(f"max_pool: ties is one of {', '.join(TIES)}, got {ties!r}")
    x, sizes, steps = _pool_operand(
        "max_pool", x, size, stride, padding, -np.inf, may_be_empty=False
    )
    return _max_pool(x, size=sizes, stride=steps, ties=ties)


def sum_pool(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    padding: Padding = 0,
) -> Any:
    """The sum over each window of the spatial axes; arguments as for ``max_pool``."""
    x, sizes, steps = _pool_operand("sum_pool", x, size, stride, padding, 0.0, may_be_empty=True)
    return _pool(x, _uniform(sizes, shape_of(x), 1.0), size=sizes, stride=steps)


def average_pool(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    padding: Padding = 0,
    count_padding: bool = True,
) -> Any:
    """The mean over each window of the spatial axes.

    Args:
        x: (n, c, *spatial).
        size: the window.
        stride: the distance of neighbouring windows.
        padding: a border of zeros.
        count_padding: whether the zeros of the padding count; if not, a window's mean is that of
            the elements of ``x`` in it.

    Example:
        >>> import numpy as np
        >>> from autodiff import average_pool
        >>> x = np.array([[[6.0, 2.0]]])
        >>> average_pool(x, 2, padding=1), average_pool(x, 2, padding=1, count_padding=False)
        (array([[[3., 1.]]]), array([[[6., 2.]]]))
    """
    images, sizes, steps = _pool_operand(
        "average_pool", x, size, stride, padding, 0.0, may_be_empty=count_padding
    )
    if count_padding:
        weights = _uniform(sizes, shape_of(images), float(1 / np.prod(sizes)))
        return _pool(images, weights, size=sizes, stride=steps)
    ones = np.ones((1, 1, *shape_of(x)[2:]), dtype=bare(images).dtype)
    counts = sum_pool(ones, sizes, stride=steps, padding=padding)
    weights = _uniform(sizes, shape_of(images), 1.0) / counts
    return _pool(images, weights, size=sizes, stride=steps)


def _uniform(size: Sizes, shape: tuple[int, ...], weight: float) -> Array:
    return np.full((*size, *(1,) * len(shape)), weight)


def _pool_operand(
    name: str,
    x: Operand,
    size: int | Sizes,
    stride: int | Sizes | None,
    padding: Padding,
    border: float,
    *,
    may_be_empty: bool,
) -> tuple[Any, Sizes, Sizes]:
    """The padded operand, the window and the stride, checked.

    ``may_be_empty`` says whether a window may have nothing of the input in it.
    """
    x = x if isinstance(x, Node) else real_array(x)
    rank = len(shape_of(x)) - 2
    if rank < 1:
        raise ValueError(f"{name}: expected (n, c, *spatial), got {describe(x)}")
    if bare(x).dtype.kind != "f":
        x = astype(x, float)  # neither a mean nor a border of -inf is an integer
    sizes = window_sizes("size", size, rank)
    steps = sizes if stride is None else window_sizes("stride", stride, rank)
    widths = padding_widths(shape_of(x)[2:], sizes, steps, padding)
    if not may_be_empty and any(max(pair) >= k for pair, k in zip(widths, sizes, strict=True)):
        raise ValueError(
            f"{name}({describe(x)}): a padding of {padding!r} leaves windows of {by(sizes)} with "
            "nothing of the input in them"
        )
    images = padded(x, widths, border)
    spatial = shape_of(images)[2:]
    if any(n < k for n, k in zip(spatial, sizes, strict=True)):
        raise ValueError(
            f"{name}({describe(x)}): a window of {by(sizes)} is larger than its input of "
            f"{by(spatial)} (padding {padding!r} included)"
        )
    return images, sizes, steps
