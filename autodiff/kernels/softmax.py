"""The smooth maximum, log Σ e^x, and what comes of it.

The largest element is subtracted first, so that e^x can't overflow. Compiled kernels go along rows.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import dispatch, replay
from autodiff.kernels.dispatch import contiguous
from autodiff.kernels.remembered import Remembered

Axes = tuple[int, ...]

_WORTH_IT = 1 << 9
"""Of fewer numbers NumPy is done before a compiled function has been called."""


def log_sum_exp(x: Any, axis: Axes, keepdims: bool) -> Any:
    """The smooth maximum over some axes."""
    x = _floating(x)
    largest, sums = _sums_of_powers(x, axis)
    with np.errstate(divide="ignore"):
        f = np.log(sums) + largest
    return f if keepdims else np.squeeze(f, axis)


def log_softmax(x: Any, axis: Axes) -> Any:
    """The logarithm of ``softmax``."""
    x = _floating(x)
    largest, sums = _sums_of_powers(x, axis)
    return (x - largest) - np.log(sums)


def softmax(x: Any, axis: Axes) -> Any:
    """e^x / Σ e^x over some axes."""
    x = _floating(x)
    rows = _Rows.of(x, axis)
    if rows is not None:
        return rows.native.softmax(rows.x, np.ones(len(rows.x), x.dtype)).reshape(x.shape)
    powers = np.exp(x - _finite_largest(x, axis))
    return powers / np.sum(powers, axis=axis, keepdims=True)


_powers = Remembered()
"""What ``cross_entropy`` found besides the losses: its adjoint is made of it, in its place."""


def cross_entropy(x: Array, labels: Array) -> Array:
    """-log softmax(x)[label] of each row."""
    x = _floating(x)
    rows = _Rows.of(x, (1,))
    if rows is not None:
        losses: Array
        chosen = contiguous(labels.astype(np.intp, copy=False))
        recorder = replay.recorder()
        if recorder is not None:
            recorder.places.append((chosen.view(np.uintp), x.shape[1]))
        losses, powers, sums = rows.native.cross_entropy(rows.x, chosen)
        _powers.keep(losses, (rows.native.cross_entropy_adjoint, powers, sums, chosen))
        return losses
    largest, sums = _sums_of_powers(x, (1,))
    of_labels = x[np.arange(len(labels)), labels] - largest[:, 0]
    f: Array = np.log(sums[:, 0]) - of_labels
    return f


def cross_entropy_adjoint(t: Array, losses: Array, x: Array, labels: Array) -> Array:
    """What the adjoint t of the losses sends back to x: (softmax, less 1 at the label) · t."""
    f: Array
    if t.dtype == x.dtype:
        found = _powers.take(losses)
        if found is None and _Rows.of(x, (1,)) is not None:  # it is not the first time
            again = cross_entropy(x, labels)
            found = _powers.take(again)
        if found is not None:
            adjoint, f, *others = found
            adjoint(contiguous(t), f, *others)
            return f
    f = softmax(x, (1,))
    f[np.arange(len(labels)), labels] -= 1
    f *= t[:, np.newaxis]
    return f


def _floating(x: Any) -> Any:
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _sums_of_powers(x: Any, axis: Axes) -> tuple[Any, Any]:
    """The largest element, or 0 if it isn't finite, and Σ e^(x - largest); axes have length 1."""
    rows = _Rows.of(x, axis)
    if rows is not None:
        shape = (*x.shape[:-1], 1)
        largest, sums = rows.native.sums_of_powers(rows.x)
        return largest.reshape(shape), sums.reshape(shape)
    finite = _finite_largest(x, axis)
    return finite, np.sum(np.exp(x - finite), axis=axis, keepdims=True)


def _finite_largest(x: Any, axis: Axes) -> Any:
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(largest), largest, 0)  # inf - inf would be nan


class _Rows:
    """An array as a matrix, for the compiled kernels that go along its rows."""

    def __init__(self, native: ModuleType, x: Array) -> None:
        self.native = native
        self.x = contiguous(x).reshape(-1, x.shape[-1])

    @classmethod
    def of(cls, x: Any, axis: Axes) -> _Rows | None:
        """The rows, if the compiled kernels take them."""
        if (
            not isinstance(x, np.ndarray)
            or not dispatch.worth_it(x, _WORTH_IT)
            or axis != (x.ndim - 1,)
        ):
            return None
        native = dispatch.native("softmax", x)
        return None if native is None else cls(native, x)
