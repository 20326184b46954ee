"""The table of a network: shapes and their formulas, parameters, multiply-adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPool,
    LayerNorm,
    LeNet,
    MaxPool2d,
    Module,
    Parameter,
    PReLU,
    ReLU,
    Residual,
    Sequential,
)
from nn.module import call_observer


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_lenet() -> None:
    summary = LeNet(generator=rng()).summary((1, 28, 28))
    assert summary.parameters == summary.trainable == 431_080
    assert [row.output for row in summary.rows] == [
        (10,), (20, 24, 24), (20, 12, 12), (50, 8, 8), (50, 4, 4), (800,), (500,), (500,), (10,),
    ]  # fmt: skip
    assert [row.parameters for row in summary.rows] == [0, 520, 0, 25_050, 0, 0, 400_500, 0, 5_010]
    assert [row.multiply_adds for row in summary.rows if row.multiply_adds] == [
        20 * 1 * 5 * 5 * 24 * 24, 50 * 20 * 5 * 5 * 8 * 8, 800 * 500, 500 * 10,
    ]  # fmt: skip
    assert summary.multiply_adds == 2_293_000
    assert str(summary).splitlines() == [
        "layer                   output    ⌊(n+2p−f)/s⌋+1       parameters  multiply-adds",
        "input                   1×28×28",
        "LeNet                   10",
        "  0  Conv2d(1, 20, 5)   20×24×24  (28+2·0−5)/1+1 = 24         520        288 000",
        "  1  MaxPool2d(2)       20×12×12  (24+2·0−2)/2+1 = 12",
        "  2  Conv2d(20, 50, 5)  50×8×8    (12+2·0−5)/1+1 = 8       25 050      1 600 000",
        "  3  MaxPool2d(2)       50×4×4    (8+2·0−2)/2+1 = 4",
        "  4  Flatten()          800",
        "  5  Dense(800, 500)    500                               400 500        400 000",
        "  6  ReLU()             500",
        "  7  Dense(500, 10)     10                                  5 010          5 000",
        "total                                                     431 080      2 293 000",
        "trainable 431 080, frozen 0",
    ]


class Computes(Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def kernels(*shape: int) -> ad.Tensor:
    return ad.Tensor(rng().normal(size=shape))


def conv(channels: int, outputs: int, size: Any, **options: Any) -> Conv2d:
    return Conv2d(channels, outputs, size, generator=rng(), **options)


FORMULAS: dict[str, tuple[Callable[[], Module], tuple[int, ...], str, int]] = {
    "padding": (lambda: conv(2, 3, 3, padding=1), (2, 6, 6), "(6+2·1−3)/1+1 = 6", 3 * 2 * 9 * 36),
    "no whole quotient": (
        lambda: conv(1, 1, 3, stride=2), (1, 8, 8), "⌊(8+2·0−3)/2⌋+1 = 3", 9 * 9),
    "dilation": (
        lambda: conv(1, 1, 3, dilation=2), (1, 9, 9), "(9+2·0−((3−1)·2+1))/1+1 = 5", 9 * 25),
    "axes that differ": (
        lambda: conv(1, 2, (3, 2), padding=(1, 0)), (1, 5, 4),
        "(5+2·1−3)/1+1 = 5, (4+2·0−2)/1+1 = 3", 2 * 6 * 15),
    "same, uneven": (lambda: conv(1, 1, 2, padding="same"), (1, 4, 4), "(4+0+1−2)/1+1 = 4", 64),
    "groups": (lambda: conv(4, 6, 1, groups=2), (4, 3, 3), "(3+2·0−1)/1+1 = 3", 6 * 2 * 9),
    "flipped": (lambda: conv(1, 1, 3, flip=True), (1, 4, 4), "(4+2·0−3)/1+1 = 2", 9 * 4),
    "max-pool": (
        lambda: MaxPool2d(3, stride=2, padding=1), (1, 6, 6), "⌊(6+2·1−3)/2⌋+1 = 3", 0),
    "sum-pool": (
        lambda: Computes(lambda x: ad.sum_pool(x, 2, stride=1)), (1, 6, 6), "(6+2·0−2)/1+1 = 5", 0),
    "mean of what is there": (
        lambda: Computes(lambda x: ad.average_pool(x, 2, padding=1, count_padding=False)),
        (1, 6, 6), "(6+2·1−2)/2+1 = 4", 0),
    "one axis": (
        lambda: Computes(lambda x: ad.conv(x, kernels(3, 2, 4), stride=3)), (2, 10),
        "(10+2·0−4)/3+1 = 3", 3 * 2 * 4 * 3),
    "transposed": (
        lambda: Computes(lambda x: ad.conv_transpose(x, kernels(2, 3, 4, 4), stride=2)), (2, 5, 5),
        "(5−1)·2+4 = 12", 2 * 25 * 3 * 16),
    "transposed and cut": (
        lambda: Computes(lambda x: ad.conv_transpose(
            x, kernels(2, 1, 3, 3), kernels(2), stride=2, padding=1, groups=2)), (2, 5, 5),
        "(5−1)·2+3−2 = 9", 2 * 25 * 9),
    "transposed and longer": (
        lambda: Computes(lambda x: ad.conv_transpose(
            x, kernels(2, 3, 3), stride=3, output_padding=2, dilation=2)), (2, 4),
        "(4−1)·3+((3−1)·2+1)+2 = 16", 2 * 4 * 3 * 3),
    "two, one after the other": (
        lambda: Computes(lambda x: ad.max_pool(ad.conv(x, kernels(1, 1, 2, 2)), 2)), (1, 5, 5),
        "(5+2·0−2)/1+1 = 4; (4+2·0−2)/2+1 = 2", 4 * 16),
    "a padding of its own": (
        lambda: Computes(lambda x: ad.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))), (1, 4, 4), "", 0),
    "matrix product": (lambda: Computes(lambda x: x @ kernels(4, 3)), (5, 4), "", 5 * 4 * 3),
    "einsum": (
        lambda: Computes(lambda x: ad.einsum("nqd,nkd->nqk", x, x)), (6, 4), "", 6 * 6 * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_and_multiply_adds(name: str) -> None:
    make, shape, formula, products = FORMULAS[name]
    module = make()
    (row,) = module.summary(shape, float).rows
    assert "; ".join(row.sizes) == formula
    assert row.multiply_adds == products
    output = module(ad.Tensor(np.zeros((1, *shape))))
    assert (1, *row.output) == output.shape  # type: ignore[misc]
    if formula:
        assert formula.rpartition(" = ")[2] == str(output.shape[-1])


class Branches(Module):
    """Two outputs, a parameter of its own, a layer used twice, and one that is never called."""

    def __init__(self) -> None:
        self.scale = Parameter([1.0, 2.0])
        self.inner = Sequential(Dense(2, 2, generator=rng()), ReLU())
        self.spare = Dense(3, 3, bias=False, generator=rng())

    def forward(self, x: Any) -> Any:
        y = self.inner(self.inner(x * self.scale))
        return y, (y, ad.sum(y, axis=1))


def test_nested_shared_frozen_and_uncalled_modules() -> None:
    module = Branches()
    module.inner[0].weight.frozen = True
    module.spare.freeze()
    summary = module.summary((2,))
    assert [(r.path, r.depth, r.output, r.parameters, r.shared) for r in summary.rows] == [
        ("", 0, ((2,), ((2,), ())), 2, False),
        ("inner", 1, (2,), 0, False),
        ("inner.layers.0", 2, (2,), 6, False),
        ("inner.layers.1", 2, (2,), 0, False),
        ("inner", 1, (2,), 0, False),
        ("inner.layers.0", 2, (2,), 0, True),
        ("inner.layers.1", 2, (2,), 0, False),
        ("spare", 1, None, 9, False),
    ]
    assert (summary.trainable, summary.frozen, summary.parameters) == (4, 13, 17)
    assert summary.parameters == sum(p.size for p in module.parameters())
    assert summary.multiply_adds == 2 * 4
    assert [line.split() for line in str(summary).splitlines()[2:]] == [
        ["Branches", "2,", "2,", "1", "2"],
        ["inner", "Sequential", "2"],
        ["0", "Dense(2,", "2)", "2", "frozen", "4", "of", "6", "4"],
        ["1", "ReLU()", "2"],
        ["inner", "Sequential", "2"],
        ["0", "Dense(2,", "2)", "2", "shared", "4"],
        ["1", "ReLU()", "2"],
        ["spare", "Dense(3,", "3,", "bias=False)", "not", "called", "frozen", "9"],
        ["total", "17", "8"],
        ["trainable", "4,", "frozen", "13"],
    ]


def test_residual_is_a_tree() -> None:
    rows = Residual(Dense(3, 3, generator=rng())).summary((3,)).rows
    assert [(row.path, row.depth) for row in rows] == [
        ("", 0), ("inner", 1), ("inner.layers.0", 2),
    ]  # fmt: skip


class Restless(Module):
    """Its state changes whenever it computes."""

    def __init__(self) -> None:
        self.counts = np.zeros(3)
        self.noise = rng()
        self.calls = 0
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, x: Any) -> Any:
        self.counts += self.noise.random(3)
        self.calls += 1
        self.modes.append((self.training, ad.is_recording()))
        return x


def test_nothing_is_changed() -> None:
    module = Sequential(Restless(), Dense(3, 2, generator=rng()))
    restless = module[0]
    module[1].eval()
    module.summary((3,))
    assert restless.modes == [(False, False)]
    assert restless.counts.tolist() == [0, 0, 0]
    assert restless.calls == 0
    assert restless.noise.random() == rng().random()
    assert (module.training, restless.training, module[1].training) == (True, True, False)


def test_layers_of_every_kind_keep_their_state() -> None:
    generator = rng()
    net = Sequential(
        conv(2, 4, 3, padding="same"), BatchNorm(4), PReLU(4), AvgPool2d(2),
        Dropout(generator=generator),
        ConvTranspose2d(4, 3, 3, stride=2, padding=1, generator=generator), GlobalMaxPool(),
        Flatten(), LayerNorm(3), Dense(3, 2, generator=generator),
    )  # fmt: skip
    before, numbers = net.state(), generator.bit_generator.state
    summary = net.summary((2, 8, 8))
    assert summary.parameters == sum(p.size for p in net.parameters())
    assert summary.multiply_adds == 4 * 2 * 9 * 64 + 4 * 16 * 3 * 9 + 3 * 2
    assert summary.rows[6].sizes == ("(4−1)·2+3−2 = 7",)
    assert generator.bit_generator.state == numbers
    for path, array in net.state().items():
        np.testing.assert_array_equal(array, before[path])


def test_an_error_on_the_way_changes_nothing_either() -> None:
    module = Sequential(Restless(), Dense(3, 2, generator=rng()))
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        module.summary((4,))
    assert module.training
    assert module[0].calls == 0
    assert call_observer.get() is None
    module(np.zeros((1, 3)))
    assert module[0].modes[-1] == (True, True)


def test_whole_numbers_may_come_in_and_parameters_be_frozen() -> None:
    table = Parameter(np.ones((7, 3)))
    lookup = Computes(lambda i: ad.take(table, i, axis=0))
    net = Sequential(lookup, Flatten(), Dense(12, 2, generator=rng())).freeze()
    summary = net.summary((4,), int)
    assert summary.rows[-1].output == (2,)
    assert summary.multiply_adds == 24
    assert summary.trainable == 0


def test_modules_need_not_be_hashable() -> None:
    class Alike(Dense):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

    net = Sequential(Alike(2, 3, generator=rng()), Alike(3, 4, generator=rng()))
    assert net.summary((2,)).parameters == 9 + 16


def test_notebooks_show_a_table_and_names_as_they_are() -> None:
    class Named(Dense):
        def __repr__(self) -> str:
            return "<script>\n" + "x" * 100

    summary = Named(2, 2, generator=rng()).summary((2,))
    page = summary._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "trainable 6, frozen 0" in page
    assert page.count("<tr>") == 4
    assert len(summary.rows[0].layer) == 48
    assert repr(summary) == str(summary)


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: ReLU().summary(3), TypeError, "input_shape.*3"),  # type: ignore[arg-type]
    (lambda: ReLU().summary((3, 0)), ValueError, "length of input_shape.*positive.*0"),
    (lambda: ReLU().summary((3.5,)), ValueError, "3.5"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
