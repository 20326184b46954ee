"""Pooling: each window of the spatial axes reduced to one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.adjoint import Structured, dense
from autodiff.arrays import Array, real_array
from autodiff.caching import memoised
from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels import images, pooling
from autodiff.kernels.pooling import TIES, Ties
from autodiff.kernels.windows import Sizes, Widths, by, framed, inside, padded_sizes
from autodiff.ops.pointwise import multiply
from autodiff.ops.rules import Explicit, Linear
from autodiff.ops.shapes import astype, shape_of
from autodiff.ops.spatial import Padding, border, padding_widths, window_sizes

__all__ = [
    "average_pool",
    "max_pool",
    "sum_pool",
]


class Pooled(Structured):
    """An adjoint that is zero except at the winner of each window: what max-pooling sends back.

    Args:
        adjoint: the adjoints of the windows, and which elements won.
        values: the former alone.
    """

    def __init__(self, adjoint: images.Pooled, values: Array) -> None:
        self.adjoint = adjoint
        self.values = values

    def dense(self) -> Array:
        return self.adjoint.dense

    def add(self, other: Any) -> Any:
        return self.dense() + dense(other)


# With one weight for all windows and places.
_sum_pool = Linear(
    "pool",
    images.sum_pool,
    lambda t, f, x, **windows: _sum_unpool(t, spatial=_spatial(x, windows["size"]), **windows),
)
_sum_unpool: Linear = Linear(
    "unpool",
    images.sum_unpool,
    lambda u, f, t, *, spatial, **windows: _sum_pool(u, **windows),
    text=lambda t, *, size, weight, **_: f"unpool({t}, size={size}, weight={weight})",
)

# With weights of their own: those of the winners.
_pool = Linear(
    "pool",
    lambda x, weights, *, size, stride, padding: pooling.pool(
        framed(x, padding), weights, size, stride
    ),
    lambda t, f, x, weights, **windows: _unpool(
        t, weights, spatial=_spatial(x, windows["size"]), **windows
    ),
    None,
)
_unpool: Linear = Linear(
    "unpool",
    lambda t, weights, *, spatial, size, stride, padding: pooling.unpool(
        t, weights, padded_sizes(spatial, padding), size, stride
    )[inside(spatial, padding)],
    lambda u, f, t, weights, *, spatial, **windows: _pool(u, weights, **windows),
    None,
    text=lambda t, weights, **_: f"unpool({t}, {weights})",
)


def _spatial(x: Any, size: Sizes) -> Sizes:
    return shape_of(x)[-len(size) :]


def _winners(f: Any, x: Any, size: Sizes, stride: Sizes, padding: Widths, ties: Ties) -> Array:
    """Who won is constant almost everywhere, so nothing is recorded; what is nan never wins."""
    return pooling.winners(framed(bare(x), padding, np.nan), bare(f), size, stride, ties)


def _pull_max(t: Any, f: Any, x: Any, *, ties: Ties, **windows: Any) -> Any:
    if not isinstance(t, Node) and images.Pooled.knows(t, bare(x), windows["size"], ties):
        adjoint = images.Pooled(t, bare(x), bare(f), last=ties == "last", **windows)
        return Pooled(adjoint, t)
    weights = _winners(f, x, ties=ties, **windows)
    return _unpool(t, weights, spatial=_spatial(x, windows["size"]), **windows)


_max_pool = Explicit(
    "max_pool",
    lambda x, *, ties, **windows: images.max_pool(x, **windows, last=ties == "last"),
    vjp=_pull_max,
    jvp=lambda dx, f, x, *, ties, **windows: _pool(
        dx, _winners(f, x, ties=ties, **windows), **windows
    ),
    pattern=lambda t, f, x, *, ties, **windows: _sum_unpool(
        t, spatial=_spatial(x, windows["size"]), weight=1.0, **windows
    ),
)
_max_pool.constants = ("winners",)
_max_pool.steady = _sum_pool.steady = True


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
    x, windows = _pool_operand("max_pool", x, size, stride, padding, may_be_empty=False)
    return _max_pool(x, **windows, ties=ties)


def sum_pool(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    padding: Padding = 0,
) -> Any:
    """The sum over each window of the spatial axes; arguments as for ``max_pool``."""
    x, windows = _pool_operand("sum_pool", x, size, stride, padding, may_be_empty=True)
    return _sum_pool(x, **windows, weight=1.0)


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
    x, windows = _pool_operand("average_pool", x, size, stride, padding, may_be_empty=count_padding)
    if count_padding or not windows["padding"]:
        return _sum_pool(x, **windows, weight=float(1 / np.prod(windows["size"])))
    ones = np.ones((1, 1, *shape_of(x)[2:]), dtype=bare(x).dtype)
    counts = images.sum_pool(ones, **windows, weight=1.0)
    return multiply(_sum_pool(x, **windows, weight=1.0), 1 / counts)


def _pool_operand(
    name: str,
    x: Operand,
    size: int | Sizes,
    stride: int | Sizes | None,
    padding: Padding,
    *,
    may_be_empty: bool,
) -> tuple[Any, dict[str, Any]]:
    """The operand, and the windows over it: size, stride and padding, checked.

    ``may_be_empty`` says whether a window may have nothing of the input in it.
    """
    x = x if isinstance(x, Node) else real_array(x)
    rank = len(shape_of(x)) - 2
    if rank < 1:
        raise ValueError(f"{name}: expected (n, c, *spatial), got {describe(x)}")
    if bare(x).dtype.kind != "f":
        x = astype(x, float)  # neither a mean nor a border of -inf is an integer
    try:
        return x, _windows(shape_of(x)[2:], size, stride, padding, may_be_empty)
    except ValueError as fault:
        raise ValueError(f"{name}({describe(x)}): {fault}") from None


@memoised
def _windows(
    spatial: Sizes,
    size: int | Sizes,
    stride: int | Sizes | None,
    padding: Padding,
    may_be_empty: bool,
) -> dict[str, Any]:
    """Size, stride and padding of windows over images of these lengths, if they fit."""
    sizes = window_sizes("size", size, len(spatial))
    steps = sizes if stride is None else window_sizes("stride", stride, len(spatial))
    widths = padding_widths(spatial, sizes, steps, padding)
    if not may_be_empty and any(max(pair) >= k for pair, k in zip(widths, sizes, strict=True)):
        raise ValueError(
            f"a padding of {padding!r} leaves windows of {by(sizes)} with nothing of the input in "
            "them"
        )
    whole = padded_sizes(spatial, border(widths))
    if any(n < k for n, k in zip(whole, sizes, strict=True)):
        raise ValueError(
            f"a window of {by(sizes)} is larger than its input of {by(whole)} "
            f"(padding {padding!r} included)"
        )
    return {"size": sizes, "stride": steps, "padding": border(widths)}
