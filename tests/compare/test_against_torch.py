"""Layers, losses and a step of LeNet agree with PyTorch, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import LeNet, SoftmaxCrossEntropy

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[compare]'")
F = torch.nn.functional


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def agree(ours: Any, theirs: Any, *arrays: np.ndarray[Any, Any]) -> None:
    """Values and gradients, of a randomly weighted sum of the output, agree to rounding."""
    nodes = [ad.Tensor(array) for array in arrays]
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    mine, reference = ours(*nodes), theirs(*tensors)
    np.testing.assert_allclose(mine.data, reference.detach().numpy(), rtol=1e-12, atol=1e-12)
    weights = rng().normal(size=mine.shape)
    mine.backward(weights)
    reference.backward(torch.tensor(weights))
    for node, tensor in zip(nodes, tensors, strict=True):
        np.testing.assert_allclose(node.grad, tensor.grad.numpy(), rtol=1e-11, atol=1e-11)


CONVOLUTIONS = [
    ((2, 3, 9, 8), (4, 3, 3, 2), {}),
    ((2, 3, 9, 8), (4, 3, 3, 2), {"stride": 2, "padding": 1}),
    ((2, 4, 9, 8), (6, 2, 3, 3), {"groups": 2, "dilation": 2, "padding": (2, 1)}),
    ((1, 4, 7, 7), (4, 1, 3, 3), {"groups": 4, "padding": "same"}),
    ((3, 2, 11), (5, 2, 4), {"stride": 3, "dilation": 2}),
    ((3, 2, 5), (5, 2, 1), {}),
]


@pytest.mark.parametrize(("x", "w", "options"), CONVOLUTIONS)
def test_convolution(x: tuple[int, ...], w: tuple[int, ...], options: dict[str, Any]) -> None:
    reference = F.conv2d if len(x) == 4 else F.conv1d
    agree(
        lambda a, b: ad.conv(a, b, **options),
        lambda a, b: reference(a, b, **options),
        rng().normal(size=x),
        rng().normal(size=w),
    )


TRANSPOSES = [
    ((2, 3, 4, 5), (3, 4, 3, 2), {}),
    ((2, 3, 4, 5), (3, 4, 3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 4, 3, 4), (4, 3, 2, 3), {"groups": 2, "dilation": (2, 3), "padding": (1, 2)}),
    ((2, 3, 4, 5), (3, 4, 2, 2), {"dilation": 3, "output_padding": (2, 1), "padding": 1}),
    ((3, 2, 7), (2, 5, 4), {"stride": 3, "output_padding": 2}),
]


@pytest.mark.parametrize(("x", "w", "options"), TRANSPOSES)
def test_transposed_convolution(
    x: tuple[int, ...], w: tuple[int, ...], options: dict[str, Any]
) -> None:
    reference = F.conv_transpose2d if len(x) == 4 else F.conv_transpose1d
    bias = rng().normal(size=w[1] * options.get("groups", 1))
    agree(
        lambda a, b, c: ad.conv_transpose(a, b, c, **options),
        lambda a, b, c: reference(a, b, c, **options),
        rng().normal(size=x),
        rng().normal(size=w),
        bias,
    )


@pytest.mark.parametrize("options", [(2, 2, 0), (3, 2, 1), (3, 1, 0), (2, 3, 1)])
def test_pooling(options: tuple[int, int, int]) -> None:
    size, stride, padding = options
    x = rng().normal(size=(2, 3, 8, 7))
    agree(
        lambda a: ad.max_pool(a, size, stride=stride, padding=padding),
        lambda a: F.max_pool2d(a, size, stride, padding),
        x,
    )
    agree(
        lambda a: ad.average_pool(a, size, stride=stride, padding=padding),
        lambda a: F.avg_pool2d(a, size, stride, padding),
        x,
    )
    agree(
        lambda a: ad.average_pool(a, size, stride=stride, padding=padding, count_padding=False),
        lambda a: F.avg_pool2d(a, size, stride, padding, count_include_pad=False),
        x,
    )


def test_max_pooling_ties_go_to_the_first() -> None:
    x = rng().integers(0, 3, (2, 2, 6, 6)).astype(float)
    agree(lambda a: ad.max_pool(a, 2), lambda a: F.max_pool2d(a, 2), x)


def test_softmax_cross_entropy() -> None:
    labels = rng().integers(0, 10, 6)
    scores = rng().normal(scale=30, size=(6, 10))
    node, tensor = ad.Tensor(scores), torch.tensor(scores, requires_grad=True)
    mine = SoftmaxCrossEntropy()(node, labels)
    reference = F.cross_entropy(tensor, torch.tensor(labels))
    assert float(mine) == pytest.approx(reference.item(), rel=1e-13)
    mine.backward()
    reference.backward()
    np.testing.assert_allclose(node.grad, tensor.grad.numpy(), rtol=1e-12, atol=1e-16)


def test_a_step_of_lenet() -> None:
    net = LeNet(generator=rng())
    x = rng().random((8, 1, 28, 28), dtype=np.float32)
    labels = rng().integers(0, 10, 8)
    SoftmaxCrossEntropy()(net(x), labels).backward()
    values = [torch.tensor(np.array(p.data), requires_grad=True) for p in net.parameters()]
    w1, b1, w2, b2, w3, b3, w4, b4 = values
    h = F.max_pool2d(F.conv2d(torch.tensor(x), w1, b1), 2)
    h = F.max_pool2d(F.conv2d(h, w2, b2), 2).flatten(1)
    F.cross_entropy(torch.relu(h @ w3 + b3) @ w4 + b4, torch.tensor(labels)).backward()
    for parameter, value in zip(net.parameters(), values, strict=True):
        np.testing.assert_allclose(parameter.grad, value.grad.numpy(), rtol=1e-3, atol=2e-6)
