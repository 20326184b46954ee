"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from string import ascii_letters
from typing import Any

import numpy as np

from autodiff.graph import Operand, describe
from autodiff.kernels import matrices
from autodiff.ops import einstein
from autodiff.ops.pointwise import mul
from autodiff.ops.rules import Biased, Linear
from autodiff.ops.shapes import (
    broadcast_to,
    matrix_transpose,
    moveaxis,
    normal_axes,
    normal_axis,
    reshape,
    shape_of,
    sum_to,
    whole_numbers,
)
from autodiff.primitive import Operands, Parameters

__all__ = [
    "affine",
    "cross",
    "dot",
    "inner",
    "kron",
    "matmul",
    "matvec",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
    "vecmat",
]


def _as_matrices(t: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Adjoint and operands with vectors written as a row (x) and as a column (y)."""
    x_shape, y_shape = shape_of(x), shape_of(y)
    if len(x_shape) > 1 and len(y_shape) > 1:
        return t, x, y
    rows = x_shape if len(x_shape) > 1 else (1, *x_shape)
    columns = y_shape if len(y_shape) > 1 else (*y_shape, 1)
    stack = np.broadcast_shapes(rows[:-2], columns[:-2])
    return reshape(t, (*stack, rows[-2], columns[-1])), reshape(x, rows), reshape(y, columns)


def _column(x: Any) -> Any:
    """Vectors, or a number, with one more axis to broadcast a row against."""
    return reshape(x, (*shape_of(x), 1))


def _transpose_x(t: Any, f: Any, x: Any, y: Any, bias: Any = None) -> Any:
    if len(shape_of(x)) == len(shape_of(y)) == 2:
        return _matmul(t, y.mT)
    if len(shape_of(y)) == 1:  # a product of numbers: no need of a matrix product
        return mul(t if len(shape_of(x)) == 1 else _column(t), y)
    t, x_rows, y_columns = _as_matrices(t, x, y)
    return _as(shape_of(x), sum_to(matmul(t, matrix_transpose(y_columns)), shape_of(x_rows)))


def _transpose_y(t: Any, f: Any, x: Any, y: Any, bias: Any = None) -> Any:
    if len(shape_of(x)) == len(shape_of(y)) == 2:
        return _matmul(x.mT, t)
    if len(shape_of(x)) == 1:
        rows = t if len(shape_of(y)) == 1 else reshape(t, (*shape_of(t)[:-1], 1, shape_of(t)[-1]))
        return mul(x if len(shape_of(y)) == 1 else _column(x), rows)
    t, x_rows, y_columns = _as_matrices(t, x, y)
    return _as(shape_of(y), sum_to(matmul(matrix_transpose(x_rows), t), shape_of(y_columns)))


def _readable_x(t: Any, f: Any, x: Any, y: Any, bias: Any = None) -> Any:
    """Of vectors as they are, and not as rows and columns."""
    match len(shape_of(x)), len(shape_of(y)):
        case 2, 1:
            return _outer(t, y)
        case 1, 2:
            return matmul(y, t)
    return _transpose_x(t, f, x, y)


def _readable_y(t: Any, f: Any, x: Any, y: Any, bias: Any = None) -> Any:
    match len(shape_of(x)), len(shape_of(y)):
        case 2, 1:
            return matmul(matrix_transpose(x), t)
        case 1, 2:
            return _outer(x, t)
    return _transpose_y(t, f, x, y)


def _as(shape: tuple[int, ...], x: Any) -> Any:
    """``x`` in a shape, itself if it has it: a view would hide that nobody else holds the array."""
    return x if shape_of(x) == shape else reshape(x, shape)


_matmul = Linear(
    "matmul", matrices.product, _transpose_x, _transpose_y, text=lambda x, y: f"{x} @ {y}"
)
_matmul.readable = (_readable_x, _readable_y)


def matmul(x: Operand, y: Operand) -> Any:
    """The product of two matrices, vectors, or stacks of matrices, under NumPy's rules.

    Its transposes: t_x = t yᵀ and t_y = xᵀ t.

    Raises:
        ValueError: an operand has no axis, or the inner lengths differ.
    """
    return _matmul(x, y)


matmul.primitive = _matmul  # type: ignore[attr-defined]


_affine = Biased(
    "affine",
    matrices.product,
    _transpose_x,
    _transpose_y,
    lambda t, f, x, w, b: t,  # the engine sums it over the axes along which b was broadcast
    spread=lambda b, f: broadcast_to(b, shape_of(f)),
    text=lambda x, w, b=None: f"{x} @ {w}" if b is None else f"{x} @ {w} + {b}",
)
_affine.steady = _matmul.steady = True
_affine.readable = (_readable_x, _readable_y, None)


def affine(x: Operand, w: Operand, b: Operand) -> Any:
    """The product x w + b in one step: what a dense layer computes.

    Args:
        x: (..., n, m), one row for each example.
        w: (m, k), the weights.
        b: (k,), the bias; any shape that broadcasts to that of the product.

    Returns:
        (..., n, k).

    Raises:
        ValueError: the shapes don't fit, or b is larger than the product.

    Example:
        >>> import numpy as np
        >>> from autodiff import affine
        >>> affine(np.array([[1.0, 2.0]]), np.eye(2), np.array([10.0, 20.0]))
        array([[11., 22.]])
    """
    _require_equal("affine", x, -1, w, -2)
    return _affine(x, w, b)


def matvec(x: Operand, y: Operand) -> Any:
    """The products of the matrices of a stack with vectors: x (..., m, n), y (..., n)."""
    _require_equal("matvec", x, -1, y, -1)
    product = matmul(x, reshape(y, (*shape_of(y), 1)))
    return reshape(product, shape_of(product)[:-1])


def vecmat(x: Operand, y: Operand) -> Any:
    """The products of vectors with the matrices of a stack: x (..., m), y (..., m, n)."""
    _require_equal("vecmat", x, -1, y, -2)
    *stack, length = shape_of(x)
    product = matmul(reshape(x, (*stack, 1, length)), y)
    *stack, _, length = shape_of(product)
    return reshape(product, (*stack, length))


def _require_equal(name: str, x: Any, i: int, y: Any, j: int) -> None:
    """Refuse operands of which axis ``i`` of x and ``j`` of y differ in length, or don't exist."""
    x_shape, y_shape = shape_of(x), shape_of(y)
    if len(x_shape) < -i or len(y_shape) < -j or x_shape[i] != y_shape[j]:
        raise ValueError(
            f"{name}: axis {i} of {describe(x)} and axis {j} of {describe(y)} must have one length"
        )


# --- sums of products over axes -------------------------------------------------------------------


def dot(x: Operand, y: Operand) -> Any:
    """The product under the rules of ``numpy.dot``.

    It multiplies by a number, and else sums over the last axis of x and the last but one of y (its
    only one if y is a vector). Unlike ``matmul`` it combines each matrix of x with each of y.

    Raises:
        ValueError: the two axes differ in length.
    """
    if not shape_of(x) or not shape_of(y):
        return mul(x, y)
    if len(shape_of(y)) <= 2:
        return matmul(x, y)
    return tensordot(x, y, axes=(-1, -2))


def vdot(x: Operand, y: Operand) -> Any:
    """The sum of the products of all elements of two arrays of one size."""
    if not shape_of(x) and not shape_of(y):
        return mul(x, y)
    if prod(shape_of(x)) != prod(shape_of(y)):
        raise ValueError(f"vdot: {describe(x)} and {describe(y)} have different sizes")
    return matmul(reshape(x, -1), reshape(y, -1))


def inner(x: Operand, y: Operand) -> Any:
    """The sums of products over the last axes, for each vector of x with each of y."""
    if not shape_of(x) or not shape_of(y):
        return mul(x, y)
    return tensordot(x, y, axes=(-1, -1))


_outer = Linear(
    "outer",
    lambda x, y: np.multiply(x[:, None], y),
    lambda t, f, x, y: matmul(t, y),
    lambda t, f, x, y: matmul(x, t),
    text=lambda x, y: f"{x} @ {y}.T",
)
_outer.readable = (None, lambda t, f, x, y: matmul(matrix_transpose(t), x))


def outer(x: Operand, y: Operand) -> Any:
    """The matrix of the products of each element of x with each of y; both are flattened."""
    if not shape_of(x):
        return reshape(mul(x, y), (1, -1))
    if not shape_of(y):
        return mul(reshape(x, (-1, 1)), y)
    return _outer(reshape(x, -1), reshape(y, -1))


def tensordot(x: Operand, y: Operand, axes: Any = 2) -> Any:
    """The sum of products over pairs of axes.

    Args:
        x: operand.
        y: operand.
        axes: how many of the last axes of x and the first of y, or a pair: the axes of x and those
            of y, each a number or a sequence.

    Returns:
        The remaining axes of x, then those of y.

    Raises:
        ValueError: axes that belong together differ in length or number.
    """
    x_shape, y_shape = shape_of(x), shape_of(y)
    x_axes, y_axes = _axis_pairs(axes, x, y)
    if [x_shape[i] for i in x_axes] != [y_shape[j] for j in y_axes]:
        raise ValueError(
            f"tensordot: axes {x_axes} of {describe(x)} do not fit axes {y_axes} of {describe(y)}"
        )
    x_letters = ascii_letters[: len(x_shape)]
    y_letters = list(ascii_letters[len(x_shape) :][: len(y_shape)])
    for i, j in zip(x_axes, y_axes, strict=True):
        y_letters[j] = x_letters[i]
    out = [letter for letter in x_letters if letter not in y_letters]
    out += [letter for letter in y_letters if letter not in x_letters]
    return einstein.product(x, y, subscripts=f"{x_letters},{''.join(y_letters)}->{''.join(out)}")


def _axis_pairs(axes: Any, x: Any, y: Any) -> tuple[list[int], list[int]]:
    """The axes of x and of y that belong together, none negative."""
    nx, ny = len(shape_of(x)), len(shape_of(y))
    if isinstance(axes, (tuple, list, np.ndarray)):
        if len(axes) != 2:
            raise ValueError(f"tensordot: axes is a number or a pair, got {axes!r}")
        ours, theirs = (list(whole_numbers("tensordot", a if np.ndim(a) == 0 else tuple(a)))
                        for a in axes)  # fmt: skip
    else:
        (count,) = whole_numbers("tensordot", axes)
        if not 0 <= count <= min(nx, ny):
            raise ValueError(
                f"tensordot: axes={count} does not fit {describe(x)} and {describe(y)}"
            )
        ours, theirs = list(range(nx - count, nx)), list(range(count))
    if len(ours) != len(theirs):
        raise ValueError(f"tensordot: as many axes of x as of y, got {ours} and {theirs}")
    normal_axes(tuple(ours), nx)  # none out of range, none twice
    normal_axes(tuple(theirs), ny)
    return [a % nx for a in ours], [a % ny for a in theirs]


def vecdot(x: Operand, y: Operand, axis: int = -1) -> Any:
    """The sums of products over one axis; the other axes broadcast."""
    x, y = moveaxis(x, axis, -1), moveaxis(y, axis, -1)
    _require_equal("vecdot", x, -1, y, -1)
    return einstein.einsum("...i,...i->...", x, y)


# --- kron, cross ----------------------------------------------------------------------------------


def kron(x: Operand, y: Operand) -> Any:
    """The Kronecker product: each element of x times the whole of y, as blocks."""
    x_shape, y_shape = shape_of(x), shape_of(y)
    if not x_shape or not y_shape:
        return mul(x, y)
    ndim = max(len(x_shape), len(y_shape))
    x_shape, y_shape = ((1,) * (ndim - len(shape)) + shape for shape in (x_shape, y_shape))
    blocks = mul(
        reshape(x, _interleaved(x_shape, (1,) * ndim)),
        reshape(y, _interleaved((1,) * ndim, y_shape)),
    )
    return reshape(blocks, tuple(m * n for m, n in zip(x_shape, y_shape, strict=True)))


def _interleaved(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    return tuple(n for pair in zip(first, second, strict=True) for n in pair)


class _Cross(Linear):
    """For f = x × y: t_x = y × t and t_y = t × x."""

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        # A component influences the two others; in the product of ones they cancel.
        return (np.sum(mask, axis=-1, keepdims=True) - mask) > 0


_cross: Linear = _Cross(
    "cross",
    lambda x, y: np.cross(x, y),
    lambda t, f, x, y: _cross(y, t),
    lambda t, f, x, y: _cross(t, x),
    text=lambda x, y: f"{x} × {y}",
)


def cross(
    x: Operand,
    y: Operand,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Any:
    """The cross product of vectors in space.

    Args:
        x: operand; its vectors lie along ``axisa``.
        y: operand; its vectors lie along ``axisb``. The other axes broadcast.
        axisa: see above.
        axisb: see above.
        axisc: the axis of the result's vectors.
        axis: all three of them at once.

    Raises:
        ValueError: the vectors don't have three components. (NumPy deprecates those of two.)
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    for operand, place in ((x, axisa), (y, axisb)):
        shape = shape_of(operand)
        if not shape or shape[normal_axis(place, len(shape))] != 3:
            raise ValueError(
                f"cross: expected vectors of 3 components along axis {place}, "
                f"got {describe(operand)}"
            )
    return moveaxis(_cross(moveaxis(x, axisa, -1), moveaxis(y, axisb, -1)), -1, axisc)
