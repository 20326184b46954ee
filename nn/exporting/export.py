"""A model as a file in the ONNX format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import nn.exporting.rules  # noqa: F401 - the table of rules
from autodiff.ops.shapes import whole_numbers
from autodiff.version import __version__
from nn.containers import Residual, Sequential
from nn.exporting.graph import OnnxGraph, Value
from nn.layers import Embedding
from nn.module import Module
from nn.tensor_files import PathLike, write_atomically

OPSET = 15
"""The version of ONNX's operators. An old one is read by most programs; in this one they are as the
rules need them: softmax along a single axis (since 13), normalisation that says that it does not
train (since 14)."""
IR_VERSION = 8
"""The version of the file format that came with them, in ONNX 1.10."""
INPUT, OUTPUT, BATCH = "input", "output", "batch"


def export_onnx(
    model: Module,
    path: PathLike,
    input_shape: Sequence[int],
    *,
    dtype: DTypeLike | None = None,
    input_dtype: DTypeLike | None = None,
) -> None:
    """Write a model to an ONNX file, which computes what ``model.predict`` does.

    The graph has one input, called "input", and one output, "output"; their first length, "batch",
    is another one in each run. Parameters and buffers are initialisers that are called by their
    paths, such as "layers.0.weight". Where a constant is worked out, its name says so:
    "layers.0.weight.flipped", "layers.1.running_var.plus_eps". The operators are those of version
    15; onnx.checker has seen the file before it is written.

    Args:
        model: of layers of ``nn``, and of others that have an ``onnx_rule``.
        path: of the file; one that is there is replaced.
        input_shape: of one example, without the batch.
        dtype: of all floating-point numbers, float32 or float64; that of the parameters if not
            given. onnxruntime has no float64 for several operators, convolution among them.
        input_dtype: of the input; if not given, int64 where an ``Embedding`` comes first, else that
            of the parameters.

    Raises:
        ImportError: the package onnx is not installed.
        TypeError: something in the model has no rule, or a dtype is none of the two.
        ValueError: the model does not take inputs of this shape.
    """
    onnx = _onnx()
    kind = _dtype(model, dtype)
    shape = whole_numbers("export_onnx: input_shape", tuple(input_shape))
    if input_dtype is None:
        input_dtype = np.int64 if isinstance(_first(model), Embedding) else kind
    graph = OnnxGraph(model, kind)
    x = Value(INPUT, np.zeros((1, *shape), input_dtype))
    y = graph.apply(model, x)
    _name_output(graph, y)
    proto = _proto(onnx, model, graph, x, y)
    onnx.checker.check_model(proto, full_check=True)
    write_atomically(path, proto.SerializeToString())


def _onnx() -> Any:
    try:
        import onnx
    except ImportError:
        raise ImportError(
            "export_onnx needs the package onnx: pip install 'autodiff-explained[onnx]'"
        ) from None
    return onnx


def _dtype(model: Module, dtype: DTypeLike | None) -> np.dtype[Any]:
    if dtype is None:
        dtype = np.result_type(np.float16, *(p.dtype for p in model.parameters()))
        dtype = np.float32 if dtype == np.float16 else dtype
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise TypeError(f"export_onnx: dtype is float32 or float64, got {kind}")
    return kind


def _first(layer: Any) -> Any:
    """The layer that the input reaches first."""
    while isinstance(layer, (Sequential, Residual)):
        parts = layer.inner if isinstance(layer, Residual) else layer
        if not len(parts):
            break
        layer = parts[0]
    return layer


def _name_output(graph: OnnxGraph, y: Value) -> None:
    """Call the result by its name for the world; a model without nodes hands its input through."""
    if y.name == INPUT:
        graph.add("Identity", y)
        y = Value(graph.nodes[-1].output, y.example)
    for i, node in enumerate(graph.nodes):
        inputs = tuple(OUTPUT if name == y.name else name for name in node.inputs)
        output = OUTPUT if node.output == y.name else node.output
        graph.nodes[i] = replace(node, inputs=inputs, output=output)


def _proto(onnx: Any, model: Module, graph: OnnxGraph, x: Value, y: Value) -> Any:
    helper = onnx.helper

    def info(name: str, value: Value) -> Any:
        of_reals = value.example.dtype.kind == "f" and value is not x
        kind = helper.np_dtype_to_tensor_dtype(graph.dtype if of_reals else value.example.dtype)
        return helper.make_tensor_value_info(name, kind, [BATCH, *value.shape[1:]])

    graph_proto = helper.make_graph(
        [
            helper.make_node(
                node.operator, node.inputs, [node.output], node.output, **node.attributes
            )
            for node in graph.nodes
        ],
        type(model).__name__,
        [info(INPUT, x)],
        [info(OUTPUT, y)],
        [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    made = helper.make_model(
        graph_proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="autodiff-explained",
        producer_version=__version__,
        doc_string=repr(model),
    )
    return onnx.shape_inference.infer_shapes(made, strict_mode=True)
