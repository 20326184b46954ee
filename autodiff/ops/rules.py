"""The three forms in which a primitive states its rule.

1. ``Pointwise``: the local partial derivatives, as formulas in the operands and the output.
2. ``Linear``: the transpose with respect to each operand. A linear map is its own derivative, so
   nothing else is needed, and transposes of transposes lead back to the family.
3. ``Explicit``: a vjp and a jvp, for the few that are neither.

Every rule is written in the library's own operations. On bare arrays they compute; on nodes they
record, which is how a derivative is differentiated again.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from autodiff.adjoint import Masked, Structured, dense
from autodiff.graph import Node, Operands, Parameters, Primitive, bare
from autodiff.ops import formula

Rule: TypeAlias = Callable[..., Any]
"""``rule(t, f, *operands, **parameters)``: the contribution of adjoint ``t`` to one operand."""

OPERAND_NAMES = ("x", "y", "z")


class Pointwise(Primitive):
    """A function applied element by element, with its partials as formulas.

    Args:
        name: the primitive's name.
        value: the function as a formula in ``x`` (and ``y``).
        partials: one formula per operand, in ``x``, ``y`` and the output ``f``.
        arrays: what the formulas' names mean for arrays.
        nodes: what they mean for nodes; read when a rule is first used, so it may still grow.
    """

    def __init__(
        self,
        name: str,
        value: str,
        partials: Sequence[str],
        arrays: dict[str, Any],
        nodes: dict[str, Any],
    ) -> None:
        self.name = name
        self.value = formula.parse(value)
        self.partials = [formula.parse(partial) for partial in partials]
        self.operand_names = OPERAND_NAMES[: len(partials)]
        self.compute = formula.function(self.value, ", ".join(self.operand_names), arrays)
        self.contributions = [formula.contribution(partial) for partial in self.partials]
        self._nodes = nodes
        arguments = ", ".join(["t", "f", *self.operand_names])
        self._on_arrays, self._on_nodes = (
            [
                None if c is None else formula.function(c, arguments, names)
                for c in self.contributions
            ]
            for names in (arrays, nodes)
        )

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        values = dense(t)
        recorded = any(isinstance(value, Node) for value in (values, f, *operands))
        rule = (self._on_nodes if recorded else self._on_arrays)[i]
        if rule is None:
            return None
        contribution = rule(values, f, *operands)
        if isinstance(t, Masked):
            where = self._nodes["where"] if recorded else np.where
            return Masked(where(t.mask, contribution, 0.0), t.mask)
        return contribution

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        terms = [
            self.vjp(i, tangent, f, operands, parameters)
            for i, tangent in enumerate(tangents)
            if tangent is not None
        ]
        return total(terms)

    def partial(self, i: int, names: Sequence[str], output: str) -> str | None:
        renamed = dict(zip(self.operand_names, names, strict=True)) | {"f": output}
        return formula.unparse(self.partials[i], renamed)

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        if isinstance(self.value, ast.Call):
            return f"{self.name}({', '.join(names)})"
        return formula.unparse(self.value, dict(zip(self.operand_names, names, strict=True)))


class Linear(Primitive):
    """A map that is linear in its operands, with its transposes.

    Args:
        name: the primitive's name.
        compute: the map on bare arrays.
        transposes: one rule per operand, ``None`` for one that is never differentiated (a
            condition); or a function from the operand's position to its rule, for any number.
        joint: linear in all operands together (``concatenate``), not in each one (``matmul``).
        structural: it only moves elements, adds them up or repeats them, so that what is absent
            from an adjoint can be followed through it.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        *transposes: Rule | None,
        each: Callable[[int], Rule] | None = None,
        joint: bool = False,
        structural: bool = False,
    ) -> None:
        self.name = name
        self.compute = compute
        self._rule = each or transposes.__getitem__
        self._joint = joint
        self._structural = structural

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        rule = self._rule(i)
        if rule is None:
            return None
        contribution = rule(dense(t), f, *operands, **parameters)
        if isinstance(t, Masked) and self._structural and not isinstance(contribution, Structured):
            reached = rule(t.mask.astype(float), None, *map(bare, operands), **parameters) != 0
            return Masked(contribution, reached)
        return contribution

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        if self._joint:
            moved = [
                x if self._rule(i) is None else 0 * x if tangent is None else tangent
                for i, (x, tangent) in enumerate(zip(operands, tangents, strict=True))
            ]
            return self(*moved, **parameters)
        return total(
            [
                self(*operands[:i], tangent, *operands[i + 1 :], **parameters)
                for i, tangent in enumerate(tangents)
                if tangent is not None
            ]
        )


class Explicit(Primitive):
    """A function of one operand with a vjp and a jvp of its own, for what has no simpler form.

    Args:
        name: the primitive's name.
        compute: the function on bare arrays.
        vjp: ``vjp(t, f, x, **parameters)``, in the library's operations.
        jvp: ``jvp(tangent, f, x, **parameters)``, likewise.
    """

    def __init__(self, name: str, compute: Callable[..., Any], vjp: Rule, jvp: Rule) -> None:
        self.name = name
        self.compute = compute
        self._vjp = vjp
        self._jvp = jvp

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return self._vjp(dense(t), f, *operands, **parameters)

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        (tangent,) = tangents
        return None if tangent is None else self._jvp(tangent, f, *operands, **parameters)


def total(terms: Sequence[Any | None]) -> Any | None:
    """The sum of the terms that are there; None if there is none."""
    present = [term for term in terms if term is not None]
    return reduce(operator.add, present) if present else None
