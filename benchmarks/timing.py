"""Timing side by side: contestants take turns, so that a noisy machine slows all alike."""

from __future__ import annotations

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
