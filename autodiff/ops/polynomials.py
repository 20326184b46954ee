"""Polynomials by their coefficients: compositions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.arrays import real_array
from autodiff.graph import Node, Operand, bare, describe
from autodiff.ops.indexing import getitem
from autodiff.ops.pointwise import add, mul, pow
from autodiff.ops.shapes import reshape, shape_of, whole_numbers

__all__ = [
    "polyval",
    "vander",
]


def polyval(p: Operand | Sequence[Operand], x: Operand) -> Any:
    """The value of a polynomial at each element of ``x``, by Horner's scheme.

    Args:
        p: the coefficients, a vector or a list of scalars, the highest power first.
        x: where.

    Raises:
        ValueError: the coefficients are neither.

    Example:
        >>> from autodiff import Value, polyval
        >>> x = Value(2.0)
        >>> y = polyval([3.0, 0.0, 1.0], x)
        >>> y.backward()
        >>> y.data, x.grad
        (13.0, 12.0)
    """
    if not isinstance(p, (list, tuple)):
        vector: Any = p
        if len(shape_of(vector)) != 1:
            raise ValueError(f"polyval: expected a vector of coefficients, got {describe(p)}")
        p = [getitem(vector, i) for i in range(shape_of(vector)[0])]
    x = x if isinstance(x, Node) else real_array(x)
    f: Any = np.zeros_like(bare(x)) if shape_of(x) else 0.0
    for coefficient in p:
        f = add(mul(f, x), coefficient)
    return f


def vander(x: Operand, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element, a row for each: x^(N-1) to x^0, or the other way round.

    Raises:
        ValueError: ``x`` is no vector, or ``N`` is negative.
    """
    x = x if isinstance(x, Node) else real_array(x)
    if len(shape_of(x)) != 1:
        raise ValueError(f"vander: expected a vector, got {describe(x)}")
    (count,) = shape_of(x) if N is None else whole_numbers("vander: N", N)
    if count < 0:
        raise ValueError(f"vander: N is not negative, got {N}")
    powers = np.arange(count, dtype=bare(x).dtype)
    column = reshape(x, (shape_of(x)[0], 1))
    return pow(column, powers if increasing else powers[::-1])
