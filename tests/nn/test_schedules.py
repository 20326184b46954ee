"""Schedules: their formulas, their ends, and what they refuse."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from math import cos, pi

import pytest

from nn import CosineDecay, ExponentialDecay, InverseDecay, OneCycle, StepDecay, WarmUp
from nn.schedules import Schedule

# A schedule, and its rates at some steps, beyond its last one too.
VALUES: list[tuple[Schedule, dict[int, float]]] = [
    (InverseDecay(0.01, gamma=1e-4, power=0.75), {0: 0.01, 10_000: 0.01 / 2**0.75}),
    (InverseDecay(0.3), {0: 0.3, 7: 0.3}),
    (StepDecay(0.5, every=3), {0: 0.5, 2: 0.5, 3: 0.05, 5: 0.05, 6: 0.005, 300: 0.5 * 0.1**100}),
    (ExponentialDecay(2.0, 0.9), {0: 2.0, 1: 1.8, 2: 1.62, 50: 2 * 0.9**50}),
    (CosineDecay(1.0, 10), {0: 1.0, 1: (1 + cos(pi / 10)) / 2, 5: 0.5, 10: 0.0, 11: 0.0, 15: 0.0}),
    (CosineDecay(1.0, 4, least=0.5), {0: 1.0, 2: 0.75, 4: 0.5, 99: 0.5}),
    (WarmUp(2.0, 3), {0: 0.5, 1: 1.0, 2: 1.5, 3: 2.0, 4: 2.0, 99: 2.0}),
    (WarmUp(CosineDecay(1.0, 4), 1), {0: 0.5, 1: 1.0, 3: 0.5, 5: 0.0, 6: 0.0}),
    (WarmUp(lambda step: 8.0 / (1 + step), 1), {0: 4.0, 1: 8.0, 2: 4.0}),
    (OneCycle(2.0, 10, rise=0.5, start=0.25, end=0.1, shape="linear"),
     {0: 0.5, 2: 1.25, 4: 2.0, 9: 0.2, 10: 0.2, 99: 0.2}),
    (OneCycle(2.0, 10, rise=0.5, start=0.25, end=0.0),
     {0: 0.5, 1: 1.25 - 0.75 * cos(pi / 4), 2: 1.25, 4: 2.0, 5: 1 + cos(pi / 5), 9: 0.0, 10: 0.0}),
    (OneCycle(1.0, 100), {0: 0.04, 29: 1.0, 99: 4e-6, 1000: 4e-6}),
    (OneCycle(1.0, 5, rise=0.5, start=0.0, end=0.0, shape="linear"),
     {0: 0.0, 1: 1 / 1.5, 2: 1 - 0.5 / 2.5, 4: 0.0}),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "rates"), VALUES, ids=lambda x: repr(x)[:40])
def test_values(schedule: Schedule, rates: dict[int, float]) -> None:
    for step, rate in rates.items():
        assert type(schedule(step)) is float
        assert schedule(step) == pytest.approx(rate, rel=1e-14, abs=1e-16), step


@pytest.mark.parametrize("schedule", [
    InverseDecay(0.1, 0.5), StepDecay(0.1, 3), ExponentialDecay(0.1, 0.9), CosineDecay(0.1, 30),
])  # fmt: skip
def test_decay_never_rises(schedule: Schedule) -> None:
    rates = [schedule(step) for step in range(60)]
    assert rates[0] == 0.1
    assert sorted(rates, reverse=True) == rates
    assert min(rates) >= 0


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_one_cycle_rises_then_falls(shape: str) -> None:
    rates = [OneCycle(0.3, 50, rise=0.4, shape=shape)(step) for step in range(70)]  # type: ignore[arg-type]
    assert rates.index(max(rates)) == 19
    assert rates[19] == 0.3
    assert sorted(rates[:20]) == rates[:20]
    assert sorted(rates[19:], reverse=True) == rates[19:]


def test_the_first_rate_of_a_warm_up_is_not_zero_and_the_last_is_below_the_schedule() -> None:
    rates = [WarmUp(CosineDecay(1.0, 100), 9)(step) for step in range(10)]
    assert rates == pytest.approx([(step + 1) / 10 for step in range(10)])


def test_schedules_keep_their_settings_only() -> None:
    schedule = WarmUp(OneCycle(0.1, 40), 5)
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    forwards = [schedule(step) for step in range(50)]
    assert [schedule(step) for step in reversed(range(50))][::-1] == forwards
    with pytest.raises(AttributeError):
        schedule.steps = 3  # type: ignore[misc]


ERRORS: list[tuple[Callable[[], object], str]] = [
    (lambda: InverseDecay(0.0), "epsilon.*above 0.*got 0.0"),
    (lambda: InverseDecay(0.1, gamma=-1.0), "gamma.*at least 0.*-1.0"),
    (lambda: InverseDecay(0.1, power=float("nan")), "power is a finite number, got nan"),
    (lambda: StepDecay(-0.1, 3), "StepDecay: rate"),
    (lambda: StepDecay(0.1, 0), "every.*whole"),
    (lambda: StepDecay(0.1, 2.0), "every.*whole"),  # type: ignore[arg-type]
    (lambda: StepDecay(0.1, 2, factor=1.5), "factor.*above 0 and at most 1, got 1.5"),
    (lambda: ExponentialDecay(float("inf"), 0.5), "rate.*inf"),
    (lambda: ExponentialDecay(0.1, 0.0), "factor"),
    (lambda: CosineDecay(0.1, -3), "steps.*-3"),
    (lambda: CosineDecay(0.1, 10, least=0.2), "least.*at most 0.1, got 0.2"),
    (lambda: WarmUp(0.0, 10), "WarmUp: schedule is a positive number or a function, got 0.0"),
    (lambda: WarmUp("fast", 10), "got 'fast'"),  # type: ignore[arg-type]
    (lambda: WarmUp(0.1, 0), "WarmUp: steps"),
    (lambda: OneCycle(0.1, 10, rise=1.0), "rise.*below 1"),
    (lambda: OneCycle(0.1, 3), r"rise=0.3 of steps=3 is too short"),
    (lambda: OneCycle(0.1, 10, start=2.0), "start"),
    (lambda: OneCycle(0.1, 10, end=-1.0), "end"),
    (lambda: OneCycle(0.1, 10, shape="square"), "shape is 'cosine' or 'linear', got 'square'"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
