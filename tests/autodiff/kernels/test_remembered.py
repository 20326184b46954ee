"""Findings are those of an array, and of no other that begins in the same place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autodiff.kernels.remembered import Remembered


@pytest.fixture
def array() -> Any:
    return np.arange(12.0).reshape(3, 4)


def test_a_finding_is_that_of_the_array_and_of_views_that_are_no_different(array: Any) -> None:
    findings = Remembered()
    findings.keep(array, "found")
    assert findings.of(array) == "found"
    assert findings.of(array.reshape(3, 4, 1)[..., 0]) == "found"
    assert findings.of(array.copy()) is None


@pytest.mark.parametrize(
    "other",
    [lambda x: x.T, lambda x: x.reshape(4, 3), lambda x: x[:2], lambda x: x.view(np.int64)],
)
def test_it_is_not_that_of_the_same_memory_read_in_another_way(array: Any, other: Any) -> None:
    findings = Remembered()
    findings.keep(array, "found")
    assert findings.of(other(array)) is None
    assert findings.take(other(array)) is None
    assert findings.of(array) == "found"


def test_what_is_taken_is_not_found_again(array: Any) -> None:
    findings = Remembered()
    findings.keep(array, "found")
    assert findings.take(array) == "found"
    assert findings.take(array) is None


def test_a_finding_goes_with_its_array_and_not_with_an_earlier_one(array: Any) -> None:
    findings = Remembered()
    view = array[:]
    findings.keep(view, "earlier")
    findings.keep(array, "later")
    del view
    assert findings.of(array) == "later"
    again = array.copy()
    findings.keep(again, "gone")
    del again
    assert len(findings._findings) == 1
