"""Arrays as the graph takes them in and hands them out."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = "NDArray[Any]"


def locked(array: Array) -> Array:
    """The array, which nobody else holds yet, made read-only; if it is a view, its base too."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.flags.writeable:
        owner.setflags(write=False)
        owner = owner.base
    return array


def real_array(data: ArrayLike) -> Array:
    """``data`` as an array of real numbers (or integers, or booleans).

    Raises:
        TypeError: it is complex, text, a ragged list, a masked array, a np.matrix, or holds nodes
            or other objects.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(
            "expected an array, got a masked one, whose mask would be lost: give its .data or "
            ".filled(), and leave elements out with autodiff.where or where= of a reduction"
        )
    if isinstance(data, np.matrix):
        raise TypeError(
            "expected an array, got a np.matrix, whose * and ** mean something else: give "
            "np.asarray(matrix), and multiply with @"
        )
    try:
        array = np.asarray(data)
    except ValueError as fault:
        raise TypeError(f"expected an array of real numbers: {fault}") from None
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind == "c":
        raise TypeError(
            "expected real numbers, got complex ones: differentiate the real and the "
            "imaginary part as two real functions"
        )
    of_dtype = f" of dtype {array.dtype}" if array.ndim else ""
    raise TypeError(f"expected real numbers, got {type(data).__name__}{of_dtype}")


def floating(dtype: Any) -> np.dtype[Any]:
    """A floating-point dtype.

    Raises:
        TypeError: it is of another kind.
    """
    checked: np.dtype[Any] = np.dtype(dtype)
    if checked.kind != "f":
        raise TypeError(f"expected a floating-point dtype, got {checked}")
    return checked


def nearest_float(number: int) -> float:
    """A whole number as a float; inf or -inf if it is too large, as IEEE 754 rounds it."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf
