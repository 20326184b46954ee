"""What modules compute of arrays, kept as recordings that can be repeated: one for each shape."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from autodiff.kernels.replay import UnrepeatableError
from autodiff.recording import watch_here
from autodiff.settings import config
from nn.module import Array
from nn.structure import Structure

_MOST = 4
"""Shapes for which a recording is kept."""
_FUTILE = 3
"""After so many recordings that served only once no more are made."""


class Recording(Protocol):
    """What was computed once, and can be computed again."""

    @property
    def repeat(self) -> Callable[..., bool]:
        """Computes it for other arrays; gives False if that is no mere repetition."""


Made = TypeVar("Made", bound=Recording)


class Recordings(Generic[Made]):
    """The recordings for arrays of several shapes.

    Args:
        parts: modules, and functions, that compute.
        record: computes for the first time, and makes a recording of it.

    Attributes:
        obstacle: why the last time was no recording, nor the repetition of one; None if it was.
        structure: of the parts.
    """

    def __init__(self, *parts: Any, record: Callable[..., Made]) -> None:
        self._parts = parts
        self._record = record
        self.obstacle: str | None = None
        self.structure = Structure(*parts)
        self._made: OrderedDict[Any, Made] = OrderedDict()
        self._obstacles: dict[Any, str] = {}
        self._futile = 0

    def of(self, *arrays: Any) -> Made | None:
        """The recording that has computed these arrays' results; None if there can be none."""
        if not self.structure.holds():
            self.structure = Structure(*self._parts)
            self._made.clear()
        if not all(isinstance(x, np.ndarray) for x in arrays):
            self.obstacle = "what is given are not arrays alone"
            return None
        if watch_here() is not None:
            self.obstacle = "somebody looks at what is computed"
            return None
        key = config.threads, config.backend, *((x.shape, x.dtype) for x in arrays)
        self.obstacle = self._obstacles.get(key)
        if self.obstacle is not None:
            return None
        made = self._made.get(key)
        if made is not None and made.repeat(*arrays):
            self._futile = 0
            return made
        try:
            made = self._made[key] = self._recorded(arrays)
        except UnrepeatableError as fault:
            self.obstacle = self._obstacles[key] = str(fault)
            self._made.pop(key, None)
            return None
        while len(self._made) > _MOST:
            self._made.popitem(last=False)
        return made

    def forget_obstacles(self) -> None:
        """What went wrong was no obstacle, but a fault in what was given."""
        self._obstacles.clear()

    def _recorded(self, arrays: tuple[Array, ...]) -> Made:
        if self._futile >= _FUTILE:
            raise UnrepeatableError("the model, or who uses it, is not the same from time to time")
        self._futile += 1
        try:
            return self._record(self.structure, *arrays)
        except Exception as fault:
            self.structure.restore()  # it will be computed once more
            if isinstance(fault, UnrepeatableError):
                raise
            raise UnrepeatableError(f"{type(fault).__name__}: {fault}") from fault
