"""How a node shows itself in a notebook; the view that writes it loads when one is shown."""

from __future__ import annotations

from importlib import import_module

from autodiff.graph import Node


def _repr_html_(self: Node) -> str:
    written: str = import_module("autodiff.view.cell").cell(self)
    return written


setattr(Node, "_repr_html_", _repr_html_)  # noqa: B010 - declared by Node, as the other methods are
