"""A single node as a notebook shows it: what it is, its value and its gradient."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from autodiff.graph import Node, Value
from autodiff.view import notation
from autodiff.view.formulas import Formula
from autodiff.view.inlining import MOST, inlined
from autodiff.view.layout import HTML, Section, html

_ELEMENTS = 100  # of an array, shown in full


def cell(node: Node) -> str:
    """A node in HTML: label, expression, value, and the gradient if there is one.

    Example:
        >>> from autodiff import Value
        >>> "= x²" in cell(Value(3.0, label="x") ** 2)
        True
    """
    written = formula_of(node)
    kind = type(node).__name__
    title = HTML.title(notation.visible(node.label)) if node.label else escape(kind)
    rows = [("value", _contents(node.data))]
    if node.has_adjoint:
        rows.append(("gradient", _contents(node.grad)))
    if not isinstance(node, Value):
        rows.insert(0, ("shape", f"{np.shape(node.data)} {node.data.dtype}"))
    rule = "" if written is None else f"= {notation.shortened(str(written), 120)}"
    return html([Section(title, (), rows, rule=rule)])


def formula_of(node: Node) -> Formula | None:
    """What a node was computed as, in the labels of others; None for a leaf.

    What has no label is written out; a large expression shows its last operation alone.
    """
    if node.primitive is None:
        return None
    known, names = _known(node)
    written = inlined(node, known, names, lambda array: (f"_c{id(array)}", _named(array)))
    if written is not None:
        return written
    stand_ins = [f"_{i}" for i in range(len(node.operands))]
    operands = dict(zip(stand_ins, map(_named, node.operands), strict=True))
    return Formula(node.primitive.expression(stand_ins, node.parameters), operands)


def _known(node: Node) -> tuple[dict[Node, str], dict[str, str]]:
    """Where to stop: at what has a label, and at leaves; placeholders, and their names."""
    found, known = [node], dict[Node, str]()
    for inner in found:  # grows while it is read
        for operand in inner.operands:
            if isinstance(operand, Node) and operand not in known:
                if operand.label or operand.primitive is None:
                    known[operand] = f"_{len(known)}"
                elif len(found) <= MOST:
                    found.append(operand)
    return known, {placeholder: _named(inner) for inner, placeholder in known.items()}


def _named(operand: Any) -> str:
    """An operand in a few characters."""
    if isinstance(operand, Node):
        if operand.label:
            return notation.visible(operand.label)
        if operand.primitive is not None:
            return "…"
        operand = operand.data
    if np.ndim(operand):
        return f"array {'×'.join(map(str, np.shape(operand)))}"
    return notation.number(float(operand))


def _contents(data: Any) -> str:
    if not np.ndim(data):
        return notation.number(float(data))
    if 0 < data.size <= _ELEMENTS and data.ndim <= 2:
        return f"<pre>{escape(np.array2string(data, precision=6))}</pre>"
    if not data.size:
        return "no elements"
    least, mean, most = (notation.number(float(f(data))) for f in (np.min, np.mean, np.max))
    return f"{data.size:,} elements from {least} to {most}, mean {mean}"
