"""Explain a derivative step by step, as the algorithm is taught.

The forward pass is a list of assignments, one for each node. The reverse pass takes the nodes
newest first; for each it writes down

    t_n = Σ over children c of n:  ∂f_c/∂f_n · t_c

with the local partials as formulas, then as numbers, then the sum. The adjoints are those of the
library's own walk, the formulas and numbers of the partials those of the primitives' own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, describe
from autodiff.reverse import schedule, seed_for, settled, walk
from autodiff.view import notation
from autodiff.view.description import Description, Edge, Entry

_LONGEST = 60  # characters of a formula


@dataclass(frozen=True)
class Term:
    """What one child contributes to an adjoint: ∂f_c/∂f_n · t_c.

    Attributes:
        child: the name of the child.
        factor: the local partial as a formula; None where the operation has no formula.
        number: the local partial as a number; None unless all of the child's operands are scalars.
        adjoint: t_c.
        spread: whether the operand was broadcast, so that the contribution is summed back.
    """

    child: str
    factor: str | None
    number: float | None
    adjoint: float | Array
    spread: bool


@dataclass(frozen=True)
class Row:
    """One step of the reverse schedule.

    Attributes:
        entry: the node.
        terms: the contributions of its children, in the order in which they arrive.
        adjoint: their sum t_n.
    """

    entry: Entry
    terms: tuple[Term, ...]
    adjoint: float | Array


@dataclass(frozen=True, repr=False)
class Explanation:
    """How a derivative comes about; ``print`` shows it as a table.

    Attributes:
        forward: the nodes in the order in which they were computed, and the constant arrays.
        reverse: the steps of the reverse ancestral schedule, the output first.
        omitted: how many more steps there are.
    """

    forward: tuple[Entry, ...]
    reverse: tuple[Row, ...]
    omitted: int = 0

    def __repr__(self) -> str:
        return str(self)  # at a prompt, the table is what one wants to see

    def __str__(self) -> str:
        return "\n".join(
            [
                "forward",
                *_aligned([_forward_cells(entry) for entry in self.forward]),
                "",
                "reverse   t_n = Σ over children c of n:  ∂f_c/∂f_n · t_c",
                *_aligned([cells for row in self.reverse for cells in _reverse_cells(row)]),
                *([f"  … and {self.omitted:,} more steps: see limit="] if self.omitted else []),
            ]
        )


def explain(
    node: Node, wrt: Node | None = None, *, seed: Any = None, limit: int = 1000
) -> Explanation:
    """The reverse ancestral schedule of ``node``, step by step.

    Args:
        node: the output.
        wrt: only the steps that lead to the adjoint of this node; all if None.
        seed: the adjoint of the output; may be left out for a single number, where it is 1.
        limit: how many steps to take at most, and how many nodes to show of the forward pass.

    Returns:
        the steps as data; printed, a table.

    Raises:
        TypeError: ``node`` or ``wrt`` is no node, or ``node`` is of integers.
        ValueError: ``node`` was not computed from ``wrt``; a seed is needed or has the wrong
            shape; ``limit`` is less than 1; or a leaf got new data after the graph had been
            computed from it.

    Example:
        >>> from autodiff import Value, sin
        >>> x = Value(2.0, label="x")
        >>> print(explain(x * sin(x)))
        forward
          x             = 2
          f1  = sin(x)  = 0.909297
          f2  = x·f1    = 1.81859
        <BLANKLINE>
        reverse   t_n = Σ over children c of n:  ∂f_c/∂f_n · t_c
          t_f2  = ∂f2/∂f2                                       = 1
          t_f1  = ∂f2/∂f1·t_f2  = x·t_f2       = 2·1            = 2
          t_x   = ∂f2/∂x·t_f2   = f1·t_f2      = 0.909297·1
                + ∂f1/∂x·t_f1   + cos(x)·t_f1  + (-0.416147)·2  = 0.0770038
    """
    if limit < 1:
        raise ValueError(f"limit is the number of steps to take, at least 1, got {limit!r}")
    graph = Description(node, write=notation.shortened, newest=lambda nodes: limit)
    if wrt is None:
        nodes = schedule(node)
    elif isinstance(wrt, Node):
        nodes = schedule(node, [wrt])
        if not nodes or nodes[-1] is not wrt:
            raise ValueError(
                f"{describe(node)} was not computed from {describe(wrt)}, so there is no "
                "derivative to explain: wrt is one of the nodes that the output depends on"
            )
    else:
        raise TypeError(f"wrt is a node, a Value or a Tensor, got {type(wrt).__name__}")
    shown = [n for n in nodes if n in graph.ids]  # an adjoint needs none but younger nodes
    walked = walk(shown, seed_for(node, seed))
    adjoints = {n: settled(t, n, set()) for n, t in walked.items()}
    return Explanation(
        forward=tuple(entry for entry in graph if not entry.is_plain_number),
        reverse=_rows(graph, shown, adjoints),
        omitted=len(nodes) - len(shown),
    )


def _rows(graph: Description, nodes: Sequence[Node], adjoints: dict[Node, Any]) -> tuple[Row, ...]:
    terms: dict[str, list[Term]] = {graph.ids[node]: [] for node in nodes}
    rows = []
    for node in nodes:
        entry = graph.entry(node)
        rows.append(Row(entry, tuple(terms[entry.id]), adjoints[node]))
        for edge in entry.edges:
            if edge.source in terms:  # else it is a constant, or leads to other nodes than wrt
                operand = node.operands[edge.position]
                terms[edge.source].append(_term(entry, edge, operand, adjoints[node]))
    return tuple(rows)


def _term(child: Entry, edge: Edge, operand: Node, adjoint: Any) -> Term:
    spread = edge.factor is not None and np.shape(operand.data) != child.shape
    return Term(child.name, edge.factor, edge.number, adjoint, spread)


# --- the table ------------------------------------------------------------------------------------


def _forward_cells(entry: Entry) -> list[str]:
    expression = "" if entry.expression is None else f"= {_short(entry.expression)}"
    if entry.value is None:
        contents = f": {entry.shape} {entry.dtype}"
    else:
        contents = f"= {notation.number(entry.value)}"
    return [notation.shortened(entry.name), expression, contents]


def _reverse_cells(row: Row) -> Iterator[list[str]]:
    """A line for each term; the sum stands at the end of the last."""
    name = _name(row.entry.name)
    if row.entry.value is None:
        total = f": {row.entry.shape}"
    else:
        total = f"= {notation.number(float(row.adjoint))}"
    if not row.terms:
        start = f"∂{name}/∂{name}" if np.all(row.adjoint == 1) else "seed"
        yield [f"t_{name}", f"= {start}", "", "", total]
    for i, term in enumerate(row.terms):
        cells = (_derivative(term, row.entry), _symbols(term, i), _numbers(term, i))
        yield [
            "" if i else f"t_{name}",
            *(cell and f"{'+' if i else '='} {cell}" for cell in cells),
            total if i == len(row.terms) - 1 else "",
        ]


def _derivative(term: Term, operand: Entry) -> str:
    child = _name(term.child)
    partial = f"∂{child}/∂{_name(operand.name)}"
    if operand.shape or np.ndim(term.adjoint):
        partial = f"({partial})ᵀ"  # of arrays, the partials form a matrix
    return f"{partial}·t_{child}"


def _symbols(term: Term, i: int) -> str:
    if term.factor is None:
        return ""
    text = notation.product(_short(term.factor), f"t_{_name(term.child)}", leading=not i)
    return f"sum({text})" if term.spread else text


def _numbers(term: Term, i: int) -> str:
    if term.number is None:
        return ""
    number, adjoint = notation.number(term.number), notation.number(float(term.adjoint))
    return notation.product(number, adjoint, leading=not i)


def _name(name: str) -> str:
    return notation.atom(notation.shortened(name))


def _short(formula: str) -> str:
    return notation.shortened(formula, _LONGEST)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells, each column as wide as its widest cell."""
    widths = [max(map(notation.width, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(notation.padded, row, widths)).rstrip() for row in rows]
