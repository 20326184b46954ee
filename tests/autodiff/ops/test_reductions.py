"""Reductions: sums, means, largest elements."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad

REDUCTIONS = ("sum", "mean", "max", "logsumexp")
AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((), None), ((3,), None), ((3,), 0), ((3,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), 1),
    ((2, 3), -2), ((2, 3), (0, 1)), ((2, 3), (-1, 0)), ((2, 3), ()), ((2, 1, 3), (0, 2)),
    ((2, 1, 3), 1),
)  # fmt: skip


def reduction_rows() -> Iterator[Row]:
    for name, (shape, axis), keepdims in product(REDUCTIONS, AXES, (False, True)):
        operation = getattr(ad, name)

        def reduced(
            x: Any, f: Function = operation, axis: Any = axis, keepdims: bool = keepdims
        ) -> Any:
            return f(x * x, axis, keepdims)

        kept = " keepdims" if keepdims else ""
        yield name, f"x{list(shape)} axis={axis}{kept}", reduced, (positive(*shape),)
    for name in REDUCTIONS:
        yield name, "0-d", zero_d(getattr(ad, name)), (points(1),)
        yield name, "method", lambda x, f=name: getattr(ad, f)(ad.sin(x), axis=0), (points(3, 2),)
    for name in ("sum", "logsumexp"):
        yield name, "none to none", lambda x, f=name: getattr(ad, f)(x, 1), (points(0, 2),)
    yield "sum", "nothing", lambda x: ad.sum(x), (points(0, 2),)
    yield "logsumexp", "large", lambda x: ad.logsumexp(x + 1000.0, 0), (points(3),)
    yield "logsumexp", "small", lambda x: ad.logsumexp(x - 1000.0, 0), (points(3),)


TABLE: list[Row] = [*reduction_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)
