"""What a child passes back to its operand, as a formula read off the rule that computes it.

A rule is written in the library's own operations, so on nodes it records itself. Here it is given
stand-ins for the adjoint, the output and the operands; the small graph that it records is then
written as one formula: for W @ x it is ``t xᵀ``. No text is kept beside a rule that could say
something else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.adjoint import dense
from autodiff.graph import Node, bare
from autodiff.ops.formula import simplified
from autodiff.ops.rules import Explicit, Linear
from autodiff.recording import recording
from autodiff.reverse import fit
from autodiff.transform.constant import leaf_of
from autodiff.view import notation
from autodiff.view.formulas import ADJOINT, Formula
from autodiff.view.inlining import inlined


def recorded(node: Node, i: int, t: Any) -> tuple[Any, dict[Node, str]]:
    """What adjoint ``t`` contributes to operand ``i``, recorded by the rule.

    Returns:
        the contribution, a node unless there is no influence; and placeholders for the stand-ins
        that it was recorded from.
    """
    primitive = node.primitive
    assert isinstance(primitive, (Linear, Explicit))
    adjoint, output = leaf_of(t), leaf_of(bare(node))
    stand_ins = {x: leaf_of(bare(x)) for x in node.operands if isinstance(x, Node)}
    operands = [stand_ins[x] if isinstance(x, Node) else x for x in node.operands]
    known = {adjoint: ADJOINT, output: "_f"}
    for k, operand in enumerate(operands):
        if isinstance(operand, Node):
            known.setdefault(operand, f"_{k}")  # the same node twice is written once
    with recording(True), np.errstate(all="ignore"):
        given = primitive.readable_vjp(i, adjoint, output, operands, node.parameters)
        given = None if given is None else fit(dense(given), node.operands[i])
    return given, known


def contribution(node: Node, i: int, t: Any, names: dict[str, str]) -> Formula | None:
    """What adjoint ``t`` of a node passes back to its operand ``i``, as a formula.

    Args:
        node: the child.
        i: which of its operands.
        t: its adjoint.
        names: of the node ("_f") and of its operands ("_0", "_1" ...).

    Returns:
        None where a rule is no formula: a user's own, or one of many steps; and where the operand
        has no influence.
    """
    if not isinstance(node.primitive, (Linear, Explicit)):
        return None
    given, known = recorded(node, i, t)
    if not isinstance(given, Node):
        return None
    brought = iter(node.primitive.constants)
    seen: dict[int, tuple[str, str]] = {}

    def array(operand: Any) -> tuple[str, str]:
        for k, own in enumerate(node.operands):
            if bare(own) is bare(operand):
                return f"_{k}", names[f"_{k}"]
        data = bare(operand)
        if id(data) not in seen:
            seen[id(data)] = _constant(data, next(brought, None), f"_c{len(seen)}")
        return seen[id(data)]

    meanings = {f"_{k}": names[f"_{k}"] for k in range(len(node.operands))}
    meanings |= {"_f": names["_f"], ADJOINT: names["_f"]}
    written = inlined(given, known, meanings, array)
    if written is None or written.tree is None:
        return written
    return Formula(simplified(written.tree, {}), written.names)


def _constant(data: Any, name: str | None, placeholder: str) -> tuple[str, str]:
    """What an array is called that belongs to a rule; a number if all its elements are that."""
    if name is None and np.size(data) and np.all(data == data.flat[0]):
        return "", notation.number(float(data.flat[0]))
    return placeholder, name or "const"
