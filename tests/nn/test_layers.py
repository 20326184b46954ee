"""Layers compute what they say, and their gradients follow from primitives."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import (
    ELU,
    GELU,
    SELU,
    AvgPool1d,
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
    LeakyReLU,
    LeNet,
    LogSoftmax,
    MaxPool1d,
    MaxPool2d,
    Module,
    Parameter,
    PReLU,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SumPool1d,
    SumPool2d,
    Tanh,
)  # fmt: skip
from nn.layers.windows import Windowed


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


LAYERS: dict[str, tuple[Callable[[], Module], tuple[int, ...], tuple[int, ...]]] = {
    "conv": (lambda: Conv2d(3, 4, 3, generator=rng()), (2, 3, 6, 5), (2, 4, 4, 3)),
    "conv, all options": (
        lambda: Conv2d(
            4, 6, (2, 3), stride=2, padding=1, dilation=(1, 2), groups=2, flip=True, generator=rng()
        ),
        (2, 4, 6, 7),
        (2, 6, 4, 3),
    ),
    "conv, same": (
        lambda: Conv2d(2, 3, 3, padding="same", bias=False, generator=rng()),
        (1, 2, 4, 5),
        (1, 3, 4, 5),
    ),
    "conv, valid": (
        lambda: Conv2d(2, 3, 3, padding="valid", generator=rng()), (1, 2, 4, 5), (1, 3, 2, 3)
    ),
    "conv, pairs": (
        lambda: Conv2d(1, 2, 2, padding=((1, 0), (0, 2)), generator=rng()),
        (1, 1, 2, 2),
        (1, 2, 2, 3),
    ),
    "conv 1-D": (
        lambda: Conv1d(2, 4, 3, stride=2, padding="same", groups=2, generator=rng()),
        (2, 2, 5),
        (2, 4, 3),
    ),
    "conv 1-D, flipped": (
        lambda: Conv1d(1, 2, 3, dilation=2, bias=False, flip=True, generator=rng()),
        (2, 1, 6),
        (2, 2, 2),
    ),
    "conv transpose": (
        lambda: ConvTranspose2d(2, 3, (2, 3), generator=rng()), (2, 2, 3, 2), (2, 3, 4, 4)
    ),
    "conv transpose, all options": (
        lambda: ConvTranspose2d(
            4, 2, 3, stride=2, padding=1, output_padding=(1, 0), dilation=(1, 2), groups=2,
            flip=True, generator=rng(),
        ),
        (1, 4, 2, 2),
        (1, 2, 4, 5),
    ),
    "conv transpose, same": (
        lambda: ConvTranspose2d(1, 1, 3, stride=2, padding="same", bias=False, generator=rng()),
        (1, 1, 2, 3),
        (1, 1, 4, 6),
    ),
    "conv transpose 1-D": (
        lambda: ConvTranspose1d(2, 3, 4, stride=3, output_padding=2, generator=rng()),
        (2, 2, 3),
        (2, 3, 12),
    ),
    "max-pool": (lambda: MaxPool2d(2), (2, 3, 4, 6), (2, 3, 2, 3)),
    "max-pool, overlapping": (
        lambda: MaxPool2d(3, stride=2, padding=1, ties="split"),
        (1, 2, 5, 5),
        (1, 2, 3, 3),
    ),
    "max-pool 1-D": (lambda: MaxPool1d(3, stride=1, ties="last"), (2, 1, 6), (2, 1, 4)),
    "sum-pool": (lambda: SumPool2d((2, 3), stride=1), (1, 2, 4, 4), (1, 2, 3, 2)),
    "sum-pool 1-D": (lambda: SumPool1d(2, padding="same"), (1, 2, 5), (1, 2, 3)),
    "average-pool": (lambda: AvgPool2d(2, padding=1), (1, 2, 4, 4), (1, 2, 3, 3)),
    "average-pool, padding not counted": (
        lambda: AvgPool2d(3, stride=2, padding=1, count_padding=False), (1, 2, 4, 4), (1, 2, 2, 2)
    ),
    "average-pool 1-D": (lambda: AvgPool1d(2), (1, 2, 5), (1, 2, 2)),
    "global max-pool": (GlobalMaxPool, (2, 3, 4, 2), (2, 3)),
    "global max-pool, 3-D": (GlobalMaxPool, (2, 1, 2, 2, 2), (2, 1)),
    "global average-pool": (GlobalAvgPool, (2, 3, 5), (2, 3)),
    "flatten": (Flatten, (2, 3, 2, 2), (2, 12)),
    "flatten, channel fastest": (lambda: Flatten("channel fastest"), (2, 3, 2, 2), (2, 12)),
    "dense": (lambda: Dense(4, 3, generator=rng()), (5, 4), (5, 3)),
    "dense without bias": (lambda: Dense(4, 3, bias=False, generator=rng()), (5, 4), (5, 3)),
    "batch norm": (lambda: BatchNorm(3), (4, 3), (4, 3)),
    "batch norm of maps": (lambda: BatchNorm(2), (2, 2, 3, 2), (2, 2, 3, 2)),
    "batch norm in use": (lambda: BatchNorm(2).eval(), (2, 2, 3), (2, 2, 3)),
    "batch norm without scale": (lambda: BatchNorm(2, affine=False), (5, 2), (5, 2)),
    "layer norm": (lambda: LayerNorm(4), (2, 3, 4), (2, 3, 4)),
    "layer norm over two axes": (lambda: LayerNorm((3, 2)), (2, 3, 2), (2, 3, 2)),
    "layer norm without scale": (lambda: LayerNorm(4, affine=False), (2, 4), (2, 4)),
    "dropout in use": (lambda: Dropout(0.5, generator=rng()).eval(), (2, 3), (2, 3)),
    "sigmoid": (Sigmoid, (3, 4), (3, 4)),
    "tanh": (Tanh, (3, 4), (3, 4)),
    "relu": (ReLU, (3, 4), (3, 4)),
    "leaky relu": (lambda: LeakyReLU(0.2), (3, 4), (3, 4)),
    "prelu": (PReLU, (3, 4), (3, 4)),
    "prelu, per channel": (lambda: PReLU(3, slope=0.1), (2, 3, 2, 2), (2, 3, 2, 2)),
    "elu": (lambda: ELU(1.5), (3, 4), (3, 4)),
    "selu": (SELU, (3, 4), (3, 4)),
    "gelu": (GELU, (3, 4), (3, 4)),
    "gelu, tanh": (lambda: GELU("tanh"), (3, 4), (3, 4)),
    "silu": (SiLU, (3, 4), (3, 4)),
    "softplus": (Softplus, (3, 4), (3, 4)),
    "softmax": (Softmax, (3, 4), (3, 4)),
    "softmax over channels": (lambda: Softmax(axis=1), (2, 3, 2), (2, 3, 2)),
    "log softmax": (LogSoftmax, (3, 4), (3, 4)),
    "sequential": (
        lambda: Sequential(Conv2d(1, 2, 2, generator=rng()), Flatten(), ReLU()),
        (2, 1, 3, 3),
        (2, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_shape_and_gradients(name: str) -> None:
    make, shape, expected = LAYERS[name]
    layer = make()
    parameters = layer.parameters()
    x = rng().normal(size=shape)
    assert np.shape(ad.graph.bare(layer(x))) == expected
    if isinstance(layer, Windowed):
        assert layer.positions(shape[2:]) == expected[2:]

    def with_parameters(x: Any, *values: Any) -> Any:
        for path, value in zip(paths, values, strict=True):
            replace(layer, path, value)
        return layer(x)

    paths = [path for path, _ in layer.named_parameters()]
    ad.check_gradients(with_parameters, x, *[p.data.astype(float) for p in parameters], order=2)


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays_float32(name: str) -> None:
    make, shape, _ = LAYERS[name]
    layer = make()
    x = ad.Tensor(rng().normal(size=shape).astype(np.float32))
    y = layer(x)
    y.backward(np.ones(y.shape, np.float32))
    assert {node.dtype for node in (y, *layer.parameters())} == {np.dtype(np.float32)}
    for node in (x, *layer.parameters()):
        assert node.grad is not None
        assert node.grad.dtype == np.float32


@pytest.mark.parametrize("name", LAYERS)
def test_a_copy_computes_the_same(name: str) -> None:
    make, shape, _ = LAYERS[name]
    layer = make()
    x = rng().normal(size=shape)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(twin) == repr(layer)
        np.testing.assert_array_equal(twin.predict(x), layer.predict(x))


def replace(module: Any, path: str, value: Any) -> None:
    *owners, last = path.split(".")
    for owner in owners:
        module = module[int(owner)] if isinstance(module, list) else getattr(module, owner)
    setattr(module, last, value)


def test_flatten_orders() -> None:
    x = np.arange(12.0).reshape(1, 3, 2, 2)
    assert Flatten()(x).tolist() == [list(range(12))]
    assert Flatten("channel fastest")(x).tolist() == [[0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]]


def test_true_convolution_flips_the_kernel() -> None:
    layer = Conv2d(1, 1, 3, flip=True, generator=rng())
    image = np.zeros((1, 1, 5, 5), np.float32)
    image[0, 0, 2, 2] = 1  # an impulse comes out as the kernel itself
    np.testing.assert_array_equal(layer.predict(image)[0, 0], layer.weight.data[0, 0])


@pytest.mark.parametrize("rank", [1, 2])
def test_transposed_true_convolution_writes_the_flipped_kernel(rank: int) -> None:
    layer = (ConvTranspose1d, ConvTranspose2d)[rank - 1](1, 1, 3, flip=True, generator=rng())
    y = layer.predict(np.ones((1, 1, *(1,) * rank), np.float32))
    np.testing.assert_array_equal(y[0, 0], np.flip(layer.weight.data[0, 0]))


def test_a_transpose_maps_the_lengths_back() -> None:
    options: dict[str, Any] = {"stride": 2, "padding": 1, "dilation": 2, "generator": rng()}
    there = Conv2d(1, 1, 3, **options)(np.ones((1, 1, 9, 11)))
    assert ConvTranspose2d(1, 1, 3, **options)(there).shape == (1, 1, 9, 11)


def test_embedding_sums_the_adjoints_of_a_row() -> None:
    layer = Embedding(4, 2, dtype="float64", generator=rng())
    numbers = np.array([[3, 1], [3, 3]])
    np.testing.assert_array_equal(layer(numbers).data, layer.weight.data[numbers])
    layer(numbers).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0], [3, 3]]
    start = layer.weight.data.copy()

    def of_weights(w: Any) -> Any:
        layer.weight = w
        return layer(numbers) ** 2

    ad.check_gradients(of_weights, start, order=2)


# What a layer was made with, in the one form that all of its kind have.
ATTRIBUTES: list[tuple[Callable[[], Module], dict[str, object]]] = [
    (
        lambda: Conv2d(2, 4, 3, padding=1, groups=2, generator=rng()),
        {"channels": 2, "outputs": 4, "size": (3, 3), "stride": (1, 1), "padding": ((1, 1), (1, 1)),
         "dilation": (1, 1), "extent": (3, 3), "groups": 2, "flip": False, "transposed": False},
    ),
    (
        lambda: Conv1d(1, 1, (3,), padding="same", dilation=2, flip=True, generator=rng()),
        {"size": (3,), "padding": "same", "dilation": (2,), "extent": (5,), "flip": True},
    ),
    (
        lambda: ConvTranspose2d(
            1, 1, 3, stride=(2, 3), padding=(0, (1, 2)), output_padding=1, generator=rng()
        ),
        {"stride": (2, 3), "padding": ((0, 0), (1, 2)), "output_padding": (1, 1),
         "transposed": True},
    ),
    (
        lambda: MaxPool2d((2, 3), padding="valid"),
        {"size": (2, 3), "stride": (2, 3), "padding": ((0, 0), (0, 0)), "ties": "first"},
    ),
    (lambda: AvgPool1d(3, stride=1), {"size": (3,), "stride": (1,), "count_padding": True}),
    (lambda: Dense(2, 3, generator=rng()), {"inputs": 2, "outputs": 3}),
    (lambda: BatchNorm(2), {"channels": 2, "momentum": 0.1, "eps": 1e-5, "affine": True}),
    (lambda: LayerNorm(2), {"shape": (2,), "eps": 1e-5, "affine": True}),
    (lambda: Embedding(5, 2, generator=rng()), {"count": 5, "size": 2}),
    (lambda: Dropout(0.2, generator=rng()), {"p": 0.2}),
    (lambda: PReLU(3), {"channels": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), ATTRIBUTES)
def test_arguments_are_attributes(make: Callable[[], Module], expected: dict[str, object]) -> None:
    layer = make()
    assert {name: getattr(layer, name) for name in expected} == expected


def test_everything_stays_in_float32() -> None:
    net = LeNet(filters=(2, 3), hidden=4, generator=rng())
    images = rng().random((2, 1, 28, 28), dtype=np.float32)
    loss = nn.SoftmaxCrossEntropy()(net(images), [1, 2])
    loss.backward()
    assert loss.dtype == np.float32
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float32)}
    assert {p.grad.dtype for p in net.parameters() if p.grad is not None} == {np.dtype(np.float32)}
    assert all(p.grad is not None and p.grad.shape == p.shape for p in net.parameters())


def test_first_weights_have_the_variance_they_should() -> None:
    weights = Conv2d(20, 50, 5, generator=rng()).weight.data
    bound = (3 / (20 * 25)) ** 0.5
    assert np.abs(weights).max() <= bound
    assert weights.std() == pytest.approx(500**-0.5, rel=0.02)


def test_parameters_are_found_by_name_once() -> None:
    class Tied(Module):
        def __init__(self) -> None:
            self.a = Parameter([1.0])
            self.again = self.a
            self.inner = [Dense(1, 1, generator=rng()), {"deep": Parameter([2.0], "bias")}]

    names = [name for name, _ in Tied().named_parameters()]
    assert names == ["a", "inner.0.weight", "inner.0.bias", "inner.1.deep"]


def test_lenet_has_the_sizes_that_its_docstring_says() -> None:
    net = LeNet(generator=rng())
    images = np.zeros((64, 1, 28, 28), np.float32)
    assert [output.shape[1:] for output in net.outputs(images)] == [
        (20, 24, 24), (20, 12, 12), (50, 8, 8), (50, 4, 4), (800,), (500,), (500,), (10,),
    ]  # fmt: skip
    assert sum(p.size for p in net.parameters()) == 431_080


@pytest.mark.parametrize("layer", [ReLU(), Flatten(), Sequential(Flatten(), ReLU())])
def test_layers_without_parameters_predict_arrays_too(layer: Module) -> None:
    assert type(layer.predict(np.ones((1, 2)))) is np.ndarray
    if isinstance(layer, Sequential):
        assert {type(output) for output in layer.outputs(np.ones((1, 2)))} == {np.ndarray}


def test_predict_records_nothing() -> None:
    net = LeNet(filters=(2, 3), hidden=4, generator=rng())
    assert isinstance(net.predict(np.zeros((1, 1, 28, 28), np.float32)), np.ndarray)


# Course interfaces have functions of these names, which ask the engine for the derivative with
# ``ad.vjp``; tests/nn/courses/test_derivatives.py holds them to that.
NAMES_OF_COURSES = {
    "courses/modules.py": {"backward"},
    "courses/lenet_handout/layers.py": {
        "conv_layer_backward",
        "inner_product_backward",
        "pooling_layer_backward",
        "relu_backward",
    },
}


def test_no_derivative_is_written_in_nn() -> None:
    """Layers are compositions: nn names neither a rule, nor a primitive, nor an adjoint."""
    forbidden = {
        "vjp", "jvp", "Pointwise", "Linear", "Explicit", "Primitive", "Adjoints", "walk",
        "custom_rule", "CustomRule",
    }  # fmt: skip
    folder = Path(nn.__file__).parent
    for path in folder.rglob("*.py"):
        file = path.relative_to(folder).as_posix()
        of_course = file.startswith("courses/")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
                  and not (of_course and ast.unparse(node) == "ad.vjp")}  # fmt: skip
        names |= {a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                  for a in node.names}  # fmt: skip
        functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert not names & forbidden, path
        of_derivatives = {name for name in functions if "backward" in name or "grad" in name}
        others = {"zero_grad", "clip_gradients_by_norm", "clip_gradients_by_value"}
        assert of_derivatives - others == NAMES_OF_COURSES.get(file, set()), path
