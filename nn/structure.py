"""Whether modules are still what they were."""

from __future__ import annotations

from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from nn.module import Module, Parameter, evaluating


class Structure:
    """What modules compute with: their attributes, what is in these, and who is frozen.

    Args:
        parts: modules, and functions, which are not looked into.

    Attributes:
        parts: modules and functions.
        parameters: of all modules.
        buffers: likewise.
        generators: likewise.
        unsteady: a module or function that may do something else from time to time; None if all
            say that they do not, see ``Module.steady``.
    """

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        roots = [part for part in parts if isinstance(part, Module)]
        self.parameters = _all_of(roots, Parameter)
        self.buffers = _all_of(roots, np.ndarray)
        self.generators = _all_of(roots, np.random.Generator)
        modules = _all_of(roots, Module)
        self._places: list[Any] = []
        for module in modules:
            self._note(vars(module))
        self._lengths = [*map(len, self._places)]
        self._held = [*chain.from_iterable(self._places)]
        functions = [x for x in (*parts, *self._held) if callable(x) and not isinstance(x, Module)]
        self.unsteady = next((x for x in (*modules, *functions) if not _is_steady(x)), None)
        self._frozen = [p.frozen for p in self.parameters]
        self._evaluating = evaluating.get()

    def _note(self, place: dict[str, Any] | list[Any]) -> None:
        """Look at what a dict or a list holds, from now on; keys are part of it."""
        items: Any = place
        if isinstance(place, dict):
            items = place.values()
            self._places.append(place)
        self._places.append(items)
        for item in items:
            if isinstance(item, (dict, list)):
                self._note(item)

    def holds(self, *parts: Any) -> bool:
        """Whether these are the parts, and hold the very same objects; equal ones are others."""
        return (
            all(map(is_, parts, self.parts))
            and [*map(len, self._places)] == self._lengths
            and all(map(is_, chain.from_iterable(self._places), self._held))
            and evaluating.get() is self._evaluating
            and self._frozen == [p.frozen for p in self.parameters]
        )


def _all_of(modules: list[Module], kind: type[Any]) -> list[Any]:
    found = {id(x): x for module in modules for _, x in module.named(kind)}
    return [*found.values()]


def _is_steady(part: Any) -> bool:
    """Whether a module or a function says so; see ``Module.steady``."""
    if not isinstance(part, Module):
        return bool(getattr(getattr(part, "primitive", part), "steady", False))
    for kind in type(part).__mro__:
        if "steady" in vars(kind):
            return bool(kind.steady)  # type: ignore[attr-defined]
        if any(
            callable(x) or hasattr(x, "__get__") for n, x in vars(kind).items() if n not in _OWN
        ):
            return False
    return False


_OWN = ("__init__", "__dict__", "__weakref__")
"""What a class may have of its own, and do the same as the one that it is derived from."""
