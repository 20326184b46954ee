"""Gradients of functions, by the reverse walk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT, dense
from autodiff.graph import Node, Tensor, Value, bare, describe
from autodiff.ops.shapes import shape_of
from autodiff.reverse import schedule, seed_for, settled
from autodiff.sweep import Sweep
from autodiff.transform.containers import require_numbers
from autodiff.transform.joint import walk_to
from autodiff.transform.tape import Tape, adjoint
from autodiff.transform.trace import Trace, as_leaf, places, trace

ArgNums = int | Sequence[int] | None
ArgNames = str | Sequence[str] | None


def value_and_grad(
    function: Callable[..., Any],
    argnums: ArgNums = None,
    argnames: ArgNames = None,
    *,
    has_aux: bool = False,
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives the value of ``function`` together with its gradient.

    Args:
        function: returns one real number; composed of operations of this library or of NumPy.
        argnums: the position of the argument to differentiate with respect to, or a tuple of them;
            the first, if neither this nor ``argnames`` is given.
        argnames: the name of an argument, or a tuple of them; after ``argnums`` if both are given.
        has_aux: the function returns a pair (number, aux), aux being anything that is to be handed
            out besides.

    Returns:
        A function of the same arguments that returns ``(value, gradient)``: Python floats for
        scalar arguments, arrays of the argument's shape and dtype for arrays, a tuple of gradients
        if ``argnums`` is a tuple. The gradient of a container (dict, list, tuple, named tuple,
        data class) is such a container, with None for what is not of real floating-point numbers.
        With ``has_aux``, ``((value, aux), gradient)``. Called on nodes, or within another
        transform, it returns nodes, so that derivatives can be differentiated again.

    Raises:
        TypeError: an argument is not of real floating-point numbers.
        ValueError: the function's value is not a single number, or an argument is missing.

    Example:
        >>> import autodiff as ad
        >>> ad.value_and_grad(lambda x, y: x * y**2, argnums=(0, 1))(3.0, 2.0)
        (12.0, (4.0, 12.0))
        >>> ad.grad(lambda p: p["w"] * 3.0 + p["b"])({"b": 1.0, "w": 2.0})
        {'b': 1.0, 'w': 3.0}
    """
    where, several = places(argnums, argnames)

    @wraps(function)
    def differentiated(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        run = trace(function, arguments, where, options, has_aux)
        value = run.output
        if isinstance(value, Node) and not run.nested:
            value = bare(value)
        grads = run.arranged(_gradients(run))
        if isinstance(value, np.ndarray):
            value = value.item()
        gradient = tuple(grads) if several else grads[0]
        return ((value, run.aux) if has_aux else value), gradient

    return differentiated


def grad(
    function: Callable[..., Any],
    argnums: ArgNums = None,
    argnames: ArgNames = None,
    *,
    has_aux: bool = False,
) -> Callable[..., Any]:
    """A function that gives the gradient of ``function``; see ``value_and_grad``.

    With ``has_aux`` it gives ``(gradient, aux)``.

    Example:
        >>> import autodiff as ad
        >>> f = lambda x: x**3
        >>> ad.grad(f)(2.0), ad.grad(ad.grad(f))(2.0)
        (12.0, 12.0)
    """
    both = value_and_grad(function, argnums, argnames, has_aux=has_aux)

    @wraps(function)
    def gradient(*arguments: Any, **options: Any) -> Any:
        value, gradient = both(*arguments, **options)
        return (gradient, value[1]) if has_aux else gradient

    return gradient


def elementwise_grad(
    function: Callable[..., Any], argnums: ArgNums = None, argnames: ArgNames = None
) -> Callable[..., Any]:
    """The derivative of a function that treats each element on its own, at every element.

    It is the gradient of the sum of the function's elements. Where one element of the output
    depends on several of the argument, the result is the sum of these derivatives.

    Args:
        function: of a number or an array, to one of the same shape.
        argnums: as for ``value_and_grad``.
        argnames: likewise.

    Example:
        >>> import numpy as np
        >>> import autodiff as ad
        >>> ad.elementwise_grad(lambda x: x**3)(np.array([1.0, 2.0]))
        array([ 3., 12.])
    """
    where, several = places(argnums, argnames)

    @wraps(function)
    def derivative(*arguments: Any, **options: Any) -> Any:
        run = trace(function, arguments, where, options)
        require_numbers(run.output)
        seed = np.ones(shape_of(run.output)) if isinstance(run.output, Tensor) else 1.0
        taken = set[int]()
        adjoints = Tape([run.output], run.inputs).pull([seed], run.recorded)
        grads = run.arranged(
            [
                _result(adjoint(t, node, run.recorded, taken), run)
                for t, node in zip(adjoints, run.inputs, strict=True)
            ]
        )
        return tuple(grads) if several else grads[0]

    return derivative


def _gradients(run: Trace) -> list[Any]:
    output = run.output
    if not isinstance(output, Node):
        if not isinstance(output, (int, float, np.number, np.ndarray)) or np.ndim(output):
            kind = ValueError if isinstance(output, np.ndarray) else TypeError
            raise kind(f"expected a function that returns one number, got {describe(output)}")
        return [_result(settled(ABSENT, node, set()), run) for node in run.inputs]  # a constant
    inputs = run.inputs
    of_scalars = not run.nested and all(node.__class__ is Value for node in inputs)
    if of_scalars and output.__class__ is Value:
        oldest = min([node.number for node in inputs])
        with Sweep(output, 1.0, oldest) as sweep:
            if sweep.done:
                slots: list[Any] = inputs  # a Value's
                return [0.0 if node._t is None else node._t for node in slots]
    seed = seed_for(output)
    nodes = schedule(output, inputs)
    del output, run.output  # the last who hold the graph, unless the caller does
    adjoints = walk_to(inputs, nodes, seed, run.recorded, spend=True)
    if of_scalars:
        return [float(dense(adjoints.get(node, 0.0))) for node in inputs]
    taken = set[int]()
    return [
        _result(adjoint(adjoints.get(node, ABSENT), node, run.recorded, taken), run)
        for node in inputs
    ]


def _result(t: Any, run: Trace) -> Any:
    return as_leaf(t) if run.nested and not run.recorded else t
