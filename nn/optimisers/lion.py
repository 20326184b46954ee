"""Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from nn.module import Array, Parameter
from nn.optimisers.optimiser import Group, Optimiser
from nn.schedules import Rate


class Lion(Optimiser):
    """Steps of one length in each element: only the sign of a mean of gradients counts.

    Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, algorithm 2. For each parameter
    w with gradient g and a mean m, at first 0:

    w ← w - α (sign(β₁ m + (1 - β₁) g) + λ w), then m ← β₂ m + (1 - β₂) g.

    Weight decay is decoupled. The authors take rates 3 to 10 times smaller than for ``AdamW``, and
    decays that much larger.

    Args:
        parameters: what to train: parameters, or groups of them.
        rate: α, a number or a function of the step.
        betas: (β₁, β₂), each at least 0 and below 1.
        weight_decay: λ.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn, and decay if they do.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.

    Example:
        >>> from nn import Lion, Parameter
        >>> w = Parameter([1.0, 0.0, -20.0])
        >>> optimiser = Lion([w], 0.25)
        >>> (w * w).sum().backward()
        >>> optimiser.step()
        >>> w.data
        array([  0.75,   0.  , -19.75])
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
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
        self._mean = self._remember("mean")
        self._work = self._room()

    def _step(self, i: int, g: Array, rate: float) -> Array:
        m, step, part = self._mean[i], self._work[i], self._scratch[i]
        first, second = self.betas
        np.multiply(m, first, out=step)
        step += np.multiply(g, 1 - first, out=part)
        m *= second
        m += np.multiply(g, 1 - second, out=part)
        np.sign(step, out=step)
        step *= -rate
        return step
