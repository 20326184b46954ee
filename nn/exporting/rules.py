"""Which nodes of ONNX compute each layer: one short function for each.

ONNX keeps the attributes of nodes in float32. So a setting that is no whole number is an input
here, and results are as exact in float64 as in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, prod, sqrt
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.ops.spatial import padding_widths
from nn.containers import Recompute, Residual, Sequential
from nn.exporting.graph import OnnxGraph, Value, onnx_rule
from nn.layers import (
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
    LogSoftmax,
    MaxPool1d,
    MaxPool2d,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SumPool1d,
    SumPool2d,
    Tanh,
)

Widths = Sequence[tuple[int, int]]

# --- modules of modules ---------------------------------------------------------------------------


@onnx_rule(Sequential, Recompute)
def _sequential(graph: OnnxGraph, layer: Sequential, x: Value) -> str:
    for part in layer:
        x = graph.apply(part, x)
    return x.name


@onnx_rule(Residual)
def _residual(graph: OnnxGraph, layer: Residual, x: Value) -> str:
    around = x if layer.shortcut is None else graph.apply(layer.shortcut, x)
    return graph.add("Add", graph.apply(layer.inner, x), around)


# --- of vectors -----------------------------------------------------------------------------------


@onnx_rule(Dense)
def _dense(graph: OnnxGraph, layer: Dense, x: Value) -> str:
    operator = "MatMul" if layer.bias is None else "Gemm"
    return graph.add(operator, x, *graph.tensors(layer.weight, layer.bias))


@onnx_rule(Flatten)
def _flatten(graph: OnnxGraph, layer: Flatten, x: Value) -> str:
    if layer.order == "channel slowest":
        return graph.add("Flatten", x, axis=1)
    pixels = graph.add("Transpose", x, perm=[0, *range(2, len(x.shape)), 1])
    return graph.add("Flatten", pixels, axis=1)


@onnx_rule(Embedding)
def _embedding(graph: OnnxGraph, layer: Embedding, x: Value) -> str:
    return graph.add("Gather", *graph.tensors(layer.weight), x, axis=0)


@onnx_rule(Dropout)
def _dropout(graph: OnnxGraph, layer: Dropout, x: Value) -> str:
    return x.name  # in use, the identity


# --- convolution ----------------------------------------------------------------------------------


@onnx_rule(Conv1d, Conv2d)
def _conv(graph: OnnxGraph, layer: Conv2d, x: Value) -> str:
    widths = padding_widths(x.shape[2:], layer.extent, layer.stride, layer.padding)
    return _with_kernels("Conv", graph, layer, x, widths)


@onnx_rule(ConvTranspose1d, ConvTranspose2d)
def _conv_transpose(graph: OnnxGraph, layer: ConvTranspose2d, x: Value) -> str:
    # The padding is that of the convolution whose transpose it is, with length · stride inputs.
    lengths = tuple(n * s for n, s in zip(x.shape[2:], layer.stride, strict=True))
    widths = padding_widths(lengths, layer.extent, layer.stride, layer.padding)
    more = list(layer.output_padding)
    return _with_kernels("ConvTranspose", graph, layer, x, widths, output_padding=more)


def _with_kernels(
    operator: str, graph: OnnxGraph, layer: Any, x: Value, widths: Widths, **more: Any
) -> str:
    if layer.flip:  # ONNX knows cross-correlation only
        flipped = np.flip(layer.weight.data, axis=tuple(range(2, 2 + layer.rank)))
        kernels = graph.constant("weight.flipped", flipped)
    else:
        (kernels,) = graph.tensors(layer.weight)
    settings = {"dilations": list(layer.dilation), "group": layer.groups, **more}
    bias = graph.tensors(layer.bias)
    return graph.add(operator, x, kernels, *bias, **_windows(layer, widths), **settings)


def _windows(layer: Any, widths: Widths) -> dict[str, Any]:
    """Attributes of everything that slides; ONNX lists all widths before, then all after."""
    pads = [width for side in zip(*widths, strict=True) for width in side]
    return {"kernel_shape": list(layer.size), "strides": list(layer.stride), "pads": pads}


# --- pooling --------------------------------------------------------------------------------------


@onnx_rule(MaxPool1d, MaxPool2d)
def _max_pool(graph: OnnxGraph, layer: MaxPool2d, x: Value) -> str:
    widths = padding_widths(x.shape[2:], layer.size, layer.stride, layer.padding)
    return graph.add("MaxPool", x, **_windows(layer, widths))


@onnx_rule(AvgPool1d, AvgPool2d)
def _avg_pool(graph: OnnxGraph, layer: AvgPool2d, x: Value) -> str:
    widths = padding_widths(x.shape[2:], layer.size, layer.stride, layer.padding)
    if any(max(pair) >= size for pair, size in zip(widths, layer.size, strict=True)):
        return _weighted(graph, layer, x, 1 / prod(layer.size))  # AveragePool may not be so wide
    settings = {"count_include_pad": int(layer.count_padding), **_windows(layer, widths)}
    return graph.add("AveragePool", x, **settings)


@onnx_rule(SumPool1d, SumPool2d)
def _sum_pool(graph: OnnxGraph, layer: SumPool2d, x: Value) -> str:
    return _weighted(graph, layer, x, 1.0)


def _weighted(graph: OnnxGraph, layer: Any, x: Value, weight: float) -> str:
    """Sums over windows: convolutions of each channel by itself, with a weight for all elements."""
    widths = padding_widths(x.shape[2:], layer.size, layer.stride, layer.padding)
    channels = x.shape[1]
    kernels = graph.constant("weights", np.full((channels, 1, *layer.size), weight))
    return graph.add("Conv", x, kernels, group=channels, **_windows(layer, widths))


@onnx_rule(GlobalMaxPool)
def _global_max_pool(graph: OnnxGraph, layer: GlobalMaxPool, x: Value) -> str:
    return graph.add("ReduceMax", x, axes=list(range(2, len(x.shape))), keepdims=0)


@onnx_rule(GlobalAvgPool)
def _global_avg_pool(graph: OnnxGraph, layer: GlobalAvgPool, x: Value) -> str:
    return graph.add("ReduceMean", x, axes=list(range(2, len(x.shape))), keepdims=0)


# --- normalisation --------------------------------------------------------------------------------


@onnx_rule(BatchNorm)
def _batch_norm(graph: OnnxGraph, layer: BatchNorm, x: Value) -> str:
    scale_and_shift = graph.tensors(layer.weight, layer.bias) or [
        graph.constant("scale", np.ones(layer.channels, graph.dtype)),
        graph.constant("shift", np.zeros(layer.channels, graph.dtype)),
    ]
    variance = graph.constant("running_var.plus_eps", layer.running_var + layer.eps)
    read = (*scale_and_shift, *graph.tensors(layer.running_mean), variance)
    return graph.add("BatchNormalization", x, *read, epsilon=0.0)


@onnx_rule(LayerNorm)
def _layer_norm(graph: OnnxGraph, layer: LayerNorm, x: Value) -> str:
    # The operator LayerNormalization computes in float32, whatever it is given.
    axes = list(range(-len(layer.shape), 0))
    deviations = graph.add("Sub", x, graph.add("ReduceMean", x, axes=axes))
    squares = graph.add("Mul", deviations, deviations)
    variance = graph.add("ReduceMean", squares, axes=axes)
    spread = graph.add("Sqrt", graph.add("Add", variance, graph.number(layer.eps)))
    y = graph.add("Div", deviations, spread)
    for operator, name in zip(
        ("Mul", "Add"), graph.tensors(layer.weight, layer.bias), strict=False
    ):
        y = graph.add(operator, y, name)
    return y


# --- activations ----------------------------------------------------------------------------------


@onnx_rule(Sigmoid, ad.sigmoid)
def _sigmoid(graph: OnnxGraph, layer: Any, x: Value) -> str:
    return graph.add("Sigmoid", x)


@onnx_rule(Tanh, ad.tanh)
def _tanh(graph: OnnxGraph, layer: Any, x: Value) -> str:
    return graph.add("Tanh", x)


@onnx_rule(ReLU, ad.relu)
def _relu(graph: OnnxGraph, layer: Any, x: Value) -> str:
    return graph.add("Relu", x)


@onnx_rule(Softplus, ad.softplus)
def _softplus(graph: OnnxGraph, layer: Any, x: Value) -> str:
    return graph.add("Softplus", x)


@onnx_rule(LeakyReLU)
def _leaky_relu(graph: OnnxGraph, layer: LeakyReLU, x: Value) -> str:
    return graph.add("PRelu", x, graph.number(layer.slope))


@onnx_rule(PReLU)
def _prelu(graph: OnnxGraph, layer: PReLU, x: Value) -> str:
    if layer.channels == 1:
        return graph.add("PRelu", x, *graph.tensors(layer.weight))
    along = layer.weight.data.reshape(-1, *(1,) * (len(x.shape) - 2))
    return graph.add("PRelu", x, graph.constant("weight.along_channels", along))


@onnx_rule(ELU)
def _elu(graph: OnnxGraph, layer: ELU, x: Value) -> str:
    # e^x - 1 is negative where x is; PRelu makes it alpha times that.
    return graph.add("PRelu", graph.add("Elu", x), graph.number(layer.alpha))


@onnx_rule(SELU)
def _selu(graph: OnnxGraph, layer: SELU, x: Value) -> str:
    y = graph.add("PRelu", graph.add("Elu", x), graph.number(layer.ALPHA))
    return graph.add("Mul", y, graph.number(layer.SCALE))


@onnx_rule(GELU)
def _gelu(graph: OnnxGraph, layer: GELU, x: Value) -> str:
    if layer.form == "tanh":  # (1 + tanh(u)) / 2 is sigmoid(2 u), as in the layer
        cube = graph.add("Mul", x, graph.add("Mul", x, x))
        u = graph.add("Add", x, graph.add("Mul", cube, graph.number(0.044715)))
        u = graph.add("Mul", u, graph.number(2 * sqrt(2 / pi)))
        return graph.add("Mul", x, graph.add("Sigmoid", u))
    erf = graph.add("Erf", graph.add("Mul", x, graph.number(sqrt(0.5))))
    twice = graph.add("Mul", x, graph.add("Add", erf, graph.number(1.0)))
    return graph.add("Mul", twice, graph.number(0.5))


@onnx_rule(SiLU)
def _silu(graph: OnnxGraph, layer: SiLU, x: Value) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


@onnx_rule(Softmax)
def _softmax(graph: OnnxGraph, layer: Softmax, x: Value) -> str:
    return graph.add("Softmax", x, axis=layer.axis)


@onnx_rule(LogSoftmax)
def _log_softmax(graph: OnnxGraph, layer: LogSoftmax, x: Value) -> str:
    return graph.add("LogSoftmax", x, axis=layer.axis)
