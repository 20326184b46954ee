"""NumPy's own functions on nodes: ``np.sin(x)``, ``array * T``, ``np.sum(T, axis=0)``.

NumPy hands a call on a node over to the node (``__array_ufunc__``, ``__array_function__``; NEP 13
and NEP 18). It is answered by the operation of the same name in the families below. A function that
has no rule is refused by name: nothing falls silently out of the graph. What has no derivative, and
what is refused and why, is declared in ``coverage.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from inspect import Parameter, signature
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from autodiff import late
from autodiff.graph import Node, bare, describe
from autodiff.ops import coverage, cumulative, reductions, shapes, softmax

Function: TypeAlias = Callable[..., Any]

FAMILIES: dict[str, str] = {
    # the families of operations, and the namespace of NumPy's functions of the same names
    "pointwise": "numpy",
    "reductions": "numpy",
    "nan_reductions": "numpy",
    "cumulative": "numpy",
    "softmax": "numpy",
    "statistics": "numpy",
    "normalisation": "numpy",
    "order_statistics": "numpy",
    "sampled": "numpy",
    "shapes": "numpy",
    "indexing": "numpy",
    "joining": "numpy",
    "rearranging": "numpy",
    "diagonals": "numpy",
    "sorting": "numpy",
    "padding": "numpy",
    "products": "numpy",
    "einstein": "numpy",
    "spatial": "numpy",
    "convolution": "numpy",
    "pooling": "numpy",
    "ranges": "numpy",
    "polynomials": "numpy",
    "fourier": "numpy.fft",
    "linear_systems": "numpy.linalg",
    "determinants": "numpy.linalg",
    "decompositions": "numpy.linalg",
    "norms": "numpy.linalg",
    "special": "numpy",  # np.i0; it answers SciPy's functions itself
}

OTHER_NAMES: dict[Any, Function] = {
    np.amax: reductions.max,
    np.amin: reductions.min,
}
"""NumPy's functions whose operation has another name here."""


def _along_first(
    operation: Function, x: Any, axis: Any = 0, dtype: Any = None, **options: Any
) -> Any:
    """A method of a ufunc: unlike the function, it goes along the first axis unless told."""
    if dtype is not None:
        raise TypeError(f"{operation.__name__} of a node takes no dtype=")
    return operation(x, axis, **options)


METHODS: dict[tuple[Any, str], Function] = {
    (np.add, "reduce"): partial(_along_first, reductions.sum),
    (np.multiply, "reduce"): partial(_along_first, reductions.prod),
    (np.maximum, "reduce"): partial(_along_first, reductions.max),
    (np.minimum, "reduce"): partial(_along_first, reductions.min),
    (np.logaddexp, "reduce"): partial(_along_first, softmax.logsumexp),
    (np.add, "accumulate"): partial(_along_first, cumulative.cumsum),
    (np.multiply, "accumulate"): partial(_along_first, cumulative.cumprod),
    (np.maximum, "accumulate"): partial(_along_first, cumulative.cummax),
    (np.minimum, "accumulate"): partial(_along_first, cumulative.cummin),
}
"""Methods of ufuncs, such as ``np.add.reduce``; ``outer`` goes by the rule of the ufunc itself."""

BARE = frozenset(function for group in coverage.BARE for _, function in group.functions())
"""What has no derivative: it is computed on bare data."""

ANSWERS: dict[Any, Function] = dict(OTHER_NAMES)
"""What NumPy's functions are answered with; it grows when a family loads that loads late."""


def load(family: str) -> ModuleType:
    """A family of operations; from now on NumPy's functions are answered with them."""
    module = import_module(f"autodiff.ops.{family}")
    if family in _waiting:
        namespace = import_module(FAMILIES[family])
        dispatched = (np.ufunc, type(np.sum))
        for name in module.__all__:
            if isinstance(theirs := getattr(namespace, name, None), dispatched):
                ANSWERS[theirs] = getattr(module, name)
        _waiting.pop(family, None)
    return module


_waiting = dict(FAMILIES)
AT_ONCE = [load(family) for family in FAMILIES if f"autodiff.ops.{family}" not in late.NAMES]
"""The families that load with the library."""


def answer(function: Any) -> Function | None:
    """The operation that answers a function of NumPy; the family that has it loads now."""
    operation = ANSWERS.get(function)
    if operation is None:
        name = function.__name__
        for family, namespace in list(_waiting.items()):
            theirs = getattr(sys.modules.get(namespace), name, None)
            if theirs is function and late.may_have(f"autodiff.ops.{family}", name):
                load(family)
        operation = ANSWERS.get(function)
    return operation


def _array_ufunc(self: Node, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    library = "np" if getattr(np, ufunc.__name__, None) is ufunc else "ufunc"
    name = f"{library}.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if ufunc in BARE:
        return getattr(ufunc, method)(*_all_bare(inputs), **_all_bare(options))
    if "out" in options:
        raise TypeError(
            f"{name} can't write a node into an array (out=): instead of a += node, "
            "write a = a + node"
        )
    operation = answer(ufunc)
    if method == "outer" and operation is not None and ufunc.signature is None:
        return _outer(operation, *inputs, **options)
    if method != "__call__":
        if (ufunc, method) not in METHODS:
            raise TypeError(_no_rule(name, ufunc))
        return METHODS[ufunc, method](*inputs, **options)
    unknown = options.keys() - (set() if operation is None else _parameters(operation).keys())
    if unknown:
        raise TypeError(f"{name} of a node takes no {', '.join(sorted(unknown))}=")
    if operation is not None:
        return operation(*inputs, **options)
    of_scipy = load("special").answer(ufunc) if "scipy.special" in sys.modules else None
    if of_scipy is not None:
        return of_scipy(*inputs)
    raise TypeError(_no_rule(name, ufunc))


def _outer(operation: Function, x: Any, y: Any) -> Any:
    """The operation on every element of ``x`` with every element of ``y``."""
    wide = (*shapes.shape_of(x), *(1,) * len(shapes.shape_of(y)))
    return operation(shapes.reshape(x, wide), y)


def _array_function(
    self: Node,
    function: Any,
    types: Sequence[type],
    arguments: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    if function in BARE:
        return function(*_all_bare(arguments), **_all_bare(options))
    operation = answer(function)
    if operation is not None:
        return _answer(function, operation, arguments, options)
    raise TypeError(_no_rule(_full_name(function), function))


def _all_bare(given: Any) -> Any:
    """What a function was called with, with the bare data of all nodes in it."""
    if isinstance(given, dict):
        return {name: _all_bare(value) for name, value in given.items()}
    if isinstance(given, (tuple, list)):
        return (tuple if isinstance(given, tuple) else list)(map(_all_bare, given))
    return bare(given)


def _answer(
    function: Any, operation: Function, arguments: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Call an operation with what NumPy's function was called with.

    Operands are what has no default there; they go by position. The rest goes by name, unless it
    is NumPy's default: ``np.sum(x, 0, None, None)`` asks for no dtype and no array to write into.
    """
    theirs = _parameters(function)
    if not theirs or (not options and len(arguments) <= _required(function)):
        return operation(*arguments, **options)
    given = _signature(function).bind(*arguments, **options)
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


_signature = cache(signature)


@cache
def _parameters(function: Function) -> Mapping[str, Parameter]:
    """The parameters of a function; none if it is written in C and doesn't say."""
    try:
        return _signature(function).parameters
    except ValueError:
        return {}


@cache
def _required(function: Function) -> int:
    """How many parameters of a function have no default."""
    return sum(p.default is Parameter.empty for p in _parameters(function).values())


def _no_mask(self: Node) -> Any:
    """Refuse what np.ma asks any operand for: it computes on bare data, and asks nobody."""
    raise TypeError(
        f"a masked array can't be combined with {describe(self)}: give its .data or .filled(), and "
        "leave elements out with autodiff.where or where= of a reduction"
    )


def _full_name(function: Any) -> str:
    module = function.__module__.replace("numpy", "np", 1)
    return f"{module}.{function.__name__}"


def _no_rule(name: str, function: Any) -> str:
    why = coverage.reasons().get(
        function,
        "compose it from functions of autodiff, or apply it to the .data if no gradient is wanted",
    )
    return f"{name} has no rule for nodes: {why}"


setattr(Node, "__array_ufunc__", _array_ufunc)  # noqa: B010 - the class declares no such method
setattr(Node, "__array_function__", _array_function)  # noqa: B010
setattr(Node, "_mask", property(_no_mask))  # noqa: B010
