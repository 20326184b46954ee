"""An expression at a point: its value, its derivatives, its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from autodiff.arrays import Array
from autodiff.expressions import Expression
from autodiff.graph import Node, Tensor, Value, bare
from autodiff.transform.gradient import value_and_grad
from autodiff.transform.jacobians import hessian

Number: TypeAlias = "float | Array"


@dataclass(frozen=True)
class Element:
    """A number that can be varied: a scalar, or an element of an array.

    Attributes:
        name: of the scalar or the array.
        place: in the array; empty for a scalar.
    """

    name: str
    place: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.name + (f"[{','.join(map(str, self.place))}]" if self.place else "")


@dataclass(frozen=True)
class Problem:
    """An expression, and the values of its names.

    Attributes:
        expression: what is differentiated.
        values: a number or an array for each name.
    """

    expression: Expression
    values: Mapping[str, Number]

    def function(self, some: Mapping[str, Any]) -> Any:
        """The expression with other values for some names.

        Raises:
            ValueError: it gives no single number.
        """
        with np.errstate(all="ignore"):  # the result shows what became inf or nan
            result = self.expression({**self.values, **some})
        shape = np.shape(bare(result))
        if shape:
            raise ValueError(
                f"the expression gives an array of shape {shape}: derivatives are of a single "
                "number, for instance its sum(…)"
            )
        return result if isinstance(result, Node) else float(result)

    def first_order(self, names: Sequence[str]) -> tuple[float, dict[str, Number]]:
        """The value, and the gradient with respect to some names."""
        if not names:
            return float(bare(self.function({}))), {}
        point = {name: self.values[name] for name in names}
        with np.errstate(all="ignore"):
            value, gradient = value_and_grad(self.function)(point)
        return float(value), gradient

    def second_order(self, names: Sequence[str]) -> Array:
        """The Hessian; rows and columns are ``elements(names)``."""
        if not names:
            return np.zeros((0, 0))
        point = {name: self.values[name] for name in names}
        with np.errstate(all="ignore"):
            blocks = hessian(self.function)(point)
        sizes = {name: np.size(value) for name, value in point.items()}
        rows = [[np.reshape(blocks[a][b], (sizes[a], sizes[b])) for b in names] for a in names]
        matrix: Array = np.block(rows)
        return matrix

    def elements(self, names: Sequence[str]) -> Iterator[Element]:
        """The single numbers that some names stand for."""
        for name in names:
            for place in np.ndindex(np.shape(self.values[name])):
                yield Element(name, place)

    def graph(self) -> tuple[Node, dict[str, Node]]:
        """The graph of the expression, and the nodes of its names.

        Raises:
            ValueError: no name has an influence on the expression.
        """
        leaves: dict[str, Node] = {
            name: Value(value, label=name)
            if isinstance(value, float)
            else Tensor(value, label=name)
            for name, value in self.values.items()
        }
        with np.errstate(all="ignore"):
            result = self.expression(leaves)
        if not isinstance(result, Node):
            raise ValueError(f"the expression is constant, {result}: it has no graph")
        return result, leaves
