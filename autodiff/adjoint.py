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


class Presence:
    """Where an adjoint is present, found out when somebody asks.

    To find out how far an absence reaches takes as long as the adjoint itself, and it matters only
    where a zero would meet an infinite partial.

    Args:
        find: gives a boolean array.
        after: those that it asks.
    """

    __slots__ = ("_after", "_find", "_mask")

    def __init__(self, find: Callable[[], Any], *after: Presence) -> None:
        self._find: Callable[[], Any] | None = find
        self._after: tuple[Presence, ...] = after
        self._mask: Any = None

    @property
    def mask(self) -> Array:
        """A bare boolean array."""
        waiting = [self]
        while waiting:  # no recursion: they may wait for each other in long chains
            here = waiting[-1]
            before = [other for other in here._after if other._find is not None]
            if before:
                waiting += before
                continue
            waiting.pop()
            if here._find is not None:
                here._mask = np.asarray(here._find())  # comparing numbers gives Python's bool
                here._find, here._after = None, ()
        return self._mask  # type: ignore[no-any-return]


class Masked(Structured):
    """An adjoint that is absent, a strong zero, in places.

    Args:
        values: array, node or structured adjoint, zero where it is absent.
        presence: where it is not; or a bare boolean array of the same shape that says so.
    """

    def __init__(self, values: Any, presence: Presence | Array) -> None:
        self.values = values
        self.presence = presence if isinstance(presence, Presence) else Presence(lambda: presence)

    @property
    def mask(self) -> Array:
        """A bare boolean array, False where the adjoint is absent."""
        return self.presence.mask

    @property
    def is_nowhere(self) -> bool:
        """Whether it is absent everywhere."""
        values = carried(self)
        if not isinstance(values, Node) and np.any(values):
            return False
        return not self.mask.any()

    def dense(self) -> Any:
        return dense(self.values)

    def add(self, other: Any) -> Any:
        total = dense(self) + dense(other)
        if not isinstance(other, Masked):
            return total
        mine, its = self.presence, other.presence
        return Masked(total, Presence(lambda: mine.mask | its.mask, mine, its))


def dense(adjoint: Any) -> Any:
    """A contribution as a plain number, array or node."""
    return adjoint.dense() if isinstance(adjoint, Structured) else adjoint


def carried(adjoint: Any) -> Any:
    """The number, array or node that an adjoint of any form carries."""
    while isinstance(adjoint, Structured):
        adjoint = adjoint.values
    return adjoint


def is_certainly_finite(adjoint: Any) -> bool:
    """Whether no element is inf or nan; may be False where only their sum is."""
    return bool(np.isfinite(np.sum(carried(adjoint))))


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
