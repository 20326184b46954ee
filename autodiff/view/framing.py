"""Which scopes the nodes of a graph are in: the frames around them in a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from autodiff.graph import Node
from autodiff.scopes import Mark, marks_of

Chain: TypeAlias = tuple[Mark, ...]
"""Scopes around a node, the outermost first."""


def chains(nodes: Sequence[Node]) -> Mapping[Node, Chain]:
    """The scopes around each node of a graph; nodes in no scope are left out.

    A node is in a scope that marks it. An operand of it is too, if it was made since the scope
    began. A parameter, made long before, belongs to what uses it.

    Args:
        nodes: of the graph, oldest first.
    """
    found: dict[Node, Chain] = {}
    if not any(hasattr(node, "_scope") for node in nodes):
        return found
    users: dict[Node, Chain] = {}
    for node in reversed(nodes):
        chain = found.get(node, ())
        own = marks_of(node)
        if own:
            chain = tuple(sorted({mark.start: mark for mark in (*chain, *own)}.values()))
            found[node] = chain
        for operand in node.operands:
            if not isinstance(operand, Node):
                continue
            if operand.is_parameter:
                users[operand] = _common(users.get(operand, chain), chain)
            elif chain:
                inherited = tuple(mark for mark in chain if mark.start < operand.number)
                if len(inherited) > len(found.get(operand, ())):
                    found[operand] = inherited
    found.update((parameter, chain) for parameter, chain in users.items() if chain)
    return found


def _common(one: Chain, other: Chain) -> Chain:
    """The scopes that two chains begin with."""
    n = 0
    while n < min(len(one), len(other)) and one[n].start == other[n].start:
        n += 1
    return one[:n]
