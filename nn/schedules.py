"""Schedules: the learning rate as a function of the step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InverseDecay:
    """α_t = ε / (1 + γ t)^p, the rate at step t (Bottou 2012, Stochastic Gradient Descent Tricks).

    Args:
        epsilon: ε, the rate at step 0.
        gamma: γ, how soon it falls.
        power: p, how fast it falls.

    Example:
        >>> from nn import InverseDecay
        >>> rate = InverseDecay(0.01, gamma=1e-4, power=0.75)
        >>> rate(0), round(rate(10_000), 6)
        (0.01, 0.005946)
    """

    epsilon: float
    gamma: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        if not self.epsilon > 0 or not self.gamma >= 0:
            raise ValueError(
                f"InverseDecay: expected epsilon > 0 and gamma >= 0, got {self.epsilon} and "
                f"{self.gamma}"
            )

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        return float(self.epsilon / (1 + self.gamma * step) ** self.power)
