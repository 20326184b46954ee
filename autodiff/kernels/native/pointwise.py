"""Functions of the elements of rows of numbers, in one pass over memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.native import normal
from autodiff.kernels.native.exponential import exponential
from autodiff.kernels.native.parallel import in_parallel
from autodiff.kernels.native.polynomial import polynomial
from autodiff.kernels.native.streams import PIECE, manner_of, piece_of, room_of, send
from autodiff.kernels.native.team import shared
from autodiff.kernels.native.window import settle

_BLOCK = 1 << 14
"""Numbers that a thread works on at least, before it looks for more."""

_INVERSE_ODD = [1 / n for n in range(1, 35, 2)]
_artanh_ratio = polynomial(_INVERSE_ODD[:8], _INVERSE_ODD)
"""artanh(√x) / √x for x up to 1/9: 1 + x/3 + x²/5 ..."""


_IN_PIECES = ("relu", "gate")
"""Those that take no longer to compute than to write."""


def fill(name: str, *rows: Array) -> None:
    """Write a function of some rows, which is called ``name`` here, to the last one."""
    size = len(rows[-1])
    how = (manner_of(rows[-1]),) if name in _IN_PIECES else ()
    in_parallel(globals()[name], size, *how, *rows, least=_BLOCK, shares=size, divided=rows)


@shared
def relu(first: int, end: int, how: int, x: Any, y: Any) -> None:
    """The larger of x and 0; nan of nan."""
    room, zero = room_of(how, y, PIECE), x.dtype.type(0)
    for begin in range(first, end, PIECE):
        stop = min(begin + PIECE, end)
        here, to = x[begin:stop], piece_of(how, room, y, begin, stop)
        for i in range(len(here)):
            to[i] = here[i] if here[i] > zero or here[i] != here[i] else zero
        send(how, room, y, begin, stop)
    settle(how)


@shared
def gate(first: int, end: int, how: int, x: Any, t: Any, y: Any) -> None:
    """T where x is positive, elsewhere 0."""
    room, zero = room_of(how, y, PIECE), x.dtype.type(0)
    for begin in range(first, end, PIECE):
        stop = min(begin + PIECE, end)
        here, sent, to = x[begin:stop], t[begin:stop], piece_of(how, room, y, begin, stop)
        for i in range(len(here)):
            other = sent[i]  # it is read anyhow, so that there is no branch
            to[i] = other if here[i] > zero else zero
        send(how, room, y, begin, stop)
    settle(how)


@shared
def product(first: int, end: int, x: Any, z: Any, y: Any) -> None:
    """X z."""
    x, z, y = x[first:end], z[first:end], y[first:end]
    for i in range(len(x)):
        y[i] = x[i] * z[i]


@shared
def sign(first: int, end: int, x: Any, y: Any) -> None:
    """1, 0 or -1; nan of nan."""
    x, y = x[first:end], y[first:end]
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(len(x)):
        size = x[i] if x[i] != x[i] else one if x[i] != zero else zero
        y[i] = -size if x[i] < zero else size


@shared
def kept(first: int, end: int, condition: Any, x: Any, y: Any) -> None:
    """X where the condition holds, elsewhere 0."""
    condition, x, y = condition[first:end], x[first:end], y[first:end]
    for i in range(len(x)):
        y[i] = x[i] if condition[i] else 0


@shared
def chosen(first: int, end: int, condition: Any, x: Any, z: Any, y: Any) -> None:
    """X where the condition holds, elsewhere z."""
    condition, x, z, y = condition[first:end], x[first:end], z[first:end], y[first:end]
    for i in range(len(x)):
        here, other = x[i], z[i]  # both are read, so that there is no branch
        y[i] = here if condition[i] else other


@shared
def softplus(first: int, end: int, x: Any, y: Any) -> None:
    """log(1 + e^x)."""
    x, y = x[first:end], y[first:end]
    zero, two = x.dtype.type(0), x.dtype.type(2)
    for i in range(len(x)):
        e = exponential(-np.abs(x[i]), zero)
        s = e / (two + e)  # log(1 + e) is 2 artanh(s)
        larger = x[i] if x[i] > zero or x[i] != x[i] else zero
        y[i] = larger + two * (s * _artanh_ratio(s * s))


@shared
def bell(first: int, end: int, x: Any, y: Any) -> None:
    """e^(-x²/2)."""
    x, y = x[first:end], y[first:end]
    for i in range(len(x)):
        y[i] = normal.bell(x[i])


@shared
def ndtr(first: int, end: int, x: Any, y: Any) -> None:
    """The distribution function of the normal distribution."""
    x, y = x[first:end], y[first:end]
    for i in range(len(x)):
        y[i] = normal.distribution(x[i])


@shared
def sigmoid(first: int, end: int, x: Any, y: Any) -> None:
    """1 / (1 + e^-x)."""
    x, y = x[first:end], y[first:end]
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(len(x)):
        e = exponential(-np.abs(x[i]), zero)
        y[i] = (one if x[i] >= zero else e) / (one + e)


@shared
def sigmoid_slope(first: int, end: int, x: Any, y: Any) -> None:
    """e^-x / (1 + e^-x)²."""
    x, y = x[first:end], y[first:end]
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(len(x)):
        e = exponential(-np.abs(x[i]), zero)
        y[i] = e / ((one + e) * (one + e))
