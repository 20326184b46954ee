"""Picking elements, and putting values in their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value
from autodiff.ops.indexing import _scatter

INDICES: dict[str, Any] = {
    "int": 1, "negative": -1, "numpy int": np.int64(2), "all axes": (1, -2), "slice": slice(1, 3),
    "steps": slice(0, None, 2), "backwards": slice(None, None, -1),
    "backwards by 2": (slice(3, 0, -2), slice(None, None, -1)), "empty": slice(2, 2),
    "ellipsis": ..., "ellipsis first": (..., 0), "ellipsis last": (1, ...),
    "None": None, "None inside": (slice(None), None, 1), "nothing": (),
    "list": [2, 0], "repeated": [1, 1, 1, 0], "repeated negative": [0, -4, 3, -1],
    "tuple in a tuple": ((0, 0, 1),), "range": range(1, 3), "array": np.array([[0, 1], [1, 3]]),
    "pairs": ([0, 0, 3], [1, 1, 2]), "pair and scalar": ([0, 0, 3], 1),
    "tuples": ((0, 0, 3), (1, 1, 2)),
    "split": ([0, 0], slice(None)), "outer": (np.array([[0], [0]]), np.array([2, 1])),
    "list and None": ([0, 0], None), "no places": [],
    "mask": np.array([True, False, True, True]), "mask list": [True, False, False, True],
    "mask of all": np.arange(12).reshape(4, 3) % 2 == 0,
    "mask and int": ([True, True, False, True], 1),
    "mask and list": (np.array([True, False, True, False]), [2, 2]),
    "true": True, "tensor": Tensor([2, 2]), "tensor mask": Tensor([True, False, True, False]),
    "0-d array": np.array(2),
}  # fmt: skip


def index_rows() -> Iterator[Row]:
    for name, index in INDICES.items():
        yield "getitem", name, lambda x, i=index: ad.getitem(x * x, i), (points(4, 3),)
    yield "getitem", "operator", lambda x: (x * x)[[0, 0]], (points(2),)
    yield (
        "getitem", "several of one", lambda x: x[0] * x[1] + x[[0, 1, 1]].sum() * x[::-1].sum(),
        (points(3),),
    )  # fmt: skip
    yield "getitem", "element of 0-d", lambda x: (x * x).reshape(())[()], (points(1),)
    yield "getitem", "iteration", lambda x: sum(row.sum() ** 2 for row in x), (points(2, 3),)
    yield "getitem", "sum of parts", lambda x: x[1:] * x[:-1] + x[[0, 0]], (points(3),)


UPDATES: dict[str, tuple[Any, tuple[int, ...]]] = {
    # an index of a (4, 3) operand, and a shape of values
    "int": (1, (3,)), "element": ((1, -2), ()), "slice": (slice(1, 3), (2, 3)),
    "backwards": (slice(None, None, -2), (2, 3)), "scalar": (slice(1, 3), ()), "row": (..., (3,)),
    "column": ((..., slice(1, 2)), (4, 1)), "list": ([2, 0], (2, 3)),
    "repeated": ([1, 1, 0], (3, 3)),
    "repeated, a scalar": ([1, 1, 0], ()), "repeated pairs": (([0, 0, 3], [1, 1, 2]), (3,)),
    "repeated, broadcast": ([[0, 0], [0, 1]], (2, 1, 3)),
    "mask": ([True, False, True, True], (3, 3)),
    "mask of all": (np.arange(12).reshape(4, 3) % 2 == 0, (6,)), "nothing": (slice(2, 2), (0, 3)),
    "leading ones": (slice(1, 3), (1, 1, 2, 3)), "None": ((None, 1), (1, 3)),
}  # fmt: skip


def update_rows() -> Iterator[Row]:
    for name in ("index_update", "index_add"):
        put = getattr(ad, name)
        for about, (index, shape) in UPDATES.items():
            yield (
                name, about, lambda x, v, f=put, i=index: f(x * x, i, v * v),
                (points(4, 3), points(*shape, seed=1)),
            )  # fmt: skip
        yield name, "into a constant", lambda v, f=put: f(np.ones((2, 2)), 0, v * v), (points(2),)
        yield name, "a constant", lambda x, f=put: f(x * x, [0, 0], [5.0, 7.0]), (points(3),)
        yield name, "a scalar", lambda x, y, f=put: f(x * x, (), y * y), (points(), points(seed=1))
        yield name, "itself", lambda x, f=put: f(x * x, [0, 0, 1], x), (points(3),)
        yield (
            name, "again and again", lambda x, y, f=put: f(f(x, 0, y * y) ** 2, [0, 1], x[:2] * y),
            (points(3), points()),
        )  # fmt: skip


def taking_rows() -> Iterator[Row]:
    for about, indices, axis in (
        ("element", 2, None), ("elements", [3, 0, 3, -1], None), ("matrix", [[0, 1], [1, 1]], None),
        ("row", 1, 0), ("columns", [2, 0, 0], 1), ("last axis", [[0], [-1]], -1), ("none", [], 0),
        ("tensor", Tensor([1, 1]), 0), ("booleans as numbers", [True, False], 0),
    ):  # fmt: skip
        yield (
            "take", about, lambda x, i=indices, a=axis: ad.take(x * x, i, a), (points(2, 3),)
        )  # fmt: skip
    for mode in ("wrap", "clip"):
        yield (
            "take", mode, lambda x, m=mode: ad.take(x * x, [5, -7, 1], 1, mode=m), (points(2, 3),)
        )  # fmt: skip
    yield "take", "method", lambda x: (x * x).take([1, 1], axis=1), (points(2, 3),)
    yield "take", "of a scalar", lambda x: ad.take(x * x, [0, 0]), (points(),)
    numbers = np.array([[0, 1, 1], [1, 0, 1]])
    for about, indices, axis in (
        ("rows", numbers, 0), ("columns", numbers, -1), ("one", numbers[:1], 0),
        ("broadcast", numbers[:, :1], 1), ("all", [0, 5, 5], None), ("none", numbers[:, :0], 1),
    ):  # fmt: skip
        yield (
            "take_along_axis", about,
            lambda x, i=indices, a=axis: ad.take_along_axis(x * x, i, a), (points(2, 3),),
        )  # fmt: skip
    for about, condition, axis in (
        ("rows", [False, True], 0), ("columns", [True, False, True], -1), ("short", [True], 1),
        ("elements", [True, False, False, True], None), ("none", [False], 0),
    ):  # fmt: skip
        yield (
            "compress", about, lambda x, c=condition, a=axis: ad.compress(c, x * x, a),
            (points(2, 3),),
        )  # fmt: skip
    holds = np.array([[True, False, True], [False, False, True]])
    yield "extract", "matrix", lambda x: ad.extract(holds, x * x), (points(2, 3),)
    yield "extract", "of the operand", lambda x: ad.extract(x > 0, x * x), (points(2, 3),)


def choosing_rows() -> Iterator[Row]:
    number = np.array([[0, 1, 2], [2, 1, 0]])
    yield (
        "choose", "three", lambda x, y, z: ad.choose(number, [x * x, y * x, z]),
        (points(2, 3), points(3, seed=1), points()),
    )  # fmt: skip
    yield "choose", "wrap", lambda x: ad.choose(number + 1, [x * x, 3 * x], "wrap"), (points(3),)
    yield "choose", "clip", lambda x: ad.choose(number - 1, x * x, "clip"), (points(2, 3),)
    yield "choose", "one", lambda x: ad.choose(0 * number, [x * x]), (points(3),)
    yield "choose", "scalars", lambda x, y: ad.choose(1, [x, x * y]), (points(), points(seed=1))
    yield (
        "select", "two", lambda x, y: ad.select([x > 0.4, x > 0], [x * y, y * y], x),
        (points(2, 3), points(3, seed=1)),
    )  # fmt: skip
    yield "select", "no default", lambda x: ad.select([x > 0], [x * x]), (points(2, 3),)
    yield (
        "select",
        "scalars",
        lambda x, y: ad.select([x > y], [x * x], y),
        (points(), points(seed=1)),
    )
    yield (
        "piecewise",
        "two",
        lambda x: ad.piecewise(x, [x < 0, x > 0], [ad.exp, ad.log]),
        (points(5),),
    )
    yield (
        "piecewise", "else", lambda x: ad.piecewise(x, [x > 0.4, x < -0.4], [ad.log, 2.0, ad.sin]),
        (points(2, 3),),
    )  # fmt: skip
    yield (
        "piecewise", "overlap",
        lambda x, y: ad.piecewise(x, [x > 0, x > 0.4], [np.multiply, scaled], y),
        (points(2, 3), points()),
    )  # fmt: skip
    yield "piecewise", "condition", lambda x: ad.piecewise(x, x > 0, [ad.log, ad.exp]), (points(4),)
    yield (
        "piecewise",
        "scalar",
        lambda x: ad.piecewise(x, [x > 9, x < 9], [ad.log, ad.exp]),
        (points(),),
    )


def scaled(x: Any, y: Any = 1.0) -> Any:
    return x * x * y


TABLE: list[Row] = [*index_rows(), *update_rows(), *taking_rows(), *choosing_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- against NumPy --------------------------------------------------------------------------------

A = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize("index", [pytest.param(i, id=name) for name, i in INDICES.items()])
def test_picked_elements_are_those_of_numpy(index: Any) -> None:
    plain = index.data if isinstance(index, Tensor) else index
    got, expected = Tensor(A)[index], A[plain]
    assert type(got) is Tensor
    np.testing.assert_array_equal(got.data, expected)


@pytest.mark.parametrize(
    ("index", "shape"), [pytest.param(*case, id=name) for name, case in UPDATES.items()]
)
def test_puts_as_numpy_does(index: Any, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).normal(size=shape)
    updated, added = A.copy(), A.copy()
    index = np.array(index) if isinstance(index, list) else index
    updated[index] = values
    np.add.at(added, index, values.reshape(shape[-A[index].ndim :]) if A[index].ndim else values)
    for node in (Tensor(values), values):
        np.testing.assert_array_equal(ad.index_update(Tensor(A), index, node).data, updated)
        np.testing.assert_allclose(ad.index_add(Tensor(A), index, node).data, added, rtol=1e-15)


# fmt: off
CALLS: list[tuple[str, Function]] = [
    ("take",            lambda x: np.take(x, [[0, 11], [-1, 2]])),
    ("take rows",       lambda x: np.take(x, [2, 2], axis=0)),
    ("take element",    lambda x: np.take(x, 5)),
    ("take wrap",       lambda x: np.take(x, [7, -9], axis=1, mode="wrap")),
    ("take clip",       lambda x: np.take(x, [7, -9], axis=1, mode="clip")),
    ("take booleans",   lambda x: np.take(x, [True, False], axis=0)),
    ("along",           lambda x: np.take_along_axis(x, np.array([[0, 3, 1]]), axis=0)),
    ("along last",      lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=-1)),
    ("along none",      lambda x: np.take_along_axis(x, np.array([0, 11, 11]), axis=None)),
    ("compress",        lambda x: np.compress([0, 1, 1], x, axis=1)),
    ("compress all",    lambda x: np.compress([True, False, True], x)),
    ("extract",         lambda x: np.extract(x > 0, x)),
    ("choose",          lambda x: np.choose(np.array([0, 2, 1]), [x[0], x[1], x])),
    ("choose wrap",     lambda x: np.choose([5, -1, 1], [x[0], 2.0], mode="wrap")),
    ("choose clip",     lambda x: np.choose([5, -1, 1], x, mode="clip")),
    ("select",          lambda x: np.select([x > 1, x > 0], [x * 2, x * 3], 7.0)),
    ("select default",  lambda x: np.select([x > 1], [x])),
    ("piecewise",       lambda x: np.piecewise(x, [x > 0, x > 1], [lambda v: v * v, 3.0])),
    ("piecewise else",
     lambda x: np.piecewise(x, [x > 0], [lambda v, k: k * v, lambda v, k: v / k], 3.0)),
    ("rows of pairs",   lambda x: x[[0, 1]][:, [1, 1]][0, ::-1]),
    ("where",           lambda x: x[np.where(x > 0)]),
    ("nonzero",         lambda x: x[np.nonzero(x > 0)]),
    ("mask",            lambda x: x[x > 0]),
]
# fmt: on


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS])
def test_values_are_those_of_numpy(call: Function) -> None:
    got, expected = call(Tensor(A)), call(A)
    assert type(got) is Tensor
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got.data, expected)
    assert call(Tensor(A.astype(np.float32))).dtype == np.float32


# fmt: off
BARE: list[tuple[str, Function]] = [
    ("where",         np.where),
    ("nonzero",       np.nonzero),
    ("flatnonzero",   np.flatnonzero),
    ("argwhere",      np.argwhere),
    ("count_nonzero", lambda x: np.count_nonzero(x, axis=0)),
    ("argsort",       lambda x: np.argsort(x, axis=0)),
    ("argpartition",  lambda x: np.argpartition(x, 1)),
    ("lexsort",       lambda x: np.lexsort((x[0], x[1]))),
    ("searchsorted",  lambda x: np.searchsorted([0.0, 1.0], x)),
    ("digitize",      lambda x: np.digitize(x, [-1.0, 0.0])),
    ("diagonals",     lambda x: np.tril_indices_from(x)),
    ("methods",       lambda x: (x.argsort(axis=0), *x.nonzero())),
    ("method",        lambda x: x.argsort()),
    ("ix_",           lambda x: np.ix_(x[0] > 0, [0, 1])),
]
# fmt: on


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in BARE])
def test_numbers_of_places_are_bare(call: Function) -> None:
    got, expected = call(Tensor(A)), call(A)
    if not isinstance(expected, tuple):
        got, expected = (got,), (expected,)
    for part, wanted in zip(got, expected, strict=True):
        assert not isinstance(part, ad.Node)
        np.testing.assert_array_equal(part, wanted)


# --- what counts ----------------------------------------------------------------------------------


def test_the_last_value_of_a_place_wins_and_gets_the_adjoint() -> None:
    x, v = Tensor([1.0, 2.0]), Tensor([3.0, 4.0, 5.0])
    y = ad.index_update(x, [0, 1, 0], v)
    assert y.tolist() == [5.0, 4.0]
    y.backward([10.0, 20.0])
    np.testing.assert_array_equal(x.grad, [0.0, 0.0])
    np.testing.assert_array_equal(v.grad, [0.0, 20.0, 10.0])


def test_a_place_that_is_named_repeatedly_gets_all_values_added() -> None:
    x, v = Tensor([1.0, 2.0]), Tensor([3.0, 4.0, 5.0])
    y = ad.index_add(x, [0, 1, 0], v)
    assert y.tolist() == [9.0, 6.0]
    y.backward([10.0, 20.0])
    np.testing.assert_array_equal(x.grad, [10.0, 20.0])
    np.testing.assert_array_equal(v.grad, [10.0, 20.0, 10.0])


def test_what_is_overwritten_has_no_influence() -> None:
    def f(x: Any) -> Any:
        return ad.sum(ad.index_update(ad.log(x), x == 0, 7.0 * x[1]))

    def g(v: Any) -> Any:  # of the values it is the first one that is overwritten
        return ad.sum(ad.index_update(np.ones(2), [0, 0], ad.log(v)))

    x = np.array([0.0, 2.0, 0.0])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(ad.grad(f)(x), [0.0, 14.5, 0.0])
        second = ad.grad(lambda x: ad.grad(f)(x)[1])(x)
        np.testing.assert_array_equal(second, [0.0, -0.25, 0.0])
        np.testing.assert_array_equal(ad.grad(g)(np.array([0.0, 2.0])), [0.0, 0.5])
        _, slope = ad.jvp(f, (x,), (np.ones(3),))
    assert slope == 14.5


@pytest.mark.parametrize("choose", [
    lambda x: ad.choose([0, 1], [x, ad.log(x)]),
    lambda x: ad.select([x > 0], [ad.log(x)], x),
    lambda x: ad.piecewise(x, [x > 0], [ad.log, lambda x: x]),
])  # fmt: skip
def test_what_is_not_chosen_has_no_influence(choose: Function) -> None:
    with np.errstate(all="ignore"):
        gradient = ad.grad(lambda x: ad.sum(choose(x)))(np.array([0.0, 2.0]))
    np.testing.assert_array_equal(gradient, [1.0, 0.5])


def test_the_dtype_of_the_operand_stays() -> None:
    x, v = Tensor(np.ones(3, np.float32)), Tensor([1.0, 2.0])
    for put in (ad.index_update, ad.index_add):
        y = put(x, [0, 2], v)
        assert y.dtype == np.float32
        (y * y).backward(np.ones(3))
        assert v.grad is not None
        assert v.grad.dtype == np.float64


def test_one_by_one_and_many_at_once_are_the_same() -> None:
    """Few values are added one by one, many at once, to contiguous arrays and to others."""
    rng = np.random.default_rng(0)
    for shape, index in (
        ((6,), rng.integers(0, 6, 100)), ((50, 50), ([1, 1], [2, 2])),
        ((4, 5), (slice(None), rng.integers(0, 5, 20))), ((3, 4), np.ix_([0, 0, 2], [1, 1])),
    ):  # fmt: skip
        x = rng.normal(size=shape)
        expected = np.zeros(shape)
        np.add.at(expected, index, 2 * x[index])
        for operand in (x, np.asfortranarray(x)):
            gradient = ad.grad(lambda x, i=index: ad.sum(x[i] ** 2))(operand)
            np.testing.assert_allclose(gradient, expected, rtol=1e-12)
            gradient = ad.grad(lambda x, i=index: ad.sum(x * x) + ad.sum(x[i] ** 2))(operand)
            np.testing.assert_allclose(gradient, expected + 2 * x, rtol=1e-12)


def test_reading_all_elements_makes_no_dense_adjoint_each(monkeypatch: Any) -> None:
    made = []

    def counted(*given: Any, compute: Any = _scatter.compute, **named: Any) -> Any:
        made.append(named["shape"])
        return compute(*given, **named)

    monkeypatch.setattr(_scatter, "compute", counted)
    x = Tensor(np.arange(400.0))
    total = x[0] * x[399]
    for i in range(1, 400):
        total = total + x[i] * x[-i - 1]
    total.backward()
    assert len(made) <= 1
    np.testing.assert_array_equal(x.grad, 2 * x.data[::-1])


# --- errors ---------------------------------------------------------------------------------------

# fmt: off
ERRORS: list[tuple[str, Function, type[Exception], str]] = [
    ("assignment", lambda x: x.__setitem__(0, 1.0), TypeError, "(4, 3).*index_update"),
    ("deletion", lambda x: x.__delitem__(0), TypeError, "(4, 3).*autodiff.delete"),
    ("place", lambda x: np.place(x, A > 0, 1.0), TypeError, "np.place.*index_update"),
    ("put", lambda x: np.put(x, [0], 1.0), TypeError, "np.put .*index_update"),
    ("put a node", lambda x: np.put(A.copy(), [0], x[0]), TypeError, "np.put .*index_update"),
    ("putmask", lambda x: np.putmask(x, A > 0, 1.0), TypeError, "np.putmask.*index_update"),
    ("along", lambda x: np.put_along_axis(x, A, 1.0, 0), TypeError, "put_along_axis.*index_update"),
    ("copyto", lambda x: np.copyto(np.ones((4, 3)), x), TypeError, "np.copyto.*index_update"),
    ("diagonal", lambda x: np.fill_diagonal(x, 1.0), TypeError, "fill_diagonal.*index_update"),
    ("apply", lambda x: np.apply_along_axis(np.sum, 0, x), TypeError, "apply_along_axis.*stack"),
    ("unique",       lambda x: np.unique(x),                      TypeError,  "np.unique.*.data"),
    ("vectorize",    lambda x: np.vectorize(np.sin)(x),           TypeError,  ".data"),
    ("Value index", lambda x: x[Value(1.0)], IndexError, "whole numbers.*Value 1"),
    ("real index",   lambda x: x[1.0],                            IndexError, "getitem.*(4, 3)"),
    ("Value itself", lambda x: Value(1.0)[0],                     TypeError,  "subscriptable"),
    ("len",          lambda x: len(Value(1.0)),                   TypeError,  "len"),
    ("iteration",    lambda x: list(Value(1.0)),                  TypeError,  "iterable"),
    ("take real", lambda x: ad.take(x, [0.5]), TypeError, "take.*whole numbers.*float64"),
    ("take far",     lambda x: ad.take(x, [12]),                  IndexError, "(12,).*12"),
    ("take mode", lambda x: ad.take(x, [1], mode="near"),
     ValueError, "'raise', 'wrap' or 'clip'.*near"),
    ("along axes", lambda x: ad.take_along_axis(x, [0, 1], 0), ValueError, "2 axes.*(4, 3).*(2,)"),
    ("compress",     lambda x: ad.compress(A > 0, x),             ValueError, "vector.*(4, 3)"),
    ("choose",       lambda x: ad.choose([3], [x[0], x[1]]),      ValueError, "2 choices"),
    ("choose none",  lambda x: ad.choose([0], []),                ValueError, "at least one"),
    ("select",       lambda x: ad.select([A > 0], [x, x]),        ValueError, "1 and 2"),
    ("select real",  lambda x: ad.select([A], [x]),               TypeError,  "boolean.*float64"),
    ("piecewise", lambda x: ad.piecewise(x, [A > 0], [1, 2, 3]), ValueError, "1 functions.*got 3"),
    ("update", lambda x: ad.index_update(x, 0, np.ones(2)),
     ValueError, "index_update.*(4, 3).*(2,)"),
    ("update far", lambda x: ad.index_update(x, 4, 1.0), IndexError, "index_update.*(4, 3).*4"),
    ("add", lambda x: ad.index_add(x, 0, np.ones(2)), ValueError, "index_add.*(4, 3).*(2,)"),
    ("integers", lambda x: ad.index_update([1, 2], 0, x[0, 0]), TypeError, "floating-point.*float"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "error", "text"), [pytest.param(*rest, id=name) for name, *rest in ERRORS]
)
def test_errors(call: Function, error: type[Exception], text: str) -> None:
    x = Tensor(A)
    with pytest.raises(error, match=text.replace("(", r"\(").replace(")", r"\)")):
        call(x)
    np.testing.assert_array_equal(x.data, A)
