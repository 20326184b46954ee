"""Losses: what training makes small."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff.graph import Operand, bare, describe
from autodiff.ops.shapes import shape_of
from nn.module import Module


class SoftmaxCrossEntropy(Module):
    """The mean of -log softmax(scores)[label] over a batch.

    Composed as logsumexp(s) - s[label], so no probability is ever rounded to zero; its derivative,
    softmax(s) minus the one-hot label, follows from that of logsumexp (Bishop, Pattern Recognition
    and Machine Learning, eq. 4.109).

    Shapes:
        scores (n, classes), labels (n,) of integers from 0 to classes - 1; to a single number.

    Raises:
        TypeError: the labels are no integers.
        ValueError: shapes don't fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> from nn import SoftmaxCrossEntropy
        >>> round(float(SoftmaxCrossEntropy()(np.zeros((1, 10)), [3])), 6)  # log 10
        2.302585
    """

    def forward(self, scores: Operand, labels: Operand) -> Any:
        chosen = self._checked(scores, labels)
        log_total = ad.logsumexp(scores, axis=1)
        return ad.mean(log_total - ad.getitem(scores, (np.arange(len(chosen)), chosen)))

    @staticmethod
    def _checked(scores: Operand, labels: Operand) -> np.ndarray[Any, np.dtype[Any]]:
        shape = shape_of(scores)
        chosen = np.asarray(bare(labels))
        if len(shape) != 2 or not shape[0] or chosen.shape != shape[:1]:
            raise ValueError(
                "SoftmaxCrossEntropy: expected scores (n, classes) and labels (n,), n > 0, got "
                f"{describe(scores)} and labels of shape {chosen.shape}"
            )
        if chosen.dtype.kind not in "iu":
            raise TypeError(f"SoftmaxCrossEntropy: labels are integers, got dtype {chosen.dtype}")
        if chosen.min() < 0 or chosen.max() >= shape[1]:
            raise ValueError(
                f"SoftmaxCrossEntropy: labels lie between 0 and {shape[1] - 1} for {shape[1]} "
                f"classes, got labels from {chosen.min()} to {chosen.max()}"
            )
        return chosen
