"""Clipping of gradients: by their common norm, and element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nn import Parameter, clip_gradients_by_norm, clip_gradients_by_value


def with_gradients(*gradients: Any, dtype: Any = np.float64) -> list[Parameter]:
    parameters = [Parameter(np.zeros(np.shape(g), dtype)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    return parameters


def test_all_gradients_shrink_by_one_factor() -> None:
    parameters = [*with_gradients([[3.0, 0.0]], [-4.0]), Parameter([1.0])]
    held = parameters[1].grad
    assert clip_gradients_by_norm(parameters, 2.5) == 5.0
    assert [None if p.grad is None else p.grad.tolist() for p in parameters] == [
        [[1.5, 0.0]], [-2.0], None,
    ]  # fmt: skip
    assert clip_gradients_by_norm(parameters, 1e9) == 2.5
    assert held is not None
    assert held.tolist() == [-4.0]  # whoever holds the gradient keeps it


@pytest.mark.parametrize("most", [5.0, 7.0, float("inf")])
def test_small_gradients_stay_the_arrays_they_are(most: float) -> None:
    parameters = with_gradients([3.0, 4.0])
    before = parameters[0].grad
    assert clip_gradients_by_norm(parameters, most) == 5.0
    clip_gradients_by_value(parameters, most)
    assert parameters[0].grad is before


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e300), (np.float64, 1e-300),
                                             (np.float32, 1e38), (np.float32, 1e-44)])  # fmt: skip
def test_the_norm_neither_overflows_nor_underflows(dtype: Any, size: float) -> None:
    size = float(dtype(size))
    parameters = with_gradients([[size, size], [size, size]], [-size] * 5, dtype=dtype)
    assert clip_gradients_by_norm(parameters, size) == pytest.approx(3 * size, rel=1e-12)
    assert {p.grad.dtype for p in parameters if p.grad is not None} == {np.dtype(dtype)}
    if size > 1:
        assert clip_gradients_by_norm(parameters, 1.0) == pytest.approx(size, rel=1e-6)
        assert clip_gradients_by_norm(parameters, 9.0) == pytest.approx(1.0, rel=1e-6)


def test_elements_beyond_the_bounds_move_to_them() -> None:
    parameters = [*with_gradients([[0.5, -3.0]], [2.0], dtype=np.float32), Parameter([1.0])]
    held = parameters[0].grad
    clip_gradients_by_value(parameters, 1.0)
    assert [None if p.grad is None else p.grad.tolist() for p in parameters] == [
        [[0.5, -1.0]], [1.0], None,
    ]  # fmt: skip
    assert parameters[0].grad is not None
    assert parameters[0].grad.dtype == np.float32
    assert held is not None
    assert held.tolist() == [[0.5, -3.0]]  # whoever holds the gradient keeps it


def test_nothing_to_clip() -> None:
    assert clip_gradients_by_norm([Parameter([1.0])], 1.0) == 0.0
    assert clip_gradients_by_norm([], 1.0) == 0.0
    assert clip_gradients_by_norm(with_gradients([0.0], np.zeros((0, 2))), 1.0) == 0.0
    clip_gradients_by_value([], 1.0)


@pytest.mark.parametrize("clip", [clip_gradients_by_norm, clip_gradients_by_value])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gradients_that_are_not_finite_are_told_and_nothing_changes(
    clip: Callable[[list[Parameter], float], object], bad: float
) -> None:
    parameters = with_gradients([5.0], [0.0, bad])
    parameters[1].label = "late"
    with pytest.raises(FloatingPointError, match=r"'late'.*number 1.*(nan|inf)"):
        clip(parameters, 1.0)
    assert parameters[0].grad is not None
    assert parameters[0].grad.tolist() == [5.0]


@pytest.mark.parametrize("clip", [clip_gradients_by_norm, clip_gradients_by_value])
def test_errors(clip: Callable[[Any, float], object]) -> None:
    for most in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="most is a number above 0"):
            clip(with_gradients([1.0]), most)
    with pytest.raises(TypeError, match="list"):
        clip(Parameter([1.0]), 1.0)
