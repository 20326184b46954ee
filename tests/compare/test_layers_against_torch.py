"""Layers and initialisers agree with PyTorch, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import initialisers

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[compare]'")
T = torch.nn


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


WEIGHTED: dict[str, Any] = {"dtype": "float64", "generator": rng()}
DOUBLE: dict[str, Any] = {"dtype": "float64"}

# ours, theirs, and the shape of the input
LAYERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], tuple[int, ...]]] = {
    "conv": (lambda: nn.Conv2d(3, 4, 3, **WEIGHTED), lambda: T.Conv2d(3, 4, 3), (2, 3, 7, 6)),
    "conv, options": (
        lambda: nn.Conv2d(
            4, 6, (2, 3), stride=(2, 1), padding=(1, 2), dilation=2, groups=2, **WEIGHTED
        ),
        lambda: T.Conv2d(4, 6, (2, 3), stride=(2, 1), padding=(1, 2), dilation=2, groups=2),
        (2, 4, 7, 6),
    ),
    "conv, same": (
        lambda: nn.Conv2d(3, 4, 4, padding="same", bias=False, **WEIGHTED),
        lambda: T.Conv2d(3, 4, 4, padding="same", bias=False),
        (2, 3, 7, 6),
    ),
    "conv 1-D": (
        lambda: nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2, **WEIGHTED),
        lambda: T.Conv1d(2, 4, 3, stride=2, padding=1, groups=2),
        (3, 2, 8),
    ),
    "conv transpose": (
        lambda: nn.ConvTranspose2d(
            4, 6, 3, stride=2, padding=1, output_padding=1, dilation=2, groups=2, **WEIGHTED
        ),
        lambda: T.ConvTranspose2d(
            4, 6, 3, stride=2, padding=1, output_padding=1, dilation=2, groups=2
        ),
        (2, 4, 4, 3),
    ),
    "conv transpose 1-D": (
        lambda: nn.ConvTranspose1d(3, 2, 4, stride=3, bias=False, **WEIGHTED),
        lambda: T.ConvTranspose1d(3, 2, 4, stride=3, bias=False),
        (2, 3, 5),
    ),
    "max-pool": (
        lambda: nn.MaxPool2d(3, stride=2, padding=1),
        lambda: T.MaxPool2d(3, stride=2, padding=1),
        (2, 3, 8, 7),
    ),
    "max-pool 1-D": (lambda: nn.MaxPool1d(3), lambda: T.MaxPool1d(3), (2, 3, 10)),
    "average-pool": (
        lambda: nn.AvgPool2d((2, 3), stride=1, padding=1),
        lambda: T.AvgPool2d((2, 3), stride=1, padding=1),
        (2, 3, 5, 6),
    ),
    "average-pool, padding not counted": (
        lambda: nn.AvgPool2d(3, stride=2, padding=1, count_padding=False),
        lambda: T.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        (2, 3, 5, 6),
    ),
    "average-pool 1-D": (
        lambda: nn.AvgPool1d(2, padding=1), lambda: T.AvgPool1d(2, padding=1), (2, 3, 7)
    ),
    "sum-pool": (
        lambda: nn.SumPool2d(3, stride=2, padding=1),
        lambda: T.AvgPool2d(3, stride=2, padding=1, divisor_override=1),
        (2, 3, 7, 9),
    ),
    "global max-pool": (
        nn.GlobalMaxPool, lambda: T.Sequential(T.AdaptiveMaxPool2d(1), T.Flatten()), (2, 3, 5, 6)
    ),
    "global average-pool": (
        nn.GlobalAvgPool, lambda: T.Sequential(T.AdaptiveAvgPool2d(1), T.Flatten()), (2, 3, 5, 6)
    ),
    "flatten": (nn.Flatten, T.Flatten, (2, 3, 4)),
    "batch norm": (lambda: nn.BatchNorm(3, **DOUBLE), lambda: T.BatchNorm1d(3), (6, 3)),
    "batch norm of maps": (
        lambda: nn.BatchNorm(3, eps=1e-3, **DOUBLE),
        lambda: T.BatchNorm2d(3, eps=1e-3),
        (4, 3, 2, 5),
    ),
    "batch norm without scale": (
        lambda: nn.BatchNorm(3, affine=False, **DOUBLE),
        lambda: T.BatchNorm1d(3, affine=False),
        (4, 3, 5),
    ),
    "layer norm": (lambda: nn.LayerNorm(5, **DOUBLE), lambda: T.LayerNorm(5), (2, 3, 5)),
    "layer norm over two axes": (
        lambda: nn.LayerNorm((3, 5), eps=1e-2, affine=False, **DOUBLE),
        lambda: T.LayerNorm((3, 5), eps=1e-2, elementwise_affine=False),
        (2, 3, 5),
    ),
    "sigmoid": (nn.Sigmoid, T.Sigmoid, (4, 9)),
    "tanh": (nn.Tanh, T.Tanh, (4, 9)),
    "relu": (nn.ReLU, T.ReLU, (4, 9)),
    "leaky relu": (lambda: nn.LeakyReLU(0.2), lambda: T.LeakyReLU(0.2), (4, 9)),
    "prelu": (lambda: nn.PReLU(**DOUBLE), T.PReLU, (4, 9)),
    "prelu, per channel": (lambda: nn.PReLU(3, **DOUBLE), lambda: T.PReLU(3), (2, 3, 4)),
    "elu": (lambda: nn.ELU(1.7), lambda: T.ELU(1.7), (4, 9)),
    "selu": (nn.SELU, T.SELU, (4, 9)),
    "gelu": (nn.GELU, T.GELU, (4, 9)),
    "gelu, tanh": (lambda: nn.GELU("tanh"), lambda: T.GELU(approximate="tanh"), (4, 9)),
    "silu": (nn.SiLU, T.SiLU, (4, 9)),
    "softplus": (nn.Softplus, lambda: T.Softplus(threshold=1000), (4, 9)),
    "softmax": (nn.Softmax, lambda: T.Softmax(-1), (4, 9)),
    "softmax over channels": (lambda: nn.Softmax(1), lambda: T.Softmax(1), (2, 3, 4)),
    "log softmax": (nn.LogSoftmax, lambda: T.LogSoftmax(-1), (4, 9)),
}  # fmt: skip


def with_the_same_parameters(mine: nn.Module, theirs: Any) -> Any:
    """Random ones, for ones and zeros hide mistakes."""
    reference = dict(theirs.double().named_parameters())
    assert set(reference) == {path for path, _ in mine.named_parameters()}
    for path, parameter in mine.named_parameters():
        assert parameter.shape == tuple(reference[path].shape)
        parameter.assign(rng().normal(size=parameter.shape))
        reference[path].data.copy_(torch.tensor(parameter.data))
    return theirs


def agree(mine: nn.Module, theirs: Any, array: np.ndarray[Any, Any]) -> None:
    """Values and gradients, of a randomly weighted sum of the output, agree to rounding."""
    x, z = ad.Tensor(array), torch.tensor(array, requires_grad=True)
    y, reference = mine(x), theirs(z)
    np.testing.assert_allclose(y.data, reference.detach().numpy(), rtol=1e-12, atol=1e-13)
    weights = rng().normal(size=y.shape)
    y.backward(weights)
    reference.backward(torch.tensor(weights))
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=1e-12, atol=1e-13)
    expected = dict(theirs.named_parameters())
    for path, parameter in mine.named_parameters():
        np.testing.assert_allclose(
            parameter.grad, expected[path].grad.numpy(), rtol=1e-12, atol=1e-13
        )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients(name: str) -> None:
    ours, theirs, shape = LAYERS[name]
    mine = ours()
    x = rng().normal(scale=2, size=shape)
    agree(mine, with_the_same_parameters(mine, theirs()), x)


def test_dense() -> None:
    mine, theirs = nn.Dense(5, 3, **WEIGHTED), T.Linear(5, 3).double()
    x = rng().normal(size=(4, 5))
    theirs.weight.data.copy_(torch.tensor(mine.weight.data.T))
    mine.bias.assign(theirs.bias.detach().numpy())
    node, tensor = ad.Tensor(x), torch.tensor(x, requires_grad=True)
    y, reference = mine(node), theirs(tensor)
    np.testing.assert_allclose(y.data, reference.detach().numpy(), rtol=1e-12, atol=1e-13)
    (y**2).sum().backward()
    (reference**2).sum().backward()
    for ours, expected in [
        (node.grad, tensor.grad), (mine.weight.grad, theirs.weight.grad.T),
        (mine.bias.grad, theirs.bias.grad),
    ]:  # fmt: skip
        np.testing.assert_allclose(ours, expected.numpy(), rtol=1e-12, atol=1e-13)


def test_embedding() -> None:
    mine, theirs = nn.Embedding(6, 3, **WEIGHTED), T.Embedding(6, 3).double()
    theirs.weight.data.copy_(torch.tensor(mine.weight.data))
    numbers = np.array([[1, 5, 1], [0, 1, 3]])
    y, reference = mine(numbers), theirs(torch.tensor(numbers))
    np.testing.assert_array_equal(y.data, reference.detach().numpy())
    weights = rng().normal(size=y.shape)
    y.backward(weights)
    reference.backward(torch.tensor(weights))
    np.testing.assert_allclose(mine.weight.grad, theirs.weight.grad.numpy(), rtol=1e-14)


def test_batch_norm_over_steps_and_then_in_use() -> None:
    mine = nn.BatchNorm(3, momentum=0.3, dtype="float64")
    theirs = with_the_same_parameters(mine, T.BatchNorm2d(3, momentum=0.3))
    generator = rng()
    for _ in range(5):
        x = generator.normal(2.0, 3.0, (4, 3, 2, 2))
        mine(x)
        theirs(torch.tensor(x))
        np.testing.assert_allclose(mine.running_mean, theirs.running_mean.numpy(), rtol=1e-13)
        np.testing.assert_allclose(mine.running_var, theirs.running_var.numpy(), rtol=1e-13)
    agree(mine.eval(), theirs.eval(), generator.normal(size=(2, 3, 4, 1)))


KERNELS = [((300, 200), 200, 300), ((64, 8, 5, 3), 8 * 15, 64 * 15)]
INITIALISERS: list[tuple[Any, str, dict[str, Any]]] = [
    (initialisers.glorot_uniform, "xavier_uniform_", {}),
    (initialisers.glorot_normal, "xavier_normal_", {}),
    (initialisers.he_uniform, "kaiming_uniform_", {}),
    (initialisers.he_normal, "kaiming_normal_", {}),
    (initialisers.lecun_uniform, "kaiming_uniform_", {"nonlinearity": "linear"}),
    (initialisers.lecun_normal, "kaiming_normal_", {"nonlinearity": "linear"}),
    (
        initialisers.VarianceScaling(2 / (1 + 0.2**2), "out", "uniform"),
        "kaiming_uniform_",
        {"mode": "fan_out", "a": 0.2, "nonlinearity": "leaky_relu"},
    ),
]


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), KERNELS)
@pytest.mark.parametrize(("mine", "theirs", "options"), INITIALISERS)
def test_initialisers(
    mine: Any, theirs: str, options: dict[str, Any], shape: Any, fan_in: int, fan_out: int
) -> None:
    weights = mine(shape, fan_in, fan_out, rng(), np.float64)
    torch.manual_seed(1)
    reference = getattr(T.init, theirs)(torch.empty(shape, dtype=torch.float64), **options).numpy()
    assert weights.std() == pytest.approx(reference.std(), rel=0.02)
    if "uniform" in theirs:
        bound = np.abs(reference).max()  # with so many numbers, next to the bound
        assert np.abs(weights).max() == pytest.approx(bound, rel=1e-3)
    else:
        assert np.abs(weights).max() > 3 * weights.std()
