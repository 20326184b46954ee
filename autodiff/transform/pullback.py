"""Vector-Jacobian products, by carrying adjoints back from a function's outputs to its inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.graph import Node, bare
from autodiff.recording import is_recording
from autodiff.transform.containers import flatten, flatten_like, require_numbers
from autodiff.transform.tape import Tape, adjoint, like
from autodiff.transform.trace import as_leaf, trace

SHAPE = "a cotangent has the shape of its output"


def vjp(function: Callable[..., Any], *arguments: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and the map from cotangents of its output to those of its arguments.

    The function is called once; the map may be applied any number of times.

    Args:
        function: of scalars, arrays and containers of them, to a scalar, an array or a container.
        arguments: where to differentiate.
        has_aux: the function returns a pair (output, aux).

    Returns:
        ``(value, pull)``, where ``pull(cotangent)`` gives a tuple with (∂f/∂argument)ᵀ cotangent
        for each argument; ``(value, pull, aux)`` with ``has_aux``. The cotangent has the structure
        and the shapes of the output.

    Raises:
        TypeError: an argument is not of real numbers, or an output is neither number nor array.
        ValueError: a cotangent has not the shape or the structure of the output.

    Example:
        >>> import autodiff as ad
        >>> value, pull = ad.vjp(lambda x, y: (x * y, x + y), 3.0, 2.0)
        >>> value, pull((1.0, 0.0)), pull((0.0, 1.0))
        ((6.0, 5.0), (2.0, 3.0), (1.0, 1.0))
    """
    run = trace(function, arguments, range(len(arguments)), {}, has_aux)
    leaves, structure = flatten(run.output)
    for leaf in leaves:
        require_numbers(leaf)
    tape = Tape(leaves, run.inputs)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        given = flatten_like(structure, cotangent, "the cotangent")
        seeds = [like(t, leaf, SHAPE) for t, leaf in zip(given, leaves, strict=True)]
        on_nodes = run.nested or any(isinstance(t, Node) for t in seeds)
        recorded = on_nodes and is_recording()
        if not recorded:
            seeds = [bare(t) for t in seeds]
        taken = {id(t) for t in seeds}
        results = [
            adjoint(t, node, recorded, taken)
            for t, node in zip(tape.pull(seeds, recorded), run.inputs, strict=True)
        ]
        if on_nodes and not recorded:
            results = [as_leaf(t) for t in results]
        return tuple(run.arranged(results))

    value = run.handed_out(run.output)
    return (value, pull, run.aux) if has_aux else (value, pull)
