"""Convolution of images and of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import Tensor, Value

Sizes = tuple[int, ...]

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
    ((1, 1, 5), (1, 1, 2), {"padding": ((0, 2),)}),
    ((1, 1, 3, 4), (1, 1, 2, 2), {"padding": ((1, 0), 1), "stride": 2}),
    ((1, 3, 4), (3, 1, 2), {"groups": 3}),
)

TRANSPOSES: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 2, 3), (2, 3, 2), {}),
    ((1, 1, 3), (1, 1, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((1, 2, 2), (2, 1, 2), {"groups": 2, "dilation": 3, "output_padding": 2}),
    ((1, 1, 3), (1, 2, 3), {"padding": "same", "stride": 2, "flip": True}),
    ((1, 1, 3), (1, 1, 2), {"padding": "same", "stride": 3}),
    ((2, 1, 2, 3), (1, 2, 2, 3), {"padding": (0, 1)}),
    ((1, 4, 2, 2), (4, 2, 2, 2), {"groups": 2, "stride": (2, 1)}),
    ((1, 1, 2, 3), (1, 1, 3, 2), {"padding": ((1, 0), (0, 2)), "stride": 2, "flip": True}),
    ((0, 1, 2, 2), (1, 1, 2, 2), {}),
)


def told(parameters: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def rows() -> Iterator[Row]:
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
    for x, w, parameters in TRANSPOSES:
        yield (
            "conv_transpose", f"{x} {w} {told(parameters)}",
            lambda x, w, p=parameters: ad.conv_transpose(x, w, **p),
            (points(*x), points(*w, seed=1)),
        )  # fmt: skip
    yield (
        "conv_transpose", "bias", lambda x, w, b: ad.conv_transpose(x, w, b, stride=2),
        (image, kernel, bias),
    )  # fmt: skip
    for m, n, mode in product((1, 4), (1, 3), ("full", "same", "valid")):
        for name in ("convolve", "correlate"):
            yield (
                name, f"{m} {n} {mode}", lambda a, v, f=name, o=mode: getattr(np, f)(a, v, o),
                (points(m), points(n, seed=1)),
            )  # fmt: skip
            yield (
                name, f"{n} {m} {mode}, exchanged",
                lambda a, v, f=name, o=mode: getattr(ad, f)(v, a, o),
                (points(m, seed=2), points(n, seed=1)),
            )  # fmt: skip
    row = points(4)
    for name in ("convolve", "correlate"):
        yield name, "with itself", lambda a, f=name: getattr(ad, f)(a, a, "full"), (row,)
        yield name, "constant", lambda a, f=name: getattr(ad, f)(row, a * a), (points(3),)
        yield name, "scalar", lambda a, f=name: getattr(ad, f)(row, a * a), (0.7,)


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- against the sums that define them ------------------------------------------------------------


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Images, kernels, a bias, and how to convolve."""
    rank = draw(st.sampled_from([1, 2, 2]))

    def sizes(low: int, high: int) -> Sizes:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    groups, per_group, outputs = (draw(st.integers(1, 2)) for _ in range(3))
    numbers = np.random.default_rng(draw(st.integers(0, 1000)))
    spatial, size = sizes(1, 5), sizes(1, 3)
    x = numbers.normal(size=(draw(st.integers(1, 2)), groups * per_group, *spatial))
    w = numbers.normal(size=(groups * outputs, per_group, *size))
    options = {
        "stride": sizes(1, 3),
        "dilation": sizes(1, 2),
        "padding": tuple(zip(sizes(0, 2), sizes(0, 2), strict=True)),
        "groups": groups,
        "flip": draw(st.booleans()),
    }
    return x, w, numbers.normal(size=groups * outputs), options


def terms(
    length: int, size: int, stride: int, dilation: int, padding: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """For one axis: (output, input, place in the kernel) of every product that is no border's."""
    extent = (size - 1) * dilation + 1
    outputs = (length + sum(padding) - extent) // stride + 1
    every = ((o, o * stride + k * dilation - padding[0], k)
             for o in range(outputs) for k in range(size))  # fmt: skip
    return [(o, i, k) for o, i, k in every if 0 <= i < length]


def axes_of(x: Any, w: Any, options: dict[str, Any]) -> list[list[tuple[int, int, int]]]:
    return [
        terms(*steps)
        for steps in zip(
            x.shape[2:], w.shape[2:], options["stride"], options["dilation"], options["padding"],
            strict=True,
        )
    ]  # fmt: skip


def positions(x: Any, w: Any, options: dict[str, Any]) -> Sizes:
    return tuple(
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, k, s, d, p in zip(
            x.shape[2:], w.shape[2:], options["stride"], options["dilation"], options["padding"],
            strict=True,
        )
    )  # fmt: skip


def fits(x: Any, w: Any, options: dict[str, Any]) -> bool:
    return all(
        n + sum(p) >= (k - 1) * d + 1
        for n, k, d, p in zip(
            x.shape[2:], w.shape[2:], options["dilation"], options["padding"], strict=True
        )
    )


@settings(max_examples=100, deadline=None)
@given(case=convolutions())
@example(
    case=(
        np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), np.ones(1),
        {"stride": (1, 3), "dilation": (1, 1), "padding": ((0, 0), (2, 0)), "groups": 1,
         "flip": False},
    )
)  # fmt: skip
def test_conv_and_its_transpose_are_the_sums_that_define_them(case: Any) -> None:
    x, w, b, options = case
    if not fits(x, w, options):
        with pytest.raises(ValueError, match="larger"):
            ad.conv(x, w, **options)
        return
    kernels = w[(..., *(slice(None, None, -1),) * (w.ndim - 2))] if options["flip"] else w
    y = np.zeros((len(x), len(w), *positions(x, w, options)))
    t = np.cos(np.arange(y.size)).reshape(y.shape)
    back = np.zeros(x.shape)
    per_group, outputs = w.shape[1], len(w) // options["groups"]
    for o, c in product(range(len(w)), range(per_group)):
        channel = o // outputs * per_group + c
        for steps in product(*axes_of(x, w, options)):
            of_y, of_x, of_w = zip(*steps, strict=True)
            factor = kernels[(o, c, *of_w)]
            y[(slice(None), o, *of_y)] += x[(slice(None), channel, *of_x)] * factor
            back[(slice(None), channel, *of_x)] += t[(slice(None), o, *of_y)] * factor
    np.testing.assert_allclose(ad.conv(x, w, **options), y, atol=1e-12)
    with_bias = y + b.reshape(-1, *(1,) * (x.ndim - 2))
    np.testing.assert_allclose(ad.conv(x, w, b, **options), with_bias, atol=1e-12)
    spare = tuple(
        (n + sum(p) - (k - 1) * d - 1) % s
        for n, k, s, d, p in zip(
            x.shape[2:], w.shape[2:], options["stride"], options["dilation"], options["padding"],
            strict=True,
        )
    )  # fmt: skip
    transposed = ad.conv_transpose(t, w, output_padding=spare, **options)
    np.testing.assert_allclose(transposed, back, atol=1e-12)
    shift = np.arange(x.shape[1], dtype=float)
    shifted = ad.conv_transpose(t, w, shift, output_padding=spare, **options)
    np.testing.assert_allclose(
        shifted, back + shift.reshape(-1, *(1,) * (x.ndim - 2)), atol=1e-12
    )  # fmt: skip


@pytest.mark.parametrize(("length", "size", "stride"), [*product((1, 4, 5), (1, 2, 3), (1, 2, 3))])
def test_same_padding_keeps_lengths(length: int, size: int, stride: int) -> None:
    x, w = points(1, 1, length), points(1, 1, size)
    y = ad.conv_transpose(x, w, stride=stride, padding="same")
    assert y.shape == (1, 1, length * stride)
    assert ad.conv(y, w, stride=stride, padding="same").shape == x.shape
    t = points(*y.shape, seed=1)
    inner = np.sum(x * ad.conv(t, w, stride=stride, padding="same"))
    assert inner == pytest.approx(float(np.sum(y * t)))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize(("m", "n"), [*product(range(1, 7), repeat=2)])
def test_sequences_are_numpys(name: str, mode: str, m: int, n: int) -> None:
    a, v = points(m), points(n, seed=1)
    function = getattr(np, name)
    expected = function(a, v, mode)
    for result in (function(Tensor(a), v, mode), function(a, Tensor(v), mode=mode)):
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result.data, expected, rtol=1e-13)
    single = function(Tensor(a, dtype=np.float32), v.astype(np.float32), mode)
    assert single.dtype == np.float32


def test_sequences_of_scalars() -> None:
    result = np.convolve(Value(2.0), [1.0, 3.0])
    np.testing.assert_array_equal(result.data, [2.0, 6.0])
    np.testing.assert_array_equal(np.correlate(Value(2.0), Value(3.0)).data, [6.0])


def test_default_modes_are_numpys() -> None:
    a, v = points(4), points(2, seed=1)
    np.testing.assert_array_equal(np.convolve(Tensor(a), v).data, np.convolve(a, v))
    np.testing.assert_array_equal(np.correlate(Tensor(a), v).data, np.correlate(a, v))


@pytest.mark.parametrize("function", [np.convolve, np.correlate])
def test_errors_of_sequences(function: Any) -> None:
    with pytest.raises(TypeError, match=r"full, same, valid.*'wide'"):
        function(Tensor([1.0]), [1.0], "wide")
    with pytest.raises(ValueError, match=r"not empty.*\(0,\)"):
        function(Tensor([1.0]), np.ones(0))
    with pytest.raises(ValueError, match=r"vectors.*\(2, 2\)"):
        function(Tensor(np.eye(2)), [1.0])


@pytest.mark.parametrize(
    ("x", "w", "options", "message"),
    [
        ((1, 1, 3), (1, 1, 2, 2), {}, "dimensions"),
        ((1, 1, 3), (2, 1, 2), {}, "images of 2 channels, got 1"),
        ((1, 3, 3), (3, 1, 2), {"groups": 2}, "groups that divide them, got 2"),
        ((1, 1, 3), (1, 1, 2), {"output_padding": 1}, "output_padding.*got 1"),
        ((1, 1, 3), (1, 1, 2), {"output_padding": (0, 0)}, "output_padding"),
        ((1, 1, 1), (1, 1, 2), {"padding": 1}, "leaves nothing of 2"),
        ((1, 1, 0), (1, 1, 2), {}, "at least one element"),
        ((1, 1, 3), (1, 1, 2), {"padding": ((1, 2, 3),)}, "pair"),
        ((1, 1, 3), (1, 1, 2), {"padding": ((-1, 2),)}, "pair"),
    ],
)
def test_errors_of_transposes(x: Any, w: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ad.conv_transpose(np.ones(x), np.ones(w), **options)


def test_error_of_a_bias() -> None:
    with pytest.raises(ValueError, match=r"bias of shape \(3,\)"):
        ad.conv_transpose(np.ones((1, 1, 2)), np.ones((1, 3, 2)), np.ones(1))
