"""Optimisers: how parameters follow their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real

import numpy as np

from autodiff.graph import describe
from nn.module import Array, Parameter


class SGD:
    """Stochastic gradient descent with momentum and weight decay.

    For each parameter w with gradient g, velocity v and the rate α_t of this step:
    v ← μ v - α_t (g + λ w), then w ← w + v (Polyak 1964; Sutskever et al. 2013, eq. 1-2). Biases
    have no weight decay, and a rate of their own: α_t times ``bias_rate_factor``.

    Args:
        parameters: what to train.
        rate: α, a number or a function of the step such as ``InverseDecay``.
        momentum: μ, between 0 and 1.
        weight_decay: λ, for weights only.
        bias_rate_factor: how much faster biases learn.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, or there is nothing to train.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        rate: float | Callable[[int], float],
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        bias_rate_factor: float = 1.0,
    ) -> None:
        if isinstance(parameters, Parameter):
            raise TypeError("SGD: expected several parameters; put a single one into a list")
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("SGD: there are no parameters to train")
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter):
                raise TypeError(f"SGD: expected parameters, got {describe(parameter)}")
        if not callable(rate) and not (isinstance(rate, Real) and rate > 0):
            raise ValueError(f"SGD: rate is a positive number or a function, got {rate!r}")
        if not 0 <= momentum < 1 or weight_decay < 0 or bias_rate_factor < 0:
            raise ValueError(
                "SGD: expected 0 <= momentum < 1, weight_decay >= 0 and bias_rate_factor >= 0, got "
                f"{momentum}, {weight_decay} and {bias_rate_factor}"
            )
        self.rate = rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.bias_rate_factor = bias_rate_factor
        self.steps = 0
        self._velocities: list[Array] = [np.zeros_like(p.data) for p in self.parameters]
        self._scratch: list[Array] = [np.empty_like(p.data) for p in self.parameters]

    def step(self) -> None:
        """Move every parameter that has a gradient, and forget the gradient.

        Raises:
            ValueError: no parameter has one, for want of a backward pass.
        """
        if all(parameter.grad is None for parameter in self.parameters):
            raise ValueError("SGD.step: no parameter has a gradient; call backward() on the loss")
        rate = self.rate(self.steps) if callable(self.rate) else self.rate
        for w, v, scratch in zip(self.parameters, self._velocities, self._scratch, strict=True):
            if w.grad is not None and not w.frozen:
                self._move(w, w.grad, v, scratch, rate)
                w.grad = None
        self.steps += 1

    def _move(self, w: Parameter, g: Array, v: Array, scratch: Array, rate: float) -> None:
        """One update without any new array."""
        if self.weight_decay and w.role == "weight":
            g = np.add(g, np.multiply(w.data, self.weight_decay, out=scratch), out=scratch)
        rate *= self.bias_rate_factor if w.role == "bias" else 1
        step = np.multiply(g, -rate, out=scratch)
        if self.momentum:
            v *= self.momentum
            v += step
            step = v
        w.move(step)
