"""A step of training is the three lines that it stands for, repeated or not."""

from __future__ import annotations

import copy
import importlib
import pkgutil
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from steps_side_by_side import Counted, Pair, batch, eager_step, perceptron, rng

import autodiff as ad
import autodiff.ops
import nn
from autodiff.ops.rules import Rule
from autodiff.transform import repeat
from nn import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, TrainingStep

pytest.importorskip("numba")

SHAPE = (2, 8, 9)

pytestmark = pytest.mark.usefixtures("compiled_kernels")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


# --- networks -------------------------------------------------------------------------------------


def images(*layers: Any, shape: tuple[int, ...] = SHAPE) -> Callable[[Any], Any]:
    """A network of layers for images: its last layer is put behind them."""

    def build(dtype: Any) -> Sequential:
        options = {"generator": rng(), "dtype": dtype}
        made = [layer(options) if type(layer) is type(images) else layer for layer in layers]
        body = Sequential(*made, nn.Flatten("channel fastest"))
        units = body(np.zeros((1, *shape), dtype)).shape[1]
        return Sequential(*body.layers, Dense(units, 3, **options))

    return build


def conv(*sizes: Any, **steps: Any) -> Callable[[Any], Any]:
    return lambda options: nn.Conv2d(*sizes, **steps, **options)


def conv1d(*sizes: Any, **steps: Any) -> Callable[[Any], Any]:
    return lambda options: nn.Conv1d(*sizes, **steps, **options)


def dense(*layers: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def build(dtype: Any) -> Sequential:
        options = {"generator": rng(), "dtype": dtype}
        return Sequential(*(layer(options) for layer in layers))

    return build


def of(layer: Any) -> Callable[[Any], Any]:
    return dense(
        lambda o: Dense(5, 4, **o), lambda o: copy.deepcopy(layer), lambda o: Dense(4, 3, **o)
    )


ROW, LINE = (5,), (2, 15)
REPEATED: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "dense": (dense(lambda o: Dense(5, 3, **o)), ROW),
    "without bias": (dense(lambda o: Dense(5, 3, bias=False, **o)), ROW),
    "relu": (of(nn.ReLU()), ROW),
    "sigmoid": (of(nn.Sigmoid()), ROW),
    "softplus": (of(nn.Softplus()), ROW),
    "three layers": (
        dense(
            lambda o: Dense(5, 6, **o), lambda o: nn.Sigmoid(), lambda o: Dense(6, 4, **o),
            lambda o: nn.ReLU(), lambda o: Dense(4, 3, **o),
        ), ROW,
    ),
    "a function of the library": (of(ad.relu), ROW),
    "conv": (images(conv(2, 4, 3), ReLU()), SHAPE),
    "conv without bias": (images(conv(2, 4, 3, bias=False)), SHAPE),
    "conv with steps": (images(conv(2, 4, 3, stride=2, padding=1), ReLU()), SHAPE),
    "conv with wide kernels": (images(conv(2, 4, 3, dilation=2, padding="same")), SHAPE),
    "conv of single numbers": (images(conv(2, 4, 1)), SHAPE),
    "two convs": (images(conv(2, 4, 3), nn.Sigmoid(), conv(4, 5, 3, padding=1)), SHAPE),
    "transposed conv": (
        images(conv(2, 4, 3), lambda o: nn.ConvTranspose2d(4, 5, 2, stride=2, bias=False, **o)),
        SHAPE,
    ),
    "depthwise": (images(conv(2, 2, 3, groups=2)), SHAPE),
    "depthwise, and what is in front of it": (
        images(conv(2, 4, 3), conv(4, 4, 3, groups=4, padding=1), nn.MaxPool2d(2)), SHAPE
    ),
    "sequences": (images(conv1d(2, 4, 3), nn.MaxPool1d(2), ReLU(), shape=LINE), LINE),
    "sums of windows": (images(conv(2, 4, 3), nn.SumPool2d(2)), SHAPE),
    "means of windows": (images(conv(2, 4, 3), nn.AvgPool2d(3, stride=2, padding=1)), SHAPE),
    "means of sequences": (images(conv1d(2, 4, 3), nn.AvgPool1d(2), shape=LINE), LINE),
    "means of maps": (
        lambda dtype: Sequential(
            nn.Conv2d(2, 4, 3, generator=rng(), dtype=dtype), nn.GlobalAvgPool(),
            Dense(4, 3, generator=rng(), dtype=dtype),
        ), SHAPE,
    ),
    "pooled": (images(conv(2, 4, 3), nn.MaxPool2d(2), ReLU()), SHAPE),
    "pooled, the last wins": (
        images(conv(2, 4, 3), ReLU(), nn.MaxPool2d(2, ties="last")), SHAPE
    ),
    "pooled with overlaps": (
        images(conv(2, 4, 3), nn.MaxPool2d(3, stride=2, padding=1)), SHAPE
    ),
    "lenet": (
        images(conv(2, 4, 3), nn.MaxPool2d(2), conv(4, 6, 2), nn.MaxPool2d(2)), SHAPE
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REPEATED)
def test_repeated_steps_are_the_steps_of_the_three_lines(
    name: str, dtype: Any, counted: Counted
) -> None:
    build, shape = REPEATED[name]
    pair = Pair(build(dtype))
    digits = 3e-5 if dtype == np.float32 else 1e-11
    for seed in range(4):
        pair.agree(*batch(seed, 6, shape, dtype), digits=digits)
        assert pair.step.obstacle is None
    assert counted.during(pair.step, *batch(4, 6, shape, dtype)) == 0
    x, _ = batch(5, 6, shape, dtype)
    assert pair.step.outputs.dtype == dtype
    assert pair.step.outputs.shape == pair.net(x).shape


class Branching(nn.Module):
    """Does this or that, depending on numbers."""

    def __init__(self) -> None:
        self.layer = Dense(5, 3, generator=rng(), dtype=np.float64)

    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return ad.relu(y) if x.sum() > 0 else ad.sigmoid(y)


class Counting(nn.Module):
    """Does this or that, depending on how often it has been called."""

    def __init__(self) -> None:
        self.layer = Dense(5, 3, generator=rng(), dtype=np.float64)
        self.calls = 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        y = self.layer(x)
        return ad.relu(y) if self.calls % 2 else ad.sigmoid(y)


class Halves(Sequential):
    """What is derived from something steady need not be."""

    def forward(self, x: Any) -> Any:
        return super().forward(x if x.sum() > 0 else 0.5 * x)


REFUSED: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], str]] = {
    "dropout": (of(nn.Dropout(0.5, generator=rng(5))), ROW, "Dropout does not say"),
    "batch norm": (of(nn.BatchNorm(4, dtype=np.float64)), ROW, "BatchNorm does not say"),
    "layer norm": (of(nn.LayerNorm(4, dtype=np.float64)), ROW, "LayerNorm does not say"),
    "tanh": (of(nn.Tanh()), ROW, "Tanh does not say"),
    "prelu": (of(nn.PReLU(dtype=np.float64)), ROW, "PReLU does not say"),
    "residual": (
        of(nn.Residual(Dense(4, 4, generator=rng(), dtype=np.float64))), ROW,
        "Residual does not say",
    ),
    "recompute": (
        of(nn.Recompute(Dense(4, 4, generator=rng(), dtype=np.float64))), ROW,
        "Recompute does not say",
    ),
    "a function": (of(lambda x: x if bare_sum(x) > 0 else ad.relu(x)), ROW, "<lambda> does not"),
    "a branch": (lambda _: Branching(), ROW, "Branching does not say"),
    "calls that are counted": (lambda _: Counting(), ROW, "Counting does not say"),
    "derived": (
        lambda _: Halves(Dense(5, 3, generator=rng(), dtype=np.float64)), ROW, "Halves does not",
    ),
    "conv flipped": (images(conv(2, 4, (2, 3), flip=True)), SHAPE, "'getitem'"),
    "few maps": (images(conv(2, 3, 3)), SHAPE, "no compiled kernel made"),
    "ties": (images(conv(2, 4, 3), nn.MaxPool2d(2, ties="all")), SHAPE, "no compiled kernel made"),
    "ties that share": (images(conv(2, 4, 3), nn.MaxPool2d(2, ties="split")), SHAPE, "no compiled"),
    "means without the border": (
        images(conv(2, 4, 3), nn.AvgPool2d(3, stride=2, padding=1, count_padding=False)), SHAPE,
        "no compiled kernel made",
    ),
    "groups": (images(conv(2, 4, 3, groups=2)), SHAPE, "no compiled kernel made"),
    "transposed": (images(lambda o: nn.ConvTranspose2d(2, 4, 3, **o)), SHAPE, "'add'"),
}  # fmt: skip


def bare_sum(x: Any) -> float:
    return float(np.sum(ad.graph.bare(x)))


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_repeated_is_computed_anew_and_says_why(name: str) -> None:
    build, shape, obstacle = REFUSED[name]
    pair = Pair(build(np.float64))
    for seed in range(4):
        pair.agree(*batch(seed, 6, shape))
        assert obstacle in (pair.step.obstacle or "")
    for (path, x), y in zip(pair.net.state().items(), pair.twin.state().values(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, err_msg=path)


def steady_primitives() -> dict[str, Rule]:
    found = {}
    for module in pkgutil.iter_modules(autodiff.ops.__path__, "autodiff.ops."):
        for x in vars(importlib.import_module(module.name)).values():
            rule = x if isinstance(x, Rule) else getattr(x, "primitive", None)
            if isinstance(rule, Rule) and rule.steady:
                found[str(rule)] = rule
    return found


def test_every_primitive_that_is_said_to_be_steady_is_repeated_in_a_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[str] = set()
    note = repeat._Steadily.note

    def noting(self: Any, node: Any, primitive: Any, *more: Any) -> None:
        seen.add(str(primitive))
        note(self, node, primitive, *more)

    monkeypatch.setattr(repeat._Steadily, "note", noting)
    for build, shape in REPEATED.values():
        net = build(np.float64)
        step = TrainingStep(net, SoftmaxCrossEntropy(reduction="sum"), SGD(net.parameters(), 0.1))
        step(*batch(0, 6, shape))
        step = TrainingStep(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1))
        step(*batch(0, 6, shape))
        assert step.obstacle is None
    assert seen == set(steady_primitives())
    assert len(seen) > 10


# --- batches --------------------------------------------------------------------------------------


def one_hot(y: Any) -> Any:
    return np.eye(3)[y]


LABELS: dict[str, Callable[[Any], Any]] = {
    "int64": lambda y: y,
    "int32": lambda y: y.astype(np.int32),
    "uint8": lambda y: y.astype(np.uint8),
    "uint64": lambda y: y.astype(np.uint64),
    "every other": lambda y: np.repeat(y, 2)[::2],
    "backwards": lambda y: y[::-1].copy()[::-1],
    "read-only": lambda y: np.frombuffer(y.tobytes(), y.dtype),
    "probabilities": one_hot,
    "one-hot integers": lambda y: one_hot(y).astype(int),
    "a list": lambda y: y.tolist(),
}
NO_LABELS = ("probabilities", "one-hot integers", "a list")
INPUTS: dict[str, Callable[[Any], Any]] = {
    "Fortran": np.asfortranarray,
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "one row": lambda x: np.broadcast_to(x[:1], x.shape),
    "float32": lambda x: x.astype(np.float32),
    "big-endian": lambda x: x.astype(">f8"),
    "integers": lambda x: (10 * x).astype(int),
    "of a subclass": lambda x: x.view(type("Subclass", (np.ndarray,), {})),
    "a list": lambda x: x.tolist(),
    "nan and inf": lambda x: np.where(x > 1, np.inf, np.where(x < -1, np.nan, x)),
    "large": lambda x: 1e10 * x,
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_all_kinds(kind: str) -> None:
    pair = Pair()
    for seed in range(4):
        x, y = batch(seed)
        pair.agree(x, LABELS[kind](y) if seed != 1 else y)
    assert (pair.step.obstacle is None) == (kind not in NO_LABELS)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_of_all_kinds(kind: str, dtype: Any) -> None:
    pair = Pair(perceptron(dtype))
    for seed in range(4):
        x, y = batch(seed)
        pair.agree(INPUTS[kind](x) if seed != 1 else x, y, digits=1e-5)


def test_images_of_all_layouts_in_turn() -> None:
    pair = Pair(REPEATED["lenet"][0](np.float64))
    for seed in range(6):
        x, y = batch(seed, 6, SHAPE)
        order = [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0)][seed % 3]
        laid = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        pair.agree(laid, y)
        assert pair.step.obstacle is None


def test_batches_are_not_changed_and_not_held() -> None:
    pair = Pair()
    for seed in range(3):
        x, y = batch(seed)
        before = x.copy(), y.copy()
        pair.agree(x, y)
        np.testing.assert_array_equal(x, before[0])
        np.testing.assert_array_equal(y, before[1])
        assert x.flags.writeable
        held = weakref.ref(x)
        del x
        assert held() is None


@pytest.mark.parametrize("sizes", [[6, 6, 2] * 3, [6, 1] * 3, [1] * 4, range(2, 12), [3, 4] * 6])
def test_batches_of_different_sizes(sizes: Any) -> None:
    pair = Pair()
    for seed, n in enumerate(sizes):
        pair.agree(*batch(seed, n))
    assert pair.step.obstacle is None or len({*sizes}) > 4


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_empty_batch_is_what_it_is_without_repetition(reduction: Any) -> None:
    pair = Pair(loss=SoftmaxCrossEntropy(reduction=reduction))
    for seed in range(6):
        pair.agree(*batch(seed))
        empty = np.zeros((0, 5)), np.zeros(0, int)
        if reduction == "sum":
            pair.agree(*empty)
        else:
            for step in (pair.step, lambda x, y: eager_step(pair.twin, pair.loss, None, x, y)):  # type: ignore[arg-type]
                with pytest.raises(ValueError, match="no mean of no examples"):
                    step(*empty)


@pytest.mark.parametrize("wrong", [3, -1, 1 << 40])
def test_a_label_out_of_range_raises_and_changes_nothing(wrong: int, counted: Counted) -> None:
    pair = Pair()
    for seed in range(6):
        x, y = batch(seed)
        pair.agree(x, y)
        before = pair.net.state()
        y[2] = wrong
        with pytest.raises(ValueError, match="labels lie between 0 and 2 for 3 classes"):
            pair.step(x, y)
        assert pair.optimiser.steps == seed + 1
        for path, p in pair.net.state().items():
            np.testing.assert_array_equal(p, before[path])
        pair.are_equal()


def test_a_label_out_of_range_is_seen_where_the_loss_turns_the_scores_round() -> None:
    def loss(scores: Any, labels: Any) -> Any:
        return ad.mean(ad.cross_entropy(ad.transpose(scores, (1, 0)), labels))

    loss.steady = True  # type: ignore[attr-defined]
    pair = Pair(loss=loss)
    for seed in range(3):
        pair.agree(batch(seed)[0], np.array([0, 5, seed]))
        assert pair.step.obstacle is None
    with pytest.raises(ValueError, match="labels lie between 0 and 5 for 6 classes"):
        pair.step(batch(0)[0], np.array([0, 6, 2]))


@pytest.mark.parametrize(
    ("x", "y", "kind"),
    [
        (np.zeros((6, 4)), np.zeros(6, int), ValueError),
        (np.zeros((6, 5)), np.zeros(6, bool), TypeError),
        (np.zeros((6, 5)), np.zeros(6), TypeError),
        (np.zeros((6, 5)), np.zeros(5, int), ValueError),
        (np.ma.masked_array(np.zeros((6, 5)), True), np.zeros(6, int), TypeError),
        (np.zeros((6, 5), complex), np.zeros(6, int), TypeError),
        (np.zeros((6, 5), object), np.zeros(6, int), TypeError),
    ],
)
def test_a_fault_in_a_batch_is_that_of_the_three_lines(x: Any, y: Any, kind: Any) -> None:
    pair = Pair()
    for seed in range(4):
        with pytest.raises(kind) as got:
            pair.step(x, y)
        with pytest.raises(kind) as expected:
            eager_step(pair.twin, pair.loss, pair.twins_optimiser, x, y)
        assert str(got.value) == str(expected.value)
        pair.agree(*batch(seed))
