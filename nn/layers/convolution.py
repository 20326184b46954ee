"""Convolutions with learned kernels."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.graph import Operand
from autodiff.ops.spatial import Padding
from nn.checks import whole
from nn.initialisers import lecun_uniform
from nn.module import Module, Parameter


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
        self.weight = Parameter(
            lecun_uniform(shape, prod(shape[1:]), generator), label="conv.weight"
        )
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
