"""Ranges between two operands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive

import autodiff as ad
from autodiff import Tensor, Value

SHAPES: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...] = (
    # start, stop, axis
    ((), (), 0),
    ((3,), (3,), 0),
    ((3,), (), -1),
    ((2, 1), (3,), 1),
    ((0,), (0,), 0),
)


def rows() -> Iterator[Row]:
    for start, stop, axis in SHAPES:
        for num, endpoint in ((4, True), (3, False), (1, True), (0, True)):
            told = f"{start} {stop} axis={axis} num={num} endpoint={endpoint}"
            for name in ("linspace", "logspace", "geomspace"):
                yield (
                    name, told,
                    lambda x, y, f=name, n=num, e=endpoint, a=axis: getattr(ad, f)(
                        x, y, n, e, axis=a
                    ),
                    (positive(*start), positive(*stop, seed=1)),
                )  # fmt: skip
    three = points(3)
    yield "linspace", "stop alone", lambda y: ad.linspace(1.0, y, 4), (three,)
    yield "linspace", "of one node", lambda x: ad.linspace(x, x * x, 4), (three,)
    yield "linspace", "step", lambda x: ad.linspace(x, 2.0, 4, retstep=True)[1], (three,)
    yield "geomspace", "negative", lambda x: ad.geomspace(-x, -9.0, 4), (positive(3),)
    yield (
        "logspace", "base", lambda x, b: ad.logspace(x, 2.0, 3, base=b),
        (positive(2, 1), positive(3, seed=1)),
    )  # fmt: skip
    yield (
        "logspace", "base, last axis", lambda x, b: ad.logspace(0.5, x, 3, base=b, axis=-1),
        (positive(2), positive(2, seed=1)),
    )  # fmt: skip
    yield "logspace", "scalar base", lambda b: ad.logspace(0.0, 2.0, 4, base=b), (1.7,)


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize("name", ["linspace", "logspace", "geomspace"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("start", "stop", "axis"), SHAPES)
@pytest.mark.parametrize("num", [0, 1, 2, 5])
@pytest.mark.parametrize("endpoint", [False, True])
def test_numbers_are_numpys(
    name: str, kind: Any, start: tuple[int, ...], stop: tuple[int, ...], axis: int, num: int,
    endpoint: bool,
) -> None:  # fmt: skip
    a, b = (np.asarray(positive(*shape, seed=i), kind) for i, shape in enumerate((start, stop)))
    expected = getattr(np, name)(a, b, num, endpoint=endpoint, axis=axis)
    result = getattr(np, name)(Tensor(a), b, num, endpoint=endpoint, axis=axis)
    assert isinstance(result, Tensor)
    assert result.dtype == kind
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.data, expected, rtol=8 * np.finfo(kind).eps)


def test_the_ends_are_exact() -> None:
    a, b = Value(0.1), Value(0.7)
    for f in (np.linspace, np.geomspace):
        f(a, b, 7)[-1].backward()
        assert (f(a, b, 7)[-1].data, a.grad, b.grad) == (0.7, 0.0, 1.0)
        a.grad = b.grad = 0.0


def test_a_range_with_its_step() -> None:
    x = Value(2.0)
    numbers, step = np.linspace(x, 5.0, 4, retstep=True)
    np.testing.assert_array_equal(numbers.data, [2, 3, 4, 5])
    assert step.data == 1.0
    assert np.isnan(np.linspace(x, 5.0, 1, retstep=True)[1])


def test_errors() -> None:
    x = Value(1.0)
    with pytest.raises(ValueError, match="zero"):
        np.geomspace(x, 0.0)
    for f in (ad.linspace, ad.logspace, ad.geomspace):
        with pytest.raises(ValueError, match="axis 1"):
            f(x, 2.0, axis=1)
        with pytest.raises(TypeError, match=r"num.*2\.5"):
            f(x, 2.0, 2.5)
        with pytest.raises(ValueError, match="non-negative"):
            f(x, 2.0, -1)
