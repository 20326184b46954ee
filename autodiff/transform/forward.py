"""Directional derivatives, by carrying tangents along the graph from its inputs to its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autodiff.graph import Node, bare
from autodiff.recording import is_recording
from autodiff.transform.containers import flatten, require_numbers, unflatten
from autodiff.transform.tape import Tape, like, tangent
from autodiff.transform.trace import Trace, as_leaf, trace

SHAPE = "a tangent has the shape of its argument"


def jvp(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """The value of a function, and its derivative in a direction.

    Args:
        function: of any number of scalars, arrays and containers of them, to a scalar, an array or
            a container.
        arguments: where to differentiate.
        tangents: the direction: for each argument a number or an array of its shape, or a
            container of its structure.
        has_aux: the function returns a pair (output, aux).

    Returns:
        ``(value, tangent)`` of the function's output, ``(value, tangent, aux)`` with ``has_aux``;
        nodes when called within another transform.

    Raises:
        TypeError: arguments or tangents are no tuple, or an argument is not of real numbers.
        ValueError: a tangent has not the shape of its argument, or one is missing.

    Example:
        >>> import autodiff as ad
        >>> ad.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
        (6.0, 2.0)
    """
    if not all(isinstance(given, (tuple, list)) for given in (arguments, tangents)):
        raise TypeError("jvp: arguments and tangents are tuples, jvp(f, (x, y), (dx, dy))")
    _require_count(len(arguments), len(tangents), "jvp")
    run = trace(function, arguments, range(len(arguments)), {}, has_aux)
    value, push = pushforward(run)
    moved = push(*tangents)
    return (value, moved, run.aux) if has_aux else (value, moved)


def linearize(
    function: Callable[..., Any], *arguments: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of a function, and its derivative as a linear map that is cheap to apply often.

    The function is called once. Each application of the map sweeps along the graph that this call
    recorded.

    Args:
        function: as for ``jvp``.
        arguments: where to differentiate.
        has_aux: the function returns a pair (output, aux).

    Returns:
        ``(value, push)``, where ``push(*tangents)`` is what ``jvp`` gives for these tangents;
        ``(value, push, aux)`` with ``has_aux``.

    Example:
        >>> import autodiff as ad
        >>> value, push = ad.linearize(lambda x, y: x * y, 3.0, 2.0)
        >>> value, push(1.0, 0.0), push(0.0, 1.0)
        (6.0, 2.0, 3.0)
    """
    run = trace(function, arguments, range(len(arguments)), {}, has_aux)
    value, push = pushforward(run)
    return (value, push, run.aux) if has_aux else (value, push)


def pushforward(run: Trace) -> tuple[Any, Callable[..., Any]]:
    """The value of a call, and its derivative as a linear map of tangents of its inputs."""
    leaves, structure = flatten(run.output)
    for leaf in leaves:
        require_numbers(leaf)
    tape = Tape(leaves, run.inputs)
    count = len(run.inputs if run.arguments is None else run.arguments)

    def push(*tangents: Any) -> Any:
        _require_count(count, len(tangents), "the linear map")
        given = run.parts(tangents, "the tangent of")
        moved = [like(dx, x, SHAPE) for x, dx in zip(run.inputs, given, strict=True)]
        on_nodes = run.nested or any(isinstance(dx, Node) for dx in moved)
        recorded = on_nodes and is_recording()
        if not recorded:
            moved = [bare(dx) for dx in moved]
        ends = tape.push(moved, recorded)
        results = [tangent(t, leaf, recorded) for t, leaf in zip(ends, leaves, strict=True)]
        if on_nodes and not recorded:
            results = [as_leaf(t) for t in results]
        return unflatten(structure, results)

    return run.handed_out(run.output), push


def _require_count(expected: int, got: int, who: str) -> None:
    if expected != got:
        raise ValueError(f"{who}: expected a tangent for each of {expected} argument(s), got {got}")
