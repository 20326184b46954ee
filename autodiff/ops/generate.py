"""The operations on scalars, generated from the table of pointwise primitives.

A graph of scalars spends its time in Python calls, so the path from ``a * b`` to a recorded node
must be one function without detours. As ``dataclasses`` writes methods from a list of fields, this
module writes that function, and the short cut of the reverse walk, from a primitive's formulas: the
table stays the only place where a function and its derivative are stated.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from autodiff.apply import apply, special
from autodiff.arrays import nearest_float
from autodiff.graph import Node, StaleGraphError, Value, bare, next_number
from autodiff.kernels import scalar
from autodiff.ops import formula
from autodiff.ops.rules import Pointwise
from autodiff.primitive import NO_PARAMETERS, Primitive
from autodiff.recording import is_plain, switch

FLOATS: dict[str, Any] = dict(scalar.FUNCTIONS)
"""What the names in formulas mean for Python floats."""

_DATA = {"x": "a", "y": "b"}  # in generated code x and y are the operands, a and b their floats


def operation(primitive: Pointwise) -> Callable[..., Any]:
    """The function that applies the primitive: ``sin(x)``, ``add(x, y)``."""
    begin = _UNARY if len(primitive.operand_names) == 1 else _BINARY
    return _operation(primitive, primitive.name, primitive.operand_names, begin)


def operator(primitive: Pointwise, name: str) -> Callable[..., Any]:
    """The method of ``Value`` behind an operator, such as ``__mul__``."""
    return _operation(primitive, name, primitive.operand_names, _METHOD)


def reflected_operator(primitive: Pointwise, name: str) -> Callable[..., Any]:
    """The method of ``Value`` behind an operator whose left operand is something else."""
    return _operation(primitive, name, primitive.operand_names[::-1], _REFLECTED)


def on_floats(primitive: Pointwise) -> Callable[..., float]:
    """The primitive on floats, for use in formulas; it may raise where IEEE 754 has inf or nan."""
    source = (
        f"lambda {', '.join(primitive.operand_names)}: {formula.scalar_source(primitive.value)}"
    )
    made: Callable[..., float] = eval(source, FLOATS)
    return made


def scalar_pull(primitive: Pointwise) -> Callable[..., None]:
    """The step of a sweep over scalars: add t · ∂f/∂x to the adjoint of each operand.

    ``pull(node, t, table, top, leaf, far)``; what the last four are for, ``sweep.py`` says.
    """
    lines = ["def pull(node, t, table, top, leaf, far):", *_unpacked(primitive)]
    for i, x, contribution in _contributions(primitive):
        if contribution is not None:
            lines += [line.format(x=x, i=i, contribution=contribution) for line in _PULL]
    return _executed([*lines, "    return"], "pull", primitive)


def scalar_contributions(primitive: Pointwise) -> Callable[[Value, float], tuple[Any, ...]]:
    """The step of the general walk at a ``Value``: t · ∂f/∂x for each operand, as floats."""
    lines = ["def contributions(node, t):", *_unpacked(primitive)]
    for i, x, contribution in _contributions(primitive):
        lines += [
            f"    try: c{x} = {contribution}",
            f"    except (ArithmeticError, ValueError): c{x} = rescue_pull({i}, t, node)",
        ]
    results = ", ".join(f"c{x}" for x in primitive.operand_names)
    return _executed([*lines, f"    return ({results},)"], "contributions", primitive)


def _unpacked(primitive: Pointwise) -> list[str]:
    """Source that fetches what the contributions read."""
    names = primitive.operand_names
    formulas = [c for c in primitive.contribution_formulas if c is not None]
    used = set[str]().union(*map(formula.variables, formulas))
    bare_number = "{x} if {x}.__class__ is float else {x}._data"
    return [
        *(f"    {x} = node._{x}" for x in names),
        *(f"    {_DATA[x]} = {bare_number.format(x=x)}" for x in names if x in used),
        *(["    f = node._data"] if "f" in used else []),
    ]


def _contributions(primitive: Pointwise) -> list[tuple[int, str, str | None]]:
    """Position, name and source of the contribution for each operand."""
    return [
        (i, x, None if c is None else _on_floats(c))
        for i, (x, c) in enumerate(
            zip(primitive.operand_names, primitive.contribution_formulas, strict=True)
        )
    ]


_PULL = (
    "    if {x}.__class__ is not float:",
    "        try: c = {contribution}",
    "        except (ArithmeticError, ValueError): c = rescue_pull({i}, t, node)",
    "        number = {x}.number",
    "        if number > node.number: raise StaleGraphError({x}, node)",
    "        present = {x}._t",
    "        if present is not None: {x}._t = present + c",
    "        else:",
    "            {x}._t = c",
    "            if {x}.primitive is None: leaf({x})",
    "            else:",
    "                try: table[top - number] = {x}",
    "                except IndexError: far({x})",
)


def add_contribution(
    x: Any, c: float, node: Value, table: list[Any], top: int, leaf: Any, far: Any
) -> None:
    """What a pull does with a contribution ``c`` to an operand ``x`` of ``node``."""
    if not isinstance(x, Value):
        return
    if x.number > node.number:
        raise StaleGraphError(x, node)
    if x._t is not None:
        x._t += c
        return
    x._t = c
    if x.primitive is None:
        leaf(x)
    elif top - x.number < len(table):
        table[top - x.number] = x
    else:
        far(x)


def _operation(
    primitive: Pointwise, name: str, arguments: tuple[str, ...], begin: tuple[str, ...]
) -> Callable[..., Any]:
    """The operation as a function that is generated when it is first called.

    Args:
        primitive: what it applies.
        name: of the function.
        arguments: of the function, in order.
        begin: source that gets the floats of the operands, or leaves them to somebody else.
    """
    namespace: dict[str, Any] = {"__name__": __name__}
    made = FunctionType(_UNMADE[arguments].__code__, namespace, name)

    def make() -> Callable[..., Any]:
        generated = _generated_operation(primitive, name, arguments, begin)
        namespace.update(generated.__globals__)
        made.__code__ = generated.__code__
        return made

    namespace["make"] = make
    made.__qualname__ = name
    made.__doc__ = _documentation(primitive)
    return made


# How an operation of some arguments begins: ``make`` puts the generated code in the place of this.
_UNMADE: dict[tuple[str, ...], Any] = {
    ("x",): lambda x: make()(x),  # type: ignore[name-defined]  # noqa: F821 - see _operation
    ("x", "y"): lambda x, y: make()(x, y),  # type: ignore[name-defined]  # noqa: F821
    ("y", "x"): lambda y, x: make()(y, x),  # type: ignore[name-defined]  # noqa: F821
}


def _generated_operation(
    primitive: Pointwise, name: str, arguments: tuple[str, ...], begin: tuple[str, ...]
) -> FunctionType:
    names = primitive.operand_names
    floats = ", ".join(_DATA[x] for x in names)
    operands = f"({', '.join(names)},)"
    second = "y" if len(names) > 1 else "None"
    lines = [
        f"def {name}({', '.join(arguments)}):",
        *begin,
        f"    try: f = {_on_floats(primitive.value)}",
        "    except (ArithmeticError, ValueError): f = rescue(" + floats + ")",
        "    if switch.used and not is_plain(): return special(primitive, " + operands + ", f)",
        "    node = new(Value)",
        "    node._data = f",
        "    node.primitive = primitive",
        "    node._x = x",
        f"    node._y = {second}",
        "    node._t = None",
        "    node.number = next_number()",
        "    return node",
    ]
    return _executed(lines, name, primitive)


_UNARY = (
    "    if x.__class__ is Value: a = x._data",
    "    else: return apply(primitive, (x,), NO_PARAMETERS)",
)
_METHOD = (  # of a Value x
    "    a = x._data",
    "    if y.__class__ is Value: b = y._data",
    "    elif y.__class__ is float: b = y",
    "    elif y.__class__ is int:",
    "        try: b = y = float(y)",
    "        except OverflowError: b = y = nearest_float(y)",
    "    else: return operate(primitive, (x, y), NO_PARAMETERS)",
)
_REFLECTED = (  # a method of a Value y
    "    b = y._data",
    "    if x.__class__ is float: a = x",
    "    elif x.__class__ is int:",
    "        try: a = x = float(x)",
    "        except OverflowError: a = x = nearest_float(x)",
    "    else: return operate(primitive, (x, y), NO_PARAMETERS)",
)
_BINARY = (
    "    if x.__class__ is Value:",
    "        a = x._data",
    "        if y.__class__ is Value: b = y._data",
    "        elif y.__class__ is float: b = y",
    "        elif y.__class__ is int:",
    "            try: b = y = float(y)",
    "            except OverflowError: b = y = nearest_float(y)",
    "        else: return apply(primitive, (x, y), NO_PARAMETERS)",
    "    elif y.__class__ is Value and x.__class__ is float:",
    "        a = x; b = y._data",
    "    elif y.__class__ is Value and x.__class__ is int:",
    "        b = y._data",
    "        try: a = x = float(x)",
    "        except OverflowError: a = x = nearest_float(x)",
    "    else: return apply(primitive, (x, y), NO_PARAMETERS)",
)


def _on_floats(expression: Any) -> str:
    return formula.scalar_source(formula.parse(formula.unparse(expression, _DATA)))


def _executed(lines: list[str], name: str, primitive: Pointwise) -> FunctionType:
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
        "StaleGraphError": StaleGraphError,
        "Value": Value,
        "apply": apply,
        "is_plain": is_plain,
        "nearest_float": nearest_float,
        "new": object.__new__,
        "next_number": next_number,
        "operate": operate,
        "primitive": primitive,
        "rescue": rescue,
        "rescue_pull": rescue_pull,
        "special": special,
        "switch": switch,
    }
    defined: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<{name} of {primitive.name}>", "exec"), names, defined)
    return defined[name]  # type: ignore[no-any-return]


def operate(primitive: Primitive, operands: tuple[Any, ...], parameters: Any) -> Any:
    """Apply an operator, or leave it to the other operand if that is of a foreign type."""
    x, y = operands
    if isinstance(x, _OPERANDS) and isinstance(y, _OPERANDS):
        return apply(primitive, operands, parameters)
    return NotImplemented


_OPERANDS = (Node, float, int, complex, np.ndarray, np.generic, list, tuple)


def _documentation(primitive: Pointwise) -> str:
    value, *partials = primitive.texts
    slopes = "; ".join(
        f"∂f/∂{x} = {partial}" for x, partial in zip(primitive.operand_names, partials, strict=True)
    )
    return f"f = {value}, element by element. {slopes}."
