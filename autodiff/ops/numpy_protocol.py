"""NumPy's own functions on nodes: ``np.sin(x)``, ``array * T``, ``np.sum(T, axis=0)``.

NumPy hands a call on a node over to the node (``__array_ufunc__``, ``__array_function__``; NEP 13
and NEP 18). It is answered by the operation of the same name in the families below. A function that
has no rule is refused by name: nothing falls silently out of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import Parameter, signature
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from autodiff.graph import Node, bare
from autodiff.ops import (
    decompositions,
    determinants,
    diagonals,
    einstein,
    indexing,
    joining,
    linear_systems,
    norms,
    padding,
    pointwise,
    products,
    rearranging,
    reductions,
    shapes,
    sorting,
    spatial,
)

Function: TypeAlias = Callable[..., Any]

FAMILIES: tuple[tuple[ModuleType, ModuleType], ...] = (
    # the operations, and the namespace of NumPy's functions of the same names
    (pointwise, np),
    (reductions, np),
    (shapes, np),
    (indexing, np),
    (joining, np),
    (rearranging, np),
    (diagonals, np),
    (sorting, np),
    (padding, np),
    (products, np),
    (einstein, np),
    (spatial, np),
    (linear_systems, np.linalg),
    (determinants, np.linalg),
    (decompositions, np.linalg),
    (norms, np.linalg),
)

OTHER_NAMES: dict[Any, Function] = {
    np.subtract: pointwise.sub,
    np.multiply: pointwise.mul,
    np.divide: pointwise.div,
    np.negative: pointwise.neg,
    np.positive: lambda x: x,
    np.amax: reductions.max,
}
"""NumPy's functions whose operation has another name here."""

METHODS: dict[tuple[Any, str], Function] = {}
"""Methods of ufuncs, such as ``np.add.reduce``."""

BARE: dict[Any, Function] = {
    f: f
    for f in (
        np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
        np.isfinite, np.isinf, np.isnan, np.signbit,
        np.shape, np.ndim, np.size, np.linalg.matrix_rank, np.einsum_path,
        np.zeros_like, np.ones_like, np.empty_like,
        np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero,
        np.argsort, np.argpartition, np.lexsort, np.searchsorted, np.digitize,
        np.ix_, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
    )
}  # fmt: skip
"""What has no derivative, being a boolean, a whole number or a constant: it is computed on bare
data."""

INSTEAD: dict[Any, str] = {
    function: use
    for use, functions in {
        "use autodiff.index_update(x, index, values), which leaves x as it is and gives the array "
        "that was changed": (
            np.put, np.place, np.putmask, np.put_along_axis, np.copyto, np.fill_diagonal,
        ),
        "call the function on the slices of autodiff.unstack(...), and put the results together "
        "with autodiff.stack": (np.apply_along_axis, np.apply_over_axes),
        "eigenvalues may be complex; those of symmetric matrices are real: use eigh or eigvalsh": (
            np.linalg.eig, np.linalg.eigvals,
        ),
        "which numbers it leaves out depends on their values: find them in the .data, and pick the "
        "others with x[index]": (
            np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
            np.trim_zeros,
        ),
    }.items()
    for function in functions
}  # fmt: skip
"""What to do where NumPy's function can't have a rule."""


def _same_names() -> dict[Any, Function]:
    """NumPy's functions that a family has an operation for, under the same name."""
    dispatched = (np.ufunc, type(np.sum))
    return {
        theirs: getattr(family, name)
        for family, namespace in FAMILIES
        for name in family.__all__
        if isinstance(theirs := getattr(namespace, name, None), dispatched)
    }


ANSWERS: dict[Any, Function] = _same_names() | OTHER_NAMES
"""What NumPy's differentiable functions are answered with."""


def _array_ufunc(self: Node, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if "out" in options:
        raise TypeError(
            f"{name} can't write a node into an array (out=): instead of a += node, "
            "write a = a + node"
        )
    if method != "__call__":
        if (ufunc, method) not in METHODS:
            raise TypeError(_no_rule(name))
        return METHODS[ufunc, method](*inputs, **options)
    unknown = options.keys() - (_parameters(ANSWERS[ufunc]).keys() if ufunc in ANSWERS else set())
    if unknown:
        raise TypeError(f"{name} of a node takes no {', '.join(sorted(unknown))}=")
    if ufunc in ANSWERS:
        return ANSWERS[ufunc](*inputs, **options)
    if ufunc in BARE:
        return BARE[ufunc](*map(bare, inputs))
    raise TypeError(_no_rule(name))


def _array_function(
    self: Node,
    function: Any,
    types: Sequence[type],
    arguments: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    if function in ANSWERS:
        return _answer(function, ANSWERS[function], arguments, options)
    if function in BARE:
        bares = {name: _all_bare(value) for name, value in options.items()}
        return BARE[function](*map(_all_bare, arguments), **bares)
    name = _full_name(function)
    if function in INSTEAD:
        raise TypeError(f"{name} has no rule for nodes: {INSTEAD[function]}")
    raise TypeError(_no_rule(name))


def _all_bare(value: Any) -> Any:
    """Bare data, also within lists and tuples."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_all_bare, value))
    return bare(value)


def _answer(
    function: Any, operation: Function, arguments: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Call an operation with what NumPy's function was called with.

    Operands are what has no default there; they go by position. The rest goes by name, unless it
    is NumPy's default: ``np.sum(x, 0, None, None)`` asks for no dtype and no array to write into.
    """
    theirs = _parameters(function)
    required = [p for p in theirs.values() if p.default is Parameter.empty]
    if not theirs or (not options and len(arguments) <= len(required)):
        return operation(*arguments, **options)
    given = signature(function).bind(*arguments, **options)
    operands: list[Any] = []
    named: dict[str, Any] = {}
    for name, value in given.arguments.items():
        parameter = theirs[name]
        if parameter.kind is Parameter.VAR_POSITIONAL:
            operands += value
        elif parameter.kind is Parameter.VAR_KEYWORD:
            named |= value
        elif parameter.default is Parameter.empty or parameter.kind is Parameter.POSITIONAL_ONLY:
            operands.append(value)
        elif value is not parameter.default:
            named[name] = value
    ours = _parameters(operation)
    if all(p.kind is not Parameter.VAR_KEYWORD for p in ours.values()):
        unknown = [f"{name}=" for name in named if name not in ours]
        if unknown:
            raise TypeError(f"{_full_name(function)} of a node takes no {', '.join(unknown)}")
    return operation(*operands, **named)


@cache
def _parameters(function: Function) -> Mapping[str, Parameter]:
    """The parameters of a function; none if it is written in C and doesn't say."""
    try:
        return signature(function).parameters
    except ValueError:
        return {}


def _full_name(function: Any) -> str:
    module = function.__module__.replace("numpy", "np", 1)
    return f"{module}.{function.__name__}"


def _no_rule(name: str) -> str:
    return (
        f"{name} has no rule for nodes: compose it from functions of autodiff, or apply it to the "
        ".data if no gradient is wanted"
    )


setattr(Node, "__array_ufunc__", _array_ufunc)  # noqa: B010 - the class declares no such method
setattr(Node, "__array_function__", _array_function)  # noqa: B010
