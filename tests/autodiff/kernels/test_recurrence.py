"""The recurrence h[i] = b[i] + a[i] h[i-1] against a loop over numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autodiff.kernels.recurrence import recurrence


def one_by_one(a: Any, b: Any, reverse: bool) -> Any:
    """Of vectors, in plain Python."""
    if reverse:
        return one_by_one(a[::-1], b[::-1], False)[::-1]
    h: list[Any] = []
    for i in range(len(b)):
        h.append(b[i] + a[i] * h[-1] if i else b[i])
    return np.array(h)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 64, 65, 100, 143, 144, 145, 1000])
def test_vectors(n: int, reverse: bool) -> None:
    a, b = np.random.default_rng(n).normal(size=(2, n))
    h = recurrence(a, b, axis=0, reverse=reverse)
    np.testing.assert_allclose(h, one_by_one(a, b, reverse), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(70, 2, 3), (3, 200), (2, 90, 2), (80, 80)])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays(shape: tuple[int, ...], axis: int, dtype: Any) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)
    h = recurrence(a, b, axis=axis)
    assert h.dtype == dtype
    assert h.shape == shape
    columns = (np.moveaxis(x, axis, 0).reshape(shape[axis], -1) for x in (a, b, h))
    for one_a, one_b, one_h in zip(*(x.T for x in columns), strict=True):
        expected = one_by_one(one_a, one_b, False)
        tolerance = 1e-12 if dtype is np.float64 else 1e-4
        np.testing.assert_allclose(one_h, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("factor", "start"), [(1e200, 1e-300), (1e-200, 1e300)])
def test_a_product_of_coefficients_may_leave_the_range_of_floats(
    factor: float, start: float
) -> None:
    # Two coefficients in a row have a product that no float holds, although h is within range.
    a, b = np.ones(400), np.zeros(400)
    b[0] = start
    for block in range(0, 400, 20):
        a[block + 3 : block + 5] = factor
        a[block + 7 : block + 9] = 1 / factor
    expected = one_by_one(a, b, False)
    assert np.all(np.isfinite(expected))
    assert np.all(expected > 0)
    np.testing.assert_allclose(recurrence(a, b, axis=0), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 200), (200, 0)])
def test_of_no_elements(shape: tuple[int, int]) -> None:
    for axis in (0, 1):
        assert recurrence(np.zeros(shape), np.zeros(shape), axis=axis).shape == shape


def test_nothing_comes_from_nothing() -> None:
    a, b = np.full(400, 1e200), np.zeros(400)
    b[-1] = 1.0
    np.testing.assert_array_equal(recurrence(a, b, axis=0), b)  # 1e200 ** 19 times 0 is 0
