"""Whether modules are still what they were."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.module import Module, Parameter, call_observer, evaluating


class Structure:
    """What modules compute with: their attributes, what is in these, and who is frozen.

    Args:
        parts: modules, and functions, which are not looked into.

    Attributes:
        parts: modules and functions.
        parameters: of all modules.
        buffers: likewise.
        generators: likewise.
    """

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        modules = [part for part in parts if isinstance(part, Module)]
        self.parameters = _all_of(modules, Parameter)
        self.buffers = _all_of(modules, np.ndarray)
        self.generators = _all_of(modules, np.random.Generator)
        self._containers: list[tuple[Any, Any]] = []
        for module in _all_of(modules, Module):
            self._note(vars(module))
        self._frozen = [p.frozen for p in self.parameters]
        self._evaluating = evaluating.get()

    def _note(self, container: dict[str, Any] | list[Any]) -> None:
        self._containers.append((container, container.copy()))
        for item in container.values() if isinstance(container, dict) else container:
            if isinstance(item, (dict, list)):
                self._note(item)

    def restore(self) -> None:
        """Put back what has changed in attributes."""
        for now, before in self._containers:
            now.clear()
            now.update(before) if isinstance(now, dict) else now.extend(before)

    def holds(self) -> bool:
        """Whether all is as it was, and nobody stands between the modules' calls."""
        try:
            same = all(now == before for now, before in self._containers)
        except ValueError:  # an array in place of another one
            return False
        return (
            same
            and call_observer.get() is None
            and evaluating.get() is self._evaluating
            and self._frozen == [p.frozen for p in self.parameters]
        )


def _all_of(modules: list[Module], kind: type[Any]) -> list[Any]:
    found = {id(x): x for module in modules for _, x in module.named(kind)}
    return [*found.values()]
