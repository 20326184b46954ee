"""NumPy users write NumPy: its functions on nodes are the library's, or refuse by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.ops.numpy_protocol import ANSWERS, FAMILIES, METHODS, load

Function = Callable[..., Any]
A = np.array([[0.3, 0.7, 1.1], [1.9, 0.5, 1.3]])
HOLES = np.where(A > 0.6, 1.0, np.nan)

# --- what has a rule ------------------------------------------------------------------------------

for _family in FAMILIES:
    load(_family)  # so that ANSWERS is complete
UFUNCS = [function for function in ANSWERS if isinstance(function, np.ufunc)]

TRANSFORMS = [
    function for function in ANSWERS if getattr(function, "__module__", "") == "numpy.fft"
]
# Functions that jump where operands are whole multiples of each other.
JUMPING = (np.floor_divide, np.remainder, np.fmod, np.heaviside)

# fmt: off
CALLS: dict[Any, list[Function]] = {
    **{ufunc: [ufunc] for ufunc in UFUNCS if ufunc.nin == 1},
    **{ufunc: [lambda x, f=ufunc: f(x, 2.0), lambda x, f=ufunc: f(A + 0.1, x),
               lambda x, f=ufunc: f(x, x[0]), lambda x, f=ufunc: f(np.float64(2.0), x)]
       for ufunc in UFUNCS if ufunc.nin == 2 and not ufunc.signature},
    **{ufunc: [lambda x, f=ufunc: f(x, 2.0), lambda x, f=ufunc: f(A + 0.123, x),
               lambda x, f=ufunc: f(np.float64(2.345), x)] for ufunc in JUMPING},
    **{ufunc: [lambda x, f=ufunc: f(0.5 * x)]
       for ufunc in (np.arcsin, np.arccos, np.arctanh)},
    np.arccosh:      [lambda x: np.arccosh(x + 1.0)],
    np.rint:         [lambda x: np.rint(x + 0.05)],
    np.divmod:       [lambda x: np.divmod(x, 2.0)[1], lambda x: np.divmod(A + 0.123, x)[0] * x],
    np.modf:         [lambda x: np.modf(x)[0], lambda x: np.modf(2.1 * x)[1]],
    np.frexp:        [lambda x: np.frexp(x + 0.01)[0]],
    np.ldexp:        [lambda x: np.ldexp(x, 3), lambda x: np.ldexp(x, [1, 2, -3])],
    np.clip:         [lambda x: np.clip(x, 0.4, 1.0), lambda x: np.clip(x, None, 1.0),
                      lambda x: np.clip(x, a_min=0.4, a_max=None),
                      lambda x: np.clip(A + 0.05, 0.6, x)],
    np.round:        [lambda x: np.round(x + 0.05), lambda x: np.round(x + 0.02, 1)],
    np.around:       [lambda x: np.around(x + 0.02, decimals=1)],
    np.fix:          [lambda x: np.fix(2.1 * x)],
    np.sinc:         [np.sinc],
    np.i0:           [np.i0],
    np.nan_to_num:   [np.nan_to_num, lambda x: np.nan_to_num(x, nan=1.0)],
    np.matmul:       [lambda x: np.matmul(x, A.T), lambda x: np.matmul(A.T, x)],
    np.dot:          [lambda x: np.dot(x, A.T), lambda x: np.dot(A, x.T), lambda x: np.dot(x, 2.0)],
    np.vdot:         [lambda x: np.vdot(x, A), lambda x: np.vdot(A, x)],
    np.inner:        [lambda x: np.inner(x, A), lambda x: np.inner(A[0], x)],
    np.outer:        [lambda x: np.outer(x, A[0]), lambda x: np.outer([1.0, 2.0], x)],
    np.tensordot:    [lambda x: np.tensordot(x, A), lambda x: np.tensordot(A, x, axes=(1, 1))],
    np.kron:         [lambda x: np.kron(x, A), lambda x: np.kron(A[0], x)],
    np.cross:        [lambda x: np.cross(x, A), lambda x: np.cross(A.T, x, axisa=0)],
    np.einsum:       [lambda x: np.einsum("ij->i", x), lambda x: np.einsum("ij,kj", A, x),
                      lambda x: np.einsum(x, [0, 1], A, [0, 1], optimize=True)],
    np.vecdot:       [lambda x: np.vecdot(x, A), lambda x: np.vecdot(A, x, axis=0)],
    **{ufunc: calls for name, calls in {
        "matvec":    [lambda x: np.matvec(x, A[0]), lambda x: np.matvec(A, x[0])],
        "vecmat":    [lambda x: np.vecmat(A.T[0], x), lambda x: np.vecmat(x.T[0], A)],
    }.items() if (ufunc := getattr(np, name, None))},  # of NumPy 2.2
    np.where:        [lambda x: np.where(A > 1, x, 0.0), lambda x: np.where(x > 1, x * x, A),
                      lambda x: np.where(x[0] > 0.5, A, x)],
    np.sum:          [np.sum, lambda x: np.sum(x, axis=0), lambda x: np.sum(x, 1, keepdims=True)],
    np.mean:         [np.mean, lambda x: np.mean(x, axis=(0, 1)),
                      lambda x: np.mean(x, -1, keepdims=True)],
    np.max:          [np.max, lambda x: np.max(x, axis=0)],
    np.amax:         [lambda x: np.amax(x, 1, keepdims=True)],
    np.min:          [np.min, lambda x: np.min(x, axis=1, initial=0.6)],
    np.amin:         [lambda x: np.amin(x, axis=0)],
    np.prod:         [np.prod, lambda x: np.prod(x, axis=(0, 1), initial=2.0)],
    np.ptp:          [np.ptp, lambda x: np.ptp(x, axis=1, keepdims=True)],
    np.var:          [np.var, lambda x: np.var(x, 0, None, None, 1), lambda x: np.var(x, ddof=1)],
    np.std:          [np.std, lambda x: np.std(x, axis=1, correction=1)],
    np.average:      [np.average, lambda x: np.average(x, 0, [1.0, 3.0]),
                      lambda x: np.average(A, axis=1, weights=x),
                      lambda x: np.average(A, 0, x, True)[1]],
    np.median:       [np.median, lambda x: np.median(x, axis=0)],
    np.quantile:     [lambda x: np.quantile(x, 0.3),
                      lambda x: np.quantile(x, [0.2, 0.9], axis=1, method="hazen")],
    np.percentile:   [lambda x: np.percentile(x, 30.0, 0, keepdims=True)],
    np.cov:          [np.cov, lambda x: np.cov(x[0], x[1], bias=True)],
    np.corrcoef:     [np.corrcoef, lambda x: np.corrcoef(x, A[0])],
    **{f: [f, lambda x, f=f: f(HOLES * x, axis=1)] for f in (
        np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin,
        np.nanmedian)},
    np.nanquantile:  [lambda x: np.nanquantile(x, 0.3, axis=1)],
    np.nanpercentile: [lambda x: np.nanpercentile(x, 30)],
    **{f: [f, lambda x, f=f: f(x, axis=1)] for f in (
        np.cumsum, np.cumprod, np.nancumsum, np.nancumprod)},
    **{getattr(np, name): [lambda x, name=name: getattr(np, name)(x, axis=1, include_initial=True)]
       for name in ("cumulative_sum", "cumulative_prod") if hasattr(np, name)},
    np.diff:         [np.diff, lambda x: np.diff(x, 2), lambda x: np.diff(A, prepend=x)],
    np.ediff1d:      [np.ediff1d, lambda x: np.ediff1d(A, to_begin=x[0])],
    np.gradient:     [lambda x: np.gradient(x, axis=1), lambda x: np.gradient(x, 0.5, 2.0)[0],
                      lambda x: np.gradient(x, [0.0, 1.0, 4.0], axis=1, edge_order=2)],
    np.trapezoid:    [np.trapezoid, lambda x: np.trapezoid(x, [0.0, 1.0, 4.0]),
                      lambda x: np.trapezoid(A, x), lambda x: np.trapezoid(x, dx=0.5, axis=0)],
    np.interp:       [lambda x: np.interp(x, [0.0, 1.0, 2.0], [1.0, 5.0, 2.0]),
                      lambda x: np.interp(0.8, x[0], A[1]), lambda x: np.interp([0.8], A[0], x[1]),
                      lambda x: np.interp(x, [0.4, 1.0], [1.0, 5.0], left=0.0, right=x[0, 0])],
    np.unwrap:       [np.unwrap, lambda x: np.unwrap(x, axis=0, period=1.0)],
    np.reshape:      [lambda x: np.reshape(x, (3, 2)), lambda x: np.reshape(x, -1)],
    np.transpose:    [np.transpose, lambda x: np.transpose(x, (1, 0)),
                      lambda x: np.transpose(x, axes=(0, 1))],
    np.broadcast_to: [lambda x: np.broadcast_to(x, (2, 2, 3))],
    np.concatenate:  [lambda x: np.concatenate([x, A]),
                      lambda x: np.concatenate((A, x, x), axis=1)],
    np.stack:        [lambda x: np.stack([x, A]), lambda x: np.stack((A, x), axis=-1)],
    np.pad:          [lambda x: np.pad(x, 1), lambda x: np.pad(x, ((0, 1), (2, 0))),
                      lambda x: np.pad(x, 1, constant_values=3.0),
                      lambda x: np.pad(x, 1, mode="constant")],
    np.astype:       [lambda x: np.astype(x, np.float64)],
    np.ravel:        [np.ravel, lambda x: np.ravel(x, "F")],
    np.expand_dims:  [lambda x: np.expand_dims(x, 0), lambda x: np.expand_dims(x, axis=(0, -1))],
    np.squeeze:      [np.squeeze, lambda x: np.squeeze(x[:, :1], axis=1)],
    np.atleast_1d:   [np.atleast_1d],
    np.atleast_2d:   [lambda x: np.atleast_2d(x[0])],
    np.atleast_3d:   [np.atleast_3d],
    np.matrix_transpose: [np.matrix_transpose],
    np.swapaxes:     [lambda x: np.swapaxes(x, 0, 1)],
    np.moveaxis:     [lambda x: np.moveaxis(x, 0, -1)],
    np.rollaxis:     [lambda x: np.rollaxis(x, 1), lambda x: np.rollaxis(x, 0, start=2)],
    np.broadcast_arrays: [lambda x: np.broadcast_arrays(x, A)[0],
                          lambda x: np.broadcast_arrays(A[0], x[:, :1])[1]],
    np.copy:         [np.copy],
    np.full_like:    [lambda x: np.full_like(x, x[0]),
                      lambda x: np.full_like(x, x[0], shape=(1, 3))],
    np.vstack:       [lambda x: np.vstack([A, x])],
    np.hstack:       [lambda x: np.hstack((x, A))],
    np.dstack:       [lambda x: np.dstack([x, A])],
    np.column_stack: [lambda x: np.column_stack([x, A[:, 0]])],
    np.append:       [lambda x: np.append(x, A), lambda x: np.append(A, x, axis=1)],
    np.block:        [lambda x: np.block([[x, A], [A, x]])],
    np.split:        [lambda x: np.split(x, 3, axis=1)[1]],
    np.array_split:  [lambda x: np.array_split(x, 2, 1)[0]],
    np.hsplit:       [lambda x: np.hsplit(x, [1])[1]],
    np.vsplit:       [lambda x: np.vsplit(x, 2)[1]],
    np.dsplit:       [lambda x: np.dsplit(x.reshape(1, 2, 3), 3)[1]],
    np.meshgrid:     [lambda x: np.meshgrid(x[0], A[1])[0],
                      lambda x: np.meshgrid(A[0], x[1], indexing="ij", sparse=True)[1]],
    np.take:         [lambda x: np.take(x, [0, 5, 5]),
                      lambda x: np.take(x, [1, 4], 1, mode="wrap")],
    np.take_along_axis: [lambda x: np.take_along_axis(x, np.array([[1], [0]]), 1)],
    np.compress:     [lambda x: np.compress([True, False, True], x, axis=1)],
    np.extract:      [lambda x: np.extract(A > 1, x)],
    np.choose:       [lambda x: np.choose([0, 1, 0], x),
                      lambda x: np.choose([2, 3, 4], x, mode="wrap")],
    np.select:       [lambda x: np.select([x > 1, x > 0.6], [x * x, x])],
    np.piecewise:    [lambda x: np.piecewise(x, [x > 1], [np.log, 2.0])],
    np.flip:         [np.flip, lambda x: np.flip(x, axis=1)],
    np.fliplr:       [np.fliplr],
    np.flipud:       [np.flipud],
    np.rot90:        [np.rot90, lambda x: np.rot90(x, k=3, axes=(1, 0))],
    np.roll:         [lambda x: np.roll(x, 2), lambda x: np.roll(x, (1, 1), axis=(0, 1))],
    np.tile:         [lambda x: np.tile(x, (2, 2))],
    np.repeat:       [lambda x: np.repeat(x, 2), lambda x: np.repeat(x, [1, 2, 0], axis=1)],
    np.resize:       [lambda x: np.resize(x, (2, 5))],
    np.delete:       [lambda x: np.delete(x, 1, axis=1)],
    np.insert:       [lambda x: np.insert(x, 1, A[0], axis=0), lambda x: np.insert(A, 2, x[0, 1])],
    np.diag:         [np.diag, lambda x: np.diag(x[0], k=1)],
    np.diagflat:     [lambda x: np.diagflat(x, -1)],
    np.diagonal:     [lambda x: np.diagonal(x, offset=1)],
    np.trace:        [np.trace, lambda x: np.trace(x, 1)],
    np.tril:         [np.tril],
    np.triu:         [lambda x: np.triu(x, k=1)],
    np.sort:         [np.sort, lambda x: np.sort(x, axis=None, kind="stable")],
    np.partition:    [lambda x: np.partition(x, 1, axis=1)],
    **({np.unstack:  [lambda x: np.unstack(x, axis=1)[1]]} if hasattr(np, "unstack") else {}),
    np.convolve:     [lambda x: np.convolve(x[0], A[1], "same")],
    np.correlate:    [lambda x: np.correlate(x[0], A[1], mode="full")],
    **{transform: [lambda x, f=transform: np.real(f(x))] for transform in TRANSFORMS},
    np.polyval:      [lambda x: np.polyval([2.0, -1.0, 3.0], x), lambda x: np.polyval(x[0], 2.0)],
    np.vander:       [lambda x: np.vander(x[0]), lambda x: np.vander(x[0], 2, increasing=True)],
    np.real:         [np.real],
    np.real_if_close: [np.real_if_close, lambda x: np.real_if_close(x, tol=10)],
    np.linspace:     [lambda x: np.linspace(x, 2.0, 3), lambda x: np.linspace(A, x, num=3, axis=1)],
    np.logspace:     [lambda x: np.logspace(x, 2.0, 3, base=2.0)],
    np.geomspace:    [lambda x: np.geomspace(x, 2.0, 3, endpoint=False)],
}
# fmt: on
LINALG = {getattr(np.linalg, name, None) for name in ad.linalg.__all__}
"""Called with all their options in ``ops/test_linalg.py``."""
ABOUT_SHAPES = {np.shape: (2, 3), np.ndim: 2, np.size: 6}


def test_every_entry_of_the_tables_is_called_here() -> None:
    assert set(ANSWERS) <= set(CALLS) | LINALG


@pytest.mark.parametrize(
    "call",
    [pytest.param(call, id=f"{function.__name__} {i}")
     for function, calls in CALLS.items() for i, call in enumerate(calls)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # since NumPy 2.5
def test_functions_on_nodes(call: Function) -> None:
    y = call(Tensor(A))
    assert type(y) is Tensor
    np.testing.assert_allclose(y.data, call(A), rtol=1e-15)
    ad.check_gradients(call, A, order=1)


@pytest.mark.parametrize("ufunc", [f for f in UFUNCS if not f.signature and f is not np.ldexp])
def test_functions_on_scalars(ufunc: Any) -> None:
    arguments = (1.7,) if ufunc is np.arccosh else (0.7, 1.3)[: ufunc.nin]
    results = ufunc(*map(Value, arguments))
    expected = ufunc(*arguments)
    if ufunc.nout == 1:
        results, expected = [results], [expected]
    for y, e in zip(results, expected, strict=True):
        assert type(y) is (Value if e.dtype.kind == "f" else type(e))
        assert getattr(y, "data", y) == pytest.approx(e, rel=1e-15)


def test_two_results_are_two_nodes() -> None:
    x = Tensor(A)
    for pair in (divmod(x, 0.4), np.divmod(x, 0.4), divmod(A, Tensor(np.full((2, 3), 0.4)))):
        assert [type(y) for y in pair] == [Tensor, Tensor]
        np.testing.assert_array_equal([y.data for y in pair], divmod(A, 0.4))


METHOD_CALLS: dict[tuple[Any, str], Function] = {
    **{(u, "reduce"): lambda x, u=u: u.reduce(x, axis=1, keepdims=True) for u in (
        np.add, np.multiply, np.maximum, np.minimum, np.logaddexp)},
    **{(u, "accumulate"): lambda x, u=u: u.accumulate(x, 1) for u in (
        np.add, np.multiply, np.maximum, np.minimum)},
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_ufuncs(method: tuple[Any, str]) -> None:
    ufunc, name = method
    for call in (getattr(ufunc, name), METHOD_CALLS[method]):
        y = call(Tensor(A))
        assert type(y) is Tensor
        np.testing.assert_allclose(y.data, call(A), rtol=1e-15)
        ad.check_gradients(call, A, order=1)


PAIRS = [
    ufunc
    for ufunc in UFUNCS
    if (ufunc.nin, ufunc.nout, ufunc.signature) == (2, 1, None) and ufunc is not np.ldexp
]  # the exponent of ldexp is a whole number


@pytest.mark.parametrize("ufunc", PAIRS)
def test_outer_of_ufuncs(ufunc: Any) -> None:
    for other in (0.6, A[0], np.ones((1, 2))):
        for call in (lambda x, y=other: ufunc.outer(x, y), lambda x, y=other: ufunc.outer(y, x)):
            y = call(Tensor(A))
            assert type(y) is Tensor
            np.testing.assert_allclose(y.data, call(A), rtol=1e-15)
    y = ufunc.outer(Value(1.5), Value(2.0))
    assert type(y) is Value
    assert y.data == ufunc(1.5, 2.0)
    ad.check_gradients(lambda x, y: np.multiply.outer(x, y), A, A[1], order=2)


@pytest.mark.parametrize("function", ABOUT_SHAPES)
def test_functions_about_shapes(function: Any) -> None:
    assert function(Tensor(A)) == ABOUT_SHAPES[function]
    assert function(Value(1.0)) == function(1.0)


def test_operators_of_arrays_with_nodes() -> None:
    x = Tensor(A)
    for y, expected in (
        (A * x, A * A), (A - x, A - A), (A / x, A / A), (A**x, A**A), (A.T @ x, A.T @ A),
        (x @ A.T, A @ A.T), (A[0] + x, A[0] + A), (np.float64(2) * x, 2 * A),
        (A * Value(2.0), A * 2), (np.float32(2) - x, 2 - A), ([1.0, 2.0, 3.0] * x, [1, 2, 3] * A),
        (x * (1.0, 2.0, 3.0), A * [1, 2, 3]), ([[1.0, 2.0]] @ x, [[1, 2]] @ A),
    ):  # fmt: skip
        assert type(y) is Tensor
        np.testing.assert_allclose(y.data, expected, rtol=1e-15)


def test_augmented_assignment_to_an_array_is_refused() -> None:
    a = A.copy()
    with pytest.raises(TypeError, match=r"add.*out"):
        a += Tensor(A)
    np.testing.assert_array_equal(a, A)


def test_augmented_assignment_to_a_node_is_no_mutation() -> None:
    x = y = Tensor(A)
    y += A
    assert y is not x
    np.testing.assert_array_equal(x.data, A)
    np.testing.assert_array_equal(y.data, 2 * A)


@pytest.mark.parametrize(
    "ufunc", [np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal]
)
def test_comparisons_are_bare(ufunc: Any) -> None:
    result = ufunc(Tensor(A), 1.1)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, ufunc(A, 1.1))


@pytest.mark.parametrize(
    "ufunc", [np.isfinite, np.isinf, np.isnan, np.isneginf, np.isposinf, np.signbit]
)
def test_questions_about_numbers_are_bare(ufunc: Any) -> None:
    x = np.array([1.0, -np.inf, np.nan])
    np.testing.assert_array_equal(ufunc(Tensor(x)), ufunc(x))
    assert not isinstance(ufunc(Value(1.0)), Node)


@pytest.mark.parametrize("ufunc", [np.logical_and, np.logical_or, np.logical_xor])
def test_logic_is_bare(ufunc: Any) -> None:
    for node in (Tensor(A), Tensor(A > 1)):
        result = ufunc(node, A > 1.2)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, ufunc(node.data, A > 1.2))
    assert not isinstance(np.logical_not(Value(1.0)), Node)


# --- what has none --------------------------------------------------------------------------------

# fmt: off
REFUSED: list[tuple[str, Function, str]] = [
    ("ufunc",            lambda x: np.spacing(x),                     "np.spacing"),
    ("second operand",   lambda x: np.nextafter(1.0, x),              "np.nextafter"),
    ("bits",             lambda x: np.bitwise_and(x, 1),              "np.bitwise_and"),
    ("shift",            lambda x: np.left_shift(1, x),               "np.left_shift"),
    ("reduce",           lambda x: np.subtract.reduce(x),             r"np.subtract.reduce"),
    ("accumulate",       lambda x: np.divide.accumulate(x),           r"np.divide.accumulate"),
    ("reduceat",         lambda x: np.add.reduceat(x, [0, 1]),        r"np.add.reduceat"),
    ("outer",            lambda x: np.gcd.outer([1], x),              r"np.gcd.outer"),
    ("at",               lambda x: np.add.at(np.ones(3), [0], x),     r"np.add.at"),
    ("function",         lambda x: np.histogram(x),                   "np.histogram"),
    ("function of list", lambda x: np.histogramdd([x[0], x[1]]),      "np.histogramdd"),
    ("function of both", lambda x: np.bincount([0, 2, 2], x[0]),      "np.bincount"),
    ("sort order",       lambda x: np.sort(x, order="f"),             r"np.sort.*order"),
    ("unique",           lambda x: np.unique(x),                      r"np.unique.*index the node"),
    ("put",              lambda x: np.put(x, 0, 1.0),                 "np.put.*index_update"),
    ("linalg",           lambda x: np.linalg.eig(x @ x.T),            r"linalg.eig .*eigh"),
    ("out of a ufunc",   lambda x: np.add(x, 1.0, out=np.empty_like(A)),  r"np.add.*out"),
    ("where of a ufunc", lambda x: np.add(x, 1.0, where=A > 1),       r"np.add.*where"),
    ("dtype of a ufunc", lambda x: np.exp(x, dtype=np.float32),       r"np.exp.*dtype"),
    ("out of a sum",     lambda x: np.sum(x, axis=0, out=np.empty(3)), r"sum.*out"),
    ("dtype of a mean",  lambda x: np.mean(x, dtype=np.float32),      r"mean.*dtype"),
    ("mean of a variance", lambda x: np.var(x, mean=0.0),             r"var.*mean"),
    ("option of pad", lambda x: np.pad(x, 1, "edge", end_values=1.0), r"pad.*'edge'.*end_values"),
    ("where of two",     lambda x: np.where(x, x),                    r"where"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "message"), [pytest.param(call, message, id=name) for name, call, message in REFUSED]
)
def test_what_has_no_rule_is_refused_by_name(call: Function, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(Tensor(A))


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: np.asarray(x), lambda x: np.array(x), lambda x: np.array([x]),
        lambda x: np.array([x, x]), lambda x: np.array([[x], [1.0]]),
        lambda x: np.asarray((x, 1.0)),
        lambda x: np.array(x, dtype=float), lambda x: np.array([x], dtype=object),
        lambda x: np.asanyarray(x), lambda x: np.array([1.0, x]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("node", [Value(1.0), Tensor(1.0), Tensor(A)], ids=["Value", "0-d", "2-d"])
def test_a_node_becomes_no_array(convert: Function, node: Node) -> None:
    with pytest.raises(TypeError, match="graph"):
        convert(node)


def test_a_node_is_not_written_into_an_array() -> None:
    a = np.zeros((2, 3))
    for node in (Value(1.0), Tensor(1.0), Tensor(A[0])):
        with pytest.raises(TypeError):
            a[0] = node
        with pytest.raises(TypeError):
            np.full(3, node)
    np.testing.assert_array_equal(a, 0.0)


def test_no_result_is_an_object_array() -> None:
    for operand in (np.array([1.0, 2.0]), np.float64(2.0), [1.0, 2.0], (1.0, 2.0)):
        for node in (Value(1.0), Tensor([1.0, 2.0])):
            for y in (operand + node, node + operand, operand / node, node**operand):
                assert isinstance(y, Node)
                assert isinstance(y.data, float) or y.data.dtype == np.float64


def test_object_arrays_are_refused() -> None:
    objects = np.empty(2, dtype=object)
    with pytest.raises(TypeError, match="object"):
        objects * Tensor([1.0, 2.0])
