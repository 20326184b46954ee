"""Work shared among threads.

The threads are this process's own. They compute outside of Python's lock, and sleep when there has
been nothing to do for a moment. How the work is divided never decides how numbers are added up:
that is for the kernels to fix.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from autodiff.arrays import Array
from autodiff.kernels import replay
from autodiff.kernels.native import team
from autodiff.settings import config

_PATIENCE = 80_000
"""How often a thread looks for work before it sleeps: for some 3 ms, longer than Python takes
from one kernel to the next."""

_PARTS = 8
"""Into how many parts for each thread work is divided: one that comes late costs little."""


class _Team:
    """The threads, made when they are first needed; a forked process makes its own."""

    def __init__(self) -> None:
        self.cells = team.cells()
        self.address = self.cells.ctypes.data
        self.busy = threading.Lock()
        self.helpers: list[_Helper] = []

    def gather(self, count: int) -> None:
        """Let so many threads help, and none sleep; fewer if the system gives no more."""
        if not self.helpers:
            # It is compiled here: in a thread, numba's lock would be held while this one may fork.
            team.help_out(self.address, 0, 0, 0)
        while len(self.helpers) < count:
            try:
                self.helpers.append(_Helper(self.address, len(self.helpers) + 1))
            except RuntimeError:  # too many of them, or Python is about to end
                break
        self.cells[team.MOST] = count
        for helper in self.helpers[:count]:
            helper.wake()

    def dismiss(self) -> None:
        """End the threads, before Python ends."""
        with self.busy:
            for helper in self.helpers:
                helper.end()
            self.helpers.clear()


class _Helper:
    """A thread that helps, until nothing has come for a while; then it sleeps."""

    def __init__(self, address: int, own: int) -> None:
        self._asleep = self._ended = False
        self._bell = threading.Lock()
        self._bell.acquire()
        self._thread = threading.Thread(
            target=self._run, args=(address, own), name="autodiff", daemon=True
        )
        self._thread.start()

    def _run(self, address: int, own: int) -> None:
        last = 0
        while not self._ended:
            last = team.help_out(address, own, last, _PATIENCE)
            self._asleep = True
            self._bell.acquire()

    def wake(self) -> None:
        if self._asleep:
            self._asleep = False
            self._bell.release()

    def end(self) -> None:
        self._ended = True
        while self._thread.is_alive():
            self.wake()
            self._thread.join(0.001)


_team = _Team()


def _forget() -> None:
    global _team
    _team = _Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: _team.dismiss())


def in_parallel(
    kernel: Callable[..., None],
    count: int,
    *arguments: Any,
    least: int = 1,
    shares: int = 1,
    divided: Sequence[Array] = (),
) -> None:
    """Let ``kernel(first, end, *arguments)`` go over ``range(count)``, shared out among threads.

    Where the threads are at work for somebody else, this one does all by itself.

    Args:
        kernel: see ``team.shared``.
        count: how many parts there are.
        arguments: of the kernel.
        least: parts that are not worth being divided.
        shares: into so many equal shares the parts fall, and the memory of some arrays: the first
            share of the parts has to do with the first share of each, and so on.
        divided: those arrays, one whole piece of memory each.

    Raises:
        MemoryError: a kernel found none.
    """
    recorder = replay.recorder()
    if recorder is not None:
        recorder.do(kernel, count, arguments, least, shares, divided)
        return
    threads = min(config.threads, -(-count // least))
    here = _team
    if threads < 2 or not here.busy.acquire(blocking=False):
        if count:
            kernel(0, 0, count, *arguments)
        return
    try:
        here.gather(threads - 1)
        here.cells[team.GRAIN] = grain(count, least, threads)
        kernel(here.address, 0, count, *arguments)
    finally:
        here.busy.release()


def grain(count: int, least: int, threads: int) -> int:
    """How many parts of a job a thread takes at once; 0 if it is one thread's.

    All threads take as many, as often: the fewer there are to divide, the less often.
    """
    if count <= least:
        return 0
    threads = min(threads, -(-count // least))
    often = max(1, min(_PARTS, count // (threads * least)))
    return -(-count // (threads * often))


def repeat(table: Callable[[int], Array], cells: int) -> None:
    """Let jobs be done again, with as many threads as ``config`` says.

    Args:
        table: gives the jobs for a number of threads; see ``team.repeat``.
        cells: where those of a team are that has one thread, if the others are at work for somebody
            else.
    """
    threads = config.threads
    here = _team
    if threads < 2 or not here.busy.acquire(blocking=False):
        team.repeat(cells, table(1), 0)
        return
    try:
        here.gather(threads - 1)
        team.repeat(here.address, table(threads), threads - 1)
    finally:
        here.busy.release()
