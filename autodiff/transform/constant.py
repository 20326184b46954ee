"""Stopping derivatives: nodes handed on as constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.apply import record
from autodiff.graph import Node, Value, bare
from autodiff.ops.rules import Linear
from autodiff.primitive import NO_PARAMETERS
from autodiff.recording import recording
from autodiff.transform.containers import mapped

_constant = Linear("constant", lambda x: x, None)


def stop_gradient(x: Any) -> Any:
    """The same number, array or container, through which no derivative passes.

    Nodes become leaves with the same data, which is not copied; ``node.detach()`` does it for one.
    What is no node stays as it is.

    Example:
        >>> import autodiff as ad
        >>> ad.grad(lambda x: x * ad.stop_gradient(x))(3.0)
        3.0
    """
    return mapped(lambda leaf: leaf_of(bare(leaf)) if isinstance(leaf, Node) else leaf, x)


def leaf_of(data: Any) -> Node:
    """A leaf with the data of a node, which is not copied."""
    if not isinstance(data, np.ndarray):
        return Value(data)
    with recording(False):
        return record(_constant, (), (), NO_PARAMETERS, data)


def _detach(self: Node) -> Node:
    """A leaf with the same data, through which no derivative passes: ``stop_gradient`` of it."""
    return leaf_of(bare(self))


setattr(Node, "detach", _detach)  # noqa: B010 - declared by Node, so that imports run downwards
