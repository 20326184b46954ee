"""What layers have in common whose windows slide over feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from autodiff.caching import memoised
from autodiff.graph import Operand, describe
from autodiff.kernels.windows import Sizes, by
from autodiff.ops.shapes import shape_of
from autodiff.ops.spatial import Padding, padding_widths, window_sizes
from nn.module import Module

Widths: TypeAlias = tuple[tuple[int, int], ...]

AXES = {1: "length", 2: "height, width"}


class Windowed(Module):
    """A layer whose windows slide over the spatial axes of (n, channels, *spatial).

    Attributes:
        rank: the number of spatial axes.
        size: of a window, one number per spatial axis.
        stride: distance of neighbouring windows, per axis.
        dilation: distance of neighbouring elements of a window, per axis.
        extent: the elements from a window's first to its last, per axis.
        padding: (before, after) per axis, or "same".
    """

    rank: ClassVar[int]
    padding: Widths | Literal["same"]

    def __init__(
        self,
        size: int | Sizes,
        stride: int | Sizes,
        padding: Padding,
        dilation: int | Sizes = 1,
    ) -> None:
        name = type(self).__name__
        self.size = window_sizes(f"{name}: size", size, self.rank)
        self.stride = window_sizes(f"{name}: stride", stride, self.rank)
        self.dilation = window_sizes(f"{name}: dilation", dilation, self.rank)
        self.extent = tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))
        self.padding = (
            "same"
            if isinstance(padding, str) and padding == "same"
            else tuple(padding_widths(self.size, self.extent, self.stride, padding))
        )

    def positions(self, spatial: Sequence[int]) -> Sizes:
        """The spatial lengths of the output, for those of an input.

        They are floor((length + before + after - extent) / stride) + 1, or ceil(length / stride)
        with the padding "same".

        Raises:
            ValueError: a window does not fit into the padded input.
        """
        try:
            return _positions(spatial, self.stride, self.padding, self.extent)
        except ValueError as fault:
            raise ValueError(f"{type(self).__name__}: {fault}") from None

    def _check(self, x: Operand, channels: int | None = None) -> None:
        """Refuse what is no feature maps of so many channels, or leaves nothing of the output."""
        shape = shape_of(x)
        if len(shape) != self.rank + 2 or (channels is not None and shape[1] != channels):
            raise ValueError(
                f"{type(self).__name__}: expected an input of shape "
                f"(n, {channels or 'channels'}, {AXES[self.rank]}), got {describe(x)}"
            )
        self.positions(shape[2:])


@memoised
def _positions(
    spatial: Sequence[int], stride: Sizes, padding: Widths | Literal["same"], extent: Sizes
) -> Sizes:
    if padding == "same":
        lengths = tuple(-(-n // s) for n, s in zip(spatial, stride, strict=True))
    else:
        lengths = tuple(
            (n + sum(around) - e) // s + 1
            for n, around, e, s in zip(spatial, padding, extent, stride, strict=True)
        )
    if min(lengths) < 1:
        raise ValueError(
            f"a window of {by(extent)} is larger than its input of {by(spatial)} with padding "
            f"{padding}"
        )
    return lengths
