"""What the exercises share: tables, and the loops they compare the engine with."""

from __future__ import annotations

import doctest
from types import ModuleType

import numpy as np
import pytest

from examples import by_hand, report


@pytest.mark.parametrize("module", [by_hand, report])
def test_docstrings(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_the_largest_difference_of_all_quantities() -> None:
    engine = {"a": np.array([1.0, 2.0]), "b": 3.0}
    assert by_hand.largest_difference(engine, {"a": [1.0, 2.5], "b": 2.75}) == 0.5
    with pytest.raises(ValueError, match=r"only one side has \['b'\]"):
        by_hand.largest_difference(engine, {"a": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"a: \(2,\) and \(1,\)"):
        by_hand.largest_difference(engine, {"a": [1.0], "b": 3.0})


def test_a_table() -> None:
    text = report.table(("name", "x"), [("α", 1.5), ("beta", -20.0)])
    assert text.splitlines() == ["  name    x", "  ----  ---", "  α     1.5", "  beta  -20"]


def test_matrices_side_by_side() -> None:
    text = report.matrices(A=np.array([[1, -2.5], [30, 0]]), b=np.array([7.0]))
    assert text.splitlines() == ["  A = [    1  -2.5 ]     b = [ 7 ]", "      [   30     0 ]"]


def test_no_minus_before_a_zero() -> None:
    assert report.shown(-0.0) == "0"
