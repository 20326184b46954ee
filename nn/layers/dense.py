"""Layers of vectors."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np

import autodiff as ad
from autodiff.graph import Operand, describe
from autodiff.ops.shapes import shape_of
from nn.checks import whole
from nn.initialisers import lecun_uniform
from nn.module import Module, Parameter


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
        self.weight = Parameter(
            lecun_uniform((inputs, outputs), inputs, generator), label="dense.weight"
        )
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
