"""Adding to picked places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autodiff import config
from autodiff.kernels import dispatch
from autodiff.kernels.scatter import add_at

ROWS, COLUMNS = np.array([2, 0, 2, -1]), np.array([1, 1, 1, 0])


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((3,), ROWS), ((3,), (ROWS,)), ((3,), ROWS.reshape(2, 2)), ((3,), np.array([], int)),
        ((3,), np.array([True, False, True])), ((3,), (np.array([True, False, True]),)),
        ((3, 2), ROWS), ((3, 2), (ROWS, COLUMNS)), ((3, 2), (ROWS, slice(None))),
        ((3, 2), (slice(None), COLUMNS)), ((3, 20), ROWS), ((3, 20), (ROWS,)),
        ((20, 3), (slice(None), ROWS)), ((3, 20), (slice(0, 2), COLUMNS)), ((4, 3, 5), (ROWS,)),
        ((2, 3, 8), (slice(None), ROWS)), ((3, 20), np.zeros(9, int)), ((3, 20), np.zeros(0, int)),
        ((3, 20), np.zeros(20, int)), ((3, 20), np.array([-1, 2, -3, 0])),
        ((3, 20), ROWS.reshape(2, 2)),
        ((40,), ROWS), ((3,), (ROWS, None)), ((3,), 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("values", ["all", "one"])
def test_against_numpy(shape: tuple[int, ...], index: Any, values: str) -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=shape)
    added = rng.normal(size=np.shape(array[index])) if values == "all" else np.float64(1.5)
    expected = array.copy()
    np.add.at(expected, index, added)
    add_at(array, index, added)
    np.testing.assert_allclose(array, expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 7, 400])
def test_many_rows_by_the_compiled_kernel(count: int, dtype: Any) -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    rows = rng.integers(-50, 50, count)
    values = rng.normal(size=(count, 20, 1 + dispatch.WORTH_IT // count // 20)).astype(dtype)
    array = rng.normal(size=(50, *values.shape[1:])).astype(dtype)
    for added in (values, values[::-1], np.broadcast_to(values[:1], values.shape)):
        expected, backend = array.copy(), config.backend
        np.add.at(expected, rows, added)
        got = array.copy()
        config.backend = "native"
        try:
            add_at(got, rows, added)
        finally:
            config.backend = backend
        np.testing.assert_array_equal(got, expected)
    with pytest.raises(IndexError):
        add_at(array, np.where(rows == rows[0], 50, rows), values)
