"""Formulas as functions: what they call by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff.ops import formula
from autodiff.ops.rules import Pointwise


def test_a_namespace_without_operators_gets_those_of_python() -> None:
    names: dict[str, Any] = {}
    f = formula.function(formula.parse("3.0 * x ** 2.0"), "x", names)
    np.testing.assert_array_equal(f(np.array([1.0, -2.0])), [3, 12])
    assert formula.function(formula.parse("x > 1"), "x", names)(np.array([1, 2])).tolist() == [0, 1]


def test_a_namespace_keeps_operators_of_its_own() -> None:
    names: dict[str, Any] = {"factor": lambda x, y: 10.0}
    assert formula.function(formula.parse("3.0 * x ** 2.0"), "x", names)(1.0) == 30


def test_a_rule_may_be_written_in_a_namespace_of_its_own() -> None:
    cube = Pointwise("cube", "x * x ** 2.0", ["3.0 * x ** 2.0"], {}, {"pow": ad.pow})
    ad.check_gradients(cube, np.array([0.3, 0.7, 1.1]), order=2)
