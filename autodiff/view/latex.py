r"""Names, numbers and formulas in LaTeX, for its math mode.

What is written needs ``amsmath`` and nothing else, and reads the same in LaTeX, MathJax and KaTeX.
A name is free text: its letters go into ``\text``, every character that LaTeX gives a meaning is
written by the command that prints it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from itertools import groupby

from autodiff.view import notation
from autodiff.view.formulas import ADJOINT, Formula

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "varphi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda",
    "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
    "ϕ": "phi", "ϑ": "vartheta", "ϵ": "epsilon",
}  # fmt: skip
_FUNCTIONS = {
    **{name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "exp",
                                      "arcsin", "arccos", "arctan", "max", "min")},
    "sigmoid": r"\sigma",
    "maximum": r"\max",
    "minimum": r"\min",
}  # fmt: skip
_COMMANDS = {
    **{c: rf"\{c}" for c in "#$%&_{}"},
    "\\": r"\backslash ",
    "^": r"{\wedge}",
    "~": r"{\sim}",
    "<": "{<}",
    ">": "{>}",
    "|": r"{\vert}",
    "`": r"\text{‘}",
    "'": r"\text{’}",
    '"': r"\text{”}",
    "′": r"\text{’}",
    "…": r"\ldots ",
}
_COMPARED = {ast.Eq: "=", ast.NotEq: r"\neq", ast.Lt: "<", ast.LtE: r"\leq", ast.Gt: ">",
             ast.GtE: r"\geq"}  # fmt: skip
_WORD = re.compile(r"([^\W\d_]+)([0-9₀-₉]*)")
_PLAIN_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TIMES = r"\times "
_SUM, _PRODUCT, _SIGN, _POWER, _WHOLE = range(5)


def name(text: str) -> str:
    r"""A name: one letter in italics, a word upright, digits at the end as a subscript.

    Example:
        >>> print(name("x1"), name("θ"), name("loss"), name("50% off"))
        x_{1} \theta \mathrm{loss} \text{50}\%\text{ off}
    """
    text = notation.shortened(text)
    match = _WORD.fullmatch(text)
    if match and (match[1].isascii() or match[1] in _GREEK):
        letters = _GREEK.get(match[1], match[1])
        if match[1] in _GREEK:
            letters = rf"\{letters}"
        elif len(letters) > 1:
            letters = rf"\mathrm{{{letters}}}"
        digits = match[2].translate(_PLAIN_DIGITS)
        return f"{letters}_{{{digits}}}" if digits else letters
    return "".join(
        "".join(map(_COMMANDS.__getitem__, run)) if special else rf"\text{{{''.join(run)}}}"
        for special, run in groupby(text, _COMMANDS.__contains__)
    )


def number(value: float) -> str:
    r"""A number to six significant digits.

    Example:
        >>> print(number(-1.5e-7), number(0.25), number(float("inf")))
        -1.5\times 10^{-7} 0.25 \infty
    """
    text = notation.number(value)
    mantissa, e, exponent = text.partition("e")
    if e:
        return rf"{mantissa}\times 10^{{{int(exponent)}}}"
    return text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")


def adjoint(of: str) -> str:
    """The adjoint t of a node.

    Example:
        >>> print(adjoint("f1"))
        t_{f_{1}}
    """
    return f"t_{{{name(of)}}}"


def shape(lengths: tuple[int, ...]) -> str:
    r"""The set that arrays of a shape are from.

    Example:
        >>> print(shape((3, 4)))
        \mathbb{R}^{3\times 4}
    """
    if not lengths:
        return r"\mathbb{R}"
    return rf"\mathbb{{R}}^{{{_TIMES.join(map(str, lengths))}}}"


def formula(of: Formula) -> str:
    r"""A formula.

    Example:
        >>> print(formula(Formula("cos(_0 / 2) * _t", {"_0": "x1", "_t": "f"})))
        \cos\left(\frac{x_{1}}{2}\right) \cdot t_{f}
    """
    if of.tree is None:
        return _sequence(of)
    return _Writer(of.names).write(of.tree, _SUM)


def factor(of: Formula) -> str:
    """A formula as a factor of a product."""
    if of.tree is None:
        return _sequence(of)
    return _Writer(of.names).write(of.tree, _PRODUCT)


def _sequence(of: Formula) -> str:
    """A formula that is no expression of Python's: its signs one after another."""
    return name(str(of).replace("×", "x"))


class _Writer:
    """Writes a syntax tree; ``strength`` is how tightly what stands around it binds."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def write(self, tree: ast.expr, strength: int) -> str:
        text, own = self._written(tree)
        return rf"\left({text}\right)" if own < strength else text

    def _written(self, tree: ast.expr) -> tuple[str, int]:
        match tree:
            case ast.Name(id=placeholder):
                return self._name(placeholder), _WHOLE
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                text = number(float(value))
                return text, _PRODUCT if "times" in text else _WHOLE
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.write(operand, _PRODUCT)}", _SIGN if _is_number(operand) else _SUM
            case ast.BinOp(left=x, op=op, right=y):
                return self._operation(x, op, y)
            case ast.BoolOp(values=values):
                return r" \land ".join(self.write(v, _PRODUCT) for v in values), _SUM
            case ast.Compare(left=x, ops=[op], comparators=[y]):
                sign = _COMPARED[type(op)]
                return rf"\left[{self.write(x, _SUM)} {sign} {self.write(y, _SUM)}\right]", _WHOLE
            case ast.List(elts=[ast.Compare() as comparison]):
                return self._written(comparison)
            case ast.Attribute(value=x, attr="T" | "mT"):
                return rf"{self.write(x, _WHOLE)}^{{\top}}", _POWER
            case ast.Subscript(value=x, slice=index):
                return f"{self.write(x, _WHOLE)}{self._index(index)}", _WHOLE
            case ast.Call(func=ast.Name(id=function), args=operands):
                return self._call(function, operands, tree)
            case ast.Call(func=ast.Subscript(value=ast.Name(id=function), slice=index), args=[x]):
                indexed = f"{_function(function)}{self._index(index)}"
                return rf"{indexed}\left({self.write(x, _SUM)}\right)", _WHOLE
        return self._python(tree), _WHOLE

    def _name(self, placeholder: str) -> str:
        meant = self.names.get(placeholder)
        if meant is None:
            return {"inf": r"\infty", "pi": r"\pi"}.get(placeholder, name(placeholder))
        if placeholder == ADJOINT:
            return adjoint(meant)
        return name(meant) if notation.atom(meant) == meant else rf"\left({name(meant)}\right)"

    def _operation(self, x: ast.expr, op: ast.operator, y: ast.expr) -> tuple[str, int]:
        match op:
            case ast.Div():
                return rf"\frac{{{self.write(x, _SUM)}}}{{{self.write(y, _SUM)}}}", _POWER
            case ast.Pow():
                return f"{self.write(x, _WHOLE)}^{{{self.write(y, _SUM)}}}", _POWER
            case ast.Mult():
                return rf"{self.write(x, _PRODUCT)} \cdot {self.write(y, _POWER)}", _PRODUCT
            case ast.MatMult():
                return rf"{self.write(x, _PRODUCT)}\,{self.write(y, _POWER)}", _PRODUCT
            case ast.Add():
                return f"{self.write(x, _SUM)} + {self.write(y, _SIGN)}", _SUM
            case ast.Sub():
                return f"{self.write(x, _SUM)} - {self.write(y, _PRODUCT)}", _SUM
        return rf"{self.write(x, _PRODUCT)} \bmod {self.write(y, _POWER)}", _SUM

    def _call(self, function: str, operands: list[ast.expr], tree: ast.Call) -> tuple[str, int]:
        if function == "sqrt":
            return rf"\sqrt{{{self.write(operands[0], _SUM)}}}", _WHOLE
        if function == "abs":
            return rf"\left|{self.write(operands[0], _SUM)}\right|", _WHOLE
        written = [self.write(operand, _SUM) for operand in operands]
        for keyword in tree.keywords:
            written.append(f"{name(str(keyword.arg))}={self._python(keyword.value)}")
        return rf"{_function(function)}\left({', '.join(written)}\right)", _WHOLE

    def _index(self, index: ast.expr) -> str:
        return rf"\left[{name(ast.unparse(index).strip('()'))}\right]"

    def _python(self, tree: ast.expr) -> str:
        """What is the same in a formula and in Python, such as the shape of an array."""
        if isinstance(tree, ast.Constant) and tree.value.__class__ in (int, float):
            return number(float(tree.value))
        return name(str(Formula(ast.unparse(tree), self.names)))


def _function(function: str) -> str:
    escaped = function.replace("_", r"\_")
    return _FUNCTIONS.get(function, rf"\operatorname{{{escaped}}}")


def _is_number(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant)
