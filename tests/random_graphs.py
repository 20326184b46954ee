"""Random expression graphs, evaluated by the library and by arbitrary-precision arithmetic.

A graph is a list of steps, each of which applies an operation to earlier results. The same steps
run in two namespaces: on the library's nodes, and on NumPy's object arrays of mpmath's numbers of
fifty digits, whose elements know no derivative. The exact derivatives along a direction are
differences of exact values, so they share neither a rule nor an algorithm with the library.

A step that makes no sense for its operands (shapes that don't broadcast, a kink nearby, a number
too large) is left out while the graph is built, so no random choice is wasted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import mpmath
import numpy as np
from exact_numpy import BINARY, EXACT, POINTWISE

import autodiff as ad
from autodiff import Node, Tensor, Value

Function = Callable[..., Any]
Step = tuple[str, int, int, int]
"""The operation, how many results back its two operands lie, and which variant of it."""

DIGITS = 50
H = 2.0**-33
POINTS = {2: (-1, 0, 1), 3: (-2, -1, 0, 1, 2)}
"""Where on the line, in steps of H, values are taken for derivatives of up to an order.

Differences lack terms in H² and lose at most 30 of the fifty digits: of the third derivative, about
twenty are right.
"""

LARGEST = 100.0  # numbers in a graph
STEEPEST = 1e4  # derivatives along the line, up to the third
WIDEST = 24  # elements of a result


# --- operations -----------------------------------------------------------------------------------

# What operands are brought to, in either namespace, for functions that are not defined everywhere.
DOMAINS: dict[str, Function] = {
    "any": lambda m, x: x,
    "positive": lambda m, x: x * x + 0.3,
    "unit": lambda m, x: 0.9 * m.sin(x),
    "middle": lambda m, x: 0.5 + 0.4 * m.sin(x),
    "above one": lambda m, x: 1.2 + x * x,
}


class Library:
    """The library's operations, and its comparison as an operator."""

    @staticmethod
    def greater(x: Any, y: Any) -> Any:
        return x > y

    def __getattr__(self, name: str) -> Any:
        return getattr(ad if hasattr(ad, name) else ad.special, name)


LIBRARY = Library()


def _chosen(options: Sequence[Any], variant: int) -> Any:
    return options[variant % len(options)]


def _axis(x: Any, variant: int) -> dict[str, Any]:
    """One of the ways to say which axes of ``x`` to reduce."""
    n = len(np.shape(x))
    axes = [None, *range(n), *range(-n, 0), tuple(range(n)), (0, -1) if n > 1 else ()]
    return {"axis": _chosen(axes, variant // 2), "keepdims": bool(variant % 2)}


def _shape(x: Any, variant: int) -> tuple[int, ...]:
    shape = np.shape(x)
    return _chosen([(-1,), (1, -1), (-1, 1), shape[::-1], (*shape, 1), (1, *shape)], variant)


INDICES: tuple[Any, ...] = (
    0, -1, slice(None, None, -1), [0, 0, -1], (..., 0), (..., [-1, 0, -1]), (None, ...),
    (slice(None), 0), (slice(None), slice(0, 2)), [[0, -1], [0, 0]], ([0, -1, 0], [0, 0, 0]),
    (slice(1, None), [0, 0]), ([[0], [-1]], [0, -1, 0]), (), ...,
)  # fmt: skip
OPERATORS: dict[str, Function] = {
    "x + y": lambda x, y: x + y,
    "x - y": lambda x, y: x - y,
    "x * y": lambda x, y: x * y,
    "x / y": lambda x, y: x / y,
    "(x² + 0.3) ** y": lambda x, y: (x * x + 0.3) ** y,
    "-x": lambda x, y: -x,
    "x + x": lambda x, y: x + x,
    "x * x": lambda x, y: x * x,
    "2 - x": lambda x, y: 2 - x,
    "1.5 / x": lambda x, y: 1.5 / x,
    "1.5 ** x": lambda x, y: 1.5**x,
    "(x² + 0.3) ** 1.5": lambda x, y: (x * x + 0.3) ** 1.5,
}


def _operator(function: Function) -> Function:
    return lambda m, x, y, variant: function(x, y)


def _power(m: Any, x: Any, y: Any, variant: int) -> Any:
    return x ** _chosen((2, 3, -1, -2, 1, 0, 2.0), variant)


def _function(name: str) -> Function:
    domain = DOMAINS[POINTWISE[name][0]]
    if name in BINARY:
        return lambda m, x, y, variant: getattr(m, name)(x, y)
    return lambda m, x, y, variant: getattr(m, name)(domain(m, x))


def _reduction(name: str) -> Function:
    return lambda m, x, y, variant: getattr(m, name)(x, **_axis(x, variant))


def _cumsum(m: Any, x: Any, y: Any, variant: int) -> Any:
    return m.cumsum(x, axis=_chosen((0, -1, 1, None) if np.ndim(x) else (None,), variant))


def _matmul(m: Any, x: Any, y: Any, variant: int) -> Any:
    rows, columns = m.transpose(x), m.transpose(y)
    x, y = _chosen([(x, columns), (x, rows), (rows, y), (x, y), (rows, x)], variant)
    return x @ y if variant // 5 % 2 else m.matmul(x, y)


def _where(m: Any, x: Any, y: Any, variant: int) -> Any:
    if variant % 3 == 0:
        return m.where(m.greater(x, 0.1), x, y)
    if variant % 3 == 1:
        return m.where(m.greater(x, y), x * y, m.sin(y))
    return m.where(np.arange(3) != 1, x, y)


def _concatenate(m: Any, x: Any, y: Any, variant: int) -> Any:
    parts = ([x, y], [x, x], [y, x, x])
    return m.concatenate(_chosen(parts, variant), _chosen((0, -1, 1, None), variant // 3))


def _stack(m: Any, x: Any, y: Any, variant: int) -> Any:
    parts = ([x, y], [x, x], [x, y, x], [x, 2.0] if np.shape(x) == () else [x, x])
    return m.stack(_chosen(parts, variant), axis=_chosen((0, -1), variant // 4))


SCALAR_OPERATIONS: dict[str, Function] = {
    **{name: _operator(function) for name, function in OPERATORS.items()},
    "x ** n": _power,
    **{name: _function(name) for name in POINTWISE},
}
"""Those that make a scalar of scalars: in graphs of nothing else, adjoints take the fast way."""

OPERATIONS: dict[str, Function] = {
    **SCALAR_OPERATIONS,
    **{name: _reduction(name) for name in ("sum", "mean", "prod", "max", "min", "logsumexp")},
    "cumsum": _cumsum,
    "where": _where,
    "matmul": _matmul,
    "reshape": lambda m, x, y, variant: m.reshape(x, _shape(x, variant)),
    "transpose": lambda m, x, y, variant: m.transpose(
        x, _chosen([*permutations(range(len(np.shape(x))))], variant)
    ),
    "getitem": lambda m, x, y, variant: m.getitem(x, _chosen(INDICES, variant)),
    "concatenate": _concatenate,
    "stack": _stack,
}


# --- leaves ---------------------------------------------------------------------------------------

LEAVES: dict[str, tuple[bool, tuple[int, ...] | None]] = {
    # whether it is differentiated, and its shape; None is a Python number
    "Value": (True, None),
    "Tensor": (True, ()),
    "Tensor(3)": (True, (3,)),
    "Tensor(2, 1)": (True, (2, 1)),
    "Tensor(1, 3)": (True, (1, 3)),
    "Tensor(2, 3)": (True, (2, 3)),
    "float": (False, None),
    "int": (False, None),
    "array(3)": (False, (3,)),
    "array(2, 1)": (False, (2, 1)),
    "int array(2, 3)": (False, (2, 3)),
}


def _numbers(generator: np.random.Generator, shape: tuple[int, ...] | None) -> Any:
    numbers = generator.uniform(-1.5, 1.5, shape)
    numbers = numbers + np.copysign(0.3, numbers)
    return float(numbers) if shape is None else np.asarray(numbers)


def _leaf(kind: str, generator: np.random.Generator) -> Any:
    shape = LEAVES[kind][1]
    if kind.startswith("int"):
        whole = generator.choice([-2, -1, 1, 2, 3], shape)
        return int(whole) if shape is None else whole
    return _numbers(generator, shape)


# --- a graph --------------------------------------------------------------------------------------


def _exact_array(x: Any) -> Any:
    x = np.asarray(x)
    return np.asarray(np.frompyfunc(mpmath.mpf, 1, 1)(x.astype(object)), dtype=object)


def _derivatives(line: Sequence[Any]) -> Any:
    """Value and derivatives along the line, order by order, from the values at its points."""
    before, middle, after = (np.ravel(x) for x in line[len(line) // 2 - 1 :][:3])
    differences = [middle, after - before, after - 2 * middle + before]
    if len(line) == 5:
        differences.append(np.ravel(line[4]) - np.ravel(line[0]) - 2 * differences[1])
    units = [1.0, 2 * H, H**2, 2 * H**3]
    with np.errstate(over="ignore"):
        return np.array([x.astype(float) / h for x, h in zip(differences, units, strict=False)])


@dataclass(repr=False)
class Graph:
    """A scalar function of some leaves, its exact value and derivatives along a random direction.

    Attributes:
        kinds: of the leaves.
        leaves: their numbers.
        directions: for each leaf that is differentiated.
        steps: those that were kept, with the places of their operands among all results.
        ends: the results that no step reads, and the weights with which they enter the output.
        exact: its value and derivatives, order by order.
        scale: the same of what it adds up, in absolute values.
    """

    kinds: list[str]
    leaves: list[Any]
    directions: list[Any]
    steps: list[Step] = field(default_factory=list)
    ends: list[tuple[int, Any]] = field(default_factory=list)
    exact: Any = None
    scale: Any = None

    def __call__(self, *inputs: Any) -> Any:
        """The output, by the library."""
        given = iter(inputs)
        results = [
            next(given) if LEAVES[kind][0] else leaf
            for kind, leaf in zip(self.kinds, self.leaves, strict=True)
        ]
        for name, i, j, variant in self.steps:
            results.append(OPERATIONS[name](LIBRARY, results[i], results[j], variant))
        output = 0.0
        for k, weights in self.ends:
            assert np.shape(results[k]) == np.shape(weights)
            term = weights * results[k]
            output = output + (ad.sum(term) if np.ndim(weights) else term)
        return output

    def inputs(self) -> list[Any]:
        """The numbers of the leaves that are differentiated."""
        return [x for kind, x in zip(self.kinds, self.leaves, strict=True) if LEAVES[kind][0]]

    def nodes(self) -> list[Node]:
        """New nodes for them."""
        return [Value(x) if isinstance(x, float) else Tensor(x) for x in self.inputs()]

    def __repr__(self) -> str:
        lines = [
            f"r{k} = {kind} {np.asarray(x).tolist()}"
            for k, (kind, x) in enumerate(zip(self.kinds, self.leaves, strict=True))
        ]
        lines += [
            f"r{k} = {name}, of x = r{i} and y = r{j}, variant {variant}"
            for k, (name, i, j, variant) in enumerate(self.steps, len(self.leaves))
        ]
        lines += [f"f += sum({np.asarray(weights).tolist()} * r{k})" for k, weights in self.ends]
        return "\n".join(lines)


def build(kinds: Sequence[str], steps: Sequence[Step], seed: int, order: int = 2) -> Graph:
    """A graph of those of the steps that make sense.

    Args:
        kinds: of the leaves.
        steps: operands are counted back from the newest result.
        seed: of all numbers.
        order: 2 or 3, of the highest exact derivative.
    """
    generator = np.random.default_rng(seed)
    leaves = [_leaf(kind, generator) for kind in kinds]
    moving = [LEAVES[kind][0] for kind in kinds]
    directions = [_numbers(generator, LEAVES[kind][1]) for kind in kinds if LEAVES[kind][0]]
    graph = Graph(list(kinds), leaves, directions)
    with mpmath.workdps(DIGITS):
        lines = _lines(graph, POINTS[order])
        derivatives: list[Any] = [None] * len(lines)
        for name, back_i, back_j, variant in steps:
            i, j = (len(lines) - 1 - back % len(lines) for back in (back_i, back_j))
            if not moving[i]:
                i, j = j, i
            if not moving[i]:
                continue  # of constants only
            line = _applied(name, lines[i], lines[j], variant)
            if line is None:
                continue
            numbers = _derivatives(line)
            if abs(numbers[0]).max() > LARGEST or abs(numbers[1:]).max() > STEEPEST:
                continue
            lines.append(line)
            derivatives.append(numbers)
            moving.append(True)
            graph.steps.append((name, i, j, variant))
    # Every result that nothing reads enters the output.
    read = {k for _, i, j, _ in graph.steps for k in (i, j)}
    graph.ends = [
        (k, _numbers(generator, np.shape(lines[k][0]) or None))
        for k in range(len(leaves), len(lines))
        if k not in read
    ]
    terms = [np.ravel(weights) * derivatives[k] for k, weights in graph.ends]
    if terms:
        graph.exact = sum(term.sum(axis=1) for term in terms)
        graph.scale = sum(np.abs(term).sum(axis=1) for term in terms)
    return graph


def sensitivity(graph: Graph, relative: float) -> Any:
    """How far value and derivatives move, order by order, if every operand is off by so much.

    An operand and its derivatives are off by different amounts, whenever it is read by others. No
    arithmetic that rounds can be held to more than this: some graphs enlarge small errors.
    """
    generator = np.random.default_rng(0)
    furthest = np.zeros(len(graph.exact))
    with mpmath.workdps(DIGITS):
        for _ in range(3):
            lines = _lines(graph, POINTS[len(graph.exact) - 1])
            for name, i, j, variant in graph.steps:
                x, y = (_moved(lines[k], relative, generator) for k in (i, j))
                line = _applied(name, x, y, variant)
                if line is None:  # a tie of repeated operands, perhaps
                    line = _applied(name, x, x, variant)
                if line is None:
                    return furthest
                lines.append(line)
            terms = [np.ravel(weights) * _derivatives(lines[k]) for k, weights in graph.ends]
            moved = sum(term.sum(axis=1) for term in terms)
            furthest = np.maximum(furthest, np.abs(moved - graph.exact))
    return furthest


def _lines(graph: Graph, points: Sequence[int]) -> list[list[Any]]:
    """For each leaf, its numbers at the points of the line."""
    directions = iter(graph.directions)
    lines = []
    for kind, leaf in zip(graph.kinds, graph.leaves, strict=True):
        x = _exact_array(leaf)
        slope = _exact_array(next(directions) if LEAVES[kind][0] else 0.0)
        lines.append([np.asarray(x + slope * (s * H), dtype=object) for s in points])
    return lines


def _applied(name: str, x: Sequence[Any], y: Sequence[Any], variant: int) -> list[Any] | None:
    """An operation at each point of the line; None if it makes no sense there."""
    operation = OPERATIONS[name]
    try:
        line = [
            np.asarray(operation(EXACT, x_s, y_s, variant), dtype=object)
            for x_s, y_s in zip(x, y, strict=True)
        ]
    except (ValueError, IndexError, ArithmeticError):
        return None
    return line if 0 < line[0].size <= WIDEST else None


def _moved(line: Sequence[Any], relative: float, generator: np.random.Generator) -> list[Any]:
    middle = line[len(line) // 2]
    values, slopes = relative * generator.choice([-1.0, 1.0], (2, *np.shape(middle)))
    return [np.asarray(x + middle * values + (x - middle) * slopes, dtype=object) for x in line]
