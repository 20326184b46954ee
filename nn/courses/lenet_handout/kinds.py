"""The kinds of layers: what each computes, and the shapes that go with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autodiff as ad
from autodiff.arrays import Array
from nn.courses.lenet_handout.blobs import Dict, Shape, as_columns, numbers, setting


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Attributes:
        apply: of images (n, c, h, w), the layer's dict, and ``w`` and ``b`` if it has them, to
            images: a composition of primitives.
        output: the shape of its output, from that of its input and the layer's dict.
        weights: the shape of its ``w``; that of ``b`` is the last part of it. None without any.
    """

    apply: Callable[..., Any]
    output: Callable[[Shape, Dict], Shape]
    weights: Callable[[Shape, Dict], tuple[int, int]] | None = None


def checked_params(kind: str, shape: Shape, layer: Dict, param: Dict) -> list[Array]:
    """``w`` and ``b`` of a layer as it needs them; nothing if it has none.

    Raises:
        ValueError: one is missing, or of another shape.
    """
    weights = KINDS[kind].weights
    if weights is None:
        return []
    expected = weights(shape, layer)
    found = []
    for name, wanted in (("w", expected), ("b", expected[1:])):
        if name not in param:
            raise ValueError(f"{kind}: expected parameters 'w' and 'b', got {list(param)}")
        found.append(numbers(param[name]))
        if found[-1].shape != wanted:
            raise ValueError(
                f"{kind} on an input of {shape}: expected '{name}' of shape {wanted}, got "
                f"{found[-1].shape}"
            )
    return found


# --- convolution and pooling ----------------------------------------------------------------------


def _positions(shape: Shape, layer: Dict) -> tuple[int, int]:
    """How many windows fit: floor((n + 2 pad - k) / stride) + 1 along each side."""
    k, stride, pad = _window(layer)
    if min(shape.height, shape.width) + 2 * pad < k:
        raise ValueError(f"a window of {k}×{k} is larger than its input of {shape}, pad {pad}")
    height, width = ((n + 2 * pad - k) // stride + 1 for n in (shape.height, shape.width))
    return height, width


def _window(layer: Dict) -> tuple[int, int, int]:
    return (
        setting(layer, "k"),
        setting(layer, "stride"),
        setting(layer, "pad", least=0, default=0),
    )


def _conv(x: Any, layer: Dict, w: Any, b: Any) -> Any:
    k, stride, pad = _window(layer)
    kernels = ad.transpose(ad.reshape(w, (k, k, -1, setting(layer, "num"))), (3, 2, 0, 1))
    group = setting(layer, "group", default=1)
    return ad.conv(x, kernels, b, stride=stride, padding=pad, groups=group)


def _conv_output(shape: Shape, layer: Dict) -> Shape:
    return Shape(*_positions(shape, layer), setting(layer, "num"))


def _conv_weights(shape: Shape, layer: Dict) -> tuple[int, int]:
    k, num, group = setting(layer, "k"), setting(layer, "num"), setting(layer, "group", default=1)
    if shape.channel % group or num % group:
        raise ValueError(
            f"CONV: {group} groups must divide the {shape.channel} channels and 'num', {num}"
        )
    return k * k * (shape.channel // group), num


def _pool(x: Any, layer: Dict) -> Any:
    k, stride, pad = _window(layer)
    return ad.max_pool(x, k, stride=stride, padding=pad, ties="first")


def _pool_output(shape: Shape, layer: Dict) -> Shape:
    k, _, pad = _window(layer)
    if pad >= k:
        raise ValueError(f"POOLING: a pad of {pad} leaves windows of {k}×{k} without any pixel")
    return Shape(*_positions(shape, layer), shape.channel)


# --- the others -----------------------------------------------------------------------------------


def _inner_product(x: Any, layer: Dict, w: Any, b: Any) -> Any:
    rows = ad.affine(ad.transpose(as_columns(x)), w, b)
    return ad.reshape(rows, (*rows.shape, 1, 1))


def _inner_product_weights(shape: Shape, layer: Dict) -> tuple[int, int]:
    return shape.size, setting(layer, "num")


def _scores(x: Any, layer: Dict, w: Any, b: Any) -> Any:
    """An inner product for all classes but the last, and 0 for that one."""
    return ad.pad(_inner_product(x, layer, w, b), ((0, 0), (0, 1), (0, 0), (0, 0)))


def _scores_weights(shape: Shape, layer: Dict) -> tuple[int, int]:
    return shape.size, setting(layer, "num", least=2) - 1


KINDS = {
    "CONV": Kind(_conv, _conv_output, _conv_weights),
    "POOLING": Kind(_pool, _pool_output),
    "IP": Kind(
        _inner_product,
        lambda shape, layer: Shape(1, 1, setting(layer, "num")),
        _inner_product_weights,
    ),
    "RELU": Kind(lambda x, layer: ad.relu(x), lambda shape, layer: shape),
    "LOSS": Kind(_scores, lambda shape, layer: Shape(1, 1, setting(layer, "num")), _scores_weights),
}
