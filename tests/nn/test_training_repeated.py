"""Training whose steps are repeated is the training that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from steps_side_by_side import Counted, batch, eager_step, perceptron, rng

import autodiff as ad
import nn
from nn import SGD, SoftmaxCrossEntropy, Trainer

pytest.importorskip("numba")

pytestmark = pytest.mark.usefixtures("compiled_kernels")


X, Y = batch(0, 23)


def trainer(**options: Any) -> Trainer:
    net = perceptron()
    rate = nn.CosineDecay(0.1, steps=40)
    return Trainer(net, SoftmaxCrossEntropy(), SGD(net.parameters(), rate, momentum=0.9), **options)


def fit(made: Trainer, steps: int = 20, batch_size: int = 5, **options: Any) -> Trainer:
    made.fit(X, Y, steps=steps, batch_size=batch_size, generator=rng(4), progress=False, **options)
    return made


def same(first: Trainer, second: Trainer, digits: float = 0.0) -> None:
    for p, q in zip(first.model.parameters(), second.model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=digits, atol=digits)


class Held(nn.Callback):
    """Holds the data of all parameters."""

    def after_step(self, trainer: Trainer) -> None:
        self.data = [p.data for p in trainer.model.parameters()]


class Shaken(nn.Callback):
    """Changes a parameter now and then."""

    def after_step(self, trainer: Trainer) -> None:
        if trainer.step % 7 == 0:
            weight = trainer.model.parameters()[0]
            weight.assign(0.9 * weight.data)


class Slower(nn.Callback):
    """Goes on with another optimiser, and another loss."""

    def after_step(self, trainer: Trainer) -> None:
        if trainer.step == 7:
            trainer.optimiser = SGD(trainer.model.parameters(), 0.01)
            trainer.loss = SoftmaxCrossEntropy(reduction="sum")


OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": lambda: {},
    "clipped": lambda: {"clip": 0.05},
    "clipped by a function": lambda: {"clip": lambda ps: nn.clip_gradients_by_value(ps, 0.01)},
    "augmented": lambda: {"augment": lambda x, generator: x + generator.normal(size=x.shape)},
    "held": lambda: {"callbacks": [Held()]},
    "shaken": lambda: {"callbacks": [Shaken()]},
    "another optimiser": lambda: {"callbacks": [Slower()]},
    "measured": lambda: {"metrics": {"accuracy": nn.accuracy}},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_training_ends_where_it_does_without_repetition(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated = fit(trainer(**OPTIONS[name]()))
    with monkeypatch.context() as patch:
        patch.setattr(nn.TrainingStep, "_repeated", lambda self, inputs, targets: None)
        expected = fit(trainer(**OPTIONS[name]()))
    same(repeated, expected, 1e-11)
    assert repeated.history[-1].keys() == expected.history[-1].keys()
    assert abs(repeated.history[-1]["cost"] - expected.history[-1]["cost"]) < 1e-11


def test_it_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    few = counted.during(fit, trainer(), 10)
    assert counted.during(fit, trainer(), 20) == few


@pytest.mark.parametrize("name", ["plain", "clipped", "augmented", "shaken", "measured"])
def test_a_training_goes_on_from_a_checkpoint_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = fit(trainer(**OPTIONS[name]()), 20)
    fit(trainer(**OPTIONS[name]()), 11, checkpoint=tmp_path / "half")
    rest = fit(trainer(**OPTIONS[name]()), 20, checkpoint=tmp_path / "half", resume=True)
    same(whole, rest)


def test_what_a_metric_holds_stays_as_it_is() -> None:
    held: list[Any] = []

    def keep(outputs: Any, targets: Any) -> float:
        held.append((outputs, outputs.copy()))
        return 0.0

    fit(trainer(metrics={"kept": keep}))
    for outputs, before in held:
        np.testing.assert_array_equal(outputs, before)


def test_what_becomes_infinite_raises_and_moves_nothing() -> None:
    made = fit(trainer(), 5)
    before = made.model.state()
    x = X.copy()
    x[:, 0] = np.nan
    with pytest.raises(FloatingPointError, match="the cost became nan"):
        made.fit(x, Y, steps=9, batch_size=5, generator=rng(4), progress=False)
    for path, p in made.model.state().items():
        np.testing.assert_array_equal(p, before[path])
    assert all(p.grad is None for p in made.model.parameters())
    assert ad.config.backend == "native"


def test_a_second_training_of_the_same_model() -> None:
    first = fit(trainer(), 5)
    twin = perceptron()
    twin.load_state(first.model.state())
    optimiser = SGD(twin.parameters(), 0.1)
    second = Trainer(first.model, SoftmaxCrossEntropy(), SGD(first.model.parameters(), 0.1))
    fit(second, 7, batch_size=23)
    for _ in range(7):
        eager_step(twin, SoftmaxCrossEntropy(), optimiser, X, Y)
    for p, q in zip(second.model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-10)
