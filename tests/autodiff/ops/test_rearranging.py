"""Elements turned around, shifted, repeated, left out, put in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value


def rows() -> Iterator[Row]:
    cube = points(2, 1, 3)
    for axis in (None, 0, -1, (0, 2), ()):
        yield "flip", f"axis={axis}", lambda x, a=axis: ad.flip(x * x, a), (cube,)
    yield "flip", "scalar", lambda x: ad.flip(x * x), (points(),)
    yield "flip", "empty", lambda x: ad.flip(x * x), (points(0, 2),)
    yield "flipud", "matrix", lambda x: ad.flipud(x * x), (points(2, 3),)
    yield "fliplr", "matrix", lambda x: ad.fliplr(x * x), (points(2, 3),)
    for k, axes in ((1, (0, 1)), (2, (0, 1)), (3, (0, 1)), (-1, (0, 2)), (4, (1, 0)), (1, (-1, 0))):
        yield "rot90", f"{k} of {axes}", lambda x, k=k, a=axes: ad.rot90(x * x, k, a), (cube,)
    for shift, axis in (
        (1, None), (-8, None), (1, 0), (-2, -1), ((1, 2), (0, 2)), ((1, 1), 2), (2, (0, 2)), (0, 1),
        ((1, 3), None),
    ):  # fmt: skip
        yield (
            "roll", f"{shift} along {axis}", lambda x, s=shift, a=axis: ad.roll(x * x, s, a),
            (points(3, 2, 3),),
        )  # fmt: skip
    yield "roll", "empty", lambda x: ad.roll(x * x, 1), (points(0),)
    yield "roll", "scalar", lambda x: ad.roll(x * x, 1), (points(),)
    for shape, reps in (
        ((), 3), ((), (2, 2)), ((2,), 2), ((2,), (2, 1)), ((2, 3), 2), ((2, 1), (1, 2, 3)),
        ((2,), 0), ((2, 3), (1, 1)), ((0, 2), 2), ((2, 2), ()),
    ):  # fmt: skip
        yield (
            "tile", f"{shape} by {reps}", lambda x, r=reps: ad.tile(x * x, r), (points(*shape),)
        )  # fmt: skip
    for repeats, axis in (
        (2, None), (0, None), (2, 0), (3, -1), ([2], 1), ([1, 0, 2], 1), ([0, 3], 0),
        ([1, 2, 0, 1, 1, 0], None),
    ):  # fmt: skip
        yield (
            "repeat", f"{repeats} along {axis}",
            lambda x, r=repeats, a=axis: ad.repeat(x * x, r, a),
            (points(2, 3),),
        )  # fmt: skip
    yield "repeat", "scalar", lambda x: ad.repeat(x * x, 3), (points(),)
    yield "repeat", "method", lambda x: (x * x).repeat(2, axis=1), (points(2, 3),)
    for shape in (4, (2, 2), (7,), (3, 5), (0, 2), ()):
        yield "resize", f"to {shape}", lambda x, s=shape: ad.resize(x * x, s), (points(2, 3),)
    yield "resize", "scalar", lambda x: ad.resize(x * x, 3), (points(),)
    for about, obj, axis in (
        ("row", 0, 0), ("column", -1, 1), ("element", 4, None), ("several", [0, 2, 0], 1),
        ("slice", slice(None, None, 2), 1), ("mask", [True, False, True], -1), ("none", [], 0),
    ):  # fmt: skip
        yield (
            "delete", about, lambda x, o=obj, a=axis: ad.delete(x * x, o, a), (points(2, 3),)
        )  # fmt: skip
    for about, obj, shape, axis in (
        ("element", 1, (), None), ("elements", 2, (2,), None), ("places", [1, 1, 3], (3,), None),
        ("row", 1, (3,), 0), ("rows", 0, (2, 3), 0), ("column", -1, (2,), 1),
        ("columns", [0, 2], (2, 2), 1), ("one place", [1], (2, 1), 1), ("broadcast", [0, 1], (), 0),
        ("slice", slice(0, 2), (3,), 0), ("mask", [True, False, True], (2, 2), -1),
        ("end", 2, (1, 3), 0), ("one place, several", [1], (2, 2), 1),
    ):  # fmt: skip
        yield (
            "insert", about, lambda x, v, o=obj, a=axis: ad.insert(x * x, o, v * v, a),
            (points(2, 3), points(*shape, seed=1)),
        )  # fmt: skip
    yield (
        "insert",
        "constants",
        lambda x: ad.insert(x * x, 1, [[5.0, 7.0]], axis=1),
        (points(2, 2),),
    )


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- against NumPy --------------------------------------------------------------------------------

A = np.random.default_rng(0).normal(size=(2, 3, 4))
V = A[0, 0]

# fmt: off
CALLS: list[tuple[str, Function]] = [
    ("flip",          np.flip),
    ("flip axes",     lambda x: np.flip(x, axis=(0, -1))),
    ("flipud",        np.flipud),
    ("fliplr",        np.fliplr),
    *((f"rot90 {k} {axes}", lambda x, k=k, a=axes: np.rot90(x, k, a))
      for k in range(-2, 5) for axes in ((0, 1), (2, 0), (-2, -1))),
    ("roll",          lambda x: np.roll(x, 5)),
    ("roll axis",     lambda x: np.roll(x, -1, axis=1)),
    ("roll axes",     lambda x: np.roll(x, (1, 2), axis=(0, 2))),
    ("roll twice",    lambda x: np.roll(x, (1, 2), axis=(2, 2))),
    ("roll all axes", lambda x: np.roll(x, 1, axis=(0, 1))),
    ("roll shifts",   lambda x: np.roll(x, (1, 2), axis=2)),
    ("tile",          lambda x: np.tile(x, 2)),
    ("tile axes",     lambda x: np.tile(x, (2, 1, 3))),
    ("tile wider",    lambda x: np.tile(x, (2, 1, 1, 1, 2))),
    ("tile none",     lambda x: np.tile(x, (0, 1))),
    ("repeat",        lambda x: np.repeat(x, 3)),
    ("repeat axis",   lambda x: np.repeat(x, 2, axis=1)),
    ("repeat counts", lambda x: np.repeat(x, [1, 0, 2], axis=1)),
    ("repeat array",  lambda x: np.repeat(x, np.array([2]), axis=-1)),
    ("repeat each",   lambda x: np.repeat(x[0, 0], [0, 1, 2, 0])),
    ("resize",        lambda x: np.resize(x, (5, 7))),
    ("resize less",   lambda x: np.resize(x, (5,))),
    ("resize number", lambda x: np.resize(x, 30)),
    ("delete",        lambda x: np.delete(x, [0, 5])),
    ("delete row",    lambda x: np.delete(x, 1, axis=0)),
    ("delete slice",  lambda x: np.delete(x, slice(1, 3), axis=2)),
    ("delete mask",   lambda x: np.delete(x, [True, False, True], axis=1)),
    ("insert",        lambda x: np.insert(x, 2, 9.0)),
    ("insert many",   lambda x: np.insert(x, [0, 24, 3], [7.0, 8.0, 9.0])),
    ("insert axis",   lambda x: np.insert(x, 1, V, axis=1)),
    ("insert plane",  lambda x: np.insert(x, -1, A[0], axis=0)),
    ("insert along",  lambda x: np.insert(x, 1, [[1.0], [2.0]], axis=2)),
    ("insert places", lambda x: np.insert(x, [1, 1], V, axis=1)),
    ("insert one",    lambda x: np.insert(x, [2], x[:, :2], axis=1)),
    ("insert slice",  lambda x: np.insert(x, slice(0, 4, 2), 0.5, axis=2)),
    ("insert node",   lambda x: np.insert(V, 1, x[0, 0, 1])),
]
# fmt: on


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS])
def test_values_are_those_of_numpy(call: Function) -> None:
    got, expected = call(Tensor(A)), call(A)
    assert type(got) is Tensor
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got.data, expected)


def test_nothing_repeated_is_zeros() -> None:
    np.testing.assert_array_equal(bare(ad.resize(Tensor(np.zeros(0)), (2, 2))), np.zeros((2, 2)))
    assert np.resize(Tensor(np.zeros(0)), 0).shape == (0,)


def bare(x: Any) -> Any:
    return getattr(x, "data", x)


def test_what_is_turned_is_a_view() -> None:
    x = Tensor(A)
    for view in (ad.flip(x), ad.fliplr(x), ad.flipud(x), *(ad.rot90(x, k) for k in range(4))):
        assert np.shares_memory(view.data, x.data)


def test_what_is_inserted_takes_on_the_dtype() -> None:
    x, v = Tensor(np.ones(3, np.float32)), Tensor([1.0, 2.0])
    y = ad.insert(x, 1, v)
    assert y.dtype == np.float32
    (y * y).backward(np.ones(5))
    np.testing.assert_array_equal(v.grad, [2.0, 4.0])


# fmt: off
ERRORS: list[tuple[str, Function, type[Exception], str]] = [
    ("flip",        lambda x: ad.flip(x, 3),                ValueError, "axis 3.*3 dimensions"),
    ("fliplr",      lambda x: ad.fliplr(x[0, 0]),           ValueError, "axis 1.*1 dim"),
    ("rot90", lambda x: ad.rot90(x, 1, (0, 0)), ValueError, "two different axes.*(0, 0)"),
    ("rot90 axes",  lambda x: ad.rot90(x, 1, (0, 1, 2)),    ValueError, "two axes.*(0, 1, 2)"),
    ("roll",        lambda x: ad.roll(x, (1, 2), (0, 1, 2)), ValueError, "2 shifts.*3 axes"),
    ("roll real",   lambda x: ad.roll(x, 0.5),              TypeError,  "whole numbers.*0.5"),
    ("tile",        lambda x: ad.tile(x, -1),               ValueError, "negative.*-1"),
    ("repeat",      lambda x: ad.repeat(x, [1, 2], 1),      ValueError, "each of 3.*[1, 2]"),
    ("repeat less", lambda x: ad.repeat(x, -2),             ValueError, "negative.*-2"),
    ("repeat real", lambda x: ad.repeat(x, 1.5),            TypeError,  "whole numbers.*1.5"),
    ("resize",      lambda x: ad.resize(x, (-1, 2)),        ValueError, "negative.*(-1, 2)"),
    ("delete",      lambda x: ad.delete(x, 2, 0),           IndexError, "2.*out of bounds"),
    ("insert",      lambda x: ad.insert(x, 3, 1.0, 0),      IndexError, "3.*out of bounds"),
    ("values",      lambda x: ad.insert(x, [1, 2], np.ones(3)), ValueError, "broadcast.*(3,)"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "error", "text"), [pytest.param(*rest, id=name) for name, *rest in ERRORS]
)
def test_errors(call: Function, error: type[Exception], text: str) -> None:
    for sign in "()[]":
        text = text.replace(sign, "\\" + sign)
    with pytest.raises(error, match=text):
        call(Tensor(A))


def test_scalars_have_no_axis() -> None:
    for operation in (ad.flipud, lambda x: ad.repeat(x, 2, 0), lambda x: ad.delete(x, 0, 0)):
        with pytest.raises(ValueError, match="axis 0"):
            operation(Value(1.0))
