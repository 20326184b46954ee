"""LeNet trained on MNIST with this library: a script as a user would write it.

python -m benchmarks.peers.train_ours DATA STEPS THREADS SEED
"""

from __future__ import annotations

import sys

import numpy as np

import autodiff
import nn


def main(folder: str, steps: int, threads: int, seed: int) -> None:
    autodiff.config.threads = threads
    data = nn.load_mnist(folder)
    generator = np.random.default_rng(seed)
    net = nn.LeNet(generator=generator)
    optimiser = nn.SGD(
        net.parameters(),
        nn.InverseDecay(0.01, gamma=1e-4, power=0.75),
        momentum=0.9,
        weight_decay=5e-4,
        bias_rate_factor=2.0,
    )
    history = nn.train(
        net,
        nn.SoftmaxCrossEntropy(),
        optimiser,
        data,
        steps=steps,
        batch_size=64,
        generator=generator,
        evaluate_every=500,
        progress=False,
    )
    print(history[-1].test_accuracy)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
