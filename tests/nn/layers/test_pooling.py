"""Pooling layers hand their options on: small images, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import (
    AvgPool1d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool1d,
    MaxPool2d,
    Module,
    SumPool1d,
    SumPool2d,
)  # fmt: skip

LINE = [6.0, 2.0, 4.0]
SQUARE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]

VALUES: list[tuple[Module, Any, Any]] = [
    (MaxPool1d(2), LINE, [6]),
    (MaxPool1d(2, stride=1), LINE, [6, 4]),
    (MaxPool1d(2, padding=1), [-6.0, -2.0], [-6, -2]),
    (MaxPool2d(2, padding="same"), SQUARE, [[5, 6], [8, 9]]),
    (MaxPool2d((1, 3)), SQUARE, [[3], [6], [9]]),
    (SumPool1d(2, padding=(1,)), LINE, [6, 6]),
    (SumPool2d(2, stride=1), SQUARE, [[12, 16], [24, 28]]),
    (AvgPool1d(2, padding=1), LINE, [3, 3]),
    (AvgPool1d(2, padding=1, count_padding=False), LINE, [6, 3]),
    (AvgPool2d(2, padding=((1, 0), (1, 0))), SQUARE, [[0.25, 1.25], [2.75, 7]]),
    (AvgPool2d(2, padding=((1, 0), (1, 0)), count_padding=False), SQUARE, [[1, 2.5], [5.5, 7]]),
    (GlobalMaxPool(), SQUARE, 9),
    (GlobalAvgPool(), SQUARE, 5),
]


@pytest.mark.parametrize(("layer", "image", "expected"), VALUES)
def test_values(layer: Module, image: Any, expected: Any) -> None:
    assert layer.predict(np.array([[image]]))[0, 0].tolist() == expected


TIES: list[tuple[Module, list[float]]] = [
    (MaxPool1d(3), [0, 1, 0]),
    (MaxPool1d(3, ties="last"), [0, 0, 1]),
    (MaxPool1d(3, ties="all"), [0, 1, 1]),
    (MaxPool1d(3, ties="split"), [0, 0.5, 0.5]),
    (GlobalMaxPool(), [0, 0.5, 0.5]),
]


@pytest.mark.parametrize(("layer", "expected"), TIES)
def test_ties(layer: Module, expected: list[float]) -> None:
    x = ad.Tensor([[[1.0, 7.0, 7.0]]])
    layer(x).sum().backward()
    assert x.grad is not None
    assert x.grad[0, 0].tolist() == expected
