"""Windows that slide over the trailing axes, and what convolution and pooling say about theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from autodiff.graph import Operand, describe
from autodiff.kernels import windows as kernels
from autodiff.kernels.windows import Sizes
from autodiff.ops.padding import pad
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import shape_of, whole_numbers

__all__ = [
    "windows",
]

Padding: TypeAlias = int | Sequence[int | tuple[int, int]] | Literal["same", "valid"]
"""A number for all spatial axes; for each axis a number or a pair (before, after); or a name."""

Widths: TypeAlias = list[tuple[int, int]]

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
        size=window_sizes("size", size, rank),
        stride=window_sizes("stride", stride, rank),
        dilation=window_sizes("dilation", dilation, rank),
    )


# --- sizes ----------------------------------------------------------------------------------------


def window_sizes(name: str, given: int | Sizes, rank: int) -> Sizes:
    """One positive whole number per spatial axis."""
    sizes = per_axis(name, given, rank)
    if len(sizes) != rank or min(sizes) < 1:
        raise ValueError(
            f"{name} takes a positive whole number, or {rank} of them, one per spatial axis; "
            f"got {given!r}"
        )
    return sizes


def per_axis(name: str, given: Any, rank: int) -> Sizes:
    """A whole number, or several: one for all axes stands for as many."""
    numbers = whole_numbers(name, given)
    return numbers if isinstance(given, (tuple, list)) else numbers * rank


def padded(x: Operand, widths: Widths, border: float) -> Any:
    """Images with a border around their spatial axes."""
    if not any(map(any, widths)):
        return x
    return pad(x, ((0, 0), (0, 0), *widths), constant_values=border)


def border(widths: Widths) -> kernels.Widths:
    """Widths as kernels take them: nothing for no border."""
    return tuple(widths) if any(map(any, widths)) else ()


def padding_widths(spatial: Sizes, extent: Sizes, stride: Sizes, padding: Padding) -> Widths:
    """How wide the border before and after each spatial axis is.

    Raises:
        TypeError: a width is no whole number.
        ValueError: a width is negative, or there is not one per axis.
    """
    if padding == "valid":
        return [(0, 0)] * len(spatial)
    if padding == "same":
        lacking = [
            max((-(-n // s) - 1) * s + e - n, 0)
            for n, e, s in zip(spatial, extent, stride, strict=True)
        ]
        return [(n // 2, n - n // 2) for n in lacking]
    several = isinstance(padding, (str, tuple, list))
    sides: Sequence[Any] = padding if several else [padding] * len(spatial)  # type: ignore[assignment]
    widths: list[Any] = []
    if len(sides) == len(spatial) and not isinstance(padding, str):
        widths = [whole_numbers("padding", side) for side in sides]
        widths = [pair * 2 if len(pair) == 1 else pair for pair in widths]
    if not widths or any(len(pair) != 2 or min(pair) < 0 for pair in widths):
        raise ValueError(
            f'padding takes "same", "valid", a whole number, or for each of {len(spatial)} spatial '
            f"axes a number or a pair (before, after); got {padding!r}"
        )
    return widths
