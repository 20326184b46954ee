"""An expression that has been read, and its value."""

from __future__ import annotations

import ast
import operator
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from autodiff.arrays import Array
from autodiff.expressions import functions, grammar, tokens
from autodiff.expressions.tokens import Source
from autodiff.graph import Node, bare

Functions = Callable[[str], Callable[..., Any]]
"""What gives the operation of a name."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_KNOWN = 12  # names that a message lists
_FAULTS = (ArithmeticError, ValueError, TypeError, IndexError, AttributeError, MemoryError)


@dataclass(frozen=True)
class Expression:
    """A function of named numbers and arrays.

    Attributes:
        text: as it was written.
        names: the names that need a value, in the order in which they are written; constants such
            as ``pi`` are among them.
    """

    source: Source
    tree: ast.expr
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The expression as it was written."""
        return self.source.text.strip()

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The names that have no value of their own."""
        return tuple(name for name in self.names if name not in functions.CONSTANTS)

    def __call__(
        self, values: Mapping[str, Any], functions_of: Functions = functions.function
    ) -> Any:
        """The value of the expression.

        Of ``a if c else b``, and of ``and`` and ``or``, only what is needed is computed. Where the
        condition is an array, that is both sides, and each element takes its own.

        Args:
            values: of the names; with nodes among them, the result is a node.
            functions_of: other operations than the library's, for other kinds of numbers.

        Raises:
            ExpressionError: a name has no value, or an operation can't be computed.
        """
        return _Evaluation(self.source, values, functions_of).value(self.tree)


def parse(text: str) -> Expression:
    """Read an expression; nothing of it is ever run as Python.

    It may have in it: numbers, names, lists of numbers, ``+ - * / // % @ **``, comparisons,
    ``and``, ``or``, ``not``, ``a if c else b``, an index such as ``x[0]``, and calls of the
    functions in ``autodiff.expressions.functions``. Operators may be written as in mathematics:
    ``2·x₁² ≤ 1``.

    Raises:
        ExpressionError: it is anything else, or too long or too deep; printed, the error marks the
            place.

    Example:
        >>> parse("x if x > 0 else exp(x) - 1")({"x": 2.0})
        2.0
        >>> parse("x.real")
        Traceback (most recent call last):
        ...
        autodiff.expressions.errors.ExpressionError: a point is for numbers like 0.5 only: ...
          x.real
           ^
    """
    source = tokens.read(text)
    tree = grammar.tree_of(source)
    return Expression(source, tree, grammar.names_in(tree, source))


@dataclass
class _Evaluation:
    source: Source
    values: Mapping[str, Any]
    functions_of: Functions

    def value(self, part: ast.expr) -> Any:
        """The value of a part of the syntax tree."""
        match part:
            case ast.Constant(value=number):
                return number
            case ast.Name(id=placeholder):
                return self.named(self.source.spellings[placeholder], part)
            case ast.BinOp(left=left, op=op, right=right):
                operation = _BINARY[type(op)]
                if operation is operator.pow and self.functions_of is not functions.function:
                    operation = self.functions_of("pow")  # other numbers have limits of their own
                return self.applied(operation, [left, right], part)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.applied(operator.neg, [operand], part)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.applied(_negated, [operand], part)
            case ast.Call(func=ast.Name(id=placeholder), args=arguments):
                function = self.functions_of(self.source.spellings[placeholder])
                return self.applied(function, arguments, part)
            case ast.Subscript(value=array, slice=index):
                k = grammar.whole_number(index)
                return self.applied(lambda x: _element(x, k), [array], part)
            case ast.List(elts=elements):
                return self.applied(_array, elements, part)
            case ast.Compare():
                return self.comparison(part)
            case ast.BoolOp(op=op, values=conditions):
                return self.joined(isinstance(op, ast.And), conditions)
            case ast.IfExp():
                return self.choice(part)
        raise AssertionError(f"the grammar lets {type(part).__name__} through")

    def named(self, name: str, part: ast.expr) -> Any:
        if name in self.values:
            return self.values[name]
        if name not in functions.CONSTANTS:
            self.source.refuse(f"{name} has no value: {self.hint(name)}", part.col_offset)
        return functions.CONSTANTS[name]

    def hint(self, name: str) -> str:
        """What may have been meant by a name without a value."""
        if name in functions.COUNTS:
            return f"the function is called as {name}(…)"
        alike = [other for other in self.values if _folded(other) == _folded(name)]
        if alike:
            return f"{alike[0]} has one, and is written with other letters"
        return f"known are {', '.join([*self.values][:_KNOWN]) or 'none'}"

    def applied(
        self, operation: Callable[..., Any], operands: list[ast.expr], part: ast.expr
    ) -> Any:
        values = [self.value(operand) for operand in operands]
        if operation is operator.pow and not any(isinstance(v, Node) for v in values):
            values = [float(v) if isinstance(v, int) else v for v in values]  # never huge integers
        try:
            result = operation(*values)
        except _FAULTS as fault:
            self.fail(fault, part)
        if isinstance(result, complex):
            self.source.refuse("this is not a real number", part.col_offset)
        return result

    def comparison(self, part: ast.Compare) -> Any:
        """``a < b < c`` is ``a < b and b < c``."""
        sides = [bare(self.value(side)) for side in (part.left, *part.comparators)]
        holds: Any = True
        for op, left, right in zip(part.ops, sides, sides[1:], strict=False):
            try:
                holds = holds & truth(_COMPARISONS[type(op)](left, right))
            except _FAULTS as fault:
                self.fail(fault, part)
        return holds

    def joined(self, both: bool, conditions: list[ast.expr]) -> Any:
        holds: Any = both
        for condition in conditions:
            holds_too = truth(self.value(condition))
            try:
                holds = holds & holds_too if both else holds | holds_too
            except _FAULTS as fault:
                self.fail(fault, condition)
            if holds is (not both):
                break
        return holds

    def choice(self, part: ast.IfExp) -> Any:
        condition = truth(self.value(part.test))
        if isinstance(condition, bool):
            return self.value(part.body if condition else part.orelse)
        where = self.functions_of("where")
        return self.applied(
            lambda taken, other: where(condition, taken, other), [part.body, part.orelse], part
        )

    def fail(self, fault: BaseException, part: ast.expr) -> NoReturn:
        """Say at which place of the expression an operation failed."""
        if isinstance(fault, OverflowError):
            reason = "the result is too large for a float"
        else:
            reason = (str(fault) or type(fault).__name__).splitlines()[0].strip()
        place = part.col_offset
        if isinstance(part, ast.BinOp):  # the operator stands behind the brackets of its left side
            place = part.left.end_col_offset or place
            while self.source.code[place] in " )":
                place += 1
        self.source.refuse(reason, place)


def truth(condition: Any) -> bool | Array:
    """A condition as a bool, or as an array of them; numbers other than zero count as true."""
    holds = np.asarray(bare(condition)).astype(bool)
    return holds if holds.ndim else bool(holds)


def _negated(condition: Any) -> Any:
    holds = truth(condition)
    return not holds if isinstance(holds, bool) else ~holds


def _element(array: Any, k: int | None) -> Any:
    if not np.ndim(bare(array)):
        raise TypeError("only an array has elements; this is a number")
    return array[k]


def _array(*elements: Any) -> Array:
    if any(isinstance(element, Node) for element in elements):
        raise TypeError("a list is of numbers: a name in it has no place")
    if len({np.shape(element) for element in elements}) > 1:
        raise ValueError("the rows of a list must have the same length")
    return np.array(elements, dtype=float)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
