"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

Shape = tuple[int, ...]


def matmul_rows() -> Iterator[Row]:
    for x, y in (
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 1), (1, 1)),
        ((4, 2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((4, 2, 3), (3,)),
        ((3,), (4, 3, 2)), ((2, 1, 2, 3), (3, 3, 1)), ((1, 2, 2), (3, 2, 2)), ((2, 0), (0, 3)),
        ((0, 2), (2, 3)), ((2, 1, 3), (3,)), ((3,), (2, 1, 3, 2)),
    ):  # fmt: skip
        yield "matmul", f"{x} {y}", ad.matmul, (points(*x), points(*y, seed=1))
    yield "matmul", "x x", lambda x: ad.matmul(x, x), (points(3, 3),)
    yield "matmul", "x xT", lambda x: x @ x.T, (points(2, 3),)
    yield "matmul", "vector twice", lambda x: x @ x, (points(3),)
    yield "matmul", "constant left", lambda x: np.arange(6.0).reshape(2, 3) @ x, (points(3, 2),)
    yield "matmul", "constant right", lambda x: x @ np.arange(6.0).reshape(3, 2), (points(2, 3),)
    yield "matmul", "lists", lambda x: x @ [1.0, 2.0, 3.0], (points(2, 3),)


# fmt: off
PAIRS: dict[str, list[tuple[Shape, Shape]]] = {
    "dot": [((), ()), ((), (2,)), ((2, 2), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)),
            ((2, 3), (3, 2)), ((3,), (2, 3, 2)), ((2, 3), (2, 3, 1)), ((2, 1, 3), (3,)),
            ((2, 1, 3), (3, 2)), ((2, 1, 3), (2, 3, 2)), ((0, 2), (2, 3)), ((2, 0), (0, 2))],
    "vdot": [((), ()), ((1,), ()), ((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (6,)), ((0,), (0, 2))],
    "inner": [((), ()), ((), (2, 2)), ((2,), ()), ((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (3,)),
              ((2, 1, 3), (2, 3)), ((2, 0), (3, 0)), ((0, 2), (3, 2))],
    "outer": [((), ()), ((), (2,)), ((2,), ()), ((2,), (3,)), ((2, 2), (3,)), ((0,), (2,))],
    "kron": [((), ()), ((), (2,)), ((2, 2), ()), ((2,), (3,)), ((2, 3), (2, 2)), ((2,), (2, 3)),
             ((1, 2, 2), (2, 1)), ((0, 2), (2, 2))],
    "vecdot": [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (2, 3)), ((0, 3), (3,)), ((2, 0), (2, 0))],
    "matvec": [((2, 3), (3,)), ((2, 3), (4, 3)), ((2, 1, 2, 3), (3, 3)), ((2, 0), (0,))],
    "vecmat": [((2,), (2, 3)), ((4, 2), (2, 3)), ((3, 2), (2, 1, 2, 3)), ((0,), (0, 2))],
    "cross": [((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1, 3), (2, 3)), ((0, 3), (3,))],
}
AXES: list[tuple[Shape, Shape, Any]] = [
    ((2, 3), (2, 3), 2), ((2, 3), (3, 2), 1), ((2,), (3,), 0), ((), (), 0), ((), (2, 2), 0),
    ((2, 3), (2, 3), (0, 0)), ((2, 3), (3, 2), (-1, 0)), ((2, 3, 2), (3, 2), ([1, 0], [0, 1])),
    ((2, 3, 2), (2, 3), ((0, -2), (-2, 1))), ((2, 3), (4, 3), ([1], [1])), ((2, 3), (2,), ([], [])),
    ((2, 0), (0, 3), 1), ((0, 2), (2, 2), 1), ((2, 2, 2), (2, 2, 2), ((2, 0, 1), (0, 1, 2))),
]
CROSSES: list[tuple[Shape, Shape, dict[str, int]]] = [
    ((3, 2), (3, 2), {"axis": 0}), ((2, 3), (3, 2), {"axisb": 0}),
    ((2, 3), (2, 3), {"axisc": 0}), ((3, 2), (2, 3), {"axisa": 0, "axisc": -2}),
    ((2, 3, 1), (3, 1), {"axis": -2}),
]
# fmt: on


def product_rows() -> Iterator[Row]:
    for name, pairs in PAIRS.items():
        for x, y in pairs:
            yield name, f"{x} {y}", getattr(ad, name), (points(*x), points(*y, seed=1))
        yield name, "x x", lambda x, f=name: getattr(ad, f)(x, x), (points(3, 3),)
    yield "dot", "method", lambda x, y: x.dot(y), (points(2, 3), points(3, seed=1))
    for x, y, axes in AXES:
        yield "tensordot", f"{x} {y} axes={axes}", (
            lambda x, y, axes=axes: ad.tensordot(x, y, axes)
        ), (points(*x), points(*y, seed=1))  # fmt: skip
    yield "tensordot", "x x", lambda x: ad.tensordot(x, x), (points(2, 3),)
    for x, y, axes in CROSSES:
        yield "cross", f"{x} {y} {axes}", (
            lambda x, y, axes=axes: ad.cross(x, y, **axes)
        ), (points(*x), points(*y, seed=1))  # fmt: skip
    yield "vecdot", "axis 0", lambda x, y: ad.vecdot(x, y, axis=0), (points(3, 2), points(3, 1))


def affine_rows() -> Iterator[Row]:
    for x, w, b in (
        ((2, 3), (3, 4), (4,)), ((2, 3), (3, 1), (1,)), ((2, 3), (3, 4), ()),
        ((2, 3), (3, 4), (2, 1)), ((5, 2, 3), (3, 4), (4,)), ((0, 3), (3, 2), (2,)),
        ((3,), (3, 2), (2,)),
    ):  # fmt: skip
        operands = points(*x), points(*w, seed=1), points(*b, seed=2)
        yield "affine", f"{x} {w} {b}", ad.affine, operands
    constant = points(2, 3, seed=3)
    yield "affine", "constant x", lambda w, b: ad.affine(constant, w * w, b), (
        points(3, 2), points(2, seed=1),
    )  # fmt: skip
    yield "affine", "bias alone", lambda b: ad.affine(constant, constant.T, b * b), (points(2),)
    yield "affine", "the same operand", lambda x: ad.affine(x, x, x), (points(2, 2),)


TABLE: list[Row] = [*affine_rows(), *matmul_rows(), *product_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "x", "y"), [(name, x, y) for name, pairs in PAIRS.items() for x, y in pairs]
)
def test_values_are_those_of_numpy(name: str, x: Shape, y: Shape) -> None:
    if not hasattr(np, name):
        pytest.skip(f"this NumPy has no {name}")
    a, b = points(*x), points(*y, seed=1)
    expected = getattr(np, name)(a, b)
    nodes = [Tensor(n) if np.ndim(n) else Value(n) for n in (a, b)]
    for result in (
        getattr(ad, name)(a, b), getattr(ad, name)(*nodes).data, getattr(np, name)(*nodes).data,
        getattr(ad, name)(nodes[0], b).data, getattr(np, name)(a, nodes[1]).data,
    ):  # fmt: skip
        assert np.shape(result) == np.shape(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("x", "y", "axes"), AXES)
def test_tensordot_is_that_of_numpy(x: Shape, y: Shape, axes: Any) -> None:
    a, b = points(*x), points(*y, seed=1)
    expected = np.tensordot(a, b, axes)
    for result in (
        ad.tensordot(a, b, axes), ad.tensordot(Tensor(a), b, axes).data,
        np.tensordot(a, Tensor(b), axes=axes).data,  # type: ignore[arg-type]
        np.linalg.tensordot(Tensor(a), b, axes=axes).data,  # type: ignore[arg-type]
    ):  # fmt: skip
        assert np.shape(result) == np.shape(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("x", "y", "axes"), CROSSES)
def test_cross_is_that_of_numpy(x: Shape, y: Shape, axes: dict[str, int]) -> None:
    a, b = points(*x), points(*y, seed=1)
    expected = np.cross(a, b, **axes)
    for result in (ad.cross(Tensor(a), b, **axes), np.cross(a, Tensor(b), **axes)):  # type: ignore[arg-type]
        np.testing.assert_allclose(result.data, expected, rtol=1e-14)


def test_products_of_values_are_values() -> None:
    for product in (ad.dot, ad.vdot, ad.inner, ad.kron):
        assert type(product(Value(2.0), 3.0)) is Value
        assert product(Value(2.0), Value(3.0)).data == 6.0


def test_values_are_weak_in_products() -> None:
    x = Tensor(np.ones(2, np.float32))
    for product in (ad.dot, ad.inner, ad.outer, ad.kron):
        for pair in ((x, Value(2.0)), (Value(2.0), x), (x, 2.0)):
            assert product(*pair).dtype == np.float32


def test_the_axis_of_vecdot_through_numpy() -> None:
    x, y = points(3, 2), points(3, 2, seed=1)
    np.testing.assert_allclose(np.vecdot(Tensor(x), y, axis=0).data, np.vecdot(x, y, axis=0))
    with pytest.raises(TypeError, match=r"vecdot.*keepdims"):
        np.vecdot(Tensor(x), y, keepdims=True)


# --- reach, errors --------------------------------------------------------------------------------


def test_where_hides_what_a_component_of_a_cross_product_does_not_need() -> None:
    def f(x: Any) -> Any:
        y = ad.sqrt(x)  # of an infinite derivative at 0
        return ad.sum(ad.where([True, False, False], ad.cross(y, [1.0, 2.0, 3.0]), 0.0))

    np.testing.assert_allclose(ad.grad(f)(np.array([0.0, 1.0, 4.0])), [0.0, 1.5, -0.5])


# fmt: off
ERRORS: list[tuple[str, Function, str]] = [
    ("dot",           lambda x: ad.dot(x, x),                 r"matmul.*\(2, 3\)"),
    ("dot of stacks", lambda x: ad.dot(x, np.ones((2, 2, 2))), r"axes \[1\] of Tensor of shape"),
    ("vdot",          lambda x: ad.vdot(x, np.ones(5)),       r"vdot.*\(2, 3\).*\(5,\)"),
    ("inner",         lambda x: ad.inner(x, np.ones(2)),      r"\(2, 3\).*\(2,\)"),
    ("tensordot",     lambda x: ad.tensordot(x, x, 1),        r"tensordot: axes \[1\].*\(2, 3\)"),
    ("broadcasting",  lambda x: ad.tensordot(x, np.ones((1, 3))), r"tensordot.*\(1, 3\)"),
    ("many axes",     lambda x: ad.tensordot(x, x, 3),        "tensordot: axes=3"),
    ("negative",      lambda x: ad.tensordot(x, x, -1),       "tensordot: axes=-1"),
    ("uneven axes",   lambda x: ad.tensordot(x, x, ([0, 1], [0])), "as many axes"),
    ("axis twice",    lambda x: ad.tensordot(x, x, ([0, 0], [0, 0])), "axis"),
    ("axis too far",  lambda x: ad.tensordot(x, x, (2, 0)),   "axis"),
    ("three of axes", lambda x: ad.tensordot(x, x, (0, 1, 2)), "pair"),
    ("vecdot",        lambda x: ad.vecdot(x, np.ones((2, 1))), r"vecdot.*\(2, 3\).*\(2, 1\)"),
    ("matvec",        lambda x: ad.matvec(x, np.ones(2)),     r"matvec.*\(2, 3\).*\(2,\)"),
    ("vecmat",        lambda x: ad.vecmat(np.ones(3), x),     r"vecmat.*\(3,\).*\(2, 3\)"),
    ("cross",         lambda x: ad.cross(x.T, x.T),           r"3 components.*\(3, 2\)"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "message"), [pytest.param(call, message, id=name) for name, call, message in ERRORS]
)
def test_operands_that_do_not_fit_are_named(call: Function, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(Tensor(np.ones((2, 3))))
