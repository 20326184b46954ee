"""Optimisers: how parameters follow their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from nn.module import Array, Parameter


class SGD:
    """Stochastic gradient descent with momentum and weight decay.

    For each parameter w with gradient g, velocity v and the rate α_t of this step:
    v ← μ v + α_t (g + λ w), then w ← w - v (Polyak 1964; Sutskever et al. 2013, eq. 1-2). Biases
    have no weight decay, and a rate of their own: α_t times ``bias_rate_factor``.

    Args:
        parameters: what to train.
        rate: α, a number or a function of the step such as ``InverseDecay``.
        momentum: μ, between 0 and 1.
        weight_decay: λ, for weights only.
        bias_rate_factor: how much faster biases learn.

    Raises:
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
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("SGD: there are no parameters to train")
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

    def step(self) -> None:
        """Move every parameter that has a gradient, and forget the gradient.

        Raises:
            ValueError: no parameter has one, for want of a backward pass.
        """
        if all(parameter.grad is None for parameter in self.parameters):
            raise ValueError("SGD.step: no parameter has a gradient; call backward() on the loss")
        rate = self.rate(self.steps) if callable(self.rate) else self.rate
        for parameter, velocity in zip(self.parameters, self._velocities, strict=True):
            if parameter.grad is not None:
                self._move(parameter, parameter.grad, velocity, rate)
                parameter.grad = None
        self.steps += 1

    def _move(self, w: Parameter, g: Array, v: Array, rate: float) -> None:
        """One update, in two passes over memory that exists: the velocity and the gradient."""
        v *= self.momentum
        if w.role == "bias":
            g *= rate * self.bias_rate_factor
        else:
            g *= rate
            if self.weight_decay:
                v += (rate * self.weight_decay) * w.data
        v += g
        np.subtract(w.data, v, out=g)  # the gradient has served; its memory takes the result
        w.assign(g)
