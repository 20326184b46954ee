"""Pooling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive

import autodiff as ad


def told(parameters: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def rows() -> Iterator[Row]:
    variants: tuple[tuple[tuple[int, ...], Any, dict[str, Any]], ...] = (
        ((1, 2, 6), 2, {}),
        ((2, 1, 7), 3, {"stride": 1}),
        ((1, 1, 5), (2,), {"stride": 3, "padding": 1}),
        ((1, 2, 4, 4), 2, {}),
        ((1, 1, 5, 5), 3, {"stride": 2}),
        ((1, 1, 5, 4), (2, 3), {"stride": (2, 1)}),
        ((1, 1, 4, 5), 2, {"padding": 1}),
        ((1, 1, 3, 4), (3, 2), {"stride": 1, "padding": (1, 0)}),
        ((1, 1, 3, 5), 3, {"stride": 2, "padding": "same"}),
        ((1, 1, 5, 5), 2, {"stride": 3, "padding": "valid"}),
        ((1, 1, 4, 4, 4), 2, {}),
        ((0, 1, 4, 4), 2, {}),
        ((1, 1, 4, 5), 3, {"stride": 2, "padding": ((0, 1), (1, 2))}),
    )
    for shape, size, parameters in variants:
        for name in ("sum_pool", "average_pool"):
            yield (
                name, f"{shape} by {size} {told(parameters)}",
                lambda x, f=name, n=size, p=parameters: getattr(ad, f)(x * x, n, **p),
                (points(*shape),),
            )  # fmt: skip
        for ties in ("first", "last", "all", "split"):
            yield (
                "max_pool", f"{shape} by {size} {told(parameters)} ties={ties}",
                lambda x, n=size, p=parameters, t=ties: ad.max_pool(x * x, n, ties=t, **p),
                (positive(*shape),),
            )  # fmt: skip
        yield (
            "average_pool", f"{shape} by {size} {told(parameters)} without padding",
            lambda x, n=size, p=parameters: ad.average_pool(x * x, n, count_padding=False, **p),
            (points(*shape),),
        )  # fmt: skip
    yield (
        "max_pool", "its gradient",
        lambda x: ad.grad(lambda y: (ad.max_pool(y, 2) ** 3).sum())(x), (positive(1, 1, 4, 5),),
    )  # fmt: skip


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize("count_padding", [True, False])
@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [*product((2, 3), (1, 2, 3), (0, 1, ((0, 1), (1, 0)), "same"))],
)
def test_means_are_of_what_lies_in_each_window(
    size: int, stride: int, padding: Any, count_padding: bool
) -> None:
    x = points(1, 1, 4, 5)
    y = ad.average_pool(x, size, stride=stride, padding=padding, count_padding=count_padding)
    pairs = [(padding, padding)] * 2 if isinstance(padding, int) else padding
    if padding == "same":
        lacking = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[2:]]
        pairs = [(n // 2, n - n // 2) for n in lacking]
    wide = np.pad(x[0, 0], pairs, constant_values=np.nan)
    for i, j in np.ndindex(*y.shape[2:]):
        part = wide[i * stride :, j * stride :][:size, :size]
        mean = np.nansum(part) / (part.size if count_padding else np.isfinite(part).sum())
        assert y[0, 0, i, j] == pytest.approx(mean)
    assert y.shape[2:] == tuple((n - size) // stride + 1 for n in wide.shape)


def test_a_window_of_padding_alone_has_no_mean() -> None:
    with pytest.raises(ValueError, match="nothing of the input"):
        ad.average_pool(np.ones((1, 1, 3)), 2, padding=2, count_padding=False)
