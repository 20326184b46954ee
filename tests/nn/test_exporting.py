"""The table of rules is complete and strict; what it computes is compared where there is ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import layers
from nn.exporting.graph import RULES, Value


def a_graph(model: nn.Module) -> nn.OnnxGraph:
    return nn.OnnxGraph(model, np.dtype("float32"))


def an_input(*shape: int) -> Value:
    return Value("input", np.zeros(shape, np.float32))


def test_every_layer_has_a_rule() -> None:
    kinds = [getattr(layers, name) for name in layers.__all__]
    assert [kind.__name__ for kind in kinds if kind not in RULES] == []


def test_nodes_are_called_by_the_paths_of_modules() -> None:
    rng = np.random.default_rng(0)
    dense = nn.Dense(3, 3, generator=rng)
    model = nn.Sequential(dense, nn.Sequential(nn.SiLU(), dense), nn.LeakyReLU(), nn.LeakyReLU())
    graph = a_graph(model)
    y = graph.apply(model, an_input(1, 3))
    assert (y.name, y.shape) == ("layers.3/PRelu", (1, 3))
    assert [(node.output, *node.inputs) for node in graph.nodes] == [
        ("layers.0/Gemm", "input", "layers.0.weight", "layers.0.bias"),
        ("layers.1.layers.0/Sigmoid", "layers.0/Gemm"),
        ("layers.1.layers.0/Mul", "layers.0/Gemm", "layers.1.layers.0/Sigmoid"),
        ("layers.0/Gemm_2", "layers.1.layers.0/Mul", "layers.0.weight", "layers.0.bias"),
        ("layers.2/PRelu", "layers.0/Gemm_2", "number.0.01"),
        ("layers.3/PRelu", "layers.2/PRelu", "number.0.01"),
    ]
    assert list(graph.constants) == ["layers.0.weight", "layers.0.bias", "number.0.01"]


def test_a_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm(3), nn.Dropout(0.5, generator=np.random.default_rng(0)))
    before = model.state()
    a_graph(model).apply(model, an_input(1, 3))
    assert all(module.training for _, module in model.named_modules())
    for path, array in model.state().items():
        np.testing.assert_array_equal(array, before[path])


class Cube(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * x * x


class TwiceReLU(nn.ReLU):
    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Cube(), r"layers.1.*Cube.*\n(.*\n)*.*@nn.onnx_rule\(Cube\)"),
        (TwiceReLU(), r"layers.1.*TwiceReLU"),  # ReLU's rule would be wrong for it
        (nn.Sequential(nn.ReLU(), Cube()), r"layers.1.layers.1.*Cube"),
        (ad.square, r"square"),
        (lambda x: x, r"lambda"),
    ],
)
def test_what_has_no_rule_is_named(layer: Any, said: str) -> None:
    model = nn.Sequential(nn.ReLU(), layer)
    with pytest.raises(TypeError, match=said):
        a_graph(model).apply(model, an_input(1, 3))


def test_derived_classes_keep_the_rule_as_long_as_they_compute_the_same() -> None:
    class Named(nn.ReLU):
        name = "the first"

    model = Named()
    assert a_graph(model).apply(model, an_input(1, 3)).name == "Relu"


def test_only_what_is_in_the_model_is_called_by_its_path() -> None:
    graph = a_graph(nn.ReLU())
    with pytest.raises(ValueError, match=r"neither a parameter nor a buffer.*constant\(\)"):
        graph.tensors(nn.Parameter([1.0]))
    assert graph.tensors(None) == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'autodiff-explained\[onnx\]'"):
        nn.export_onnx(nn.ReLU(), tmp_path / "model.onnx", (3,))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shape", "options", "error", "said"),
    [
        ((4,), {}, ValueError, r"Dense: expected an input of shape \(n, 3\)"),
        ((3.0,), {}, TypeError, "input_shape"),
        ((3,), {"dtype": "float16"}, TypeError, "float32 or float64, got float16"),
        ((3,), {"dtype": int}, TypeError, "float32 or float64, got int64"),
    ],
)
def test_wrong_arguments_write_nothing(
    shape: Any, options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed: pip install -e '.[onnx]'")
    model = nn.Dense(3, 2, generator=np.random.default_rng(0))
    with pytest.raises(error, match=said):
        nn.export_onnx(model, tmp_path / "model.onnx", shape, **options)
    assert not list(tmp_path.iterdir())
