"""A drawing of a network of single numbers with one box for each unit, in columns of layers."""

from __future__ import annotations

from html import escape

from autodiff.view.description import Kind
from autodiff.view.drawing import ADJOINT, ARROW, FONT, INK, LABEL_FILL, LOOKS, Drawing
from autodiff.view.notation import number, subscripted
from examples.scalar_networks import ScalarNetwork

LABEL = f'<<table border="0" cellspacing="0" bgcolor="{LABEL_FILL}"><tr><td>{{}}</td></tr></table>>'
"""Text on a light ground, so that it can be read where arrows cross."""


def draw_units(net: ScalarNetwork, *, weights: bool = True) -> Drawing:
    """Draw a network unit by unit: its value, and its adjoint t as the backward pass left it.

    Args:
        net: from input to loss.
        weights: whether arrows carry the name and number of their weight.
    """
    # Straight arrows between many boxes: side to side, they stay off the boxes of their columns.
    layout, ends = {"ranksep": "1.0"}, {}
    if not weights:
        layout = {"ranksep": "2.2", "splines": "line"}
        ends = {"headport": "w", "tailport": "e"}
    drawing = Drawing(
        graph_attr={"rankdir": "LR", "bgcolor": "transparent", "fontname": FONT, "nodesep": "0.12",
                    **layout},
        node_attr={"fontname": FONT, "fontsize": "11", "fontcolor": INK, "penwidth": "1.2",
                   "margin": "0.08,0.04"},
        edge_attr={"fontname": FONT, "fontsize": "9", "fontcolor": ADJOINT, "color": ARROW,
                   "penwidth": "0.9", "arrowsize": "0.6", **ends},
    )  # fmt: skip
    for layer, names in net.layers.items():
        with drawing.subgraph() as column:
            column.attr(rank="same")
            column.node(f"layer {layer}", label=layer, shape="plaintext", fontsize="13")
            for name in names:
                _add_box(column, name, net)
    for before, after in zip(net.layers, list(net.layers)[1:], strict=False):
        drawing.edge(f"layer {before}", f"layer {after}", style="invis", weight="10")
    for name, unit in net.units.items():
        for source, weight in unit.inputs:
            label = ""
            if weights and weight is not None:
                label = f"{subscripted(weight.label or '')} = {number(weight.data)}"
                label = LABEL.format(escape(label))
            drawing.edge(source, name, label=label)
    loss = net.loss.label or "loss"
    look = LOOKS[Kind.OUTPUT]
    drawing.node(
        loss,
        label=f"{loss} = {number(net.loss.data)}\nt = {number(net.loss.grad or 0.0)}",
        shape=look.shape,
        style=look.style,
        fillcolor=look.fill,
        color=look.line,
        peripheries=str(look.outlines),
    )
    for name in list(net.layers.values())[-1]:
        drawing.edge(name, loss)
    return drawing


def _add_box(column: Drawing, name: str, net: ScalarNetwork) -> None:
    unit = net.units[name]
    look = LOOKS[Kind.OPERATION if unit.inputs else Kind.LEAF]
    t = unit.node.grad or 0.0
    text = f"{subscripted(name)} = {number(unit.node.data)}\nt = {number(t)}"
    column.node(name, label=text, shape=look.shape, style=look.style, fillcolor=look.fill,
                color=look.line)  # fmt: skip
