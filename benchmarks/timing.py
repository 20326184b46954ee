"""Timing side by side: contestants take turns, so that a noisy machine slows all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping

Step = Callable[[], object]


def interleaved(
    steps: Mapping[str, Step],
    rounds: int,
    *,
    warm_up: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds per step, each kind in turn in every round, after a warm-up.

    A step runs twice and is timed the second time: the first brings the caches into the state that
    its own steps leave. For what runs on one thread, ``time.process_time`` is the calmer clock.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(rounds + warm_up):
        for name, step in steps.items():
            step()
            started = clock()
            step()
            if i >= warm_up:
                times[name].append(clock() - started)
    return times


def ratios(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile of ours / theirs, round by round."""
    quotients = [a / b for a, b in zip(ours, theirs, strict=True)]
    if len(quotients) < 2:
        return (quotients[0],) * 3
    low, middle, high = statistics.quantiles(quotients, n=4)
    return low, middle, high


def report(times: Mapping[str, list[float]], unit: str, scale: float) -> None:
    """Print the median of each contestant, and its ratio to the first one with the quartiles.

    Args:
        times: seconds per step; the first contestant is the one that the others are compared with.
        unit: what ``seconds * scale`` is in, such as "ms".
        scale: of the unit.
    """
    ours = next(iter(times.values()))
    width = max(map(len, times))
    for name, measured in times.items():
        low, middle, high = ratios(measured, ours)
        print(
            f"  {name:{width}}  {statistics.median(measured) * scale:9.1f} {unit}   "
            f"it / {next(iter(times))}: {middle:5.2f} ({low:.2f} to {high:.2f})"
        )


def limit_threads(count: int) -> None:
    """Let the numeric libraries use so many threads; before any of them is imported."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(count)
