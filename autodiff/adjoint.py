"""Adjoints that arrive in a form of their own, and the addition of adjoints.

Most adjoints are plain numbers or arrays. Some are known more sharply than an array can say: the
adjoint of a branch that ``where`` did not take is not a number that happens to be zero, it is *no
influence at all*; the adjoint that indexing sends back is zero but for a few places. Such an
adjoint stays in its form for as long as the rules it passes can use the form, and is made dense by
the engine for those that can't.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node
from autodiff.kernels.scatter import add_at

ABSENT: Final = float("-0.0")
"""No contribution has arrived: a strong zero. (-0.0 is the one number with -0.0 + c = c for all c.)

Compared by identity: a computed zero is something else, for 0 · inf is nan and absent · inf is
absent.
"""


class Structured:
    """An adjoint in a form of its own.

    Attributes:
        values: what it carries, an array or a node.
    """

    values: Any

    def dense(self) -> Any:
        """The adjoint as a plain array or node."""
        raise NotImplementedError

    def add(self, other: Any) -> Any:
        """The sum with another contribution, structured or not."""
        raise NotImplementedError


class Masked(Structured):
    """An adjoint that is absent, a strong zero, wherever ``mask`` is False.

    Args:
        values: array or node, zero where the mask is False.
        mask: bare boolean array of the same shape.
    """

    def __init__(self, values: Any, mask: Any) -> None:
        self.values = values
        self.mask = np.asarray(mask)  # comparing numbers gives a bool of Python's, not NumPy's

    def dense(self) -> Any:
        return self.values

    def add(self, other: Any) -> Any:
        if isinstance(other, Masked):
            return Masked(self.values + other.values, self.mask | other.mask)
        return self.values + dense(other)


def dense(adjoint: Any) -> Any:
    """A contribution as a plain number, array or node."""
    return adjoint.dense() if isinstance(adjoint, Structured) else adjoint


class Scattered(Structured):
    """An adjoint that is zero except at ``index``: what indexing sends back.

    Reading the n elements of an array one by one thus costs n small additions in the backward
    pass, and not n arrays of zeros.

    Args:
        values: array or node of the shape of ``array[index]``.
        index: what the array was indexed with.
        repeats: whether the index may name a place twice.
        scatter: the library's operation that makes the dense array, ``scatter(values)``.
    """

    def __init__(
        self, values: Any, index: Any, repeats: bool, scatter: Callable[[Any], Any]
    ) -> None:
        self.values = values
        self.index = index
        self.repeats = repeats
        self.scatter = scatter

    def dense(self) -> Any:
        return self.scatter(self.values)

    def add(self, other: Any) -> Any:
        fresh = isinstance(other, Scattered)  # then made dense here, and for nobody else
        other = dense(other)
        if isinstance(other, np.ndarray) and not isinstance(self.values, Node):
            total = other if fresh else other.copy()
            self.add_into(total)
            return total
        return self.dense() + other

    def add_into(self, array: Array) -> None:
        """Add the values to a bare array, in place."""
        if self.repeats:
            add_at(array, self.index, self.values)
        else:
            array[self.index] += self.values
