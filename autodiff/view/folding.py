"""Fold a graph into fewer boxes than it has nodes: whole scopes, and what repeats itself.

A drawing of too many boxes is read by nobody. Scopes are folded first, the innermost before those
around them. Where that leaves too much, or next to nothing, operations that do the same with
operands that do the same share a box.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from autodiff.graph import Node, bare
from autodiff.scopes import Mark
from autodiff.view.framing import Chain

Depth: TypeAlias = "int | Literal['layers'] | None"

READABLE = 40
"""How many boxes of what repeats itself are read with ease."""

_FEWEST = 6  # boxes that a drawing of folded scopes has at least to say something
_DEEPEST = 30  # frames within one another
_ROUNDS = 2  # of telling operations apart by their operands
_FEW = 4  # operands; of more, the order doesn't tell operations apart


@dataclass(frozen=True)
class Frame:
    """A scope that is shown with what is in it.

    Attributes:
        key: tells it from others.
        mark: the scope, or the first one of those that are shown as one.
        count: how many they are.
    """

    key: Hashable
    mark: Mark
    count: int = 1


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes that share a box.

    Attributes:
        nodes: oldest first.
        frames: around the box, the outermost first.
        mark: the scope that is folded into it, or the first one of several; None if it is none.
        count: how many scopes, or nodes in none, are folded into it.
    """

    nodes: Sequence[Node]
    frames: tuple[Frame, ...] = ()
    mark: Mark | None = None
    count: int = 1

    @property
    def is_one_node(self) -> bool:
        """Whether it is a single node, which is drawn as it is."""
        return len(self.nodes) == 1 and self.mark is None


@dataclass(frozen=True)
class Folding:
    """A graph in groups.

    Attributes:
        groups: in the order of their first nodes.
        group_of: the place of each node's group.
        repeats: whether nodes share a box because they do the same.
        forced: whether there were too many boxes, so that more is folded than was asked for.
    """

    groups: Sequence[Group]
    group_of: Mapping[Node, int]
    repeats: bool = False
    forced: bool = False

    def sources(self, place: int) -> Counter[int]:
        """From which groups arrows lead to a group, and how many uses each one stands for."""
        group = self.groups[place]
        found = Counter(self.group_of[operand] for node in group.nodes
                        for operand in node.operands if isinstance(operand, Node))  # fmt: skip
        if group.mark is not None and group.count == 1:
            del found[place]  # what goes on within a scope
        return found


def fold(nodes: Sequence[Node], chains: Mapping[Node, Chain], depth: Depth, limit: int) -> Folding:
    """Put the nodes of a graph into at most ``limit`` boxes, constants of single nodes included.

    Args:
        nodes: of the graph, oldest first; the last one is the output.
        chains: the scopes around them.
        depth: how many scopes within one another to show with what is in them; those within are
            boxes. "layers" for all but the innermost, None for all.
        limit: of the boxes. Constants of the output may exceed it.
    """
    wanted = _Units(nodes, chains, _level(chains, depth))
    if wanted.boxes <= limit:
        return wanted.folding()
    deepest = min(max(map(len, chains.values()), default=0), _DEEPEST)
    start = min(depth, deepest) if isinstance(depth, int) else deepest
    levels = [_Units(nodes, chains, _level(chains, n)) for n in range(start - 1, -1, -1)]
    for units in levels:
        if units.boxes <= limit and len(units) >= _FEWEST:
            return replace(units.folding(), forced=True)
    most = min(limit, READABLE)
    for signature in _SIGNATURES:
        for units in (wanted, *levels):
            kinds = _kinds(units, signature, most)
            if kinds is not None:
                return units.merged(kinds)
    return wanted.merged(_numbered(i == wanted.output for i in range(len(wanted))))


def _level(chains: Mapping[Node, Chain], depth: Depth) -> Callable[[Chain], int]:
    """How many scopes of a chain are shown with what is in them."""
    if depth == "layers":
        outer = {mark.start for chain in chains.values() for mark in chain[:-1]}
        return lambda chain: min(
            len(chain) - (len(chain) > 0 and chain[-1].start not in outer), _DEEPEST
        )
    shown = _DEEPEST if depth is None else min(depth, _DEEPEST)
    return lambda chain: min(len(chain), shown)


class _Units:
    """A graph with some of its scopes as one unit each; nodes in none of them are units, too.

    Attributes:
        unit_of: the unit of each node, by the node's place.
        firsts: the place of each unit's first node.
        marks: the scope that a unit is, or None.
        output: the unit of the last node.
        boxes: how many boxes it takes to draw them.
    """

    def __init__(
        self, nodes: Sequence[Node], chains: Mapping[Node, Chain], level: Callable[[Chain], int]
    ) -> None:
        self.nodes, self.chains = nodes, chains
        self._level = level
        self._around: dict[int, tuple[Chain, tuple[str, ...]]] = {}
        self.unit_of: list[int] = []
        self.firsts: list[int] = []
        self.marks: list[Mark | None] = []
        if chains:
            self._join()
        else:  # a short cut for large graphs
            self.unit_of = self.firsts = list(range(len(nodes)))
            self.marks = [None] * len(nodes)
        self.output = self.unit_of[-1]
        self.boxes = len(self.firsts) + sum(
            _constants(nodes[place])
            for place, mark in zip(self.firsts, self.marks, strict=True)
            if mark is None
        )

    def _join(self) -> None:
        begun: dict[int, int] = {}
        for place, node in enumerate(self.nodes):
            chain = self.chains.get(node, ())
            shown = self._level(chain)
            mark = chain[shown] if shown < len(chain) else None
            unit = (
                len(self.firsts) if mark is None else begun.setdefault(mark.start, len(self.firsts))
            )
            self.unit_of.append(unit)
            if unit == len(self.firsts):
                self.firsts.append(place)
                self.marks.append(mark)

    def __len__(self) -> int:
        return len(self.firsts)

    def around(self, unit: int) -> tuple[Chain, tuple[str, ...]]:
        """The scopes that are shown around a unit, and their names."""
        if not self.chains:
            return (), ()
        chain = self.chains.get(self.nodes[self.firsts[unit]], ())
        known = self._around.get(id(chain))
        if known is None:  # many nodes have the same chain
            shown = chain[: self._level(chain)]
            known = self._around[id(chain)] = shown, tuple(mark.name for mark in shown)
        return known

    def folding(self) -> Folding:
        """Each unit in a box of its own."""
        members: list[list[Node]] = [[] for _ in self.firsts]
        for node, unit in zip(self.nodes, self.unit_of, strict=True):
            members[unit].append(node)
        groups = [
            Group(nodes, tuple(Frame(m.start, m) for m in self.around(i)[0]), self.marks[i])
            for i, nodes in enumerate(members)
        ]
        return Folding(groups, dict(zip(self.nodes, self.unit_of, strict=True)))

    def merged(self, kinds: Sequence[int]) -> Folding:
        """Units of one kind in a box together; kinds are numbered in the order of their first."""
        members: list[list[Node]] = [[] for _ in range(max(kinds) + 1)]
        group_of = [kinds[unit] for unit in self.unit_of]
        for node, kind in zip(self.nodes, group_of, strict=True):
            members[kind].append(node)
        counts = Counter(kinds)
        firsts = {kind: unit for unit, kind in reversed(list(enumerate(kinds)))}
        frames = self._frames(kinds) if self.chains else {}
        groups = [
            Group(nodes, frames.get(kind, ()), self.marks[firsts[kind]], counts[kind])
            for kind, nodes in enumerate(members)
        ]
        return Folding(groups, dict(zip(self.nodes, group_of, strict=True)), True, True)

    def _frames(self, kinds: Sequence[int]) -> dict[int, tuple[Frame, ...]]:
        """Frames around units of one kind: scopes of the same names, if all have the same."""
        around: dict[int, tuple[Chain, tuple[str, ...]]] = {}
        starts: dict[tuple[str, ...], set[int]] = defaultdict(set)
        seen = set[int]()
        for unit, kind in enumerate(kinds):
            chain, titles = self.around(unit)
            if around.setdefault(kind, (chain, titles))[1] != titles:
                around[kind] = (), ()
            if id(chain) not in seen:
                seen.add(id(chain))
                for n, mark in enumerate(chain, 1):
                    starts[titles[:n]].add(mark.start)
        return {
            kind: tuple(
                Frame(titles[:n], mark, len(starts[titles[:n]])) for n, mark in enumerate(chain, 1)
            )
            for kind, (chain, titles) in around.items()
        }

    def sources(self) -> list[tuple[int, ...]]:
        """The units whose results each unit uses; in the order of the operands if it is a node."""
        places = {node: place for place, node in enumerate(self.nodes)}
        found: list[Sequence[int]] = [() for _ in self.firsts]
        for node, unit in zip(self.nodes, self.unit_of, strict=True):
            units = [self.unit_of[places[x]] for x in node.operands if isinstance(x, Node)]
            if self.marks[unit] is None:
                found[unit] = units
            else:
                found[unit] = [*{*found[unit], *units} - {unit}]
        return [tuple(units) for units in found]


def _constants(node: Node) -> int:
    return [isinstance(operand, Node) for operand in node.operands].count(False)


# --- what does the same ---------------------------------------------------------------------------


def _operation(units: _Units, unit: int) -> Hashable:
    mark, node = units.marks[unit], units.nodes[units.firsts[unit]]
    if mark is not None:
        return mark.name
    return node.is_parameter if node.primitive is None else node.primitive


def _with_frames(units: _Units, unit: int) -> Hashable:
    return _operation(units, unit), units.around(unit)[1]


def _with_shape(units: _Units, unit: int) -> Hashable:
    data = bare(units.nodes[units.firsts[unit]])
    shape = () if data.__class__ is float else np.shape(data)
    return _operation(units, unit), units.around(unit)[1], shape


_SIGNATURES = (_with_shape, _with_frames, _operation)


def _kinds(
    units: _Units, signature: Callable[[_Units, int], Hashable], most: int
) -> list[int] | None:
    """Which units do the same, by number; None if it takes more than ``most`` boxes to say.

    Alike are units of one signature whose operands are alike, as far as there is room for it. The
    output is like no other.
    """
    kinds = _numbered((signature(units, i), i == units.output) for i in range(len(units)))
    if not _fits(units, kinds, most):
        return None
    sources = units.sources()
    for refined in (_by_operands,) * _ROUNDS + (_by_users,):
        finer = _numbered(refined(kinds, sources))
        if _fits(units, finer, most):
            kinds = finer
    return kinds


def _fits(units: _Units, kinds: list[int], most: int) -> bool:
    if max(kinds) >= most:
        return False
    alone = {kind for kind, count in Counter(kinds).items() if count == 1}
    constants = sum(
        _constants(units.nodes[units.firsts[unit]])
        for unit, kind in enumerate(kinds)
        if kind in alone and units.marks[unit] is None
    )
    return len(set(kinds)) + constants <= most


def _numbered(keys: Iterable[Hashable]) -> list[int]:
    """Numbers in place of keys, in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _by_operands(kinds: list[int], sources: list[tuple[int, ...]]) -> Iterator[Hashable]:
    for kind, units in zip(kinds, sources, strict=True):
        operands = [kinds[unit] for unit in units]
        yield kind, tuple(operands) if len(operands) <= _FEW else frozenset(operands)


def _by_users(kinds: list[int], sources: list[tuple[int, ...]]) -> Iterator[Hashable]:
    """What has no operands is told apart by what uses it, and as which operand."""
    uses: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for kind, units in zip(kinds, sources, strict=True):
        for position, unit in enumerate(units):
            if not sources[unit]:
                uses[unit].add((kind, position if len(units) <= _FEW else 0))
    for unit, kind in enumerate(kinds):
        yield (kind, frozenset(uses[unit])) if unit in uses else kind
