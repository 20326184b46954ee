"""Scopes: which part of a program made which nodes, for views to show.

A mark on a node says of a scope that it contains the node, and of what this node was computed from
all that is younger than the beginning of the scope. So one mark on the output of a layer is enough
for the whole layer; it lives as long as the graph does, and no list of scopes is kept anywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import ref

from autodiff.graph import Node, Tensor, next_number
from autodiff.recording import Block, State


class Mark(NamedTuple):
    """That a scope contains a node, and what this was computed from since the scope began.

    A node holds it as a bare tuple, with a further mark of the same node as its last element: these
    are made at every call of every layer.

    Attributes:
        start: the creation number at which the scope began.
        name: of the scope.
        subject: what the scope is a call of; None for a block, and when it is no longer there.
    """

    start: int
    name: str
    subject: Any


class scope(Block):  # noqa: N801 - a context manager, used like a function
    """Name a part of a program: drawings put the nodes that are made in the block into one frame.

    Holds in this thread and this async task only. Scopes nest, and may be decorators. Within a
    scope an operation on scalars takes longer; outside of them nothing does. A copy of a graph,
    and one that was pickled, has no scopes.

    Args:
        name: any text.

    Raises:
        TypeError: the name is no text.

    Example:
        >>> import autodiff as ad
        >>> x = ad.Value(2.0, label="x")
        >>> with ad.scope("square"):
        ...     y = x * x
        >>> "square" in ad.draw(y).source
        True
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"scope: the name is a text, got {type(name).__name__} {name!r}"[:120])
        self._name = name

    def _changed(self, state: State) -> State:
        mark = (next_number(), self._name, None, state.scope)
        return state._replace(scope=mark, plain=False)


def mark_call(subject: Any, start: int, output: Any) -> None:
    """Make a scope of a call that is over, such as that of a layer.

    Args:
        subject: what was called; drawings show its ``repr``.
        start: a creation number drawn (``graph.next_number``) when the call began.
        output: what it gave; nodes in tuples, lists and dicts are found.
    """
    if output.__class__ is Tensor or isinstance(output, Node):
        if output.number > start and output.primitive is not None:
            other = getattr(output, "_scope", None)
            output._scope = (start, subject.__class__, ref(subject), other)
    elif isinstance(output, (tuple, list)):
        for part in output:
            mark_call(subject, start, part)
    elif isinstance(output, dict):
        for part in output.values():
            mark_call(subject, start, part)


def marks_of(node: Node) -> list[Mark]:
    """The marks of a node, scopes that began earlier first."""
    found = []
    mark = getattr(node, "_scope", None)
    while mark is not None:
        start, name, subject, mark = mark
        if subject is None:
            found.append(Mark(start, name, None))
        else:
            found.append(Mark(start, name.__name__, subject()))
    return sorted(found, key=lambda mark: mark.start)
