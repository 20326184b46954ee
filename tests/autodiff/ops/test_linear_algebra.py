"""Products of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from derivatives import Function, Row, cases, check, points

import autodiff as ad


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


TABLE: list[Row] = [*matmul_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)
