"""Check a formula that somebody gives, term by term, against numbers that the engine computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff.expressions import ExpressionError, parse
from autodiff.graph import bare


class FormulaError(ValueError):
    """A formula that can't be read; the message says where and why."""


def evaluate(formula: str, names: Mapping[str, Any]) -> Any:
    """The value of a formula of names, as ``autodiff.expressions`` reads it.

    Nothing is run as Python, so a formula from a file can do no harm.

    Args:
        formula: such as ``(P11 + P12) * h12 * (1 - h12) * x12``.
        names: the values of the names; with nodes among them, the result is a node.

    Raises:
        FormulaError: it is no such formula, or has no value here.

    Example:
        >>> evaluate("(p + q) * h * (1 - h)", {"p": 3.0, "q": 1.0, "h": 0.5})
        1.0
    """
    try:
        value = parse(formula.strip())(names)
    except ExpressionError as fault:
        raise FormulaError(f"{fault.text!r} can't be computed: {fault.reason}") from None
    if np.ndim(bare(value)) or not math.isfinite(value):
        raise FormulaError(f"{formula.strip()!r} is not a finite number")
    return value


def read_terms(text: str, keys: list[str]) -> dict[str, str]:
    """The terms of a sum from text with a line ``key: formula`` for each; # begins a comment.

    Raises:
        FormulaError: a line has no colon, or a key is unknown, missing or there twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        key, colon, formula = (part.strip() for part in line.partition(":"))
        if not colon or not formula:
            raise FormulaError(f"line {number}: expected 'term: formula', got {line!r}")
        if key not in keys:
            raise FormulaError(f"line {number}: there is no term {key!r}, only {', '.join(keys)}")
        if key in found:
            raise FormulaError(f"line {number}: term {key} is there twice")
        found[key] = formula
    missing = [key for key in keys if key not in found]
    if missing:
        raise FormulaError(f"terms are missing: {', '.join(missing)}")
    return found
