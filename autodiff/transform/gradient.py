"""Gradients of functions, by the reverse walk."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT, dense
from autodiff.graph import Node, Tensor, describe
from autodiff.ops.shapes import shape_of, whole_numbers
from autodiff.recording import recording
from autodiff.reverse import schedule, seed_for, settled, walk
from autodiff.transform.trace import Trace, trace


def value_and_grad(
    function: Callable[..., Any], argnums: int | tuple[int, ...] = 0
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives the value of ``function`` together with its gradient.

    Args:
        function: returns one real number; composed of operations of this library or of NumPy.
        argnums: the position of the argument to differentiate with respect to, or a tuple of them.

    Returns:
        A function of the same arguments that returns ``(value, gradient)``: Python floats for
        scalar arguments, arrays of the argument's shape and dtype for arrays, a tuple of gradients
        if ``argnums`` is a tuple. Called on nodes, or within another transform, it returns nodes,
        so that derivatives can be differentiated again.

    Raises:
        TypeError: an argument is not of real floating-point numbers.
        ValueError: the function's value is not a single number, or an argument is missing.

    Example:
        >>> import autodiff as ad
        >>> ad.value_and_grad(lambda x, y: x * y**2, argnums=(0, 1))(3.0, 2.0)
        (12.0, (4.0, 12.0))
    """
    positions = whole_numbers("argnums", argnums)

    @wraps(function)
    def differentiated(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        run = trace(function, arguments, positions, options)
        grads = tuple(_gradients(run))
        value = run.output
        if isinstance(value, Node) and not run.nested:
            value = float(value._data) if np.ndim(value._data) == 0 else value._data.item()
        return value, grads if isinstance(argnums, (tuple, list)) else grads[0]

    return differentiated


def grad(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that gives the gradient of ``function``; see ``value_and_grad``.

    Example:
        >>> import autodiff as ad
        >>> f = lambda x: x**3
        >>> ad.grad(f)(2.0), ad.grad(ad.grad(f))(2.0)
        (12.0, 12.0)
    """
    both = value_and_grad(function, argnums)

    @wraps(function)
    def gradient(*arguments: Any, **options: Any) -> Any:
        return both(*arguments, **options)[1]

    return gradient


def _gradients(run: Trace) -> list[Any]:
    if not isinstance(run.output, Node):
        if np.ndim(run.output):
            raise ValueError(
                f"expected a function that returns one number, got {describe(run.output)}"
            )
        return [_zero(node) for node in run.inputs]  # a constant function
    seed = seed_for(run.output)
    nodes = schedule(run.output, run.inputs)
    with recording(run.nested):
        adjoints = walk(nodes, seed, recorded=run.nested, keep=set(run.inputs))
    taken = set[int]()
    return [
        dense(t)
        if run.nested and (t := adjoints.get(node, ABSENT)) is not ABSENT
        else settled(adjoints.get(node, ABSENT), node, taken)
        for node in run.inputs
    ]


def _zero(node: Node) -> Any:
    return np.zeros(shape_of(node), node.dtype) if isinstance(node, Tensor) else 0.0
