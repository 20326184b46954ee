"""The examples that a training learns from, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from autodiff.graph import bare
from nn.checks import whole
from nn.data import random_batches, shuffled_batches
from nn.module import Array, Module
from nn.prediction import Predictor

Examples: TypeAlias = tuple[Any, Any]
"""Inputs and targets, one example along the first axis of each."""


class TrainingSet:
    """Examples in a random order, perhaps without those that are held out for validation.

    Args:
        inputs: one example along the first axis each.
        targets: as many.
        batch_size: examples in a batch.
        generator: of the split and of the order.
        replacement: whether examples are drawn independently of each other.
        validation_share: how many of the examples to hold out, as a share of all.
    """

    def __init__(
        self,
        inputs: Any,
        targets: Any,
        *,
        batch_size: int,
        generator: np.random.Generator,
        replacement: bool,
        validation_share: float = 0.0,
    ) -> None:
        self.inputs, self.targets = check_examples("the training set", (inputs, targets))
        n = len(self.targets)
        held_out = round(n * validation_share) if 0 <= validation_share < 1 else n
        if held_out == n or (validation_share and not held_out):
            raise ValueError(
                f"fit: validation={validation_share} of {n} examples: that must leave some to "
                "train on, and some to validate on"
            )
        order = generator.permutation(n) if held_out else np.arange(n)
        self._chosen = np.sort(order[held_out:])
        self._held_out = np.sort(order[:held_out])
        make = random_batches if replacement else shuffled_batches
        self._batches = make(n - held_out, batch_size, generator)

    def __len__(self) -> int:
        return len(self._chosen)

    def next_batch(self) -> Examples:
        """Inputs and targets of the next batch."""
        which = self._chosen[next(self._batches)]
        return self.inputs[which], self.targets[which]

    def validation(self) -> Examples:
        """What is held out."""
        return self.inputs[self._held_out], self.targets[self._held_out]

    def state(self) -> dict[str, Any]:
        """Which examples are held out, and where the order stands; without the generator."""
        return {"held_out": self._held_out, "batches": self._batches.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: it is of another number of examples, or another kind of batches.
        """
        self._batches.restore(state["batches"])
        n = len(self.targets)
        self._held_out = np.asarray(state["held_out"])
        self._chosen = np.setdiff1d(np.arange(n), self._held_out)


_SEVERAL = 3
"""Batches for which it pays to see how they can be repeated."""


def predictions(model: Module, inputs: Any, *, batch_size: int = 500) -> Array:
    """The model's outputs for many inputs, computed a batch at a time.

    Several batches are what ``Predictor`` gives, a few are what ``model.predict`` does.

    Args:
        model: from inputs to outputs.
        inputs: one along the first axis each.
        batch_size: inputs at a time, which bounds memory.

    Raises:
        ValueError: there are no inputs, or ``batch_size`` is no positive whole number.

    Example:
        >>> import numpy as np
        >>> from nn import ReLU, predictions
        >>> predictions(ReLU(), np.array([[-1.0], [2.0], [3.0]]), batch_size=2).ravel()
        array([0., 2., 3.])
    """
    whole("predictions: batch_size", batch_size)
    if not len(inputs):
        raise ValueError("predictions: there are no inputs")
    whole_batches = len(inputs) // batch_size
    predict = Predictor(model) if whole_batches >= _SEVERAL else model.predict
    outputs = [
        (predict if k < whole_batches else model.predict)(inputs[begin : begin + batch_size])
        for k, begin in enumerate(range(0, len(inputs), batch_size))
    ]
    return np.concatenate(outputs)


def check_examples(name: str, examples: Any) -> Examples:
    """Inputs and targets that are as many, and some, as arrays.

    Raises:
        TypeError: it is no pair.
        ValueError: they are not as many, or none; the message calls them ``name``.
    """
    if not isinstance(examples, tuple) or len(examples) != 2:
        raise TypeError(f"fit: {name}: expected a pair (inputs, targets), got {type(examples)}")
    inputs, targets = (np.asarray(x) if isinstance(x, list) else bare(x) for x in examples)
    if not len(targets) or len(inputs) != len(targets):
        raise ValueError(
            f"fit: {name}: expected as many inputs as targets, and some, got {len(inputs)} and "
            f"{len(targets)}"
        )
    return inputs, targets
