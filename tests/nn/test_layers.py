"""Layers compute what they say, and their gradients follow from primitives."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import Conv2d, Dense, Flatten, LeNet, MaxPool2d, Module, Parameter, ReLU, Sequential


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
    "max-pool": (lambda: MaxPool2d(2), (2, 3, 4, 6), (2, 3, 2, 3)),
    "max-pool, overlapping": (
        lambda: MaxPool2d(3, stride=2, padding=1, ties="split"),
        (1, 2, 5, 5),
        (1, 2, 3, 3),
    ),
    "flatten": (Flatten, (2, 3, 2, 2), (2, 12)),
    "flatten, channel fastest": (lambda: Flatten("channel fastest"), (2, 3, 2, 2), (2, 12)),
    "dense": (lambda: Dense(4, 3, generator=rng()), (5, 4), (5, 3)),
    "relu": (ReLU, (3, 4), (3, 4)),
    "sequential": (
        lambda: Sequential(Conv2d(1, 2, 2, generator=rng()), Flatten(), ReLU()),
        (2, 1, 3, 3),
        (2, 8),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_shape_and_gradients(name: str) -> None:
    make, shape, expected = LAYERS[name]
    layer = make()
    parameters = layer.parameters()
    x = rng().normal(size=shape)
    assert layer(x).shape == expected if parameters else np.shape(layer(x)) == expected

    def with_parameters(x: Any, *values: Any) -> Any:
        for path, value in zip(paths, values, strict=True):
            replace(layer, path, value)
        return layer(x)

    paths = [path for path, _ in layer.named_parameters()]
    ad.check_gradients(with_parameters, x, *[p.data.astype(float) for p in parameters], order=1)


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
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_no_derivative_is_written_in_nn() -> None:
    """Layers are compositions: nn names neither a rule, nor a primitive, nor an adjoint."""
    forbidden = {"vjp", "jvp", "Pointwise", "Linear", "Explicit", "Primitive", "Adjoints", "walk"}
    for path in Path(nn.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                  for a in node.names}  # fmt: skip
        functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert not names & forbidden, path
        assert not {name for name in functions if "backward" in name or "grad" in name} - {
            "zero_grad",
            "clip_gradients_by_norm",
            "clip_gradients_by_value",
        }, path
