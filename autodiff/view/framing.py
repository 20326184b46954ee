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
    known: dict[int, Chain] = {}
    for node in reversed(nodes):
        chain = found.get(node, ())
        given = getattr(node, "_scope", None)
        if given is not None:
            own = known.get(id(given))
            if own is None:  # nodes of one block share it
                own = known[id(given)] = tuple(marks_of(node))
            if chain is not own:
                chain = _merged(chain, own)
            found[node] = chain
        for operand in node.operands:
            if not isinstance(operand, Node):
                continue
            if operand.is_parameter:
                users[operand] = _common(users.get(operand, chain), chain)
            elif chain:
                inherited = chain
                if chain[-1].start > operand.number:
                    inherited = tuple(mark for mark in chain if mark.start < operand.number)
                if len(inherited) > len(found.get(operand, ())):
                    found[operand] = inherited
    found.update((parameter, chain) for parameter, chain in users.items() if chain)
    return found


def _merged(one: Chain, other: Chain) -> Chain:
    """All scopes of two chains; ``other`` itself if these are all."""
    starts = {mark.start for mark in other}
    more = [mark for mark in one if mark.start not in starts]
    return tuple(sorted([*more, *other], key=lambda mark: mark.start)) if more else other


def _common(one: Chain, other: Chain) -> Chain:
    """The scopes that two chains begin with."""
    n = 0
    while n < min(len(one), len(other)) and one[n].start == other[n].start:
        n += 1
    return one[:n]
