"""What one child contributes to an adjoint, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.view import notation
from autodiff.view.description import Entry
from autodiff.view.formulas import Formula
from autodiff.view.layout import Style

_LONGEST = 60  # characters of a formula


@dataclass(frozen=True)
class Term:
    """What one child contributes to an adjoint: ∂f_c/∂f_n · t_c.

    Attributes:
        child: the name of the child.
        factor: the local partial as a formula; None where the operation has no formula.
        number: the local partial as a number; None unless all of the child's operands are scalars.
        adjoint: t_c.
        spread: whether the operand was broadcast, so that the contribution is summed back.
        partial: the local partial for any format; None where ``factor`` is.
        passed: (∂f_c/∂f_n)ᵀ t_c as a whole, read off the rule; None where there is a ``factor``,
            and where a rule is no formula: one of a user's own, or one of many steps.
    """

    child: str
    factor: str | None
    number: float | None
    adjoint: float | Array
    spread: bool
    partial: Formula | None = field(default=None, compare=False, repr=False)
    passed: Formula | None = field(default=None, compare=False, repr=False)


def short(formula: Formula, style: Style) -> str:
    """A formula, with its middle left out if it is long."""
    plain = str(formula)
    if len(plain) > _LONGEST:
        return style.rest(notation.shortened(plain, _LONGEST))
    return formula.written(style.name, style.adjoint, style.rest)


def derivative(term: Term, operand: Entry, style: Style) -> str:
    """The contribution as ∂f_c/∂f_n · t_c; of arrays, the partials form a matrix."""
    child = style.name(term.child)
    partial = f"∂{child}/∂{style.name(operand.name)}"
    if operand.shape or np.ndim(term.adjoint):
        return f"({partial})ᵀ {style.adjoint(term.child)}"
    return f"{partial}·{style.adjoint(term.child)}"


def symbols(term: Term, i: int, style: Style) -> str:
    """The contribution as a formula; ``i`` counts the terms of a sum."""
    if term.passed is not None:
        text = short(term.passed, style)
        return f"({text})" if text.startswith("-") and i else text
    if term.partial is None:
        return ""
    factor = short(term.partial, style)
    if not term.partial.is_factor:
        factor = f"({factor})"
    text = notation.product(factor, style.adjoint(term.child), leading=not i)
    return f"sum({text})" if term.spread else text


def numbers(term: Term, i: int) -> str:
    """The contribution as a product of numbers."""
    if term.number is None:
        return ""
    number, adjoint = notation.number(term.number), notation.number(float(term.adjoint))
    return notation.product(number, adjoint, leading=not i)


def value_of(adjoint: Any) -> str:
    """A number, or the shape of an array."""
    if np.ndim(adjoint):
        return f": {np.shape(adjoint)}"
    return f"= {notation.number(float(adjoint))}"
