"""Primitives along an axis in which each element sees those before it: sums, products, maxima.

All of them are closed under differentiation by one linear recurrence, h_i = b_i + a_i h_(i-1).
It is linear in b, and its transpose is a recurrence that runs the other way; the derivative of a
cumulative product is one with the factors as its coefficients, and needs no division, so that it is
exact at zeros. Only where numbers are to be had fast, and all products are of usual size, is there
a division by a factor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Operand, bare
from autodiff.kernels import recurrence as kernels
from autodiff.ops import pointwise
from autodiff.ops.joining import concatenate
from autodiff.ops.rules import Explicit, Linear, Rule, total
from autodiff.ops.shapes import broadcast_to, normal_axes, reshape, shape_of
from autodiff.primitive import Operands, Parameters

__all__ = [
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "nancumprod",
    "nancumsum",
]

# --- along one axis, forwards or backwards --------------------------------------------------------


def _places(axis: int, start: int | None, stop: int | None) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(start, stop),)


def _cumulative(ufunc: np.ufunc, x: Any, axis: int, reverse: bool) -> Array:
    if not reverse:
        return ufunc.accumulate(x, axis)
    return np.flip(ufunc.accumulate(np.flip(x, axis), axis), axis)


_cumsum: Linear = Linear(
    "cumsum",
    lambda x, *, axis, reverse: _cumulative(np.add, x, axis, reverse),
    lambda t, f, x, *, axis, reverse: _cumsum(t, axis=axis, reverse=not reverse),
)


class _Shift(Linear):
    """Each element one place on; linear up to the constant in the place that becomes free."""

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return super().jvp(tangents, f, operands, {**parameters, "first": 0.0})


def _shift_array(x: Array, *, axis: int, reverse: bool, first: float) -> Array:
    shifted = np.empty_like(x)
    behind, ahead = _places(axis, 1, None), _places(axis, None, -1)
    if reverse:
        behind, ahead = ahead, behind
        shifted[_places(axis, -1, None)] = first
    else:
        shifted[_places(axis, None, 1)] = first
    shifted[behind] = x[ahead]
    return shifted


_shift: _Shift = _Shift(
    "shift",
    _shift_array,
    lambda t, f, x, *, axis, reverse, first: _shift(t, axis=axis, reverse=not reverse, first=0.0),
)


class _Recurrence(Rule):
    """h_i = b_i + a_i h_(i-1), or h_i = b_i + a_i h_(i+1) in reverse, of the operands a and b.

    With r the adjoint of b, r_i = t_i + a_(i+1) r_(i+1), the adjoint of a is r_i h_(i-1).
    """

    name = "recurrence"
    mixes = True

    @staticmethod
    def compute(a: Array, b: Array, *, axis: int, reverse: bool) -> Array:
        return kernels.recurrence(*np.broadcast_arrays(a, b), axis=axis, reverse=reverse)

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        axis, reverse = parameters["axis"], parameters["reverse"]
        following = _shift(operands[0], axis=axis, reverse=not reverse, first=0.0)
        r = _recurrence(following, t, axis=axis, reverse=not reverse)
        return r if i else r * _shift(f, axis=axis, reverse=reverse, first=0.0)

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return _influence(mask, **parameters)

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        da, db = tangents
        moved: Any = None if da is None else da * _shift(f, **parameters, first=0.0)
        moved = total([db, moved])
        return _recurrence(operands[0], broadcast_to(moved, shape_of(f)), **parameters)


_recurrence = _Recurrence()


def _influence(mask: Any, *, axis: int, reverse: bool) -> Array:
    """Where an element marked by ``mask``, or one behind it, is reached."""
    return _cumulative(np.logical_or, mask != 0, axis, not reverse)


def _product_vjp(t: Any, f: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    if all(isinstance(part, np.ndarray) for part in (t, f, x)) and kernels.all_normal(f):
        # Σ over j >= i of t_j f_j, divided by x_i, if no term has lost digits at the ends of range.
        terms = t * f
        if kernels.all_normal(terms, or_zero=t):
            sums = _cumulative(np.add, terms, axis, not reverse)
            if np.isfinite(sums).all():
                return sums / x
    following = _shift(x, axis=axis, reverse=not reverse, first=0.0)
    before = _shift(f, axis=axis, reverse=reverse, first=1.0)
    return before * _recurrence(following, t, axis=axis, reverse=not reverse)


def _product_jvp(dx: Any, f: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    before = _shift(f, axis=axis, reverse=reverse, first=1.0)
    return _recurrence(x, dx * before, axis=axis, reverse=reverse)


_cumprod = Explicit(
    "cumprod",
    lambda x, *, axis, reverse: _cumulative(np.multiply, x, axis, reverse),
    _product_vjp,
    _product_jvp,
    pattern=lambda t, f, x, *, axis, reverse: _influence(t, axis=axis, reverse=reverse),
)
_cumprod.mixes = True  # with the factors that come later


def products_of_others(x: Any, axis: int) -> Any:
    """For each element the product of all the others along an axis, without a division."""
    before, behind = (
        _shift(_cumprod(x, axis=axis, reverse=reverse), axis=axis, reverse=reverse, first=1.0)
        for reverse in (False, True)
    )
    return before * behind


# --- the largest so far ---------------------------------------------------------------------------


def _record_holders(f: Any, x: Any, axis: int) -> tuple[Array, Array, Array]:
    """Who is the largest so far, by how many that is shared, and what is as large as before."""
    x, f = np.asarray(bare(x)), np.asarray(bare(f))
    same = np.zeros(f.shape, f.dtype)
    same[_places(axis, 1, None)] = f[_places(axis, 1, None)] == f[_places(axis, None, -1)]
    holds = (x == f).astype(f.dtype)
    count = kernels.recurrence(same, holds, axis=axis)
    return holds, np.maximum(count, 1), same


def _cummax_vjp(t: Any, f: Any, x: Any, *, axis: int) -> Any:
    holds, count, same = _record_holders(f, x, axis)
    following = _shift(same, axis=axis, reverse=True, first=0.0)
    return holds * _recurrence(following, t / count, axis=axis, reverse=True)


def _cummax_jvp(dx: Any, f: Any, x: Any, *, axis: int) -> Any:
    holds, count, same = _record_holders(f, x, axis)
    return _recurrence(same, dx * holds, axis=axis, reverse=False) / count


_cummax = Explicit(
    "cummax",
    lambda x, *, axis: np.maximum.accumulate(x, axis),
    _cummax_vjp,
    _cummax_jvp,
    pattern=lambda t, f, x, *, axis: _influence(t, axis=axis, reverse=False),
)


def cummax(x: Operand, axis: int = 0) -> Any:
    """The largest element so far along an axis; equal ones share the adjoint evenly.

    NumPy calls it ``np.maximum.accumulate``.
    """
    x, axis = _flat(x, axis)
    return _cummax(x, axis=axis)


def cummin(x: Any, axis: int = 0) -> Any:
    """The smallest element so far, ``np.minimum.accumulate``; like ``cummax``."""
    return pointwise.neg(cummax(pointwise.neg(x), axis))


# --- the operations -------------------------------------------------------------------------------


def _flat(x: Operand, axis: int | None) -> tuple[Any, int]:
    """The operand and one axis of it; without an axis, all its elements one behind the other."""
    if axis is None:
        return reshape(x, -1), 0
    if isinstance(axis, (tuple, list)):
        raise TypeError(f"expected one axis, a whole number, or None, got {axis!r}")
    return x, normal_axes(axis, len(shape_of(x)))[0]


def cumsum(x: Operand, axis: int | None = None) -> Any:
    """The sum of the elements so far, along an axis.

    Args:
        x: operand.
        axis: along which to sum; None for all elements in C order.

    Returns:
        a node of the shape of ``x``, or a vector if ``axis`` is None.

    Raises:
        TypeError: ``axis`` is no whole number.
        ValueError: ``axis`` is out of range.
    """
    x, axis = _flat(x, axis)
    return _cumsum(x, axis=axis, reverse=False)


def cumprod(x: Operand, axis: int | None = None) -> Any:
    """The product of the elements so far, along an axis; arguments as for ``cumsum``.

    The derivative does not divide where an element is zero: it is exact there too.

    Example:
        >>> from autodiff import Tensor, cumprod
        >>> x = Tensor([2.0, 0.0, 3.0])
        >>> cumprod(x).sum().backward()
        >>> x.grad
        array([1., 8., 0.])
    """
    x, axis = _flat(x, axis)
    return _cumprod(x, axis=axis, reverse=False)


def cumulative_sum(x: Operand, *, axis: int | None = None, include_initial: bool = False) -> Any:
    """The sum of the elements so far, as the array API standard calls it.

    Args:
        x: operand.
        axis: along which to sum; may be left out for a vector.
        include_initial: begin with the sum of no element, 0.

    Raises:
        ValueError: ``axis`` is left out and ``x`` is no vector.
    """
    return _by_the_standard("cumulative_sum", _cumsum, x, axis, include_initial, 0.0)


def cumulative_prod(x: Operand, *, axis: int | None = None, include_initial: bool = False) -> Any:
    """The product of the elements so far; like ``cumulative_sum``, beginning with 1."""
    return _by_the_standard("cumulative_prod", _cumprod, x, axis, include_initial, 1.0)


def _by_the_standard(
    name: str, primitive: Rule, x: Operand, axis: int | None, include_initial: bool, first: float
) -> Any:
    ndim = len(shape_of(x))
    if axis is None and ndim != 1:
        raise ValueError(f"{name}: expected an axis for an operand of {ndim} dimensions")
    x, axis = _flat(x, 0 if axis is None else axis)
    f = primitive(x, axis=axis, reverse=False)
    if not include_initial:
        return f
    shape = shape_of(x)
    start = np.full((*shape[:axis], 1, *shape[axis + 1 :]), first, bare(f).dtype)
    return concatenate([start, f], axis)


def nancumsum(x: Operand, axis: int | None = None) -> Any:
    """Like ``cumsum``, with nan counting as 0; a nan has no influence on the gradient."""
    return cumsum(without_nan(x, 0.0), axis)


def nancumprod(x: Operand, axis: int | None = None) -> Any:
    """Like ``cumprod``, with nan counting as 1; a nan has no influence on the gradient."""
    return cumprod(without_nan(x, 1.0), axis)


def without_nan(x: Operand, number: float) -> Any:
    """The operand with a number in the place of each nan, which then has no influence at all."""
    if np.asarray(bare(x)).dtype.kind != "f":
        return x
    return pointwise.where(np.isnan(bare(x)), number, x)
