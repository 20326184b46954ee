"""Normalisation: mean 0 and variance 1, over a batch or within an example."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff.graph import Operand, describe
from autodiff.kernels.windows import Sizes
from autodiff.ops.shapes import shape_of, whole_numbers
from nn.checks import whole
from nn.module import Array, Module, Parameter


class BatchNorm(Module):
    """Each channel normalised over the batch: mean 0 and variance 1, then a scale and a shift.

    y = (x - mean) / sqrt(variance + eps) · weight + bias, after Ioffe & Szegedy, Batch
    Normalization (2015), algorithms 1 and 2. In training, mean and variance are those of the batch,
    over all axes but the channels'; the variance is Σ d² / n. After ``eval()`` they are running
    averages, which each call in training moves on:

        running = (1 - momentum) · running + momentum · of the batch

    with Σ d² / (n - 1), the unbiased variance, for ``running_var``. Both conventions are PyTorch's.
    The running averages are buffers, and no part of the graph.

    Args:
        channels: of the input.
        momentum: the weight of the latest batch in the running averages, from 0 to 1.
        eps: what keeps the variance from 0.
        affine: whether there are a weight and a bias per channel; they start at 1 and 0.
        dtype: of parameters and buffers.

    Shapes:
        (n, channels, *spatial), which stays; any number of spatial axes, also none.

    Raises:
        ValueError: the input has another shape; or it has, in training, one element per channel,
            whose variance says nothing.

    Example:
        >>> import numpy as np
        >>> from nn import BatchNorm
        >>> layer = BatchNorm(1, dtype="float64")
        >>> layer(np.array([[1.0], [3.0]])).data.round(4).ravel()
        array([-1.,  1.])
        >>> layer.running_mean, layer.running_var
        (array([0.2]), array([1.1]))
    """

    def __init__(
        self,
        channels: int,
        *,
        momentum: float = 0.1,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: DTypeLike = "float32",
    ) -> None:
        self.channels = whole("BatchNorm: channels", channels)
        if not 0 <= momentum <= 1:
            raise ValueError(f"BatchNorm: expected 0 <= momentum <= 1, got {momentum}")
        self.momentum = momentum
        self.eps = _positive("BatchNorm", eps)
        self.affine = affine
        self.weight, self.bias = _scale_and_bias("batch_norm", (self.channels,), dtype, affine)
        self.running_mean: Array = np.zeros(self.channels, dtype)
        self.running_var: Array = np.ones(self.channels, dtype)

    def forward(self, x: Operand) -> Any:
        shape = shape_of(x)
        if len(shape) < 2 or shape[1] != self.channels:
            raise ValueError(
                f"BatchNorm: expected an input of shape (n, {self.channels}, ...), "
                f"got {describe(x)}"
            )
        along = (1, -1, *(1,) * (len(shape) - 2))
        weight, bias = (
            default if parameter is None else ad.reshape(parameter, along)
            for parameter, default in ((self.weight, 1.0), (self.bias, 0.0))
        )
        if self.training:
            return self._of_batch(x, (0, *range(2, len(shape))), weight, bias)
        deviations = ad.sub(x, self.running_mean.reshape(along))
        spread = np.sqrt(self.running_var.reshape(along) + self.eps)
        return deviations * (weight / spread) + bias

    def _of_batch(self, x: Operand, axes: tuple[int, ...], weight: Any, bias: Any) -> Any:
        """The batch normalised by itself; the running averages move on."""
        count = prod(shape_of(x)[axis] for axis in axes)
        if count < 2:
            raise ValueError(
                "BatchNorm: expected at least two elements per channel in training, got "
                f"{describe(x)}; eval() normalises single examples"
            )
        y, mean, variance = ad.standardise(x, axes, weight, bias, eps=self.eps, returned=True)
        self._move(self.running_mean, mean)
        self._move(self.running_var, variance * (count / (count - 1)))
        return y

    def _move(self, running: Array, latest: Array) -> None:
        running *= 1 - self.momentum
        running += self.momentum * latest.ravel()


class LayerNorm(Module):
    """Each example normalised over its last axes, in training and in use alike.

    y = (x - mean) / sqrt(variance + eps) · weight + bias, with the mean and the variance Σ d² / n
    of the last axes. After Ba, Kiros & Hinton, Layer Normalization (2016).

    Args:
        shape: the lengths of the axes to normalise over, the last ones; a number for one axis.
        eps: what keeps the variance from 0.
        affine: whether there are a weight and a bias of that shape; they start at 1 and 0.
        dtype: of the parameters.

    Shapes:
        (..., *shape), which stays.

    Raises:
        ValueError: the last axes of the input are others.

    Example:
        >>> import numpy as np
        >>> from nn import LayerNorm
        >>> LayerNorm(2, affine=False)(np.array([[1.0, 3.0], [10.0, 10.0]])).round(4)
        array([[-1.,  1.],
               [ 0.,  0.]])
    """

    def __init__(
        self,
        shape: int | Sizes,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: DTypeLike = "float32",
    ) -> None:
        self.shape = whole_numbers("LayerNorm: shape", shape)
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"LayerNorm: shape is of positive whole numbers, got {shape!r}")
        self.eps = _positive("LayerNorm", eps)
        self.affine = affine
        self.weight, self.bias = _scale_and_bias("layer_norm", self.shape, dtype, affine)

    def forward(self, x: Operand) -> Any:
        given = shape_of(x)
        axes = tuple(range(len(given) - len(self.shape), len(given)))
        if axes[0] < 0 or given[axes[0] :] != self.shape:
            expected = ", ".join(map(str, self.shape))
            raise ValueError(
                f"LayerNorm: expected an input of shape (..., {expected}), got {describe(x)}"
            )
        if self.weight is None or self.bias is None:
            return ad.standardise(x, axes, eps=self.eps)
        return ad.standardise(x, axes, self.weight, self.bias, eps=self.eps)


def _positive(name: str, eps: float) -> float:
    if not eps > 0:
        raise ValueError(f"{name}: expected eps > 0, got {eps}")
    return eps


def _scale_and_bias(
    name: str, shape: Sizes, dtype: DTypeLike, affine: bool
) -> tuple[Parameter | None, Parameter | None]:
    if not affine:
        return None, None
    return (
        Parameter(np.ones(shape, dtype), "scale", label=f"{name}.weight"),
        Parameter(np.zeros(shape, dtype), "bias", label=f"{name}.bias"),
    )
