"""The nine terms of a filter weight's error in the mini CNN, and a check of somebody's formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import autodiff as ad
from autodiff import Tensor, Value
from examples.mini_network import (
    MAP,
    POOLED,
    Array,
    Computed,
    Given,
    Pooling,
    behind_the_filters,
    by_engine,
    random_numbers,
)
from examples.report import shown
from examples.term_check import evaluate

Weight: TypeAlias = tuple[int, int, int]
"""Which filter, and its row and column, all counted from 0."""

TRIALS = 5  # random networks on which a term must be right


def nine_terms(given: Given, weight: Weight, pooling: Pooling = "sum") -> Array:
    """What each place of the map contributes to the error of a filter weight, by the engine.

    Every place gets a filter of its own, of the same numbers. The error of a shared weight is the
    sum of the errors of its copies, so the errors of the copies are the terms.
    """
    own = Tensor(np.broadcast_to(given.w[:, np.newaxis, np.newaxis], (3, 3, 3, 2, 2)).copy())
    a = ad.sum(own * ad.windows(given.x, (2, 2)), (-2, -1))
    behind_the_filters(ad.reshape(a, (1, 3, 3, 3)), given, pooling)["E"].backward()
    assert own.grad is not None
    k, c, d = weight
    terms: Array = own.grad[k, :, :, c, d]
    return terms


def windows_of(m: int, n: int) -> list[tuple[int, int]]:
    """The pooling windows that (m,n) lies in: where the engine's ∂p(i,j)/∂h(m,n) is not 0."""
    h = np.zeros((1, 1, 3, 3))
    partials = ad.jacobian(lambda h: ad.sum_pool(h, 2, stride=1))(h)[0, 0, :, :, 0, 0, m, n]
    return [(i, j) for i, j in POOLED if partials[i, j] != 0]


def formula_text(m: int, n: int, weight: Weight, windows: Sequence[tuple[int, int]]) -> str:
    """A term in writing, with the pooled errors of some windows."""
    errors = " + ".join(f"P{i + 1}{j + 1}" for i, j in windows)
    errors = f"({errors})" if len(windows) > 1 else errors
    _, c, d = weight
    h = f"h{m + 1}{n + 1}"
    return f"{errors} * {h} * (1 - {h}) * x{m + c + 1}{n + d + 1}"


def key_of(m: int, n: int) -> str:
    """How a candidate's file names the place (m,n)."""
    return f"{m + 1}{n + 1}"


def right_terms(weight: Weight) -> dict[str, str]:
    """The nine terms as they should be."""
    return {key_of(m, n): formula_text(m, n, weight, windows_of(m, n)) for m, n in MAP}


def first_window_terms(weight: Weight) -> dict[str, str]:
    """A mistake that is easily made: each place hears of the first of its windows only.

    As if pooling windows did not overlap.
    """
    return {key_of(m, n): formula_text(m, n, weight, windows_of(m, n)[:1]) for m, n in MAP}


@dataclass(frozen=True)
class Term:
    """One of the nine terms of a candidate, compared with the engine's.

    Attributes:
        key: its place, "11" to "33".
        candidate: the formula given.
        correct: the right formula.
        value: of the candidate, on the network of the report.
        engine: what the engine has there.
        is_right: whether the two agree on all networks tried.
        remark: what is wrong.
    """

    key: str
    candidate: str
    correct: str
    value: float
    engine: float
    is_right: bool
    remark: str


def check_terms(candidate: dict[str, str], weight: Weight, seed: int = 0) -> list[Term]:
    """Compare a formula for the error of a filter weight with the engine, term by term.

    Raises:
        FormulaError: a term can't be computed.
    """
    checked = []
    networks = [random_numbers(seed + trial) for trial in range(TRIALS)]
    truths = [nine_terms(given, weight) for given in networks]
    passes = [by_engine(given) for given in networks]
    correct = right_terms(weight)
    for m, n in MAP:
        key = key_of(m, n)
        found = []
        for given, computed in zip(networks, passes, strict=True):
            found.append(float(evaluate(candidate[key], _names(given, computed, weight[0]))))
        engine = [float(terms[m, n]) for terms in truths]
        is_right = all(abs(x - t) <= 1e-10 * abs(t) for x, t in zip(found, engine, strict=True))
        remark = ""
        if not is_right:
            scale = engine[0] / passes[0].errors["h"][weight[0], m, n]
            names = _names(networks[0], passes[0], weight[0])
            remark = _what_is_wrong(candidate[key], names, scale, windows_of(m, n))
        term = Term(key, candidate[key], correct[key], found[0], engine[0], is_right, remark)
        checked.append(term)
    return checked


def _names(given: Given, computed: Computed, k: int) -> dict[str, float]:
    """What the formulas of channel k are made of."""
    arrays = {"P": computed.errors["p"][k], "h": computed.values["h"][k], "x": given.x}
    return {
        f"{name}{i + 1}{j + 1}": float(array[i, j])
        for name, array in arrays.items()
        for i, j in np.ndindex(array.shape)
    }


def _what_is_wrong(
    formula: str, names: dict[str, float], scale: float, windows: Sequence[tuple[int, int]]
) -> str:
    """Compare how often a formula counts each pooled error with how often it should.

    Its derivative by P(i,j), again by the engine, over h·(1 - h)·x, which is ``scale``.
    """
    errors = {f"P{i + 1}{j + 1}": (i, j) in windows for i, j in POOLED}
    nodes: dict[str, Any] = {**names, **{name: Value(names[name]) for name in errors}}
    value = evaluate(formula, nodes)
    if isinstance(value, Value):
        value.backward()
    counts = {name: (nodes[name].grad or 0.0) / scale for name in errors}
    needed = {round(counts[name], 9) for name, belongs in errors.items() if belongs}
    if len(needed) == 1 and needed not in ({0.0}, {1.0}) and not any(
        counts[name] for name, belongs in errors.items() if not belongs
    ):  # fmt: skip
        return f"h, 1 - h or x: {shown(needed.pop())} times too large here"
    forgotten = [name for name, belongs in errors.items() if belongs and not counts[name]]
    faults = [f"forgets {', '.join(forgotten)}"] if forgotten else []
    for name, belongs in errors.items():
        count = round(counts[name], 9)
        if not belongs and count:
            faults.append(f"{name} does not belong here")
        elif count not in (0, 1):
            faults.append(f"counts {name} {shown(count)} times")
    return ", ".join(faults) or "something is added that does not belong here"
