"""Formulas: one text for a local partial derivative, read in four ways.

A pointwise primitive states its value and its partials as formulas, ``"cos(x)"`` or ``"-f / y"``,
in its operands ``x``, ``y`` and its output ``f``. The text is parsed once and becomes

* Python source on floats, for the generated operators and short cuts of ``Value``;
* a function on arrays (the names are NumPy's);
* a function on nodes (the names are the library's own), so that a partial can be differentiated;
* the label on the edge of a drawing, with the operands' own names in it.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any


def parse(text: str) -> ast.expr:
    """The syntax tree of a formula."""
    return ast.parse(text, mode="eval").body


def unparse(formula: ast.expr, names: Mapping[str, str]) -> str:
    """The formula as text, with its variables called by other names."""
    return ast.unparse(_Rename(names).visit(deepcopy(formula)))


def expanded(formula: ast.expr, meanings: Mapping[str, ast.expr]) -> ast.expr:
    """The formula with calls of some names replaced by what they mean, formulas in ``x``, ``y``."""
    expansion: ast.expr = _Expand(meanings).visit(deepcopy(formula))
    return expansion


def replaced(formula: ast.expr, meanings: Mapping[str, ast.expr]) -> ast.expr:
    """The formula with other formulas in the place of some of its variables."""
    replacement: ast.expr = _Substitute(meanings).visit(deepcopy(formula))
    return replacement


def simplified(formula: ast.expr, names: Mapping[str, str]) -> str:
    """The formula as text, with decided what is decided where a name is a number.

    ``y * x ** (y - 1)`` with ``y`` = 2 reads ``2 * x``.
    """
    return ast.unparse(_Simplify().visit(_Rename(names).visit(deepcopy(formula))))


OPERATORS = {"times": operator.mul, "greater": operator.gt, "factor": operator.pow}
"""What a formula calls in place of ``*`` before a partial, of ``>``, and of a power that is a
factor: there are faster ones. So there is of a choice where a number is positive, ``gate``."""


def function(formula: ast.expr, arguments: str, namespace: dict[str, Any]) -> Callable[..., Any]:
    """A Python function of the comma-separated ``arguments`` that computes the formula.

    ``namespace`` says what its names mean. Where it has none of its own for ``OPERATORS``, which
    come from here, it gets these.
    """
    for name, operation in OPERATORS.items():
        namespace.setdefault(name, operation)
    if "select" in namespace:
        select, greater = namespace["select"], namespace["greater"]
        namespace.setdefault("gate", lambda x, t: select(greater(x, 0), t, 0.0))
    source = f"lambda {arguments}: {ast.unparse(_Elementwise().visit(deepcopy(formula)))}"
    compiled: Callable[..., Any] = eval(source, namespace)
    return compiled


def scalar_source(formula: ast.expr) -> str:
    """The formula as source on Python floats: choices decide, and a power never turns complex."""
    return ast.unparse(_Scalar().visit(deepcopy(formula)))


def variables(formula: ast.expr) -> set[str]:
    """The names that the formula reads."""
    return {node.id for node in ast.walk(formula) if isinstance(node, ast.Name)}


def contribution(partial: ast.expr) -> ast.expr | None:
    """``t`` times a local partial, in its best form: ``t`` for ``1``, ``t / x`` for ``1 / x``.

    ``None`` where the partial is zero. A condition is a partial of 1 or 0 and selects ``t``.
    """
    match partial:
        case ast.Constant(value=0):
            return None
        case ast.Constant(value=1):
            return parse("t")
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return parse("-t")
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=divisor):
            return ast.BinOp(parse("t"), ast.Div(), divisor)
        case ast.Compare() | ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            return ast.Call(ast.Name("select"), [partial, parse("t"), parse("0.0")], [])
    return ast.Call(ast.Name("times"), [parse("t"), partial], [])


class _Rename(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = self.names.get(node.id, node.id)
        try:
            return parse(f"{float(name):g}")
        except ValueError:
            return ast.Name(name)


class _Expand(ast.NodeTransformer):
    def __init__(self, meanings: Mapping[str, ast.expr]) -> None:
        self.meanings = meanings

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id=name), args=operands) if name in self.meanings:
                return replaced(self.meanings[name], dict(zip("xyz", operands, strict=False)))
        return node


class _Substitute(ast.NodeTransformer):
    def __init__(self, meanings: Mapping[str, ast.expr]) -> None:
        self.meanings = meanings

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return deepcopy(self.meanings.get(node.id, node))


class _Simplify(ast.NodeTransformer):
    """Decides what numbers decide: arithmetic, choices, what 0 and 1 do to products and powers."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="where"), args=[condition, taken, other]) if (
                decided := _number(condition)
            ) is not None:
                return taken if decided else other
            case ast.BoolOp(values=[left, right]) if (decided := _number(left)) is not None:
                return right if decided else ast.Constant(False)
            case ast.BinOp(left=x, op=ast.Pow(), right=y) if _number(y) == 0:
                return ast.Constant(1) if _number(x) is None else self._folded(node)
            case ast.Call(func=ast.Name(id="where"), args=[_, taken, other]) if ast.unparse(
                taken
            ) == ast.unparse(other):
                return taken
            case ast.BinOp(left=x, op=ast.Mult()) if _number(x) == 0:
                return ast.Constant(0)
            case ast.BinOp(left=x, op=ast.Pow() | ast.Mult(), right=y) if _number(y) == 1:
                return x
            case ast.BinOp(left=x, op=ast.Mult(), right=y) if _number(x) == 1:
                return y
            case ast.BinOp() | ast.Compare() | ast.UnaryOp():
                return self._folded(node)
        return node

    @staticmethod
    def _folded(node: ast.expr) -> ast.expr:
        number = _number(node)
        if number is None:
            return node
        return parse(str(number) if isinstance(number, bool) else f"{number:g}")


def _number(formula: ast.expr) -> Any | None:
    """The number that a formula without variables stands for; None if it isn't one."""
    if any(isinstance(part, (ast.Name, ast.Call)) for part in ast.walk(formula)):
        return None
    try:
        return eval(ast.unparse(formula), {"__builtins__": {}})
    except ArithmeticError:
        return None  # such as 1 / 0: shown as it stands


class _Elementwise(ast.NodeTransformer):
    """Rewrites what Python's operators do not do element by element, or not as IEEE 754 says."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        match node:
            case ast.BinOp(op=ast.Mult(), right=ast.BinOp(left=x, op=ast.Pow(), right=y)):
                node.right = ast.Call(ast.Name("factor"), [x, y], [])
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("pow"), [node.left, node.right], [])
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Compare(left=x, ops=[ast.Gt()], comparators=[y]):
                return ast.Call(ast.Name("greater"), [x, y], [])
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(
                func=ast.Name(id="select"),
                args=[
                    ast.Call(func=ast.Name(id="greater"), args=[x, ast.Constant(value=0)]),
                    t,
                    ast.Constant(value=0),
                ],
            ):
                return ast.Call(ast.Name("gate"), [x, t], [])
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """``p and q`` of arrays; q is not even computed where p is the number False."""
        self.generic_visit(node)
        p, q = node.values
        return ast.IfExp(
            ast.Compare(ast.NamedExpr(ast.Name("_p"), p), [ast.Is()], [ast.Constant(False)]),
            ast.Constant(False),
            ast.BinOp(ast.Name("_p"), ast.BitAnd(), q),
        )


class _Scalar(ast.NodeTransformer):
    """Rewrites what has no direct counterpart among Python's float operations."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="where" | "select"), args=[condition, taken, other]):
                return ast.IfExp(condition, taken, other)
            case ast.Call(func=ast.Name(id="times"), args=[t, partial]):
                return ast.BinOp(t, ast.Mult(), partial)
            case ast.Call(func=ast.Name(id="relu"), args=[x]):
                positive = ast.Call(ast.Name("maximum"), [x, ast.Constant(0.0)], [])
                return self.visit_Call(positive)
            case ast.Call(func=ast.Name(id="maximum" | "minimum" as name), args=[x, y]):
                order = ast.GtE() if name == "maximum" else ast.LtE()
                # The second test lets a nan through, as NumPy does.
                return ast.IfExp(
                    ast.BoolOp(
                        ast.Or(),
                        [ast.Compare(x, [order], [y]), ast.Compare(x, [ast.NotEq()], [x])],
                    ),
                    x,
                    y,
                )
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("pow"), [node.left, node.right], [])
        return node
