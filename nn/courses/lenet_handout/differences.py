"""The derivative by finite differences, to hold the backward functions to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import describe
from autodiff.transform.differences import along
from nn.courses.lenet_handout.blobs import Dict, Output, columns_of


def finite_difference(output: Dict | Callable[[Dict], Any], input: Dict, h: float = 1e-5) -> Array:
    """What a backward function gives as ``input_od``, by central differences.

    Each element of ``input['data']`` is moved by ±h, and the layer is run again: two runs for each
    element, so inputs should be small.

    Args:
        output: what a forward function of this package returned, with dl/d(data) as its ``diff``;
            such a blob remembers its layer. Or a function of the input blob that gives such a blob,
            or the number l itself. Without a ``diff``, l is the sum of the output's data.
        input: blob that the derivative is taken at; it is not changed.
        h: how far to move.

    Returns:
        dl/d(input data), approximately, of the shape of ``input['data']``.

    Raises:
        TypeError: ``output`` is neither of the two.
        ValueError: h is not positive.

    Example:
        >>> import numpy as np
        >>> import nn.courses.lenet_handout as cnn_lenet
        >>> blob = dict(height=1, width=1, channel=2, batch_size=1, data=np.array([[3.0], [-2.0]]))
        >>> output = cnn_lenet.relu_forward(blob, {"type": "RELU"})
        >>> output["diff"] = np.array([[5.0], [7.0]])
        >>> cnn_lenet.finite_difference(output, blob, 1e-3).round(6).ravel()
        array([5., 0.])
        >>> cnn_lenet.relu_backward(output, blob, {"type": "RELU"}).ravel()
        array([5., 0.])
    """
    if not h > 0:
        raise ValueError(f"finite_difference: expected h > 0, got {h}")
    if isinstance(output, Output):
        forward: Callable[[Dict], Any] = output.forward
        fixed = {"diff": output["diff"]} if "diff" in output else {}
    elif callable(output):
        forward, fixed = output, {}
    else:
        raise TypeError(
            "finite_difference: expected what a forward function returned (a copy of it as a plain "
            f"dict has forgotten its layer) or a function of the input blob, got {describe(output)}"
        )
    data = columns_of(input)

    def loss(moved: Array) -> float:
        result = forward({**input, "data": moved})
        if not isinstance(result, dict):
            return float(result)
        blob = {**result, **fixed}
        made = columns_of(blob)
        return float(np.sum(columns_of(blob, "diff") * made if "diff" in blob else made))

    slopes = np.empty_like(data)
    for place in np.ndindex(*data.shape):
        slopes[place] = along(loss, [data], 0, place).central(h)
    return slopes
