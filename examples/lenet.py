"""Train LeNet to read handwritten digits; its layers and their sizes as a table come first.

python -m examples.lenet                                    the digits that come with the package
python -m examples.lenet --data mnist --data-dir DIR        MNIST from files in DIR
python -m examples.lenet --data mnist                       MNIST, downloaded once
python -m examples.lenet --data mnist --steps 10000         as in the course, about 99.1 % right
python -m examples.lenet --data mnist --seeds 3             three trainings, and their mean
python -m examples.lenet --data mnist --small               every twentieth image only
python -m examples.lenet --checkpoint FOLDER                keeps what it needs to go on in FOLDER
python -m examples.lenet --checkpoint FOLDER --resume       goes on, where it had been interrupted

The files in DIR are the four of MNIST, or mnist_all.mat. The course's program takes a twentieth of
the data unless it is told otherwise; this one takes all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nn import (
    SGD,
    DataError,
    Dataset,
    History,
    InverseDecay,
    LeNet,
    Sequential,
    SoftmaxCrossEntropy,
    load_digits,
    load_mnist,
    train,
)


def lenet_for(data: Dataset, generator: np.random.Generator) -> Sequential:
    """A new LeNet for the images and classes of a data set."""
    return LeNet(image=data.train_images.shape[1:], classes=len(data.classes), generator=generator)


def every_twentieth(data: Dataset) -> Dataset:
    """A twentieth of the images for training and of those for testing.

    They are spread over the whole set, since in some files all zeros come first.
    """
    return replace(
        data,
        name=f"{data.name}, every 20th image",
        train_images=data.train_images[::20],
        train_labels=data.train_labels[::20],
        test_images=data.test_images[::20],
        test_labels=data.test_labels[::20],
    )


def train_lenet(
    data: Dataset,
    *,
    steps: int,
    batch_size: int = 64,
    evaluate_every: int = 500,
    seed: int = 0,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> tuple[Sequential, History]:
    """Train LeNet on a data set: ε = 0.01, γ = 1e-4, p = 0.75, μ = 0.9, λ = 5e-4 on weights.

    Biases learn at twice the rate.

    Args:
        data: images and labels.
        steps: mini-batches to learn from.
        batch_size: images in each.
        evaluate_every: steps between looks at the test set; checkpoints are written then, too.
        seed: of the first weights and the order.
        checkpoint: the folder for checkpoints; none are written if not given.
        resume: whether to go on from the checkpoint that is there, if there is one.

    Returns:
        The network and the evaluations on the way.
    """
    generator = np.random.default_rng(seed)
    net = lenet_for(data, generator)
    optimiser = SGD(
        net.parameters(),
        InverseDecay(0.01, gamma=1e-4, power=0.75),
        momentum=0.9,
        weight_decay=5e-4,
        bias_rate_factor=2.0,
    )
    history = train(
        net,
        SoftmaxCrossEntropy(),
        optimiser,
        data,
        steps=steps,
        batch_size=batch_size,
        generator=generator,
        evaluate_every=evaluate_every,
        checkpoint=checkpoint,
        checkpoint_every=evaluate_every,
        resume=resume,
    )
    return net, history


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.lenet", description="Train LeNet to read handwritten digits."
    )
    parser.add_argument("--data", choices=["digits", "mnist", "fashion-mnist"], default="digits")
    parser.add_argument("--data-dir", help="folder with the MNIST files; downloaded if not given")
    parser.add_argument(
        "--steps", type=int, help="mini-batches to learn from (digits: 400, else 2000)"
    )
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--evaluate-every", type=int, help="steps between looks at the test set")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the order")
    parser.add_argument("--seeds", type=int, default=1, help="so many trainings, and their mean")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", dest="small", action="store_false", help="all images (default)")
    size.add_argument("--small", action="store_true", help="every twentieth image")
    parser.set_defaults(small=False)
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="folder for checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint there")
    options = parser.parse_args(arguments)
    embedded = options.data == "digits"
    if embedded and options.data_dir is not None:
        parser.error("--data-dir goes with --data mnist or fashion-mnist")
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    if options.seeds < 1:
        parser.error(f"--seeds is at least 1, got {options.seeds}")
    if options.resume and options.checkpoint is None:
        parser.error("--resume goes with --checkpoint FOLDER")
    steps = (400 if embedded else 2000) if options.steps is None else options.steps
    every = options.evaluate_every
    if every is None:
        every = 100 if embedded else 500
    seeds = range(options.seed, options.seed + options.seeds)
    accuracies = []
    try:
        data = load_digits() if embedded else load_mnist(options.data_dir, name=options.data)
        if options.small:
            data = every_twentieth(data)
        net = lenet_for(data, np.random.default_rng(0))
        print(net.summary(data.train_images.shape[1:]), end="\n\n", flush=True)
        for seed in seeds:
            folder: Path | None = options.checkpoint
            if folder is not None and len(seeds) > 1:
                folder /= f"seed-{seed}"
            _, history = train_lenet(
                data,
                steps=steps,
                batch_size=options.batch_size,
                evaluate_every=every,
                seed=seed,
                checkpoint=folder,
                resume=options.resume,
            )
            last = history[-1]
            accuracies.append(last.test_accuracy)
            speed = last.step * options.batch_size / last.seconds
            print(
                f"{data.name}: test accuracy {last.test_accuracy:.2%} after {last.step} steps, "
                f"{last.seconds:.1f} s, {speed:.0f} images per second",
                flush=True,
            )
    except (DataError, FloatingPointError, OSError, ValueError) as fault:
        sys.exit(f"error: {fault}")
    if len(seeds) > 1:
        print(
            f"mean test accuracy of the seeds {seeds[0]} to {seeds[-1]}: "
            f"{np.mean(accuracies):.2%} ± {np.std(accuracies, ddof=1):.2%} (standard deviation)"
        )


if __name__ == "__main__":
    main()
