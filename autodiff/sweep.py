"""The reverse walk over a graph of scalars alone: the same schedule and sums, without overhead.

A graph of scalars does so little at a node that sets, dictionaries and sorting would cost more than
the derivatives. Three things replace them.

* Adjoints lie in a slot of the node, ``_t``, which is None outside of a sweep.
* The nodes that wait for their turn lie in a table at the place ``top - number``. Reading the table
  from its start visits them newest first: a reverse ancestral order without sorting, and without
  collecting the nodes beforehand.
* Each primitive has a ``pull`` generated from its formulas, which adds t · ∂f/∂x to the adjoint of
  each operand and puts an operand that is met for the first time into the table.

A table is as long as the graph is dense. Nodes older than its end wait in a heap for the next one,
so a sweep over n nodes takes O(n log n) at worst, whatever else was recorded between them.

``_t`` belongs to one sweep at a time. A second thread that comes meanwhile, a sweep within a sweep,
one that ``detect_anomaly`` looks at, and graphs in which arrays take part are left to the general
walk in ``reverse.py``.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import chain
from threading import Lock
from typing import Any

from autodiff.graph import Value
from autodiff.recording import watch_here

_SHORTEST = 64
_lock = Lock()


class _ArrayMetError(Exception):
    """An array takes part in the graph."""


class Sweep:
    """Gives all nodes that ``output`` was computed from their adjoints, in their slots ``_t``.

    Args:
        output: where the sweep starts.
        seed: its adjoint.
        oldest: nodes older than this number are of no interest.

    Attributes:
        done: False if the graph is not one of scalars alone, or another sweep is under way.
        computed: the nodes that are no leaves, newest first.
        leaves: the others.

    Use as a context manager, which empties the slots in the end.
    """

    def __init__(self, output: Value, seed: float, oldest: int = 0) -> None:
        self.done = False
        self.computed: list[Value] = []
        self.leaves: list[Value] = []
        self._output = output
        self._seed = seed
        self._oldest = oldest
        self._table: list[Value | None] = []
        self._older: list[tuple[int, Value]] = []  # a heap, the newest first
        self._ignored: list[Value] = []
        self._has_lock = False

    def __enter__(self) -> Sweep:
        self._has_lock = watch_here() is None and _lock.acquire(blocking=False)
        if self._has_lock:
            try:
                self._run()
                self.done = True
            except _ArrayMetError:
                pass
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._has_lock:
            self._has_lock = False
            waiting = (node for _, node in self._older)
            for node in chain(self.computed, self.leaves, self._table, waiting, self._ignored):
                if node is not None:
                    node._t = None
            _lock.release()

    def _run(self) -> None:
        self._output._t = self._seed
        if self._output.primitive is None:
            self.leaves.append(self._output)
            return
        self._far(self._output)
        length = _SHORTEST
        while self._older:
            top = -self._older[0][0]
            table: list[Value | None] = [None] * min(length, top - self._oldest + 1)
            self._table = table
            while self._older and top + self._older[0][0] < len(table):
                number, node = heappop(self._older)
                table[top + number] = node
            _drain(table, top, self.leaves.append, self._far)
            found = [node for node in table if node is not None]
            self.computed += found
            crowded = 4 * len(found) > len(table)
            length = 2 * length if crowded else max(length // 2, _SHORTEST)
        self._table = []

    def _far(self, node: Value) -> None:
        """Take in a node that lies behind the end of the table."""
        if node.number < self._oldest:
            self._ignored.append(node)
        else:
            heappush(self._older, (-node.number, node))


def _drain(table: list[Value | None], top: int, leaf: Any, far: Any) -> None:
    for node in table:  # fills while it is read, always behind the place that is read
        if node is not None:
            pull = node.primitive.scalar_pull  # type: ignore[union-attr]
            if pull is None:
                raise _ArrayMetError
            pull(node, node._t, table, top, leaf, far)


def sweep_backward(output: Value, seed: float, keep_adjoints: bool) -> bool:
    """Leave the adjoints in ``grad``, as ``backward`` says; False if a sweep is not possible."""
    with Sweep(output, seed) as sweep:
        if sweep.done:
            if keep_adjoints:
                for node in sweep.computed:
                    node._grad = node._t
            else:
                for node in sweep.computed:
                    node._grad = None  # not that of an earlier pass either
            for leaf in sweep.leaves:
                before = getattr(leaf, "_grad", None)
                leaf._grad = leaf._t if before is None else before + leaf._t
        return sweep.done
