"""Windows that slide over the spatial axes: convolution and pooling.

Operands are (batch, channels, *spatial). The convolutions are a closed family: each of the three is
linear in both operands, and its transposes are the other two.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from autodiff.arrays import Array, real_array
from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels import convolution, pooling
from autodiff.kernels import windows as kernels
from autodiff.kernels.pooling import TIES, Ties
from autodiff.kernels.windows import Sizes, by
from autodiff.ops.indexing import getitem
from autodiff.ops.padding import pad
from autodiff.ops.reductions import sum
from autodiff.ops.rules import Explicit, Linear, total
from autodiff.ops.shapes import astype, reshape, shape_of, whole_numbers
from autodiff.primitive import Operands, Parameters

__all__ = [
    "average_pool",
    "conv",
    "max_pool",
    "sum_pool",
    "windows",
]

Padding: TypeAlias = int | tuple[int, ...] | Literal["same", "valid"]

# --- windows --------------------------------------------------------------------------------------

_windows = Linear(
    "windows",
    kernels.windows,
    lambda t, f, x, *, size, stride, dilation: _overlap_add(
        t, spatial=shape_of(x)[-len(size) :], size=size, stride=stride, dilation=dilation
    ),
)
_overlap_add: Linear = Linear(
    "overlap_add",
    kernels.overlap_add,
    lambda t, f, x, *, spatial, size, stride, dilation: _windows(
        t, size=size, stride=stride, dilation=dilation
    ),
)


def windows(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes = 1,
    dilation: int | Sizes = 1,
) -> Any:
    """All windows of the trailing axes, side by side.

    Args:
        x: (*leading, *spatial).
        size: the window; as many numbers as there are spatial axes, one for a single axis.
        stride: the distance of neighbouring windows.
        dilation: the distance of neighbouring elements of a window.

    Returns:
        (*leading, *positions, *size), a view without a copy.

    Raises:
        ValueError: a window is larger than the operand.

    Example:
        >>> import numpy as np
        >>> from autodiff import windows
        >>> windows(np.arange(4.0), 2)
        array([[0., 1.],
               [1., 2.],
               [2., 3.]])
    """
    rank = len(size) if isinstance(size, (tuple, list)) else 1
    if len(shape_of(x)) < rank:
        raise ValueError(f"windows: {describe(x)} has fewer than {rank} axes")
    return _windows(
        x,
        size=_sizes("size", size, rank),
        stride=_sizes("stride", stride, rank),
        dilation=_sizes("dilation", dilation, rank),
    )


# --- convolution ----------------------------------------------------------------------------------


class _Conv(Linear):
    """Linear in x and in w, plus a bias if there is one."""

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        terms = [super().jvp(tangents[:2], f, operands[:2], parameters)]
        if len(tangents) == 3 and tangents[2] is not None:
            terms.append(reshape(tangents[2], (-1, *(1,) * (len(shape_of(f)) - 2))))
        return total(terms)


_conv = _Conv(
    "conv",
    lambda x, w, b=None, **steps: convolution.correlate(x, w, **steps, b=b),
    lambda t, f, x, w, b=None, **steps: _conv_input(t, w, spatial=shape_of(x)[2:], **steps),
    lambda t, f, x, w, b=None, **steps: _conv_kernel(x, t, size=shape_of(w)[2:], **steps),
    lambda t, f, x, w, b, **steps: sum(t, (0, *range(2, len(shape_of(t))))),
)
_conv_input: Linear = Linear(
    "conv_input",
    convolution.correlate_input,
    lambda u, f, t, w, *, spatial, **steps: _conv(u, w, **steps),
    lambda u, f, t, w, *, spatial, **steps: _conv_kernel(u, t, size=shape_of(w)[2:], **steps),
)
_conv_kernel: Linear = Linear(
    "conv_kernel",
    convolution.correlate_kernel,
    lambda v, f, x, t, *, size, **steps: _conv_input(t, v, spatial=shape_of(x)[2:], **steps),
    lambda v, f, x, t, *, size, **steps: _conv(x, v, **steps),
)


def conv(
    x: Operand,
    w: Operand,
    b: Operand | None = None,
    *,
    stride: int | Sizes = 1,
    padding: Padding = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
    flip: bool = False,
) -> Any:
    """The cross-correlation of images with kernels, which networks call convolution, in 1-D or 2-D.

    y[n, o, i] = b[o] + Σ over c, a of x[n, c, i · stride + a · dilation] · w[o, c, a], where i and
    a run over one or two spatial axes (Goodfellow, Bengio & Courville, Deep Learning, eq. 9.6).

    Args:
        x: images (n, c, *spatial).
        w: kernels (o, c / groups, *size).
        b: a bias for each output channel, (o,); none if not given.
        stride: the distance of neighbouring outputs.
        padding: zeros before and after each spatial axis; "valid" for none, "same" for as many as
            give ceil(length / stride) outputs.
        dilation: the distance of neighbouring kernel elements.
        groups: the channels fall into this many groups that don't see each other.
        flip: true convolution, with the kernel flipped (eq. 9.4).

    Returns:
        (n, o, *positions), floor((length + 2 padding - extent) / stride) + 1 positions per axis,
        with extent = (size - 1) · dilation + 1.

    Raises:
        ValueError: dimensions or channels don't fit, or a kernel is larger than its padded input.

    Example:
        >>> import numpy as np
        >>> from autodiff import conv
        >>> x = np.array([[[1.0, 2.0, 4.0, 8.0]]])
        >>> w = np.array([[[1.0, -1.0]]])
        >>> conv(x, w), conv(x, w, flip=True)
        (array([[[-1., -2., -4.]]]), array([[[1., 2., 4.]]]))
    """
    x_shape, w_shape = shape_of(x), shape_of(w)
    rank = len(w_shape) - 2
    named = f"conv({describe(x)}, {describe(w)})"
    if rank not in (1, 2) or len(x_shape) != rank + 2:
        raise ValueError(
            f"{named}: expected images (n, c, *spatial) and kernels (o, c, *size) of one or two "
            "spatial dimensions each"
        )
    (groups,) = whole_numbers("groups", groups)
    if groups < 1 or w_shape[0] % groups or w_shape[1] * groups != x_shape[1]:
        raise ValueError(
            f"{named}: kernels of {w_shape[1]} channels in {groups} group(s) need images of "
            f"{w_shape[1] * groups} channels, got {x_shape[1]}, and a number of kernels that the "
            f"groups divide, got {w_shape[0]}"
        )
    if 0 in (w_shape[0], *w_shape[2:]):
        raise ValueError(f"{named}: expected at least one kernel, of a length of at least 1")
    steps = _sizes("stride", stride, rank)
    gaps = _sizes("dilation", dilation, rank)
    extent = tuple((k - 1) * d + 1 for k, d in zip(w_shape[2:], gaps, strict=True))
    x = _padded(x, _padding_widths(x_shape[2:], extent, steps, padding), 0.0)
    if any(n < e for n, e in zip(shape_of(x)[2:], extent, strict=True)):
        raise ValueError(
            f"{named}: a kernel of {by(extent)} is larger than its input of "
            f"{by(shape_of(x)[2:])} (padding {padding!r} included)"
        )
    if flip:
        w = getitem(w, (..., *(slice(None, None, -1),) * rank))
    if b is None:
        return _conv(x, w, stride=steps, dilation=gaps, groups=groups)
    if shape_of(b) != w_shape[:1]:
        raise ValueError(f"{named}: expected a bias of shape {w_shape[:1]}, got {describe(b)}")
    return _conv(x, w, b, stride=steps, dilation=gaps, groups=groups)


# --- pooling --------------------------------------------------------------------------------------

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
)


def _unpool_like(t: Any, x: Any, weights: Any, size: Sizes, stride: Sizes) -> Any:
    return _unpool(t, weights, spatial=shape_of(x)[-len(size) :], size=size, stride=stride)


def _winners(f: Any, x: Any, size: Sizes, stride: Sizes, ties: Ties) -> Array:
    """Who won is constant almost everywhere, so nothing is recorded."""
    return pooling.winners(bare(x), bare(f), size, stride, ties)


_max_pool = Explicit(
    "max_pool",
    lambda x, *, size, stride, ties: pooling.max_pool(x, size, stride),
    vjp=lambda t, f, x, *, size, stride, ties: _unpool_like(
        t, x, _winners(f, x, size, stride, ties), size, stride
    ),
    jvp=lambda dx, f, x, *, size, stride, ties: _pool(
        dx, _winners(f, x, size, stride, ties), size=size, stride=stride
    ),
    pattern=lambda t, f, x, *, size, stride, ties: _unpool_like(
        t, x, _uniform(size, shape_of(x), 1.0), size, stride
    ),
)


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
    x, sizes, steps = _pool_operand("max_pool", x, size, stride, padding, -np.inf)
    return _max_pool(x, size=sizes, stride=steps, ties=ties)


def sum_pool(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    padding: Padding = 0,
) -> Any:
    """The sum over each window of the spatial axes; arguments as for ``max_pool``."""
    x, sizes, steps = _pool_operand("sum_pool", x, size, stride, padding, 0.0)
    return _pool(x, _uniform(sizes, shape_of(x), 1.0), size=sizes, stride=steps)


def average_pool(
    x: Operand,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    padding: Padding = 0,
) -> Any:
    """The mean over each window, the zeros of a padding included; arguments as for ``max_pool``."""
    x, sizes, steps = _pool_operand("average_pool", x, size, stride, padding, 0.0)
    weight = float(1 / np.prod(sizes))
    return _pool(x, _uniform(sizes, shape_of(x), weight), size=sizes, stride=steps)


def _uniform(size: Sizes, shape: tuple[int, ...], weight: float) -> Array:
    return np.full((*size, *(1,) * len(shape)), weight)


def _pool_operand(
    name: str,
    x: Operand,
    size: int | Sizes,
    stride: int | Sizes | None,
    padding: Padding,
    border: float,
) -> tuple[Any, Sizes, Sizes]:
    """The padded operand, the window and the stride, checked."""
    x = x if isinstance(x, Node) else real_array(x)
    rank = len(shape_of(x)) - 2
    if rank < 1:
        raise ValueError(f"{name}: expected (n, c, *spatial), got {describe(x)}")
    if bare(x).dtype.kind != "f":
        x = astype(x, float)  # neither a mean nor a border of -inf is an integer
    sizes = _sizes("size", size, rank)
    steps = sizes if stride is None else _sizes("stride", stride, rank)
    widths = _padding_widths(shape_of(x)[2:], sizes, steps, padding)
    if border and any(max(pair) >= k for pair, k in zip(widths, sizes, strict=True)):
        raise ValueError(
            f"{name}({describe(x)}): a padding of {padding!r} leaves windows of {by(sizes)} with "
            "nothing of the input in them"
        )
    padded = _padded(x, widths, border)
    spatial = shape_of(padded)[2:]
    if any(n < k for n, k in zip(spatial, sizes, strict=True)):
        raise ValueError(
            f"{name}({describe(x)}): a window of {by(sizes)} is larger than its input of "
            f"{by(spatial)} (padding {padding!r} included)"
        )
    return padded, sizes, steps


# --- sizes ----------------------------------------------------------------------------------------


def _sizes(name: str, given: int | Sizes, rank: int) -> Sizes:
    """One positive whole number per spatial axis."""
    sizes = _per_axis(name, given, rank)
    if len(sizes) != rank or min(sizes) < 1:
        raise ValueError(
            f"{name} takes a positive whole number, or {rank} of them, one per spatial axis; "
            f"got {given!r}"
        )
    return sizes


def _per_axis(name: str, given: Any, rank: int) -> Sizes:
    numbers = whole_numbers(name, given)
    return numbers if isinstance(given, (tuple, list)) else numbers * rank


def _padded(x: Operand, widths: list[tuple[int, int]], border: float) -> Any:
    if not any(map(any, widths)):
        return x
    return pad(x, ((0, 0), (0, 0), *widths), constant_values=border)


def _padding_widths(
    spatial: Sizes, extent: Sizes, stride: Sizes, padding: Padding
) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * len(spatial)
    if padding == "same":
        lacking = [
            max((-(-n // s) - 1) * s + e - n, 0)
            for n, e, s in zip(spatial, extent, stride, strict=True)
        ]
        return [(n // 2, n - n // 2) for n in lacking]
    widths = () if isinstance(padding, str) else _per_axis("padding", padding, len(spatial))
    if len(widths) != len(spatial) or min(widths) < 0:
        raise ValueError(
            f'padding takes "same", "valid", a whole number, or {len(spatial)} of them, one per '
            f"spatial axis; got {padding!r}"
        )
    return [(n, n) for n in widths]
