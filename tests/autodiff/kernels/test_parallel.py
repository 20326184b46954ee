"""Work that threads share: every part is done once, whoever is there to do it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from autodiff.kernels.native import parallel
from autodiff.kernels.native.parallel import grain, in_parallel
from autodiff.kernels.native.team import shared
from autodiff.settings import config


@shared
def count_up(first: int, end: int, done: Any, effort: int) -> None:
    for i in range(first, end):
        wasted = 0.0
        for k in range(effort):
            wasted = wasted * 0.5 + k
        done[i] += 1.0 if wasted >= 0.0 else 2.0


@shared
def fail(first: int, end: int, bad: int) -> None:
    if first <= bad < end:
        raise MemoryError("no more")


@pytest.fixture(autouse=True)
def several_threads() -> Iterator[None]:
    before = config.threads
    yield
    config.threads = before


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("least", [1, 5])
def test_every_part_is_done_once(threads: int, least: int) -> None:
    config.threads = threads
    for count in (0, 1, 2, 3, 16, 17, 1000):
        for _ in range(20):
            done = np.zeros(count)
            in_parallel(count_up, count, done, 50, least=least)
            assert (done == 1).all()


@pytest.mark.parametrize(
    ("count", "least", "threads", "at_once"),
    [
        (4, 4, 2, 0), (4, 5, 2, 0), (2, 1, 2, 1), (12, 5, 2, 6), (12, 7, 2, 6), (12, 5, 4, 4),
        (1600, 1, 2, 100), (1600, 400, 2, 400), (20, 8, 2, 10), (7, 1, 2, 2),
    ],
)  # fmt: skip
def test_threads_take_as_many_parts_each(
    count: int, least: int, threads: int, at_once: int
) -> None:
    assert grain(count, least, threads) == at_once


def test_a_kernel_is_compiled_once_for_any_number_of_threads() -> None:
    @shared
    def double(first: int, end: int, x: Any) -> None:
        for i in range(first, end):
            x[i] *= 2

    x = np.ones(64)
    for threads in (2, 1, 3):
        config.threads = threads
        in_parallel(double, 64, x)
    assert (x == 8).all()
    assert len(double.overloads) == 1


def test_helpers_that_sleep_are_woken() -> None:
    config.threads = 2
    for _ in range(3):
        done = np.zeros(64)
        in_parallel(count_up, 64, done, 100_000)
        assert (done == 1).all()
        deadline = time.monotonic() + 10
        while not all(helper._asleep for helper in parallel._team.helpers):
            assert time.monotonic() < deadline, "a helper goes on looking for work"
            time.sleep(0.01)


def test_who_finds_the_team_busy_does_the_work_alone() -> None:
    config.threads = 2
    with parallel._team.busy:
        done = np.zeros(64)
        in_parallel(count_up, 64, done, 50)
    assert (done == 1).all()


def test_two_threads_may_share_out_work_at_once() -> None:
    config.threads = 3
    wrong: list[int] = []

    def repeatedly() -> None:
        for _ in range(300):
            done = np.zeros(64)
            in_parallel(count_up, 64, done, 200)
            wrong.extend(np.flatnonzero(done != 1))

    callers = [threading.Thread(target=repeatedly) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bad", [0, 63])
def test_what_fails_in_any_part_is_raised_and_the_team_goes_on(threads: int, bad: int) -> None:
    config.threads = threads
    with pytest.raises(MemoryError):
        in_parallel(fail, 64, bad)
    done = np.zeros(64)
    in_parallel(count_up, 64, done, 50)
    assert (done == 1).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own() -> None:
    config.threads = 2
    in_parallel(count_up, 64, np.zeros(64), 50)
    child = os.fork()
    if not child:
        done = np.zeros(64)
        in_parallel(count_up, 64, done, 50)
        os._exit(0 if (done == 1).all() and len(parallel._team.helpers) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_program_ends_while_helpers_look_for_work_and_while_they_sleep() -> None:
    for pause in (0.0, 0.2):
        program = f"""if True:
            import time
            import numpy as np
            import autodiff as ad
            from autodiff.kernels import updates

            ad.config.threads = 3
            w, g = np.ones(1 << 20), np.ones(1 << 20)
            updates.descent(w, g, np.array([0.5]), 0.0)
            assert (w == 0.5).all()
            time.sleep({pause})
        """
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
