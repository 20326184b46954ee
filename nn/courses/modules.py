"""Modules with ``forward`` and ``backward`` of their own; a column is an example.

What a module computes is a composition of primitives, and ``backward`` is the reverse walk through
it: nothing here says what a derivative is. Random numbers come from NumPy's global generator, in
the order in which such packages draw them, so ``np.random.seed`` gives the same run.

Example:
    >>> import numpy as np
    >>> from nn.courses.modules import NLL, Linear, Sequential, SoftMax, Tanh
    >>> np.random.seed(0)
    >>> X = np.array([[0.0, 1.0, 2.0, 3.0]])
    >>> Y = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    >>> net = Sequential([Linear(1, 4), Tanh(), Linear(4, 2), SoftMax()], NLL())
    >>> net.sgd(X, Y, iters=1000, lrate=0.1)
    >>> net.modules[-1].class_fun(net.forward(X))
    array([0, 0, 1, 1])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.arrays import Array, real_array
from autodiff.graph import describe
from nn.checks import whole

__all__ = [
    "NLL",
    "Conv1D",
    "Linear",
    "MaxPool1D",
    "Module",
    "ReLU",
    "Sequential",
    "SoftMax",
    "Tanh",
]

SAFE = 700.0  # exp of numbers up to this, and of their negatives, neither overflows nor vanishes


class Module:
    """A function of columns, with parameters.

    A subclass says in ``compute`` what it computes, from primitives, and in ``names`` which of its
    attributes are parameters. After ``backward`` the gradient of the parameter ``W`` is ``dLdW``.
    """

    names: tuple[str, ...] = ()
    _input: Array | None = None

    def compute(self, A: Any, *parameters: Any) -> Any:
        """The output for the columns A, on arrays and on nodes alike."""
        raise NotImplementedError(f"{type(self).__name__} does not define compute()")

    def forward(self, A: Any) -> Array:
        """The output for the columns A (D, N), which ``backward`` will refer to."""
        columns = _columns(type(self).__name__, A)
        output: Array = self.compute(columns, *self._parameters())
        self._input = columns
        return output

    def backward(self, delta: Any) -> Array:
        """Take dL/d(output), keep the gradients of the parameters, return dL/d(input).

        Raises:
            RuntimeError: there has been no ``forward``.
            ValueError: ``delta`` has not the shape of the output.
        """
        _, pull = ad.vjp(self.compute, self._remembered(), *self._parameters())
        adjoint: Array
        adjoint, *adjoints = pull(delta)
        for name, t in zip(self.names, adjoints, strict=True):
            setattr(self, f"dLd{name}", t)
        return adjoint

    def sgd_step(self, lrate: float) -> None:
        """Move every parameter by -lrate times its gradient."""
        for name in self.names:
            if not hasattr(self, f"dLd{name}"):
                raise RuntimeError(f"{type(self).__name__}.sgd_step: call backward() first")
            step = lrate * getattr(self, f"dLd{name}")
            setattr(self, name, getattr(self, name) - step)

    def _remembered(self) -> Array:
        """The input of the last ``forward``."""
        if self._input is None:
            raise RuntimeError(f"{type(self).__name__}.backward: call forward() first")
        return self._input

    def _parameters(self) -> list[Array]:
        return [np.asarray(real_array(getattr(self, name)), float) for name in self.names]


class Linear(Module):
    """Wᵀ A + W0.

    Args:
        m: how many numbers come in.
        n: how many go out.

    Attributes:
        W: (m, n), normal numbers of variance 1 / m at first.
        W0: (n, 1), zeros at first.
        dLdW: the gradient of W, summed over the columns.
        dLdW0: that of W0.
    """

    names = ("W", "W0")

    def __init__(self, m: int, n: int) -> None:
        for size in (m, n):
            whole("Linear: each of m and n", size)
        self.W0: Array = np.zeros([n, 1])
        self.W: Array = np.random.normal(0, 1.0 * m**-0.5, [m, n])

    def compute(self, A: Any, W: Any, W0: Any) -> Any:
        if len(A.shape) != 2 or A.shape[0] != W.shape[0]:
            raise ValueError(f"Linear: expected columns ({W.shape[0]}, N), got {describe(A)}")
        return W.T @ A + W0


class Conv1D(Module):
    """Cross-correlation of one-dimensional images, each a column, with one filter.

    out[i] = w_0 + Σ over a of W[a] · in[i + a - (size - 1) / 2]: an output pixel belongs to the
    input pixel that the filter is centred on, and beyond the border there are zeros.

    Args:
        size: of the filter, an odd number.

    Attributes:
        W: (size, 1), normal numbers of variance 1 / size at first.
        w_0: (1, 1), the bias, 0 at first.
        dLdW: the gradient of W, summed over the columns.
        dLdw_0: that of w_0.
    """

    names = ("W", "w_0")

    def __init__(self, size: int = 3) -> None:
        if not whole("Conv1D: size", size) % 2:
            raise ValueError(f"Conv1D: a filter with a centre has an odd size, got {size}")
        self.W: Array = np.random.normal(0, 1.0 * size**-0.5, [size, 1])
        self.w_0: Array = np.zeros([1, 1])

    def compute(self, A: Any, W: Any, w_0: Any) -> Any:
        kernel = ad.reshape(W, (1, 1, -1))
        return _as_columns(ad.conv(_as_images(A), kernel, padding="same")) + w_0


class MaxPool1D(Module):
    """The largest pixel of each window of one-dimensional images, each a column.

    Args:
        size: of a window.
        stride: the distance of neighbouring windows; side by side if not given.
    """

    def __init__(self, size: int = 2, stride: int | None = None) -> None:
        self.size = whole("MaxPool1D: size", size)
        self.stride = self.size if stride is None else whole("MaxPool1D: stride", stride)

    def compute(self, A: Any) -> Any:
        return _as_columns(ad.max_pool(_as_images(A), self.size, stride=self.stride))


class Tanh(Module):
    """The hyperbolic tangent, element by element."""

    def compute(self, Z: Any) -> Any:
        return ad.tanh(Z)

    def backward(self, delta: Any) -> Array:
        """Take dL/dA, return dL/dZ with the rounding of 1 - A².

        The engine's derivative of ``tanh``, 1 / cosh² Z, keeps more digits than such packages have.
        Of tanh(Z + u) = (A + tanh u) / (1 + A tanh u), the addition theorem, it gives at u = 0 the
        digits of 1 - A · A, so that a seeded run stays the same to the last bit.
        """
        Z, delta = self._remembered(), _columns("Tanh.backward", delta)
        if delta.shape != Z.shape:
            raise ValueError(f"Tanh.backward: expected dL/dA {Z.shape}, got {describe(delta)}")
        A = np.tanh(Z)

        def moved(u: Any) -> Any:
            step = ad.tanh(u)
            return (A + step) / (1 + A * step)

        adjoint: Array = delta * ad.elementwise_grad(moved)(np.zeros_like(A))
        return adjoint


class ReLU(Module):
    """max(Z, 0), element by element."""

    def compute(self, Z: Any) -> Any:
        return ad.relu(Z)


class SoftMax(Module):
    """e^Z / Σ e^Z over each column.

    What arrives at ``backward`` is dL/dZ already: ``NLL`` says it.
    """

    def compute(self, Z: Any) -> Any:
        if Z.size and not np.max(np.abs(Z)) <= SAFE:
            return ad.softmax(Z, axis=0)  # the same numbers up to rounding, without overflow
        powers = ad.exp(Z)
        return powers / ad.sum(powers, 0)

    def backward(self, delta: Any) -> Array:
        """Hand dL/dZ on as it is."""
        return _columns("SoftMax.backward", delta)

    def class_fun(self, Ypred: Any) -> Array:
        """The most probable class of each column: (N,)."""
        chosen: Array = np.argmax(_columns("SoftMax.class_fun", Ypred), axis=0)
        return chosen


class NLL:
    """Minus the log-likelihood, -Σ Y log Ypred over all columns of one-hot Y."""

    _given: tuple[Array, Array] | None = None

    def forward(self, Ypred: Any, Y: Any) -> float:
        """The loss, summed over the batch.

        Args:
            Ypred: (C, N), the probabilities that ``SoftMax`` gave.
            Y: (C, N), a 1 at the class of each column, else 0.

        Raises:
            ValueError: the two have different shapes.
        """
        P, T = _columns("NLL", Ypred), _columns("NLL", Y)
        if P.shape != T.shape:
            raise ValueError(f"NLL: expected Ypred and Y of one shape, got {P.shape} and {T.shape}")
        self._given = P, T
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(T == 0, 1.0, P))  # 0 · log 0 counts as 0
        return float(np.sum(-T * logs))

    def backward(self) -> Array:
        """Ypred - Y, the derivative with respect to the input of ``SoftMax``.

        Softmax is the canonical link of this loss (Bishop, Pattern Recognition and Machine
        Learning, §4.3.6): the derivative with respect to its input is that of ½ Σ (Ypred - Y)² with
        respect to its output. The latter is what the reverse walk is asked for; it keeps each bit
        of the difference, and needs no Z.

        Raises:
            RuntimeError: there has been no ``forward``.
        """
        if self._given is None:
            raise RuntimeError("NLL.backward: call forward() first")
        P, T = self._given
        delta: Array = ad.grad(lambda P: ad.sum(ad.square(P - T)) / 2)(P)
        return delta


class Sequential:
    """Modules one behind the other, and a loss.

    Args:
        modules: each with ``forward``, ``backward`` and ``sgd_step``, as ``Module`` has them.
        loss: with ``forward`` and ``backward``, as ``NLL`` has them.
    """

    def __init__(self, modules: Sequence[Any], loss: Any) -> None:
        self.modules = list(modules)
        self.loss = loss

    def forward(self, X: Any) -> Array:
        """The output of the last module for the columns X (D, N)."""
        for module in self.modules:
            X = module.forward(X)
        output: Array = X
        return output

    def backward(self, delta: Any) -> Array:
        """Carry the derivative with respect to the output through all modules, to dL/dX."""
        for module in reversed(self.modules):
            delta = module.backward(delta)
        adjoint: Array = delta
        return adjoint

    def sgd_step(self, lrate: float) -> None:
        """Move the parameters of all modules."""
        for module in self.modules:
            module.sgd_step(lrate)

    def sgd(self, X: Any, Y: Any, iters: int = 100, lrate: float = 0.005) -> None:
        """Learn from single columns drawn at random, with replacement.

        Args:
            X: (D, N).
            Y: (C, N), one-hot.
            iters: how many steps.
            lrate: how large they are.

        Raises:
            ValueError: X and Y don't have the same number of columns, or none.
        """
        X, Y = _columns("Sequential.sgd", X), _columns("Sequential.sgd", Y)
        N = X.shape[1]
        if not N or Y.shape[1] != N:
            raise ValueError(
                f"Sequential.sgd: expected some columns, and as many of Y as of X, got {X.shape} "
                f"and {Y.shape}"
            )
        for _ in range(iters):
            i = np.random.randint(N)
            output = self.forward(X[:, i : i + 1])
            self.loss.forward(output, Y[:, i : i + 1])
            self.backward(self.loss.backward())
            self.sgd_step(lrate)


def _columns(name: str, data: Any) -> Array:
    array: Array = np.asarray(real_array(data), dtype=float)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected columns (D, N), got {describe(array)}")
    return array


def _as_images(A: Any) -> Any:
    """Columns (D, N) as images of one channel: (N, 1, D)."""
    return ad.reshape(ad.transpose(A), (A.shape[1], 1, A.shape[0]))


def _as_columns(images: Any) -> Any:
    """Images of one channel as columns: (N, 1, D) to (D, N)."""
    return ad.transpose(ad.reshape(images, (images.shape[0], images.shape[2])))
