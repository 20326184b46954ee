"""Elements in the order of their size.

The order is found on bare numbers and does not move with them: almost everywhere the derivative is
that of picking the elements in this order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.graph import Operand, bare
from autodiff.ops.indexing import take_distinct_along_axis
from autodiff.ops.shapes import normal_axis, ravel, shape_of

__all__ = [
    "partition",
    "sort",
]


def sort(
    a: Operand, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None
) -> Any:
    """The elements in ascending order along an axis.

    Equal elements keep their order, whatever ``kind`` and ``stable`` ask for, so that it is defined
    which of them gets which adjoint.

    Args:
        a: operand.
        axis: along which; None sorts the flattened operand.
        kind: is without meaning here.
        stable: likewise.

    Raises:
        ValueError: the axis is out of range.

    Example:
        >>> from autodiff import Tensor, sort
        >>> x = Tensor([3.0, 1.0, 2.0])
        >>> (sort(x) * [10.0, 20.0, 30.0]).sum().backward()
        >>> x.grad
        array([30., 10., 20.])
    """
    if axis is None:
        a, axis = ravel(a), 0
    axis = normal_axis(axis, len(shape_of(a)))
    return take_distinct_along_axis(a, np.argsort(bare(a), axis, kind="stable"), axis)


def partition(a: Operand, kth: Any, axis: int | None = -1, kind: str = "introselect") -> Any:
    """The elements with number ``kth`` of their sorted order in its place, smaller ones before it.

    Args:
        a: operand.
        kth: the number, or several.
        axis: along which; None works on the flattened operand.
        kind: is without meaning here.

    Raises:
        ValueError: the axis, or a number, is out of range.
    """
    if axis is None:
        a, axis = ravel(a), 0
    axis = normal_axis(axis, len(shape_of(a)))
    order = np.argpartition(np.asarray(bare(a)), bare(kth), axis)
    return take_distinct_along_axis(a, order, axis)
