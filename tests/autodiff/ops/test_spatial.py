"""Sliding windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivatives import Function, Row, cases, check, points

import autodiff as ad


def rows() -> Iterator[Row]:
    for shape, size, parameters in (
        ((4,), 2, {}), ((5,), (2,), {"stride": 2}), ((6,), 3, {"dilation": 2}),
        ((2, 5), 3, {"stride": 2}), ((4, 4), (2, 2), {}), ((5, 4), (2, 3), {"stride": (2, 1)}),
        ((2, 5, 5), (2, 2), {"dilation": (3, 2), "stride": 2}), ((3,), 3, {}), ((3,), 1, {}),
    ):  # fmt: skip
        yield (
            "windows", f"{shape} by {size} {parameters}",
            lambda x, n=size, p=parameters: ad.windows(x * x, n, **p), (points(*shape),),
        )  # fmt: skip


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)
