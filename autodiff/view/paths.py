"""A derivative as the sum over paths of the products of local partials along them.

Every path from the output down to a node contributes the product of the local partials on its way,
and the derivative is the sum of them all (Bauer, Computational graphs and rounding error, 1974).
There may be more paths than anyone could list. The reverse pass gives the same sum in one walk,
since it adds up at every node what arrives there before it goes on; that is what this view shows.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT
from autodiff.apply import made
from autodiff.arrays import Array
from autodiff.graph import Node, bare
from autodiff.reverse import Adjoints, pull, seed_for, settled, walk
from autodiff.view import latex, notation
from autodiff.view.aligned import environment, equations, partial, product, value
from autodiff.view.description import Description, leading_to
from autodiff.view.formulas import Formula
from autodiff.view.layout import Section, Style, Tables
from autodiff.view.terms import short, value_of

_STEPS = 2000  # on all paths together, at most, to list them


@dataclass(frozen=True)
class Step:
    """One edge of a path.

    Attributes:
        child: the name of the node that it leads from.
        operand: the name of the operand that it leads to.
        partial: the local partial ∂child/∂operand as a formula; None where it is none.
        number: the local partial as a number; None unless all of the child's operands are scalars.
        is_scalar: whether child and operand are single numbers.
    """

    child: str
    operand: str
    partial: Formula | None
    number: float | None
    is_scalar: bool


@dataclass(frozen=True)
class Path:
    """One way from the output to a node.

    Attributes:
        steps: its edges.
        product: what it contributes, the product of its local partials times the seed.
    """

    steps: tuple[Step, ...]
    product: float | Array

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes on the way, the output first."""
        return *(step.child for step in self.steps[:1]), *(step.operand for step in self.steps)


@dataclass(frozen=True, repr=False)
class PathSum(Tables):
    """A derivative as a sum over paths; ``print`` shows it as a table.

    Attributes:
        output: the name of the node that is differentiated.
        leaf: the name of the one with respect to which.
        count: how many paths there are, exactly.
        paths: all of them; none if they are too many to list.
        derivative: the derivative itself, from the reverse walk.
        edges: how many edges the reverse walk passes instead.
    """

    output: str
    leaf: str
    count: int
    paths: tuple[Path, ...]
    derivative: float | Array
    edges: int

    def sections(self, style: Style) -> Sequence[Section]:
        """One table, a row for each path."""
        name = f"d{style.name(self.output)}/d{style.name(self.leaf)}"
        edges = f"{self.edges:,} edge{'s' if self.edges != 1 else ''}"
        rows = [_cells(path, i, style) for i, path in enumerate(self.paths)]
        below = [f"{name} {value_of(self.derivative)}, by the reverse pass over {edges}"]
        if not self.paths:
            below.insert(0, "too many to list: see limit=")
        return [
            Section(
                f"{name} as a sum over {_counted(self.count)}",
                ("path", "partials", "in symbols", "in numbers", "product"),
                rows,
                rule="of products of local partials",
                below=below,
            )
        ]

    def latex(self) -> str:
        """The same as LaTeX, in an ``align*`` environment; it needs the package ``amsmath``."""
        output, leaf = latex.name(self.output), latex.name(self.leaf)
        left = rf"\frac{{\mathrm{{d}} {output}}}{{\mathrm{{d}} {leaf}}}"
        total = value(self.derivative)
        if not self.paths:
            return environment([rf"{left} &{total} \quad\text{{({_counted(self.count)})}}"])
        forms = [[form(path) for path in self.paths] for form in (_fractions, _factors, _product)]
        return environment(list(equations(left, forms, total)))


def path_sum(node: Node, leaf: Node, *, seed: Any = None, limit: int = 20) -> PathSum:
    """The derivative of a node as the sum over all paths of products of local partials.

    Args:
        node: the output.
        leaf: the node with respect to which, any that the output was computed from.
        seed: the adjoint of the output; may be left out for a single number, where it is 1.
        limit: how many paths to list at most. If there are more, they are only counted, exactly
            and without going along them.

    Raises:
        TypeError: ``node`` or ``leaf`` is no node, or ``node`` is of integers.
        ValueError: ``node`` was not computed from ``leaf``; a seed is needed or has the wrong
            shape; ``limit`` is negative; or a leaf got new data after the graph had been computed
            from it.

    Example:
        >>> from autodiff import Value, sin
        >>> x = Value(2.0, label="x")
        >>> print(path_sum(x * sin(x), x))
        df2/dx as a sum over 2 paths   of products of local partials
          f2 → x       = ∂f2/∂x          = f1        = 0.909297       = 0.909297
          f2 → f1 → x  + ∂f2/∂f1·∂f1/∂x  + x·cos(x)  + 2·(-0.416147)  = -0.832294
          df2/dx = 0.0770038, by the reverse pass over 3 edges
        >>> y = z = Value(1.0)
        >>> for _ in range(60):
        ...     y = y + y
        >>> path_sum(y, z).count == 2**60
        True
    """
    if limit < 0:
        raise ValueError(f"limit is the number of paths to list, never negative, got {limit!r}")
    nodes = leading_to(leaf, node, "leaf")
    start = seed_for(node, seed)
    count, edges = _counts(nodes)
    graph = Description(node)
    listed = _listed(graph, nodes, start) if count <= limit else None
    return PathSum(
        output=graph.name(node),
        leaf=graph.name(leaf),
        count=count,
        paths=() if listed is None else listed,
        derivative=settled(walk(nodes, start, keep={leaf})[leaf], leaf, set()),
        edges=edges,
    )


def _operands(node: Node, inside: Container[Node]) -> list[int]:
    """The positions of the operands that lead to the leaf."""
    return [i for i, x in enumerate(node.operands) if isinstance(x, Node) and x in inside]


def _counts(nodes: Sequence[Node]) -> tuple[int, int]:
    """How many paths lead through a schedule, from its first node to its last, on how many edges.

    Where all paths meet in one node, what came before is a factor of its own: so the numbers that
    are added stay small in a long chain of diamonds.
    """
    inside = {*nodes}
    arriving = {nodes[0]: 1}
    factors = []
    edges = 0
    for node in nodes[:-1]:
        count = arriving.pop(node)
        if not arriving and count > 1:
            factors.append(count)
            count = 1
        for operand in node.operands:
            if isinstance(operand, Node) and operand in inside:
                arriving[operand] = arriving.get(operand, 0) + count
                edges += 1
    factors.append(arriving[nodes[-1]])
    while len(factors) > 1:  # in pairs: factors of one size are multiplied fastest
        pairs = zip(factors[::2], [*factors[1::2], 1], strict=False)
        factors = [x * y for x, y in pairs]
    return factors[0], edges


def _listed(graph: Description, nodes: Sequence[Node], seed: Any) -> tuple[Path, ...] | None:
    """All paths through a schedule; None if they have too many steps to show."""
    inside, leaf = {*nodes}, nodes[-1]
    paths = []
    steps = 0
    way = [(nodes[0], iter(_operands(nodes[0], inside)), seed)]  # nodes, what to try next, t
    taken: list[Step] = []
    while way:
        node, rest, t = way[-1]
        i = None if node is leaf else next(rest, None)
        if i is None:
            if node is leaf:
                paths.append(Path(tuple(taken), settled(t, leaf, set())))
                steps += len(taken)
            way.pop()
            del taken[-1:]
            continue
        if steps + len(taken) >= _STEPS:
            return None
        operand = node.operands[i]
        taken.append(_step(graph, node, i))
        way.append((operand, iter(_operands(operand, inside)), _pulled(node, i, t)))
    return tuple(paths)


def _step(graph: Description, node: Node, i: int) -> Step:
    edge = graph.edges(node)[i]
    operand = node.operands[i]
    scalar = not np.ndim(node.data) and not np.ndim(operand.data)
    return Step(graph.names[node], graph.names[operand], edge.formula, edge.number, scalar)


def _pulled(node: Node, i: int, t: Any) -> Any:
    """What a path brings to operand ``i``, from what it brought to the node: a step of the walk."""
    if t is ABSENT:
        return ABSENT
    alone = [x if k == i else bare(x) for k, x in enumerate(node.operands)]
    adjoints = Adjoints([node.operands[i]])
    with np.errstate(all="ignore"):
        pull(made(bare(node), node.primitive, alone, node.parameters), t, adjoints, recorded=False)
    return adjoints[node.operands[i]]


# --- writing --------------------------------------------------------------------------------------


def _counted(count: int) -> str:
    """How many paths there are; about how many, if nobody would read the digits."""
    if count < _READABLE:
        return f"{count:,} path{'' if count == 1 else 's'}"
    exponent, mantissa = divmod(log10(count), 1)
    return f"about {10**mantissa:.2f}·10^{exponent:.0f} paths"


_READABLE = 10**30


def _cells(path: Path, i: int, style: Style) -> list[str]:
    signs = "+" if i else "="
    names = _shortened([style.name(name) for name in path.names], " → ")
    numbers = [step.number for step in path.steps]
    columns = [
        _partials(path, style),
        _symbols(path, style),
        "" if None in numbers else _times([notation.number(n) for n in numbers if n is not None]),
    ]
    if i:
        columns = [f"({text})" if text.startswith("-") else text for text in columns]
    return [names, *(text and f"{signs} {text}" for text in columns), value_of(path.product)]


def _partials(path: Path, style: Style) -> str:
    """The local partials in symbols; of arrays transposed, and therefore the last one first."""
    texts = [f"∂{style.name(step.child)}/∂{style.name(step.operand)}" for step in path.steps]
    if all(step.is_scalar for step in path.steps):
        return _shortened(texts, "·")
    return _shortened([f"({text})ᵀ" for text in reversed(texts)], " ")


def _symbols(path: Path, style: Style) -> str:
    factors = []
    for step in path.steps:
        if step.partial is None or not step.is_scalar:
            return ""
        text = short(step.partial, style)
        factors.append(text if step.partial.is_factor else f"({text})")
    return _times(factors)


def _times(factors: Sequence[str]) -> str:
    """A product; negative factors in parentheses except the first."""
    return _shortened([f"({x})" if i and x[0] == "-" else x for i, x in enumerate(factors)], "·")


def _shortened(texts: Sequence[str], sign: str) -> str:
    """Texts side by side, with those in the middle left out if they are many."""
    if len(texts) > _MOST:
        texts = [*texts[: _MOST // 2], "…", *texts[-(_MOST // 2) :]]
    return sign.join(texts)


_MOST = 8  # factors of a product


def _fractions(path: Path) -> str:
    scalar = all(step.is_scalar for step in path.steps)
    steps = path.steps if scalar else path.steps[::-1]
    return product([partial(step.child, step.operand, not scalar) for step in steps], r"\,")


def _factors(path: Path) -> str:
    partials = [step.partial for step in path.steps if step.is_scalar]
    known = [latex.factor(formula) for formula in partials if formula is not None]
    return product(known) if len(known) == len(path.steps) else ""


def _product(path: Path) -> str:
    numbers = [step.number for step in path.steps if step.number is not None]
    return product(map(latex.number, numbers)) if len(numbers) == len(path.steps) else ""
