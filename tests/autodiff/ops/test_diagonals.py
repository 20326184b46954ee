"""Diagonals and triangles of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value


def rows() -> Iterator[Row]:
    for k in (0, 1, -1, 2, -5):
        yield "diag", f"matrix, {k}", lambda x, k=k: ad.diag(x * x, k), (points(2, 3),)
        yield "diag", f"vector, {k}", lambda x, k=k: ad.diag(x * x, k), (points(2),)
        yield "trace", f"offset {k}", lambda x, k=k: ad.trace(x * x, k), (points(3, 2),)
        for name in ("tril", "triu"):
            triangle = getattr(ad, name)
            yield name, f"matrix, {k}", lambda x, k=k, f=triangle: f(x * x, k), (points(2, 3),)
    for offset, axis1, axis2 in ((0, 0, 1), (1, 0, 1), (-1, 2, 0), (0, -1, -2), (9, 0, 1)):
        axes = {"offset": offset, "axis1": axis1, "axis2": axis2}
        yield "diagonal", f"{axes}", lambda x, a=axes: ad.diagonal(x * x, **a), (points(2, 3, 2),)
        yield "trace", f"{axes}", lambda x, a=axes: ad.trace(x * x, **a), (points(2, 3, 2),)
    yield "diagonal", "methods", lambda x: (x * x).diagonal(1) * (x * x).trace(), (points(3, 3),)
    yield "diagonal", "empty", lambda x: ad.diagonal(x * x), (points(0, 2),)
    yield "diag", "empty", lambda x: ad.diag(x * x), (points(0),)
    yield "diag", "there and back", lambda x: ad.diag(ad.diag(x * x) * 2.0), (points(3),)
    for shape, k in (((), 0), ((), -1), ((2,), 1), ((2, 2), 0)):
        yield (
            "diagflat", f"{shape}, {k}", lambda x, k=k: ad.diagflat(x * x, k), (points(*shape),)
        )  # fmt: skip
    for name in ("tril", "triu"):
        triangle = getattr(ad, name)
        yield name, "vector", lambda x, f=triangle: f(x * x), (points(3),)
        yield name, "stack", lambda x, f=triangle: f(x * x), (points(2, 3, 2),)


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


A = np.random.default_rng(0).normal(size=(3, 4, 2))

# fmt: off
CALLS: list[tuple[str, Function]] = [
    ("diag",           lambda x: np.diag(x[0], 1)),
    ("diag of vector", lambda x: np.diag(x[0, 0], k=-2)),
    ("diagflat",       lambda x: np.diagflat(x[0], 1)),
    ("diagonal",       np.diagonal),
    ("diagonal axes",  lambda x: np.diagonal(x, 1, axis1=-1, axis2=0)),
    ("diagonal far",   lambda x: np.diagonal(x, -7)),
    ("method",         lambda x: x.diagonal(-1, 1, 2)),
    ("trace",          np.trace),
    ("trace axes",     lambda x: np.trace(x, offset=-1, axis1=1, axis2=2)),
    ("trace method",   lambda x: x.trace(1, 0, 2)),
    *((f"{f.__name__} {k}", lambda x, f=f, k=k: f(x, k))
      for f in (np.tril, np.triu) for k in range(-5, 5)),
    ("tril vector",    lambda x: np.tril(x[0, 0])),
    ("triu vector",    lambda x: np.triu(x[0, 0], k=1)),
]
# fmt: on


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS])
def test_values_are_those_of_numpy(call: Function) -> None:
    for x in (A, A.astype(np.float32)):
        got, expected = call(Tensor(x)), call(x)
        assert type(got) is Tensor
        assert got.dtype == expected.dtype
        assert got.shape == expected.shape
        np.testing.assert_allclose(got.data, expected, rtol=1e-6 if x is not A else 1e-15)


@pytest.mark.parametrize(
    ("triangle", "expected"), [(ad.tril, [[1, 0], [2, 1]]), (ad.triu, [[1, 2], [0, 1]])]
)
def test_what_lies_outside_a_triangle_has_no_influence(triangle: Any, expected: Any) -> None:
    x = np.where(np.array(expected) > 0, 1.0 / np.maximum(expected, 1), 0.0)
    with np.errstate(all="ignore"):
        gradient = ad.grad(lambda x: ad.sum(triangle(ad.log(x))))(x)
        second = ad.grad(lambda x: ad.sum(ad.grad(lambda x: ad.sum(triangle(ad.log(x))))(x)))(x)
    np.testing.assert_array_equal(gradient, expected)
    np.testing.assert_array_equal(second, -np.square(expected))
    assert not np.isnan(triangle(np.array([[np.inf, np.nan], [np.nan, np.inf]]))).all()


def test_integers_stay_integers() -> None:
    x = np.arange(6).reshape(2, 3)
    for f in (ad.tril, ad.triu, ad.diag, ad.diagflat, ad.trace):
        assert np.asarray(f(x)).dtype.kind == "i"


# fmt: off
ERRORS: list[tuple[str, Function, str]] = [
    ("diag",          lambda x: ad.diag(x),             "vector or a matrix.*(3, 4, 2)"),
    ("diag scalar",   lambda x: ad.diag(Value(1.0)),    "vector or a matrix.*Value"),
    ("diagonal",      lambda x: ad.diagonal(x, 0, 1, -2), "same.*1"),
    ("diagonal axis", lambda x: ad.diagonal(x[0, 0]),   "axis 1.*1 dim"),
    ("trace",         lambda x: ad.trace(x, 0, 0, 3),   "axis 3"),
    ("tril",          lambda x: ad.tril(Value(1.0)),    "tril.*one axis.*Value"),
]
# fmt: on


@pytest.mark.parametrize(("call", "text"), [pytest.param(*rest, id=name) for name, *rest in ERRORS])
def test_errors(call: Function, text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("(", r"\(").replace(")", r"\)")):
        call(Tensor(A))
