"""SciPy's way into LAPACK, for what NumPy does not hand out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from autodiff.arrays import Array

WORTH_IT = 32
"""Rows: NumPy is done with smaller matrices before SciPy would have been loaded."""


def routine(name: str, x: Array) -> Callable[..., Any] | None:
    """A routine for a matrix of float64; None where it is small, or SciPy is not there.

    (NumPy computes with float64 for matrices of float32 too, and then rounds.)
    """
    if x.ndim != 2 or len(x) < WORTH_IT or x.dtype != np.float64:
        return None
    return found(name)


@cache
def found(name: str) -> Callable[..., Any] | None:
    """A routine for matrices of float64, if SciPy is there."""
    try:
        from scipy.linalg import get_lapack_funcs
    except ImportError:
        return None
    function: Callable[..., Any] = get_lapack_funcs(name, dtype=np.float64)
    return function
