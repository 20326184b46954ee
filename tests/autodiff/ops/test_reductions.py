"""Reductions: sums, means, products, largest and smallest elements."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad
from autodiff import Tensor, Value

REDUCTIONS = ("sum", "mean", "prod", "max", "min", "ptp")
AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((), None), ((3,), None), ((3,), 0), ((3,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), 1),
    ((2, 3), -2), ((2, 3), (0, 1)), ((2, 3), (-1, 0)), ((2, 3), ()), ((2, 1, 3), (0, 2)),
    ((2, 1, 3), 1),
)  # fmt: skip
MASK = np.array([[True, False, True], [False, True, True]])


def reduction_rows() -> Iterator[Row]:
    for name, (shape, axis), keepdims in product(REDUCTIONS, AXES, (False, True)):
        operation = getattr(ad, name)

        def reduced(
            x: Any, f: Function = operation, axis: Any = axis, keepdims: bool = keepdims
        ) -> Any:
            return f(x * x, axis, keepdims)

        kept = " keepdims" if keepdims else ""
        yield name, f"x{list(shape)} axis={axis}{kept}", reduced, (positive(*shape),)
    for name in REDUCTIONS:
        f = getattr(ad, name)
        yield name, "0-d", zero_d(f), (points(1),)
        yield name, "of sin", lambda x, f=f: f(ad.sin(x), axis=0), (points(3, 2),)
        yield name, "twice the operand", lambda x, f=f: f(x, 0) * x, (points(2, 3),)
    for name in ("sum", "mean", "prod", "max", "min"):
        yield (
            name, "method", lambda x, name=name: getattr(x * x, name)(axis=1), (points(2, 3),)
        )  # fmt: skip
    yield "sum", "none to none", lambda x: ad.sum(x, 1), (points(0, 2),)
    yield "prod", "none to none", lambda x: ad.prod(x, 1), (points(0, 2),)
    yield "prod", "none to ones", lambda x: ad.prod(x, 0), (points(0, 2),)
    yield "sum", "nothing", lambda x: ad.sum(x), (points(0, 2),)


def option_rows() -> Iterator[Row]:
    for name in ("sum", "mean", "prod"):
        f = getattr(ad, name)
        for axis, keepdims in product((None, 0, -1), (False, True)):
            yield (
                name, f"where axis={axis} keepdims={keepdims}",
                lambda x, f=f, a=axis, k=keepdims: f(x * x, a, k, where=MASK), (points(2, 3),),
            )  # fmt: skip
        yield (
            name, "where of a row", lambda x, f=f: f(x * x, where=[True, False, True]),
            (points(2, 3),),
        )  # fmt: skip
    for name in ("max", "min"):
        f = getattr(ad, name)
        for initial in (-0.37, 0.37, 0.43, 9.0):
            yield (
                name, f"initial={initial}",
                lambda x, f=f, i=initial: f(x * ad.abs(x), 0, initial=i), (points(2, 3),),
            )  # fmt: skip
        yield (
            name, "where", lambda x, f=f: f(x * x, 0, initial=0.111, where=MASK), (points(2, 3),)
        )  # fmt: skip
    for name in ("sum", "prod"):
        f = getattr(ad, name)
        yield name, "initial", lambda x, f=f: f(x * x, 0, initial=2.5), (points(2, 3),)
        yield (
            name, "initial node", lambda x, y, f=f: f(x * x, initial=y),
            (points(3), points(seed=1)),
        )  # fmt: skip


def zeros_rows() -> Iterator[Row]:
    for zeros, axis in product(range(4), (None, 0, 1)):
        x = points(2, 4)
        x[1, :zeros] = 0.0
        yield "prod", f"{zeros} zeros axis={axis}", lambda x, a=axis: ad.prod(x, a), (x,)


def ufunc_rows() -> Iterator[Row]:
    for name, ufunc in (("sum", np.add), ("prod", np.multiply), ("max", np.maximum),
                        ("min", np.minimum)):  # fmt: skip
        yield name, "reduce", lambda x, u=ufunc: u.reduce(x * x), (points(3, 2),)
        yield name, "reduce axis=1", lambda x, u=ufunc: u.reduce(x * x, axis=1), (points(3, 2),)


TABLE: list[Row] = [*reduction_rows(), *option_rows(), *zeros_rows(), *ufunc_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(3, 4, 5))
W = np.arange(60).reshape(3, 4, 5) % 7 < 5
EXACT: tuple[Any, ...] = (np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.ptp)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, -2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("function", EXACT, ids=lambda f: f.__name__)
def test_values_are_those_of_numpy(function: Any, axis: Any, keepdims: bool, dtype: Any) -> None:
    x = X.astype(dtype)
    result = function(Tensor(x), axis=axis, keepdims=keepdims)
    expected = function(x, axis=axis, keepdims=keepdims)
    assert type(result) is Tensor
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.data, expected)


@pytest.mark.parametrize("axis", [None, 1, (0, -1)])
@pytest.mark.parametrize(
    ("function", "options"),
    [
        (np.sum, {"where": W}), (np.mean, {"where": W}), (np.prod, {"where": W}),
        (np.sum, {"initial": 2.0}), (np.prod, {"initial": 2.0, "where": W}),
        (np.max, {"initial": 0.5, "where": W}), (np.min, {"initial": 0.5, "where": W}),
        (np.max, {"initial": 9.0}), (np.min, {"initial": -9.0}), (np.min, {"initial": 9.0}),
        (np.sum, {"where": [True, False, True, True, False]}),
    ],
)  # fmt: skip
def test_options_mean_what_they_mean_in_numpy(function: Any, options: Any, axis: Any) -> None:
    result = function(Tensor(X), axis=axis, **options)
    np.testing.assert_allclose(result.data, function(X, axis=axis, **options), rtol=1e-14)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum])
def test_reduce_goes_along_the_first_axis(ufunc: Any) -> None:
    np.testing.assert_array_equal(ufunc.reduce(Tensor(X)).data, ufunc.reduce(X))
    for axis in (1, None, (0, 2)):
        result = ufunc.reduce(Tensor(X), axis=axis, keepdims=True).data
        np.testing.assert_array_equal(result, ufunc.reduce(X, axis=axis, keepdims=True))


@pytest.mark.parametrize("function", EXACT, ids=lambda f: f.__name__)
def test_a_scalar_is_an_operand_without_axes(function: Any) -> None:
    for options in ({}, {"axis": ()}, {"keepdims": True}):
        x = Value(1.5)
        result = function(x, **options)
        assert type(result) is Value
        assert result.data == function(1.5, **options)
        result.backward()
        assert x.grad == (0.0 if function is np.ptp else 1.0)


def test_of_no_elements() -> None:
    nothing = Tensor(np.zeros((0, 2)))
    for function in (np.sum, np.prod):
        np.testing.assert_array_equal(
            function(nothing, axis=0).data, function(nothing.data, axis=0)
        )
    assert np.max(nothing, initial=1.0).data == 1.0
    for function in (np.max, np.min, np.ptp):
        with pytest.raises(ValueError, match="zero-size"):
            function(nothing)


def test_of_integers_and_booleans() -> None:
    assert np.sum(Tensor([1, 2])).dtype.kind == "i"
    assert np.prod(Tensor([2, 3])).data == 6
    assert np.max(Tensor([2, 3])).data == 3
    assert np.sum(Tensor([True, True])).data == 2
    np.testing.assert_allclose(ad.mean([1, 2]), 1.5)


def test_methods_with_bare_results() -> None:
    x = Tensor(X)
    for name in ("argmax", "argmin", "all", "any"):
        for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
            got = getattr(x, name)(**options)
            assert not isinstance(got, ad.Node)
            np.testing.assert_array_equal(got, getattr(X, name)(**options))


# --- conventions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
        ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
        ([2.0, -0.0], [0.0, 2.0]),
        ([1e-200, 1e-200, 2.0], [2e-200, 2e-200, 0.0]),
        ([1e200, 1e200, 0.0], [0.0, 0.0, inf]),
        ([5.0], [1.0]),
        ([nan, 1.0, 2.0], [2.0, nan, nan]),
    ],
)
def test_prod_divides_by_nothing(x: list[float], expected: list[float]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_array_equal(ad.grad(ad.prod)(np.array(x)), expected)


def hessian(function: Function, x: Any) -> Any:
    return np.array([ad.grad(lambda z, i=i: ad.grad(function)(z)[i])(x) for i in range(len(x))])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_line_of_prod_has_the_gradient_that_it_has_alone(axis: int) -> None:
    x = np.random.default_rng(0).uniform(0.5, 2.0, (4, 3, 5))
    x[1, 2, 0] = 0.0
    x[0, 0], x[:, 1, 3], x[3, :, 4] = 1e-120, 1e-160, 1e200
    with np.errstate(over="ignore", under="ignore"):
        gradient = ad.grad(lambda x: ad.sum(ad.prod(x, axis)))(x)
    lines, gradients = (
        np.moveaxis(array, axis, -1).reshape(-1, x.shape[axis]) for array in (x, gradient)
    )
    for line, expected in zip(lines, gradients, strict=True):
        with np.errstate(over="ignore", under="ignore"):
            np.testing.assert_array_equal(ad.grad(ad.prod)(line), expected)


def test_the_adjoint_of_a_maximum_reaches_the_winners_alone() -> None:
    x = np.arange(60.0).reshape(3, 20) % 7
    few = np.where(np.arange(60).reshape(3, 20) % 20 == 3, 9.0, x)
    for data in (x, few, few.T):
        axis = 1 if data.shape == (3, 20) else 0
        t = np.array([inf, 1.0, -2.0])
        _, pull = ad.vjp(lambda x, a=axis: ad.max(x, a), data)
        (gradient,) = pull(t)
        winners = data == data.max(axis, keepdims=True)
        share = np.expand_dims(t / winners.sum(axis), axis)
        np.testing.assert_array_equal(gradient, np.where(winners, share, 0.0))


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_the_second_derivative_of_prod_at_zeros(zeros: int) -> None:
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[:zeros] = 0.0
    expected = [
        [np.prod(np.delete(x, [i, j])) if i != j else 0.0 for j in range(4)] for i in range(4)
    ]
    np.testing.assert_array_equal(hessian(ad.prod, x), expected)


def test_the_third_derivative_of_prod_at_three_zeros() -> None:
    def third(x: Any) -> Any:
        return ad.grad(lambda x: ad.grad(lambda x: ad.grad(ad.prod)(x)[0])(x)[1])(x)

    np.testing.assert_array_equal(third(np.array([0.0, 0.0, 0.0, 7.0])), [0.0, 0.0, 7.0, 0.0])


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize(
    ("x", "axis", "expected"),
    [
        ([3.0, 3.0], None, [0.5, 0.5]),
        ([[1.0, 1.0], [1.0, 2.0]], 0, [[0.5, 1], [0.5, 0]]),
        ([[1.0, 1.0], [1.0, 2.0]], None, [[1 / 3, 1 / 3], [1 / 3, 0]]),
        ([inf, inf, inf], None, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_equals_share_evenly(name: str, x: Any, axis: Any, expected: Any) -> None:
    sign = 1.0 if name == "min" else -1.0
    point = sign * np.array(x)

    def f(t: Any) -> Any:
        return ad.sum(getattr(ad, name)(t, axis))

    np.testing.assert_array_equal(ad.grad(f)(point), expected)
    direction = np.arange(1.0, point.size + 1).reshape(point.shape)
    assert ad.jvp(f, (point,), (direction,))[1] == pytest.approx(np.sum(direction * expected))


def test_the_number_that_max_starts_with_shares_too() -> None:
    gradient = ad.grad(lambda x: ad.max(x, initial=2.0))(np.array([2.0, 1.0, 2.0]))
    np.testing.assert_array_equal(gradient, [1 / 3, 0, 1 / 3])
    gradient = ad.grad(lambda x: ad.max(x, initial=5.0))(np.array([2.0, 1.0]))
    np.testing.assert_array_equal(gradient, [0, 0])


def test_ptp_of_equals() -> None:
    np.testing.assert_array_equal(ad.grad(ad.ptp)(np.array([3.0, 3.0, 3.0])), [0, 0, 0])
    np.testing.assert_array_equal(ad.grad(ad.ptp)(np.array([3.0, 1.0, 1.0])), [1, -0.5, -0.5])


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min"])
def test_what_where_leaves_out_has_no_influence(name: str) -> None:
    def f(x: Any) -> Any:
        options = {"initial": 0.5} if name in ("max", "min") else {}
        return getattr(ad, name)(ad.sqrt(x), where=[True, False, True], **options)

    with np.errstate(invalid="ignore"):
        gradient = ad.grad(f)(np.array([4.0, -1.0, 0.01]))
        second = ad.grad(lambda x: ad.sum(ad.grad(f)(x)))(np.array([4.0, -1.0, 0.01]))
    assert gradient[1] == second[1] == 0.0
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0.0)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: ad.prod(x, 2), ValueError, "axis 2"),
        (lambda x: ad.min(x, (0, 0)), ValueError, "axis"),
        (lambda x: ad.ptp(x, 1.5), TypeError, "axis"),
        (lambda x: ad.max(x, where=MASK), ValueError, "max.*initial"),
        (lambda x: ad.min(x, initial=Value(1.0)), TypeError, "min.*constant.*minimum"),
        (lambda x: ad.sum(x, where=[True, False]), ValueError, "broadcast"),
        (lambda x: np.sum(x, dtype=np.float32), TypeError, "sum.*dtype"),
        (lambda x: np.prod(x, out=np.zeros(())), TypeError, "prod.*out"),
        (lambda x: np.add.reduce(x, dtype=np.float32), TypeError, "sum.*dtype"),
        (lambda x: np.subtract.reduce(x), TypeError, "np.subtract.reduce"),
        (lambda x: np.add.reduceat(x, [0, 1]), TypeError, "np.add.reduceat"),
    ],
)
def test_errors(call: Function, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(Tensor(points(2, 3)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, bool])
@pytest.mark.parametrize("axis", [None, 0, (0, 2)])
def test_mean_has_the_bits_and_the_dtype_of_numpys(dtype: Any, axis: Any) -> None:
    x = (np.random.default_rng(0).normal(size=(7, 5, 3)) * 9).astype(dtype)
    got, expected = np.asarray(ad.mean(x, axis)), np.asarray(np.mean(x, axis))
    assert (got.dtype, got.tobytes()) == (expected.dtype, expected.tobytes())
