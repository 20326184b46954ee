"""The training loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from tqdm import tqdm

from nn import (
    SGD,
    Dataset,
    Dense,
    Flatten,
    Sequential,
    SoftmaxCrossEntropy,
    accuracy,
    predictions,
    train,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def two_classes(n: int = 60) -> Dataset:
    """Images that are brighter on the left, or on the right."""
    labels = np.arange(n) % 2
    images = rng().random((n, 1, 2, 4), dtype=np.float32) / 2
    images[labels == 0, :, :, :2] += 0.5
    images[labels == 1, :, :, 2:] += 0.5
    half = n // 2
    return Dataset("halves", images[:half], labels[:half], images[half:], labels[half:], ("l", "r"))


def trained(seed: int = 0, steps: int = 40) -> tuple[Sequential, list[str]]:
    generator = np.random.default_rng(seed)
    net = Sequential(Flatten(), Dense(8, 2, generator=generator))
    history = train(
        net,
        SoftmaxCrossEntropy(),
        SGD(net.parameters(), 0.5, momentum=0.5),
        two_classes(),
        steps=steps,
        batch_size=8,
        generator=generator,
        evaluate_every=15,
        progress=False,
    )
    return net, [str(evaluation) for evaluation in history]


def test_training_learns_and_reports() -> None:
    net, history = trained()
    assert [line.split()[1] for line in history] == ["15", "30", "40"]
    data = two_classes()
    assert accuracy(predictions(net, data.test_images), data.test_labels) == 1.0
    assert all(word in history[0] for word in ("cost", "training accuracy", "test accuracy"))


def test_the_same_seed_gives_the_same_bits() -> None:
    (first, one), (second, two) = trained(), trained()
    assert one == two
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_a_cost_that_is_not_finite_changes_no_parameter() -> None:
    generator = rng()
    net = Sequential(Flatten(), Dense(8, 2, generator=generator))
    before = net[1].bias.data.copy()
    net[1].weight.assign(np.full((8, 2), np.inf))
    with pytest.raises(FloatingPointError, match="step 1"), np.errstate(invalid="ignore"):
        train(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1), two_classes(), steps=2,
              batch_size=4, generator=generator, progress=False)  # fmt: skip
    np.testing.assert_array_equal(net[1].bias.data, before)


def test_accuracy_does_not_depend_on_the_batches() -> None:
    net, _ = trained(steps=3)
    data = two_classes()
    shares = {accuracy(predictions(net, data.test_images, batch_size=n), data.test_labels)
              for n in (1, 7, 500)}  # fmt: skip
    assert len(shares) == 1


def test_progress_bar_and_evaluations_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    generator = rng()
    net = Sequential(Flatten(), Dense(8, 2, generator=generator))
    train(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1), two_classes(), steps=2,
          batch_size=4, generator=generator, evaluate_every=1)  # fmt: skip
    shown = capfd.readouterr()
    assert shown.out.count("test accuracy") == 2
    assert "2/2" in shown.err


def test_training_without_a_bar_waits_for_no_bar() -> None:
    with tqdm.get_lock():  # as a process may that is killed, which then never lets go of it
        training = threading.Thread(target=trained, kwargs={"steps": 1}, daemon=True)
        training.start()
        training.join(30)
        waits = training.is_alive()
    training.join()
    assert not waits


def diverging() -> None:
    generator = rng()
    net = Sequential(Flatten(), Dense(8, 2, generator=generator))
    net[1].weight.assign(np.full((8, 2), np.nan))
    train(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1), two_classes(), steps=2,
          batch_size=4, generator=generator, evaluate_every=1, progress=False)  # fmt: skip


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: predictions(Flatten(), np.zeros((0, 1, 2, 2))), ValueError, "no inputs"),
    (lambda: predictions(Flatten(), np.ones((2, 1)), batch_size=0), ValueError, "batch_size.*0"),
    (lambda: trained(steps=0), ValueError, "steps is a positive whole number, got 0"),
    (diverging, FloatingPointError, "step 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
