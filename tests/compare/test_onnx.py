"""Exported models compute what ours do: in onnxruntime, and in float64 in ONNX's own evaluator."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import layers
from nn.module import Array

WHERE = "is not installed: pip install -e '.[compare]'"
onnx = pytest.importorskip("onnx", reason=f"onnx {WHERE}")
onnxruntime = pytest.importorskip("onnxruntime", reason=f"onnxruntime {WHERE}")
from onnx.reference import ReferenceEvaluator  # noqa: E402 - only where there is onnx
from onnx.reference.op_run import OpRun  # noqa: E402
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented  # noqa: E402

IMAGE, SIGNAL, VECTOR = (4, 9, 8), (4, 11), (6,)
Make = Callable[[np.random.Generator, str], nn.Module]


def learned(kind: Any, *arguments: Any, **options: Any) -> Make:
    return lambda rng, dtype: kind(*arguments, **options, dtype=dtype, generator=rng)


def typed(kind: Any, *arguments: Any, **options: Any) -> Make:
    return lambda rng, dtype: kind(*arguments, **options, dtype=dtype)


def fixed(kind: Any, *arguments: Any, **options: Any) -> Make:
    return lambda rng, dtype: kind(*arguments, **options)


def residual(rng: np.random.Generator, dtype: str) -> nn.Module:
    given: dict[str, Any] = {"dtype": dtype, "generator": rng}
    around = nn.Conv2d(4, 6, 1, stride=2, **given)
    conv = nn.Conv2d(4, 6, 3, stride=2, padding="same", bias=False, **given)
    block = nn.Sequential(conv, nn.BatchNorm(6, dtype=dtype), nn.ReLU())
    return nn.Sequential(
        nn.Residual(block, nn.Dropout(0.5, generator=rng), shortcut=around),
        nn.Residual(nn.Tanh()),
        nn.Recompute(ad.sigmoid, nn.Flatten()),
    )


def shared(rng: np.random.Generator, dtype: str) -> nn.Module:
    dense = nn.Dense(6, 6, dtype=dtype, generator=rng)
    return nn.Sequential(dense, nn.Sequential(nn.ReLU(), dense), nn.SELU(), dense)


def words(rng: np.random.Generator, dtype: str) -> nn.Module:
    given: dict[str, Any] = {"dtype": dtype, "generator": rng}
    return nn.Sequential(
        nn.Sequential(nn.Embedding(7, 4, **given), nn.LayerNorm(4, dtype=dtype)),
        nn.Flatten(),
        nn.Dense(12, 3, **given),
        nn.LogSoftmax(),
    )


MODELS: list[tuple[Make, tuple[int, ...]]] = [
    # convolution
    (learned(nn.Conv2d, 4, 6, 3), IMAGE),
    (learned(nn.Conv2d, 4, 6, (3, 2), stride=(2, 1), padding=(1, (0, 2)), flip=True), IMAGE),
    (learned(nn.Conv2d, 4, 6, 3, stride=2, padding="same", groups=2, bias=False), IMAGE),
    (learned(nn.Conv2d, 4, 8, (2, 4), padding="same", dilation=2, groups=4), IMAGE),
    (learned(nn.Conv1d, 4, 6, 4), SIGNAL),
    (learned(nn.Conv1d, 4, 6, 3, stride=2, padding=((2, 1),), dilation=2, flip=True), SIGNAL),
    (learned(nn.Conv1d, 4, 4, 4, padding="same", groups=4), SIGNAL),
    (learned(nn.ConvTranspose2d, 4, 6, 3), IMAGE),
    (learned(nn.ConvTranspose2d, 4, 6, (3, 4), stride=2, padding=1, output_padding=1), IMAGE),
    (learned(nn.ConvTranspose2d, 4, 6, 4, stride=(2, 3), padding="same", groups=2), IMAGE),
    (learned(nn.ConvTranspose2d, 4, 6, 2, dilation=(2, 3), padding=((1, 0), 2), flip=True), IMAGE),
    (learned(nn.ConvTranspose1d, 4, 6, 5, stride=2, padding="same", bias=False), SIGNAL),
    (learned(nn.ConvTranspose1d, 4, 6, 3, stride=3, output_padding=2, flip=True), SIGNAL),
    # pooling
    (fixed(nn.MaxPool2d, 2), IMAGE),
    (fixed(nn.MaxPool2d, 3, stride=2, padding=1, ties="split"), IMAGE),
    (fixed(nn.MaxPool2d, (3, 2), stride=(1, 2), padding="same"), IMAGE),
    (fixed(nn.MaxPool1d, 3, stride=1, padding="same"), SIGNAL),
    (fixed(nn.AvgPool2d, 2), IMAGE),
    (fixed(nn.AvgPool2d, 3, stride=2, padding=(1, (0, 2))), IMAGE),
    (fixed(nn.AvgPool2d, 3, stride=2, padding=(1, (0, 2)), count_padding=False), IMAGE),
    (fixed(nn.AvgPool2d, 2, padding=((0, 3), 2)), IMAGE),
    (fixed(nn.AvgPool1d, 4, stride=3, padding="same", count_padding=False), SIGNAL),
    (fixed(nn.SumPool2d, (2, 3), stride=1), IMAGE),
    (fixed(nn.SumPool2d, 3, stride=2, padding=4), IMAGE),
    (fixed(nn.SumPool1d, 3, padding="same"), SIGNAL),
    (fixed(nn.GlobalMaxPool), IMAGE),
    (fixed(nn.GlobalMaxPool), SIGNAL),
    (fixed(nn.GlobalAvgPool), IMAGE),
    (fixed(nn.GlobalAvgPool), SIGNAL),
    # vectors
    (learned(nn.Dense, 6, 3), VECTOR),
    (learned(nn.Dense, 6, 3, bias=False), VECTOR),
    (fixed(nn.Flatten), IMAGE),
    (fixed(nn.Flatten, "channel fastest"), IMAGE),
    (fixed(nn.Flatten, "channel fastest"), SIGNAL),
    (learned(nn.Embedding, 7, 3), ()),
    (learned(nn.Embedding, 7, 3), (2, 5)),
    (lambda rng, dtype: nn.Dropout(0.5, generator=rng), VECTOR),
    # normalisation
    (typed(nn.BatchNorm, 4), IMAGE),
    (typed(nn.BatchNorm, 4, affine=False, eps=0.1), SIGNAL),
    (typed(nn.BatchNorm, 6), VECTOR),
    (typed(nn.LayerNorm, 6), VECTOR),
    (typed(nn.LayerNorm, (9, 8), eps=0.1), IMAGE),
    (typed(nn.LayerNorm, IMAGE, affine=False), IMAGE),
    # activations
    *((fixed(kind), IMAGE) for kind in (nn.Sigmoid, nn.Tanh, nn.ReLU, nn.ELU, nn.SELU, nn.GELU)),
    *((fixed(kind), IMAGE) for kind in (nn.SiLU, nn.Softplus, nn.Softmax, nn.LogSoftmax)),
    (fixed(nn.LeakyReLU), IMAGE),
    (fixed(nn.LeakyReLU, 0.3), VECTOR),
    (typed(nn.PReLU), IMAGE),
    (typed(nn.PReLU, 4), IMAGE),
    (typed(nn.PReLU, 6), VECTOR),
    (fixed(nn.ELU, 0.7), IMAGE),
    (fixed(nn.GELU, "tanh"), IMAGE),
    (fixed(nn.Softmax, 1), IMAGE),
    (fixed(nn.LogSoftmax, -2), IMAGE),
    *((fixed(nn.Sequential, f), VECTOR) for f in (ad.sigmoid, ad.tanh, ad.relu, ad.softplus)),
    # modules of modules
    (fixed(nn.Sequential), IMAGE),
    (residual, IMAGE),
    (shared, VECTOR),
    (words, (3,)),
]


def a_model(make: Make, dtype: str) -> nn.Module:
    """A model in which no parameter and no buffer has the number that it starts with."""
    rng = np.random.default_rng(3)
    model = make(rng, dtype)
    model.load_state(
        {
            path: (rng.random(x.shape) + 0.5 if "var" in path else rng.normal(size=x.shape)).astype(
                x.dtype
            )
            for path, x in model.state().items()
        }
    )
    return model


def inputs(model: nn.Module, n: int, shape: tuple[int, ...], dtype: str) -> Array:
    rng = np.random.default_rng(n)
    if any(isinstance(module, nn.Embedding) for _, module in model.named_modules()):
        return rng.integers(0, 7, (n, *shape))
    return (2 * rng.normal(size=(n, *shape))).astype(dtype)


def close(theirs: Array, ours: Array, rounding: float) -> None:
    """Equal up to roundings of the largest number."""
    assert (theirs.shape, theirs.dtype) == (ours.shape, ours.dtype)
    largest = max(float(np.abs(ours).max()), 1.0)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=rounding * largest)


def name_of(value: Any) -> str | None:
    return type(value(np.random.default_rng(0), "float32")).__name__ if callable(value) else None


@pytest.mark.parametrize(("make", "shape"), MODELS, ids=name_of)
def test_onnxruntime_computes_the_same(make: Make, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = a_model(make, "float32")
    nn.export_onnx(model, tmp_path / "model.onnx", shape)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for n in (1, 5):
        x = inputs(model, n, shape, "float32")
        (theirs,) = session.run(["output"], {"input": x})
        close(theirs, model.predict(x), 1e-6)


class Erf(OpRun):  # that of the evaluator rounds to float32
    op_domain = ""

    def _run(self, x: Array) -> tuple[Array]:
        return (np.vectorize(erf, otypes=[x.dtype])(x),)


def run_in_double(path: Path, x: Array) -> Array:
    """By onnxruntime, or by the evaluator of onnx where that has no float64."""
    try:
        return np.asarray(onnxruntime.InferenceSession(path).run(None, {"input": x})[0])
    except NotImplemented:
        return np.asarray(ReferenceEvaluator(str(path), new_ops=[Erf]).run(None, {"input": x})[0])


@pytest.mark.parametrize(("make", "shape"), MODELS, ids=name_of)
def test_files_are_as_exact_in_double_precision(
    make: Make, shape: tuple[int, ...], tmp_path: Path
) -> None:
    model = a_model(make, "float64")
    nn.export_onnx(model, tmp_path / "model.onnx", shape, dtype="float64")
    if isinstance(model, nn.ConvTranspose2d) and model.groups > 1:
        return  # the file is valid; neither of the two programs can run it
    for n in (1, 5):
        x = inputs(model, n, shape, "float64")
        close(run_in_double(tmp_path / "model.onnx", x), model.predict(x), 1e-14)


def test_every_layer_is_compared() -> None:
    rng = np.random.default_rng(0)
    compared = {
        type(module) for make, _ in MODELS for _, module in make(rng, "float32").named_modules()
    }
    assert {getattr(layers, name) for name in layers.__all__} <= compared


def test_lenet_in_onnxruntime(tmp_path: Path) -> None:
    model = a_model(lambda rng, dtype: nn.LeNet(generator=rng), "float32")
    path = tmp_path / "lenet.onnx"
    nn.export_onnx(model, path, (1, 28, 28))
    session = onnxruntime.InferenceSession(path)
    for n in (1, 5, 64):
        x = np.random.default_rng(n).random((n, 1, 28, 28), np.float32)
        (theirs,) = session.run(None, {"input": x})
        close(theirs, model.predict(x), 2e-6)  # sums of 800 products
    proto = onnx.load(path)
    operators = [node.op_type for node in proto.graph.node]
    assert " ".join(operators) == "Conv MaxPool Conv MaxPool Flatten Gemm Relu Gemm"
    initialisers = {x.name: onnx.numpy_helper.to_array(x) for x in proto.graph.initializer}
    assert initialisers.keys() == model.state().keys()
    for name, array in model.state().items():
        np.testing.assert_array_equal(initialisers[name], array)


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    model = a_model(residual, "float32")
    nn.export_onnx(model, tmp_path / "model.onnx", IMAGE)
    proto = onnx.load(tmp_path / "model.onnx")
    assert (proto.producer_name, proto.producer_version) == ("autodiff-explained", ad.__version__)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 15)]
    (x,), (y,) = proto.graph.input, proto.graph.output
    assert (x.name, y.name) == ("input", "output")
    lengths = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (x, y)
    ]
    assert lengths == [["batch", 4, 9, 8], ["batch", 6 * 5 * 4]]
    assert "layers.0.inner.layers.0.layers.0/Conv" in [node.name for node in proto.graph.node]
    known = {value.name for value in proto.graph.value_info} | {"output"}
    assert known >= {node.output[0] for node in proto.graph.node}  # all shapes are in the file


def test_a_model_of_double_precision_runs_in_single(tmp_path: Path) -> None:
    model = a_model(learned(nn.Conv2d, 4, 6, 3), "float64")
    nn.export_onnx(model, tmp_path / "model.onnx", IMAGE, dtype=np.float32)
    x = inputs(model, 3, IMAGE, "float32")
    (theirs,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"input": x})
    close(theirs, model.predict(x).astype(np.float32), 1e-6)


def test_modules_of_ones_own_bring_their_rule(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self, size: int) -> None:
            self.weight = nn.Parameter(np.linspace(1, 2, size, dtype=np.float32))
            self.table = nn.Embedding(3, size, generator=np.random.default_rng(0))

        def forward(self, x: Any) -> Any:
            return self.table(x) * self.weight

    @nn.onnx_rule(Scaled)
    def scaled(graph: nn.OnnxGraph, layer: Scaled, x: Any) -> str:
        return graph.add("Mul", graph.apply(layer.table, x), *graph.tensors(layer.weight))

    model = nn.Sequential(Scaled(4), nn.ReLU())
    nn.export_onnx(model, tmp_path / "model.onnx", (2,), input_dtype="int64")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    x = np.array([[0, 1], [2, 0], [1, 1]])
    close(session.run(None, {"input": x})[0], model.predict(x), 1e-6)
