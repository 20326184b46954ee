"""Each kind of layer by itself, forwards and backwards.

The way back is the reverse walk through what the way forward records; no layer has a derivative
here. Arguments that are called ``output`` and ``input`` are blobs; see the package.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.arrays import Array
from nn.courses.lenet_handout.blobs import (
    Dict,
    Output,
    as_columns,
    as_images,
    columns_of,
    image_shape,
)
from nn.courses.lenet_handout.kinds import KINDS, checked_params

Param = dict[str, Array]


def conv_layer_forward(input: Dict, layer: Dict, param: Dict) -> Output:
    """Convolution: each output pixel is w · (the window at it) + b.

    Args:
        input: blob of (h, w, c).
        layer: ``num``, ``k``, ``stride``, ``pad`` (0 if not given) and ``group`` (1 if not given).
        param: ``w`` (k · k · c / group, num), its rows in C order of (ki, kj, c); ``b`` (num,).

    Returns:
        Blob of floor((h + 2 pad - k) / stride) + 1 by as many pixels, ``num`` channels.

    Raises:
        ValueError: something is missing, or a shape does not fit.
    """
    return _forward("CONV", input, layer, param)


def conv_layer_backward(output: Dict, input: Dict, layer: Dict, param: Dict) -> tuple[Param, Array]:
    """What ``output['diff']`` gives for the parameters and for the input.

    Returns:
        ``(param_grad, input_od)``, shaped like ``param`` and ``input['data']``; sums over the
        batch.
    """
    input_od, w, b = _pulled("CONV", output, input, layer, param)
    return {"w": w, "b": b}, input_od


def pooling_layer_forward(input: Dict, layer: Dict) -> Output:
    """The largest pixel of each window, channel by channel.

    Args:
        input: blob of (h, w, c).
        layer: ``k``, ``stride`` and ``pad`` (0 if not given), a border that never wins.

    Returns:
        Blob of floor((h + 2 pad - k) / stride) + 1 by as many pixels.

    Raises:
        ValueError: a setting is missing, or the window does not fit.
    """
    return _forward("POOLING", input, layer, {})


def pooling_layer_backward(output: Dict, input: Dict, layer: Dict) -> Array:
    """``input_od``: each ``output['diff']`` at the pixel that won, the first of equal ones."""
    return _pulled("POOLING", output, input, layer, {})[0]


def relu_forward(input: Dict, layer: Dict) -> Output:
    """max(x, 0), element by element."""
    return _forward("RELU", input, layer, {})


def relu_backward(output: Dict, input: Dict, layer: Dict) -> Array:
    """``input_od``: ``output['diff']`` where the input is positive, else 0."""
    return _pulled("RELU", output, input, layer, {})[0]


def inner_product_forward(input: Dict, layer: Dict, param: Dict) -> Output:
    """The dense layer wᵀ x + b.

    Args:
        input: blob of (h, w, c).
        layer: ``num``.
        param: ``w`` (h · w · c, num), ``b`` (num,).

    Returns:
        Blob of one pixel and ``num`` channels.

    Raises:
        ValueError: something is missing, or a shape does not fit.
    """
    return _forward("IP", input, layer, param)


def inner_product_backward(
    output: Dict, input: Dict, layer: Dict, param: Dict
) -> tuple[Param, Array]:
    """``(param_grad, input_od)`` as for ``conv_layer_backward``."""
    input_od, w, b = _pulled("IP", output, input, layer, param)
    return {"w": w, "b": b}, input_od


# --- all of them ----------------------------------------------------------------------------------


def _on_columns(kind: str, input: Dict, layer: Dict) -> Callable[..., Any]:
    """The layer as a function of the input's columns and its parameters."""
    shape = image_shape(input)
    return lambda data, *param: as_columns(KINDS[kind].apply(as_images(data, shape), layer, *param))


def _forward(kind: str, input: Dict, layer: Dict, param: Dict) -> Output:
    shape, data = image_shape(input), columns_of(input)
    to = KINDS[kind].output(shape, layer)
    computed = _on_columns(kind, input, layer)(data, *checked_params(kind, shape, layer, param))
    blob = {
        **to._asdict(),
        "batch_size": data.shape[1],
        "data": np.ascontiguousarray(computed),
    }
    return Output(blob, partial(_forward, kind, layer=layer, param=param))


def _pulled(kind: str, output: Dict, input: Dict, layer: Dict, param: Dict) -> tuple[Array, ...]:
    """The adjoints of the input and of the parameters, from that of the output."""
    shape, data = image_shape(input), columns_of(input)
    to = KINDS[kind].output(shape, layer)
    diff = columns_of({**to._asdict(), "batch_size": data.shape[1], **_diff_of(output)}, "diff")
    weights = checked_params(kind, shape, layer, param)
    _, pull = ad.vjp(_on_columns(kind, input, layer), data, *weights)
    adjoints: tuple[Array, ...] = pull(diff)
    return adjoints


def _diff_of(output: Dict) -> Dict:
    return {"diff": output["diff"]} if "diff" in output else {}
