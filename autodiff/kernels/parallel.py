"""Work shared among threads.

The threads are this process's own and sleep between two tasks. Kernels let go of the interpreter
while they compute, so that plain Python threads run them side by side. How the work is divided
never decides how numbers are added up: that is for the kernels to fix.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from autodiff.settings import config


class _Workers:
    """The threads, made when they are first needed; a forked process makes its own."""

    def __init__(self) -> None:
        self.pool: ThreadPoolExecutor | None = None
        self.count = 0

    def of(self, count: int) -> ThreadPoolExecutor:
        if self.pool is None or self.count < count:
            self.pool = ThreadPoolExecutor(count, thread_name_prefix="autodiff")
            self.count = count
        return self.pool

    def forget(self) -> None:
        self.pool = None


_workers = _Workers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.forget)


def in_parallel(work: Callable[[int, int], object], count: int) -> None:
    """Do ``work(first, end)`` for ranges that together are ``range(count)``, and wait.

    Raises:
        what ``work`` raises.
    """
    parts = min(config.threads, count)
    if parts < 2:
        if count:
            work(0, count)
        return
    ends = [count * part // parts for part in range(parts + 1)]
    pool = _workers.of(parts - 1)
    others = [pool.submit(work, *ends[part : part + 2]) for part in range(1, parts)]
    work(*ends[:2])
    for other in others:
        other.result()
