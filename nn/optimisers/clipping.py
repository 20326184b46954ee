"""Clipping: gradients held to a size before the optimiser's step."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, sqrt

import numpy as np

from autodiff.graph import describe
from nn.module import Array, Parameter


def clip_gradients_by_norm(parameters: Iterable[Parameter], most: float) -> float:
    """Shrink all gradients by one factor, so that their common norm is at most ``most``.

    The norm is that of all gradients as one vector, √Σ g² (Pascanu, Mikolov & Bengio 2013, On the
    difficulty of training recurrent neural networks, algorithm 1), computed in float64 without
    overflow or underflow on the way. The direction stays; smaller gradients stay as they are.

    Args:
        parameters: whose gradients to clip; those without a gradient don't count.
        most: above 0; inf only measures.

    Returns:
        The norm before clipping; 0.0 if there is no gradient.

    Raises:
        FloatingPointError: a gradient has a nan or an inf, which no factor would mend. Nothing is
            changed then.
        ValueError: ``most`` is out of range.

    Example:
        >>> from nn import Parameter, clip_gradients_by_norm
        >>> w, b = Parameter([1.0, 2.0]), Parameter([0.5], "bias")
        >>> w.grad, b.grad = [2.0, 3.0], [6.0]
        >>> clip_gradients_by_norm([w, b], 3.5), w.grad, b.grad
        (7.0, array([1. , 1.5]), array([3.]))
    """
    _need_bound("clip_gradients_by_norm", most)
    gradients, largest = _finite("clip_gradients_by_norm", parameters)
    if not largest:
        return 0.0
    total = 0.0
    for _, gradient in gradients:
        scaled = np.divide(gradient, largest, dtype=np.float64).ravel("K")
        total += float(scaled @ scaled)
    factor = most / largest / sqrt(total)
    if factor < 1:
        for parameter, gradient in gradients:
            parameter.grad = gradient * factor
    return largest * sqrt(total)


def clip_gradients_by_value(parameters: Iterable[Parameter], most: float) -> None:
    """Move every element of the gradients that is beyond ±``most`` to that bound.

    Args:
        parameters: whose gradients to clip; those without a gradient don't count.
        most: above 0.

    Raises:
        FloatingPointError: a gradient has a nan or an inf, which would go unnoticed. Nothing is
            changed then.
        ValueError: ``most`` is out of range.

    Example:
        >>> from nn import Parameter, clip_gradients_by_value
        >>> w = Parameter([1.0, 2.0])
        >>> w.grad = [0.5, -3.0]
        >>> clip_gradients_by_value([w], 1.0)
        >>> w.grad
        array([ 0.5, -1. ])
    """
    _need_bound("clip_gradients_by_value", most)
    gradients, largest = _finite("clip_gradients_by_value", parameters)
    if largest > most:
        for parameter, gradient in gradients:
            parameter.grad = np.clip(gradient, -most, most)


def _need_bound(function: str, most: float) -> None:
    if not most > 0:
        raise ValueError(f"{function}: most is a number above 0, got {most!r}")


def _finite(
    function: str, parameters: Iterable[Parameter]
) -> tuple[list[tuple[Parameter, Array]], float]:
    """The parameters that have a gradient, with it, and the largest magnitude in all of them."""
    if isinstance(parameters, Parameter):
        raise TypeError(f"{function}: expected several parameters; put a single one into a list")
    gradients = [(p, p.grad) for p in parameters if p.grad is not None]
    largest = 0.0
    for i, (parameter, gradient) in enumerate(gradients):
        size = float(np.max(np.abs(gradient), initial=0.0))
        if not size < inf:
            raise FloatingPointError(
                f"{function}: the gradient of {describe(parameter)}, number {i} of those that have "
                f"one, contains {size}; autodiff.detect_anomaly() finds where it comes from"
            )
        largest = max(largest, size)
    return gradients, largest
