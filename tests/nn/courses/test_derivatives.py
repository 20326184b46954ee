"""Whatever the course interfaces give as a derivative, the engine's rules made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn.courses.lenet_handout as cnn
from autodiff import reverse
from nn.courses import modules

X = np.random.default_rng(0).normal(size=(32, 3))
INPUT = {"height": 4, "width": 4, "channel": 2, "batch_size": 3, "data": X}
CONV = {"num": 3, "k": 3, "stride": 1, "pad": 1, "group": 1}
POOL = {"k": 2, "stride": 2, "pad": 0}
LAYERS = {
    1: {"type": "DATA", "height": 4, "width": 4, "channel": 2, "batch_size": 3},
    2: {"type": "CONV", **CONV},
    3: {"type": "POOLING", **POOL},
    4: {"type": "IP", "num": 4},
    5: {"type": "RELU"},
    6: {"type": "LOSS", "num": 3},
}


def ones(size: int) -> dict[str, np.ndarray]:
    return {"diff": np.ones((size, 3))}


def params(inputs: int, outputs: int) -> dict[str, np.ndarray]:
    return {"w": np.ones((inputs, outputs)), "b": np.ones(outputs)}


def of(module: Any, size: int) -> tuple[Any, ...]:
    module.forward(X)
    adjoint = module.backward(np.ones((size, 3)))
    return adjoint, *(getattr(module, f"dLd{name}") for name in module.names)


def loss() -> Any:
    nll = modules.NLL()
    nll.forward(np.full((2, 3), 0.5), np.eye(2)[:, [0, 1, 1]])
    return nll.backward()


# Each with the primitives that the walk has to come by.
DERIVATIVES: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "conv_layer_backward": (
        lambda: cnn.conv_layer_backward(ones(48), INPUT, CONV, params(18, 3)),
        {"conv"},
    ),
    "pooling_layer_backward": (
        lambda: cnn.pooling_layer_backward(ones(8), INPUT, POOL),
        {"max_pool"},
    ),
    "relu_backward": (lambda: cnn.relu_backward(ones(32), INPUT, {}), {"relu"}),
    "inner_product_backward": (
        lambda: cnn.inner_product_backward(ones(4), INPUT, {"num": 4}, params(32, 4)),
        {"affine"},
    ),
    "col2im_conv": (lambda: cnn.col2im_conv(np.ones((18, 9)), INPUT, POOL | {"k": 3, "stride": 1,
                    "pad": 1}, 3, 3), {"windows"}),
    "mlrloss": (
        lambda: cnn.mlrloss(np.ones((33, 2)), X, [0, 1, 2], 3, 0)[1:3],
        {"affine", "cross_entropy"},
    ),
    "conv_net": (
        lambda: cnn.conv_net(cnn.init_convnet(LAYERS), LAYERS, X, [0, 1, 2])[1],
        {"conv", "max_pool", "affine", "relu", "cross_entropy"},
    ),
    "Linear": (lambda: of(modules.Linear(32, 2), 2), {"matmul"}),
    "Conv1D": (lambda: of(modules.Conv1D(3), 32), {"conv"}),
    "MaxPool1D": (lambda: of(modules.MaxPool1D(2), 16), {"max_pool"}),
    "Tanh": (lambda: of(modules.Tanh(), 32), {"tanh"}),
    "ReLU": (lambda: of(modules.ReLU(), 32), {"relu"}),
    "NLL": (loss, {"square"}),
}  # fmt: skip


def arrays(result: Any) -> list[np.ndarray]:
    if isinstance(result, np.ndarray):
        return [result]
    parts = result.values() if isinstance(result, dict) else result
    return [array for part in parts for array in arrays(part)]


@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_reverse_walk_comes_by(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call, expected = DERIVATIVES[name]
    passed = set()
    step = reverse.pull

    def noting(node: Any, *rest: Any) -> None:
        passed.add(str(node.primitive))
        step(node, *rest)

    monkeypatch.setattr(reverse, "pull", noting)
    assert any(array.any() for array in arrays(call()))
    assert expected <= passed


@pytest.mark.parametrize("name", DERIVATIVES)
def test_without_the_rules_nothing_is_left(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse, "pull", lambda *_: None)
    assert not any(array.any() for array in arrays(DERIVATIVES[name][0]()))
