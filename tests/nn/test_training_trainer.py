"""The trainer: what it learns from, what it reports, and who may stop it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


class Line(nn.Module):
    """y = a x, which notes in which mode it computes."""

    def __init__(self, start: float = 0.0) -> None:
        self.a = nn.Parameter([start])
        self.modes: list[bool] = []

    def forward(self, x: Any) -> Any:
        self.modes.append(self.training)
        return x * self.a


def half_square(outputs: Any, targets: Any) -> Any:
    return ad.mean((outputs - targets) ** 2) / 2


def fit(
    x: Any = None,
    y: Any = None,
    *,
    model: Any = None,
    loss: Any = half_square,
    rate: Any = 0.1,
    metrics: Any = None,
    clip: Any = None,
    augment: Any = None,
    callbacks: Any = (),
    **options: Any,
) -> nn.Trainer:
    if x is None:
        x = np.linspace(-1, 1, 8)[:, np.newaxis]
    y = 3 * x if y is None else y
    model = Line() if model is None else model
    trainer = nn.Trainer(model, loss, nn.SGD(model.parameters(), rate), metrics=metrics, clip=clip,
                         augment=augment, callbacks=callbacks)  # fmt: skip
    settings = {"steps": 4, "batch_size": 4, "generator": rng(), "progress": False, **options}
    assert trainer.fit(x, y, **settings) is trainer.history
    return trainer


def test_regression_follows_its_formula_batch_by_batch() -> None:
    x = rng().normal(size=(8, 1))
    trainer = fit(x, 3 * x, steps=6, rate=nn.InverseDecay(0.1, gamma=0.5), evaluate_every=3)
    batches = nn.shuffled_batches(8, 4, rng())
    a, costs = 0.0, []
    for step in range(6):
        part = x[next(batches)]
        costs.append(((a - 3) ** 2 * part**2).mean() / 2)
        a -= 0.1 / (1 + 0.5 * step) * ((a - 3) * part**2).mean()
    assert trainer.model.a.data[0] == pytest.approx(a, rel=1e-14)
    assert trainer.cost == pytest.approx(costs[-1], rel=1e-13)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in trainer.history]
    expected = [
        {"step": 3, "epoch": 1.5, "cost": np.mean(costs[:3]), "rate": 0.1 / 2},
        {"step": 6, "epoch": 3.0, "cost": np.mean(costs[3:]), "rate": 0.1 / 3.5},
    ]
    assert [list(row) for row in rows] == [list(row) for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-13)
    assert trainer.history["seconds"][1] >= trainer.history["seconds"][0] > 0


def test_lists_and_tensors_are_taken_as_arrays() -> None:
    x = np.linspace(-1, 1, 8)[:, np.newaxis]
    for inputs, targets in ((x.tolist(), (3 * x).tolist()), (ad.Tensor(x), ad.Tensor(3 * x))):
        assert fit(inputs, targets).model.a.data == fit().model.a.data


def test_with_replacement_batches_are_drawn_independently() -> None:
    x = np.arange(8.0)[:, np.newaxis]
    seen: list[Any] = []
    fit(x, augment=lambda x, _: seen.append(x) or x, replacement=True, batch_size=9, steps=2)
    batches = nn.random_batches(8, 9, rng())
    for batch in seen:
        np.testing.assert_array_equal(batch, x[next(batches)])


def test_metrics_on_batches_and_held_out_sets() -> None:
    x = np.linspace(-1, 1, 8)[:, np.newaxis]
    sets = {"far": (x[:3] + 5, x[:3]), "validation": (x[3:5], x[3:5])}
    largest = {"largest": lambda outputs, targets: np.max(np.abs(outputs - targets))}
    trainer = fit(x, held_out={"far": sets["far"]}, validation=sets["validation"], metrics=largest)
    (row,) = trainer.history
    assert list(row) == [
        "step", "epoch", "cost", "train_largest", "validation_cost", "validation_largest",
        "far_cost", "far_largest", "rate", "seconds",
    ]  # fmt: skip
    a = trainer.model.a.data[0]
    for name, (inputs, targets) in sets.items():
        wrong = a * inputs - targets
        assert row[f"{name}_cost"] == pytest.approx((wrong**2).mean() / 2)
        assert row[f"{name}_largest"] == pytest.approx(np.abs(wrong).max())


def test_a_share_is_held_out_and_never_trained_on() -> None:
    x = np.arange(20.0)[:, np.newaxis]
    seen: set[float] = set()
    shown: list[Any] = []
    trainer = fit(
        x, 0 * x, rate=1e-15, validation=0.25, steps=40, batch_size=15,
        augment=lambda x, _: seen.update(x.ravel()) or x,
        metrics={"size": lambda outputs, targets: shown.append(len(targets)) or len(targets)},
        model=Line(1.0),
    )  # fmt: skip
    assert len(seen) == 15
    assert shown[-1] == trainer.history[-1].validation_size == 5
    held_out = set(x.ravel()) - seen
    assert trainer.history[-1].validation_cost == pytest.approx(
        np.mean(np.square(list(held_out))) / 2, rel=1e-6
    )


def test_it_trains_in_training_mode_and_evaluates_as_for_use() -> None:
    model = Line()
    model.eval()
    fit(model=model, steps=2, evaluate_every=1, validation=0.5, batch_size=2)
    assert model.modes == [True, False, True, False]


def test_augmentation_draws_from_the_generator_of_the_order() -> None:
    generator = rng()
    given: list[Any] = []

    def augment(x: Any, source: np.random.Generator) -> Any:
        given.append(source)
        return x + source.normal()

    fit(augment=augment, generator=generator)
    assert len(given) == 4
    assert all(source is generator for source in given)


def test_gradients_left_over_from_before_do_not_count() -> None:
    model = Line()
    (model.a * 1000).sum().backward()
    assert fit(model=model).model.a.data == fit().model.a.data


def halve(parameters: Any) -> None:
    for parameter in parameters:
        parameter.grad = parameter.grad / 2


@pytest.mark.parametrize(("clip", "expected"), [(1e-3, 4e-4), (halve, None)])
def test_gradients_are_clipped_before_the_step(clip: Any, expected: float | None) -> None:
    if expected is None:
        expected = fit(rate=0.05).model.a.data[0]
    assert fit(clip=clip).model.a.data[0] == pytest.approx(expected, rel=1e-12)


def test_callbacks_are_called_in_order_and_may_stop() -> None:
    moments: list[str] = []

    class Note(nn.Callback):
        def before_training(self, trainer: nn.Trainer) -> None:
            moments.append("before")

        def after_step(self, trainer: nn.Trainer) -> None:
            moments.append(f"step {trainer.step}")
            if trainer.step == 3:
                trainer.stop("enough")

        def after_evaluation(self, trainer: nn.Trainer) -> None:
            moments.append(f"row {trainer.history[-1].step}")

        def after_training(self, trainer: nn.Trainer) -> None:
            moments.append("after")

    trainer = fit(
        steps=10, evaluate_every=2,
        callbacks=[Note(), lambda trainer: moments.append(f"function {len(trainer.history)}")],
    )  # fmt: skip
    assert moments == [
        "before", "step 1", "step 2", "row 2", "function 1",
        "step 3", "row 3", "function 2", "after",
    ]  # fmt: skip
    assert (trainer.step, trainer.epoch, trainer.stopped) == (3, 1.5, "enough")


WATCHED: dict[str, tuple[dict[str, Any], list[float], int, float]] = {
    # numbers watched one by one; steps until it stops; the best one
    "smaller": ({"patience": 2}, [3, 2, 2.5, 1, 1, 1, 0], 6, 1),
    "larger": ({"patience": 2, "better": "larger"}, [1, 2, 3, 2, 2, 5], 5, 3),
    "a least change": ({"patience": 2, "least_change": 0.5}, [3, 2.6, 2.4, 2.3, 2.2, 0], 5, 2.4),
    "to the end": ({"patience": 3}, [1, 2, 2, 0.5, 1], 5, 0.5),
    "nan": ({"patience": 2}, [np.nan, 3, np.nan, np.nan, 1], 4, 3),
    "first infinite": ({"patience": 2}, [np.inf, 2, 3, 3], 4, 2),
}


@pytest.mark.parametrize("name", WATCHED)
def test_early_stopping_gives_the_best_model(name: str) -> None:
    options, numbers, steps, best = WATCHED[name]
    course = iter(numbers)
    stopping = nn.EarlyStopping("validation_number", **options)
    states: list[Any] = []
    trainer = fit(
        steps=len(numbers), evaluate_every=1, validation=0.5,
        metrics={"number": lambda outputs, targets: next(course) if len(targets) == 3 else 0.0},
        callbacks=[stopping, lambda trainer: states.append(trainer.model.state()["a"])],
        x=np.arange(6.0)[:, np.newaxis] / 9, batch_size=2,
    )  # fmt: skip
    assert trainer.step == steps
    assert (trainer.stopped is None) == (name == "to the end")
    assert stopping.best == best
    assert stopping.best_step == numbers.index(best) + 1
    assert trainer.model.a.data == states[numbers.index(best)]
    if trainer.stopped:
        assert f"{best:.6g} at step {stopping.best_step}" in trainer.stopped


def test_early_stopping_starts_afresh_with_each_training_and_may_keep_the_last_model() -> None:
    stopping = nn.EarlyStopping("cost", better="larger", patience=1, restore_best=False)
    options: dict[str, Any] = {"steps": 50, "evaluate_every": 1, "callbacks": [stopping],
                               "batch_size": 8}  # fmt: skip
    first, second = fit(**options), fit(**options)
    assert first.step == second.step == 2
    assert first.model.a.data == fit(steps=2, batch_size=8).model.a.data


def test_a_second_fit_is_a_new_history_of_the_same_model() -> None:
    x = np.linspace(-1, 1, 8)[:, np.newaxis]
    trainer = fit(x)
    before = trainer.cost
    trainer.fit(x, 3 * x, steps=3, batch_size=4, generator=rng(), progress=False)
    assert [row.step for row in trainer.history] == [3]
    assert trainer.cost < before


def test_a_cost_that_is_not_finite_changes_no_parameter() -> None:
    model = Line(2.0)
    x = np.full((8, 1), np.inf)
    with pytest.raises(FloatingPointError, match="became inf at step 1"):
        fit(x, np.zeros((8, 1)), model=model)
    assert model.a.data == [2.0]


def test_nor_does_it_spoil_running_averages() -> None:
    model = nn.Sequential(Line(2.0), nn.BatchNorm(1, dtype="float64"))
    x = np.ones((8, 1))
    x[5] = np.inf
    with pytest.raises(FloatingPointError, match="became nan"), np.errstate(invalid="ignore"):
        fit(x, np.zeros((8, 1)), model=model)
    averages = [model[1].running_mean[0], model[1].running_var[0]]
    assert np.isfinite(averages).all()


def test_what_stops_it_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    stop = nn.EarlyStopping("cost", better="larger", patience=1)
    fit(progress=True, evaluate_every=1, callbacks=[stop], batch_size=8)
    shown = capfd.readouterr()
    assert "stopped at step 2: cost has not become better than" in shown.out
    assert "step      1   cost" in shown.out
    assert "2/4" in shown.err


def column(n: int) -> Any:
    return np.zeros((n, 1))


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: fit(steps=0), ValueError, "steps is a positive whole number, got 0"),
    (lambda: fit(evaluate_every=0), ValueError, "evaluate_every"),
    (lambda: fit(clip=0.0), ValueError, "clip"),
    (lambda: fit(generator=0), TypeError, "default_rng"),
    (lambda: fit(column(3), column(2)), ValueError, "training set.* 3 and 2"),
    (lambda: fit(column(0), column(0)), ValueError, "training set.* 0 and 0"),
    (lambda: fit(batch_size=9), ValueError, "batch_size.*9"),
    (lambda: fit(validation=1.0), ValueError, "validation=1.0 of 8 examples"),
    (lambda: fit(validation=0.01), ValueError, "some to validate on"),
    (lambda: fit(validation=-0.5), ValueError, "validation=-0.5"),
    (lambda: fit(validation=math.nan), ValueError, "validation=nan"),
    (lambda: fit(batch_size=1.5), ValueError, "batch_size is a positive whole number, got 1.5"),
    (lambda: ad.no_grad()(fit)(), RuntimeError, "no_grad"),
    (lambda: nn.Trainer(Line(), half_square, nn.SGD(Line().parameters(), 0.1)).fit(
        column(4), column(4), steps=1, batch_size=2, generator=rng(), progress=False),
     ValueError, "none of the model's parameters"),
    (lambda: fit(metrics=[half_square]), TypeError, "metrics: .*by name.*list of length 1"),
    (lambda: fit(metrics={"a": 1}), TypeError, "metrics: .*functions by name"),
    (lambda: fit(callbacks=[3]), TypeError, "callbacks: .*int 3"),
    (lambda: fit(callbacks=[nn.EarlyStopping]), TypeError, "callbacks: .*EarlyStopping"),
    (lambda: fit(callbacks=nn.EarlyStopping()), TypeError, "callbacks: .*a list"),
    (lambda: fit(validation=(column(2), column(3))), ValueError, "validation: .*2 and 3"),
    (lambda: fit(held_out={"more": [1, 2]}), TypeError, r"more: expected a pair"),
    (lambda: fit(loss=lambda o, t: (o - t) ** 2), ValueError, "the loss gives.*single number"),
    (lambda: fit(model=nn.Sequential(Line().freeze(), Line().freeze())), ValueError, "frozen"),
    (lambda: nn.Trainer(Line(), half_square, nn.SGD([nn.Parameter([1.0])], 0.1)).state(),
     ValueError, "before fit"),
    (lambda: fit(held_out={"train": (column(2), column(2))}), ValueError, "taken"),
    (lambda: fit(validation=0.5, held_out={"validation": (column(2), column(2))}), ValueError,
     "taken"),
    (lambda: fit(metrics={"cost": half_square}), ValueError, "another name"),
    (lambda: fit(metrics={"each": lambda o, t: o - t}), ValueError, r"'each'.*\(4, 1\)"),
    (lambda: fit(callbacks=[nn.EarlyStopping("x")]), ValueError, "no column 'x'.*step, epoch"),
    (lambda: nn.EarlyStopping(patience=0), ValueError, "patience"),
    (lambda: nn.EarlyStopping(better="less"), ValueError, "'smaller' or 'larger'"),  # type: ignore[arg-type]
    (lambda: nn.EarlyStopping(least_change=-1), ValueError, "least_change"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
