"""Activation functions as modules."""

from __future__ import annotations

from typing import Any

import autodiff as ad
from autodiff.graph import Operand
from nn.module import Module


class ReLU(Module):
    """max(x, 0), element by element."""

    def forward(self, x: Operand) -> Any:
        return ad.relu(x)
