"""Convolution and cross-correlation, of images and of plain sequences.

Images are (batch, channels, *spatial). Their convolutions are a closed family: each of the three is
linear in both operands, and its transposes are the other two. So are the two of sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from autodiff.adjoint import dense
from autodiff.caching import memoised
from autodiff.graph import Node, Operand, describe
from autodiff.kernels import images
from autodiff.kernels.windows import Sizes, by, padded_sizes
from autodiff.ops.indexing import getitem
from autodiff.ops.pointwise import add
from autodiff.ops.pooling import Pooled
from autodiff.ops.reductions import sum
from autodiff.ops.rules import Biased, Linear
from autodiff.ops.shapes import reshape, shape_of, whole_numbers
from autodiff.ops.spatial import (
    Padding,
    Widths,
    border,
    padded,
    padding_widths,
    per_axis,
    window_sizes,
)
from autodiff.primitive import Operands, Parameters

__all__ = [
    "conv",
    "conv_transpose",
    "convolve",
    "correlate",
]

Mode: TypeAlias = Literal["full", "same", "valid"]

# --- of images ------------------------------------------------------------------------------------


def _call(name: str) -> Callable[..., str]:
    """How a convolution is written: without steps of 1, and lengths that follow from operands."""

    def text(*operands: str, padding: Any = (), **steps: Any) -> str:
        given = [
            f"{step}={value}"
            for step, value in steps.items()
            if step not in ("spatial", "size") and np.any(np.not_equal(value, 1))
        ]
        if padding:
            given.append(f"padding={padding}")
        return f"{name}({', '.join([*operands, *given])})"

    return text


class _Convolution(Biased):
    """With kernels for each channel alone, the adjoints of images and kernels are found in one go.

    They read the same numbers, and it is that which takes the time.
    """

    def vjps(
        self, wanted: Sequence[int], t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Iterable[Any]:
        x, w = operands[:2]
        if {0, 1} <= {*wanted} and not any(isinstance(operand, Node) for operand in (t, x, w)):
            adjoint = t.adjoint if isinstance(t, Pooled) else t
            both = images.correlate_both(x, adjoint, w, **parameters)
            if both is not None:
                return [*both, *super().vjps(wanted[2:], t, f, operands, parameters)]
        return super().vjps(wanted, t, f, operands, parameters)


_conv = _Convolution(
    "conv",
    lambda x, w, b=None, **steps: images.correlate(x, w, **steps, b=b),
    lambda t, f, x, w, b=None, **steps: _pull_input(t, w, spatial=shape_of(x)[2:], **steps),
    lambda t, f, x, w, b=None, **steps: _pull_kernel(x, t, size=shape_of(w)[2:], **steps),
    lambda t, f, x, w, b, **steps: _pull_bias(t),
    spread=lambda b, f: reshape(b, (-1, *(1,) * (len(shape_of(f)) - 2))),
    text=_call("conv"),
)
_conv.takes = (Pooled,)
_conv_input: Linear = Linear(
    "conv_input",
    images.correlate_input,
    lambda u, f, t, w, *, spatial, **steps: _conv(u, w, **steps),
    lambda u, f, t, w, *, spatial, **steps: _conv_kernel(u, t, size=shape_of(w)[2:], **steps),
    text=_call("conv_input"),
)
_conv_kernel: Linear = Linear(
    "conv_kernel",
    images.correlate_kernel,
    lambda v, f, x, t, *, size, **steps: _conv_input(t, v, spatial=shape_of(x)[2:], **steps),
    lambda v, f, x, t, *, size, **steps: _conv(x, v, **steps),
    text=_call("conv_kernel"),
)
_conv.steady = _conv_input.steady = True


def _pull_input(t: Any, w: Any, **steps: Any) -> Any:
    if isinstance(t, Pooled) and not isinstance(w, Node):
        return images.correlate_input(t.adjoint, w, **steps)
    return _conv_input(dense(t), w, **steps)


def _pull_kernel(x: Any, t: Any, **steps: Any) -> Any:
    if isinstance(t, Pooled) and not isinstance(x, Node):
        return images.correlate_kernel(x, t.adjoint, **steps)
    return _conv_kernel(x, dense(t), **steps)


def _pull_bias(t: Any) -> Any:
    if isinstance(t, Pooled):
        return t.adjoint.per_channel
    if not isinstance(t, Node):
        return images.per_channel(t)
    return sum(t, (0, *range(2, len(shape_of(t)))))


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
        padding: zeros before and after each spatial axis: a number, or for each axis a number or a
            pair (before, after); "valid" for none, "same" for as many as give ceil(length / stride)
            outputs.
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
    try:
        windows = _windows(shape_of(x), shape_of(w), stride, padding, dilation, groups)
    except ValueError as fault:
        raise ValueError(f"conv({describe(x)}, {describe(w)}): {fault}") from None
    w = _flipped(w, len(shape_of(w)) - 2) if flip else w
    if b is None:
        return _conv(x, w, **windows)
    if shape_of(b) != shape_of(w)[:1]:
        raise ValueError(
            f"conv({describe(x)}, {describe(w)}): expected a bias of shape {shape_of(w)[:1]}, got "
            f"{describe(b)}"
        )
    return _conv(x, w, b, **windows)


@memoised
def _windows(
    images: Sizes,
    kernels: Sizes,
    stride: int | Sizes,
    padding: Padding,
    dilation: int | Sizes,
    groups: int,
) -> dict[str, Any]:
    """Parameters of ``_conv`` for operands of these shapes, if they fit."""
    rank = _rank(images, kernels)
    (groups,) = whole_numbers("groups", groups)
    if groups < 1 or kernels[0] % groups or kernels[1] * groups != images[1]:
        raise ValueError(
            f"kernels of {kernels[1]} channels in {groups} group(s) need images of "
            f"{kernels[1] * groups} channels, got {images[1]}, and a number of kernels that the "
            f"groups divide, got {kernels[0]}"
        )
    steps = window_sizes("stride", stride, rank)
    gaps = window_sizes("dilation", dilation, rank)
    extent = _extent(kernels[2:], gaps)
    widths = border(padding_widths(images[2:], extent, steps, padding))
    spatial = padded_sizes(images[2:], widths)
    if any(n < e for n, e in zip(spatial, extent, strict=True)):
        raise ValueError(
            f"a kernel of {by(extent)} is larger than its input of {by(spatial)} "
            f"(padding {padding!r} included)"
        )
    return {"stride": steps, "dilation": gaps, "groups": groups, "padding": widths}


def conv_transpose(
    x: Operand,
    w: Operand,
    b: Operand | None = None,
    *,
    stride: int | Sizes = 1,
    padding: Padding = 0,
    output_padding: int | Sizes = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
    flip: bool = False,
) -> Any:
    """The transpose of ``conv`` as a layer: what ``conv`` does to adjoints, done to images.

    For kernels w, ``conv_transpose(·, w)`` is the transposed matrix of ``conv(·, w)``, so the
    lengths that the one maps, the other maps back, and it takes as many channels as there are
    kernels. Each element of x is written to the output as a multiple of the kernel, ``stride``
    apart; what overlaps is added, and what lies in the padding is cut off (Dumoulin & Visin, A
    guide to convolution arithmetic for deep learning, §4). Conventions are PyTorch's.

    Args:
        x: images (n, c, *spatial).
        w: kernels (c, o / groups, *size), as the ``conv`` has them that maps o channels to c.
        b: a bias for each output channel, (o,); none if not given.
        stride: the distance at which neighbouring elements of x are written.
        padding: what is cut off before and after each axis: the padding of that ``conv``. "same"
            gives length · stride.
        output_padding: how much longer the output is at its end: several lengths are mapped by
            ``conv`` to the same one. Less than the stride or the dilation.
        dilation: the distance of neighbouring kernel elements.
        groups: the channels fall into this many groups that don't see each other.
        flip: the transpose of true convolution.

    Returns:
        (n, o, *positions), (length - 1) · stride - 2 padding + extent + output_padding of them per
        axis, with extent = (size - 1) · dilation + 1.

    Raises:
        ValueError: dimensions or channels don't fit, or nothing is left of the output.

    Example:
        >>> import numpy as np
        >>> from autodiff import conv_transpose
        >>> conv_transpose(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0, 100.0]]]), stride=2)
        array([[[  1.,  10., 102.,  20., 200.]]])
    """
    try:
        windows, added = _windows_back(
            shape_of(x), shape_of(w), stride, padding, output_padding, dilation, groups
        )
    except ValueError as fault:
        raise ValueError(f"conv_transpose({describe(x)}, {describe(w)}): {fault}") from None
    rank, outputs = len(shape_of(w)) - 2, (shape_of(w)[1] * windows["groups"],)
    w = _flipped(w, rank) if flip else w
    f = _conv_input(x, w, **windows)
    if added is not None:
        more, inside = added
        f = getitem(padded(f, more, 0.0), inside)
    if b is None:
        return f
    if shape_of(b) != outputs:
        raise ValueError(
            f"conv_transpose({describe(x)}, {describe(w)}): expected a bias of shape {outputs}, "
            f"got {describe(b)}"
        )
    return add(f, reshape(b, (*outputs, *(1,) * rank)))


@memoised
def _windows_back(
    images: Sizes,
    kernels: Sizes,
    stride: int | Sizes,
    padding: Padding,
    output_padding: int | Sizes,
    dilation: int | Sizes,
    groups: int,
) -> tuple[dict[str, Any], tuple[Widths, Any] | None]:
    """Parameters of ``_conv_input`` for operands of these shapes, if they fit.

    Returns:
        The parameters; and, where the output goes on behind what they give, what is put around that
        and which part of it is kept.
    """
    rank = _rank(images, kernels)
    (groups,) = whole_numbers("groups", groups)
    if groups < 1 or kernels[0] % groups or kernels[0] != images[1]:
        raise ValueError(
            f"{kernels[0]} kernels need images of {kernels[0]} channels, got {images[1]}, and "
            f"groups that divide them, got {groups}"
        )
    steps = window_sizes("stride", stride, rank)
    gaps = window_sizes("dilation", dilation, rank)
    extent = _extent(kernels[2:], gaps)
    if 0 in images[2:]:
        raise ValueError("expected images of at least one element")
    whole = tuple((n - 1) * s + e for n, s, e in zip(images[2:], steps, extent, strict=True))
    cut = _cut(extent, steps, gaps, padding, output_padding)
    left = tuple(n - before - after for n, (before, after) in zip(whole, cut, strict=True))
    if min(left) < 1:
        raise ValueError(f"a padding of {padding!r} leaves nothing of {by(whole)}")
    windows = {"stride": steps, "dilation": gaps, "groups": groups}
    if all(after >= 0 for _, after in cut):
        return {"spatial": left, "padding": border(cut), **windows}, None
    more = [(0, max(-after, 0)) for _, after in cut]
    inside = (..., *(slice(c, c + n) for (c, _), n in zip(cut, left, strict=True)))
    return {"spatial": whole, "padding": (), **windows}, (more, inside)


def _cut(
    extent: Sizes, stride: Sizes, dilation: Sizes, padding: Padding, output_padding: int | Sizes
) -> Widths:
    """What a transposed convolution cuts off before and after each axis; negative: it adds."""
    if padding == "same":
        lacking = [e - s for e, s in zip(extent, stride, strict=True)]
        widths = [(max(n, 0) // 2, n - max(n, 0) // 2) for n in lacking]
    else:
        widths = padding_widths(extent, extent, stride, padding)
    more = per_axis("output_padding", output_padding, len(extent))
    if len(more) != len(extent) or any(
        n not in range(max(s, d)) for n, s, d in zip(more, stride, dilation, strict=True)
    ):
        raise ValueError(
            "output_padding takes a whole number, or one per spatial axis, less than the stride "
            f"{stride} or the dilation {dilation}; got {output_padding!r}"
        )
    return [(before, after - n) for (before, after), n in zip(widths, more, strict=True)]


def _rank(images: Sizes, kernels: Sizes) -> int:
    """The number of spatial dimensions, of images and kernels alike."""
    rank = len(kernels) - 2
    if rank not in (1, 2) or len(images) != rank + 2:
        raise ValueError(
            "expected images (n, c, *spatial) and kernels (o, c, *size) of one or two spatial "
            "dimensions each"
        )
    if 0 in (kernels[0], *kernels[2:]):
        raise ValueError("expected at least one kernel, of a length of at least 1")
    return rank


def _extent(size: Sizes, dilation: Sizes) -> Sizes:
    return tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))


def _flipped(w: Operand, rank: int) -> Any:
    return getitem(w, (..., *(slice(None, None, -1),) * rank))


# --- of sequences ---------------------------------------------------------------------------------

# f_m = Σ over k of x_k · y_{m - k}, wherever a term exists, and g_k = Σ over n of x_{n + k} · y_n,
# where all terms exist: each is the other's transpose, in the first operand and in the second.
_convolve: Linear = Linear(
    "convolve",
    np.convolve,
    lambda t, f, x, y: _correlate(t, y),
    lambda t, f, x, y: _correlate(t, x),
)
_correlate: Linear = Linear(
    "correlate",
    np.correlate,
    lambda t, f, x, y: _convolve(t, y),
    lambda t, f, x, y: _correlate(x, t),
)


def convolve(a: Operand, v: Operand, mode: Mode = "full") -> Any:
    """The convolution of two sequences: f_m = Σ over k of a_k · v_{m - k}.

    Args:
        a: a vector; a scalar is one of length 1.
        v: likewise.
        mode: "full" where at least one term exists; "valid" where the shorter lies within the
            longer; "same" as many as the longer has, from the middle.

    Raises:
        TypeError: the mode is unknown.
        ValueError: an operand is empty, or has more than one axis.

    Example:
        >>> import numpy as np
        >>> from autodiff import Tensor
        >>> p = Tensor([1.0, 2.0])
        >>> np.convolve(p, [1.0, 3.0, 5.0])
        Tensor([ 1.,  5., 11., 10.], op='convolve', dtype=float64)
    """
    a, v = _sequences("convolve", a, v, mode)
    if mode == "valid":
        longer, shorter = (a, v) if shape_of(a) >= shape_of(v) else (v, a)
        return _correlate(longer, _flipped(shorter, 1))
    return _middle(_convolve(a, v), a, v, mode)


def correlate(a: Operand, v: Operand, mode: Mode = "valid") -> Any:
    """The cross-correlation of two sequences: f_k = Σ over n of a_{n + k} · v_n.

    Arguments as for ``convolve``. Where ``v`` is the longer one, the result is that of the operands
    exchanged, in reverse order.
    """
    a, v = _sequences("correlate", a, v, mode)
    if shape_of(a) < shape_of(v):
        return _flipped(correlate(v, a, mode), 1)
    if mode == "valid":
        return _correlate(a, v)
    return _middle(_convolve(a, _flipped(v, 1)), a, v, mode)


def _sequences(name: str, a: Operand, v: Operand, mode: Mode) -> tuple[Any, Any]:
    if mode not in get_args(Mode):
        raise TypeError(f"{name}: mode is one of {', '.join(get_args(Mode))}, got {mode!r}")
    operands = [x if shape_of(x) else reshape(x, (1,)) for x in (a, v)]
    if any(len(shape_of(x)) != 1 or shape_of(x) == (0,) for x in operands):
        raise ValueError(
            f"{name}: expected two vectors that are not empty, got {describe(a)} and {describe(v)}"
        )
    return operands[0], operands[1]


def _middle(full: Any, a: Any, v: Any, mode: Mode) -> Any:
    """What a mode keeps of the full convolution."""
    if mode == "full":
        return full
    shorter, longer = sorted((*shape_of(a), *shape_of(v)))
    start = (shorter - 1) // 2
    return getitem(full, slice(start, start + longer))
