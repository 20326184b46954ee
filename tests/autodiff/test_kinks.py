"""The conventions at kinks and ties, and the strong zero of the branch that ``where`` did not take.

These are the choices that users of PyTorch expect; scalars and arrays make the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value, linalg

Function = Callable[..., Any]

# --- conventions ----------------------------------------------------------------------------------

LOG3 = np.log(3.0)
APART = (0.25, -0.25, -0.25, 0.25)
ONLY_XX = (-12.0, nan, nan, nan)
MIXED = (0, 1 / 3, 1 / 3, LOG3**2)


def clipped(x: Any) -> Any:
    return ad.clip(x, 0.0, 1.0)


def positive(x: Any) -> Any:
    return ad.maximum(x, 0)


def larger_of_one(x: Any) -> Any:
    return ad.maximum(x, x)


# fmt: off
# The second derivatives are those of a matrix, row by row; one number stands for all of them.
CONVENTIONS: list[tuple[str, Function, tuple[float, ...], tuple[float, ...], Any]] = [
    # name               function            at               first            second
    ("abs",               ad.abs,             (0.0,),          (0.0,),          0),
    ("abs of -0",         ad.abs,             (-0.0,),         (0.0,),          0),
    ("relu",              ad.relu,            (0.0,),          (0.0,),          0),
    ("relu of -0",        ad.relu,            (-0.0,),         (0.0,),          0),
    ("sign",              ad.sign,            (0.0,),          (0.0,),          0),
    ("sign of 2",         ad.sign,            (2.0,),          (0.0,),          0),
    ("sqrt",              ad.sqrt,            (0.0,),          (inf,),          -inf),
    ("sqrt of -1",        ad.sqrt,            (-1.0,),         (nan,),          nan),
    ("log",               ad.log,             (0.0,),          (inf,),          -inf),
    ("1 / x",             lambda x: 1 / x,    (0.0,),          (-inf,),         inf),
    ("maximum",           ad.maximum,         (2.0, 2.0),      (0.5, 0.5),      0),
    ("maximum of ±0",     ad.maximum,         (0.0, -0.0),     (0.5, 0.5),      0),
    ("maximum 1st",       ad.maximum,         (3.0, 2.0),      (1.0, 0.0),      0),
    ("maximum 2nd",       ad.maximum,         (1.0, 2.0),      (0.0, 1.0),      0),
    ("maximum of inf",    ad.maximum,         (inf, inf),      (0.5, 0.5),      0),
    ("maximum x x",       larger_of_one,      (2.0,),          (1.0,),          0),
    ("minimum",           ad.minimum,         (2.0, 2.0),      (0.5, 0.5),      0),
    ("minimum 1st",       ad.minimum,         (1.0, 2.0),      (1.0, 0.0),      0),
    ("minimum 2nd",       ad.minimum,         (3.0, 2.0),      (0.0, 1.0),      0),
    ("maximum with 0",    positive,           (0.0,),          (0.5,),          0),
    ("x**0 at 0",         lambda x: x**0,     (0.0,),          (0.0,),          0),
    ("x**0 at 2",         lambda x: x**0,     (2.0,),          (0.0,),          0),
    ("x**0 at inf",       lambda x: x**0,     (inf,),          (0.0,),          0),
    ("x**1 at 0",         lambda x: x**1,     (0.0,),          (1.0,),          0),
    ("x**2 at 0",         lambda x: x**2,     (0.0,),          (0.0,),          2.0),
    ("square",            ad.square,          (0.0,),          (0.0,),          2.0),
    ("x**3 at -2",        lambda x: x**3,     (-2.0,),         (12.0,),         -12.0),
    ("x**0.5 at 0",       lambda x: x**0.5,   (0.0,),          (inf,),          -inf),
    ("x**-1 at 0",        lambda x: x**-1,    (0.0,),          (-inf,),         inf),
    ("0**y at 0",         lambda y: 0**y,     (0.0,),          (0.0,),          0),
    ("0**y at 2",         lambda y: 0.0**y,   (2.0,),          (0.0,),          0),
    ("x**y at 0, 0",      ad.pow,             (0.0, 0.0),      (0.0, 0.0),      0),
    ("x**y at 0, 2",      ad.pow,             (0.0, 2.0),      (0.0, 0.0),      (2.0, 0, 0, 0)),
    ("x**y at 0, 1",      ad.pow,             (0.0, 1.0),      (1.0, 0.0),      (0, 1.0, 0, 0)),
    ("x**y at -2, 3",     ad.pow,             (-2.0, 3.0),     (12.0, nan),     ONLY_XX),
    ("1**y",              lambda y: 1**y,     (3.0,),          (0.0,),          0),
    ("0**y at -1",        lambda y: 0.0**y,   (-1.0,),         (-inf,),         inf),
    ("x**y at 3, 0",      ad.pow,             (3.0, 0.0),      (0.0, LOG3),     MIXED),
    ("x**-2 at -2",       lambda x: x**-2,    (-2.0,),         (0.25,),         0.375),
    ("cbrt",              ad.cbrt,            (0.0,),          (inf,),          nan),
    ("reciprocal",        ad.reciprocal,      (0.0,),          (-inf,),         inf),
    ("floor",             ad.floor,           (2.0,),          (0.0,),          0),
    ("ceil",              ad.ceil,            (2.0,),          (0.0,),          0),
    ("trunc",             ad.trunc,           (0.0,),          (0.0,),          0),
    ("fix",               ad.fix,             (2.0,),          (0.0,),          0),
    ("rint",              ad.rint,            (0.5,),          (0.0,),          0),
    ("round",             ad.round,           (0.5,),          (0.0,),          0),
    ("x // y",            ad.floor_divide,    (6.0, 2.0),      (0.0, 0.0),      0),
    ("x % y inside",      ad.mod,             (7.0, 2.0),      (1.0, -3.0),     0),
    ("x % y",             ad.mod,             (6.0, 2.0),      (1.0, -3.0),     0),
    ("x % y, negative",   ad.mod,             (-7.0, 2.0),     (1.0, 4.0),      0),
    ("fmod, negative",    ad.fmod,            (-7.0, 2.0),     (1.0, 3.0),      0),
    ("x % inf",           ad.mod,             (5.0, inf),      (1.0, 0.0),      0),
    ("heaviside",         ad.heaviside,       (0.0, 0.5),      (0.0, 1.0),      0),
    ("heaviside of 2",    ad.heaviside,       (2.0, 0.5),      (0.0, 0.0),      0),
    ("copysign",          ad.copysign,        (0.0, -2.0),     (0.0, 0.0),      0),
    ("copysign to -0",    ad.copysign,        (3.0, -0.0),     (-1.0, 0.0),     0),
    ("fmax",              ad.fmax,            (2.0, 2.0),      (0.5, 0.5),      0),
    ("fmin",              ad.fmin,            (2.0, 2.0),      (0.5, 0.5),      0),
    ("clip at its edge",  clipped,            (0.0,),          (1.0,),          0),
    ("clip at its top",   clipped,            (1.0,),          (1.0,),          0),
    ("clip below",        clipped,            (-0.5,),         (0.0,),          0),
    ("clip, bounds",      ad.clip,            (1.0, 1.0, 1.0), (1.0, 0.0, 0.0), 0),
    ("clip, crossed",     ad.clip,            (2.0, 3.0, 1.0), (0.0, 0.0, 1.0), 0),
    ("hypot",             ad.hypot,           (0.0, 0.0),      (0.0, 0.0),      0),
    ("hypot of 0, -2",    ad.hypot,           (0.0, -2.0),     (0.0, -1.0),     (0.5, 0, 0, 0)),
    ("arctan2",           ad.arctan2,         (0.0, 0.0),      (0.0, 0.0),      0),
    ("arctan2 at 0, -2",  ad.arctan2,         (0.0, -2.0),     (-0.5, 0.0),     (0, -1/4, -1/4, 0)),
    ("arcsin",            ad.arcsin,          (1.0,),          (inf,),          inf),
    ("arccos",            ad.arccos,          (-1.0,),         (-inf,),         inf),
    ("arccosh",           ad.arccosh,         (1.0,),          (inf,),          nan),
    ("arctanh",           ad.arctanh,         (1.0,),          (inf,),          inf),
    ("arctan of inf",     ad.arctan,          (inf,),          (0.0,),          nan),
    ("log1p",             ad.log1p,           (-1.0,),         (inf,),          -inf),
    ("logaddexp, inf",    ad.logaddexp,       (inf, inf),      (0.5, 0.5),      APART),
    ("logaddexp, -inf",   ad.logaddexp,       (-inf, -inf),    (0.5, 0.5),      APART),
    ("logaddexp, none",   ad.logaddexp,       (-inf, 2.0),     (0.0, 1.0),      0),
    ("logaddexp, equal",  ad.logaddexp,       (2.0, 2.0),      (0.5, 0.5),      APART),
    ("softplus of inf",   ad.softplus,        (inf,),          (1.0,),          0),
    ("softplus of -inf",  ad.softplus,        (-inf,),         (0.0,),          0),
    ("sinc",              ad.sinc,            (0.0,),          (0.0,),          -np.pi**2 / 3),
    ("nan_to_num",        ad.nan_to_num,      (inf,),          (0.0,),          0),
    ("tanh of inf",       ad.tanh,            (inf,),          (0.0,),          0),
    ("sigmoid of inf",    ad.sigmoid,         (inf,),          (0.0,),          0),
    ("sigmoid",           ad.sigmoid,         (0.0,),          (0.25,),         0),
    ("sigmoid of -800",   ad.sigmoid,         (-800.0,),       (0.0,),          0),
    ("exp of -inf",       ad.exp,             (-inf,),         (0.0,),          0),
]
# fmt: on
convention = pytest.mark.parametrize(
    ("function", "point", "expected"),
    [pytest.param(*row[:3], id=name) for name, *row in CONVENTIONS],
)


@convention
def test_conventions_of_scalars(
    function: Function, point: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    nodes = [Value(x) for x in point]
    function(*nodes).backward()
    np.testing.assert_array_equal([node.grad for node in nodes], expected)


@convention
def test_conventions_of_arrays(
    function: Function, point: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    nodes = [Tensor([x, 1.0]) for x in point]
    with np.errstate(all="ignore"):
        function(*nodes).backward([1.0, 0.0])
    assert all(node.grad is not None for node in nodes)
    np.testing.assert_array_equal([node.grad[0] for node in nodes], expected)  # type: ignore[index]


@convention
def test_conventions_of_scalars_with_arrays(
    function: Function, point: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    nodes = [Value(point[0]), *(Tensor([x]) for x in point[1:])]
    with np.errstate(all="ignore"):
        ad.sum(function(*nodes)).backward()
    np.testing.assert_array_equal([np.ravel(node.grad)[0] for node in nodes], expected)


@convention
def test_conventions_hold_when_recorded(
    function: Function, point: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    gradients = ad.grad(function, tuple(range(len(point))))(*map(Value, point))
    np.testing.assert_array_equal([float(gradient) for gradient in gradients], expected)


@convention
def test_conventions_forward(
    function: Function, point: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    for i, slope in enumerate(expected):
        direction = [float(i == j) for j in range(len(point))]
        if not any(map(isnan, expected)):  # a jvp mixes the operands: 0 · nan
            assert ad.jvp(function, point, direction)[1] == slope


@pytest.mark.parametrize(
    ("function", "point", "second"),
    [pytest.param(row[0], row[1], row[3], id=name) for name, *row in CONVENTIONS],
)
def test_conventions_of_second_derivatives(
    function: Function, point: tuple[float, ...], second: Any
) -> None:
    n = len(point)
    expected = np.broadcast_to(second, n * n).reshape(n, n)
    for i, j in np.ndindex(n, n):

        def slope(*x: Any, i: int = i) -> Any:
            return ad.sum(ad.grad(lambda *x: ad.sum(function(*x)), i)(*x))

        with np.errstate(all="ignore"):
            scalar = ad.grad(ad.grad(function, i), j)(*point)
            array = ad.grad(slope, j)(*(np.array([x, x]) for x in point))
        np.testing.assert_allclose(scalar, expected[i, j], rtol=1e-15)
        np.testing.assert_allclose(array, [expected[i, j]] * 2, rtol=1e-15)


# A number in place of an array: where it decides, the result still has the shape of both.
@pytest.mark.parametrize("name", ["arctan2", "hypot", "logaddexp", "logaddexp2"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,)])
@pytest.mark.parametrize("number", [0.0, 1.5])
def test_second_derivatives_with_a_number_are_those_with_an_array_of_it(
    name: str, first: bool, shape: tuple[int, ...], number: float
) -> None:
    operation = getattr(ad, name)
    x = np.full(shape, 1.5)

    def slope(constant: Any) -> Function:
        def f(x: Any) -> Any:
            return ad.sum(operation(constant, x) if first else operation(x, constant))

        return lambda x: ad.sum(ad.grad(f)(x))

    expected = ad.grad(slope(np.full(shape, number)))(x)
    for constant in (number, Value(number), np.array(number), int(number)):
        if constant == number:
            second = ad.grad(slope(constant))(x)
            np.testing.assert_array_equal(second, expected)
            assert np.shape(second) == shape
            moved = ad.jvp(slope(constant), (x,), (x,))[1]
            np.testing.assert_array_equal(moved, np.sum(expected * x))


def test_fmax_and_fmin_give_the_adjoint_to_the_number() -> None:
    for f in (ad.fmax, ad.fmin):
        assert ad.grad(f, (0, 1))(nan, 2.0) == (0.0, 1.0)
        assert ad.grad(f, (0, 1))(2.0, nan) == (1.0, 0.0)


# --- ties in reductions and windows ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "axis", "expected"),
    [
        ([3.0, 3.0], None, [0.5, 0.5]),
        ([1.0, 3.0, 3.0, 3.0], 0, [0, 1 / 3, 1 / 3, 1 / 3]),
        ([2.0, 1.0], None, [1, 0]),
        ([[1.0, 2.0], [2.0, 2.0]], None, [[0, 1 / 3], [1 / 3, 1 / 3]]),
        ([[1.0, 2.0], [2.0, 2.0]], 0, [[0, 0.5], [1, 0.5]]),
        ([[1.0, 2.0], [2.0, 2.0]], 1, [[0, 1], [0.5, 0.5]]),
        ([-inf, -inf], None, [0.5, 0.5]),
        ([inf, inf, 0.0], None, [0.5, 0.5, 0]),
    ],
)
def test_max_is_shared_evenly(x: list[Any], axis: Any, expected: list[Any]) -> None:
    gradient = ad.grad(lambda t: ad.sum(ad.max(t, axis)))(np.array(x))
    np.testing.assert_array_equal(gradient, expected)


def square(x: Any) -> Any:
    return ad.reshape(x, (2, 2))


def norm(order: Any, matrix: bool = False) -> Function:
    return lambda x: linalg.norm(square(x) if matrix else x, order)


TWO, ZEROS, EYE, LOW_RANK = [2, 2], [0] * 4, [2, 0, 0, 2], [2, 0, 0, 0]

# fmt: off
# Functions of one array, or the sum of their results; the second derivatives as above, None where
# none is promised.
OF_ARRAYS: list[tuple[str, Function, list[float], list[float], Any]] = [
    # name                 function, at, first, second
    ("max",                ad.max,                              [3, 3], [0.5, 0.5], 0),
    ("max, squared",       lambda x: ad.max(x)**2,              [3, 3], [3, 3], 0.5),
    ("max with initial",   lambda x: ad.max(x, initial=3.0),    [3, 1], [0.5, 0], 0),
    ("min",                ad.min,                              [1, 1, 2], [0.5, 0.5, 0], 0),
    ("nanmax",             ad.nanmax,                           [3, nan, 3], [0.5, 0, 0.5], 0),
    ("nanmin",             ad.nanmin,                           [3, nan, 3], [0.5, 0, 0.5], 0),
    ("maximum.accumulate", np.maximum.accumulate,               [3, 3], [1.5, 0.5], 0),
    ("minimum.accumulate", np.minimum.accumulate,               [3, 3], [1.5, 0.5], 0),
    ("ptp",                ad.ptp,                              TWO, [0, 0], 0),
    ("median, odd",        ad.median,                           [2, 2, 1], [0.5, 0.5, 0], 0),
    ("median, even",       ad.median,                           [2, 2, 1, 1], [0.25] * 4, 0),
    ("quantile",           lambda x: ad.quantile(x, 0.25),      [2, 2, 5], [0.5, 0.5, 0], 0),
    ("percentile",         lambda x: ad.percentile(x, 25),      [2, 2, 5], [0.5, 0.5, 0], 0),
    ("prod, one zero",     ad.prod,                             [0, 2, 3], [6, 0, 0],
        (0, 3, 2, 3, 0, 0, 2, 0, 0)),
    ("prod, two zeros",    ad.prod,                             [0, 0, 3], [0, 0, 0],
        (0, 3, 0, 3, 0, 0, 0, 0, 0)),
    ("prod, three zeros",  ad.prod,                             [0, 0, 0], [0, 0, 0], 0),
    ("cumprod, one zero",  ad.cumprod,                          [0, 2], [3, 0], (0, 1, 1, 0)),
    ("cumprod, two zeros", ad.cumprod,                          [0, 0], [1, 0], (0, 1, 1, 0)),
    ("var",                ad.var,                              TWO, [0, 0], 2 * np.array(APART)),
    ("std",                ad.std,                              TWO, [0, 0], 0),
    ("nanstd",             ad.nanstd,                           [2, nan, 2], [0, 0, 0], 0),
    ("nansum",             lambda x: ad.nansum(x**2),           [1, nan], [2, 0], (2, 0, 0, 0)),
    ("nanmean",            lambda x: ad.nanmean(x**2),          [1, nan], [2, 0], (2, 0, 0, 0)),
    ("sum with where",     lambda x: ad.sum(ad.log(x), where=[True, False]),
        [1, 0], [1, 0], (-1, 0, 0, 0)),
    ("interp",             lambda x: ad.interp(x, [0, 1, 2], [0, 1, 4]),
        [0, 1, 2, 3, -1], [1, 3, 3, 0, 0], 0),
    ("sort",               lambda x: ad.sort(x) @ np.array([1.0, 2.0, 3.0]),
        [2, 1, 2], [2, 1, 3], 0),
    ("index_update",       lambda x: ad.index_update(ad.log(x), 1, 5.0),
        [1, 0], [1, 0], (-1, 0, 0, 0)),
    ("index_update twice", lambda x: ad.index_update(np.zeros(2), [0, 0], x**2),
        [3, 2], [0, 4], (0, 0, 0, 2)),
    ("tril",               lambda x: ad.tril(square(ad.log(x))),
        [1, 0, 1, 1], [1, 0, 1, 1], np.diag([-1, 0, -1, -1]).ravel()),
    ("triu",               lambda x: ad.triu(square(ad.log(x))),
        [1, 1, 0, 1], [1, 1, 0, 1], np.diag([-1, -1, 0, -1]).ravel()),
    ("choose",             lambda x: ad.choose([0, 1], [ad.log(x), 2 * x]),
        [1, 0], [1, 2], (-1, 0, 0, 0)),
    ("select",             lambda x: ad.select([x > 0], [ad.log(x)], 2 * x),
        [1, 0], [1, 2], (-1, 0, 0, 0)),
    ("piecewise",          lambda x: ad.piecewise(x, [x > 0], [ad.log, lambda x: 2 * x]),
        [1, 0], [1, 2], (-1, 0, 0, 0)),
    ("where",              lambda x: ad.where(x > 0, ad.log(x), 2 * x),
        [1, 0], [1, 2], (-1, 0, 0, 0)),
    ("logsumexp, none",    ad.logsumexp,                        [-inf, 1], [0, 1], 0),
    ("logsumexp of -inf",  ad.logsumexp,                        [-inf, -inf], [nan, nan], nan),
    ("softmax, none",      lambda x: ad.softmax(x)[0],          [-inf, 1], [0, 0], 0),
    ("xlogy of 0, 0",      lambda x: ad.special.xlogy(x[0], x[1]),   [0, 0], [0, 0], 0),
    ("xlog1py of 0, -1",   lambda x: ad.special.xlog1py(x[0], x[1]), [0, -1], [0, 0], 0),
    *((f"norm {p}",        norm(p),                             [0, 0], [0, 0], 0)
      for p in (None, 2, 1, 3, 1.5, 0.5, inf, -inf, 0)),
    ("norm 3 with a 0",    norm(3),                             [0, 1], [0, 1], 0),
    ("norm 1.5 with a 0",  norm(1.5),                           [0, 1], [0, 1], None),
    ("norm 2 with a 0",    norm(2),                             [0, 2], [0, 1], (0.5, 0, 0, 0)),
    ("norm inf, equals",   norm(inf),                           [2, -2], [0.5, -0.5], 0),
    *((f"norm {p} of a matrix", norm(p, True),                  ZEROS, ZEROS, 0)
      for p in ("fro", 1, inf, -1, -inf)),
    *((f"norm {p} of a matrix", norm(p, True),                  ZEROS, ZEROS, nan)
      for p in ("nuc", 2, -2)),
    ("norm 1, equals",     norm(1, True),                       [1, 2, 2, 1], [0.5] * 4, 0),
    ("norm inf, rows",     norm(inf, True),                     [1, 2, 2, 1], [0.5] * 4, 0),
    ("norm 2, equals",     norm(2, True),                       EYE, [0.5, 0, 0, 0.5], nan),
    ("det of rank 1",      lambda x: linalg.det(square(x)),     [1, 2, 2, 4], [4, -2, -2, 1],
        (0, 0, 0, 1, 0, 0, -1, 0, 0, -1, 0, 0, 1, 0, 0, 0)),
    ("det of rank 0",      lambda x: linalg.det(square(x)),     ZEROS, ZEROS,
        (0, 0, 0, 1, 0, 0, -1, 0, 0, -1, 0, 0, 1, 0, 0, 0)),
    ("slogdet",            lambda x: linalg.slogdet(square(x))[1], [1, 2, 2, 4], [nan] * 4, nan),
    ("eigvalsh, repeated", lambda x: linalg.eigvalsh(square(x))**2, EYE, [4, 0, 0, 4], nan),
    ("svdvals, repeated",  lambda x: linalg.svdvals(square(x))**2,  EYE, [4, 0, 0, 4], nan),
    ("eigh, repeated",     lambda x: linalg.eigh(square(x))[1], EYE, [nan] * 4, nan),
    ("svd, repeated",      lambda x: linalg.svd(square(x))[0],  EYE, [nan] * 4, nan),
    ("pinv of rank 1",     lambda x: linalg.pinv(square(x)),    LOW_RANK, [-0.25, 0.25, 0.25, 0],
        None),
    ("lstsq of rank 1",    lambda x: linalg.lstsq(square(x), np.ones(2))[0],
        LOW_RANK, [-0.25, 0.25, 0.25, 0], None),
    ("cholesky",           lambda x: linalg.cholesky(square(x))[1, 0], [4, 0, 0, 4],
        [0, 0.25, 0.25, 0], (0, -1/32, -1/32, 0, -1/32, 0, 0, 0, -1/32, 0, 0, 0, 0, 0, 0, 0)),
    ("max_pool",           lambda x: ad.max_pool(x[None, None], 2)**2,
        [3, 3], [6, 0], (2, 0, 0, 0)),
    ("max_pool, split",    lambda x: ad.max_pool(x[None, None], 2, ties="split")**2,
        [3, 3], [3, 3], 0.5),
]
# fmt: on


@pytest.mark.parametrize(
    ("function", "point", "first", "second"),
    [pytest.param(*row, id=name) for name, *row in OF_ARRAYS],
)
def test_conventions_of_functions_of_arrays(
    function: Function, point: list[float], first: list[float], second: Any
) -> None:
    def total(x: Any) -> Any:
        return ad.sum(function(x))

    x, n = np.array(point, float), len(point)
    tensor = Tensor(x)
    with np.errstate(all="ignore"):
        total(tensor).backward()
        recorded = ad.grad(total)(Tensor(x))
        forward = ad.jacobian(total, mode="forward")(x)
        backwards, mixed = (ad.jacobian(ad.grad(total), mode=m)(x) for m in ("reverse", "forward"))
    for gradient in (tensor.grad, recorded.data, forward):
        np.testing.assert_allclose(gradient, first, rtol=1e-15, atol=1e-15)
    if second is not None:
        expected = np.broadcast_to(second, n * n).reshape(n, n)
        for hessian in (backwards, mixed):
            np.testing.assert_allclose(hessian, expected, rtol=1e-15, atol=1e-15)


# A window of four with the largest element at places 1, 2 (and 3), rows first.
ONE_WINDOW = np.array([[[[1.0, 5.0], [5.0, 0.0]]]])
ALL_EQUAL = np.full((1, 1, 2, 2), 7.0)
OVERLAPPING = np.array([[[0.0, 4.0, 4.0, 1.0]]])  # windows of 3 by 1: both hold both


@pytest.mark.parametrize(
    ("x", "size", "stride", "ties", "expected"),
    [
        pytest.param(x, size, stride, ties, expected, id=f"{name} {ties}")
        for name, x, size, stride, by_ties in (
            ("two of four", ONE_WINDOW, 2, None, {
                "first": [0, 1, 0, 0], "last": [0, 0, 1, 0], "all": [0, 1, 1, 0],
                "split": [0, 0.5, 0.5, 0]}),
            ("all four", ALL_EQUAL, 2, None, {
                "first": [1, 0, 0, 0], "last": [0, 0, 0, 1], "all": [1, 1, 1, 1],
                "split": [0.25, 0.25, 0.25, 0.25]}),
            ("overlapping", OVERLAPPING, 3, 1, {
                "first": [0, 2, 0, 0], "last": [0, 0, 2, 0], "all": [0, 2, 2, 0],
                "split": [0, 1, 1, 0]}),
        )
        for ties, expected in by_ties.items()
    ],
)  # fmt: skip
def test_ties_of_max_pool(
    x: Any, size: int, stride: int | None, ties: Any, expected: list[float]
) -> None:
    def total(t: Any) -> Any:
        return ad.sum(ad.max_pool(t, size, stride=stride, ties=ties))

    gradient = ad.grad(total)(x)
    np.testing.assert_array_equal(gradient.ravel(), expected)
    direction = np.arange(1.0, x.size + 1).reshape(x.shape)
    assert ad.jvp(total, (x,), (direction,))[1] == np.sum(gradient * direction)


def test_first_wins_in_max_pool_unless_asked() -> None:
    gradient = ad.grad(lambda x: ad.sum(ad.max_pool(x, 2)))(ALL_EQUAL)
    np.testing.assert_array_equal(gradient.ravel(), [1, 0, 0, 0])


def test_the_border_of_max_pool_never_wins() -> None:
    x = np.full((1, 1, 2, 2), -5.0)
    pooled, gradient = ad.value_and_grad(lambda x: ad.sum(ad.max_pool(x, 2, padding=1)))(x)
    assert pooled == -20.0
    np.testing.assert_array_equal(gradient, np.ones((1, 1, 2, 2)))


# --- where ----------------------------------------------------------------------------------------

# f(x) is infinite or nan, or has such a derivative, at x = 0.
WILD: dict[str, Function] = {
    "log": ad.log, "sqrt": ad.sqrt, "1/x": lambda x: 1 / x, "0/x": lambda x: 0 * x / x,
    "log of -0.1": lambda x: ad.log(x - 0.1), "root of root": lambda x: ad.sqrt(ad.sqrt(x)),
    "x**-0.5": lambda x: x**-0.5, "log of log": lambda x: ad.log(-ad.log(x)),
    "exp of 1/x": lambda x: ad.exp(1 / (x * x)),
}  # fmt: skip
wild = pytest.mark.parametrize("function", [pytest.param(f, id=name) for name, f in WILD.items()])


@wild
@pytest.mark.parametrize("swapped", [False, True])
def test_where_of_scalars_hides_the_other_branch(function: Function, swapped: bool) -> None:
    def f(x: Any) -> Any:
        other = function(x)
        return ad.where(x != 0, other, 3 * x) if not swapped else ad.where(x == 0, 3 * x, other)

    assert ad.grad(f)(0.0) == 3.0
    assert ad.grad(ad.grad(f))(0.0) == 0.0
    assert ad.jvp(f, (0.0,), (1.0,)) == (0.0, 3.0)


# What lies between the wild function of x = (0, 0.25, 0, 0.5) and the choice, and the
# shape of the condition, which holds where no zero has an influence.
HOLDS = np.array([False, True, False, True])
BETWEEN: dict[str, tuple[Function, Any]] = {
    "nothing": (lambda h: h, HOLDS),
    "pointwise": (lambda h: 2 * ad.tanh(h) - h * h + h / 3, HOLDS),
    "reshape": (lambda h: h.reshape(2, 2), HOLDS.reshape(2, 2)),
    "transpose": (lambda h: h.reshape(2, 2).T, HOLDS.reshape(2, 2).T),
    "broadcast_to": (lambda h: ad.broadcast_to(h, (3, 4)), HOLDS),
    "broadcasting": (lambda h: h * np.ones((3, 1)), np.tile(HOLDS, (3, 1))),
    "getitem slice": (lambda h: h[:3], HOLDS[:3]),
    "getitem backwards": (lambda h: h[::-1], HOLDS[::-1]),
    "getitem list": (lambda h: h[[0, 1, 1, 2]], HOLDS[[0, 1, 1, 2]]),
    "getitem mask": (lambda h: h[[True, True, True, False]], HOLDS[:3]),
    "concatenate": (lambda h: ad.concatenate([h, np.ones(2), h]), [*HOLDS, True, False, *HOLDS]),
    "stack": (lambda h: ad.stack([h, h]), HOLDS),
    "pad": (lambda h: ad.pad(h, (1, 2)), [False, *HOLDS, True, False]),
    "pad reflected": (lambda h: ad.pad(h, 1, "reflect"), [True, *HOLDS, False]),
    "copy": (lambda h: h.copy(), HOLDS),
    "reshape, Fortran order": (lambda h: h.reshape(2, 2, order="F"), HOLDS.reshape(2, 2).T),
    "moveaxis": (lambda h: ad.moveaxis(h.reshape(2, 1, 2), 0, 2), HOLDS.reshape(2, 2).T[None]),
    "flip": (ad.flip, HOLDS[::-1]),
    "roll": (lambda h: ad.roll(h, 1), np.roll(HOLDS, 1)),
    "roll axes": (lambda h: ad.roll(h.reshape(2, 2), (1, 1), (0, 1)), [[True, False]] * 2),
    "tile": (lambda h: ad.tile(h, (2, 2)), np.tile(HOLDS, (2, 2))),
    "repeat": (lambda h: ad.repeat(h, [1, 2, 0, 1]), np.repeat(HOLDS, [1, 2, 0, 1])),
    "insert": (lambda h: ad.insert(h, 1, 5.0), np.insert(HOLDS, 1, True)),
    "index_update": (lambda h: ad.index_update(h, [0, 2], h[[1, 3]]), [True] * 4),
    "index_update, repeated": (
        lambda h: ad.index_update(h, [0, 0], h[:2]), [True, True, False, True]
    ),
    "index_add": (lambda h: ad.index_add(h, [1, 1], h[[1, 3]]), HOLDS),
    "index_add of values": (
        lambda h: ad.index_add(np.ones(3), [0, 1, 0, 1], h), [False, True, True]
    ),
    "diag": (ad.diag, np.diag(HOLDS)),
    "diagonal": (lambda h: ad.diagonal(h.reshape(2, 2)), [False, True]),
    "tril": (lambda h: ad.tril(ad.roll(h, 1).reshape(2, 2)), [[True, True], [False, False]]),
    "take_along_axis": (lambda h: ad.take_along_axis(h, [1, 0, 3, 3], 0), HOLDS[[1, 0, 3, 3]]),
    "sort": (lambda h: ad.sort(ad.where(HOLDS, h, 99.0)), [True, True, False, False]),
    "select": (lambda h: ad.select([HOLDS], [h], 0.0), [True] * 4),
    "choose": (lambda h: ad.choose([0, 1, 0, 1], [2.0, h]), [True] * 4),
    "split": (lambda h: ad.split(h, 2)[1] * ad.split(h, 2)[0], [False, True]),
    "sum": (lambda h: h.reshape(2, 2).sum(axis=0), [False, True]),
    "mean": (lambda h: h.reshape(2, 2).mean(axis=0, keepdims=True), [[False, True]]),
    "max": (lambda h: h.reshape(2, 2).max(axis=0), [False, True]),
    "prod": (lambda h: h.reshape(2, 2).prod(axis=0), [False, True]),
    "var": (lambda h: h.reshape(2, 2).var(axis=0), [False, True]),
    "std": (lambda h: h.reshape(2, 2).std(axis=0), [False, True]),
    "median": (lambda h: ad.median(h.reshape(2, 2), 0), [False, True]),
    "cumsum": (lambda h: h.reshape(2, 2).cumsum(0), HOLDS.reshape(2, 2)),
    "cumprod": (lambda h: h.reshape(2, 2).cumprod(0), HOLDS.reshape(2, 2)),
    "softmax": (lambda h: ad.softmax(h.reshape(2, 2), 0), HOLDS.reshape(2, 2)),
    "log_softmax": (lambda h: ad.log_softmax(h.reshape(2, 2), 0), HOLDS.reshape(2, 2)),
    "interp": (lambda h: ad.interp(h, [-2.0, -1.0], [1.0, 3.0]), HOLDS),
    "diff": (lambda h: ad.diff(h.reshape(2, 2), axis=0), [[False, True]]),
    "logsumexp": (lambda h: ad.logsumexp(h.reshape(2, 2), 0), [False, True]),
    "windows": (lambda h: ad.windows(h, 1), HOLDS[:, None]),
    "astype": (lambda h: ad.astype(h, np.longdouble), HOLDS),
    "matmul": (lambda h: h.reshape(2, 2).T @ np.ones((2, 3)), [[False], [True]]),
    "vector": (lambda h: h.reshape(2, 2).T @ np.ones(2), [False, True]),
    "conv": (lambda h: ad.conv(h.reshape(1, 1, 4), np.ones((1, 1, 1))), HOLDS),
    "sum_pool": (lambda h: ad.sum_pool(h.reshape(1, 1, 4), 1), HOLDS),
    "max_pool": (lambda h: ad.max_pool(h.reshape(1, 1, 4), 1), HOLDS),
    "maximum": (lambda h: ad.maximum(h, -h), HOLDS),
    "where inside": (lambda h: ad.where([True, True, False, True], h, 2 * h), HOLDS),
    "cumprod of later ones": (
        lambda h: ad.cumprod(h[[1, 3, 0, 2]]), [True, True, False, False]
    ),
    "cumprod of earlier ones": (
        lambda h: ad.cumprod(h[[0, 2, 1, 3]][::-1]), [True, True, False, False]
    ),
    "maximum.accumulate": (
        lambda h: np.maximum.accumulate(h[[1, 3, 0, 2]]), [True, True, False, False]
    ),
    "matmul with itself": (
        lambda h: h.reshape(2, 2).T @ h.reshape(2, 2), [[False, False], [False, True]]
    ),
    "einsum": (
        lambda h: ad.einsum("ij,ik->jk", h.reshape(2, 2), h.reshape(2, 2)),
        [[False, False], [False, True]],
    ),
    "matmul with a constant": (
        lambda h: [[np.nan, np.inf], [1.0, 2.0]] @ h.reshape(2, 2), [[False, False], [False, True]]
    ),
    "conv with a kernel": (
        lambda h: ad.conv(h[None, None, [0, 2, 1, 3]], np.full((1, 1, 2), 0.3)),
        [[[False, False, True]]],
    ),
    "shares of a maximum": (
        lambda h: ad.max_pool(h[None, None, [0, 2, 1, 3, 1]], 2, stride=1, ties="split"),
        [[[False, False, True, True]]],
    ),
    "chain": (
        lambda h: ad.concatenate([h.reshape(2, 2).T, np.ones((1, 2))])[[0, 1, 1, 2]].sum(axis=1),
        [False, True, True, True],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "function",
    [ad.log, lambda x: ad.log(x - 0.1), lambda x: ad.exp(1 / x)],
    ids=["log", "nan", "exp of 1/x"],
)
@pytest.mark.parametrize(
    ("between", "condition"), [pytest.param(*case, id=name) for name, case in BETWEEN.items()]
)
def test_where_of_arrays_hides_the_other_branch(
    function: Function, between: Function, condition: Any
) -> None:
    def f(x: Any) -> Any:
        return ad.where(condition, between(function(x)), 0.0).sum()

    point = np.array([0.0, 0.25, 0.0, 0.5])
    tame = np.array([0.25, 0.5])  # the same without the elements that have no influence
    with np.errstate(all="ignore"):
        first = ad.grad(f)(point)
        second = ad.grad(lambda x: (ad.grad(f)(x) * [1.0, 2.0, 3.0, 4.0]).sum())(point)
        expected = ad.grad(lambda x: f(ad.stack([0.1, x[0], 0.2, x[1]])))(tame)
    np.testing.assert_array_equal(first[[0, 2]], 0.0)
    np.testing.assert_array_equal(second[[0, 2]], 0.0)
    np.testing.assert_array_equal(first[[1, 3]], expected)
    assert np.all(np.isfinite(second))


@wild
def test_where_hides_in_forward_mode(function: Function) -> None:
    point = np.array([0.0, 0.25])

    def f(x: Any) -> Any:
        return ad.where(x > 0, function(x), 2 * x)

    with np.errstate(all="ignore"):
        gradient = ad.grad(lambda x: f(x).sum())(point)
        _, along = ad.jvp(f, (point,), (np.array([3.0, 5.0]),))
    np.testing.assert_allclose(along, [6.0, 5.0 * gradient[1]], rtol=1e-15)


@wild
def test_where_hides_a_scalar_that_an_array_condition_never_takes(function: Function) -> None:
    def f(x: Any) -> Any:
        return ad.where([False, False], function(x), [1.0, 2.0] * x).sum()

    with np.errstate(all="ignore"):
        assert ad.grad(f)(0.0) == 3.0
        assert ad.grad(ad.grad(f))(0.0) == 0.0


@wild
def test_where_hides_a_branch_shared_by_two_choices(function: Function) -> None:
    def f(x: Any) -> Any:
        h = function(x)
        return (ad.where(x > 0, h, 0.0) * ad.where(x > 0.3, h, 1.0)).sum()

    point = np.array([0.0, 0.25])
    with np.errstate(all="ignore"):
        gradient = ad.grad(f)(point)
        second = ad.grad(lambda x: ad.grad(f)(x).sum())(point)
        slope = ad.grad(function)(0.25)
    assert gradient[0] == second[0] == 0.0
    assert gradient[1] == pytest.approx(slope, nan_ok=True)


@pytest.mark.parametrize("choice_first", [True, False])
def test_where_hides_an_element_from_one_use_and_not_from_another(choice_first: bool) -> None:
    def f(x: Any) -> Any:
        h = ad.log(x)
        uses = [lambda: ad.where([True, False], h, 0.0), lambda: 3 * h]
        first, second = (use() for use in (uses if choice_first else uses[::-1]))
        return ad.sum(first) + ad.sum(second)

    np.testing.assert_allclose(ad.grad(f)(np.array([0.5, 0.25])), [8.0, 12.0], rtol=1e-15)


def test_where_nested() -> None:
    def f(x: Any) -> Any:
        return ad.where(x > 0, ad.where(x > 1, ad.sqrt(x - 1), ad.log(x)), ad.sqrt(-x))

    with np.errstate(all="ignore"):
        gradient = ad.grad(lambda x: ad.sum(f(x)))(np.array([-4.0, 0.5, 2.0]))
    np.testing.assert_allclose(gradient, [-0.25, 2.0, 0.5], rtol=1e-15)
    with np.errstate(all="ignore"):
        assert [ad.grad(f)(x) for x in (-4.0, 0.5, 2.0)] == [-0.25, 2.0, 0.5]


@pytest.mark.parametrize("linear", [ad.sum, ad.transpose, lambda x: ad.reshape(x, ())])
def test_where_of_an_array_without_axes(linear: Function) -> None:
    x = Tensor(0.5)
    ad.where([True, False, True], linear(x), 1.0).sum().backward()
    assert x.grad == 2.0


def test_where_lets_the_branch_taken_through_whatever_it_is() -> None:
    with np.errstate(all="ignore"):
        gradient = ad.grad(lambda x: ad.where([True, False], ad.log(x), x).sum())(np.zeros(2))
    np.testing.assert_array_equal(gradient, [inf, 1.0])
    assert ad.grad(lambda x: ad.where(True, ad.log(x), x))(0.0) == inf
