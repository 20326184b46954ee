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
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from autodiff.adjoint import dense
from autodiff.apply import apply
from autodiff.caching import cached
from autodiff.graph import Node, Operand, bare
from autodiff.ops import formula
from autodiff.primitive import NO_PARAMETERS, Operands, Parameters, Primitive

Contribution: TypeAlias = Callable[..., Any]
"""``rule(t, f, *operands, **parameters)``: the contribution of adjoint ``t`` to one operand."""

OPERAND_NAMES = ("x", "y", "z")


class Rule(Primitive):
    """A primitive that can be called.

    Attributes:
        readable: the vjp for each operand as a person would write it, where the rule itself is
            written for speed; views read these, and a test holds them to the rules.
        constants: what people call the arrays that a rule brings along, in the order in which it
            meets them.
    """

    readable: Sequence[Contribution | None] = ()
    constants: tuple[str, ...] = ()

    def __call__(self, *operands: Operand, **parameters: Any) -> Any:
        """Apply to nodes (recorded) or to bare numbers and arrays (merely computed)."""
        return apply(self, operands, parameters or NO_PARAMETERS)

    def readable_vjp(
        self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Any:
        """What ``vjp`` gives, computed in the form that is best to read."""
        rule = self.readable[i] if self.readable else None
        if rule is None:
            return self.vjp(i, t, f, operands, parameters)
        return rule(t, f, *operands, **parameters)


class Pointwise(Rule):
    """A function applied element by element, with its partials as formulas.

    Args:
        name: the primitive's name.
        value: the function as a formula in ``x`` (and ``y``, ``z``).
        partials: one formula per operand, in ``x``, ``y`` and the output ``f``.
        arrays: what the formulas' names mean for arrays.
        nodes: what they mean for nodes; read when a rule is first used, so it may still grow.
        meanings: formulas that people read in place of names that only the library knows.
    """

    def __init__(
        self,
        name: str,
        value: str,
        partials: Sequence[str],
        arrays: dict[str, Any],
        nodes: dict[str, Any],
        meanings: Mapping[str, ast.expr] | None = None,
    ) -> None:
        self.name = name
        self.operand_names = OPERAND_NAMES[: len(partials)]
        self.texts = (value, *partials)
        self._arrays = arrays
        self._nodes = nodes
        self._meanings = {} if meanings is None else meanings

    # A program uses few of all rows, so a row's formulas are read when they are first needed.

    @cached
    def value(self) -> ast.expr:
        """The function as a formula."""
        return formula.parse(self.texts[0])

    @cached
    def partials(self) -> list[ast.expr]:
        """The partial derivatives as formulas, one per operand."""
        return [formula.parse(partial) for partial in self.texts[1:]]

    @cached
    def contribution_formulas(self) -> list[ast.expr | None]:
        """``t`` times the partial derivatives, as formulas; None for those that are zero."""
        return [formula.contribution(partial) for partial in self.partials]

    @cached
    def compute(self) -> Callable[..., Any]:
        """The function on bare arrays."""
        return formula.function(self.value, ", ".join(self.operand_names), self._arrays)

    @cached
    def _contributions(self) -> list[Contribution | None]:
        arguments = ["t", "f", *self.operand_names]
        return [
            None if c is None else _evaluation(c, arguments, self._arrays, self._nodes)
            for c in self.contribution_formulas
        ]

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        contribution = self._contributions[i]
        return None if contribution is None else contribution(t, f, *operands)

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return mask

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        terms = [
            self.vjp(i, tangent, f, operands, parameters)
            for i, tangent in enumerate(tangents)
            if tangent is not None
        ]
        return total(terms)

    def partial(self, i: int, names: Sequence[str], output: str) -> str | None:
        renamed = dict(zip(self.operand_names, names, strict=True)) | {"f": output}
        return formula.simplified(formula.expanded(self.partials[i], self._meanings), renamed)

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        if isinstance(self.value, ast.Call):
            return f"{self.name}({', '.join(names)})"
        return formula.unparse(self.value, dict(zip(self.operand_names, names, strict=True)))


def _evaluation(
    contribution: ast.expr, arguments: list[str], arrays: dict[str, Any], nodes: dict[str, Any]
) -> Contribution:
    """A formula as a function that computes on bare operands, and records on nodes."""
    on_arrays, on_nodes = (
        formula.function(contribution, ", ".join(arguments), names) for names in (arrays, nodes)
    )
    read = formula.variables(contribution)
    places = [k for k, name in enumerate(arguments) if name in read]

    def evaluated(*values: Any) -> Any:
        compute, of_scalars = on_arrays, True
        for k in places:
            if isinstance(values[k], Node):
                compute, of_scalars = on_nodes, False
            elif values[k].__class__ is not float:
                of_scalars = False
        if of_scalars:
            return float(on_arrays(*map(_exact, values)))
        try:
            return compute(*values)
        except ArithmeticError:  # in a part that reads none but numbers
            return compute(*map(_exact, values))

    return evaluated


def _exact(value: Any) -> Any:
    """A number that computes as IEEE 754 says: Python's own would raise, or turn complex."""
    return np.float64(value) if value.__class__ is float else value


class Linear(Rule):
    """A map that is linear in its operands, with its transposes.

    Args:
        name: the primitive's name.
        compute: the map on bare arrays.
        transposes: one rule per operand, ``None`` for one that is never differentiated, such as a
            condition.
        joint: linear in all operands together (``concatenate``), not in each one (``matmul``).
        text: writes the operation, ``text(*names, **parameters)``, if not as a function call.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        *transposes: Contribution | None,
        joint: bool = False,
        text: Callable[..., str] | None = None,
    ) -> None:
        self.name = name
        self.compute = compute
        self._transposes = transposes
        self._joint = joint
        self._text = text
        self.mixes = not joint and sum(rule is not None for rule in transposes) > 1

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        rule = self._transposes[i]
        if rule is None:
            return None
        return rule(t, f, *operands, **parameters) if parameters else rule(t, f, *operands)

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        # The pattern of the transpose, whatever the other operands' numbers.
        ones = [
            x if rule is None else np.ones(np.shape(x))
            for x, rule in zip(operands, self._transposes, strict=False)  # some are optional
        ]
        return dense(self.vjp(i, mask.astype(float), f, ones, parameters)) != 0

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        if self._text is None:
            return super().expression(names, parameters)
        return self._text(*names, **parameters)

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        if self._joint:
            moved = [
                tangent
                if tangent is not None
                else x
                if self._is_constant(i)
                else np.zeros(np.shape(bare(x)))
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

    def _is_constant(self, i: int) -> bool:
        return self._transposes[i] is None


class Biased(Linear):
    """Linear in each of two operands, plus a bias if there is a third: f = L(x, w) + spread(b).

    Args:
        name: the primitive's name.
        compute: the function on bare arrays, ``compute(x, w, b=None, **parameters)``.
        transposes: one rule for each of the three operands.
        spread: ``spread(b, f)``, the bias with axes that broadcast against the output.
        text: as for ``Linear``.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        *transposes: Contribution,
        spread: Callable[[Any, Any], Any],
        text: Callable[..., str] | None = None,
    ) -> None:
        super().__init__(name, compute, *transposes, text=text)
        self._spread = spread

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        terms = [super().jvp(tangents[:2], f, operands[:2], parameters)]
        if len(tangents) == 3 and tangents[2] is not None:
            terms.append(self._spread(tangents[2], f))
        return total(terms)


Rules: TypeAlias = "Contribution | Sequence[Contribution | None]"
"""A rule of a function of one operand, or one for each operand."""


class Explicit(Rule):
    """A function with a vjp and a jvp of its own, for what has no simpler form.

    Args:
        name: the primitive's name.
        compute: the function on bare arrays.
        vjp: ``vjp(t, f, *operands, **parameters)``, in the library's operations; for several
            operands one each, ``None`` for one that doesn't influence the output.
        jvp: ``jvp(tangent, f, *operands, **parameters)``, likewise: what the motion of one operand
            adds to the output's tangent.
        pattern: like ``vjp``, of a linear map in which the same elements influence each other; if
            not given, any element may influence any other.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        vjp: Rules,
        jvp: Rules,
        pattern: Rules | None = None,
    ) -> None:
        self.name = name
        self.compute = compute
        self._vjp = _for_each(vjp)
        self._jvp = _for_each(jvp)
        self._pattern = None if pattern is None else _for_each(pattern)

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        rule = self._vjp[i]
        return None if rule is None else rule(t, f, *operands, **parameters)

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        rule = None if self._pattern is None else self._pattern[i]
        if rule is None:
            return np.full(np.shape(operands[i]), mask.any())
        return rule(mask.astype(float), f, *operands, **parameters) != 0

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return total(
            [
                rule(tangent, f, *operands, **parameters)
                for rule, tangent in zip(self._jvp, tangents, strict=True)
                if rule is not None and tangent is not None
            ]
        )


def _for_each(rules: Rules) -> Sequence[Contribution | None]:
    return (rules,) if callable(rules) else rules


def total(terms: Sequence[Any | None]) -> Any | None:
    """The sum of the terms that are there; None if there is none."""
    present = [term for term in terms if term is not None]
    return reduce(operator.add, present) if present else None
