"""Borders in all modes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value

WIDTHS: list[tuple[tuple[int, ...], Any]] = [
    ((3,), 1), ((3,), (0, 2)), ((3,), (2, 0)), ((3,), (8, 7)), ((2, 3), 1), ((2, 3), (3, 1)),
    ((2, 3), ((1, 0), (0, 2))), ((1, 2), ((2, 1), (1, 3))), ((1,), (2, 3)), ((2, 3), 0),
    ((2, 1, 3), ((0, 0), (1, 2), (2, 0))),
]  # fmt: skip
MODES: list[tuple[str, dict[str, Any]]] = [
    ("constant", {}), ("constant", {"constant_values": 5.0}),
    ("constant", {"constant_values": (1.0, 2.0)}), ("edge", {}), ("wrap", {}),
    ("reflect", {}), ("reflect", {"reflect_type": "odd"}), ("symmetric", {}),
    ("symmetric", {"reflect_type": "odd"}), ("linear_ramp", {}),
    ("linear_ramp", {"end_values": (-1.0, 2.0)}), ("maximum", {}), ("maximum", {"stat_length": 2}),
    ("minimum", {}), ("minimum", {"stat_length": (1, 2)}), ("mean", {}),
    ("mean", {"stat_length": (2, 9)}), ("median", {}), ("median", {"stat_length": (2, 1)}),
]  # fmt: skip
EACH = [
    pytest.param(shape, widths, mode, options, id=f"{mode} {options} {shape} by {widths}")
    for shape, widths in WIDTHS
    for mode, options in MODES
]


def rows() -> Iterator[Row]:
    few = (((3,), (2, 1)), ((2, 3), ((1, 0), (0, 5))))
    for shape, widths in few:
        for mode, options in MODES:
            yield (
                "pad", f"{mode} {options} {shape} by {widths}",
                lambda x, w=widths, m=mode, o=options: ad.pad(x * x, w, m, **o), (points(*shape),),
            )  # fmt: skip
    for shape, widths, value in (
        ((3,), 1, 0.0), ((3,), (0, 2), 0.0), ((2, 3), ((0, 0), (3, 1)), -1.5), ((2, 3), 0, 1.0),
        ((0,), 2, 1.0), ((), 3, 1.0), ((2, 3), 1, ((1, 2), (3, 4))),
    ):  # fmt: skip
        yield (
            "pad", f"{shape} by {widths} with {value}",
            lambda x, widths=widths, value=value: ad.pad(x * x, widths, constant_values=value),
            (points(*shape),),
        )  # fmt: skip
    yield (
        "pad",
        "single odd",
        lambda x: ad.pad(x * x, 3, "reflect", reflect_type="odd"),
        (points(1),),
    )
    yield "pad", "no axis", lambda x: ad.pad(x * x, 2, "edge"), (points(),)


TABLE: list[Row] = [*rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize(("shape", "widths", "mode", "options"), EACH)
def test_values_are_those_of_numpy(shape: Any, widths: Any, mode: Any, options: Any) -> None:
    for dtype in (np.float64, np.float32):
        x = np.random.default_rng(0).normal(size=shape).astype(dtype)
        got, expected = (
            np.pad(Tensor(x), widths, mode, **options),
            np.pad(x, widths, mode, **options),
        )
        assert type(got) is Tensor
        assert got.dtype == dtype
        np.testing.assert_allclose(got.data, expected, rtol=1e-14, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("mode", ["edge", "wrap", "reflect", "symmetric"])
def test_borders_hold_whatever_the_operand_holds(mode: Any) -> None:
    x = np.array([np.inf, 1.0, -np.inf, np.nan])
    np.testing.assert_array_equal(ad.pad(Tensor(x), 3, mode).data, np.pad(x, 3, mode))
    got = ad.pad(Tensor(np.array([1.0, 2.0, np.inf])), (2, 0), "reflect", reflect_type="odd")
    np.testing.assert_array_equal(got.data, [-np.inf, 0.0, 1.0, 2.0, np.inf])


def test_equal_largest_elements_share_the_border() -> None:
    x = Tensor([1.0, 3.0, 3.0])
    ad.sum(ad.pad(x, 1, "maximum")).backward()
    np.testing.assert_array_equal(x.grad, [1.0, 2.0, 2.0])


# fmt: off
ERRORS: list[tuple[str, Function, type[Exception], str]] = [
    ("mode", lambda x: ad.pad(x, 1, "empty"), ValueError, "constant.*'empty'"),
    ("function",    lambda x: np.pad(x, 1, mode=np.sort),           ValueError, "constant.*sort"),
    ("option", lambda x: ad.pad(x, 1, "edge", end_values=1.0),
     TypeError, "'edge' takes no end_values"),
    ("of constant", lambda x: np.pad(x, 1, stat_length=2), TypeError, "'constant' takes no stat"),
    ("node", lambda x: ad.pad(x, 1, constant_values=Value(1.0)), TypeError, "node.*concatenate"),
    ("node inside", lambda x: ad.pad(x, 1, constant_values=(0.0, x[0, 0])),
     TypeError, "node.*concatenate"),
    ("values", lambda x: ad.pad(x, 1, constant_values=(1, 2, 3)),
     ValueError, "values.*(1, 2, 3).*(2, 3)"),
    ("negative",    lambda x: ad.pad(x, (0, -1), "edge"),           ValueError, "never negative"),
    ("widths",      lambda x: ad.pad(x, (1, 2, 3), "edge"),         ValueError, "widths.*(2, 3)"),
    ("empty edge",  lambda x: ad.pad(x[:0], 1, "edge"),             ValueError, "empty"),
    ("empty mean", lambda x: ad.pad(x[:0], 1, "mean"), ValueError, "empty axis 0.*(0, 3)"),
    ("no length", lambda x: ad.pad(x, 1, "mean", stat_length=0),
     ValueError, "positive stat_length"),
    ("reflect", lambda x: ad.pad(x, 1, "reflect", reflect_type="both"),
     ValueError, "'even' or 'odd'"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "error", "text"), [pytest.param(*rest, id=name) for name, *rest in ERRORS]
)
def test_errors(call: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("(", r"\(").replace(")", r"\)")):
        call(Tensor(np.ones((2, 3))))
