"""What is added to a loss so that weights stay small."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

import autodiff as ad
from autodiff.graph import describe
from nn.checks import number
from nn.module import Module, Parameter


class L2(Module):
    """½ λ Σ w², over all weights and no biases or scales: a term to add to a loss.

    Its gradient is λ w, so an SGD step on the sum is a step with ``weight_decay=λ``. Optimisers
    that scale a gradient, such as Adam, treat the two differently (Loshchilov & Hutter, Decoupled
    Weight Decay Regularization, 2019).

    Args:
        of: a module, or parameters; only those with the role "weight" take part.
        factor: λ.

    Raises:
        TypeError: there is something else than parameters.
        ValueError: λ is negative, or there are no weights.

    Example:
        >>> from nn import L2, Parameter
        >>> w, b = Parameter([3.0, 4.0]), Parameter([1.0], "bias")
        >>> penalty = L2([w, b], 0.1)
        >>> float(penalty())
        1.25
    """

    def __init__(self, of: Module | Iterable[Parameter], factor: float) -> None:
        if isinstance(of, Parameter):
            raise TypeError("L2: expected several parameters; put a single one into a list")
        found = of.parameters() if isinstance(of, Module) else list(of)
        for parameter in found:
            if not isinstance(parameter, Parameter):
                raise TypeError(f"L2: expected a module or parameters, got {describe(parameter)}")
        self.weights = [parameter for parameter in found if parameter.role == "weight"]
        self.factor = number("L2: factor", factor, least=0)
        if not self.weights:
            raise ValueError("L2: there are no weights")

    def forward(self) -> Any:
        return 0.5 * self.factor * reduce(add, (ad.sum(ad.square(w)) for w in self.weights))
