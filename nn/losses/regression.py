"""Losses of numbers that are to come close to others."""

from __future__ import annotations

from typing import Any

import autodiff as ad
from autodiff.graph import Operand
from nn.checks import number
from nn.losses.loss import Loss, Reduction, same_shape


class Quadratic(Loss):
    """½ (ŷ - y)², whose derivative is the error ŷ - y itself; added up: ½ Σ (ŷ - y)².

    The loss with which textbooks derive backpropagation (Rumelhart, Hinton & Williams, Learning
    Representations by Back-propagating Errors, 1986, eq. 3).

    Args:
        reduction: "sum" unless another one is asked for; "mean" over all elements, or "none".

    Shapes:
        Predictions ŷ and targets y, both of one shape, any.

    Raises:
        ValueError: the shapes differ, or there are no elements to take a mean of.

    Example:
        >>> import autodiff as ad
        >>> from nn import Quadratic
        >>> y = ad.Tensor([1.0, 4.0])
        >>> loss = Quadratic()(y, [1.0, 2.0])
        >>> loss.backward()
        >>> float(loss), y.grad
        (2.0, array([0., 2.]))
    """

    def __init__(self, *, reduction: Reduction = "sum") -> None:
        super().__init__(reduction=reduction)

    def terms(self, predictions: Operand, targets: Operand) -> Any:
        return 0.5 * ad.square(predictions - same_shape("Quadratic", predictions, targets))


class MSE(Loss):
    """(ŷ - y)²; with the mean over all elements, the mean squared error.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Shapes:
        Predictions ŷ and targets y, both of one shape, any.

    Raises:
        ValueError: the shapes differ, or there are no elements to take a mean of.

    Example:
        >>> import numpy as np
        >>> from nn import MSE
        >>> float(MSE()(np.array([1.0, 4.0]), [1.0, 2.0]))
        2.0
    """

    def terms(self, predictions: Operand, targets: Operand) -> Any:
        return ad.square(predictions - same_shape("MSE", predictions, targets))


class Huber(Loss):
    """½ d² of small errors d = ŷ - y, and δ (|d| - ½ δ) of large ones: outliers pull no harder.

    After Huber, Robust Estimation of a Location Parameter (1964). With c = d cut off at ±δ, both
    cases are c (d - ½ c), and the derivative is c.

    Args:
        delta: δ, up to where an error is small.
        reduction: "mean" over all elements, "sum" or "none".

    Shapes:
        Predictions ŷ and targets y, both of one shape, any.

    Raises:
        ValueError: the shapes differ, there are no elements to take a mean of, or δ is not
            positive.

    Example:
        >>> import numpy as np
        >>> from nn import Huber
        >>> Huber(delta=2.0, reduction="none")(np.array([1.0, 10.0]), [0.0, 0.0])
        array([ 0.5, 18. ])
    """

    def __init__(self, delta: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.delta = number("Huber: delta", delta, above=0)

    def terms(self, predictions: Operand, targets: Operand) -> Any:
        d = predictions - same_shape("Huber", predictions, targets)
        c = ad.clip(d, -self.delta, self.delta)
        return c * (d - 0.5 * c)
