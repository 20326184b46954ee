"""Values, first and second derivatives by compiled kernels, and by what defines them.

All numbers are whole and small, so there are ties everywhere, and sums have no rounding: both sides
find the same winners, and in float64 agree in every digit but for what is shared out among ties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import config
from autodiff.kernels import images
from autodiff.kernels.pooling import TIES

pytest.importorskip("numba")
Step = Callable[[Any], Any]
same_each_time = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def everything(function: Callable[..., Any], operands: list[Any], along: list[Any]) -> list[Any]:
    """Value, gradients, and second derivatives along a direction by both ways to them."""
    argnums = tuple(range(len(operands)))
    value, slopes = ad.value_and_grad(function, argnums=argnums)(*operands)

    def slope(*operands: Any) -> Any:
        slopes = ad.grad(function, argnums=argnums)(*operands)
        return sum((s * v).sum() for s, v in zip(slopes, along, strict=True))

    back = ad.grad(slope, argnums=argnums)(*operands)
    ahead = ad.hvp(function, argnums=argnums)(*operands, tuple(along))
    return [value, *slopes, *back, *ahead]


def agree(got: list[Any], expected: list[Any], dtype: Any) -> None:
    """The same shapes, dtypes and numbers; and both second derivatives are one."""
    rounding = 2e-5 if dtype == np.float32 else 1e-13
    count = (len(got) - 1) // 3
    halves = (got[1 + count : 1 + 2 * count], got[1 + 2 * count :])
    for one, other in [*zip(got, expected, strict=True), *zip(*halves, strict=True)]:
        assert (np.shape(one), np.asarray(one).dtype) == (np.shape(other), np.asarray(other).dtype)
        scale = np.abs(other).max(initial=0)
        np.testing.assert_allclose(one, other, rtol=0, atol=rounding * scale)


def on_both_backends(
    function: Callable[..., Any], operands: list[Any], along: list[Any], dtype: Any
) -> None:
    results = []
    for backend in ("native", "numpy"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(config, "backend", backend)
            patch.setattr(config, "threads", 2)
            patch.setattr(images, "_FEWEST_OUTPUTS", 1)  # however little they would gain
            results.append(everything(function, operands, along))
    agree(*results, dtype)


# --- convolution and pooling ----------------------------------------------------------------------


@st.composite
def networks(draw: st.DrawFn) -> tuple[Callable[..., Any], list[Any], list[Any], Any]:
    """A few layers of any kind, one behind the other: images and weights go in, a number comes."""
    rank = draw(st.sampled_from([1, 2, 2]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))

    def numbers(*shape: int, most: int = 1) -> Any:
        return generator.integers(-most, most + 1, shape).astype(dtype)

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    def border(most: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        return tuple((draw(st.integers(0, n)), draw(st.integers(0, n))) for n in most)

    batch, channels = draw(st.integers(0, 3)), draw(st.sampled_from([1, 2, 7, 16, 33]))
    x = numbers(batch, channels, *sizes(3, 9), most=2)
    operands, layers = [x], []
    y: Any = x

    def convolution(transposed: bool = False) -> Callable[..., Any]:
        channels = y.shape[1]
        plain = draw(st.booleans())
        several = [channels, *(n for n in (2, 3) if not channels % n)]
        groups = 1 if plain else draw(st.sampled_from([1, *several]))
        outputs = groups * draw(st.sampled_from([1, 2, 5, 8] if groups < 7 else [1, 2]))
        shape = (channels, outputs // groups) if transposed else (outputs, channels // groups)
        w = numbers(*shape, *sizes(1, 3))
        options = {"stride": sizes(1, 3), "dilation": sizes(1, 2), "groups": groups}
        if plain:  # what comes back from max-pooling stays scattered then
            options = {"stride": 1, "dilation": 1, "groups": groups}
        if transposed:
            operands.append(w)
            return lambda x, w: ad.conv_transpose(x, w, **options)
        options["padding"] = border((2,) * rank)
        operands.extend([w, numbers(outputs)])
        return lambda x, w, b: ad.conv(x, w, b, **options)

    def pooling(kind: str) -> Callable[..., Any]:
        exact = (1, 2, 2, 4) if kind == "average" else (1, 2, 2, 3)  # a mean of 3 is rounded
        size = tuple(draw(st.sampled_from(exact)) for _ in range(rank))
        options: dict[str, Any] = {"stride": sizes(1, 3), "padding": border([n // 2 for n in size])}
        if kind == "max":
            options["ties"] = draw(st.sampled_from(["first", "last", *TIES]))
            assume(all(max(p) < n for p, n in zip(options["padding"], size, strict=True)))
        pool = getattr(ad, f"{kind}_pool")
        return lambda x: pool(x, size, **options)

    makers: dict[str, Callable[[], Callable[..., Any]]] = {
        "conv": convolution,
        "conv_transpose": lambda: convolution(transposed=True),
        "max": lambda: pooling("max"),
        "sum": lambda: pooling("sum"),
        "average": lambda: pooling("average"),
        "relu": lambda: ad.relu,
        "twice": lambda: lambda x: x + ad.max_pool(x, 3, stride=1, padding=1),
    }
    for kind in draw(
        st.sampled_from(
            [
                ["conv"], ["max"], ["sum"], ["average"], ["conv_transpose"], ["conv", "max"],
                ["max", "conv"], ["conv", "max", "conv"], ["conv", "max", "conv", "max"],
                ["conv", "relu", "max", "conv"], ["conv", "max", "relu", "conv"],
                ["conv", "average", "conv"], ["conv", "twice", "conv"], ["conv", "max", "max"],
                ["sum", "conv", "max"], ["conv", "max", "conv_transpose"],
            ]
        )
    ):  # fmt: skip
        known = len(operands)
        layer = makers[kind]()
        try:
            y = layer(y, *operands[known:])
        except ValueError as fault:
            assume("larger than" not in str(fault))  # the window than what is left of the images
            raise
        layers.append((layer, known, len(operands)))

    def cost(*operands: Any) -> Any:
        y = operands[0]
        for layer, first, end in layers:
            y = layer(y, *operands[first:end])
        return (y * y).sum()

    layout = draw(st.sampled_from(["first", "last", "gaps"]))
    if layout == "last":
        operands[0] = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    elif layout == "gaps":
        operands[0] = np.repeat(x, 2, axis=-1)[..., ::2]
    return cost, operands, [numbers(*operand.shape) for operand in operands], dtype


@settings(same_each_time, max_examples=250)
@given(case=networks())
def test_networks_of_images(case: tuple[Callable[..., Any], list[Any], list[Any], Any]) -> None:
    on_both_backends(*case)


# --- indexing -------------------------------------------------------------------------------------


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Any], Any, Any, list[float]]:
    """An array, a direction, what is read from it, and how often each reading counts."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))

    def index() -> Any:
        kind = draw(st.sampled_from(["rows", "points", "slice", "mask", "one", "matrix"]))
        n, many = shape[0], draw(st.sampled_from([0, 1, 7, 40]))
        if kind == "points":
            return tuple(generator.integers(-k, k, many) for k in shape)
        return {
            "rows": generator.integers(-n, n, many),
            "matrix": generator.integers(0, n, (3, many)),
            "slice": (slice(None, None, -1), *(slice(0, k, 2) for k in shape[1:])),
            "mask": generator.random(shape) < 0.5,
            "one": int(generator.integers(n)),
        }[kind]

    indices = [index() for _ in range(draw(st.integers(1, 4)))]
    x, v = (generator.integers(-2, 3, shape).astype(dtype) for _ in range(2))
    return indices, x, v, [float(generator.integers(-2, 3)) for _ in indices]


@settings(same_each_time, max_examples=150)
@given(case=readings(), also_dense=st.booleans())
def test_reading_places_is_a_product_with_a_matrix(case: Any, also_dense: bool) -> None:
    """What is read repeatedly, and by several indices, collects what all of them send back."""
    indices, x, v, factors = case

    def cost(read: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        def total(x: Any) -> Any:
            terms = [
                factor * (read(x, index) ** 3).sum()
                for index, factor in zip(indices, factors, strict=True)
            ]
            return sum(terms) + ((x**2).sum() if also_dense else 0.0)

        return total

    def by_matrix(x: Any, index: Any) -> Any:
        places = np.arange(x.size).reshape(x.shape)[index]
        chosen = (np.reshape(places, (-1, 1)) == np.arange(x.size)).astype(x.dtype)
        return ad.matmul(chosen, ad.reshape(x, (-1,)))

    got = everything(cost(lambda x, index: x[index]), [x], [v])
    agree(got, everything(cost(by_matrix), [x], [v]), x.dtype)


@settings(same_each_time, max_examples=50)
@given(
    seed=st.integers(0, 10_000),
    words=st.integers(1, 300),
    size=st.sampled_from([1, 3, 16, 40]),
    shape=st.lists(st.integers(0, 20), min_size=1, max_size=2),
)
def test_rows_of_a_table_are_a_product_with_a_matrix(
    seed: int, words: int, size: int, shape: list[int]
) -> None:
    """As an embedding looks them up: few of many, or each many times."""
    generator = np.random.default_rng(seed)
    table, v = (generator.integers(-2, 3, (words, size)).astype(float) for _ in range(2))
    chosen = generator.integers(0, words, shape)
    matrix = (chosen[..., np.newaxis] == np.arange(words)).astype(float)
    got = everything(lambda w: (ad.take(w, chosen, axis=0) ** 3).sum(), [table], [v])
    agree(got, everything(lambda w: (ad.matmul(matrix, w) ** 3).sum(), [table], [v]), float)
