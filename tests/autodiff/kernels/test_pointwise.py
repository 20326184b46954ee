"""The functions that neither ``math`` nor NumPy has, against fifty digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from autodiff.kernels import pointwise, scalar

POINTS = [0.0, 1e-300, 1e-9, 0.5, 1.0, 20.0, 36.0, 40.0, 700.0, 745.0, 800.0, 1e300, np.inf]


@pytest.mark.parametrize("x", [*POINTS, *(-x for x in POINTS)])
def test_sigmoid_to_the_last_digits(x: float) -> None:
    with mpmath.workdps(50):
        expected = float(1 / (1 + mpmath.exp(-mpmath.mpf(x))))
    assert scalar.sigmoid(x) == pytest.approx(expected, rel=1e-15, abs=1e-320)
    with np.errstate(under="ignore"):
        array = pointwise.sigmoid(np.array([x]))
    assert array[0] == pytest.approx(expected, rel=1e-15, abs=1e-320)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(dtype: type) -> None:
    x = np.array([-1.0, 0.0, 2.0], dtype)
    assert pointwise.sigmoid(x).dtype == dtype
    assert pointwise.relu(x).dtype == dtype
    assert pointwise.relu(x).tolist() == [0.0, 0.0, 2.0]


def test_nan_stays_nan() -> None:
    assert np.isnan(scalar.sigmoid(np.nan))
    assert np.isnan(scalar.sign(np.nan))
    assert np.isnan(pointwise.sigmoid(np.array(np.nan)))
    assert np.isnan(pointwise.relu(np.array(np.nan)))


@pytest.mark.parametrize(("x", "expected"), [(3.0, 1.0), (-0.5, -1.0), (0.0, 0.0), (-np.inf, -1.0)])
def test_sign(x: float, expected: float) -> None:
    assert scalar.sign(x) == expected == np.sign(x)
