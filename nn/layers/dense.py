"""Layers of vectors."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff.graph import Operand, describe
from autodiff.ops.shapes import shape_of
from nn.checks import whole
from nn.initialisers import Initialiser, first_values, lecun_uniform
from nn.module import Module, Parameter


class Flatten(Module):
    """Feature maps as vectors.

    Args:
        order: which index runs slowest through the vector: "channel slowest" lists one map after
            the other (row by row), "channel fastest" one pixel after the other.

    Shapes:
        (n, channels, *spatial) to (n, channels · spatial).
    """

    steady = True

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
        bias: whether there is one; it starts at 0.
        initialiser: of the weights, see ``nn.initialisers``.
        dtype: of the parameters.
        generator: of the first weights, uniform in ±sqrt(3 / inputs) by default.

    Shapes:
        (n, inputs) to (n, outputs); W is (inputs, outputs).

    Raises:
        ValueError: the input is not (n, inputs).

    Example:
        >>> import numpy as np
        >>> from nn import Dense
        >>> from nn.initialisers import he_normal
        >>> rng = np.random.default_rng(0)
        >>> Dense(784, 100, initialiser=he_normal, generator=rng)(np.ones((64, 784))).shape
        (64, 100)
    """

    steady = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        initialiser: Initialiser = lecun_uniform,
        dtype: DTypeLike = "float32",
        generator: np.random.Generator,
    ) -> None:
        self.inputs, self.outputs = (
            whole("Dense: each of inputs and outputs", n) for n in (inputs, outputs)
        )
        self.weight = first_values(
            initialiser,
            (self.inputs, self.outputs),
            fan_in=self.inputs,
            fan_out=self.outputs,
            generator=generator,
            dtype=dtype,
            label="dense.weight",
        )
        self.bias = (
            Parameter(np.zeros(self.outputs, dtype), "bias", label="dense.bias") if bias else None
        )

    def forward(self, x: Operand) -> Any:
        shape = shape_of(x)
        if len(shape) != 2 or shape[1] != self.inputs:
            raise ValueError(
                f"Dense: expected an input of shape (n, {self.inputs}), got {describe(x)}"
                "; feature maps go through Flatten() first"
            )
        if self.bias is None:
            return ad.matmul(x, self.weight)
        return ad.affine(x, self.weight, self.bias)
