"""Reductions that leave out nan: an element that is nan has no influence on the gradient.

It has none at all: whatever derivative the operation has that made it nan does not get in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.graph import Axes, Operand, bare
from autodiff.ops.cumulative import without_nan
from autodiff.ops.reductions import axes_of, mean, prod, sum, weighted, winners
from autodiff.ops.statistics import std, var

__all__ = [
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]


def _present(x: Operand) -> Any:
    """``where=`` of a reduction that leaves out nan; True if there can be none."""
    numbers = np.asarray(bare(x))
    return ~np.isnan(numbers) if numbers.dtype.kind == "f" else True


def nansum(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum of what is not nan; arguments as for ``sum``.

    Example:
        >>> import numpy as np
        >>> from autodiff import Tensor, nansum, sqrt
        >>> x = Tensor([4.0, -1.0])
        >>> with np.errstate(invalid="ignore"):
        ...     nansum(sqrt(x)).backward()
        >>> x.grad
        array([0.25, 0.  ])
    """
    return sum(without_nan(x, 0.0), axis, keepdims)


def nanprod(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The product of what is not nan; arguments as for ``sum``."""
    return prod(without_nan(x, 1.0), axis, keepdims)


def nanmean(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The mean of what is not nan; arguments as for ``sum``."""
    return mean(x, axis, keepdims, where=_present(x))


def nanvar(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    ddof: float = 0,
    correction: float | None = None,
) -> Any:
    """The variance of what is not nan; arguments as for ``var``."""
    return var(x, axis, keepdims, ddof=ddof, correction=correction, where=_present(x))


def nanstd(
    x: Operand,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    ddof: float = 0,
    correction: float | None = None,
) -> Any:
    """The standard deviation of what is not nan; arguments as for ``std``."""
    return std(x, axis, keepdims, ddof=ddof, correction=correction, where=_present(x))


_nanmax = weighted("nanmax", np.nanmax, winners)  # nan equals nothing, and never wins
_nanmin = weighted("nanmin", np.nanmin, winners)


def nanmax(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The largest element that is not nan; arguments and ties as for ``max``."""
    return _nanmax(without_nan(x, np.nan), axis=axes_of(x, axis), keepdims=keepdims)


def nanmin(x: Operand, axis: Axes = None, keepdims: bool = False) -> Any:
    """The smallest element that is not nan; arguments and ties as for ``min``."""
    return _nanmin(without_nan(x, np.nan), axis=axes_of(x, axis), keepdims=keepdims)
