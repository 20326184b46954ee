"""Functions of the elements of rows of numbers, in one pass over memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native import normal
from autodiff.kernels.native.compiler import compiled
from autodiff.kernels.native.exponential import exponential
from autodiff.kernels.native.polynomial import polynomial
from autodiff.kernels.parallel import in_parallel

_BLOCK = 1 << 14
"""Numbers that a thread works on before it looks for more."""

_INVERSE_ODD = [1 / n for n in range(1, 35, 2)]
_artanh_ratio = polynomial(_INVERSE_ODD[:8], _INVERSE_ODD)
"""artanh(√x) / √x for x up to 1/9: 1 + x/3 + x²/5 ..."""


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


@compiled
def softplus(x: Any, y: Any) -> None:
    """log(1 + e^x)."""
    zero, two = x.dtype.type(0), x.dtype.type(2)
    for i in range(len(x)):
        e = exponential(-np.abs(x[i]), zero)
        s = e / (two + e)  # log(1 + e) is 2 artanh(s)
        larger = x[i] if x[i] > zero or x[i] != x[i] else zero
        y[i] = larger + two * (s * _artanh_ratio(s * s))


@compiled
def bell(x: Any, y: Any) -> None:
    """e^(-x²/2)."""
    for i in range(len(x)):
        y[i] = normal.bell(x[i])


@compiled
def ndtr(x: Any, y: Any) -> None:
    """The distribution function of the normal distribution."""
    for i in range(len(x)):
        y[i] = normal.distribution(x[i])


@compiled
def sigmoid(x: Any, y: Any) -> None:
    """1 / (1 + e^-x)."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(len(x)):
        e = exponential(-np.abs(x[i]), zero)
        y[i] = (one if x[i] >= zero else e) / (one + e)


@compiled
def sigmoid_slope(x: Any, y: Any) -> None:
    """e^-x / (1 + e^-x)²."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(len(x)):
        e = exponential(-np.abs(x[i]), zero)
        y[i] = e / ((one + e) * (one + e))
