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
from autodiff.graph import Node
from autodiff.reverse import schedule, seed_for, settled, walk
from autodiff.view import notation
from autodiff.view.aligned import aligned
from autodiff.view.contributions import contribution
from autodiff.view.description import Description, Edge, Entry, counted, leading_to
from autodiff.view.layout import Section, Style, Tables
from autodiff.view.terms import Term, derivative, numbers, short, symbols, value_of

SUM = "t_n = Σ over children c of n:  ∂f_c/∂f_n · t_c"


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

    @property
    def children(self) -> tuple[str, ...]:
        """The names of the nodes that were computed from it, each once."""
        return tuple(dict.fromkeys(term.child for term in self.terms))


@dataclass(frozen=True, repr=False)
class Explanation(Tables):
    """How a derivative comes about; ``print`` shows it as a table.

    Attributes:
        forward: the nodes in the order in which they were computed, and the constant arrays.
        reverse: the steps of the reverse ancestral schedule, the output first.
        omitted: how many more steps there are.
        wrt: the name of the node that was asked for; None if all were.
        derivative: its adjoint, the derivative of the output with respect to it.
        earlier: what was computed before ``forward``, counted by kind.
        further: what the omitted steps are for, counted by kind.
    """

    forward: tuple[Entry, ...]
    reverse: tuple[Row, ...]
    omitted: int = 0
    wrt: str | None = None
    derivative: float | Array | None = None
    earlier: tuple[str, ...] = ()
    further: tuple[str, ...] = ()

    @property
    def schedule(self) -> tuple[str, ...]:
        """The names of the nodes in the order of the reverse pass."""
        return tuple(row.entry.name for row in self.reverse)

    def sections(self, style: Style) -> Sequence[Section]:
        """The forward and the reverse pass."""
        left_out = [f"… {', '.join(self.earlier)} before"] if self.earlier else []
        more = []
        if self.omitted:
            kinds = style.rest(", ".join(self.further))
            more = [f"… and {self.omitted:,} more steps ({kinds}): see limit="]
        return [
            Section(
                "forward",
                ("node", "expression", "value"),
                [_forward_cells(entry, style) for entry in self.forward],
                above=[style.rest(line) for line in left_out],
            ),
            Section(
                "reverse",
                ("adjoint", "from its children", "in symbols", "in numbers", "value"),
                [cells for row in self.reverse for cells in reverse_cells(row, style)],
                rule=SUM,
                above=self._course(style),
                below=[*more, *self._result(style)],
            ),
        ]

    def _course(self, style: Style) -> list[str]:
        """With respect to one node: its children, and the schedule that leads to it."""
        if self.wrt is None:
            return []
        names = [style.name(name) for name in self.schedule[:_MOST]]
        if len(self.schedule) > _MOST or self.omitted:
            names.append(f"… ({len(self.schedule) + self.omitted:,} nodes)")
        lines = [f"schedule: {', '.join(names)}"]
        if not self.omitted:
            children = ", ".join(map(style.name, self.reverse[-1].children)) or "none"
            lines.insert(0, f"children of {style.name(self.wrt)}: {children}")
        return lines

    def _result(self, style: Style) -> list[str]:
        if self.wrt is None:
            return []
        total = f"d{style.name(self.reverse[0].entry.name)}/d{style.name(self.wrt)}"
        return [f"{total} = {style.adjoint(self.wrt)} {value_of(self.derivative)}"]

    def latex(self) -> str:
        """The same as LaTeX, in two ``align*`` environments; it needs the package ``amsmath``."""
        return aligned(self)


_MOST = 20  # names of a schedule in one line


def explain(
    node: Node, wrt: Node | None = None, *, seed: Any = None, limit: int = 1000
) -> Explanation:
    """The reverse ancestral schedule of ``node``, step by step.

    Args:
        node: the output.
        wrt: only the steps that lead to the adjoint of this node; all if None.
        seed: the adjoint of the output; may be left out for a single number, where it is 1.
        limit: how many steps to take at most, and how many nodes to show of the forward pass; the
            others are counted.

    Returns:
        the steps as data; printed, a table. ``show()`` prints it in colour to a terminal,
        ``markdown()``, ``latex()`` and ``html()`` give it in these formats, and notebooks show it.

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
    nodes = schedule(node) if wrt is None else leading_to(wrt, node, "wrt")
    shown = [n for n in nodes if n in graph.ids]
    # An adjoint needs none but younger nodes; that of ``wrt`` needs the whole schedule.
    wanted = {*shown} if wrt is None else {*shown, wrt}
    walked = walk(shown if wrt is None else nodes, seed_for(node, seed), keep=wanted)
    adjoints = {n: settled(walked[n], n, set()) for n in wanted}
    return Explanation(
        forward=tuple(entry for entry in graph if not entry.is_plain_number),
        reverse=_rows(graph, shown, adjoints),
        omitted=len(nodes) - len(shown),
        wrt=None if wrt is None else graph.name(wrt),
        derivative=None if wrt is None else adjoints[wrt],
        earlier=tuple(counted(graph.earlier)),
        further=tuple(counted(nodes[len(shown) :])),
    )


def _rows(graph: Description, nodes: Sequence[Node], adjoints: dict[Node, Any]) -> tuple[Row, ...]:
    terms: dict[str, list[Term]] = {graph.ids[node]: [] for node in nodes}
    rows = []
    for node in nodes:
        entry = graph.entry(node)
        rows.append(Row(entry, tuple(terms[entry.id]), adjoints[node]))
        for edge in entry.edges:
            if edge.source in terms:  # else it is a constant, or leads to other nodes than wrt
                terms[edge.source].append(_term(graph, node, entry, edge, adjoints[node]))
    return tuple(rows)


def _term(graph: Description, child: Node, entry: Entry, edge: Edge, adjoint: Any) -> Term:
    operand = child.operands[edge.position]
    passed = None
    if edge.formula is None:
        passed = contribution(child, edge.position, adjoint, graph.meanings(child))
    return Term(
        child=entry.name,
        factor=edge.factor,
        number=edge.number,
        adjoint=adjoint,
        spread=edge.factor is not None and np.shape(operand.data) != entry.shape,
        partial=edge.formula,
        passed=passed,
    )


# --- the tables -----------------------------------------------------------------------------------


def _forward_cells(entry: Entry, style: Style) -> list[str]:
    expression = "" if entry.formula is None else f"= {short(entry.formula, style)}"
    if entry.value is None:
        contents = f": {entry.shape} {entry.dtype}"
    else:
        contents = f"= {notation.number(entry.value)}"
    return [style.title(entry.name), expression, contents]


def reverse_cells(row: Row, style: Style) -> Iterator[list[str]]:
    """A line for each term; the sum stands at the end of the last."""
    own = style.adjoint(row.entry.name)
    if not row.terms:
        name = style.name(row.entry.name)
        start = f"∂{name}/∂{name}" if np.all(row.adjoint == 1) else "seed"
        yield [own, f"= {start}", "", "", value_of(row.adjoint)]
    for i, term in enumerate(row.terms):
        cells = (derivative(term, row.entry, style), symbols(term, i, style), numbers(term, i))
        yield [
            "" if i else own,
            *(cell and f"{'+' if i else '='} {cell}" for cell in cells),
            value_of(row.adjoint) if i == len(row.terms) - 1 else "",
        ]
