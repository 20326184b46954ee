"""Take the text of an expression apart, and write it anew for Python's own parser.

What Python's parser gets to see is ASCII: numbers, operators, brackets, the four words ``if``,
``else``, ``and``, ``or``, ``not``, and ``_0``, ``_1``, ... in place of names. So names may be what
Python's may not be (``x₁``, ``lambda``), and stay as they were written: Python takes ϑ for θ, as
identifiers are brought into the form NFKC (Python Language Reference, 2.3); here they differ.
Operators may be those of mathematics (``·``, ``−``, ``≤``, ``x²``).
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

from autodiff.expressions.errors import ExpressionError

LONGEST = 2000  # characters
DEEPEST = 50  # brackets within brackets

_WORDS = frozenset({"if", "else", "and", "or", "not"})
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OPERATOR = re.compile(r"\*\*|//|<=|>=|==|!=|[-+*/%@<>,]")
_MATHEMATICAL = {
    "·": "*", "⋅": "*", "∙": "*", "×": "*", "÷": "/", "∕": "/", "−": "-",
    "≤": "<=", "≥": ">=", "≠": "!=",
}  # fmt: skip
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_EXPONENT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_BRACKETS = {")": "(", "]": "["}
_EXACT = 2**53  # floats hold whole numbers up to here
_HINTS = {
    ".": "a point is for numbers like 0.5 only: attributes can't be reached",
    "=": "'=' gives no value inside of an expression: compare with '==', give values after it",
    "^": "a power is written **",
    "&": "conditions are joined with 'and'",
    "|": "conditions are joined with 'or'; an absolute value is abs(…)",
    "!": "conditions are negated with 'not'",
    "√": "a square root is written sqrt(…)",
    "'": "text can't be part of an expression",
    '"': "text can't be part of an expression",
}


@dataclass(frozen=True)
class Source:
    """An expression as Python's parser gets it.

    Attributes:
        text: what the user wrote.
        code: the same for Python's parser.
        columns: for each character of ``code``, its place in ``text``.
        spellings: what the user calls ``_0``, ``_1``, ...
    """

    text: str
    code: str
    columns: tuple[int, ...]
    spellings: dict[str, str]

    def refuse(self, reason: str, place: int) -> NoReturn:
        """Raise an error that marks a place in ``code``."""
        raise ExpressionError(reason, self.text, self.columns[min(place, len(self.columns) - 1)])


def read(text: str) -> Source:
    """Take a text apart.

    Raises:
        ExpressionError: it is empty, too long or too deep, or has something in it that is no part
            of any expression.

    Example:
        >>> read("2·x₁²").code
        '( 2 * _0 **(2))'
    """
    text = unicodedata.normalize("NFC", text)
    if len(text) > LONGEST:
        reason = f"an expression has at most {LONGEST:,} characters, this one has {len(text):,}"
        raise ExpressionError(reason, text, LONGEST)
    if not text.strip():
        raise ExpressionError("the expression is empty", text, 0)
    pieces, columns = ["("], [0]
    names: dict[str, str] = {}
    opened: list[tuple[str, int]] = []
    place = 0
    while place < len(text):
        end, piece = _piece(text, place, names, opened)
        if piece:
            if _lacks_operator(pieces[-1], piece):
                reason = "an operator is missing here: products are written with *"
                raise ExpressionError(reason, text, place)
            pieces.append(piece)
            columns += [place] * len(piece)
        place = end
    if opened:
        raise ExpressionError("this bracket is never closed", text, opened[-1][1])
    spellings = {placeholder: name for name, placeholder in names.items()}
    return Source(text, "".join([*pieces, ")"]), (*columns, len(text)), spellings)


def is_name(text: str) -> bool:
    """Whether a text is a single name.

    Example:
        >>> is_name("x₁"), is_name("2x"), is_name("x y")
        (True, False, False)
    """
    return bool(text) and _begins_name(text[0]) and _end_of_name(text, 0) == len(text)


def _piece(
    text: str, place: int, names: dict[str, str], opened: list[tuple[str, int]]
) -> tuple[int, str]:
    """Where the token at a place ends, and how it reads for Python."""
    character = text[place]
    if character.isspace():
        return place + 1, ""
    if _begins_name(character):
        end = _end_of_name(text, place)
        name = text[place:end]
        word = name if name in _WORDS else names.setdefault(name, f"_{len(names)}")
        return end, f" {word}"
    if number := _NUMBER.match(text, place):
        return number.end(), f" {_number(number[0], text, place)}"
    if exponent := _EXPONENT.match(text, place):
        plain = "".join(_SUPERSCRIPTS[c] for c in exponent[0])
        return exponent.end(), f" **({int(plain)})"
    if character in "([":
        opened.append((character, place))
        if len(opened) > DEEPEST:
            reason = f"brackets within brackets go {DEEPEST} deep at most"
            raise ExpressionError(reason, text, place)
        return place + 1, character
    if character in _BRACKETS:
        if not opened or opened.pop()[0] != _BRACKETS[character]:
            raise ExpressionError(f"no bracket is open that '{character}' closes", text, place)
        return place + 1, character
    if operator := _OPERATOR.match(text, place):
        return operator.end(), f" {operator[0]}"
    if character in _MATHEMATICAL:
        return place + 1, f" {_MATHEMATICAL[character]}"
    named = character if character.isprintable() else f"U+{ord(character):04X}"
    hint = _HINTS.get(character, f"'{named}' is not part of any expression")
    raise ExpressionError(hint, text, place)


def _lacks_operator(before: str, piece: str) -> bool:
    """Whether one operand follows another: ``2 x``, ``2(``, ``)x``, ``)(``."""
    words = {before.strip(), piece.strip()} & _WORDS
    ends = before[-1] in ")]" or before[-1].isalnum()
    follows = piece.strip()[0] in "_.0123456789"
    opens = piece == "(" and not before.startswith(" _")  # a name before it is called
    return not words and ends and (follows or opens)


def _number(digits: str, text: str, place: int) -> str:
    """A number as Python writes it."""
    if digits.isdecimal() and int(digits) <= _EXACT:
        return str(int(digits))
    number = float(digits)
    if math.isinf(number):
        raise ExpressionError("this number is too large for a float", text, place)
    return repr(number)


def _begins_name(character: str) -> bool:
    return character.isalpha() or character == "_"


def _end_of_name(text: str, place: int) -> int:
    while place < len(text) and _continues_name(text[place]):
        place += 1
    return place


def _continues_name(character: str) -> bool:
    """Letters, digits and accents; subscripts and primes, but no superscripts: these are powers."""
    if character in _SUPERSCRIPTS:
        return False
    return (
        character.isalnum()
        or character in "_′₊₋"
        or unicodedata.category(character) in ("Mn", "Mc")
    )
