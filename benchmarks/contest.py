"""Contests: a process for each library, in turns, so that a noisy machine slows all alike.

A library's threads, its garbage and its memory are then its own affair. What runs is named by the
place where it is defined, ``"benchmarks.peers.torch:lenet_step"``, and made in its process.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from benchmarks.timing import limit_threads

REST = 0.1
"""Seconds between two turns: threads of whoever was at work go on looking for more for a while."""
WARM = 0.02
"""Seconds that a contestant runs before it is timed, as if it had been at work all the time: its
threads are awake then, and where the system wants them."""


class Contestant(NamedTuple):
    """A step, and what it is made with.

    Attributes:
        place: module and function that makes the step; the step returns its result.
        arguments: of that function.
    """

    place: str
    arguments: tuple[Any, ...] = ()


class NotHereError(Exception):
    """A library that is not installed, or that can't do what is asked for."""


def compete(
    contestants: Mapping[str, Contestant],
    rounds: int,
    *,
    threads: int = 1,
    cpu_time: bool = False,
    check: Callable[[Any, Any], object] | None = None,
) -> dict[str, list[float]]:
    """Seconds per step of each contestant that is there.

    Args:
        contestants: by name; the first is the one whose results count as right.
        rounds: how many steps each is timed.
        threads: of each library.
        cpu_time: the clock of the process, for what has one thread; that on the wall otherwise.
        check: called with the first result of each and that of the first contestant; raises if
            they are not the same.
    """
    limit_threads(threads)  # inherited, and read when libraries are imported
    spawn = get_context("spawn")
    rooms: dict[str, Connection] = {}
    expected: Any = None
    for name, contestant in contestants.items():
        here, there = spawn.Pipe()
        arguments = (there, contestant, threads, cpu_time)
        spawn.Process(target=_serve, args=arguments, daemon=True).start()
        result = here.recv()
        if isinstance(result, NotHereError):
            print(f"  {name}: {result}", file=sys.stderr)
            continue
        if expected is None:
            expected = result
        elif check is not None:
            check(result, expected)
        rooms[name] = here
    times: dict[str, list[float]] = {name: [] for name in rooms}
    order = random.Random(0)
    for _ in range(rounds):
        for name, room in order.sample(list(rooms.items()), len(rooms)):
            time.sleep(REST)
            room.send(True)
            times[name].append(room.recv())
    for room in rooms.values():
        room.send(False)
    return times


def _serve(connection: Connection, contestant: Contestant, threads: int, cpu_time: bool) -> None:
    """A contestant in its process: send the first result, then the time of each step."""
    clock = time.process_time if cpu_time else time.perf_counter
    module, _, function = contestant.place.partition(":")
    try:
        step = getattr(import_module(module), function)(*contestant.arguments, threads)
        result = step()
    except (ImportError, NotHereError) as fault:
        connection.send(NotHereError(str(fault)))
        return
    connection.send(result)
    for _ in range(3):
        step()
    while connection.recv():
        ready = time.perf_counter() + WARM
        step()  # brings the caches into the state that its own steps leave
        while time.perf_counter() < ready:
            step()
        started = clock()
        step()
        connection.send(clock() - started)


def versions(*packages: str) -> str:
    """The versions of those packages that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def machine() -> str:
    """The processor, as the system names it, and how many cores this process may use."""
    name = ""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
    return f"{name or 'processor unknown'}, {len(os.sched_getaffinity(0))} cores"


def middle(times: list[float]) -> float:
    """The median."""
    return statistics.median(times)
