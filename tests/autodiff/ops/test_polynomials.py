"""Polynomials by their coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

P = points(4)

TABLE: list[Row] = [
    ("polyval", "both", lambda p, x: ad.polyval(p, x), (P, points(2, 3, seed=1))),
    ("polyval", "one coefficient", lambda p, x: ad.polyval(p, x), (points(1), points(2, seed=1))),
    ("polyval", "no coefficient", lambda x: ad.polyval(np.zeros(0), x), (points(2),)),
    ("polyval", "at constants", lambda p: ad.polyval(p, [0.5, 0.0]), (P,)),
    ("polyval", "scalars", lambda a, x: ad.polyval([a, a * a, 1.0], x), (0.7, 1.3)),
    ("polyval", "a scalar at an array", lambda a, x: ad.polyval((a, 2.0), x), (0.7, P)),
    ("polyval", "of itself", lambda x: ad.polyval(x, x), (P,)),
    *(
        ("vander", f"{n} N={count} {increasing}",
         lambda x, c=count, i=increasing: ad.vander(x, c, i), (points(n),))
        for n in (0, 1, 3) for count in (None, 0, 1, 4) for increasing in (False, True)
    ),
]  # fmt: skip


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


def test_values_are_numpys() -> None:
    x = points(2, 3, seed=1)
    np.testing.assert_array_equal(np.polyval(Tensor(P), x).data, np.polyval(P, x))
    np.testing.assert_array_equal(np.polyval(P, Tensor(x)).data, np.polyval(P, x))
    y = np.polyval([1.0, 2.0], Value(3.0))
    assert (type(y), y.data) == (Value, 5.0)
    for count in (None, 0, 5):
        for increasing in (False, True):
            expected = np.vander(P, count, increasing)
            v = np.vander(Tensor(P), count, increasing)
            np.testing.assert_allclose(v.data, expected, rtol=1e-15)
    single = Tensor(P, dtype=np.float32)
    assert np.vander(single).dtype == np.polyval(single, single).dtype == np.float32


def test_the_powers_of_zero() -> None:
    x = Tensor([0.0])
    np.vander(x, 3).backward([[1.0, 10.0, 100.0]])
    np.testing.assert_array_equal(x.grad, [10.0])


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"vector of coefficients.*\(2, 2\)"):
        ad.polyval(Tensor(np.eye(2)), 1.0)
    with pytest.raises(ValueError, match=r"vector.*\(2, 2\)"):
        ad.vander(Tensor(np.eye(2)))
    with pytest.raises(ValueError, match="not negative, got -1"):
        ad.vander(Tensor(P), -1)
