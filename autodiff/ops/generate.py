"""The operations on scalars, generated from the table of pointwise primitives.

A graph of scalars spends its time in Python calls, so the path from ``a * b`` to a recorded node
must be one function without detours. As ``dataclasses`` writes methods from a list of fields, this
module writes that function, and the short cut of the reverse walk, from a primitive's formulas: the
table stays the only place where a function and its derivative are stated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.apply import apply
from autodiff.graph import Node, Value, bare, next_number
from autodiff.kernels import scalar
from autodiff.ops import formula
from autodiff.ops.rules import Pointwise
from autodiff.primitive import NO_PARAMETERS, Primitive
from autodiff.recording import is_recording, switch

FLOATS: dict[str, float | Callable[..., float]] = {
    name: getattr(math, name) for name in ("cos", "exp", "log", "pow", "sin", "sqrt", "tan", "tanh")
} | {"abs": abs, "sigmoid": scalar.sigmoid, "sign": scalar.sign}
"""What the names in formulas mean for Python floats."""

_DATA = {"x": "a", "y": "b"}  # in generated code x and y are the operands, a and b their floats


def operation(primitive: Pointwise) -> Callable[..., Any]:
    """The function that applies the primitive: ``sin(x)``, ``add(x, y)``."""
    return _operation(primitive, primitive.name, primitive.operand_names, "apply")


def operator(primitive: Pointwise, name: str) -> Callable[..., Any]:
    """The method behind an operator: it leaves operands of foreign types to their own methods."""
    return _operation(primitive, name, primitive.operand_names, "operate")


def reflected_operator(primitive: Pointwise, name: str) -> Callable[..., Any]:
    """The method behind an operator whose left operand is no node."""
    return _operation(primitive, name, primitive.operand_names[::-1], "operate")


def scalar_pull(primitive: Pointwise) -> Callable[[Node, float, dict[Node, Any]], None]:
    """The step of the reverse walk at a ``Value``: add t · ∂f/∂x to each operand's adjoint."""
    names = primitive.operand_names
    used = set[str]()
    steps = []
    for i, (x, contribution) in enumerate(zip(names, primitive.contribution_formulas, strict=True)):
        if contribution is not None:
            used |= formula.variables(contribution)
            steps += [
                f"    if {x} in adjoints:",
                f"        try: adjoints[{x}] += {_on_floats(contribution)}",
                "        except (ArithmeticError, ValueError):",
                f"            adjoints[{x}] += rescue_pull({i}, t, node)",
            ]
    lines = [
        "def pull(node, t, adjoints):",
        f"    {', '.join(names)}, = node.operands",
        *(
            f"    {_DATA[x]} = {x} if {x}.__class__ is float else {x}._data"
            for x in names
            if x in used
        ),
        *(["    f = node._data"] if "f" in used else []),
        *steps,
        "    return",
    ]
    return _executed(lines, "pull", primitive)


def _operation(
    primitive: Pointwise, name: str, arguments: tuple[str, ...], fallback: str
) -> Callable[..., Any]:
    names = primitive.operand_names
    floats = ", ".join(_DATA[x] for x in names)
    operands = f"({', '.join(names)},)"
    lines = [
        f"def {name}({', '.join(arguments)}):",
        *(_UNARY if len(names) == 1 else _BINARY),
        f"    try: f = {_on_floats(primitive.value)}",
        "    except (ArithmeticError, ValueError): f = rescue(" + floats + ")",
        "    if switch.used and not is_recording(): return Value(f)",
        "    node = new(Value)",
        "    node._data = f",
        "    node.primitive = primitive",
        f"    node.operands = {operands}",
        "    node.number = next_number()",
        "    return node",
    ]
    made = _executed(
        [line.format(fallback=fallback, operands=operands) for line in lines], name, primitive
    )
    made.__doc__ = _documentation(primitive)
    return made


_UNARY = (
    "    if x.__class__ is Value: a = x._data",
    "    else: return {fallback}(primitive, {operands}, NO_PARAMETERS)",
)
_BINARY = (
    "    if x.__class__ is Value:",
    "        a = x._data",
    "        if y.__class__ is Value: b = y._data",
    "        elif y.__class__ is float: b = y",
    "        elif y.__class__ is int: b = y = float(y)",
    "        else: return {fallback}(primitive, {operands}, NO_PARAMETERS)",
    "    elif y.__class__ is Value and x.__class__ is float:",
    "        a = x; b = y._data",
    "    elif y.__class__ is Value and x.__class__ is int:",
    "        a = x = float(x); b = y._data",
    "    else: return {fallback}(primitive, {operands}, NO_PARAMETERS)",
)


def _on_floats(expression: Any) -> str:
    return formula.scalar_source(formula.parse(formula.unparse(expression, _DATA)))


def _executed(lines: list[str], name: str, primitive: Pointwise) -> Callable[..., Any]:
    def rescue(*operands: float) -> float:
        """The value where Python's floats raise and IEEE 754 has inf or nan: NumPy's."""
        with np.errstate(all="ignore"):
            return float(primitive.compute(*map(np.float64, operands)))

    def rescue_pull(i: int, t: float, node: Node) -> float:
        with np.errstate(all="ignore"):
            operands = [np.float64(bare(operand)) for operand in node.operands]
            f = np.float64(node._data)
            return float(primitive.vjp(i, np.float64(t), f, operands, NO_PARAMETERS))

    names = FLOATS | {
        "NO_PARAMETERS": NO_PARAMETERS,
        "Value": Value,
        "apply": apply,
        "is_recording": is_recording,
        "new": object.__new__,
        "next_number": next_number,
        "operate": operate,
        "primitive": primitive,
        "rescue": rescue,
        "rescue_pull": rescue_pull,
        "switch": switch,
    }
    defined: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<{name} of {primitive.name}>", "exec"), names, defined)
    return defined[name]  # type: ignore[no-any-return]


def operate(primitive: Primitive, operands: tuple[Any, ...], parameters: Any) -> Any:
    """Apply an operator, or leave it to the other operand if that is of a foreign type."""
    if all(isinstance(operand, _OPERANDS) for operand in operands):
        return apply(primitive, operands, parameters)
    return NotImplemented


_OPERANDS = (Node, float, int, complex, np.ndarray, np.generic, list, tuple)


def _documentation(primitive: Pointwise) -> str:
    names = primitive.operand_names
    partials = "; ".join(
        f"∂f/∂{x} = {primitive.partial(i, names, 'f')}" for i, x in enumerate(names)
    )
    return f"f = {primitive.expression(names, NO_PARAMETERS)}, element by element. {partials}."
