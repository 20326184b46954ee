"""Activation functions as modules. They work on inputs of any shape, element by element.

``Softmax`` and ``LogSoftmax`` work along an axis.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff.graph import Node, Operand, bare, describe
from autodiff.kernels.pointwise import greater
from autodiff.ops.shapes import as_operand, shape_of
from nn.checks import whole
from nn.module import Module, Parameter

# --- with an end on both sides --------------------------------------------------------------------


class Sigmoid(Module):
    """1 / (1 + e^-x), without overflow."""

    steady = True

    def forward(self, x: Operand) -> Any:
        return ad.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Operand) -> Any:
        return ad.tanh(x)


# --- linear on either side of 0 -------------------------------------------------------------------


class ReLU(Module):
    """max(x, 0), element by element."""

    steady = True

    def forward(self, x: Operand) -> Any:
        return ad.relu(x)


class LeakyReLU(Module):
    """The input where it is positive, elsewhere slope · x; the derivative at 0 is the slope.

    After Maas, Hannun & Ng, Rectifier Nonlinearities Improve Neural Network Acoustic Models (2013).

    Args:
        slope: for negative numbers.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Operand) -> Any:
        return _rectified(x, self.slope)


class PReLU(Module):
    """``LeakyReLU`` with slopes that are learned.

    After He, Zhang, Ren & Sun, Delving Deep into Rectifiers (2015), eq. 1.

    Args:
        channels: how many slopes there are: one for each channel, or 1 for all.
        slope: their first value.
        dtype: of the slopes.

    Shapes:
        (n, channels, ...), which stays; any, if there is one slope.

    Raises:
        ValueError: the input has not as many channels as there are slopes.
    """

    def __init__(
        self, channels: int = 1, *, slope: float = 0.25, dtype: DTypeLike = "float32"
    ) -> None:
        self.channels = whole("PReLU: channels", channels)
        self.weight = Parameter(np.full(self.channels, slope, dtype), "scale", label="prelu.weight")

    def forward(self, x: Operand) -> Any:
        shape = shape_of(x)
        if self.channels == 1:
            return _rectified(x, self.weight)
        if len(shape) < 2 or shape[1] != self.channels:
            raise ValueError(
                f"PReLU: expected an input of shape (n, {self.channels}, ...), got {describe(x)}"
            )
        return _rectified(x, ad.reshape(self.weight, (-1, *(1,) * (len(shape) - 2))))


def _rectified(x: Operand, slope: Any) -> Any:
    u = as_operand(x)
    if isinstance(slope, Node) or np.ndim(slope):
        return ad.where(u > 0, u, slope * u)
    # The slope on either side is a constant, and one product with it all that is to be recorded.
    dtype = u.dtype if u.dtype.kind == "f" else np.dtype(float)
    return u * _slopes(greater(bare(u), 0), dtype.type(slope), dtype)


def _slopes(positive: Any, slope: Any, dtype: np.dtype[Any]) -> Any:
    if 0 <= slope <= 1:  # the larger of the slope and 1 or 0: without branches
        return np.maximum(positive, slope, dtype=dtype)
    return np.where(positive, dtype.type(1), slope)


# --- exponential on the left ----------------------------------------------------------------------


class ELU(Module):
    """The input where it is positive, elsewhere alpha · (e^x - 1); the derivative at 0 is alpha.

    After Clevert, Unterthiner & Hochreiter, Fast and Accurate Deep Network Learning by Exponential
    Linear Units (2016).

    Args:
        alpha: minus the limit on the left.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Operand) -> Any:
        return ad.relu(x) + self.alpha * _exponential(x)


class SELU(Module):
    """``ELU`` with the factors that keep mean 0 and variance 1 from layer to layer.

    After Klambauer, Unterthiner, Mayr & Hochreiter, Self-Normalizing Neural Networks (2017).
    The first weights should be those of ``nn.initialisers.lecun_normal``.
    """

    ALPHA = 1.6732632423543772848170429916717
    SCALE = 1.0507009873554804934193349852946

    def forward(self, x: Operand) -> Any:
        return self.SCALE * ad.relu(x) + (self.SCALE * self.ALPHA) * _exponential(x)


def _exponential(x: Operand) -> Any:
    """e^x - 1 on the left of 0, and at 0; 0 on the right, where e^x could overflow."""
    u = as_operand(x)
    return ad.expm1(ad.where(u > 0, 0.0, u))


# --- smooth relatives of ReLU ---------------------------------------------------------------------


class GELU(Module):
    """x · Φ(x), with the distribution function Φ of the normal distribution.

    After Hendrycks & Gimpel, Gaussian Error Linear Units (2016).

    Args:
        form: "exact", which needs SciPy; or "tanh", where Φ(x) is approximately
            (1 + tanh(sqrt(2 / π) · (x + 0.044715 x³))) / 2.
    """

    def __init__(self, form: Literal["exact", "tanh"] = "exact") -> None:
        if form not in ("exact", "tanh"):
            raise ValueError(f"GELU: form is 'exact' or 'tanh', got {form!r}")
        self.form = form

    def forward(self, x: Operand) -> Any:
        if self.form == "exact":
            return ad.mul(x, ad.special.ndtr(as_operand(x)))
        # (1 + tanh(u)) / 2 is sigmoid(2 u), which keeps its digits on the left. Beyond ±25 it is 0
        # or 1 to the last bit; without the bounds, x³ would overflow there.
        z = ad.clip(x, -25.0, 25.0)
        return ad.mul(x, ad.sigmoid((2 * sqrt(2 / pi)) * (z + 0.044715 * (z * z * z))))


class SiLU(Module):
    """x · sigmoid(x), also called swish."""

    def forward(self, x: Operand) -> Any:
        return ad.mul(x, ad.sigmoid(x))


class Softplus(Module):
    """log(1 + e^x), without overflow."""

    steady = True

    def forward(self, x: Operand) -> Any:
        return ad.softplus(x)


# --- along an axis --------------------------------------------------------------------------------


class Softmax(Module):
    """Positive numbers whose sum along an axis is 1: e^x / Σ e^x, without overflow.

    For training, ``SoftmaxCrossEntropy`` of the scores is more exact than a loss of their softmax.

    Args:
        axis: the last one if not given.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand) -> Any:
        return ad.softmax(x, self.axis)


class LogSoftmax(Module):
    """The logarithm of the softmax, exact also where that rounds to 0.

    Args:
        axis: the last one if not given.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand) -> Any:
        return ad.log_softmax(x, self.axis)
