"""What an expression may be made of. Everything that is not listed here is refused."""

from __future__ import annotations

import ast
import warnings
from difflib import get_close_matches

from autodiff.expressions.functions import COUNTS
from autodiff.expressions.tokens import Source

DEEPEST = 150  # operations within operations: a sum of so many terms
LARGEST_POWER = 1000

OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult,
    ast.UAdd, ast.USub, ast.Not, ast.And, ast.Or,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip
_PARTS = (
    ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.IfExp, ast.Call, ast.List, ast.Subscript, *OPERATORS,
)  # fmt: skip


def tree_of(source: Source) -> ast.expr:
    """The syntax tree of an expression that has nothing in it but what it may have.

    Raises:
        ExpressionError: it is no expression, or has something else in it, or is too deep.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the style
            tree = ast.parse(source.code, mode="eval").body
    except SyntaxError as fault:
        place = (fault.offset or 1) - 1
        if place >= len(source.code) - 1:
            source.refuse("something is missing at the end", len(source.code) - 1)
        source.refuse("this is not an expression", place)
    except (RecursionError, MemoryError):
        source.refuse("the expression is too deep", 0)
    waiting = [(tree, 1)]
    while waiting:
        part, depth = waiting.pop()
        _look_at(part, depth, source)
        waiting += [
            (child, depth + 1)
            for child in ast.iter_child_nodes(part)
            if isinstance(child, ast.expr)
        ]
    return tree


def names_in(tree: ast.expr, source: Source) -> tuple[str, ...]:
    """The names that need a value, in the order in which they are written."""
    called = {part.func for part in ast.walk(tree) if isinstance(part, ast.Call)}
    found = [part for part in ast.walk(tree) if isinstance(part, ast.Name) and part not in called]
    found.sort(key=lambda part: part.col_offset)
    return tuple(dict.fromkeys(source.spellings[part.id] for part in found))


def _look_at(part: ast.expr, depth: int, source: Source) -> None:
    """Refuse a part that has no place in an expression."""
    place = part.col_offset
    if depth > DEEPEST:
        source.refuse(f"operations within operations go {DEEPEST} deep at most", place)
    if not isinstance(part, _PARTS):
        kind = "a comma is for arguments and lists" if isinstance(part, ast.Tuple) else (
            "this has no place in an expression"
        )  # fmt: skip
        source.refuse(kind, place)
    match part:
        case ast.BinOp(op=ast.Pow(), right=exponent):
            _check_power(exponent, source)
        case ast.Call():
            _check_call(part, source)
        case ast.Subscript(slice=index) if whole_number(index) is None:
            source.refuse("an index is a whole number, such as x[0]", index.col_offset)
        case ast.List(elts=[]):
            source.refuse("this list is empty", place)


def _check_call(call: ast.Call, source: Source) -> None:
    if not isinstance(call.func, ast.Name):
        source.refuse("only functions can be called: products are written with *", call.col_offset)
    name = source.spellings[call.func.id]
    if name not in COUNTS:
        close = get_close_matches(name, COUNTS, 1)
        hint = f"did you mean {close[0]}?" if close else f"a product is written {name}*(…)"
        source.refuse(f"there is no function {name}: {hint}", call.func.col_offset)
    if call.keywords:
        source.refuse("arguments have no names here", call.keywords[0].col_offset)
    least, most = COUNTS[name]
    if not least <= len(call.args) <= most:
        count = f"{least}" if least == most else f"at least {least}"
        many = "argument" if count.endswith("1") else "arguments"
        reason = f"{name} takes {count} {many}, not {len(call.args)}"
        source.refuse(reason, call.func.col_offset)
    if name in ("pow", "power"):
        _check_power(call.args[1], source)


def _check_power(exponent: ast.expr, source: Source) -> None:
    """Refuse a large constant exponent, and a tower of constants."""
    if isinstance(exponent, ast.UnaryOp):
        _check_power(exponent.operand, source)
    if isinstance(exponent, ast.Constant) and _size(exponent) > LARGEST_POWER:
        source.refuse(f"exponents go up to {LARGEST_POWER:,}", exponent.col_offset)


def _size(number: ast.Constant) -> float:
    assert isinstance(number.value, (int, float))
    return abs(number.value)


def whole_number(index: ast.expr) -> int | None:
    """The number that an index is; None if it is anything else."""
    match index:
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
    return None
