"""Running a function on fresh input nodes: what every transform begins with.

Each call of a transform has input nodes of its own. A derivative is taken with respect to nodes,
not to positions or levels, so nested transforms can't mistake one another's inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, TypeAlias

import numpy as np

from autodiff.arrays import real_array
from autodiff.graph import Node, Tensor, Value, bare, describe, is_differentiable
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import whole_numbers
from autodiff.recording import is_recording, recording, transform_running
from autodiff.transform.containers import (
    PLAIN,
    flatten,
    flatten_like,
    handed_out,
    holds_node,
    is_real_leaf,
    mapped,
    unflatten,
)

_input = Linear("input", lambda x: x, lambda t, f, x: t)

Place: TypeAlias = "int | str"
"""Which argument: the position of a positional one, the name of a keyword one."""


class Argument:
    """One differentiated argument: a number, an array, or a container of them.

    Attributes:
        structure: of a container; None for a plain argument.
        kept: for each leaf the constant that it is, or ``MOVING`` if it is differentiated.
    """

    __slots__ = ("kept", "name", "structure")

    def __init__(self, structure: Any, kept: list[Any], name: str) -> None:
        self.structure = structure
        self.kept = kept
        self.name = name

    def arranged(self, parts: Sequence[Any]) -> Any:
        """The container with these in place of the differentiated leaves, None for constants."""
        if self.structure is None:
            return parts[0]
        rest = iter(parts)
        leaves = [next(rest) if kept is MOVING else None for kept in self.kept]
        return unflatten(self.structure, leaves)

    def parts(self, tree: Any, what: str) -> list[Any]:
        """What a container of the same structure has in place of the differentiated leaves."""
        leaves = flatten_like(self.structure, tree, f"{what} {self.name}")
        return [leaf for leaf, kept in zip(leaves, self.kept, strict=True) if kept is MOVING]


MOVING = object()


class Trace:
    """A function's output, the input nodes it came from, and how to hand results out.

    Attributes:
        output: what the function returned.
        aux: what it returned besides, with ``has_aux``; None else.
        inputs: the nodes that stood for the differentiated leaves of the arguments.
        arguments: one for each differentiated argument; None if all are plain.
        nested: whether results are nodes: the caller is itself being differentiated.
        recorded: whether those nodes are recorded: not within ``no_grad``.
    """

    __slots__ = ("arguments", "aux", "inputs", "nested", "output", "recorded")

    output: Any
    aux: Any
    inputs: list[Node]
    arguments: list[Argument] | None
    nested: bool
    recorded: bool

    def arranged(self, parts: Sequence[Any]) -> list[Any]:
        """One result per input node as one result per argument, in the argument's structure."""
        if self.arguments is None:
            return list(parts)
        results = []
        start = 0
        for argument in self.arguments:
            end = start + sum(kept is MOVING for kept in argument.kept)
            results.append(argument.arranged(parts[start:end]))
            start = end
        return results

    def parts(self, trees: Sequence[Any], what: str) -> list[Any]:
        """The reverse of ``arranged``: one object per input node."""
        if self.arguments is None:
            return list(trees)
        return [
            part
            for argument, tree in zip(self.arguments, trees, strict=True)
            for part in argument.parts(tree, what)
        ]

    def handed_out(self, tree: Any) -> Any:
        """Outputs as the caller gets them: bare data, unless the caller is being differentiated."""
        if isinstance(tree, PLAIN):
            return tree if self.nested else handed_out(tree)
        return tree if self.nested else mapped(handed_out, tree)


def as_leaf(t: Any) -> Any:
    """A result that is handed to a caller on nodes without having been recorded."""
    if isinstance(t, Node):
        return t
    return Tensor(t) if isinstance(t, np.ndarray) else Value(t)


def places(
    argnums: int | Sequence[int] | None, argnames: str | Sequence[str] | None
) -> tuple[tuple[Place, ...], bool]:
    """The arguments that are meant, and whether results come as a tuple of them."""
    if argnums is None and argnames is None:
        return (0,), False
    numbers = () if argnums is None else whole_numbers("argnums", argnums)
    several = isinstance(argnums, (tuple, list))
    if argnames is None:
        return numbers, several
    names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"argnames takes names of arguments, got {argnames!r}")
    several = several or not isinstance(argnames, str) or argnums is not None
    return (*numbers, *names), several


def trace(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    where: Sequence[Place],
    options: Mapping[str, Any],
    has_aux: bool = False,
) -> Trace:
    """Call ``function`` with nodes in place of the arguments at the places ``where``."""
    if not callable(function):
        raise TypeError(
            f"expected a function to differentiate, got {describe(function)}: grad(f)(x), not "
            "grad(f(x))"
        )
    run = Trace()
    on = is_recording()
    running = transform_running.get()
    run.nested = nested = running or _on_nodes(arguments, options)
    run.recorded = nested and on
    moved = list(arguments)
    named = options
    inputs: list[Node] = []
    found: list[Argument] = []
    seen: dict[Place, tuple[list[Node], Argument]] = {}
    for place in where:
        if place.__class__ is str:
            place = _resolved(function, place, arguments, options)
        if place.__class__ is int:
            place = _position(place, len(arguments))
        if place not in seen:
            own: list[Node] = []
            if place.__class__ is str:
                named = dict(named)
                named[place], argument = _moved(options[place], f"argument '{place}'", own, on)
            else:
                moved[place], argument = _moved(arguments[place], f"argument {place}", own, on)  # type: ignore[index]
            seen[place] = own, argument
        inputs += seen[place][0]
        found.append(seen[place][1])
    run.inputs = inputs
    run.arguments = None if all(a.structure is None for a in found) else found
    token = None if running else transform_running.set(True)
    try:
        if on:
            output = function(*moved, **named)
        else:
            with recording(True):
                output = function(*moved, **named)
    finally:
        if token is not None:
            transform_running.reset(token)
    run.aux = None
    if has_aux:
        if not isinstance(output, tuple) or len(output) != 2:
            raise TypeError(
                "has_aux=True expects a function that returns a pair (output, aux), got "
                f"{describe(output)}"
            )
        output, run.aux = output[0], run.handed_out(output[1])
    run.output = output
    return run


def _on_nodes(arguments: Sequence[Any], options: Mapping[str, Any]) -> bool:
    for argument in arguments:
        if argument.__class__ is not float and holds_node(argument):
            return True
    return any(holds_node(option) for option in options.values()) if options else False


def _position(place: Any, count: int) -> int:
    if not -count <= place < count:
        raise ValueError(
            f"asked for the derivative with respect to argument {place} of a call with "
            f"{count} positional argument(s)"
        )
    return place % count  # type: ignore[no-any-return]


def _resolved(
    function: Callable[..., Any], name: Any, arguments: Sequence[Any], options: Mapping[str, Any]
) -> Place:
    """Where the argument of this name is in this call."""
    if name in options:
        return name  # type: ignore[no-any-return]
    positions = list(signature(function).parameters)[: len(arguments)]
    if name in positions:
        return positions.index(name)
    raise ValueError(
        f"asked for the derivative with respect to argument '{name}', which this call of "
        f"{getattr(function, '__name__', 'the function')} was not given"
    )


def _moved(argument: Any, name: str, inputs: list[Node], on: bool) -> tuple[Any, Argument]:
    """An argument with fresh nodes in place of its real leaves; they are added to ``inputs``."""
    if argument.__class__ is float:
        node: Any = Value(argument)
        inputs.append(node)
        return node, _PLAIN_ARGUMENT
    if isinstance(argument, PLAIN):
        node = as_input(argument, name, on)
        inputs.append(node)
        return node, _PLAIN_ARGUMENT
    leaves, structure = flatten(argument)
    if len(leaves) == 1 and leaves[0] is argument:
        real_array(argument)  # says that it is no number
    kept = [
        MOVING if is_real_leaf(leaf, argument, k, name) else leaf for k, leaf in enumerate(leaves)
    ]
    if not any(kind is MOVING for kind in kept):
        raise TypeError(
            f"{name}, {describe(argument)}, holds no real floating-point number to differentiate "
            "with respect to (integers are constants: write 3.0 for 3)"
        )
    changed = [
        as_input(leaf, name, on) if kind is MOVING else leaf
        for leaf, kind in zip(leaves, kept, strict=True)
    ]
    inputs += [new for new, kind in zip(changed, kept, strict=True) if kind is MOVING]
    return unflatten(structure, changed), Argument(structure, kept, name)


_PLAIN_ARGUMENT = Argument(None, [MOVING], "")


def as_input(argument: Any, name: str, recorded: bool) -> Node:
    """A fresh node that stands for a number, an array or a node."""
    if isinstance(argument, Node):
        if not is_differentiable(argument):
            raise TypeError(f"{name}, {describe(argument)}, is of integers: it has no gradient")
        return _input(argument) if recorded else as_input(bare(argument), name, recorded)
    array = real_array(argument)
    if array.ndim == 0 and not hasattr(argument, "dtype"):
        return Value(argument)
    if array.dtype.kind != "f":
        raise TypeError(
            f"{name}, {describe(argument)} of dtype {array.dtype}, has no gradient: "
            "convert it to floating point to differentiate with respect to it"
        )
    is_array = array.ndim > 0 or isinstance(argument, np.ndarray)  # also one without axes
    return Tensor(array) if is_array else Value(argument)
