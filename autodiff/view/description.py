"""The description of a finished graph that all views share.

Views differ in what they make of a graph, a picture or a table, and agree on what is in it: which
nodes, in which order, under which names, with which values, adjoints and local partials. That is
said here. A description only reads; nothing in the graph is changed by it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from autodiff.adjoint import dense
from autodiff.arrays import Array
from autodiff.graph import Node, bare, describe
from autodiff.primitive import Primitive
from autodiff.reverse import schedule
from autodiff.view import notation
from autodiff.view.formulas import Formula

EARLIER = "earlier"
"""The id that stands for all nodes that are left out of a large graph."""


class Kind(Enum):
    """What part a node plays in its graph."""

    LEAF = "leaf"
    PARAMETER = "parameter"
    CONSTANT = "constant"
    OPERATION = "operation"
    OUTPUT = "output"


@dataclass(frozen=True)
class Edge:
    """The use of an operand by an operation.

    Attributes:
        source: the id of the operand.
        target: the id of the operation.
        position: which operand it is, counted from 0.
        partial: the local partial derivative ∂f/∂operand as a formula; None for a constant, and
            for an operation that is no pointwise formula.
        factor: the same as a factor of a product: in parentheses where it needs them.
        number: the local partial as a number; None for a constant, and unless all are scalars.
        formula: the local partial for any format; None where ``partial`` is.
    """

    source: str
    target: str
    position: int
    partial: str | None
    factor: str | None
    number: float | None
    formula: Formula | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Entry:
    """One node as views show it.

    Attributes:
        id: short and safe in any format; the same graph always gives the same.
        name: its label, or a name of its kind and order, or a constant's number; unique among
            the nodes of the graph, and one line in which every character shows.
        kind: what part it plays.
        expression: what the operation computes, in the names of its operands; None for others.
        value: its number; None for an array.
        shape: the lengths of its axes; () for a number.
        dtype: the type of its elements.
        adjoint: what ``backward()`` left in ``grad``; None before.
        edges: the uses of its operands, in their order; one operand used twice has two.
        formula: what the operation computes, for any format; None for others.
    """

    id: str
    name: str
    kind: Kind
    expression: str | None
    value: float | None
    shape: tuple[int, ...]
    dtype: str
    adjoint: float | Array | None
    edges: tuple[Edge, ...]
    formula: Formula | None = field(default=None, compare=False, repr=False)

    @property
    def is_plain_number(self) -> bool:
        """Whether it is a constant whose name is its number: there is no more to say."""
        return self.kind is Kind.CONSTANT and self.value is not None


class Description:
    """What is in the graph of a node; iterating gives its entries, operands before their users.

    A constant is an entry of its own wherever it is used. Names are given at once, entries are
    made when they are asked for, so a graph of a million nodes can be described.

    Args:
        output: the node whose graph is described.
        write: how a name is written inside of formulas; as it is by default.
        newest: given the schedule, how many of its nodes to describe, the youngest; all by default.
            ``earlier`` are the others, and edges from them come from ``EARLIER``.
        labels: names of nodes that go before their labels.

    Raises:
        TypeError: ``output`` is no node.
        ValueError: a leaf got new data after the graph had been computed from it.

    Example:
        >>> from autodiff import Value, sin
        >>> x = Value(2.0, label="x")
        >>> for entry in Description(sin(x**2)):
        ...     print(entry.id, entry.kind.value, entry.name, entry.expression, entry.value)
        n1 leaf x None 2.0
        n2c1 constant 2 None 2.0
        n2 operation f1 x² 4.0
        n3 output f2 sin(f1) -0.7568024953079282
    """

    def __init__(
        self,
        output: Node,
        write: Callable[[str], str] = str,
        newest: Callable[[Sequence[Node]], int] = len,
        labels: Mapping[Node, str] | None = None,
    ) -> None:
        if not isinstance(output, Node):
            raise TypeError(f"expected a node, a Value or a Tensor, got {type(output).__name__}")
        self.output = output
        nodes = schedule(output)
        count = min(newest(nodes), len(nodes))
        self.earlier: Sequence[Node] = nodes[count:]
        self.nodes: Sequence[Node] = nodes[count - 1 :: -1]
        self.ids = {node: f"n{i}" for i, node in enumerate(self.nodes, 1)}
        self.names = _names([*_operands_outside(self.nodes, self.ids), *self.nodes], labels or {})
        self._constant_names = _constant_names(self.nodes, set(self.names.values()))
        self._write = write

    def __len__(self) -> int:
        constants = (
            not isinstance(operand, Node) for node in self.nodes for operand in node.operands
        )
        return len(self.nodes) + sum(constants)

    def __iter__(self) -> Iterator[Entry]:
        for node in self.nodes:
            yield from self.constants(node)
            yield self.entry(node)

    def constants(self, node: Node) -> Iterator[Entry]:
        """The operands of a node that are no nodes."""
        for i, operand in enumerate(node.operands):
            if not isinstance(operand, Node):
                yield self._constant(node, i)

    def entry(self, node: Node) -> Entry:
        """One node of the graph."""
        data = node.data
        return Entry(
            id=self.ids[node],
            name=self.names[node],
            kind=self._kind(node),
            expression=self._expression(node),
            value=_number(data),
            shape=np.shape(data),
            dtype=_dtype(data),
            adjoint=node.grad if node.has_adjoint else None,
            edges=self.edges(node),
            formula=self._formula(node),
        )

    def name(self, node: Node) -> str:
        """The name of a node, of one that is left out too."""
        return self.names.get(node) or notation.visible(node.label or describe(node))

    def sign(self, node: Node) -> str:
        """What an operation does, as short as can be: ``+``, ``sin``; the name of a leaf."""
        if node.primitive is None:
            return self._write(self.names[node])
        stand_ins = [f"_{i}" for i in range(len(node.operands))]
        return notation.sign(
            node.primitive.expression(stand_ins, node.parameters), node.primitive.name
        )

    def edges(self, node: Node) -> tuple[Edge, ...]:
        """The uses of a node's operands, in their order."""
        primitive = node.primitive
        if primitive is None:
            return ()
        stand_ins, meaning = self._formula_names(node)
        operands = [bare(operand) for operand in node.operands]
        scalar = not np.ndim(node.data) and not any(map(np.ndim, operands))

        def partial(i: int) -> tuple[str | None, str | None, float | None, Formula | None]:
            """With respect to operand ``i``: in writing, as factor, as number, for any format."""
            if not isinstance(node.operands[i], Node):
                return None, None, None, None
            number = _local_partial(primitive, i, node, operands) if scalar else None
            text = primitive.partial(i, stand_ins, "_f")
            if text is None:
                return None, None, number, None
            numbers = dict(zip(stand_ins, operands, strict=True)) | {"_f": node.data}
            values = {name: numbers[name] for name in meaning if name.startswith("_")}
            text = notation.decided(text, values if scalar else None)
            formula = Formula(text, meaning)
            names = self._short(formula)
            return (
                notation.written(text, names),
                notation.written(notation.factor(text), names),
                number,
                formula,
            )

        return tuple(
            Edge(self._operand_id(node, i), self.ids[node], i, *partial(i))
            for i in range(len(node.operands))
        )

    def meanings(self, node: Node) -> dict[str, str]:
        """The names of a node ("_f") and of all of its operands ("_0", "_1" ...)."""
        names = {f"_{i}": self._operand_name(node, i) for i in range(len(node.operands))}
        return names | {"_f": self.names[node]}

    def _constant(self, node: Node, i: int) -> Entry:
        data = node.operands[i]
        return Entry(
            id=self._operand_id(node, i),
            name=self._operand_name(node, i),
            kind=Kind.CONSTANT,
            expression=None,
            value=_number(data),
            shape=np.shape(data),
            dtype=_dtype(data),
            adjoint=None,
            edges=(),
        )

    def _kind(self, node: Node) -> Kind:
        if node.is_leaf:
            return Kind.PARAMETER if node.is_parameter else Kind.LEAF
        return Kind.OUTPUT if node is self.output else Kind.OPERATION

    def _operand_id(self, node: Node, i: int) -> str:
        operand = node.operands[i]
        if isinstance(operand, Node):
            return self.ids.get(operand, EARLIER)
        return f"{self.ids[node]}c{i}"

    def _operand_name(self, node: Node, i: int) -> str:
        operand = node.operands[i]
        if isinstance(operand, Node):
            return self.names[operand]
        name = self._constant_names.get((node, i))
        return notation.number(operand) if name is None else name

    def _formula_names(self, node: Node) -> tuple[list[str], dict[str, str]]:
        """Placeholders for the operands, and what stands for them in the finished formula."""
        names = [self._operand_name(node, i) for i in range(len(node.operands))]
        numbers = [
            None if isinstance(operand, Node) or np.ndim(operand) else name
            for operand, name in zip(node.operands, names, strict=True)
        ]
        stand_ins = notation.placeholders(numbers)
        return stand_ins, dict(zip(stand_ins, names, strict=True)) | {"_f": self.names[node]}

    def _formula(self, node: Node) -> Formula | None:
        if node.primitive is None:
            return None
        stand_ins, meaning = self._formula_names(node)
        return Formula(node.primitive.expression(stand_ins, node.parameters), meaning)

    def _expression(self, node: Node) -> str | None:
        formula = self._formula(node)
        return None if formula is None else notation.written(formula.text, self._short(formula))

    def _short(self, formula: Formula) -> dict[str, str]:
        """The names in a formula as they are written."""
        return {stand_in: self._write(name) for stand_in, name in formula.names.items()}


def _local_partial(primitive: Primitive, i: int, node: Node, operands: Sequence[Any]) -> float:
    """The number that the primitive's own rule gives for an adjoint of 1."""
    with np.errstate(all="ignore"):
        partial = primitive.vjp(
            i, 1.0, np.float64(node.data), [np.float64(x) for x in operands], node.parameters
        )
    return 0.0 if partial is None else float(dense(partial))


def _operands_outside(nodes: Sequence[Node], inside: Container[Node]) -> list[Node]:
    """The operands of some nodes that are not among them, oldest first."""
    found = {
        operand
        for node in nodes
        for operand in node.operands
        if isinstance(operand, Node) and operand not in inside
    }
    return sorted(found, key=lambda node: node.number)


def _names(nodes: Sequence[Node], labels: Mapping[Node, str]) -> dict[Node, str]:
    """A name for each node: labels first, so that no name given here takes one away."""
    names: dict[Node, str] = {}
    taken = set[str]()
    repeats = dict[str, int]()
    for node in nodes:
        label = labels.get(node, node.label)
        label = "" if label is None else str(label)
        if label.strip():
            names[node] = _unique(notation.visible(label).strip(), taken, repeats)
    counts = {"f": 0, "v": 0}
    for node in nodes:
        if node not in names:
            names[node] = _next("v" if node.is_leaf else "f", taken, counts)
    return {node: names[node] for node in nodes}


def _unique(label: str, taken: set[str], repeats: dict[str, int]) -> str:
    name, key = label, _looks(label)
    while key in taken:
        repeats[label] = repeats.get(label, 1) + 1
        name = f"{label}_{repeats[label]}"
        key = _looks(name)
    taken.add(key)
    return name


def _looks(name: str) -> str:
    """The same for names that can hardly be told apart, such as ``x1`` and ``x₁``."""
    return unicodedata.normalize("NFKC", name)


def _next(prefix: str, taken: set[str], counts: dict[str, int]) -> str:
    while True:
        counts[prefix] += 1
        name = f"{prefix}{counts[prefix]}"
        if name not in taken:
            return name


def _constant_names(nodes: Sequence[Node], taken: set[str]) -> dict[tuple[Node, int], str]:
    """Names for the arrays among the operands that are no nodes; numbers name themselves."""
    counts = {"c": 0}
    return {
        (node, i): _next("c", taken, counts)
        for node in nodes
        for i, operand in enumerate(node.operands)
        if isinstance(operand, np.ndarray) and operand.ndim
    }


def leading_to(operand: Any, output: Any, parameter: str) -> list[Node]:
    """The reverse schedule of ``output``, restricted to what was computed from ``operand``.

    Args:
        operand: a node that the output was computed from; the last of the schedule.
        output: its first.
        parameter: what messages call ``operand``.

    Raises:
        TypeError: one of them is no node.
        ValueError: the output was not computed from it.
    """
    if not isinstance(operand, Node):
        raise TypeError(f"{parameter} is a node, a Value or a Tensor, got {type(operand).__name__}")
    if not isinstance(output, Node):
        raise TypeError(f"expected a node, a Value or a Tensor, got {type(output).__name__}")
    nodes = schedule(output, [operand])
    if not nodes or nodes[-1] is not operand:
        raise ValueError(
            f"{describe(output)} was not computed from {describe(operand)}, so there is no "
            f"derivative to explain: {parameter} is one of the nodes that the output depends on"
        )
    return nodes


def counted(nodes: Sequence[Node], most: int = 5) -> list[str]:
    """How many nodes there are of which kinds, the frequent ones first.

    Example:
        >>> from autodiff import Value
        >>> x = Value(1.0)
        >>> counted([x, Value(2.0), x + x])
        ['2 × leaf', '1 × add']
    """
    kinds = Counter("leaf" if node.primitive is None else node.primitive.name for node in nodes)
    lines = [f"{count:,} × {kind}" for kind, count in kinds.most_common(most)]
    rest = len(nodes) - sum(count for _, count in kinds.most_common(most))
    return [*lines, f"{rest:,} others"] if rest else lines


def _number(data: Any) -> float | None:
    return None if np.ndim(data) else float(data)


def _dtype(data: Any) -> str:
    return str(data.dtype) if isinstance(data, np.ndarray) else "float64"
