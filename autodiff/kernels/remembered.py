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
        key = id(array)
        self._findings[key] = ref(array, lambda _: self._findings.pop(key, None)), finding

    def of(self, array: Array) -> Any:
        """The finding of this very array; None if there is none."""
        held, finding = self._findings.get(id(array), (None, None))
        return finding if held is not None and held() is array else None

    def take(self, array: Array) -> Any:
        """The same, for somebody who may change it: it is not found again."""
        finding = self.of(array)
        return finding if self._findings.pop(id(array), None) is not None else None
