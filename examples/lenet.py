"""Train LeNet to read handwritten digits.

python -m examples.lenet                                    the digits that come with the package
python -m examples.lenet --data mnist --data-dir DIR        MNIST from files in DIR
python -m examples.lenet --data mnist                       MNIST, downloaded once
python -m examples.lenet --checkpoint FOLDER                keeps what it needs to go on in FOLDER
python -m examples.lenet --checkpoint FOLDER --resume       goes on, where it had been interrupted
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
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
    net = LeNet(image=data.train_images.shape[1:], classes=len(data.classes), generator=generator)
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
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="folder for checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint there")
    options = parser.parse_args(arguments)
    embedded = options.data == "digits"
    if embedded and options.data_dir is not None:
        parser.error("--data-dir goes with --data mnist or fashion-mnist")
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    if options.resume and options.checkpoint is None:
        parser.error("--resume goes with --checkpoint FOLDER")
    steps = (400 if embedded else 2000) if options.steps is None else options.steps
    every = options.evaluate_every
    if every is None:
        every = 100 if embedded else 500
    try:
        data = load_digits() if embedded else load_mnist(options.data_dir, name=options.data)
        _, history = train_lenet(
            data,
            steps=steps,
            batch_size=options.batch_size,
            evaluate_every=every,
            seed=options.seed,
            checkpoint=options.checkpoint,
            resume=options.resume,
        )
    except (DataError, FloatingPointError, OSError, ValueError) as fault:
        sys.exit(f"error: {fault}")
    last = history[-1]
    images = last.step * options.batch_size
    print(
        f"{data.name}: test accuracy {last.test_accuracy:.2%} after {last.step} steps, "
        f"{last.seconds:.1f} s, {images / last.seconds:.0f} images per second"
    )


if __name__ == "__main__":
    main()
