r"""The forward and the reverse pass as equations in LaTeX, aligned at their signs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.view import latex

if TYPE_CHECKING:
    from autodiff.view.description import Entry
    from autodiff.view.explanation import Explanation, Row
    from autodiff.view.terms import Term

_TERMS = 3  # of a sum in one line


def aligned(explanation: Explanation) -> str:
    """Two ``align*`` environments."""
    forward = [_assignment(entry) for entry in explanation.forward]
    backwards = [line for row in explanation.reverse for line in _adjoint(row)]
    if explanation.omitted:
        backwards.append(rf"&\ \ \vdots\quad\text{{{explanation.omitted} more steps}}")
    if explanation.wrt is not None:
        output, of = latex.name(explanation.schedule[0]), latex.name(explanation.wrt)
        total = rf"\frac{{\mathrm{{d}} {output}}}{{\mathrm{{d}} {of}}}"
        t = latex.adjoint(explanation.wrt)
        backwards.append(f"{total} &= {t} {value(explanation.derivative)}")
    return "\n\n".join(map(environment, (forward, backwards)))


def environment(lines: Sequence[str]) -> str:
    r"""Lines of an ``align*``."""
    inside = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{inside}\n\\end{{align*}}"


def _assignment(entry: Entry) -> str:
    sides = [latex.name(entry.name)]
    if entry.formula is not None:
        sides.append(f"= {latex.formula(entry.formula)}")
    if entry.value is None:
        sides.append(rf"\in {latex.shape(entry.shape)}")
    else:
        sides.append(f"= {latex.number(entry.value)}")
    first, *rest = sides
    return f"{first} &{' '.join(rest)}"


def _adjoint(row: Row) -> Iterator[str]:
    """A line each for the sum, for its formulas, and for its numbers with the total."""
    own = latex.adjoint(row.entry.name)
    total = value(row.adjoint)
    if not row.terms:
        name = latex.name(row.entry.name)
        start = rf"\frac{{\partial {name}}}{{\partial {name}}}"
        yield f"{own} &= {start if np.all(row.adjoint == 1) else _SEED} {total}"
        return
    sums = [
        [_derivative(term, row.entry) for term in row.terms],
        [_symbols(term) for term in row.terms],
        [_numbers(term) for term in row.terms],
    ]
    yield from equations(own, sums, total)


def equations(left: str, sums: Iterable[Sequence[str]], total: str) -> Iterator[str]:
    """One sum in several forms, each on lines of its own, and the total behind the last.

    A form is left out unless all of its terms can be written.
    """
    written = [list(_lines(terms)) for terms in sums if all(terms)]
    if not written:
        yield f"{left} &{total}"
        return
    written[-1][-1] += f" {total}"
    for k, (first, *rest) in enumerate(written):
        yield f"{'' if k else left} &= {first}"
        yield from rest


_SEED = r"\text{seed}"


def _lines(terms: Sequence[str]) -> Iterator[str]:
    """A sum, over several lines if it is long; negative terms after the first in parentheses."""
    signed = [_part(term, i) for i, term in enumerate(terms)]
    for start in range(0, len(signed), _TERMS):
        line = " + ".join(signed[start : start + _TERMS])
        yield rf"&\quad + {line}" if start else line


def _part(text: str, i: int) -> str:
    """A term or a factor, negative ones in parentheses except at the head."""
    return rf"\left({text}\right)" if i and text.startswith("-") else text


def product(factors: Iterable[str], sign: str = r" \cdot ") -> str:
    """Factors side by side."""
    return sign.join(_part(factor, i) for i, factor in enumerate(factors))


def _derivative(term: Term, operand: Entry) -> str:
    of_arrays = bool(operand.shape or np.ndim(term.adjoint))
    return rf"{partial(term.child, operand.name, of_arrays)}\,{latex.adjoint(term.child)}"


def partial(child: str, operand: str, transposed: bool) -> str:
    """A local partial, as a fraction."""
    text = rf"\frac{{\partial {latex.name(child)}}}{{\partial {latex.name(operand)}}}"
    return rf"\left({text}\right)^{{\top}}" if transposed else text


def _symbols(term: Term) -> str:
    if term.passed is not None:
        return latex.formula(term.passed)
    if term.partial is None:
        return ""
    text = product([latex.factor(term.partial), latex.adjoint(term.child)])
    return rf"\operatorname{{sum}}\left({text}\right)" if term.spread else text


def _numbers(term: Term) -> str:
    if term.number is None:
        return ""
    return product(map(latex.number, (term.number, float(term.adjoint))))


def value(adjoint: Any) -> str:
    """A number, or the set of arrays of a shape."""
    if np.ndim(adjoint):
        return rf"\in {latex.shape(np.shape(adjoint))}"
    return f"= {latex.number(float(adjoint))}"
