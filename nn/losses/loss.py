"""What all losses share: their terms, what becomes of these, and the targets."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

import autodiff as ad
from autodiff.graph import Node, Operand, bare, describe, is_differentiable
from autodiff.ops.shapes import shape_of
from nn.module import Array, Module

Reduction: TypeAlias = Literal["mean", "sum", "none"]


class Loss(Module):
    """How wrong predictions are: terms, and what becomes of them.

    A subclass computes the terms in ``terms``: one for each example, or one for each element, as it
    says.

    Args:
        reduction: "mean" divides the sum of all terms by their number, "sum" adds them up, "none"
            gives them as they are.

    Raises:
        ValueError: the reduction is unknown; or a mean is taken over no terms at all.

    Example:
        >>> import autodiff as ad, numpy as np
        >>> from nn import Loss
        >>> class Absolute(Loss):
        ...     def terms(self, predictions, targets):
        ...         return ad.abs(predictions - targets)
        >>> y, t = np.array([1.0, 2.0]), np.array([1.0, 5.0])
        >>> [Absolute(reduction=r)(y, t).tolist() for r in ("mean", "sum", "none")]
        [1.5, 3.0, [0.0, 3.0]]
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        if reduction not in get_args(Reduction):
            raise ValueError(
                f"{type(self).__name__}: reduction is 'mean', 'sum' or 'none', got {reduction!r}"
            )
        self.reduction = reduction

    def terms(self, predictions: Operand, targets: Operand) -> Any:
        """The loss of each example or element; subclasses say how."""
        raise NotImplementedError(f"{type(self).__name__} does not define terms()")

    def forward(self, predictions: Operand, targets: Operand) -> Any:
        terms = self.terms(predictions, targets)
        if self.reduction == "none":
            return terms
        if self.reduction == "sum":
            return ad.sum(terms)
        if 0 in shape_of(terms):
            raise ValueError(
                f"{type(self).__name__}: there is no mean of no examples: expected n > 0, got "
                f"{describe(predictions)}"
            )
        return ad.mean(terms)


def same_shape(name: str, predictions: Operand, targets: Operand) -> Any:
    """Targets in the dtype of the predictions, element for element: nothing is broadcast.

    Raises:
        TypeError: they are no real numbers.
        ValueError: they have another shape.
    """
    if shape_of(targets) != shape_of(predictions):
        raise ValueError(
            f"{name}: expected one target for each prediction, got predictions of shape "
            f"{shape_of(predictions)} and targets of shape {shape_of(targets)}"
        )
    if isinstance(targets, Node):
        return targets
    array = np.asarray(targets)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: targets are real numbers, got dtype {array.dtype}")
    kind = np.asarray(bare(predictions)).dtype
    return array.astype(kind, copy=False) if kind.kind == "f" and array.ndim else array


def constant_targets(name: str, predictions: Operand, targets: Operand) -> Array:
    """Targets as ``same_shape`` gives them, as a bare array.

    Raises:
        TypeError: they are to be differentiated.
    """
    if is_differentiable(targets):
        raise TypeError(
            f"{name}: targets are constants, got {describe(targets)}; pass its .data, through "
            "which no derivative goes"
        )
    return np.asarray(same_shape(name, predictions, bare(targets)))
