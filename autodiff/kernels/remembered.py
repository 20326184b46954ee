"""What a kernel found on its way to an array, kept for as long as somebody holds the array."""

from __future__ import annotations

from typing import Any
from weakref import ref

from autodiff.arrays import Array


class Remembered:
    """Findings by the arrays that they belong to."""

    def __init__(self) -> None:
        self._findings: dict[int, tuple[ref[Array], Any]] = {}

    def keep(self, array: Array, finding: Any) -> None:
        """Keep a finding until the array is gone."""
        key = _place(array)
        self._findings[key] = ref(array, lambda _: self._findings.pop(key, None)), finding

    def of(self, array: Array) -> Any:
        """The finding of this array, under whatever shape it comes; None if there is none."""
        held, finding = self._findings.get(_place(array), (None, None))
        known = None if held is None else held()
        return None if known is None or known.size != array.size else finding

    def take(self, array: Array) -> Any:
        """The same, for somebody who may change it: it is not found again."""
        finding = self.of(array)
        return None if finding is None else self._findings.pop(_place(array))[1]


def _place(array: Array) -> int:
    """Where its first element is. While somebody holds the array, nothing else can be there."""
    place: int = array.__array_interface__["data"][0]
    return place
