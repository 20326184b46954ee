"""What modules compute of arrays, kept as recordings that can be repeated: one for each shape."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from autodiff.kernels.replay import UnrepeatableError
from autodiff.recording import watch_here
from autodiff.settings import config
from nn.module import Array, Module, call_observer, shown
from nn.structure import Structure

_MOST = 4
"""Shapes for which a recording is kept."""
_KNOWN = 64
"""Shapes of which it is known that they can't be recorded."""
_FUTILE = 3
"""After so many recordings in a row that served only once no more are made."""


class Recording(Protocol):
    """What was computed once, and can be computed again."""

    @property
    def repeat(self) -> Callable[..., bool]:
        """Computes it for other arrays; gives False if that is no mere repetition."""


Made = TypeVar("Made", bound=Recording)


class Recordings(Generic[Made]):
    """The recordings for arrays of several shapes.

    Args:
        record: computes for the first time, and makes a recording of it.

    Attributes:
        obstacle: why the last time was no recording, nor the repetition of one; None if it was.
        structure: of the modules and functions that compute.
    """

    def __init__(self, record: Callable[..., Made]) -> None:
        self._record = record
        self.obstacle: str | None = None
        self.structure = Structure()
        self._futile = 0
        self._forget()

    def _forget(self) -> None:
        self._made: OrderedDict[Any, Made] = OrderedDict()
        self._obstacles: dict[Any, str] = {}

    def look_at(self, *parts: Any) -> None:
        """See what the modules and functions are like that compute; before ``of``."""
        if len(parts) != len(self.structure.parts) or not self.structure.holds(*parts):
            self.structure = Structure(*parts)
            self._forget()

    def of(self, *arrays: Any) -> Made | None:
        """The recording that has computed these arrays' results; None if there can be none."""
        self.obstacle = self._obstacle_here(arrays)
        if self.obstacle is not None:
            return None
        key = config.threads, config.backend, *[(x.shape, x.dtype) for x in arrays]
        made = self._made.get(key)
        if made is not None and made.repeat(*arrays):
            self._made.move_to_end(key)
            self._futile = 0
            return made
        self.obstacle = self._obstacles.get(key)
        if self.obstacle is not None:
            return None
        if self._futile >= _FUTILE:
            self.obstacle = "shapes, or the model, are others from time to time"
            return None
        try:
            made = self._made[key] = self._recorded(arrays)
        except UnrepeatableError as fault:
            if len(self._obstacles) >= _KNOWN:
                self._obstacles.clear()
            self.obstacle = self._obstacles[key] = str(fault)
            self._made.pop(key, None)
            return None
        while len(self._made) > _MOST:
            self._made.popitem(last=False)
        return made

    def _obstacle_here(self, arrays: tuple[Any, ...]) -> str | None:
        unsteady = self.structure.unsteady
        if unsteady is not None:
            name = type(unsteady).__name__ if isinstance(unsteady, Module) else shown(unsteady)
            return f"{name} does not say that it is steady, see Module.steady"
        if not all(type(x) is np.ndarray for x in arrays):
            return "what is given are not arrays alone"
        if watch_here() is not None or call_observer.get() is not None:
            return "somebody looks at what is computed"
        return None

    def forget_obstacles(self) -> None:
        """What went wrong was no obstacle, but a fault in what was given."""
        self._obstacles.clear()

    def _recorded(self, arrays: tuple[Array, ...]) -> Made:
        self._futile += 1
        try:
            return self._record(self.structure, *arrays)
        except UnrepeatableError:
            raise
        except Exception as fault:  # it will be raised again where it is computed as ever
            raise UnrepeatableError(f"{type(fault).__name__}: {fault}") from fault
