"""Einstein summation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

Shape = tuple[int, ...]

# fmt: off
SUMS: list[tuple[Any, ...]] = [
    # subscripts, shapes
    ("ij->ij", (2, 3)), ("ij->ji", (2, 3)), ("ba", (2, 3)), ("ij->", (2, 3)), ("ij->j", (2, 3)),
    ("ii", (3, 3)), ("ii->i", (3, 3)), ("iij->j", (2, 2, 3)), ("iij->ji", (2, 2, 3)),
    ("iii->i", (2, 2, 2)), ("ijij->ij", (2, 3, 2, 3)), ("iijj", (2, 2, 3, 3)),
    ("->", ()), (",", (), ()), (",ij", (), (2, 3)), ("i,->i", (2,), ()), ("i->", (0,)),
    ("i,i", (3,), (3,)), ("i,i->i", (3,), (3,)), ("i,j", (2,), (3,)), ("i,j->ji", (2,), (3,)),
    ("i,j->", (2,), (3,)), ("ij,jk", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 2)),
    ("ij,kj->ik", (2, 3), (2, 3)), ("ij,ij->", (2, 3), (2, 3)), ("ij,ji->", (2, 3), (3, 2)),
    ("ij,kl->jl", (2, 3), (2, 2)), ("ij,j->ij", (2, 3), (3,)), ("ij,j->i", (2, 3), (3,)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("bij,bj->bi", (2, 2, 3), (2, 3)),
    ("bij,jkb->ikb", (2, 2, 3), (3, 1, 2)), ("ijk,jil->kl", (2, 3, 2), (3, 2, 1)),
    ("ii,i->i", (3, 3), (3,)), ("ii,ii", (2, 2), (2, 2)), ("iij,jk->ki", (2, 2, 3), (3, 2)),
    ("ij,jk->ik", (0, 3), (3, 2)), ("ij,jk->ik", (2, 0), (0, 2)), ("ij,jk->ik", (2, 3), (3, 0)),
    # axes of length 1 that broadcast
    ("i,i", (1,), (3,)), ("ij,jk", (2, 1), (3, 2)), ("ii,i->i", (1, 1), (3,)),
    ("ij,ij->ij", (2, 1), (1, 3)), ("i,i->i", (1,), (0,)), ("ij,jk->ik", (1, 1), (1, 1)),
    # ellipsis
    ("...", (2, 3)), ("...->...", (2,)), ("...i->i...", (2, 3)), ("i...->...", (2, 3)),
    ("...ii->...i", (2, 3, 3)), ("i...i", (2, 3, 2)), ("...,...", (2, 1), (1, 3)),
    ("...i,...i", (2, 1, 3), (2, 3)), ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    ("...ij,jk", (2, 2, 3), (3, 2)), ("...i,i...->...", (2, 3), (3, 2)),
    ("...,ij->ij...", (), (2, 2)),
    # several operands
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), ("ij,ij,ij->j", (2, 3), (2, 3), (2, 3)),
    ("i,j,k->kji", (2,), (3,), (2,)), ("a,b,ab", (2,), (3,), (2, 3)), ("i,i,i", (1,), (3,), (3,)),
    ("...i,ij,...j->...", (2, 2), (2, 3), (3,)), (",i,", (), (2,), ()),
    ("ij,jk,kl,li->", (2, 2), (2, 3), (3, 2), (2, 2)), ("ii,jj,ij->i", (2, 2), (3, 3), (2, 3)),
]
# fmt: on


def operands_of(shapes: tuple[Shape, ...]) -> tuple[Any, ...]:
    return tuple(points(*shape, seed=seed) for seed, shape in enumerate(shapes))


def rows() -> Iterator[Row]:
    for subscripts, *shapes in SUMS:
        yield "einsum", f"{subscripts} of {shapes}", (
            lambda *x, s=subscripts: ad.einsum(s, *x)
        ), operands_of(tuple(shapes))  # fmt: skip
    yield "einsum", "x x", lambda x: ad.einsum("ij,jk->ik", x, x), (points(2, 2),)
    yield "einsum", "x x x", lambda x: ad.einsum("i,i,ij->j", x[0], x[1], x), (points(2, 2),)
    yield "einsum", "of lists", (
        lambda x, y: ad.einsum(x, [0, 1], y, [1, 2], [0, 2])
    ), (points(2, 3), points(3, 2))  # fmt: skip
    yield "einsum", "of lists, implicit", lambda x: ad.einsum(x, [7, ..., 3]), (points(2, 2, 3),)
    yield "einsum", "constant", lambda x: ad.einsum("ij,j", np.ones((2, 3)), x), (points(3),)
    yield "einsum", "left to right", (
        lambda x, y, z: ad.einsum("ij,jk,k->i", x, y, z, optimize=False)
    ), operands_of(((2, 3), (3, 2), (2,)))  # fmt: skip


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize("optimize", [True, False, "optimal"])
@pytest.mark.parametrize(("subscripts", "shapes"), [(s, tuple(shapes)) for s, *shapes in SUMS])
def test_values_are_those_of_numpy(subscripts: str, shapes: Any, optimize: Any) -> None:
    x = operands_of(shapes)
    expected = np.einsum(subscripts, *x)
    nodes = [Tensor(a) if np.ndim(a) else Value(a) for a in x]
    for result in (
        ad.einsum(subscripts, *x, optimize=optimize),
        ad.einsum(subscripts, *nodes, optimize=optimize).data,
        np.einsum(subscripts, *nodes, optimize=optimize).data,
        np.einsum(subscripts, nodes[0], *x[1:]).data,
    ):
        assert np.shape(result) == np.shape(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "arguments",
    [
        ([0, 1], [1, 2], [0, 2]), ([0, 1], [1, 2]), ([5, 3], [3, 1]),
        ([0, ...], [..., 2], [2, ...]),
        ([0, 1], [1, 2], []), ([40, 7], [7, 30]), ([0, 1], [1, 2], [...]),
    ],
)  # fmt: skip
def test_lists_are_read_as_numpy_reads_them(arguments: Any) -> None:
    x, y = points(2, 3), points(3, 4, seed=1)
    if ... in arguments[0]:
        y = y.T[:3, :2].repeat(2, 1)[:, :3]
    given = [x, arguments[0], y, arguments[1], *arguments[2:]]
    on_nodes = [Tensor(x), arguments[0], Tensor(y), arguments[1], *arguments[2:]]
    np.testing.assert_allclose(ad.einsum(*on_nodes).data, np.einsum(*given), rtol=1e-14)
    np.testing.assert_allclose(np.einsum(*on_nodes).data, np.einsum(*given), rtol=1e-14)


def test_a_path_may_be_given_or_asked_for() -> None:
    x = operands_of(((2, 3), (3, 4), (4, 2)))
    path, _ = np.einsum_path("ij,jk,kl->il", *map(Tensor, x))
    assert path[0] == "einsum_path"
    y = ad.einsum("ij,jk,kl->il", *map(Tensor, x), optimize=path)
    np.testing.assert_allclose(y.data, x[0] @ x[1] @ x[2], rtol=1e-14)


def test_nothing_to_do_records_nothing() -> None:
    x = Tensor(points(2, 3))
    assert ad.einsum("ij", x) is x


def test_single_precision_stays() -> None:
    x = Tensor(np.ones((2, 2), np.float32))
    for subscripts, others in (("ij->j", ()), ("ii", ()), ("ij,jk", (x,)), (",ij", None)):
        y = ad.einsum(subscripts, *((2.0, x) if others is None else (x, *others)))
        assert y.dtype == np.float32


def test_where_hides_what_does_not_matter() -> None:
    def f(x: Any) -> Any:
        y = ad.einsum("ij,j->i", ad.sqrt(x), np.ones(2))
        return ad.sum(ad.where([True, False], y, 0.0))

    gradient = ad.grad(f)(np.array([[1.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(gradient, [[0.5, 0.25], [0.0, 0.0]])


# fmt: off
ERRORS: list[tuple[str, Function, str]] = [
    ("too few letters",   lambda x: ad.einsum("i", x),            r"'i'.*\(2, 3\)"),
    ("too many letters",  lambda x: ad.einsum("ijk", x),          r"'ijk'.*\(2, 3\)"),
    ("ellipsis and more", lambda x: ad.einsum("...ijk", x),       r"'...ijk'.*\(2, 3\)"),
    ("lengths",           lambda x: ad.einsum("ij,ij", x, x.T),   r"'i' has length 2.*\(3, 2\)"),
    ("lengths within",    lambda x: ad.einsum("ii", x),           r"'ii'.*\(2, 3\)"),
    ("1 within",          lambda x: ad.einsum("ii", x[:1]),       r"'ii'.*\(1, 3\)"),
    ("operands",          lambda x: ad.einsum("ij,jk", x),        r"2 operand\(s\), got 1"),
    ("unknown result",    lambda x: ad.einsum("ij->k", x),        "got k"),
    ("result twice",      lambda x: ad.einsum("ij->ii", x),       "got ii"),
    ("missing ellipsis",  lambda x: ad.einsum("i...->i", x),      "missing in the result"),
    ("digits",            lambda x: ad.einsum("i1", x),           "letters.*'i1'"),
    ("dots",              lambda x: ad.einsum("i..", x),          "letters"),
    ("two arrows",        lambda x: ad.einsum("ij->i->j", x),     "letters"),
    ("a large label",     lambda x: ad.einsum(x, [0, 52]),        r"0 to 51.*\[0, 52\]"),
    ("a label in text",   lambda x: ad.einsum(x, "ij"),           "0 to 51.*'ij'"),
    ("nothing",           lambda x: ad.einsum(),                  "got nothing"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "message"), [pytest.param(call, message, id=name) for name, call, message in ERRORS]
)
def test_subscripts_that_do_not_fit_are_named(call: Function, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(Tensor(np.ones((2, 3))))


def test_options_of_the_c_function_are_refused() -> None:
    with pytest.raises(TypeError, match=r"einsum.*dtype"):
        np.einsum("ij", Tensor(np.ones((2, 3))), dtype=np.float32)
