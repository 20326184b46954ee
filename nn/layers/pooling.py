"""Pooling: one number for each window."""

from __future__ import annotations

from typing import Any

import autodiff as ad
from autodiff.graph import Operand
from autodiff.kernels.pooling import Ties
from autodiff.ops.spatial import Padding
from nn.module import Module


class MaxPool2d(Module):
    """The largest element of each window.

    Args:
        size: of the window.
        stride: distance of neighbouring windows; side by side if not given.
        padding: a border that never wins.
        ties: who gets the adjoint among equals: "first", "last", "all" or "split".
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] | None = None,
        padding: Padding = 0,
        ties: Ties = "first",
    ) -> None:
        self.size = size
        self.options: dict[str, Any] = {"stride": stride, "padding": padding, "ties": ties}

    def forward(self, x: Operand) -> Any:
        return ad.max_pool(x, self.size, **self.options)
