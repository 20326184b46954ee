"""Jobs that are kept while a computation runs, and done again in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import gcd, prod
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.array_utils import byte_bounds

from autodiff.arrays import Array, locked
from autodiff.kernels.buffers import LINE, Store
from autodiff.kernels.native import parallel, team
from autodiff.kernels.replay import UnrepeatableError, is_fixed

Place: TypeAlias = tuple[int, int]
"""From one address in memory to another."""

_NEAR = 1 << 19
"""Bytes that stay in a core's cache until the next job reads them."""
_FOR_EACH = 4
"""Turns for each thread, at least."""
_MOST = 1 << 12
"""Turns at most."""


class Job(NamedTuple):
    """A call of a compiled function.

    Attributes:
        function: where it is.
        arguments: as they are in memory.
        parts: how many it has.
        least: parts that are not worth being divided.
        shares: see ``parallel.in_parallel``.
        divided: where the memory is that falls into these, from one address to another.
        whole: where other memory is that jobs write to.
    """

    function: int
    arguments: Array
    parts: int
    least: int
    shares: int = 1
    divided: frozenset[Place] = frozenset()
    whole: frozenset[Place] = frozenset()


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

    Attributes:
        places: whole numbers by which jobs find their way in memory, and what they are less than;
            as numbers without sign, so that negative ones are large.
    """

    def __init__(self, inputs: Iterable[Array] = (), lasting: Iterable[Array] = ()) -> None:
        self.places: list[tuple[Array, int]] = []
        self._store = Store(patient=True)
        self._prepared = Store(patient=True)  # where nothing else lies before or after
        self._lasting = [byte_bounds(x) for x in lasting]
        self._known = [byte_bounds(x) for x in inputs] + self._lasting
        self._held: list[Array] = []
        self._preparing = False
        self._preparations: list[Job] = []
        self._jobs: list[Job] = []

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

    def do(
        self,
        kernel: Callable[..., None],
        count: int,
        arguments: Any,
        least: int,
        shares: int = 1,
        divided: Sequence[Array] = (),
    ) -> None:
        """Do a job, and keep it; see ``parallel.in_parallel``.

        Raises:
            UnrepeatableError: an operand was not computed by a job that has been kept.
        """
        if not count:
            return
        if any(
            isinstance(x, tuple) and any(isinstance(y, np.ndarray) for y in x) for x in arguments
        ):
            raise UnrepeatableError("arrays within a tuple")
        given = [
            self._operand(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in arguments
        ]
        job = _done(kernel, count, given, least)
        memories = [*map(byte_bounds, self._store.memories())]
        used = {byte_bounds(x) for x in given if isinstance(x, np.ndarray) and x.size}
        written = {place for place in used if any(_overlap(place, other) for other in memories)}
        own = written & {byte_bounds(x) for x in divided if x.size}
        job = job._replace(shares=shares, divided=frozenset(own), whole=frozenset(written - own))
        (self._preparations if self._preparing else self._jobs).append(job)

    def _operand(self, x: Any) -> Array:
        """An array as a job takes it: free to write to."""
        if isinstance(x, np.generic) or (x.size and not self.knows(x)):
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


def _done(kernel: Callable[..., None], count: int, arguments: Sequence[Any], least: int) -> Job:
    """Do a job in this thread, and keep it."""
    cells, kept = team.cells(), np.empty(team.ROOM, np.uint8)
    cells[team.GRAIN], cells[team.COPY] = max(1, count), kept.ctypes.data
    kernel(cells.ctypes.data, 0, count, *arguments)
    return Job(int(cells[team.FUNCTION]), kept[: cells[team.LENGTH]].copy(), count, least)


def _overlap(a: Place, b: Place) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _grouped(jobs: Sequence[Job], threads: int) -> Iterator[tuple[list[int], int]]:
    """The numbers of jobs that follow each other and can be done in turns, and how many turns."""
    together: list[int] = []
    for i in range(len(jobs)):
        if together and not _turns([jobs[k] for k in (*together, i)], threads):
            yield together, _turns([jobs[k] for k in together], threads)
            together = []
        together.append(i)
    if together:
        yield together, _turns([jobs[k] for k in together], threads)


def _turns(jobs: Sequence[Job], threads: int) -> int:
    """In how many turns jobs can be done, a share of each at a time; 0 if not at all.

    What one of them has computed is then still near when the next one reads it.
    """
    if len(jobs) == 1:
        return 1
    most = gcd(*(n for job in jobs for n in (job.shares, job.parts)))
    *before, last = jobs
    for job in before:
        for mine in last.divided:
            if any(_overlap(mine, its) and mine != its for its in job.divided):
                return 0
        pairs = [(a, b) for a in last.whole for b in job.divided | job.whole]
        pairs += [(a, b) for a in last.divided for b in job.whole]
        if any(_overlap(a, b) for a, b in pairs):
            return 0
    places = {place for job in jobs for place in job.divided}
    size = sum(end - begin for begin, end in places)
    least = _FOR_EACH * threads
    fitting = [n for n in range(least, min(most, _MOST) + 1) if most % n == 0]
    return next((n for n in fitting if n * _NEAR >= size), fitting[-1] if fitting else 0)


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
        self._tables: dict[int, tuple[Array, Array, list[Any]]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def run(self, prepared: bool = False) -> None:
        """Do all jobs again.

        Args:
            prepared: whether what lasts is still what it was the last time.

        Raises:
            MemoryError: a kernel found none.
        """
        parallel.repeat(self._prepared_table if prepared else self._table, self._address)

    def _table(self, threads: int) -> Array:
        """See ``team.repeat``."""
        found = self._tables.get(threads)
        if found is None:
            found = self._tables[threads] = self._made_table(threads)
        return found[0]

    def _prepared_table(self, threads: int) -> Array:
        """The same without preparations."""
        self._table(threads)
        return self._tables[threads][1]

    def _made_table(self, threads: int) -> tuple[Array, Array, list[Any]]:
        """The table, its end without preparations, and what it needs to be there."""

        def row(job: Job, address: int) -> list[int]:
            grain = 0 if threads < 2 else parallel.grain(job.parts, job.least, threads)
            return [job.function, address, job.parts, grain]

        address, held = self._arguments.ctypes.data, []
        rows = [
            row(job, address + place) for job, place in zip(self._jobs, self._places, strict=True)
        ]
        table = rows[: self._first]
        for group, turns in _grouped(self._jobs[self._first :], threads):
            of_group = [rows[self._first + i] for i in group]
            if turns > 1:
                inner = np.array(of_group, np.int64)
                job = _done(team.in_turns, 0, (inner, turns), 1)._replace(parts=turns)
                held += [inner, job]
                of_group = [row(job, job.arguments.ctypes.data)]
            table += of_group
        made = np.array(table, np.int64).reshape(-1, 4)
        return made, made[self._first :], held
