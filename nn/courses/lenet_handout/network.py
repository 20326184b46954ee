"""A whole network: its first parameters, its cost and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
from autodiff.arrays import Array
from nn.courses.lenet_handout.blobs import Dict, Shape, as_images, image_shape, numbers
from nn.courses.lenet_handout.kinds import KINDS, checked_params
from nn.courses.lenet_handout.loss import checked_labels, hits, losses

Layers = Mapping[int, Dict]
Params = dict[int, dict[str, Array]]

IMAGES_AT_A_TIME = 256  # bounds the memory; larger batches are added up from parts of this size


class Step(NamedTuple):
    """A layer, and where it stands."""

    number: int
    kind: str
    layer: Dict
    input: Shape


def init_convnet(layers: Layers) -> Params:
    """The first parameters of a network.

    Weights are uniform in ±s with s = sqrt(3 / (h · w · c of the layer's input)); those of an IP
    layer whose ``init_type`` is "gaussian" are s times a normal number. Biases are 0. The numbers
    come from NumPy's global generator, so ``np.random.seed`` fixes them.

    Args:
        layers: see the package.

    Returns:
        ``params``: of the layer i ``params[i - 1]``, a dict of ``w`` and ``b``; empty arrays where
        a layer has none.

    Raises:
        ValueError: the layers don't fit one another, or lack a setting.
    """
    params: Params = {}
    for step in _steps(layers):
        weights = KINDS[step.kind].weights
        params[step.number - 1] = _without_parameters()
        if weights is not None:
            shape = weights(step.input, step.layer)
            drawn = _draw(step.layer.get("init_type", "uniform"), shape, step)
            params[step.number - 1] = {"w": drawn, "b": np.zeros(shape[1])}
    return params


def _draw(init_type: str, shape: tuple[int, int], step: Step) -> Array:
    s = sqrt(3 / step.input.size)
    if init_type == "gaussian" and step.kind == "IP":
        return s * np.random.standard_normal(shape)
    if init_type != "uniform":
        raise ValueError(
            f"layers[{step.number}]: init_type is 'uniform', or 'gaussian' for an IP layer, got "
            f"{init_type!r}"
        )
    return np.random.uniform(-s, s, shape)


def conv_net(
    params: Mapping[int, Dict], layers: Layers, data: Any, labels: Any
) -> tuple[dict[str, float], Params]:
    """The mean loss of a batch, the accuracy, and the gradient.

    Args:
        params: as ``init_convnet`` gives them.
        layers: see the package; ``batch_size`` is not needed, for ``data`` says it.
        data: (h · w · c, n), an image in each column.
        labels: (n,) integers, counted from 0.

    Returns:
        ``(cp, param_grad)``: ``cp['cost']`` is the loss divided by the batch size, and
        ``cp['percent']`` the share of images that are classified rightly; ``param_grad`` is the
        gradient of the cost, shaped like ``params``.

    Raises:
        TypeError: the labels are no integers.
        ValueError: layers, parameters, images and labels don't fit one another, or a label is out
            of range.
    """
    steps = _steps(layers)
    weights = {step.number - 1: _params_of(step, params) for step in steps}
    data, first = numbers(data), steps[0].input
    if data.ndim != 2 or len(data) != first.size:
        raise ValueError(
            f"conv_net: expected data of shape ({first.size}, n), images of {first} as columns, "
            f"got {data.shape}"
        )
    n = data.shape[1]
    labels = checked_labels(labels, n)
    cost, right = 0.0, 0
    param_grad: Params = {i: _without_parameters() for i in weights}
    for start in range(0, n, IMAGES_AT_A_TIME):
        part = slice(start, start + IMAGES_AT_A_TIME)
        (share, scores), gradient = ad.value_and_grad(_share_of_cost, has_aux=True)(
            weights, steps, data[:, part], labels[part], n
        )
        cost += share
        right += hits(scores, labels[part])
        for i, arrays in gradient.items():
            for name, t in zip("wb", arrays, strict=False):  # some have none
                param_grad[i][name] = param_grad[i][name] + t if start else t
    return {"cost": cost, "percent": right / n}, param_grad


def _without_parameters() -> dict[str, Array]:
    return {"w": np.array([]), "b": np.array([])}


def _share_of_cost(
    weights: dict[int, list[Any]], steps: list[Step], data: Array, labels: Array, n: int
) -> tuple[Any, Any]:
    """What some of n images contribute to the cost, and their scores."""
    x = as_images(data, steps[0].input)
    for step in steps:
        x = KINDS[step.kind].apply(x, step.layer, *weights[step.number - 1])
    return ad.sum(losses(x, labels)) / n, x


def _params_of(step: Step, params: Mapping[int, Dict]) -> list[Array]:
    try:
        return checked_params(step.kind, step.input, step.layer, params[step.number - 1])
    except KeyError:
        raise ValueError(
            f"params[{step.number - 1}], of the layer {step.number}, is missing: there are "
            f"{list(params)}"
        ) from None
    except ValueError as fault:
        raise ValueError(f"params[{step.number - 1}]: {fault}") from None


def _steps(layers: Layers) -> list[Step]:
    """All layers behind the first, with the shape of what each gets.

    Raises:
        ValueError: the layers are not numbered from 1, or don't fit one another.
    """
    kinds = [layers[i].get("type") if i in layers else None for i in range(1, len(layers) + 1)]
    if (
        not kinds
        or kinds[0] != "DATA"
        or kinds[-1] != "LOSS"
        or kinds.index("LOSS") < len(kinds) - 1
    ):
        raise ValueError(
            "layers: expected dicts numbered from 1, the first of the type DATA, the last of the "
            f"type LOSS, got the numbers {list(layers)} with the types {kinds}"
        )
    steps = []
    try:
        number = 1
        shape = image_shape(layers[1])
        for number in range(2, len(layers) + 1):
            layer, kind = layers[number], kinds[number - 1]
            if kind not in KINDS:
                raise ValueError(f"type is one of {', '.join(KINDS)}, got {kind!r}")
            steps.append(Step(number, kind, layer, shape))
            weights = KINDS[kind].weights
            if weights is not None:
                weights(shape, layer)  # checks the settings
            shape = KINDS[kind].output(shape, layer)
    except ValueError as fault:
        raise ValueError(f"layers[{number}]: {fault}") from None
    return steps
