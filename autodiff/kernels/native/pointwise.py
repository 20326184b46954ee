"""Functions of the elements of rows of numbers, in one pass over memory."""

from __future__ import annotations

from typing import Any

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import compiled
from autodiff.kernels.parallel import in_parallel

_BLOCK = 1 << 14
"""Numbers that a thread works on before it looks for more."""


def fill(name: str, *rows: Array) -> None:
    """Write a function of some rows, which is called ``name`` here, to the last one."""
    function = globals()[name]
    in_parallel(
        lambda first, end: function(*(row[first * _BLOCK : end * _BLOCK] for row in rows)),
        -(-len(rows[-1]) // _BLOCK),
    )


@compiled
def relu(x: Any, y: Any) -> None:
    """The larger of x and 0; nan of nan."""
    for i in range(len(x)):
        y[i] = x[i] if x[i] > 0 or x[i] != x[i] else 0


@compiled
def kept(condition: Any, x: Any, y: Any) -> None:
    """X where the condition holds, elsewhere 0."""
    for i in range(len(x)):
        y[i] = x[i] if condition[i] else 0


@compiled
def chosen(condition: Any, x: Any, z: Any, y: Any) -> None:
    """X where the condition holds, elsewhere z."""
    for i in range(len(x)):
        here, other = x[i], z[i]  # both are read, so that there is no branch
        y[i] = here if condition[i] else other
