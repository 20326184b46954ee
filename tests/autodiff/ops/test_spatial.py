"""Windows, convolution and pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivatives import Function, Row, cases, check, points, positive

import autodiff as ad

CONVOLUTIONS: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    # images, kernels, parameters
    ((1, 1, 3), (1, 1, 1), {}),
    ((2, 2, 5), (3, 2, 2), {}),
    ((1, 2, 7), (2, 2, 3), {"stride": 2, "padding": 1}),
    ((1, 2, 7), (2, 1, 2), {"groups": 2, "dilation": 3}),
    ((1, 1, 6), (2, 1, 3), {"padding": "same", "stride": (2,)}),
    ((1, 1, 5), (1, 1, 2), {"padding": "same", "flip": True}),
    ((2, 1, 3, 4), (2, 1, 2, 3), {}),
    ((1, 2, 4, 3), (2, 2, 2, 2), {"padding": 1}),
    ((1, 2, 4, 3), (2, 2, 2, 2), {"padding": (0, 2), "flip": True}),
    ((1, 1, 5, 4), (2, 1, 2, 2), {"stride": 2}),
    ((1, 1, 5, 6), (1, 1, 2, 3), {"stride": (3, 2), "padding": "valid"}),
    ((1, 1, 5, 5), (1, 1, 2, 2), {"dilation": 2}),
    ((1, 1, 5, 4), (1, 1, 3, 2), {"dilation": (2, 3), "padding": "same"}),
    ((1, 4, 3, 3), (4, 2, 2, 2), {"groups": 2}),
    ((1, 2, 3, 3), (4, 1, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "flip": True}),
    ((1, 1, 4, 4), (1, 1, 3, 3), {"padding": "same", "stride": 2}),
    ((2, 3, 2, 2), (2, 3, 1, 1), {}),
    ((2, 3, 2, 2), (2, 3, 2, 2), {}),
    ((1, 1, 2, 2), (1, 1, 3, 3), {"padding": 2, "stride": 3}),
    ((0, 1, 3, 3), (2, 1, 2, 2), {}),
)


def told(parameters: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def convolution_rows() -> Iterator[Row]:
    for x, w, parameters in CONVOLUTIONS:
        yield (
            "conv", f"{x} {w} {told(parameters)}",
            lambda x, w, p=parameters: ad.conv(x, w, **p), (points(*x), points(*w, seed=1)),
        )  # fmt: skip
    yield (
        "conv", "of the same node", lambda x: ad.conv(x, x[:, :, 1:, 1:], padding=1),
        (points(1, 1, 3, 3),),
    )  # fmt: skip
    image, kernel = points(1, 2, 4, 3, seed=2), points(2, 2, 2, 2, seed=3)
    bias = points(2, seed=4)
    yield "conv", "bias", lambda x, w, b: ad.conv(x, w, b), (image, kernel, bias)
    yield "conv", "bias alone", lambda b: ad.conv(image, kernel, b * b), (bias,)
    yield "conv", "constant bias", lambda w: ad.conv(image, w * w, bias), (kernel,)
    yield "conv", "constant image", lambda w: ad.conv(image, w * w), (kernel,)
    yield "conv", "constant kernel", lambda x: ad.conv(x * x, kernel), (image,)


def pooling_rows() -> Iterator[Row]:
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


def window_rows() -> Iterator[Row]:
    for shape, size, parameters in (
        ((4,), 2, {}), ((5,), (2,), {"stride": 2}), ((6,), 3, {"dilation": 2}),
        ((2, 5), 3, {"stride": 2}), ((4, 4), (2, 2), {}), ((5, 4), (2, 3), {"stride": (2, 1)}),
        ((2, 5, 5), (2, 2), {"dilation": (3, 2), "stride": 2}), ((3,), 3, {}), ((3,), 1, {}),
    ):  # fmt: skip
        yield (
            "windows", f"{shape} by {size} {told(parameters)}",
            lambda x, n=size, p=parameters: ad.windows(x * x, n, **p), (points(*shape),),
        )  # fmt: skip


TABLE: list[Row] = [*convolution_rows(), *pooling_rows(), *window_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)
