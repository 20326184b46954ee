"""Primitives that take many elements to one: sums, and weighted reductions.

A weighted reduction is a function f of many elements whose partials form an array of weights
w = ∂f/∂x of the operand's shape: softmax for ``logsumexp``, the winners for ``max``. One formula
for the weights is its whole rule: the vjp is w · t, the jvp Σ w · tangent.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Axes, Operand, bare
from autodiff.ops.pointwise import exp
from autodiff.ops.rules import Explicit, Linear
from autodiff.ops.shapes import broadcast_to, normal_axes, reshape, shape_of

__all__ = [
    "logsumexp",
    "max",
    "mean",
    "sum",
]


def _expand(t: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """``t`` with the reduced axes put back with length 1, so that it broadcasts against ``x``."""
    return reshape(t, tuple(1 if i in axis else n for i, n in enumerate(shape_of(x))))


def weighted(name: str, compute: Callable[..., Any], weights: Callable[..., Any]) -> Explicit:
    """A reduction whose partials are ``weights(f, x, axis)``, with f expanded to x's dimensions."""

    def w(f: Any, x: Any, axis: tuple[int, ...]) -> Any:
        return weights(_expand(f, x, axis), x, axis)

    return Explicit(
        name,
        compute,
        vjp=lambda t, f, x, *, axis, keepdims: _expand(t, x, axis) * w(f, x, axis),
        jvp=lambda dx, f, x, *, axis, keepdims: sum(w(f, x, axis) * dx, axis, keepdims),
        pattern=lambda t, f, x, *, axis, keepdims: broadcast_to(_expand(t, x, axis), shape_of(x)),
    )


def _winners(f: Any, x: Any, axis: tuple[int, ...]) -> Array:
    """Weight 1 for the largest element, shared evenly among equals: constant almost everywhere."""
    largest = np.asarray(bare(x) == bare(f))
    count = largest.sum(axis=axis, keepdims=True, dtype=np.asarray(bare(x)).dtype)
    weights: Array = largest / np.maximum(count, 1)
    return weights


def _log_sum_exp(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Array:
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    finite = np.where(np.isfinite(largest), largest, 0)  # inf - inf would be nan
    with np.errstate(divide="ignore"):
        f: Array = np.log(np.sum(np.exp(x - finite), axis=axis, keepdims=True)) + finite
    return f if keepdims else np.squeeze(f, axis)


_sum = Linear(
    "sum",
    lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    lambda t, f, x, *, axis, keepdims: broadcast_to(_expand(t, x, axis), shape_of(x)),
)
_mean = Linear(
    "mean",
    lambda x, *, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    lambda t, f, x, *, axis, keepdims: broadcast_to(
        _expand(t / _count(x, axis), x, axis), shape_of(x)
    ),
)
_max = weighted(
    "max", lambda x, *, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims), _winners
)
_logsumexp = weighted("logsumexp", _log_sum_exp, lambda f, x, axis: exp(x - f))


def _count(x: Any, axis: tuple[int, ...]) -> int:
    shape = shape_of(x)
    return prod(shape[i] for i in axis)


def sum(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum over some or all axes.

    Args:
        x: operand.
        axis: the axes to sum over: a number, a tuple, or None for all.
        keepdims: keep the summed axes with length 1.
    """
    return _sum(x, axis=_axes(x, axis), keepdims=keepdims)


def mean(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The mean over some or all axes; arguments as for ``sum``."""
    return _mean(x, axis=_axes(x, axis), keepdims=keepdims)


def max(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The largest element over some or all axes; arguments as for ``sum``.

    Equal largest elements share the adjoint evenly.
    """
    return _max(x, axis=_axes(x, axis), keepdims=keepdims)


def logsumexp(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """Log Σ e^x over some or all axes, without overflow; arguments as for ``sum``.

    Its partials are the softmax of ``x``: e^(x - logsumexp(x)).

    Example:
        >>> from autodiff import Tensor, logsumexp
        >>> s = Tensor([1000.0, 1000.0])
        >>> f = logsumexp(s)
        >>> f.backward()
        >>> float(f), s.grad
        (1000.6931471805599, array([0.5, 0.5]))
    """
    return _logsumexp(x, axis=_axes(x, axis), keepdims=keepdims)


def _axes(x: Operand, axis: Axes) -> tuple[int, ...]:
    return normal_axes(axis, len(shape_of(x)))
