"""Losses: what training makes small."""

from __future__ import annotations

from typing import Any

import autodiff as ad
from autodiff.graph import Operand, describe
from autodiff.ops.shapes import shape_of
from nn.module import Module


class SoftmaxCrossEntropy(Module):
    """The mean of -log softmax(scores)[label] over a batch.

    Shapes:
        scores (n, classes), labels (n,) of integers from 0 to classes - 1; to a single number.

    Raises:
        TypeError: the labels are no integers.
        ValueError: shapes don't fit, a label is out of range, or the batch is empty.

    Example:
        >>> import numpy as np
        >>> from nn import SoftmaxCrossEntropy
        >>> round(float(SoftmaxCrossEntropy()(np.zeros((1, 10)), [3])), 6)  # log 10
        2.302585
    """

    def forward(self, scores: Operand, labels: Operand) -> Any:
        losses = ad.cross_entropy(scores, labels)
        if not shape_of(losses)[0]:
            raise ValueError(f"SoftmaxCrossEntropy: expected n > 0, got {describe(scores)}")
        return ad.mean(losses)
