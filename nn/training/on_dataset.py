"""Training a classifier on a data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.data import Dataset
from nn.metrics import accuracy
from nn.module import Module
from nn.optimisers import Optimiser
from nn.training.history import History
from nn.training.trainer import Trainer

TRAINER_OPTIONS = ("metrics", "clip", "augment", "callbacks")


def train(
    model: Module,
    loss: Any,
    optimiser: Optimiser,
    data: Dataset,
    *,
    steps: int,
    batch_size: int,
    generator: np.random.Generator,
    **options: Any,
) -> History:
    """Train a classifier and evaluate it on the test images: a short way to use ``Trainer``.

    Args:
        model: images to scores.
        loss: of scores and labels, to be made small.
        optimiser: of the model's parameters.
        data: images and labels, for training and for testing.
        steps: how many mini-batches to learn from.
        batch_size: images in each.
        generator: of the order of the images.
        options: further ones of ``Trainer`` and of its ``fit``. Unless ``metrics`` are given, the
            accuracy is reported: ``train_accuracy`` and ``test_accuracy``.

    Returns:
        The evaluations, in order.

    Raises:
        TypeError: there is no such option.
        ValueError: a number is not positive, or a batch is larger than the training set.
        FloatingPointError: the cost is no longer a finite number; the parameters are still those
            that it was computed with.
    """
    its_own = {name: options.pop(name) for name in TRAINER_OPTIONS if name in options}
    trainer = Trainer(model, loss, optimiser, **{"metrics": {"accuracy": accuracy}, **its_own})
    held_out = {"test": (data.test_images, data.test_labels), **options.pop("held_out", {})}
    return trainer.fit(
        data.train_images,
        data.train_labels,
        steps=steps,
        batch_size=batch_size,
        generator=generator,
        held_out=held_out,
        **options,
    )
