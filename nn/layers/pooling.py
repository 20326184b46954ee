"""Pooling: one number for each window, or for each feature map."""

from __future__ import annotations

from typing import Any, get_args

import autodiff as ad
from autodiff.graph import Operand, describe
from autodiff.kernels.pooling import Ties
from autodiff.kernels.windows import Sizes, by
from autodiff.ops.shapes import shape_of
from autodiff.ops.spatial import Padding
from nn.layers.windows import Windowed
from nn.module import Module

# --- of windows -----------------------------------------------------------------------------------


class Pooling(Windowed):
    """What pooling layers have in common: windows that lie side by side if no stride is given."""

    def __init__(
        self, size: int | Sizes, *, stride: int | Sizes | None = None, padding: Padding = 0
    ) -> None:
        super().__init__(size, size if stride is None else stride, padding)

    def _refuse_empty_windows(self) -> None:
        """Refuse padding so wide that a window may have nothing of the input in it."""
        if self.padding != "same" and any(
            max(around) >= k for around, k in zip(self.padding, self.size, strict=True)
        ):
            raise ValueError(
                f"{type(self).__name__}: padding {self.padding} leaves windows of {by(self.size)} "
                "with nothing of the input in them; expected less than the size"
            )


class MaxPooling(Pooling):
    """What layers have in common that keep the largest element of each window."""

    steady = True

    def __init__(
        self,
        size: int | Sizes,
        *,
        stride: int | Sizes | None = None,
        padding: Padding = 0,
        ties: Ties = "first",
    ) -> None:
        super().__init__(size, stride=stride, padding=padding)
        if ties not in get_args(Ties):
            raise ValueError(
                f"{type(self).__name__}: ties is one of {', '.join(get_args(Ties))}, got {ties!r}"
            )
        self.ties: Ties = ties
        self._refuse_empty_windows()

    def forward(self, x: Operand) -> Any:
        self._check(x)
        return ad.max_pool(x, self.size, stride=self.stride, padding=self.padding, ties=self.ties)


class SumPooling(Pooling):
    """What layers have in common that add up each window."""

    steady = True

    def forward(self, x: Operand) -> Any:
        self._check(x)
        return ad.sum_pool(x, self.size, stride=self.stride, padding=self.padding)


class AvgPooling(Pooling):
    """What layers have in common that take the mean of each window."""

    steady = True

    def __init__(
        self,
        size: int | Sizes,
        *,
        stride: int | Sizes | None = None,
        padding: Padding = 0,
        count_padding: bool = True,
    ) -> None:
        super().__init__(size, stride=stride, padding=padding)
        self.count_padding = count_padding
        if not count_padding:
            self._refuse_empty_windows()

    def forward(self, x: Operand) -> Any:
        self._check(x)
        return ad.average_pool(
            x,
            self.size,
            stride=self.stride,
            padding=self.padding,
            count_padding=self.count_padding,
        )


class MaxPool2d(MaxPooling):
    """The largest element of each window.

    Args:
        size: of the window, one number or (height, width).
        stride: distance of neighbouring windows; side by side if not given.
        padding: a border that never wins.
        ties: who gets the adjoint among equals: "first", "last", "all" or "split".

    Shapes:
        (n, channels, height, width) to (n, channels, height', width'). What lies behind the last
        whole window is not used.

    Raises:
        ValueError: the arguments don't fit each other, or the input has another shape or is smaller
            than a window.
    """

    rank = 2


class MaxPool1d(MaxPooling):
    """The largest element of each window of a sequence; arguments as for ``MaxPool2d``.

    Shapes:
        (n, channels, length) to (n, channels, length').
    """

    rank = 1


class SumPool2d(SumPooling):
    """The sum over each window.

    Args:
        size: of the window, one number or (height, width).
        stride: distance of neighbouring windows; side by side if not given.
        padding: zeros around the input.

    Shapes:
        (n, channels, height, width) to (n, channels, height', width').
    """

    rank = 2


class SumPool1d(SumPooling):
    """The sum over each window of a sequence; arguments as for ``SumPool2d``.

    Shapes:
        (n, channels, length) to (n, channels, length').
    """

    rank = 1


class AvgPool2d(AvgPooling):
    """The mean over each window.

    Args:
        size: of the window, one number or (height, width).
        stride: distance of neighbouring windows; side by side if not given.
        padding: zeros around the input.
        count_padding: whether these zeros count, as in a sum divided by the size of the window; if
            not, the mean is that of the elements of the input in the window.

    Shapes:
        (n, channels, height, width) to (n, channels, height', width').
    """

    rank = 2


class AvgPool1d(AvgPooling):
    """The mean over each window of a sequence; arguments as for ``AvgPool2d``.

    Shapes:
        (n, channels, length) to (n, channels, length').
    """

    rank = 1


# --- of whole maps --------------------------------------------------------------------------------


class GlobalMaxPool(Module):
    """The largest element of each feature map; equals share the adjoint evenly.

    Shapes:
        (n, channels, *spatial) to (n, channels).
    """

    def forward(self, x: Operand) -> Any:
        return ad.max(x, _spatial_axes(self, x))


class GlobalAvgPool(Module):
    """The mean of each feature map.

    Shapes:
        (n, channels, *spatial) to (n, channels).
    """

    steady = True

    def forward(self, x: Operand) -> Any:
        return ad.mean(x, _spatial_axes(self, x))


def _spatial_axes(layer: Module, x: Operand) -> tuple[int, ...]:
    shape = shape_of(x)
    if len(shape) < 3 or 0 in shape[2:]:
        raise ValueError(
            f"{type(layer).__name__}: expected an input of shape (n, channels, ...) with spatial "
            f"axes that are not empty, got {describe(x)}"
        )
    return tuple(range(2, len(shape)))
