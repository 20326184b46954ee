"""Formulas read off a reverse schedule: each adjoint as a sum of products of local partials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from autodiff.view.explanation import Explanation
from examples.report import table

Terms: TypeAlias = Sequence[Sequence[str]]
"""A sum of products, each given by its factors."""


def read_off(explanation: Explanation) -> dict[str, Terms]:
    """Every adjoint of a schedule as a sum of products of local partials, factors of 1 left out.

    t_n = Σ over children c of n: ∂f_c/∂f_n · t_c; the adjoints of the children have been written
    out before, since the schedule visits them first.
    """
    written: dict[str, Terms] = {}
    for row in explanation.reverse:
        written[row.entry.name] = [
            (*([] if term.factor == "1" else [str(term.factor)]), *factors)
            for term in row.terms
            for factors in written[term.child]
        ] or [()]
    return written


def text_of(products: Sequence[Sequence[str]]) -> str:
    """A sum of products in writing."""
    return " + ".join("·".join(factors) for factors in products).replace("+ -", "- ")


def same_terms(some: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> bool:
    """Whether two sums have the same products, in whatever order."""
    return sorted(map(sorted, some)) == sorted(map(sorted, others))


@dataclass(frozen=True)
class Derived:
    """One gradient, in symbols.

    Attributes:
        of: what it is the gradient by.
        by_explain: its terms, read off the reverse schedule.
        by_formula: the terms of the identity.
    """

    of: str
    by_explain: Terms
    by_formula: Terms

    @property
    def agrees(self) -> bool:
        """Whether the terms are the same."""
        return same_terms(self.by_explain, self.by_formula)


def comparison(derived: Iterable[Derived], identities: dict[str, str]) -> str:
    """A table of gradients: what was read off, and what an identity says.

    Args:
        derived: the gradients.
        identities: the formula for each letter that a name begins with.
    """
    rows = [
        (
            f"dL/d{gradient.of}",
            text_of(gradient.by_explain),
            identities[gradient.of[0]],
            text_of(gradient.by_formula),
            "yes" if gradient.agrees else "NO",
        )
        for gradient in derived
    ]
    return table(("", "read off explain", "identity", "its terms", "the same"), rows)
