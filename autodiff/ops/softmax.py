"""The smooth maximum, log Σ e^x, and its gradient, softmax.

Each is a primitive and no composition of exp and log: subtracting the largest element first keeps
the full precision however large the elements are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Axes, Operand, bare, describe
from autodiff.kernels import softmax as kernels
from autodiff.kernels.buffers import frozen
from autodiff.ops.pointwise import exp
from autodiff.ops.reductions import axes_of, sum, weighted
from autodiff.ops.rules import Explicit
from autodiff.ops.shapes import broadcast_to, shape_of

__all__ = [
    "cross_entropy",
    "log_softmax",
    "logsumexp",
    "softmax",
]


def _softmax_product(t: Any, f: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    """The Jacobian diag(f) - f fᵀ, which is symmetric, times t."""
    tf = t * f
    return tf - f * sum(tf, axis, True)


def _along(t: Any, f: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    """Any element along the axes influences any other there, and none elsewhere."""
    return broadcast_to(sum(t, axis, True), shape_of(x))


_softmax = Explicit("softmax", kernels.softmax, _softmax_product, _softmax_product, pattern=_along)
_log_softmax = Explicit(
    "log_softmax",
    kernels.log_softmax,
    lambda t, f, x, *, axis: t - exp(f) * sum(t, axis, True),
    lambda dx, f, x, *, axis: dx - sum(exp(f) * dx, axis, True),
    pattern=_along,
)
_logsumexp = weighted("logsumexp", kernels.log_sum_exp, lambda f, x, axis: _softmax(x, axis=axis))


def _cross_entropy_array(
    x: Array, *, axis: tuple[int, ...], keepdims: bool, labels: Array
) -> Array:
    f = kernels.cross_entropy(x, labels)
    return f[:, None] if keepdims else f


def _less_the_labels(f: Any, x: Any, axis: tuple[int, ...], labels: Array) -> Any:
    """Softmax, less 1 at the label of each row."""
    ones = np.zeros(shape_of(x), bare(x).dtype)
    ones[np.arange(len(labels)), labels] = 1
    return _softmax(x, axis=axis) - ones


def _times_less_the_labels(t: Any, f: Any, x: Any, axis: tuple[int, ...], labels: Array) -> Any:
    """``t`` times the weights, in one go on bare arrays."""
    if isinstance(t, np.ndarray) and isinstance(x, np.ndarray):
        return kernels.cross_entropy_adjoint(t[:, 0], f[:, 0], x, labels)
    return t * _less_the_labels(f, x, axis, labels)


_cross_entropy = weighted(
    "cross_entropy",
    _cross_entropy_array,
    _less_the_labels,
    _times_less_the_labels,
    constants=("onehot",),
)
_cross_entropy.steady = True


def logsumexp(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """Log Σ e^x over some or all axes, without overflow; arguments as for ``sum``.

    Its partials are the softmax of ``x``.

    Example:
        >>> from autodiff import Tensor, logsumexp
        >>> s = Tensor([1000.0, 1000.0])
        >>> f = logsumexp(s)
        >>> f.backward()
        >>> float(f), s.grad
        (1000.6931471805599, array([0.5, 0.5]))
    """
    return _logsumexp(x, axis=axes_of(x, axis), keepdims=keepdims)


def softmax(x: Operand, axis: Axes = None) -> Any:
    """e^x / Σ e^x, positive numbers whose sum over the axes is 1; without overflow.

    Args:
        x: operand.
        axis: the axes to sum over: a number, a tuple, or None for all, as in ``scipy.special``.

    Example:
        >>> from autodiff import softmax
        >>> softmax([1000.0, 1000.0])
        array([0.5, 0.5])
    """
    return _softmax(x, axis=axes_of(x, axis))


def log_softmax(x: Operand, axis: Axes = None) -> Any:
    """The logarithm of ``softmax``, x - logsumexp(x), exact also where softmax rounds to 0."""
    return _log_softmax(x, axis=axes_of(x, axis))


def cross_entropy(x: Operand, labels: Operand) -> Any:
    """The loss -log softmax(x)[label] of each row, exact also where softmax rounds to 0.

    Its partials are the softmax of the row, less 1 at the label (Bishop, Pattern Recognition and
    Machine Learning, eq. 4.109).

    Args:
        x: scores (n, classes).
        labels: (n,) whole numbers from 0 to classes - 1.

    Returns:
        (n,).

    Raises:
        TypeError: the labels are no whole numbers.
        ValueError: shapes don't fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> from autodiff import cross_entropy
        >>> cross_entropy(np.zeros((2, 10)), [3, 7]).round(6)  # log 10
        array([2.302585, 2.302585])
    """
    chosen = class_labels("cross_entropy", x, labels)
    return _cross_entropy(x, axis=(1,), keepdims=False, labels=frozen(chosen))


def class_labels(name: str, x: Operand, labels: Operand) -> Array:
    """The class of each row of ``x``, (n, classes), as bare whole numbers.

    Raises:
        TypeError: the labels are no whole numbers; messages begin with ``name``.
        ValueError: shapes don't fit, or a label is out of range.
    """
    shape, chosen = shape_of(x), np.asarray(bare(labels))
    if len(shape) != 2 or chosen.shape != shape[:1]:
        raise ValueError(
            f"{name}: expected scores (n, classes) and labels (n,), got {describe(x)} and "
            f"labels of shape {chosen.shape}"
        )
    if chosen.dtype.kind not in "iu":
        raise TypeError(f"{name}: labels are whole numbers, got dtype {chosen.dtype}")
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < shape[1]:
        raise ValueError(
            f"{name}: labels lie between 0 and {shape[1] - 1} for {shape[1]} classes, got "
            f"labels from {chosen.min()} to {chosen.max()}"
        )
    return chosen
