"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any, Final

import numpy as np

from autodiff.kernels.updates import adam
from nn.module import Array, Parameter
from nn.optimisers.optimiser import Group, Moving, Optimiser
from nn.schedules import Rate


class Adam(Optimiser):
    """Steps scaled by running means of the gradient and of its square.

    Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, algorithm 1. For each parameter w
    with gradient g, in its t-th update, with m and v at first 0:

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g²,
    w ← w - α m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁^t), v̂ = v / (1 - β₂^t).

    With ``amsgrad``, the largest v so far stands for v in v̂ (Reddi, Kale & Kumar 2018, On the
    Convergence of Adam and Beyond; they leave the bias of the means as it is).

    Weight decay is coupled, g + λ w stands for g, so it is scaled as the gradient is: weights with
    large gradients hardly decay. ``AdamW`` is without this.

    Args:
        parameters: what to train: parameters, or groups of them.
        rate: α, a number or a function of the step.
        betas: (β₁, β₂), each at least 0 and below 1.
        epsilon: ε, above 0.
        amsgrad: whether steps never grow by a smaller v.
        weight_decay: λ.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.

    Example:
        >>> from nn import Adam, Parameter
        >>> w = Parameter([1.0, -20.0])
        >>> optimiser = Adam([w], 0.1)
        >>> (w * w).sum().backward()
        >>> optimiser.step()
        >>> w.data.round(6)  # the first step is as long as the rate
        array([  0.9, -19.9])
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        amsgrad: bool = False,
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
        self.betas: Final = self._shares("betas", betas)
        self.epsilon: Final = self._epsilon(epsilon)
        self.amsgrad: Final = amsgrad
        self._updates = self._count("updates")
        self._mean = self._remember("mean")
        self._mean_square = self._remember("mean_square")
        self._largest = self._remember("largest_mean_square") if amsgrad else []
        self._adam_rates = np.zeros((len(self.parameters), 3))  # see ``kernels.updates.adam``

    def set_rates(self, moving: Iterable[Moving]) -> None:
        super().set_rates(moving)
        first, second = self.betas
        for i, _, _ in moving:
            self._updates[i] += 1
            t, rate = int(self._updates[i]), float(self._rates[i])
            fading = rate * self._decays[i] if self.decoupled else 0.0
            self._adam_rates[i] = rate / (1 - first**t), 1 / sqrt(1 - second**t), fading

    def _move(self, i: int, w: Parameter, g: Array, rate: float, decay: float) -> None:
        w.rewrite(
            lambda own: adam(
                own,
                self._mean[i],
                self._mean_square[i],
                self._largest[i] if self.amsgrad else None,
                g,
                self._adam_rates[i],
                self.betas,
                self.epsilon,
                0.0 if self.decoupled else decay,
            )
        )

    @property
    def constants(self) -> tuple[Any, ...] | None:
        return (self.betas, self.epsilon, self.amsgrad) if type(self) in (Adam, AdamW) else None

    def arrays(self) -> list[Array]:
        return [self._adam_rates, *self._mean, *self._mean_square, *self._largest]


class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w - α λ w, then a step of ``Adam`` with g alone.

    Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, algorithm 2. They multiply λ by
    what a schedule makes of the rate, not by the rate itself; here, as in PyTorch, it is α λ.

    Args:
        parameters: what to train: parameters, or groups of them.
        rate: α, a number or a function of the step.
        betas: (β₁, β₂), each at least 0 and below 1.
        epsilon: ε, above 0.
        amsgrad: whether steps never grow by a smaller v.
        weight_decay: λ.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn, and decay if they do.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        decay_biases: bool = False,
        bias_rate_factor: float = 1.0,
    ) -> None:
        super().__init__(
            parameters,
            rate,
            betas=betas,
            epsilon=epsilon,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
            decay_biases=decay_biases,
            bias_rate_factor=bias_rate_factor,
        )
