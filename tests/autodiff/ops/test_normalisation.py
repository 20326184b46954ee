"""Standardising over some axes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, zero_d

import autodiff as ad
from autodiff import Tensor, Value

AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((5,), None), ((4,), -1), ((2, 3), None), ((3, 2), 0), ((2, 3), -1), ((2, 3), (0, 1)),
    ((2, 3, 2), (0, 2)), ((2, 3, 2), 1), ((2, 2, 3), (1, 2)),
)  # fmt: skip
PARAMETERS: tuple[tuple[tuple[int, ...], Any, tuple[int, ...]], ...] = (
    ((3, 2), 0, (2,)), ((2, 3), 1, (3,)), ((2, 3), 1, (1, 3)), ((2, 3), 1, (2, 1)),
    ((2, 3), 1, (2, 3)), ((2, 3, 2), (0, 2), (3, 1)), ((2, 2, 3), (1, 2), (2, 3)),
    ((2, 2, 3), (1, 2), (3,)), ((2, 3), 1, ()),
)  # fmt: skip


def rows() -> Iterator[Row]:
    for shape, axis in AXES:
        yield (
            "standardise", f"x{list(shape)} axis={axis}",
            lambda x, a=axis: ad.standardise(x * x, a), (points(*shape),),
        )  # fmt: skip
    for shape, axis, own in PARAMETERS:
        yield (
            "standardise", f"x{list(shape)} axis={axis} weight and bias{list(own)}",
            lambda x, w, b, a=axis: ad.standardise(x * x, a, w * w, b * b),
            (points(*shape), points(*own, seed=1), points(*own, seed=2)),
        )  # fmt: skip
    x = points(2, 3)
    yield "standardise", "weight alone", lambda x, w: ad.standardise(x, 1, w), (x, points(3))
    yield "standardise", "bias alone", lambda x, b: ad.standardise(x, 0, bias=b), (x, points(3))
    yield "standardise", "of a constant", lambda w, b: ad.standardise(x, 0, w, b), (
        points(3, seed=1), points(3, seed=2),
    )  # fmt: skip
    yield "standardise", "eps", lambda x: ad.standardise(x, 1, eps=0.5), (x,)
    yield "standardise", "large mean", lambda x: ad.standardise(x + 1e3, 1), (x,)
    yield "standardise", "0-d", zero_d(ad.standardise), (points(1),)
    yield "standardise", "none to none", lambda x: ad.standardise(x, 1), (points(0, 2),)


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_values(shape: tuple[int, ...], axis: Any) -> None:
    x = 10.0 + 3.0 * points(*shape)
    w, b = points(*shape[-1:], seed=1), points(*shape[-1:], seed=2)
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 1e-3) * w + b
    got, *moments = ad.standardise(x, axis, w, b, eps=1e-3, returned=True)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)
    for moment, wanted in zip(moments, (mean, variance), strict=True):
        assert moment.shape == wanted.shape
        np.testing.assert_allclose(moment, wanted, rtol=1e-13)


def test_the_moments_are_bare_and_those_of_one_call() -> None:
    x = Tensor([[1.0, 3.0], [5.0, 5.0]])
    y, mean, variance = ad.standardise(x, 1, returned=True)
    ad.standardise(7 * x, 1)
    assert isinstance(y, Tensor)
    np.testing.assert_array_equal(mean, [[2.0], [5.0]])
    np.testing.assert_array_equal(variance, [[1.0], [0.0]])


def test_equal_elements_have_no_spread_and_a_finite_gradient() -> None:
    for x in (np.full((2, 4), 0.1), np.full((4, 2), 0.1, np.float32)):
        for axis in (0, 1):
            gradient = ad.grad(lambda x, a=axis: (ad.standardise(x, a) ** 3).sum())(x)
            np.testing.assert_allclose(ad.standardise(x, axis), 0, atol=1e-4)
            np.testing.assert_allclose(gradient, 0, atol=1e-4)


def test_rows_do_not_influence_each_other() -> None:
    with np.errstate(all="ignore"):
        gradient = ad.grad(
            lambda x: ad.where([[True], [False]], ad.standardise(ad.log(x), 1), 0.0)[:, :1].sum()
        )(np.array([[1.0, 2.0, 4.0], [0.0, -1.0, 1.0]]))
    assert np.isfinite(gradient).all()
    assert gradient[0].all()
    np.testing.assert_array_equal(gradient[1], 0.0)


def test_numbers() -> None:
    x = Value(3.0)
    y = ad.standardise(x, None, 2.0, 5.0)
    y.backward()
    assert (y.data, x.grad) == (5.0, 0.0)
    assert ad.standardise([1, 3], eps=0.0).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 3)), 2), "axis 2"),
        ((np.zeros((2, 3)), 0, np.ones(2)), "weight that broadcasts.*3.*2"),
        ((np.zeros(3), 0, np.ones((2, 3))), "weight that broadcasts"),
        ((np.zeros((2, 3)), 0, 1.0, np.ones((2, 1, 1))), "bias that broadcasts"),
        ((np.zeros((0, 3)), 0), "nothing to take a mean of"),
    ],
)
def test_errors(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ad.standardise(*arguments)


def test_parameters_of_another_dtype_decide_as_in_numpy() -> None:
    x = points(3, 4).astype(np.float32)
    for w, dtype in ((2.0, np.float32), (np.ones(4), np.float64), (np.float64(2), np.float64)):
        assert ad.standardise(x, 1, w).dtype == dtype


# --- of several operands at once ------------------------------------------------------------------


@pytest.mark.parametrize("product_of", list(product((False, True), repeat=3)))
def test_only_those_who_ask_get_an_adjoint(product_of: tuple[bool, bool, bool]) -> None:
    operands = (points(4, 3), points(3, seed=1), points(3, seed=2))
    nodes = [
        Tensor(operand) if asks else operand
        for operand, asks in zip(operands, product_of, strict=True)
    ]
    y = ad.standardise(nodes[0], 0, nodes[1], nodes[2])
    if not any(product_of):
        assert not isinstance(y, Tensor)
        return
    seed = points(4, 3, seed=3)
    y.backward(seed)
    x, w, b = map(Tensor, operands)
    d = x - ad.mean(x, 0, True)
    composed = d / ad.sqrt(ad.mean(d * d, 0, True) + 1e-5) * w + b
    composed.backward(seed)
    for node, other in zip(nodes, (x, w, b), strict=True):
        if isinstance(node, Tensor):
            np.testing.assert_allclose(node.grad, other.grad, rtol=1e-9, atol=1e-11)
