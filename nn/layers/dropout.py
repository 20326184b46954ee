"""Dropout: noise that keeps units from relying on each other."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff.graph import Operand
from autodiff.ops.shapes import shape_of
from nn.checks import need_generator
from nn.module import Module


class Dropout(Module):
    """In training, each element is 0 with probability p, and x / (1 - p) otherwise.

    So its mean stays x, and for use nothing remains to be done: after ``eval()`` the layer is the
    identity. A dropped element has no adjoint, also where its own derivative is infinite. After
    Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting (2014).

    Args:
        p: probability of dropping, 0 <= p < 1.
        generator: what decides; it is drawn from at each call in training.

    Shapes:
        any, which stays.

    Example:
        >>> import numpy as np
        >>> from nn import Dropout
        >>> layer = Dropout(0.5, generator=np.random.default_rng(0))
        >>> layer(np.ones(6)), layer.eval()(np.ones(6))
        (array([2., 2., 2., 0., 0., 0.]), array([1., 1., 1., 1., 1., 1.]))
    """

    def __init__(self, p: float = 0.5, *, generator: np.random.Generator) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: expected 0 <= p < 1, got {p}")
        self.p = p
        self.generator = need_generator(generator)

    def forward(self, x: Operand) -> Any:
        if not self.training or not self.p:
            return x
        # Numbers of 24 bits for every dtype: the same elements are dropped, and it is fast.
        kept = self.generator.random(shape_of(x), np.float32) >= self.p
        return ad.where(kept, ad.mul(x, 1 / (1 - self.p)), 0.0)
