"""Training: steps over shuffled mini-batches, with a look at the test set now and then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn.data import Dataset, shuffled_batches
from nn.metrics import accuracy
from nn.module import Array, Module
from nn.optimisers import SGD


@dataclass(frozen=True)
class Evaluation:
    """Where training stands after some steps.

    Attributes:
        step: how many steps have been taken.
        cost: mean loss over the mini-batches since the last evaluation.
        train_accuracy: share of those mini-batches' images that were classified rightly.
        test_accuracy: share of all test images.
    """

    step: int
    cost: float
    train_accuracy: float
    test_accuracy: float

    def __str__(self) -> str:
        return (
            f"step {self.step:6d}   cost {self.cost:.4f}   "
            f"training accuracy {self.train_accuracy:7.2%}   "
            f"test accuracy {self.test_accuracy:7.2%}"
        )


def train(
    model: Module,
    loss: Module,
    optimiser: SGD,
    data: Dataset,
    *,
    steps: int,
    batch_size: int,
    generator: np.random.Generator,
    evaluate_every: int = 500,
    progress: bool = True,
) -> list[Evaluation]:
    """Train a classifier.

    Args:
        model: images to scores.
        loss: of scores and labels, to be made small.
        optimiser: of the model's parameters.
        data: images and labels, for training and for testing.
        steps: how many mini-batches to learn from.
        batch_size: images in each.
        generator: of the order of the images.
        evaluate_every: steps from one look at the test set to the next; the last step has one too.
        progress: whether to show a progress bar and print evaluations.

    Returns:
        The evaluations, in order.

    Raises:
        ValueError: a number is not positive, or a batch is larger than the training set.
        FloatingPointError: the cost is no longer a finite number; the parameters are still those
            that it was computed with.
    """
    from tqdm import tqdm  # here, for it loads much that only a progress bar needs

    if steps < 1 or evaluate_every < 1:
        raise ValueError(
            f"train: expected steps and evaluate_every of at least 1, got {steps}, {evaluate_every}"
        )
    batches = shuffled_batches(len(data.train_labels), batch_size, generator)
    history: list[Evaluation] = []
    costs: list[float] = []
    hits: list[float] = []
    with tqdm(total=steps, unit="step", disable=not progress, dynamic_ncols=True) as bar:
        for step in range(1, steps + 1):
            batch = next(batches)
            images, labels = data.train_images[batch], data.train_labels[batch]
            scores = model(images)
            cost = loss(scores, labels)
            costs.append(float(cost))
            if not np.isfinite(costs[-1]):
                raise FloatingPointError(
                    f"train: the cost became {costs[-1]} at step {step}: a lower rate may help"
                )
            cost.backward(keep_adjoints=False)
            optimiser.step()
            hits.append(accuracy(scores.data, labels))
            bar.update()
            if step % evaluate_every == 0 or step == steps:
                test = accuracy(_outputs(model, data.test_images), data.test_labels)
                history.append(Evaluation(step, float(np.mean(costs)), float(np.mean(hits)), test))
                costs.clear()
                hits.clear()
                if progress:
                    bar.write(str(history[-1]))
    return history


def _outputs(model: Module, images: Array, batch_size: int = 500) -> Array:
    """The scores of many images, some at a time, which bounds memory."""
    starts = range(0, len(images), batch_size)
    return np.concatenate([model.predict(images[i : i + batch_size]) for i in starts])
