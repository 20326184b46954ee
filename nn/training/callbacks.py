"""What is called while a model trains, and may stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from nn.checks import whole

if TYPE_CHECKING:
    from nn.training.trainer import Trainer


class Callback:
    """Something to do on the way: a subclass overrides the moments that it cares for.

    What is handed over knows all of the training (``step``, ``cost``, ``history``, ``model``,
    ``optimiser``) and ends it with ``stop(reason)``. A plain function of it serves as a callback
    after each evaluation.
    """

    def before_training(self, trainer: Trainer) -> None:
        """Called before the first step, also of a resumed training."""

    def after_step(self, trainer: Trainer) -> None:
        """Called when the parameters have moved."""

    def after_evaluation(self, trainer: Trainer) -> None:
        """Called when ``trainer.history`` has a new row."""

    def after_training(self, trainer: Trainer) -> None:
        """Called after the last step."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: dicts by string, lists, numbers, strings and arrays."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class Function(Callback):
    """A function as a callback, called after each evaluation."""

    def __init__(self, function: Callable[[Trainer], Any]) -> None:
        self.function = function

    def after_evaluation(self, trainer: Trainer) -> None:
        self.function(trainer)


class EarlyStopping(Callback):
    """Stop when a number of the history has not become better for some evaluations.

    After Prechelt, Early Stopping - But When? (1998): the model that comes out is the best one, by
    the number watched.

    Args:
        watch: the column of the history, such as "validation_cost" or "test_accuracy".
        better: which numbers are better: "smaller" or "larger" ones.
        patience: how many evaluations without a better one end the training.
        least_change: how much better counts as better.
        restore_best: whether the model gets back the parameters and buffers of the best evaluation.

    Attributes:
        best: the best number so far.
        best_step: the step that it was of.

    Raises:
        ValueError: a setting is out of range; or, while training, there is no such column.
    """

    def __init__(
        self,
        watch: str = "validation_cost",
        *,
        better: Literal["smaller", "larger"] = "smaller",
        patience: int = 5,
        least_change: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        if better not in ("smaller", "larger"):
            raise ValueError(f"EarlyStopping: better is 'smaller' or 'larger', got {better!r}")
        if not least_change >= 0:
            raise ValueError(f"EarlyStopping: least_change is never negative, got {least_change}")
        self.watch = watch
        self.better = better
        self.patience = whole("EarlyStopping: patience", patience)
        self.least_change = least_change
        self.restore_best = restore_best
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0
        self.weights: dict[str, Any] | None = None

    def before_training(self, trainer: Trainer) -> None:
        self.load_state(FRESH)

    def after_evaluation(self, trainer: Trainer) -> None:
        row = trainer.history[-1]
        if self.watch not in row:
            raise ValueError(
                f"EarlyStopping: the history has no column {self.watch!r} to watch; it has "
                f"{', '.join(row)}"
            )
        sign = 1 if self.better == "smaller" else -1
        value = row[self.watch]
        # A nan is better than nothing, so that there is a best model, and worse than any number.
        if self.best is None or self.best != self.best or (
            sign * value < sign * self.best - self.least_change
        ):  # fmt: skip
            self.best, self.best_step, self.waited = value, trainer.step, 0
            if self.restore_best:
                self.weights = trainer.model.state()
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop(
                f"{self.watch} has not become better than {self.best:.6g} at step {self.best_step}"
            )

    def after_training(self, trainer: Trainer) -> None:
        if self.weights is not None:
            trainer.model.load_state(self.weights)

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FRESH}

    def load_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
        self.best_step = state["best_step"]
        self.waited = state["waited"]
        self.weights = state["weights"]


FRESH: dict[str, Any] = {"best": None, "best_step": 0, "waited": 0, "weights": None}
"""The state of an ``EarlyStopping`` that has seen nothing yet."""
