"""How names, numbers and formulas are written for people.

A formula of a primitive is Python text, ``2 * x ** 3``. People read ``2·x³``, and with the names of
*their* nodes in it. Labels are free text, so what could disturb a line of text is made visible
here, once for all views.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff.ops import formula

LONGEST_NAME = 24
"""How many characters of a name a formula shows."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SIGNS = {"*": "×", "**": "^", "-": "−"}
_HARMLESS = "\N{NO-BREAK SPACE}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # parts of words

_PLACEHOLDER = re.compile(r"(?<!\w)_(?:[0-9]+|f)(?![A-Za-z0-9_])")
_POWER = re.compile(r" \*\* (?:\((-\d+)\)|(-?\d+))(?![\w.])")
_TRANSPOSED = re.compile(
    r"(?<=[\w)\]])\.m?T(?!\w)"
)  # of a placeholder, or of what stands in brackets
_NEGATIVE_FACTOR = re.compile(r"·(-[\d.]+(?:e[+-]\d+)?)")


# --- names and numbers ----------------------------------------------------------------------------


def number(value: float) -> str:
    """A number to six significant digits; zero has no sign.

    Example:
        >>> number(3.0), number(-0.6536436), number(-0.0)
        ('3', '-0.653644', '0')
    """
    return f"{value + 0.0:.6g}"


def visible(label: str) -> str:
    r"""A label as one line in which every character shows.

    What can't be seen, breaks the line or reorders the text around it is written as its code.

    Example:
        >>> print(visible("two" + chr(10) + "lines"))
        two\nlines
    """
    return "".join(
        character
        if character.isprintable() or character in _HARMLESS
        else character.encode("unicode_escape").decode()
        for character in label
    )


def shortened(text: str, longest: int = LONGEST_NAME) -> str:
    """The text with its middle left out if it is longer than ``longest`` characters.

    Example:
        >>> shortened("the_activation_of_the_second_layer")
        'the_activati…econd_layer'
    """
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"


def subscripted(name: str) -> str:
    """A short name with the digits at its end as a subscript, as in print.

    Example:
        >>> subscripted("x1"), subscripted("θ"), subscripted("layer2")
        ('x₁', 'θ', 'layer2')
    """
    match = re.fullmatch(r"([^\W\d_]{1,2})([0-9]+)", name)
    return match[1] + match[2].translate(_SUBSCRIPTS) if match else name


def atom(name: str) -> str:
    """A name as part of a formula: in parentheses unless it reads as one word.

    Example:
        >>> atom("x₁"), atom("w₋₁"), atom("W.grad"), atom("a + b")
        ('x₁', 'w₋₁', 'W.grad', '(a + b)')
    """
    return name if re.fullmatch(r"[\w.′'₀-₉₋…]+", name) else f"({name})"


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """The text filled up with spaces to a width."""
    return text + " " * (columns - width(text))


# --- formulas -------------------------------------------------------------------------------------


def placeholders(constants: Sequence[str | None]) -> list[str]:
    """Stand-ins for operands in a formula: a constant for itself, ``_0``, ``_1`` ... for nodes.

    Names of nodes are free text and would be read as Python; they go in when the text is final.
    """
    return [f"_{i}" if text is None else text for i, text in enumerate(constants)]


def written(text: str, names: Mapping[str, str]) -> str:
    """A formula as people write it, with names in place of placeholders.

    Example:
        >>> written("2 * _0 ** 3 / _1", {"_0": "x", "_1": "y"})
        '2·x³/y'
    """
    text = _TRANSPOSED.sub("ᵀ", text)
    text = _POWER.sub(lambda match: (match[1] or match[2]).translate(_SUPERSCRIPTS), text)
    text = text.replace(" ** ", "**").replace(" * ", "·").replace(" / ", "/")
    text = _NEGATIVE_FACTOR.sub(r"·(\1)", text)
    return _PLACEHOLDER.sub(lambda match: atom(names.get(match[0], match[0])), text)


def sign(expression: str, name: str) -> str:
    """The sign of an operation, given its expression in placeholders; its name if it has none.

    Example:
        >>> sign("_0 * _1", "mul"), sign("-_0", "neg"), sign("sin(_0)", "sin")
        ('×', '−', 'sin')
    """
    match = re.fullmatch(r"_0 (\S+) _1|(-)_0", expression)
    return name if match is None else _SIGNS.get(match[1] or match[2], match[1])


def decided(text: str, values: Mapping[str, Any] | None) -> str:
    """A local partial with its choices taken as the numbers decide; a comparison in brackets.

    Args:
        text: the formula, in placeholders.
        values: the number of each placeholder; None for arrays, whose elements differ.

    Example:
        >>> decided("where(_0 == 1, 0.5, _0 > 1)", {"_0": 3.0})
        '[_0 > 1]'
    """
    partial = formula.parse(text)
    if values is not None:
        partial = _Decide(values).visit(partial)
    text = formula.unparse(partial, {})
    return f"[{text}]" if isinstance(partial, ast.Compare) else text


class _Decide(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="where"), args=[condition, taken, other]):
                holds = formula.function(condition, ", ".join(self.values), {})
                return taken if holds(*self.values.values()) else other
        return node


def factor(text: str) -> str:
    """A formula, in placeholders, as a factor of a product: a sum goes into parentheses.

    Example:
        >>> factor("1 + _f * _f"), factor("sin(_0 + _1)")
        ('(1 + _f * _f)', 'sin(_0 + _1)')
    """
    match formula.parse(text):
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return f"({text})"
    return text


def product(left: str, right: str, *, leading: bool) -> str:
    """Two factors, negative ones in parentheses except at the head of a sum.

    Example:
        >>> product("-2", "-0.5", leading=True), product("-2", "t", leading=False)
        ('-2·(-0.5)', '(-2)·t')
    """
    if left.startswith("-") and not leading:
        left = f"({left})"
    return f"{left}·({right})" if right.startswith("-") else f"{left}·{right}"
