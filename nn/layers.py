"""Layers: each a few lines of primitives, and no derivative."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np

import autodiff as ad
from autodiff.graph import Operand, describe
from autodiff.kernels.pooling import Ties
from autodiff.ops.shapes import shape_of
from autodiff.ops.spatial import Padding
from nn.module import Module, Parameter, uniform, whole


class Conv2d(Module):
    """Cross-correlation with learned kernels, plus a bias per output channel.

    Args:
        channels: of the input.
        outputs: how many kernels, the channels of the output.
        size: of a kernel, one number or (height, width).
        stride: distance of neighbouring outputs.
        padding: zeros around the input: a number, "same" or "valid".
        dilation: distance of neighbouring kernel elements.
        groups: the channels fall into this many groups that don't see each other.
        bias: whether there is one.
        flip: true convolution, with the kernels flipped.
        generator: of the first weights, uniform in ±sqrt(3 / inputs of a unit).

    Shapes:
        (n, channels, height, width) to (n, outputs, height', width').

    Example:
        >>> import numpy as np
        >>> from nn import Conv2d
        >>> Conv2d(1, 20, 5, generator=np.random.default_rng(0))(np.ones((2, 1, 28, 28))).shape
        (2, 20, 24, 24)
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: Padding = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        flip: bool = False,
        generator: np.random.Generator,
    ) -> None:
        window = size if isinstance(size, tuple) else (size, size)
        if len(window) != 2:
            raise ValueError(f"Conv2d: size is one number or (height, width), got {size!r}")
        for n in (channels, outputs, groups, *window):
            whole("Conv2d: each of channels, outputs, groups and size", n)
        if channels % groups or outputs % groups:
            raise ValueError(
                f"Conv2d: {groups} group(s) must divide {channels} channels and {outputs} outputs"
            )
        shape = (outputs, channels // groups, *window)
        self.weight = Parameter(uniform(shape, prod(shape[1:]), generator), label="conv.weight")
        self.bias = (
            Parameter(np.zeros(outputs, np.float32), "bias", label="conv.bias") if bias else None
        )
        self.options: dict[str, Any] = {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
            "flip": flip,
        }

    def forward(self, x: Operand) -> Any:
        return ad.conv(x, self.weight, self.bias, **self.options)


class MaxPool2d(Module):
    """The largest element of each window.

    Args:
        size: of the window.
        stride: distance of neighbouring windows; side by side if not given.
        padding: a border that never wins.
        ties: who gets the adjoint among equals: "first", "last", "all" or "split".
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] | None = None,
        padding: Padding = 0,
        ties: Ties = "first",
    ) -> None:
        self.size = size
        self.options: dict[str, Any] = {"stride": stride, "padding": padding, "ties": ties}

    def forward(self, x: Operand) -> Any:
        return ad.max_pool(x, self.size, **self.options)


class Flatten(Module):
    """Feature maps as vectors.

    Args:
        order: which index runs slowest through the vector: "channel slowest" lists one map after
            the other (row by row), "channel fastest" one pixel after the other.

    Shapes:
        (n, channels, *spatial) to (n, channels · spatial).
    """

    def __init__(
        self, order: Literal["channel slowest", "channel fastest"] = "channel slowest"
    ) -> None:
        if order not in ("channel slowest", "channel fastest"):
            raise ValueError(
                f"Flatten: order is 'channel slowest' or 'channel fastest', got {order!r}"
            )
        self.order = order

    def forward(self, x: Operand) -> Any:
        shape = shape_of(x)
        if len(shape) < 2:
            raise ValueError(f"Flatten: expected (n, channels, ...), got {describe(x)}")
        if self.order == "channel fastest":
            x = ad.transpose(x, (0, *range(2, len(shape)), 1))
        return ad.reshape(x, (shape[0], prod(shape[1:])))


class Dense(Module):
    """A weighted sum of all inputs for each output, plus a bias: y = x W + b.

    Args:
        inputs: how many numbers come in.
        outputs: how many go out.
        bias: whether there is one.
        generator: of the first weights, uniform in ±sqrt(3 / inputs).

    Shapes:
        (n, inputs) to (n, outputs).

    Raises:
        ValueError: the input is not (n, inputs).
    """

    def __init__(
        self, inputs: int, outputs: int, *, bias: bool = True, generator: np.random.Generator
    ) -> None:
        for n in (inputs, outputs):
            whole("Dense: each of inputs and outputs", n)
        self.weight = Parameter(uniform((inputs, outputs), inputs, generator), label="dense.weight")
        self.bias = (
            Parameter(np.zeros(outputs, np.float32), "bias", label="dense.bias") if bias else None
        )

    def forward(self, x: Operand) -> Any:
        if len(shape_of(x)) != 2 or shape_of(x)[1] != self.weight.shape[0]:
            raise ValueError(
                f"Dense: expected an input of shape (n, {self.weight.shape[0]}), got {describe(x)}"
                "; feature maps go through Flatten() first"
            )
        if self.bias is None:
            return ad.matmul(x, self.weight)
        return ad.affine(x, self.weight, self.bias)


class ReLU(Module):
    """max(x, 0), element by element."""

    def forward(self, x: Operand) -> Any:
        return ad.relu(x)
