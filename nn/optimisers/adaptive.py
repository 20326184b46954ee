"""Optimisers with a rate for each element, which past gradients give: RMSprop and Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from nn.module import Array, Parameter
from nn.optimisers.optimiser import Group, Optimiser
from nn.schedules import Rate


class RMSprop(Optimiser):
    """Gradients divided by the root of a running mean of their squares.

    Tieleman & Hinton 2012, Neural Networks for Machine Learning, lecture 6.5. For each parameter w
    with gradient g, with s and u at first 0:

    s ← ρ s + (1 - ρ) g², u ← μ u + g / (√s + ε), then w ← w - α u.

    Centred, the variance s - m² stands for s, with the running mean m ← ρ m + (1 - ρ) g (Graves
    2013, Generating Sequences With Recurrent Neural Networks, eq. 38-45, with ε inside the root).
    It is computed as such, by s ← ρ (s + (1 - ρ) (g - m)²) with the old m, which rounding never
    makes negative.

    Weight decay is coupled: g + λ w stands for g.

    Args:
        parameters: what to train: parameters, or groups of them.
        rate: α, a number or a function of the step.
        smoothing: ρ, at least 0 and below 1.
        momentum: μ, at least 0 and below 1.
        centred: whether the variance counts instead of the mean square.
        epsilon: ε, above 0.
        weight_decay: λ.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.

    Example:
        >>> from nn import Parameter, RMSprop
        >>> w = Parameter([1.0, -20.0])
        >>> optimiser = RMSprop([w], 0.1, smoothing=0.75)
        >>> (w * w).sum().backward()
        >>> optimiser.step()
        >>> w.data.round(6)  # the first step is as long as the rate / √(1 - ρ)
        array([  0.8, -19.8])
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate,
        *,
        smoothing: float = 0.9,
        momentum: float = 0.0,
        centred: bool = False,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decay_biases: bool = False,
        bias_rate_factor: float = 1.0,
    ) -> None:
        super().__init__(
            parameters,
            rate,
            weight_decay=weight_decay,
            decay_biases=decay_biases,
            bias_rate_factor=bias_rate_factor,
        )
        self.smoothing: Final = self._number("smoothing", smoothing, least=0, below=1)
        self.momentum: Final = self._number("momentum", momentum, least=0, below=1)
        self.centred: Final = centred
        self.epsilon: Final = self._epsilon(epsilon)
        self._square = self._remember("variance" if centred else "mean_square")
        self._mean = self._remember("mean") if centred else []
        self._velocity = self._remember("velocity") if momentum else []
        self._work = self._room()
        self._more = self._room() if centred else []

    def _step(self, i: int, g: Array, rate: float) -> Array:
        s, step = self._square[i], self._work[i]
        if self.centred:
            m, part = self._mean[i], self._more[i]
            np.subtract(g, m, out=step)
            m += np.multiply(step, 1 - self.smoothing, out=part)
            part *= step
            s += part
            s *= self.smoothing
        else:
            np.multiply(g, g, out=step)
            step *= 1 - self.smoothing
            s *= self.smoothing
            s += step
        np.sqrt(s, out=step)
        step += self.epsilon
        np.divide(g, step, out=step)
        if self.momentum:
            u = self._velocity[i]
            u *= self.momentum
            u += step
            return np.multiply(u, -rate, out=step)
        step *= -rate
        return step


class Adagrad(Optimiser):
    """Gradients divided by the root of the sum of all their squares.

    Duchi, Hazan & Singer 2011, Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization, with the diagonal of the matrix. For each parameter w with gradient g:

    s ← s + g², then w ← w - α g / (√s + ε).

    Weight decay is coupled: g + λ w stands for g.

    Args:
        parameters: what to train: parameters, or groups of them.
        rate: α, a number or a function of the step.
        initial: s before the first step, at least 0.
        epsilon: ε, above 0.
        weight_decay: λ.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.

    Example:
        >>> from nn import Adagrad, Parameter
        >>> w = Parameter([1.0, -20.0])
        >>> optimiser = Adagrad([w], 0.1)
        >>> (w * w).sum().backward()
        >>> optimiser.step()
        >>> w.data.round(6)  # the first step is as long as the rate
        array([  0.9, -19.9])
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate,
        *,
        initial: float = 0.0,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
        decay_biases: bool = False,
        bias_rate_factor: float = 1.0,
    ) -> None:
        super().__init__(
            parameters,
            rate,
            weight_decay=weight_decay,
            decay_biases=decay_biases,
            bias_rate_factor=bias_rate_factor,
        )
        self.initial: Final = self._number("initial", initial, least=0)
        self.epsilon: Final = self._epsilon(epsilon)
        self._sum = self._remember("sum_of_squares")
        for s in self._sum:
            s += initial
        self._work = self._room()

    def _step(self, i: int, g: Array, rate: float) -> Array:
        s, step = self._sum[i], self._work[i]
        s += np.multiply(g, g, out=step)
        np.sqrt(s, out=step)
        step += self.epsilon
        np.divide(g, step, out=step)
        step *= -rate
        return step
