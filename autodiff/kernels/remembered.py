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
        place = _place(array)

        def forget(gone: ref[Array]) -> None:
            held, _ = self._findings.get(place, (None, None))
            if held is gone:  # and not another array that begins there
                self._findings.pop(place, None)

        self._findings[place] = ref(array, forget), finding

    def of(self, array: Array) -> Any:
        """The finding of this array, or of one of which it is a view in the same order.

        None if there is none.
        """
        held, finding = self._findings.get(_place(array), (None, None))
        known = None if held is None else held()
        if known is None or known.shape != array.shape or known.strides != array.strides:
            return None
        return finding if known.dtype == array.dtype else None

    def take(self, array: Array) -> Any:
        """The same, for somebody who may change it: it is not found again."""
        finding = self.of(array)
        if finding is None or self._findings.pop(_place(array), None) is None:
            return None
        return finding


def _place(array: Array) -> int:
    """Where its first element is. While somebody holds the array, nothing else can be there."""
    place: int = array.__array_interface__["data"][0]
    return place
