"""The graph of one forward pass, for views of modules: ``autodiff.draw(net, (1, 28, 28))``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autodiff import Tensor, recording
from autodiff.graph import Node
from nn.containers import storing
from nn.module import Module
from nn.observation import one_example, untouched


def traced(
    model: Module, input_shape: Sequence[int], dtype: DTypeLike | None = None
) -> tuple[Node, Sequence[tuple[Any, str]]]:
    """Run one forward pass, and name what took part in it.

    A batch of a single example, all zeros, goes through the module as ``eval()`` says, and nothing
    is changed by it.

    Args:
        model: what to run.
        input_shape: of one example, without the axis of the batch: (channels, height, width).
        dtype: of the input; float32 if None; whole numbers for an ``Embedding``.

    Returns:
        The output, and the input, parameters and modules with their names.

    Raises:
        TypeError: the input's shape is no tuple, or the output is not one node.
        ValueError: a length is not positive; or what a module raises if it can't take the input.
    """
    zeros = one_example("draw", input_shape, np.float32 if dtype is None else dtype)
    x = Tensor(zeros) if zeros.dtype.kind == "f" else zeros
    frozen = [parameter for parameter in model.parameters() if parameter.frozen]
    try:
        for parameter in frozen:
            parameter.frozen = False  # a constant would leave no trace
        with untouched(model), storing(), recording(True):
            output = model(x)
    finally:
        for parameter in frozen:
            parameter.frozen = True
    if not isinstance(output, Node):
        raise TypeError(
            f"draw: expected {type(model).__name__} to give one node, got "
            f"{type(output).__name__}; compute what is to be drawn from it, and draw that"
        )
    names = [(module, path.rpartition(".")[2]) for path, module in model.named_modules()]
    return output, [(x, "x"), *names, *((p, path) for path, p in model.named_parameters())]


setattr(Module, "traced", traced)  # noqa: B010 - declared for type checkers only
