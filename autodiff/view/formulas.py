"""Formulas with the names of nodes in them, to be written in any format.

A formula is kept as it was parsed or recorded: Python text in placeholders, and beside it the name
of each. Names are free text; each format makes them harmless in its own way, when all else of the
formula has been written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autodiff.caching import cached
from autodiff.ops import formula
from autodiff.view import notation

ADJOINT = "_t"
"""The placeholder of the adjoint of the node whose name it has."""

_PLACEHOLDER = re.compile(r"(?<!\w)_(?:[0-9]+|[cu][0-9]+|f|t)(?![A-Za-z0-9_])")


@dataclass(frozen=True)
class Formula:
    """A formula of a graph.

    Attributes:
        text: Python's syntax, with placeholders for the nodes: ``_0``, ``_1`` ... for operands,
            ``_f`` for the output, ``_t`` for an adjoint, others for arrays.
        names: of the nodes, by placeholder.
    """

    text: str
    names: Mapping[str, str] = field(default_factory=dict)

    @cached
    def tree(self) -> ast.expr | None:
        """Its syntax tree; None if it is no expression of Python's, such as ``x × y``."""
        try:
            return formula.parse(self.text)
        except SyntaxError:
            return None

    @property
    def is_factor(self) -> bool:
        """Whether it stands as a factor of a product without parentheses."""
        return not isinstance(self.tree, ast.BinOp) or not isinstance(
            self.tree.op, (ast.Add, ast.Sub)
        )

    def written(
        self, name: Callable[[str], str], adjoint: Callable[[str], str], rest: Callable[[str], str]
    ) -> str:
        """The formula as people write it.

        Args:
            name: how the name of a node is written.
            adjoint: how its adjoint is.
            rest: makes what is no name harmless.
        """
        text = self.text
        if " @ " in text and " * " not in text and " / " not in text:
            text = text.replace(" @ ", " ")
        text = rest(notation.written(text, {}))

        def put(match: re.Match[str]) -> str:
            meant = self.names.get(match[0])
            if meant is None:
                return match[0]
            return adjoint(meant) if match[0] == ADJOINT else name(meant)

        return _PLACEHOLDER.sub(put, text)

    def __str__(self) -> str:
        return self.written(_name, lambda name: f"t_{_name(name)}", str)


def _name(name: str) -> str:
    return notation.atom(notation.shortened(name))
