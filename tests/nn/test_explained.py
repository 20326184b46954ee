"""Every step of a network's backward pass is explained in symbols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from derivatives import module_of

import autodiff as ad
from autodiff.view import explain
from nn import Embedding

LAYERS: dict[str, Any] = module_of(Path(__file__).parent / "test_layers.py").LAYERS
LOSSES: dict[str, Any] = module_of(Path(__file__).parent / "test_losses.py").CASES


def unexplained(output: Any) -> list[str]:
    """The contributions of which the explanation does not say what they are."""
    return [
        f"{term.child} to {row.entry.name}"
        for row in explain(ad.sum(output * output)).reverse
        for term in row.terms
        if term.partial is None and term.passed is None and term.number != 0
    ]


@pytest.mark.parametrize("name", LAYERS)
def test_of_every_layer(name: str) -> None:
    make, shape, _ = LAYERS[name]
    x = ad.Tensor(np.random.default_rng(0).normal(size=shape), label="x")
    assert not unexplained(make()(x))


@pytest.mark.parametrize("name", LOSSES)
def test_of_every_loss(name: str) -> None:
    make, x, targets, _ = LOSSES[name]
    assert not unexplained(make()(ad.Tensor(x, label="x"), targets))


def test_of_an_embedding() -> None:
    assert not unexplained(Embedding(5, 3, generator=np.random.default_rng(0))([1, 4, 1]))
