"""Check a formula that somebody gives, term by term, against numbers that the engine computed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


class FormulaError(ValueError):
    """A formula that can't be read; the message says where and why."""


def evaluate(formula: str, names: Mapping[str, Any]) -> Any:
    """The value of a formula made of numbers, names, parentheses and + - * / **.

    Nothing else is evaluated, so a formula from a file can do no harm.

    Args:
        formula: in Python's notation.
        names: the values of the names; with nodes among them, the result is a node.

    Raises:
        FormulaError: it is no such formula, or has no value here.

    Example:
        >>> evaluate("(p + q) * h * (1 - h)", {"p": 3.0, "q": 1.0, "h": 0.5})
        1.0
    """
    try:
        value = _value(ast.parse(formula.strip(), mode="eval").body, names)
        if not math.isfinite(value):
            raise FormulaError(f"{formula.strip()!r} is not a finite number")
    except (SyntaxError, ArithmeticError, RecursionError, TypeError) as fault:
        raise FormulaError(f"{formula.strip()!r} can't be computed: {fault}") from None
    return value


def _value(part: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(part, ast.Constant) and type(part.value) in (int, float):
        return float(part.value)  # type: ignore[arg-type]
    if isinstance(part, ast.Name):
        if part.id not in names:
            raise FormulaError(f"unknown name {part.id!r}; known are {', '.join(names)}")
        return names[part.id]
    if isinstance(part, ast.BinOp) and type(part.op) in _BINARY:
        return _BINARY[type(part.op)](_value(part.left, names), _value(part.right, names))
    if isinstance(part, ast.UnaryOp) and type(part.op) in _UNARY:
        return _UNARY[type(part.op)](_value(part.operand, names))
    raise FormulaError(
        f"{ast.unparse(part)!r}: a formula has numbers, names, parentheses and + - * / **"
    )


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
