"""A step of training beside the lines that it stands for, which compute the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from nn import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, TrainingStep


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Counted:
    """How often modules have been called; a repetition calls none."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        call = nn.Module.__call__

        def counted(module: nn.Module, *inputs: Any) -> Any:
            self.calls += 1
            return call(module, *inputs)

        patch.setattr(nn.Module, "__call__", counted)

    def during(self, do: Callable[..., Any], *arguments: Any) -> int:
        before = self.calls
        do(*arguments)
        return self.calls - before


def perceptron(dtype: Any = np.float64, hidden: int = 7, seed: int = 0) -> Sequential:
    options = {"generator": rng(seed), "dtype": dtype}
    return Sequential(Dense(5, hidden, **options), ReLU(), Dense(hidden, 3, **options))


def batch(
    seed: int, n: int = 6, shape: tuple[int, ...] = (5,), dtype: Any = np.float64
) -> tuple[Any, Any]:
    generator = rng(seed)
    return generator.normal(size=(n, *shape)).astype(dtype), generator.integers(0, 3, n)


def eager_step(net: Any, loss: Any, optimiser: nn.Optimiser, x: Any, y: Any) -> float:
    cost = loss(net(x), y)
    cost.backward()
    optimiser.step()
    return float(cost)


class Pair:
    """A step of training, and the same model with the lines that it stands for."""

    def __init__(
        self,
        net: Any = None,
        loss: Any = None,
        optimiser: Callable[..., nn.Optimiser] = lambda p: SGD(p, 0.1, momentum=0.9),
    ) -> None:
        self.net = perceptron() if net is None else net
        self.twin = copy.deepcopy(self.net)
        self.loss = SoftmaxCrossEntropy() if loss is None else loss
        self.step = TrainingStep(self.net, self.loss, optimiser(self.net.parameters()))
        self.optimiser = self.step.optimiser
        self.twins_optimiser = optimiser(self.twin.parameters())

    def both(self, change: Callable[[Any, nn.Optimiser], None]) -> None:
        change(self.net, self.optimiser)
        change(self.twin, self.twins_optimiser)

    def agree(self, x: Any, y: Any, digits: float = 1e-11) -> None:
        """Take a step on both sides, which must end in the same place."""
        with np.errstate(all="ignore"):
            expected = eager_step(self.twin, self.loss, self.twins_optimiser, x, y)
            np.testing.assert_allclose(self.step(x, y), expected, rtol=digits, atol=digits)
        self.are_equal(digits)

    def are_equal(self, digits: float = 1e-11) -> None:
        for p, q in zip(self.net.parameters(), self.twin.parameters(), strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=digits, atol=digits)
            assert p.dtype == q.dtype
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:  # the optimiser does not know this one
                np.testing.assert_allclose(p.grad, q.grad, rtol=digits, atol=digits)
