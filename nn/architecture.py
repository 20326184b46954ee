"""Architectures: what a model was made of, as plain data that JSON can hold.

A module remembers the arguments that it was made with (``Module.__new__``), and those are its
architecture. Weights are no part of it, nor are sources of random numbers and initialisers: a
rebuilt model has others until weights are loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import numpy as np

import autodiff
from autodiff.graph import describe
from nn.containers import Sequential
from nn.module import Module

VERSION = 1
NAMESPACES = ("", "special.", "linalg.")
"""Where in ``autodiff`` operations have their public names."""


def architecture(model: Module) -> dict[str, Any]:
    """What a model was made of, as dicts, lists, strings and numbers.

    A module is ``{"module": "nn.Dense", "arguments": [4, 3], "options": {"bias": False}}``, with
    the bare name if it is not one of ``nn``; one that occurs again is ``{"shared": 1}``, with the
    number that the first one has as ``"id"``. A ``Sequential`` has the layers of this moment.
    Operations of ``autodiff`` are ``{"function": "tanh"}``, tuples ``{"tuple": [...]}``, dicts
    ``{"dict": [[key, value], ...]}``, dtypes ``{"dtype": "float32"}``, generators
    ``{"generator": True}``, and numbers that are not finite ``{"float": "inf"}``.

    Raises:
        TypeError: a module was made with something else; the message says which, and with what.

    Example:
        >>> import numpy as np
        >>> from nn import Dense, Sequential, architecture
        >>> net = Sequential(Dense(4, 3, generator=np.random.default_rng(0)))
        >>> architecture(net)["model"]["arguments"][0]["arguments"]
        [4, 3]
    """
    return {"version": VERSION, "model": _Description().of(model, "")}


def from_architecture(
    description: Mapping[str, Any],
    *,
    modules: Iterable[type[Module]] = (),
    generator: np.random.Generator | None = None,
) -> Module:
    """Make a new model of an architecture.

    A description names modules and operations, and nothing else in it has an effect: only modules
    of ``nn``, those given, and operations of ``autodiff`` are ever called.

    Args:
        description: what ``architecture`` gave.
        modules: classes of one's own that may occur in it.
        generator: the source of random numbers of the new modules; a fresh one if not given.

    Raises:
        ValueError: the description is of another version or damaged, it names a module that is
            neither in ``nn`` nor given, or a module does not accept its arguments.
    """
    if not isinstance(description, Mapping) or description.get("version") != VERSION:
        raise ValueError(f"expected an architecture of version {VERSION}, got {description!r:.100}")
    construction = _Construction(modules, generator or np.random.default_rng())
    try:
        model = construction.of(description["model"])
    except (AttributeError, KeyError, RecursionError, TypeError) as fault:
        raise ValueError(f"a damaged architecture: {fault!r}") from fault
    if not isinstance(model, Module):
        raise ValueError(f"expected the architecture of a module, got that of {model!r}")
    return model


def first_difference(expected: Any, given: Any, path: str = "") -> str | None:
    """Where two descriptions differ, and how; None if they are equal.

    Example:
        >>> from nn.architecture import first_difference
        >>> first_difference({"model": {"arguments": [4, 3]}}, {"model": {"arguments": [4, 2]}})
        'model.arguments[1]: expected 3, got 2'
    """
    if expected == given:
        return None
    places: list[tuple[str, Any, Any]] = []
    if isinstance(expected, dict) and isinstance(given, dict) and expected.keys() == given.keys():
        dot = "." if path else ""
        places = [(f"{path}{dot}{key}", expected[key], given[key]) for key in expected]
    elif isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        pairs = zip(expected, given, strict=True)
        places = [(f"{path}[{i}]", *pair) for i, pair in enumerate(pairs)]
    for place, one, other in places:
        if one != other:
            return first_difference(one, other, place)
    return f"{path}: expected {expected!r:.200}, got {given!r:.200}"


class _Description:
    """Takes a model apart; modules that it has met have numbers if they come again."""

    def __init__(self) -> None:
        self.seen: dict[int, dict[str, Any]] = {}
        self.shared = 0

    def of(self, value: Any, where: str) -> Any:
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, (float, np.floating)):
            return float(value) if isfinite(value) else {"float": str(float(value))}
        if isinstance(value, (np.bool_, np.integer)):
            return value.item()
        if isinstance(value, Module):
            return self.of_module(value, where)
        if isinstance(value, np.random.Generator):
            return {"generator": True}
        if isinstance(value, (list, tuple)):
            items = [self.of(item, f"{where}[{i}]") for i, item in enumerate(value)]
            return items if isinstance(value, list) else {"tuple": items}
        if isinstance(value, dict):
            return {
                "dict": [
                    [self.of(key, where), self.of(item, f"{where}[{key!r}]")]
                    for key, item in value.items()
                ]
            }
        if isinstance(value, np.dtype) or (
            isinstance(value, type) and issubclass(value, (np.generic, float, int))
        ):
            return {"dtype": np.dtype(value).name}
        for name in (n + getattr(value, "__name__", "") for n in NAMESPACES):
            if _operation(name) is value:
                return {"function": name}
        hint = (
            "; functions are described by their names in autodiff, such as autodiff.tanh, and other"
            " ones by a Module of one's own"
            if callable(value)
            else "; an architecture is of modules, numbers, strings, lists, tuples and dicts"
        )
        raise TypeError(f"{where.lstrip('.')}: {describe(value)} can't be described{hint}")

    def of_module(self, module: Module, where: str) -> dict[str, Any]:
        if id(module) in self.seen:
            first = self.seen[id(module)]
            if "id" not in first:
                self.shared += 1
                first["id"] = self.shared
            return {"shared": first["id"]}
        kind = type(module)
        arguments, options = module._made_with
        if isinstance(module, Sequential) and module.is_its_layers():
            arguments = tuple(module.layers)
        elif isinstance(module, Sequential) and not module.has_its_first_layers():
            if kind.forward is not Sequential.forward:
                raise TypeError(
                    f"{kind.__name__}: its layers are others than it was made with, and it computes"
                    " in its own way: make a new one"
                )
            kind, arguments, options = Sequential, tuple(module.layers), {}
        name = kind.__name__
        own = _modules_of_nn().get(name) is not kind
        description: dict[str, Any] = {"module": name if own else f"nn.{name}"}
        self.seen[id(module)] = description
        where = f"{where}.{name}"
        if arguments:
            description["arguments"] = [
                self.of(value, f"{where}({i})") for i, value in enumerate(arguments)
            ]
        described = {
            key: self.of(value, f"{where}({key}=)")
            for key, value in options.items()
            if not key.endswith("initialiser")
        }
        if described:
            description["options"] = described
        return description


class _Construction:
    """Puts a model together."""

    def __init__(self, modules: Iterable[type[Module]], generator: np.random.Generator) -> None:
        of_nn = _modules_of_nn()
        self.kinds = {f"nn.{name}": kind for name, kind in of_nn.items()}
        for kind in modules:
            if not (isinstance(kind, type) and issubclass(kind, Module)):
                raise TypeError(f"modules: expected classes derived from nn.Module, got {kind!r}")
            if kind not in of_nn.values() and self.kinds.setdefault(kind.__name__, kind) != kind:
                raise ValueError(
                    f"two classes are named {kind.__name__}: a description can't tell them apart"
                )
        self.generator = generator
        self.shared: dict[Any, Module] = {}

    def of(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if not isinstance(value, Mapping):
            raise ValueError(f"expected a part of an architecture, got {value!r:.100}")
        if "module" in value:
            return self.of_module(value)
        if "shared" in value:
            return self.shared[value["shared"]]
        if "tuple" in value:
            return tuple(self.of(item) for item in value["tuple"])
        if "dict" in value:
            return {self.of(key): self.of(item) for key, item in value["dict"]}
        if "generator" in value:
            return self.generator
        try:
            if "dtype" in value:
                return np.dtype(str(value["dtype"]))
            if "float" in value:
                return float(value["float"])
        except (TypeError, ValueError) as fault:
            raise ValueError(f"a damaged architecture: {fault}") from fault
        if "function" in value:
            operation = _operation(value["function"])
            if operation is not None:
                return operation
            raise ValueError(f"autodiff has no operation {value['function']!r}")
        raise ValueError(f"a part that is unknown: {value!r:.100}")

    def of_module(self, value: Mapping[str, Any]) -> Module:
        name = value["module"]
        if name not in self.kinds:
            raise ValueError(
                f"a module {name!r} is needed: it is none of nn; if it is your own, pass its class "
                "in modules=[...]"
            )
        arguments = [self.of(item) for item in value.get("arguments", [])]
        options = {str(key): self.of(item) for key, item in value.get("options", {}).items()}
        try:
            module = self.kinds[name](*arguments, **options)
        except Exception as fault:  # whatever the arguments of a damaged file lead to
            raise ValueError(f"{name} can't be made with its arguments: {fault}") from fault
        if "id" in value:
            self.shared[value["id"]] = module
        return module


def _modules_of_nn() -> dict[str, type[Module]]:
    """The public modules of this package by name, without another import: it is loaded by now."""
    public = vars(sys.modules["nn"])
    return {
        name: public[name]
        for name in public["__all__"]
        if isinstance(public[name], type) and issubclass(public[name], Module)
    }


def _operation(name: Any) -> Any:
    """The operation of ``autodiff`` with a public name; None if there is none."""
    *spaces, last = str(name).split(".")
    found: Any = autodiff
    if spaces and f"{spaces[0]}." in NAMESPACES:
        found = getattr(autodiff, spaces[0])
    operation = getattr(found, last, None) if last and not last.startswith("_") else None
    of_graphs = str(getattr(operation, "__module__", "")).startswith("autodiff.ops.")
    return operation if callable(operation) and of_graphs and len(spaces) < 2 else None
