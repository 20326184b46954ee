"""Jobs that are kept while a computation runs, and done again in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from autodiff.arrays import Array, locked
from autodiff.kernels.buffers import LINE, Store
from autodiff.kernels.native import parallel, team
from autodiff.kernels.replay import UnrepeatableError, is_fixed


class Job(NamedTuple):
    """A call of a compiled function.

    Attributes:
        function: where it is.
        arguments: as they are in memory.
        parts: how many it has.
        least: parts that are not worth being divided.
    """

    function: int
    arguments: Array
    parts: int
    least: int


def writeable(x: Array) -> Array:
    """The array, free to write to."""
    interface = x.__array_interface__
    interface["data"] = (interface["data"][0], False)
    return np.asarray(SimpleNamespace(__array_interface__=interface, base=x))


class Recorder:
    """Keeps the jobs of a computation.

    Args:
        inputs: arrays that it starts from. Their numbers may be others at each repetition, but
            they stay where they are in memory; who wants to repeat it sees to that.
        lasting: others, whose numbers rarely change.
    """

    def __init__(self, inputs: Iterable[Array] = (), lasting: Iterable[Array] = ()) -> None:
        self._store = Store(patient=True)
        self._prepared = Store(patient=True)  # where nothing else lies before or after
        self._lasting = [byte_bounds(x) for x in lasting]
        self._known = [byte_bounds(x) for x in inputs] + self._lasting
        self._held: list[Array] = []
        self._preparing = False
        self._preparations: list[Job] = []
        self._jobs: list[Job] = []
        self._cells = team.cells()
        self._arguments = np.empty(team.ROOM, np.uint8)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """A new array for what a job computes; others can't write to it."""
        dtype = np.dtype(dtype)
        store = self._prepared if self._preparing else self._store
        array = locked(store.get(shape, dtype, max(1, prod(shape) * dtype.itemsize)))
        if self._preparing:
            self._held.append(array)
        return array

    @contextmanager
    def preparing(self, sources: Sequence[Array]) -> Iterator[None]:
        """See ``replay.preparation``."""
        before = self._preparing
        self._preparing = all(_is_within(x, self._lasting) for x in sources)
        try:
            yield
        finally:
            self._preparing = before

    def do(self, kernel: Callable[..., None], count: int, arguments: Any, least: int) -> None:
        """Do a job, and keep it; see ``parallel.in_parallel``.

        Raises:
            UnrepeatableError: an operand was not computed by a job that has been kept.
        """
        if not count:
            return
        given = [self._operand(x) if isinstance(x, np.ndarray) else x for x in arguments]
        cells = self._cells
        cells[team.MOST], cells[team.GRAIN] = 0, count
        cells[team.COPY] = self._arguments.ctypes.data
        kernel(cells.ctypes.data, 0, count, *given)
        kept = self._arguments[: cells[team.LENGTH]].copy()
        jobs = self._preparations if self._preparing else self._jobs
        jobs.append(Job(int(cells[team.FUNCTION]), kept, count, least))

    def _operand(self, x: Array) -> Array:
        """An array as a job takes it: free to write to."""
        if x.size and not self.knows(x):
            if not is_fixed(x):
                raise UnrepeatableError(
                    f"an array of shape {x.shape} and dtype {x.dtype} that no compiled kernel made"
                )
            self._held.append(x)
        return writeable(x)

    def knows(self, x: Array) -> bool:
        """Whether an array is one of those known, or in the memory that jobs have written."""
        return _is_within(x, [*self._known, *map(byte_bounds, self._memories())])

    def _memories(self) -> list[Array]:
        return self._store.memories() + self._prepared.memories()

    def replay(self) -> Replay:
        """What does all again that has been kept."""
        return Replay(self._preparations, self._jobs, self._memories() + self._held)


def _is_within(x: Array, places: Iterable[tuple[int, int]]) -> bool:
    begin, end = byte_bounds(x)
    return any(low <= begin and end <= high for low, high in places)


class Replay:
    """A computation that can be done again, without Python between its jobs.

    Args:
        preparations: jobs that come first, and are not needed again until what lasts has changed.
        jobs: the others, in order.
        held: the memory in which they compute.
    """

    def __init__(
        self, preparations: Sequence[Job], jobs: Sequence[Job], held: Sequence[Array]
    ) -> None:
        self._first = len(preparations)
        jobs = [*preparations, *jobs]
        self._jobs = jobs
        self._held = held
        self._cells = team.cells()
        self._address: int = self._cells.ctypes.data
        ends = np.cumsum([0, *(-(-len(job.arguments) // LINE) * LINE for job in jobs)])
        self._arguments = np.zeros(int(ends[-1]) + LINE, np.uint8)  # side by side
        start = -self._arguments.ctypes.data % LINE
        self._places = [start + int(end) for end in ends[:-1]]
        for job, place in zip(jobs, self._places, strict=True):
            self._arguments[place : place + len(job.arguments)] = job.arguments
        self._tables: dict[int, Array] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds."""
        return sum(memory.nbytes for memory in self._held)

    def run(self, prepared: bool = False) -> None:
        """Do all jobs again.

        Args:
            prepared: whether what lasts is still what it was the last time.

        Raises:
            MemoryError: a kernel found none.
        """
        begin = self._first if prepared else 0
        parallel.repeat(lambda threads: self._table(threads)[begin:], self._address)

    def _table(self, threads: int) -> Array:
        """See ``team.repeat``."""
        table = self._tables.get(threads)
        if table is None:
            address = self._arguments.ctypes.data
            rows = [
                (job.function, address + place, job.parts, self._grain(job, threads))
                for job, place in zip(self._jobs, self._places, strict=True)
            ]
            table = self._tables[threads] = np.array(rows, np.int64).reshape(-1, 4)
        return table

    @staticmethod
    def _grain(job: Job, threads: int) -> int:
        return 0 if threads < 2 else parallel.grain(job.parts, job.least, threads)
