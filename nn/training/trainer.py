"""The trainer: steps over mini-batches, with a look at held-out sets now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from autodiff import is_recording, no_grad
from autodiff.graph import bare, describe
from nn.architecture import architecture, first_difference
from nn.checks import need_generator, number, whole
from nn.data import Augmentation
from nn.module import Module, Parameter
from nn.optimisers import Optimiser, clip_gradients_by_norm
from nn.schedules import Rate, rate_at
from nn.tensor_files import PathLike
from nn.training.callbacks import Callback, Function
from nn.training.checkpoints import checkpoint_file, read_checkpoint, write_checkpoint
from nn.training.examples import Examples, TrainingSet, check_examples, predictions
from nn.training.generators import generator_states, restore_generators
from nn.training.history import History
from nn.training.progress import Progress
from nn.training.step import TrainingStep

Metric: TypeAlias = Callable[[Any, Any], Any]


class Trainer:
    """Makes the loss of a model small, step by step.

    Args:
        model: from inputs to outputs. It trains in training mode, and is evaluated by ``predict``.
        loss: of outputs and targets, a single number; a module or a function.
        optimiser: of the model's parameters.
        metrics: further numbers to report: functions of outputs and targets, both bare arrays.
        clip: the largest norm of all gradients together; or a function that changes the gradients
            of the parameters that it is given, before each step.
        augment: makes variants of a batch of inputs, such as ``nn.shift``. All that is random in it
            has to come from the generator that it is given.
        callbacks: functions of the trainer, called after each evaluation, or ``Callback`` objects.

    Attributes:
        step: how many steps have been taken.
        epoch: how many times as many examples as there are have been learnt from.
        cost: of the last step.
        history: the evaluations so far.
        stopped: why the training ended before its last step; None if it did not.

    Example:
        >>> import numpy as np
        >>> from nn import SGD, Dense, Sequential, SoftmaxCrossEntropy, Trainer
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(100, 2))
        >>> y = (x[:, 0] > x[:, 1]).astype(int)
        >>> net = Sequential(Dense(2, 2, generator=rng))
        >>> trainer = Trainer(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 1.0))
        >>> options = {"validation": 0.2, "generator": rng, "progress": False}
        >>> history = trainer.fit(x, y, steps=50, batch_size=20, **options)
        >>> bool(history[-1].validation_cost < 0.2)
        True
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        optimiser: Optimiser,
        *,
        metrics: Mapping[str, Metric] | None = None,
        clip: float | Callable[[Sequence[Parameter]], Any] | None = None,
        augment: Augmentation | None = None,
        callbacks: Iterable[Callback | Callable[[Trainer], Any]] = (),
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimiser = optimiser
        self.metrics = _functions_by_name(metrics)
        if "cost" in self.metrics:
            raise ValueError("Trainer: metrics: 'cost' is the loss; give this metric another name")
        self.clip = (
            clip if clip is None or callable(clip) else number("Trainer: clip", clip, above=0)
        )
        self.augment = augment
        self.callbacks = [_callback(c) for c in _several(callbacks)]
        self.step = 0
        self.epoch = 0.0
        self.cost = math.nan
        self.history = History()
        self.stopped: str | None = None
        self._begun = False

    def fit(
        self,
        inputs: Any,
        targets: Any,
        *,
        steps: int,
        batch_size: int,
        generator: np.random.Generator,
        replacement: bool = False,
        validation: float | Examples | None = None,
        held_out: Mapping[str, Examples] | None = None,
        evaluate_every: int = 500,
        checkpoint: PathLike | None = None,
        checkpoint_every: int = 500,
        resume: bool | PathLike = False,
        progress: bool = True,
    ) -> History:
        """Train from the start, or on from a checkpoint.

        A run that is killed at any moment and resumed with the same arguments ends bit for bit as
        if it had not been interrupted, on the same machine. ``autodiff.config.threads`` may differ,
        but not the number of BLAS' own threads, with which its products may round differently. A
        rate that a callback has changed stays changed, unless the optimiser is made with another
        one.

        Args:
            inputs: one example along the first axis each.
            targets: one for each input.
            steps: how many mini-batches to learn from, those before a resumption included.
            batch_size: examples in each.
            generator: of the split, the order of the examples, and the augmentation.
            replacement: whether an example may be drawn again before all have been. If not, each
                comes once per epoch.
            validation: inputs and targets to evaluate on, or the share of the examples to hold out
                for that, drawn at random. Their columns of the history begin with "validation".
            held_out: more sets to evaluate on, by name.
            evaluate_every: steps from one evaluation to the next; the last step has one too.
            checkpoint: file or folder for checkpoints; none are written if not given.
            checkpoint_every: steps from one to the next; the last step has one too.
            resume: the file or folder of the checkpoint to go on from; True is the one of
                ``checkpoint``, or a start from the beginning where none has been written yet.
            progress: whether to show a progress bar and print evaluations.

        Returns:
            The evaluations, in order.

        Raises:
            ValueError: a number is out of range, inputs and targets are not as many, the optimiser
                is of another model's parameters, or the checkpoint is of another model, optimiser,
                or number of examples.
            RuntimeError: recording is switched off.
            FloatingPointError: the cost is no longer a finite number, or, where gradients are
                clipped by norm, a gradient is not; the parameters, and buffers if it is the cost,
                are still those that it was computed with.
        """
        for name, n in (
            ("steps", steps),
            ("batch_size", batch_size),
            ("evaluate_every", evaluate_every),
            ("checkpoint_every", checkpoint_every),
        ):
            whole(f"fit: {name}", n)
        self._need_something_to_train()
        given: dict[str, Any] = dict(held_out or {})
        if "train" in given or ("validation" in given and validation is not None):
            raise ValueError(
                "fit: held_out: columns of the history that begin with 'train' or 'validation' are "
                f"taken; other names than {', '.join(given)} are needed"
            )
        share = float(validation) if isinstance(validation, Real) else 0.0
        if validation is not None and not isinstance(validation, Real):
            given = {"validation": validation, **given}
        sets = {name: check_examples(name, pair) for name, pair in given.items()}
        self._generator = need_generator(generator)
        self._examples = TrainingSet(
            inputs,
            targets,
            batch_size=batch_size,
            generator=generator,
            replacement=replacement,
            validation_share=share,
        )
        self._begin()
        self._resume(checkpoint, resume)
        if share:
            sets = {"validation": self._examples.validation(), **sets}
        with Progress(steps, self.step, progress) as shown:
            while self.step < steps and self.stopped is None:
                self._take_step()
                shown.step(self.cost)
                last = self.step == steps or self.stopped is not None
                if last or self.step % evaluate_every == 0:
                    self._evaluate(sets)
                    shown.say(self.history[-1])
                last = self.step == steps or self.stopped is not None
                if checkpoint is not None and (last or self.step % checkpoint_every == 0):
                    write_checkpoint(checkpoint, self.state())
            if self.stopped is not None:
                shown.say(f"stopped at step {self.step}: {self.stopped}")
        for callback in self.callbacks:
            callback.after_training(self)
        return self.history

    def stop(self, reason: str) -> None:
        """End the training after this step; for callbacks."""
        self.stopped = reason

    def state(self) -> dict[str, Any]:
        """All that the rest of a training depends on, the data aside: what a checkpoint holds.

        Raises:
            ValueError: no training has begun.
        """
        if not self._begun:
            raise ValueError("Trainer.state: there is none before fit() has begun a training")
        return {
            "architecture": self._architecture,
            "model": self.model.state(),
            "frozen": [path for path, p in self.model.named_parameters() if p.frozen],
            "loss": self.loss.state() if isinstance(self.loss, Module) else {},
            "optimiser": {
                "class": type(self.optimiser).__name__,
                "state": self.optimiser.state(),
                "rates": [self._first_rate, _if_number(self.optimiser.rate)],
            },
            "examples": self._examples.state(),
            "generators": generator_states(self._generators()),
            "callbacks": [callback.state() for callback in self.callbacks],
            "history": [dict(row) for row in self.history],
            "recent": {name: np.array(numbers) for name, numbers in self._recent.items()},
            "step": self.step,
            "epoch": self.epoch,
            "cost": self.cost,
            "stopped": self.stopped,
            "seconds": self._seconds(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: it is of another model, optimiser, or number of examples. Nothing is changed
                then.
        """
        before = self.state()
        try:
            self._take_over(state)
        except Exception:
            self._take_over(before)
            raise

    # --- the parts of a training ------------------------------------------------------------------

    def _need_something_to_train(self) -> None:
        if not is_recording():
            raise RuntimeError("fit: nothing can be learnt inside of no_grad()")
        trained = {id(parameter) for parameter in self.optimiser.parameters}
        modules = [part for part in (self.model, self.loss) if isinstance(part, Module)]
        if not any(id(p) in trained for module in modules for p in module.parameters()):
            raise ValueError(
                "fit: the optimiser has none of the model's parameters: make it of "
                "model.parameters()"
            )

    def _begin(self) -> None:
        """A training that has not taken a step."""
        self._begun = True
        self.step = 0
        self.epoch = 0.0
        self.cost = math.nan
        self.history = History()
        self.stopped = None
        self._recent: dict[str, list[float]] = {}
        self._started = time.perf_counter()
        self._architecture = _architecture_if_known(self.model)
        self._first_rate = _if_number(self.optimiser.rate)
        self._parameters = self.model.parameters()
        self._training_step = TrainingStep(self.model, self.loss, self.optimiser, name="fit")
        self._buffers = [b for _, b in self.model.named_buffers() if b.flags.writeable]
        self.model.train()
        for callback in self.callbacks:
            callback.before_training(self)

    def _resume(self, checkpoint: PathLike | None, resume: bool | PathLike) -> None:
        """Go on from a checkpoint, if that is wanted."""
        if resume is True:
            if checkpoint is None:
                raise ValueError("fit: resume=True goes on from checkpoint=, which is not given")
            if not checkpoint_file(checkpoint).exists():
                return
        source = checkpoint if isinstance(resume, bool) else resume
        if resume is False or source is None:
            return
        state = read_checkpoint(source)
        try:
            self.load_state(state)
        except ValueError as fault:
            raise ValueError(f"{checkpoint_file(source)}: {fault}") from fault

    def _take_step(self) -> None:
        """Learn from one batch."""
        before = [buffer.copy() for buffer in self._buffers]
        inputs, targets = self._examples.next_batch()
        if self.augment is not None:
            inputs = self.augment(inputs, self._generator)
        self._forget()
        step = self._training_step
        step.model, step.loss, step.optimiser = self.model, self.loss, self.optimiser
        value = step.differentiate(inputs, targets)
        if not math.isfinite(value):
            self._forget()
            for buffer, old in zip(self._buffers, before, strict=True):
                np.copyto(buffer, old)
            raise FloatingPointError(
                f"fit: the cost became {value} at step {self.step + 1}: a lower rate may help"
            )
        if callable(self.clip):
            self.clip(self._parameters)
        elif self.clip is not None:
            clip_gradients_by_norm(self._parameters, self.clip)
        step.move()
        self.step += 1
        self.epoch = self.step * len(targets) / len(self._examples)
        self.cost = value
        self._recent.setdefault("cost", []).append(value)
        for name, measured in self._measured(step.outputs, targets).items():
            self._recent.setdefault(f"train_{name}", []).append(measured)
        for callback in self.callbacks:
            callback.after_step(self)

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    def _evaluate(self, sets: Mapping[str, Examples]) -> None:
        """Add a row to the history."""
        row: dict[str, float] = {"step": self.step, "epoch": self.epoch}
        row |= {name: float(np.mean(numbers)) for name, numbers in self._recent.items()}
        self._recent.clear()
        for name, (inputs, targets) in sets.items():
            outputs = predictions(self.model, inputs)
            with no_grad():
                row[f"{name}_cost"] = float(bare(self.loss(outputs, targets)))
            for metric, measured in self._measured(outputs, targets).items():
                row[f"{name}_{metric}"] = measured
        row["rate"] = self._rate()
        row["seconds"] = self._seconds()
        self.history.append(row)
        for callback in self.callbacks:
            callback.after_evaluation(self)

    def _measured(self, outputs: Any, targets: Any) -> dict[str, float]:
        """The metrics."""
        numbers = {}
        for name, metric in self.metrics.items():
            value = np.asarray(bare(metric(outputs, targets)))
            if value.ndim:
                raise ValueError(
                    f"fit: the metric {name!r} gives an array of shape {value.shape}, and a history"
                    " holds numbers; compute it from nn.predictions(model, inputs) afterwards"
                )
            numbers[name] = float(value)
        return numbers

    def _rate(self) -> float:
        """The rate of the last step."""
        return float(rate_at(self.optimiser.rate, self.optimiser.steps - 1))

    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    def _generators(self) -> dict[str, np.random.Generator]:
        """Every source of random numbers that training draws from."""
        named = {"order": self._generator}
        for owner in ("model", "loss"):
            module = getattr(self, owner)
            if isinstance(module, Module):
                named |= {f"{owner}.{path}": g for path, g in module.named_generators()}
        return named

    def _take_over(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what has been taken over by then stays so if a part does not fit."""
        difference = first_difference(self._architecture, state["architecture"])
        if difference is not None:
            raise ValueError(f"this state is of another model: {difference}")
        optimiser = state["optimiser"]
        if optimiser["class"] != type(self.optimiser).__name__:
            raise ValueError(
                f"this state is of another optimiser: expected {type(self.optimiser).__name__}, "
                f"got {optimiser['class']}"
            )
        if len(state["callbacks"]) != len(self.callbacks):
            raise ValueError(
                f"this state is of another training: expected that of {len(self.callbacks)} "
                f"callbacks, got {len(state['callbacks'])}"
            )
        self.model.load_state(state["model"])
        for path, parameter in self.model.named_parameters():
            parameter.frozen = path in state["frozen"]
        if isinstance(self.loss, Module):
            self.loss.load_state(state["loss"])
        self.optimiser.load_state(optimiser["state"])
        first, last = optimiser["rates"]
        if last is not None and first == self._first_rate:  # else another one is wanted by now
            self.optimiser.rate = last
        self._examples.load_state(state["examples"])
        restore_generators(self._generators(), state["generators"])
        for callback, its_state in zip(self.callbacks, state["callbacks"], strict=True):
            try:
                callback.load_state(its_state)
            except KeyError as fault:
                raise ValueError(
                    f"this state is of another training: {type(callback).__name__} finds no "
                    f"{fault} in that of the callback in its place"
                ) from fault
        self.history = History(state["history"])
        self._recent = {name: numbers.tolist() for name, numbers in state["recent"].items()}
        self.step = state["step"]
        self.epoch = state["epoch"]
        self.cost = state["cost"]
        self.stopped = state["stopped"]
        self._started = time.perf_counter() - state["seconds"]


def _functions_by_name(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    if metrics is not None and not (
        isinstance(metrics, Mapping) and all(map(callable, metrics.values()))
    ):
        raise TypeError(
            "Trainer: metrics: expected a dict of functions by name, such as "
            f"{{'accuracy': nn.accuracy}}, got {describe(metrics)}"
        )
    return dict(metrics or {})


def _several(callbacks: Any) -> Iterable[Any]:
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"Trainer: callbacks: expected a list of them, got {describe(callbacks)}")
    return callbacks


def _callback(given: Any) -> Callback:
    if isinstance(given, Callback):
        return given
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            "Trainer: callbacks: expected functions of the trainer or Callback objects, got "
            f"{describe(given)}"
        )
    return Function(given)


def _if_number(rate: Rate) -> float | None:
    return None if callable(rate) else rate


def _architecture_if_known(model: Module) -> dict[str, Any] | None:
    """The architecture; None for a model with parts that can't be described."""
    try:
        return architecture(model)
    except TypeError:
        return None
