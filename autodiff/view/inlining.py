"""A node written as one formula of others: what lies between is put in, not named."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff.graph import Node, bare
from autodiff.ops import formula
from autodiff.view import notation
from autodiff.view.formulas import Formula

MOST = 24
"""How many operations a formula shows."""


def inlined(
    output: Node,
    known: Mapping[Node, str],
    names: Mapping[str, str],
    arrays: Callable[[Any], tuple[str, str]],
) -> Formula | None:
    """The formula of ``output`` in nodes that have placeholders.

    Args:
        output: the node to write.
        known: placeholders of the nodes at which to stop.
        names: what they mean.
        arrays: for an array that is no node, or a leaf that is not known, a placeholder and what
            it means; "" and a number, to write that.

    Returns:
        None if there are more than ``MOST`` operations in it.
    """
    meaning = dict(names)
    written: dict[Node, ast.expr] = {}
    sizes: dict[Node, int] = {}

    def of(operand: Any) -> ast.expr:
        if isinstance(operand, Node) and operand in written:
            return written[operand]
        data = bare(operand)
        if not isinstance(operand, Node) and not np.ndim(data):
            return formula.parse(notation.number(float(data)))
        placeholder, meant = arrays(operand)
        if not placeholder:
            return formula.parse(meant)
        meaning[placeholder] = meant
        return ast.Name(placeholder)

    nodes = _between(output, known)
    if nodes is None:
        return None
    for node in nodes:
        if node in known:
            written[node], sizes[node] = ast.Name(known[node]), 0
        elif node.primitive is None:
            written[node], sizes[node] = of(node), 0
        else:
            sizes[node] = 1 + sum(sizes[x] for x in node.operands if isinstance(x, Node))
            if sizes[node] > MOST:
                return None
            operands = [of(operand) for operand in node.operands]
            written[node] = _applied(node, operands, meaning)
    return Formula(ast.unparse(written[output]), meaning)


def _between(output: Node, known: Container[Node]) -> list[Node] | None:
    """What ``output`` is made of, down to what is known, operands first; None if it is too much."""
    found = {output}
    nodes = [output]
    operations = 0
    for node in nodes:  # grows while it is read
        if node not in known and node.primitive is not None:
            operations += 1
            if operations > MOST:
                return None
            new = {x for x in node.operands if isinstance(x, Node)} - found
            found |= new
            nodes += new
    return sorted(nodes, key=lambda node: node.number)


def _applied(node: Node, operands: Sequence[ast.expr], meaning: dict[str, str]) -> ast.expr:
    """An operation, with formulas in the place of its operands."""
    assert node.primitive is not None
    stand_ins = [f"_{i}" for i in range(len(operands))]
    text = node.primitive.expression(stand_ins, node.parameters)
    try:
        tree = formula.parse(text)
    except SyntaxError:  # written in signs that Python has not: it stays a whole
        inner = dict(zip(stand_ins, map(ast.unparse, operands), strict=True))
        placeholder = f"_u{len(meaning)}"
        meaning[placeholder] = str(Formula(notation.written(text, inner), meaning))
        return ast.Name(placeholder)
    return formula.replaced(tree, dict(zip(stand_ins, operands, strict=True)))
