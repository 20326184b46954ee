"""Layers that are made or called in a wrong way say what they expected, and what came."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nn import (
    GELU,
    AvgPool2d,
    BatchNorm,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    LayerNorm,
    LeNet,
    MaxPool1d,
    MaxPool2d,
    Module,
    Parameter,
    PReLU,
    SumPool2d,
)  # fmt: skip


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Dense(4, 3, generator=rng())(np.ones((2, 5))), ValueError, r"\(n, 4\).*\(2, 5\)"),
    (lambda: Dense(4, 3, generator=rng())(np.ones((2, 3, 4, 4))), ValueError, "Flatten"),
    (lambda: Conv2d(1, 2, 5, generator=rng())(np.ones((1, 1, 4, 9))), ValueError, "5×5.*4×9"),
    (
        lambda: Conv2d(3, 2, 2, generator=rng())(np.ones((1, 1, 4, 4))),
        ValueError,
        r"Conv2d.*\(n, 3, height, width\).*\(1, 1, 4, 4\)",
    ),
    (lambda: Conv2d(3, 2, 2, groups=2, generator=rng()), ValueError, "must divide"),
    (lambda: Conv2d(1, 2, 3, padding=(1, 1, 1), generator=rng()), ValueError, "padding.*1, 1, 1"),
    (lambda: Conv2d(1, 2, 3, stride=0, generator=rng()), ValueError, "Conv2d: stride.*got 0"),
    (lambda: Conv1d(1, 2, 3, generator=rng())(np.ones((1, 1, 4, 4))), ValueError,
     r"Conv1d.*\(n, 1, length\).*\(1, 1, 4, 4\)"),
    (lambda: Conv1d(1, 2, (3, 3), generator=rng()), ValueError, "Conv1d: size.*3, 3"),
    (lambda: Conv2d(1, 2, 3, padding="same", generator=rng())(np.ones((1, 1, 0, 4))), ValueError,
     "Conv2d.*0×4"),
    (lambda: ConvTranspose2d(2, 1, 3, generator=rng())(np.ones((1, 3, 4, 4))), ValueError,
     r"ConvTranspose2d.*\(n, 2, height, width\).*\(1, 3, 4, 4\)"),
    (lambda: ConvTranspose2d(2, 1, 3, stride=2, output_padding=2, generator=rng()), ValueError,
     r"ConvTranspose2d: output_padding.*stride \(2, 2\).*got 2"),
    (lambda: ConvTranspose1d(2, 1, 3, padding=3, generator=rng())(np.ones((1, 2, 2))), ValueError,
     "ConvTranspose1d.*leaves nothing"),
    (lambda: MaxPool1d(2)(np.ones((2, 4))), ValueError, r"MaxPool1d.*\(n, channels, length\)"),
    (lambda: AvgPool2d(3)(np.ones((1, 1, 4, 2))), ValueError, "AvgPool2d.*3×3.*4×2"),
    (lambda: SumPool2d((2, 2, 2)), ValueError, "SumPool2d: size.*2, 2, 2"),
    (lambda: MaxPool2d(2, padding=2), ValueError, "MaxPool2d: .*padding.*nothing of the input"),
    (lambda: AvgPool2d(2, padding=((0, 2), 0), count_padding=False), ValueError,
     "AvgPool2d: .*padding.*nothing of the input"),
    (lambda: ConvTranspose2d(1, 1, 2, generator=rng())(np.ones((1, 1, 0, 3))), ValueError, "0×3"),
    (lambda: GlobalAvgPool()(np.ones((2, 3))), ValueError, r"GlobalAvgPool.*\(2, 3\)"),
    (lambda: GlobalMaxPool()(np.ones((2, 3, 0))), ValueError, r"GlobalMaxPool.*\(2, 3, 0\)"),
    (lambda: BatchNorm(3)(np.ones((4, 2))), ValueError, r"BatchNorm.*\(n, 3, ...\).*\(4, 2\)"),
    (lambda: BatchNorm(3)(np.ones((1, 3))), ValueError, "BatchNorm: expected at least two"),
    (lambda: BatchNorm(3, momentum=1.5), ValueError, "momentum <= 1, got 1.5"),
    (lambda: BatchNorm(3, eps=0), ValueError, "BatchNorm: expected eps > 0, got 0"),
    (lambda: LayerNorm((3, 4))(np.ones((4, 3))), ValueError, r"LayerNorm.*3, 4.*\(4, 3\)"),
    (lambda: LayerNorm((3, 4))(np.ones(4)), ValueError, r"LayerNorm.*3, 4.*\(4,\)"),
    (lambda: LayerNorm(0), ValueError, "LayerNorm: shape.*got 0"),
    (lambda: Dropout(1.0, generator=rng()), ValueError, "Dropout.*p < 1, got 1"),
    (lambda: Dropout(0.5, generator=3), TypeError, "default_rng.*3"),  # type: ignore[arg-type]
    (lambda: Embedding(5, 2, generator=rng())(np.ones(3)), TypeError, "whole numbers.*float64"),
    (lambda: Embedding(5, 2, generator=rng())([2, 5]), IndexError, "from 0 to 4.*from 2 to 5"),
    (lambda: Embedding(5, 2, generator=rng())([-1]), IndexError, "from 0 to 4.*from -1 to -1"),
    (lambda: Embedding(5, 0, generator=rng()), ValueError, "count and size.*got 0"),
    (lambda: PReLU(3)(np.ones((2, 4))), ValueError, r"PReLU.*\(n, 3, ...\).*\(2, 4\)"),
    (lambda: GELU("fast"), ValueError, "'exact' or 'tanh', got 'fast'"),  # type: ignore[arg-type]
    (lambda: MaxPool2d(5)(np.ones((1, 1, 4, 4))), ValueError, "5×5.*4×4"),
    (lambda: MaxPool2d(2, ties="best")(np.ones((1, 1, 4, 4))), ValueError, "first, last"),  # type: ignore[arg-type]
    (lambda: Flatten("rows"), ValueError, "channel slowest"),  # type: ignore[arg-type]
    (lambda: LeNet(image=(1, 8, 8), generator=rng()), ValueError, "8×8.*too small"),
    (lambda: Parameter([1, 2]), TypeError, "int64"),
    (lambda: Dense(0, 3, generator=rng()), ValueError, "inputs.*positive.*0"),
    (lambda: Dense(3, 3, generator=0), TypeError, "default_rng"),  # type: ignore[arg-type]
    (lambda: Conv2d(1, 2, 0, generator=rng()), ValueError, "size.*positive.*0"),
    (lambda: Conv2d(1, 2, (3,), generator=rng()), ValueError, r"\(3,\)"),  # type: ignore[arg-type]
    (lambda: Flatten()(3.0), ValueError, "Flatten.*3.0"),
    (lambda: LeNet(image=(28, 28), generator=rng()), ValueError, r"\(28, 28\)"),  # type: ignore[arg-type]
    (lambda: Module()(1.0), NotImplementedError, "forward"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
