"""Copying and pickling of nodes, each with the whole graph that it was computed from.

A graph is copied as what it is: a list of nodes in the order of their creation. Nothing recurses,
so a chain of a million nodes is copied, pickled and read like any other. Copies are given new
creation numbers, in the same order.

* ``copy.deepcopy(node)`` copies the graph. Nodes that are copied in one call, such as those of a
  list, stay shared as the originals are.
* ``pickle.dumps(node)`` stores the graph, with labels, gradients and parameters. Leaves stay shared
  by what is pickled in one call, a model and its cost for instance. Inner nodes do not: each node
  that is pickled takes along its own copy of what lies between it and the leaves.
* ``copy.copy(node)`` is a second result of the same operation on the same operands.

A graph with a leaf that has been given new data since can't be copied, for the copy would look as
if it had been computed from the new data.

Primitives of the library are pickled by name, others by the module and the name under which they
can be imported.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import chain, islice
from pickle import PicklingError
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from autodiff import late
from autodiff.apply import made
from autodiff.arrays import locked
from autodiff.graph import Node, Tensor, Value
from autodiff.primitive import NO_PARAMETERS, Parameters, Primitive
from autodiff.reverse import schedule

# --- copying --------------------------------------------------------------------------------------


def _copy(node: Node) -> Node:
    schedule(node, [])  # refuses operands that were given new data
    twin = made(node._data, node.primitive, node.operands, node.parameters, type(node))
    _furnish(twin, node.label, _own(_grad(node)))
    _set_attributes(twin, _attributes(node))
    return twin


def _deepcopy(node: Node, memo: dict[int, Any]) -> Node:
    for original in reversed(schedule(node)):
        if id(original) in memo:
            continue
        operands = [memo[id(x)] if isinstance(x, Node) else x for x in original.operands]
        data = original._data
        if not operands and data.__class__ is not float:
            data = locked(data.copy(order="K"))  # that of a leaf may change
        twin = made(data, original.primitive, operands, original.parameters, original.__class__)
        memo[id(original)] = twin
        _furnish(twin, original.label, _own(_grad(original)))
        attributes = _attributes(original)
        if attributes:
            _set_attributes(twin, copy.deepcopy(attributes, memo))
    return memo[id(node)]  # type: ignore[no-any-return]


def _grad(node: Node) -> Any:
    return getattr(node, "_grad", None)


def _own(grad: Any) -> Any:
    """A gradient that nobody else holds."""
    return grad.copy() if isinstance(grad, np.ndarray) else grad


def _furnish(node: Node, label: str | None, grad: Any) -> None:
    if label is not None:
        node.label = label
    if grad is not None:
        node._grad = grad


def _attributes(node: Node) -> dict[str, Any]:
    """What a subclass, such as ``nn.Parameter``, adds to a node."""
    if node.__class__ in (Value, Tensor):
        return {}
    known = {name for kind in (Node, Value, Tensor) for name in kind.__slots__}
    slots = {name for kind in type(node).__mro__ for name in getattr(kind, "__slots__", ())}
    added = {name: getattr(node, name) for name in slots - known if hasattr(node, name)}
    return added | getattr(node, "__dict__", {})


def _set_attributes(node: Node, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        setattr(node, name, value)


# --- pickling -------------------------------------------------------------------------------------


def _reduce(node: Node, protocol: Any) -> tuple[Any, ...]:
    if node.is_leaf:
        attributes = _attributes(node)
        state = (None, attributes) if attributes else None  # set one by one
        return _leaf, (type(node), node._data, node.label, _grad(node)), state
    return _graph, tuple(_columns(node))


def _leaf(kind: type[Node], data: Any, label: str | None, grad: Any) -> Node:
    leaf = made(_as_held(data), None, (), NO_PARAMETERS, kind)
    _furnish(leaf, label, grad)
    return leaf


class _Columns(NamedTuple):
    """A graph as plain lists. Leaves come first; a whole number stands for the node of that place.

    Attributes:
        leaves: oldest first.
        primitives: each once.
        kinds: of each computed node, the place of its primitive among these.
        data: of each computed node.
        counts: how many operands each computed node has.
        operands: of all computed nodes, one behind the other.
        labels: by place, of the computed nodes that have one.
        grads: likewise.
        parameters: likewise.
    """

    leaves: list[Node]
    primitives: list[Primitive]
    kinds: list[int]
    data: list[Any]
    counts: list[int]
    operands: list[Any]
    labels: dict[int, str]
    grads: dict[int, Any]
    parameters: dict[int, Parameters]


def _columns(output: Node) -> _Columns:
    nodes = schedule(output)[::-1]
    leaves = [node for node in nodes if node.primitive is None]
    computed = [node for node in nodes if node.primitive is not None]
    places = {node: i for i, node in enumerate(chain(leaves, computed))}
    primitives: dict[Any, int] = {}
    columns = _Columns(leaves, [], [], [], [], [], {}, {}, {})
    for i, node in enumerate(computed, len(leaves)):
        operands = node.operands
        columns.kinds.append(primitives.setdefault(node.primitive, len(primitives)))
        columns.data.append(node._data)
        columns.counts.append(len(operands))
        for x in operands:
            columns.operands.append(places[x] if isinstance(x, Node) else x)
        label, grad, parameters = node.label, _grad(node), node.parameters
        if label is not None:
            columns.labels[i] = label
        if grad is not None:
            columns.grads[i] = grad
        if parameters:
            columns.parameters[i] = dict(parameters)
    columns.primitives.extend(primitives)
    return columns


def _graph(*given: Any) -> Node:
    columns = _Columns(*given)
    nodes = list(columns.leaves)
    operands = iter(columns.operands)
    rows = zip(columns.kinds, columns.data, columns.counts, strict=True)
    for i, (kind, data, count) in enumerate(rows, len(nodes)):
        held = [nodes[x] if x.__class__ is int else _as_held(x) for x in islice(operands, count)]
        parameters = columns.parameters.get(i, NO_PARAMETERS)
        nodes.append(made(_as_held(data), columns.primitives[kind], held, parameters))
    for i, label in columns.labels.items():
        nodes[i].label = label
    for i, grad in columns.grads.items():
        nodes[i]._grad = grad
    return nodes[-1]


def _as_held(data: Any) -> Any:
    """Data from outside as a node holds it: a number, or an array that nobody can change."""
    return locked(data) if isinstance(data, np.ndarray) else data


# --- primitives -----------------------------------------------------------------------------------


def _reduce_primitive(primitive: Primitive, protocol: Any) -> tuple[Any, ...]:
    if _of_library(primitive.name) is primitive:
        return _of_library, (primitive.name,)
    for module in list(sys.modules.values()):
        for name, found in _primitives_of(module):
            if found is primitive:
                return _from_module, (module.__name__, name)
    raise PicklingError(
        f"a node of the primitive '{primitive}' can't be pickled, for the primitive can't be "
        "imported: assign it, or the operation that has it as .primitive, to a name in a module"
    )


def _of_library(name: str) -> Primitive | None:
    """The primitive of that name; None unless the library has exactly one."""
    if name not in _library:
        late.load_all()
        modules = [module for path, module in list(sys.modules.items()) if _is_own(path)]
        found = {p for module in modules for _, p in _primitives_of(module) if p.name == name}
        if len(found) != 1:
            return None
        _library[name] = found.pop()
    return _library[name]


_library: dict[str, Primitive] = {}


def _from_module(module: str, name: str) -> Primitive:
    return dict(_primitives_of(import_module(module)))[name]


def _is_own(path: str) -> bool:
    return path.split(".")[0] == __name__.split(".")[0]


def _primitives_of(module: ModuleType) -> Iterator[tuple[str, Primitive]]:
    """The primitives in a module, and those of the operations in it."""
    for name, value in list(getattr(module, "__dict__", {}).items()):
        found = value.__dict__.get("primitive") if type(value) is FunctionType else value
        if issubclass(type(found), Primitive):  # isinstance would ask strange objects questions
            yield name, found  # type: ignore[misc]


def _install() -> None:
    node: dict[str, Any] = {
        "__copy__": _copy, "__deepcopy__": _deepcopy, "__reduce_ex__": _reduce,
    }  # fmt: skip
    primitive: dict[str, Any] = {
        "__copy__": lambda self: self, "__deepcopy__": lambda self, memo: self,
        "__reduce_ex__": _reduce_primitive,
    }  # fmt: skip
    for kind, methods in ((Node, node), (Primitive, primitive)):
        for name, method in methods.items():
            setattr(kind, name, method)


_install()
