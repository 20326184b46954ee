"""Standardising: mean 0 and variance 1 over some axes, as layers that normalise do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from autodiff.adjoint import dense
from autodiff.graph import Axes, Node, Operand, describe
from autodiff.kernels import normalisation
from autodiff.kernels.normalisation import Moments
from autodiff.ops.gated import Gated
from autodiff.ops.pointwise import sqrt, square
from autodiff.ops.reductions import axes_of, count_of, mean, sum
from autodiff.ops.rules import Explicit
from autodiff.ops.shapes import broadcast_to, shape_of, sum_to
from autodiff.primitive import Operands, Parameters

__all__ = ["standardise"]


class _Found:
    """The moments that were found on the way: for the rules, and for those who ask."""

    moments: Moments


def _compute(
    x: Any, weight: Any, bias: Any, *, axis: tuple[int, ...], eps: float, found: _Found
) -> Any:
    y, found.moments = normalisation.standardise(x, weight, bias, axis, eps)
    return y


def _parts(x: Any, axis: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """What has mean 0 and variance 1, and what was divided by."""
    deviations = x - mean(x, axis, True)
    spread = sqrt(mean(square(deviations), axis, True) + eps)
    return deviations / spread, spread


def _through(u: Any, x: Any, axis: tuple[int, ...], eps: float) -> Any:
    """The Jacobian of h = (x - mean) / spread, (I - 11ᵀ/n - hhᵀ/n) / spread, which is symmetric."""
    h, spread = _parts(x, axis, eps)
    return (u - mean(u, axis, True) - h * mean(u * h, axis, True)) / spread


class _Standardise(Explicit):
    """Its adjoints have sums in common, so all of them are computed in one go."""

    def vjps(
        self, wanted: Sequence[int], t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Iterable[Any]:
        if any(isinstance(operand, Node) for operand in (t, *operands)):
            return super().vjps(wanted, dense(t), f, operands, parameters)
        axis, eps, found = (parameters[name] for name in ("axis", "eps", "found"))
        x, weight, bias = operands
        seen = None
        if isinstance(t, Gated):
            t, seen = (t.values, f) if t.is_of(f) else (t.dense(), None)
        sent = normalisation.adjoints(t, x, weight, bias, found.moments, axis, eps, seen)
        return [sum_to(sent[i], shape_of(operands[i])) for i in wanted]

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        written = {name: value for name, value in parameters.items() if name != "found"}
        return super().expression(names, written)


_standardise = _Standardise(
    "standardise",
    _compute,
    vjp=(
        lambda t, f, x, w, b, *, axis, eps, found: _through(t * w, x, axis, eps),
        lambda t, f, x, w, b, *, axis, eps, found: sum_to(t * _parts(x, axis, eps)[0], shape_of(w)),
        lambda t, f, x, w, b, *, axis, eps, found: sum_to(t, shape_of(b)),
    ),
    jvp=(
        lambda dx, f, x, w, b, *, axis, eps, found: w * _through(dx, x, axis, eps),
        lambda dw, f, x, w, b, *, axis, eps, found: dw * _parts(x, axis, eps)[0],
        lambda db, f, x, w, b, *, axis, eps, found: broadcast_to(db, shape_of(f)),
    ),
    pattern=(
        lambda t, f, x, w, b, *, axis, **_: broadcast_to(sum(t, axis, True), shape_of(x)),
        lambda t, f, x, w, b, **_: sum_to(t, shape_of(w)),
        lambda t, f, x, w, b, **_: sum_to(t, shape_of(b)),
    ),
)
_standardise.takes = (Gated,)


def _readable_x(
    t: Any, f: Any, x: Any, w: Any, b: Any, *, axis: tuple[int, ...], eps: float, found: _Found
) -> Any:
    """``_through`` with h named as what it is, and not written out each time."""
    u, spread = t * w, _parts(x, axis, eps)[1]
    h = _standardise(x, 1.0, 0.0, axis=axis, eps=eps, found=_Found())
    return (u - mean(u, axis, True) - h * mean(u * h, axis, True)) / spread


_standardise.readable = (_readable_x, None, None)


def standardise(
    x: Operand,
    axis: Axes = None,
    weight: Operand = 1.0,
    bias: Operand = 0.0,
    *,
    eps: float = 1e-5,
    returned: bool = False,
) -> Any:
    """Mean 0 and variance 1 over some or all axes, then a scale and a shift.

    (x - mean) / sqrt(variance + eps) · weight + bias, with the variance Σ d² / n: batch
    normalisation (Ioffe & Szegedy, 2015, algorithm 1) over all axes but the channels', layer
    normalisation (Ba, Kiros & Hinton, 2016) over the last ones.

    Args:
        x: operand.
        axis: the axes to normalise over: a number, a tuple, or None for all.
        weight: the scale; it broadcasts to the shape of ``x``.
        bias: the shift; likewise.
        eps: what keeps the variance from 0.
        returned: also return mean and variance, as ``average`` does its weights: bare, with axes of
            length 1.

    Raises:
        TypeError: ``axis`` is no whole number, nor a tuple of them.
        ValueError: ``axis``, the weight or the bias does not fit, or there are no elements to
            normalise.

    Example:
        >>> import numpy as np
        >>> from autodiff import standardise
        >>> standardise(np.array([[1.0, 3.0], [20.0, 10.0]]), 1, bias=5.0).round(3)
        array([[4., 6.],
               [6., 4.]])
    """
    axes, shape = axes_of(x, axis), shape_of(x)
    for name, parameter in (("weight", weight), ("bias", bias)):
        if not _broadcasts(shape_of(parameter), shape):
            raise ValueError(
                f"standardise: expected a {name} that broadcasts to {describe(x)}, got "
                f"{describe(parameter)}"
            )
    if not count_of(x, axes):
        raise ValueError(f"standardise: nothing to take a mean of along {axes} of {describe(x)}")
    found = _Found()
    y = _standardise(x, weight, bias, axis=axes, eps=eps, found=found)
    return (y, *found.moments) if returned else y


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    lengths = zip(shape[::-1], to[::-1], strict=False)
    return len(shape) <= len(to) and all(n in (1, m) for n, m in lengths)
