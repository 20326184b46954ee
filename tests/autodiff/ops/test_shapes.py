"""The same elements under another shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

A = points(2, 3)


def multiplied(factors: Any) -> Any:
    result = 1.0
    for factor in factors:
        result = result * factor
    return result


def shape_rows() -> Iterator[Row]:
    for old, new in (
        ((), (1, 1)), ((6,), (2, 3)), ((2, 3), (6,)), ((2, 3), (3, 2)), ((2, 3), -1), ((1,), ()),
        ((2, 3), (-1, 1, 2)), ((0, 3), (3, 0)),
    ):  # fmt: skip
        yield (
            "reshape", f"{old} to {new}", lambda x, new=new: ad.reshape(x * x, new), (points(*old),)
        )  # fmt: skip
    yield "reshape", "method", lambda x: (x * x).reshape(3, -1), (points(2, 3),)
    for old, new in (((2, 3), (3, -1)), ((2, 1, 3), (3, 2)), ((), (1, 1)), ((0, 2), (2, 0))):
        yield (
            "reshape", f"{old} to {new} in Fortran order",
            lambda x, new=new: ad.reshape(x * x, new, order="F"), (points(*old),),
        )  # fmt: skip
    yield "reshape", "method, Fortran order", lambda x: (x * x).reshape(6, order="F"), (A,)
    for shape in ((), (3,), (2, 3), (2, 1, 2), (0, 2)):
        yield "ravel", f"{shape}", lambda x: ad.ravel(x * x), (points(*shape),)
    yield "ravel", "Fortran order", lambda x: ad.ravel(x * x, "F"), (A,)
    yield "ravel", "methods", lambda x: (x * x).ravel() + (x * x).flatten("F"), (A,)
    for shape, axis in (
        ((), 0), ((), (0, 1)), ((3,), 0), ((3,), -1), ((2, 3), 1), ((2, 3), (0, -1)), ((0,), 1),
    ):  # fmt: skip
        yield (
            "expand_dims", f"{shape} at {axis}", lambda x, a=axis: ad.expand_dims(x * x, a),
            (points(*shape),),
        )  # fmt: skip
    for shape, axis in (
        ((), None), ((1,), None), ((1, 3, 1), None), ((1, 3, 1), 0), ((1, 3, 1), -1),
        ((1, 3, 1), (0, 2)), ((2, 3), None), ((2, 3), ()),
    ):  # fmt: skip
        yield (
            "squeeze", f"{shape} at {axis}", lambda x, a=axis: ad.squeeze(x * x, a),
            (points(*shape),),
        )  # fmt: skip
    for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
        raised = getattr(ad, name)
        for shape in ((), (2,), (2, 3), (1, 2, 1), (1, 1, 2, 1)):
            yield name, f"{shape}", lambda x, f=raised: f(x * x), (points(*shape),)
        yield (
            name, "several", lambda x, y, f=raised: multiplied(f(x * y, y, 2.0)),
            (points(2), points(seed=1)),
        )  # fmt: skip
    for shape, axes in (
        ((), None), ((3,), None), ((2, 3), None), ((2, 3), (0, 1)), ((2, 3, 1), (1, 2, 0)),
        ((2, 3, 2), (-1, 0, 1)), ((2, 2, 3), (2, 0, 1)), ((0, 2), None),
    ):  # fmt: skip
        yield (
            "transpose", f"{shape} by {axes}", lambda x, axes=axes: ad.transpose(x * x, axes),
            (points(*shape),),
        )  # fmt: skip
    yield "transpose", "T", lambda x: (x * x).T @ x, (points(2, 3),)
    cube = points(2, 1, 3)
    yield "permute_dims", "cube", lambda x: ad.permute_dims(x * x, (1, -1, 0)), (cube,)
    yield "matrix_transpose", "cube", lambda x: ad.matrix_transpose(x * x), (cube,)
    yield "matrix_transpose", "mT", lambda x: (x * x).mT @ x, (A,)
    for axes in ((0, 1), (-1, 0), (1, 1)):
        yield (
            "swapaxes", f"{axes}", lambda x, axes=axes: ad.swapaxes(x * x, *axes), (cube,)
        )  # fmt: skip
    for source, destination in ((0, -1), (-1, 0), ((0, 1), (-1, -2)), ((2, 0), (0, 1)), ((), ())):
        yield (
            "moveaxis", f"{source} to {destination}",
            lambda x, s=source, d=destination: ad.moveaxis(x * x, s, d), (cube,),
        )  # fmt: skip
    for axis, start in ((0, 3), (2, 0), (-1, -2), (1, 1)):
        yield (
            "rollaxis", f"{axis} to {start}",
            lambda x, a=axis, s=start: ad.rollaxis(x * x, a, s), (cube,),
        )  # fmt: skip
    for old, new in (
        ((), 3), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 3), (2, 3)), ((1,), (2, 1)),
        ((3,), (3,)), ((1, 2), (0, 2)),
    ):  # fmt: skip
        yield (
            "broadcast_to", f"{old} to {new}", lambda x, new=new: ad.broadcast_to(x * x, new),
            (points(*old),),
        )  # fmt: skip
    yield (
        "broadcast_arrays", "of three",
        lambda x, y, z: multiplied(ad.broadcast_arrays(x * x, y, z)),
        (points(3), points(2, 1, seed=1), points()),
    )  # fmt: skip
    yield "broadcast_arrays", "of one", lambda x: ad.broadcast_arrays(x * x)[0], (points(2),)
    for shape in ((), (2,), (2, 3)):
        yield "copy", f"{shape}", lambda x: ad.copy(x * x), (points(*shape),)
    yield "copy", "method", lambda x: (x * x).copy(), (A,)
    for shape in ((), (3,), (2, 1)):
        yield (
            "full_like", f"{shape} in (2, 3)", lambda y: ad.full_like(A, y * y), (points(*shape),)
        )  # fmt: skip
    yield "full_like", "like a node", lambda x, y: ad.full_like(x, y) * x, (A, points())
    yield "full_like", "other shape", lambda y: ad.full_like(A, y * y, shape=(2, 2)), (points(2),)
    yield "astype", "float64", lambda x: ad.astype(x * x, np.float64), (points(3),)
    yield "astype", "long double", lambda x: ad.astype(x * x, np.longdouble), (points(3),)


TABLE: list[Row] = [*shape_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- against NumPy --------------------------------------------------------------------------------

C = np.random.default_rng(0).normal(size=(2, 1, 3))

# fmt: off
CALLS: list[tuple[str, Function]] = [
    ("reshape",       lambda x: np.reshape(x, (3, -1))),
    ("reshape F",     lambda x: np.reshape(x, (3, 2), order="F")),
    ("reshape F -1",  lambda x: x.reshape(-1, 2, order="F")),
    ("reshape A",     lambda x: np.reshape(x, (3, 2), order="A")),
    ("reshape A F",   lambda x: x.T.reshape((6,), order="A")),
    ("reshape array", lambda x: np.reshape(x, np.array([3, 2]))),
    ("reshape list",  lambda x: np.reshape(x, [3, np.int8(2)])),
    ("ravel",         np.ravel),
    ("ravel F",       lambda x: np.ravel(x, "F")),
    ("ravel A",       lambda x: np.ravel(x.T, "A")),
    ("flatten",       lambda x: x.flatten()),
    ("transpose",     lambda x: np.transpose(x, (-1, 0, 1))),
    ("methods",       lambda x: x.transpose(2, 0, 1).swapaxes(0, -1).squeeze(0)),
    ("permute_dims",  lambda x: np.permute_dims(x, (1, 2, 0))),
    ("mT",            lambda x: np.matrix_transpose(x)),
    ("swapaxes",      lambda x: np.swapaxes(x, 0, -1)),
    ("moveaxis",      lambda x: np.moveaxis(x, [0, -1], [2, 0])),
    ("moveaxis one",  lambda x: np.moveaxis(x, 2, 0)),
    ("rollaxis",      lambda x: np.rollaxis(x, 2)),
    ("rollaxis end",  lambda x: np.rollaxis(x, 0, 3)),
    ("expand_dims",   lambda x: np.expand_dims(x, (0, -2))),
    ("squeeze",       np.squeeze),
    ("squeeze axis",  lambda x: np.squeeze(x, axis=1)),
    ("atleast_1d",    np.atleast_1d),
    ("atleast_2d",    lambda x: np.atleast_2d(x[0, 0])),
    ("atleast_3d",    lambda x: np.atleast_3d(x[0])),
    ("atleast_3d of vector", lambda x: np.atleast_3d(x[0, 0])),
    ("atleast_3d of scalar", lambda x: np.atleast_3d(x[0, 0, 0])),
    ("broadcast_to",  lambda x: np.broadcast_to(x, (2, 2, 3))),
    ("broadcast_arrays", lambda x: np.broadcast_arrays(x, np.ones((2, 1)))[0]),
    ("copy",          np.copy),
    ("full_like",     lambda x: np.full_like(x, x[0, 0, 1])),
    ("full_like shape", lambda x: np.full_like(x, x[0, 0], shape=(2, 3))),
    ("full_like dtype", lambda x: np.full_like(x, x[0, 0, 1], dtype=np.float32)),
    ("astype",        lambda x: x.astype(np.float32)),
]
# fmt: on


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS])
def test_values_are_those_of_numpy(call: Function) -> None:
    got, expected = call(Tensor(C)), call(C)
    assert type(got) is Tensor
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.data, expected)
    assert got.shape == expected.shape


def test_what_is_filled_with_a_constant_is_bare() -> None:
    for x, expected in ((Tensor(C), C), (Value(2.0), np.array(2.0))):
        for make in (np.zeros_like, np.ones_like, np.empty_like, lambda x: np.full_like(x, 3.0)):
            made = make(x)
            assert type(made) is np.ndarray
            assert made.shape == expected.shape
            assert made.dtype == np.float64
    assert np.zeros_like(Tensor(np.ones(2, np.float32))).dtype == np.float32
    assert np.ones_like(Tensor(C), dtype=int).dtype.kind == "i"


def test_filling_with_a_node_never_leaves_the_graph() -> None:
    y = Tensor([1.0, 2.0])
    np.full_like(Tensor(np.zeros((3, 2), np.float32)), y).backward(np.ones((3, 2)))
    np.testing.assert_array_equal(y.grad, [3.0, 3.0])
    with pytest.raises(TypeError, match="floating"):
        np.full_like(Tensor([1, 2]), y)
    with pytest.raises(TypeError, match=r"np\.copyto"):
        np.full_like(np.ones(2), y)  # a bare array does not ask the node


def test_order_of_memory() -> None:
    x = np.asfortranarray(C[:, 0])
    assert ad.ravel(Tensor(x.T).T, "A").tolist() == x.ravel("A").tolist()
    assert ad.ravel(Tensor(C[:, 0]), "A").tolist() == C.ravel().tolist()


def test_views() -> None:
    x = Tensor(C)
    for view in (
        x.reshape(6), x.ravel(), x.T, x.mT, np.moveaxis(x, 0, 1), np.expand_dims(x, 0),
        np.squeeze(x), np.atleast_3d(x), np.broadcast_to(x, (4, 2, 1, 3)), x.reshape(3, 2).T,
    ):  # fmt: skip
        assert np.shares_memory(view.data, x.data)
        assert not view.data.flags.writeable
    assert not np.shares_memory(x.copy().data, x.data)


def test_scalars() -> None:
    x = Value(3.0)
    assert type(ad.copy(x)) is type(ad.squeeze(x)) is type(ad.transpose(x)) is Value
    for y in (ad.ravel(x), ad.atleast_2d(x), ad.expand_dims(x, 0), np.reshape(x, (1, 1))):
        assert type(y) is Tensor
        x.grad = None  # type: ignore[assignment]
        (y * y).backward(np.ones(y.shape))
        assert x.grad == 6.0


def test_methods_leave_the_graph_only_as_numbers() -> None:
    assert Tensor(C).tolist() == C.tolist()
    assert Tensor(2.0).tolist() == 2.0


# fmt: off
ERRORS: list[tuple[str, Function, type[Exception], str]] = [
    ("order", lambda x: ad.reshape(x, 6, "K"), ValueError, "'C', 'F' or 'A'.*'K'"),
    ("shape",         lambda x: ad.reshape(x, [3.5]),            TypeError, "whole numbers.*3.5"),
    ("Fortran shape", lambda x: x.reshape(4, 2, order="F"),      ValueError, "reshape.*(2, 1, 3)"),
    ("squeeze",       lambda x: ad.squeeze(x, 0),                ValueError, "axis 0.*(2, 1, 3)"),
    ("expand twice",  lambda x: ad.expand_dims(x, (0, 0)),       ValueError, "axis (0, 0)"),
    ("expand far",    lambda x: ad.expand_dims(x, 5),            ValueError, "axis 5.*4"),
    ("swapaxes",      lambda x: x.swapaxes(0, 3),                ValueError, "axis 3"),
    ("moveaxis",      lambda x: ad.moveaxis(x, (0, 1), 0),       ValueError, "2 axes.*1 places"),
    ("moveaxis twice", lambda x: ad.moveaxis(x, (0, -3), (0, 1)), ValueError, "axis (0, -3)"),
    ("rollaxis",      lambda x: ad.rollaxis(x, 0, 4),            ValueError, "start 4"),
    ("mT",            lambda x: x[0, 0].mT,                      ValueError, "two axes.*(3,)"),
    ("astype",        lambda x: x.astype(int),                   TypeError, "floating.*int64"),
    ("newshape", lambda x: np.broadcast_to(x, (2, 2)), ValueError, "broadcast_to.*(2, 1, 3)"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "error", "text"), [pytest.param(*rest, id=name) for name, *rest in ERRORS]
)
def test_errors(call: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("(", r"\(").replace(")", r"\)")):
        call(Tensor(C))
