"""What is computed once and kept: properties, and functions of what comes back."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable

import pytest

from autodiff.caching import cached, memoised


class Slow:
    def __init__(self, compute: Callable[[], float]) -> None:
        self.compute = compute

    @cached
    def result(self) -> float:
        """What takes long."""
        return self.compute()


def test_it_is_computed_once_for_each_object() -> None:
    calls: list[float] = []

    def compute() -> float:
        calls.append(1.0)
        return float(len(calls))

    one, other = Slow(compute), Slow(compute)
    assert (one.result, one.result, other.result, one.result) == (1.0, 1.0, 2.0, 1.0)
    assert vars(one) == {"compute": compute, "result": 1.0}
    assert Slow.result.__doc__ == "What takes long."


def test_nothing_is_kept_of_a_failure() -> None:
    slow = Slow(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        slow.result  # noqa: B018
    slow.compute = float
    assert slow.result == 0.0
    assert pickle.loads(pickle.dumps(slow)).result == 0.0


def test_objects_do_not_wait_for_each_other() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def compute() -> float:
        begun.set()
        assert go_on.wait(10)
        return 1.0

    slow = Slow(compute)
    thread = threading.Thread(target=lambda: slow.result)
    thread.start()
    assert begun.wait(10)
    other: list[float] = []
    second = threading.Thread(target=lambda: other.append(Slow(lambda: 2.0).result), daemon=True)
    second.start()
    second.join(5)
    go_on.set()
    thread.join()
    assert other == [2.0]
    assert slow.result == 1.0


def test_a_function_remembers_by_value_and_kind() -> None:
    calls = []

    @memoised
    def listed(*arguments: object) -> list[object]:
        calls.append(arguments)
        return list(arguments)

    first = listed(1, (2, [3, None]), "same")
    assert listed(1, (2, [3, None]), "same") is first
    for other in ((1, (2, (3, None)), "same"), (1, (2.0, [3, None]), "same"), (True, (2,))):
        assert listed(*other) == list(other)
    assert len(calls) == 4
    cannot_be_pickled = lambda: None  # noqa: E731
    assert listed(cannot_be_pickled) == listed(cannot_be_pickled) == [cannot_be_pickled]
    assert len(calls) == 6


def test_a_function_computes_again_after_a_failure_and_when_it_knows_too_much() -> None:
    calls = []

    @memoised
    def half(n: int) -> float:
        calls.append(n)
        return 1 / (n - 1) if n == 1 else n / 2

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            half(1)
    for n in range(2, 3000):
        assert half(n) == half(n) == n / 2
    assert half(2) == 1
    assert calls == [1, 1, *range(2, 3000), 2]
