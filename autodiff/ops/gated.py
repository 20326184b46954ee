"""The adjoint that ``relu`` sends back, not worked out until it is known who needs it.

A large one is gone from the caches before it is read again. Who can tell by itself where the
operand of ``relu`` is positive takes what arrived there, and leaves out the rest as it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autodiff.adjoint import Structured, dense
from autodiff.arrays import Array
from autodiff.kernels.pointwise import gate
from autodiff.ops.rows import Row
from autodiff.primitive import Operands, Parameters

_LARGE = 1 << 24
"""Bytes of an adjoint that it takes long to write and to read again."""


class Gated(Structured):
    """An adjoint that is ``values`` where x is positive, and elsewhere 0.

    Args:
        values: a bare array.
        x: of the same shape.
    """

    def __init__(self, values: Array, x: Array) -> None:
        self.values: Array = values
        self._x: Array | None = x

    def is_of(self, x: Array) -> bool:
        """Whether it is this very array that is to be positive."""
        return self._x is x

    def dense(self) -> Array:
        if self._x is not None:  # nobody holds, from now on, what it was made of
            self.values, self._x = gate(self._x, self.values), None
        return self.values

    def add(self, other: Any) -> Any:
        other = dense(other)
        if self._x is None:
            return self.values + other
        total = gate(self._x, self.values)  # which nobody else has seen
        if type(other) is np.ndarray and other.shape == total.shape and total.flags.writeable:
            total += other
            return total
        return total + other


class Gating(Row):
    """A row whose one partial derivative is ``x > 0``."""

    def vjps(
        self, wanted: Sequence[int], t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Iterable[Any]:
        (x,) = operands
        if type(t) is np.ndarray is type(x) and t.shape == x.shape and t.nbytes >= _LARGE:
            return [Gated(t, x) for _ in wanted]
        return super().vjps(wanted, t, f, operands, parameters)
