"""Schedules: the learning rate as a function of the step.

A schedule is any function of the number of steps that have been taken: 0 at the first one. Those
here keep nothing but their settings, so training that resumes at some step goes on with its rate.
A number is the schedule that never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Literal, TypeAlias

from nn.checks import number, whole

Schedule: TypeAlias = Callable[[int], float]
Rate: TypeAlias = "float | Schedule"


def need_rate(name: str, rate: Any) -> Rate:
    """A positive number, or a function of the step.

    Raises:
        ValueError: it is neither; the message calls it ``name``.
    """
    if callable(rate):
        return rate  # type: ignore[no-any-return]
    try:
        return number(name, rate, above=0)
    except ValueError:
        raise ValueError(f"{name} is a positive number or a function, got {rate!r}") from None


def rate_at(rate: Rate, step: int) -> float:
    """The number itself, or the function's value at a step."""
    return rate(step) if callable(rate) else rate


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
        number("InverseDecay: epsilon", self.epsilon, above=0)
        number("InverseDecay: gamma", self.gamma, least=0)
        number("InverseDecay: power", self.power)

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        return float(self.epsilon / (1 + self.gamma * step) ** self.power)


@dataclass(frozen=True)
class StepDecay:
    """α_t = α_0 φ^⌊t/k⌋: the rate falls by a factor φ after every k steps.

    Args:
        rate: α_0.
        every: k.
        factor: φ, at most 1.

    Example:
        >>> from nn import StepDecay
        >>> [StepDecay(1.0, every=2, factor=0.5)(step) for step in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        number("StepDecay: rate", self.rate, above=0)
        whole("StepDecay: every", self.every)
        number("StepDecay: factor", self.factor, above=0, most=1)

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        return float(self.rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class ExponentialDecay:
    """α_t = α_0 φ^t: the rate falls by a factor φ in each step.

    Args:
        rate: α_0.
        factor: φ, at most 1.

    Example:
        >>> from nn import ExponentialDecay
        >>> [ExponentialDecay(1.0, factor=0.5)(step) for step in range(3)]
        [1.0, 0.5, 0.25]
    """

    rate: float
    factor: float

    def __post_init__(self) -> None:
        number("ExponentialDecay: rate", self.rate, above=0)
        number("ExponentialDecay: factor", self.factor, above=0, most=1)

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        return float(self.rate * self.factor**step)


@dataclass(frozen=True)
class CosineDecay:
    """From α_0 down to the least rate along half a wave of the cosine; there it stays.

    α_t = α_least + ½ (α_0 - α_least) (1 + cos(π t / T)) for t < T, and α_least from step T on
    (Loshchilov & Hutter 2017, SGDR, eq. 5, without restarts).

    Args:
        rate: α_0.
        steps: T.
        least: α_least, at most α_0.

    Example:
        >>> from nn import CosineDecay
        >>> rate = CosineDecay(0.5, steps=100, least=0.25)
        >>> rate(0), rate(50), rate(100), rate(1000)
        (0.5, 0.375, 0.25, 0.25)
    """

    rate: float
    steps: int
    least: float = 0.0

    def __post_init__(self) -> None:
        number("CosineDecay: rate", self.rate, above=0)
        whole("CosineDecay: steps", self.steps)
        number("CosineDecay: least", self.least, least=0, most=self.rate)

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        return _along_cosine(self.rate, self.least, min(step / self.steps, 1.0))


@dataclass(frozen=True)
class WarmUp:
    """A schedule that starts only after the rate has risen to it, on a straight line.

    α_t = s(0) (t + 1) / (n + 1) in the n steps of the warm-up, and s(t - n) from step n on. The
    first rate is not 0, which would waste a step. Goyal et al. 2017, Accurate, Large Minibatch SGD,
    §2.2, call it gradual warm-up.

    Args:
        schedule: s, a function of the step or a number.
        steps: n.

    Example:
        >>> from nn import StepDecay, WarmUp
        >>> rate = WarmUp(StepDecay(1.0, every=2, factor=0.5), steps=3)
        >>> [rate(step) for step in range(7)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.5]
    """

    schedule: Rate
    steps: int

    def __post_init__(self) -> None:
        need_rate("WarmUp: schedule", self.schedule)
        whole("WarmUp: steps", self.steps)

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        if step >= self.steps:
            return float(rate_at(self.schedule, step - self.steps))
        return float(rate_at(self.schedule, 0) * (step + 1) / (self.steps + 1))


@dataclass(frozen=True)
class OneCycle:
    """Up to a high rate, and down to almost nothing (Smith & Topin 2019, Super-Convergence).

    The rate rises to its most during the first share of the steps, whose last one has it, and falls
    during the others, whose last one has the end rate. From then on it stays there.

    Args:
        most: the highest rate.
        steps: of the whole cycle.
        rise: the share of the steps in which the rate rises.
        start: the rate of step 0, as a share of ``most``.
        end: the rate of the last step, as a share of ``most``.
        shape: of rise and fall, "linear" as in the paper, or "cosine": half a wave each.

    Raises:
        ValueError: a setting is out of range, or ``rise`` leaves no two steps to rise in.

    Example:
        >>> from nn import OneCycle
        >>> rate = OneCycle(1.0, steps=7, rise=3 / 7, start=0.5, end=0.0, shape="linear")
        >>> [rate(step) for step in range(8)]
        [0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    most: float
    steps: int
    rise: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 250_000
    shape: Literal["cosine", "linear"] = "cosine"

    def __post_init__(self) -> None:
        number("OneCycle: most", self.most, above=0)
        whole("OneCycle: steps", self.steps)
        number("OneCycle: rise", self.rise, above=0, below=1)
        number("OneCycle: start", self.start, least=0, most=1)
        number("OneCycle: end", self.end, least=0, most=1)
        if self.shape not in ("cosine", "linear"):
            raise ValueError(f"OneCycle: shape is 'cosine' or 'linear', got {self.shape!r}")
        if self.rise * self.steps <= 1:
            raise ValueError(
                f"OneCycle: a share of rise={self.rise} of steps={self.steps} is too short to rise "
                "in: expected more than one step"
            )

    def __call__(self, step: int) -> float:
        """The rate at a step, counted from 0."""
        peak, last = self.rise * self.steps - 1, self.steps - 1
        along = _along_cosine if self.shape == "cosine" else _along_line
        if step <= peak:
            return along(self.most * self.start, self.most, step / peak)
        return along(self.most, self.most * self.end, min((step - peak) / (last - peak), 1.0))


def _along_line(start: float, end: float, share: float) -> float:
    """From one number to another, a share of the way."""
    return float((1 - share) * start + share * end)


def _along_cosine(start: float, end: float, share: float) -> float:
    """The same along half a wave of the cosine, level at both ends."""
    return float(end + (start - end) * (1 + cos(pi * share)) / 2)
