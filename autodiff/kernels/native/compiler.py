"""How kernels are compiled: once for this machine, kept on disk, free of Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import extending

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Without what lets Python and C call a function: that would be compiled, too."""


def compiled(function: Kernel) -> Kernel:
    """A function on numbers and arrays as machine code, made when it is first called.

    It computes as written: nothing is reordered, nan and inf are what they are.
    """
    made: Kernel = numba.njit(nogil=True, cache=True, error_model="numpy", no_cfunc_wrapper=True)(
        function
    )
    return made


def internal(function: Kernel) -> Kernel:
    """Like ``compiled``, for what only compiled functions call."""
    made: Kernel = numba.njit(cache=True, error_model="numpy", **_BARE)(function)
    return made


def inlined(function: Kernel) -> Kernel:
    """Like ``internal``, for a function of numbers: a part of the loop that calls it."""
    made: Kernel = numba.njit(error_model="numpy", forceinline=True, **_BARE)(function)
    return made


def inserted(function: Kernel) -> Kernel:
    """A function that becomes a part of what calls it before that is compiled: in one place only.

    What is called is compiled by itself first, and once more as a part of what calls it.
    """
    made: Kernel = numba.njit(inline="always")(function)
    return made


def written(emitter: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose instructions are written by hand; see ``numba.extending.intrinsic``."""
    made: Callable[..., Any] = extending.intrinsic(emitter)
    return made


def by_type(function: Callable[..., Any]) -> Callable[[Kernel], Kernel]:
    """What chooses by types how a function is computed; see ``numba.extending.overload``."""
    made: Callable[[Kernel], Kernel] = extending.overload(
        function, jit_options={"error_model": "numpy", "forceinline": True}
    )
    return made


def summing(function: Kernel) -> Kernel:
    """Like ``internal``, for a sum along a row: several of its terms are added up side by side.

    That is all the compiler may change. The order is settled when the program is made, and is the
    same at each call.
    """
    made: Kernel = numba.njit(cache=True, error_model="numpy", fastmath={"reassoc"}, **_BARE)(
        function
    )
    return made
