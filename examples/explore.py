"""Write pages on which one steps through the forward and the reverse pass.

python -m examples.explore               writes expression.html and network.html into explore-output
python -m examples.explore FOLDER        into another folder
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import autodiff as ad
from autodiff import Node, Tensor, Value
from nn import Conv2d, Dense, Flatten, MaxPool2d, ReLU, Sequential, SoftmaxCrossEntropy, load_digits


def expression() -> Node:
    """The expression of the README: sin(θ·x1 + x2) + θ·x2²."""
    θ, x1, x2 = Value(0.5, label="θ"), Value(2.0, label="x1"), Value(3.0, label="x2")
    f: Node = ad.sin(θ * x1 + x2) + θ * x2**2
    f.label = "f"
    return f


def network() -> Node:
    """The loss of a small convolutional network, not trained, for one handwritten digit."""
    rng = np.random.default_rng(0)
    net = Sequential(
        Conv2d(1, 4, 5, generator=rng),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dense(4 * 12 * 12, 10, generator=rng),
    )
    data = load_digits()
    image = Tensor(data.train_images[:1], label="image")
    loss: Node = SoftmaxCrossEntropy()(net(image), data.train_labels[:1])
    loss.label = "loss"
    return loss


def main(folder: Path = Path("explore-output")) -> list[Path]:
    """Write both pages into ``folder``, which is made if it isn't there.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [
        ad.explore(expression(), folder / "expression.html"),
        ad.explore(network(), folder / "network.html"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m examples.explore",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("explore-output"))
    for path in main(parser.parse_args().folder):
        print(f"written: {path}, to be opened in a browser")
