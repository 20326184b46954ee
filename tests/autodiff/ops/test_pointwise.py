"""The pointwise primitives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad
from autodiff import Tensor

UNARY: dict[str, Function] = {
    "neg": points, "abs": points, "exp": points, "log": positive, "sqrt": positive, "sin": points,
    "cos": points, "tan": points, "tanh": points, "sigmoid": points, "relu": points, "sign": points,
}  # fmt: skip
BINARY: dict[str, tuple[Function, Function]] = {
    "add": (points, points), "sub": (points, points), "mul": (points, points),
    "div": (points, points), "pow": (positive, points),
    "maximum": (points, points), "minimum": (points, points),
}  # fmt: skip
SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (2, 3), (2, 1, 2), (0, 3))
PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()), ((), (3,)), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)),
    ((2, 1), (1, 3)), ((2, 1), (3,)), ((1,), (2, 2)), ((2, 1, 2), (3, 1)), ((0, 3), (1, 3)),
)  # fmt: skip


def unary_rows() -> Iterator[Row]:
    for name, where in UNARY.items():
        operation = getattr(ad, name)
        for shape in SHAPES:
            yield name, f"x{list(shape)}", operation, (where(*shape),)
        yield name, "0-d", zero_d(operation), (where(1),)
        yield name, "of itself", lambda x, f=operation: f(f(x) * f(x) + 1.7), (where(2),)
    for name in ("log", "sqrt"):
        yield name, "far from one", getattr(ad, name), (np.array([0.05, 30.0]),)
    for name in ("sigmoid", "tanh", "exp"):
        yield name, "far from zero", getattr(ad, name), (np.array([-30.0, -5.0, 5.0]),)
    for name in ("relu", "abs"):
        yield name, "both sides", getattr(ad, name), (np.array([-2.0, -0.5, 0.5, 2.0]),)


def binary_rows() -> Iterator[Row]:
    for name, (left, right) in BINARY.items():
        operation = getattr(ad, name)
        for x, y in PAIRS:
            yield name, f"x{list(x)} y{list(y)}", operation, (left(*x), right(*y, seed=1))
        yield name, "0-d", zero_d(operation), (left(1), right(1, seed=1))
        for shape in ((), (3,)):
            x = left(*shape)
            both = positive(*shape)
            yield name, f"x x{list(shape)}", lambda x, f=operation: f(x, x), (both,)
            for kind, c in (("int", 2), ("float", 1.5), ("array", np.array([[0.5], [2.5]]))):
                yield name, f"x{list(shape)} {kind}", lambda x, f=operation, c=c: f(x, c), (x,)
                yield (
                    name, f"{kind} x{list(shape)}", lambda x, f=operation, c=c: f(c, x),
                    (right(*shape, seed=1),),
                )  # fmt: skip
    for exponent in (-2, -0.5, 0, 1, 2, 3):
        yield "pow", f"x**{exponent}", lambda x, n=exponent: x**n, (positive(3),)
    for exponent in (-1, 0, 1, 2, 3):
        yield "pow", f"(-x)**{exponent}", lambda x, n=exponent: x**n, (-positive(3),)
        yield "pow", f"float (-x)**{exponent}", lambda x, n=exponent: x**n, (-0.7,)


HOLDS = np.array([[True], [False]])


def where_rows() -> Iterator[Row]:
    for condition in (True, False):
        for x, y in (((), ()), ((2,), (2,)), ((2, 1), (3,))):
            yield (
                "where", f"{condition} x{list(x)} y{list(y)}",
                lambda x, y, c=condition: ad.where(c, x * y, ad.sin(y)),
                (points(*x), points(*y, seed=1)),
            )  # fmt: skip
    for x, y in (((2, 3), (2, 3)), ((3,), ()), ((), (3,)), ((), ()), ((1, 3), (2, 1))):
        yield (
            "where", f"array x{list(x)} y{list(y)}",
            lambda x, y: ad.where(HOLDS, x * y, ad.exp(x) * y),
            (points(*x), points(*y, seed=1)),
        )  # fmt: skip
    yield "where", "of a node", lambda x: ad.where(x > 0, x**2, -(x**3)), (points(4),)
    yield "where", "condition a tensor", lambda x: ad.where(Tensor([1, 0]), x**2, x), (points(2),)
    yield "where", "of a constant", lambda x: ad.where(HOLDS, x**2, 3.0), (points(3),)
    yield "where", "constant first", lambda x: ad.where(HOLDS, np.ones(3), x**2), (points(3),)
    yield "where", "x x", lambda x: ad.where(HOLDS, x, x) ** 2, (points(3),)
    yield (
        "where", "nested",
        lambda x: ad.where(x > 0.4, ad.where(x > 0.48, x**2, ad.sin(x)), ad.exp(x)),
        (points(6),),
    )  # fmt: skip


TABLE: list[Row] = [*unary_rows(), *binary_rows(), *where_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)
