"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import numpy as np

from autodiff.kernels.updates import descent, momentum
from nn.module import Array, Parameter
from nn.optimisers.optimiser import Group, Optimiser
from nn.schedules import Rate


class SGD(Optimiser):
    """Stochastic gradient descent with momentum.

    For each parameter w with gradient g and velocity v, at first 0, in one of two forms:

    - accumulating steps, v ← μ v - α g, then w ← w + v (Polyak 1964; Sutskever et al. 2013, On the
      importance of initialization and momentum in deep learning, eq. 1-2);
    - accumulating gradients, v ← μ v + g, then w ← w - α v (as PyTorch does).

    At a constant rate they take the same steps. When the rate falls, the first form still goes on
    with the speed of the old one for a while; the second takes its whole velocity at the new rate.

    Nesterov's momentum takes the gradient where the velocity would lead (Sutskever et al. 2013, eq.
    3-4). Here w *is* that place, as usual: w ← w + μ v - α g in the first form, w ← w - α (g + μ v)
    in the second, with the new v.

    Weight decay is coupled: g + λ w stands for g everywhere.

    Args:
        parameters: what to train: parameters, or groups of them.
        rate: α, a number or a function of the step such as ``InverseDecay``.
        momentum: μ, at least 0 and below 1.
        nesterov: whether the momentum is Nesterov's.
        accumulate: "steps" or "gradients": what the velocity is a sum of.
        weight_decay: λ.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.

    Example:
        >>> from nn import SGD, Parameter
        >>> w = Parameter([1.0], label="w")
        >>> optimiser = SGD([w], 0.1, momentum=0.9)
        >>> for _ in range(2):
        ...     (w * w).sum().backward()
        ...     optimiser.step()
        >>> w.data.round(6)  # 1 - 0.2 = 0.8, then 0.8 - (0.9 · 0.2 + 0.16)
        array([0.46])
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        accumulate: Literal["steps", "gradients"] = "steps",
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
        self.momentum: Final = self._number("momentum", momentum, least=0, below=1)
        self.nesterov: Final = nesterov
        self.accumulate: Final = accumulate
        if accumulate not in ("steps", "gradients"):
            raise ValueError(f"SGD: accumulate is 'steps' or 'gradients', got {accumulate!r}")
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov=True needs a momentum above 0")
        self._velocity = self._remember("velocity") if momentum else []
        self._ahead = self._room() if nesterov else []

    def _move(self, i: int, w: Parameter, g: Array, rate: float, decay: float) -> None:
        if not self._is_compiled:
            super()._move(i, w, g, rate, decay)
            return
        own_rate = self._rates[i : i + 1]
        if self.momentum:
            v = self._velocity[i]
            w.rewrite(lambda own: momentum(own, v, g, own_rate, self.momentum, decay))
        else:
            w.rewrite(lambda own: descent(own, g, own_rate, decay))

    @property
    def constants(self) -> tuple[Any, ...] | None:
        return (self.momentum,) if type(self) is SGD and self._is_compiled else None

    @property
    def _is_compiled(self) -> bool:
        return not self.momentum or (self.accumulate == "steps" and not self.nesterov)

    def _step(self, i: int, g: Array, rate: float) -> Array:
        step = self._scratch[i]
        inside = self.accumulate == "steps"
        if inside:
            g = np.multiply(g, -rate, out=step)
        v = self._velocity[i]
        v *= self.momentum
        v += g
        if self.nesterov:
            ahead = self._ahead[i]
            v = np.add(g, np.multiply(v, self.momentum, out=ahead), out=ahead)
        return v if inside else np.multiply(v, -rate, out=step)
