"""One training step of a small dense network, side by side with PyTorch on the CPU.

    pip install -e '.[compare]'
    python -m benchmarks.mlp

784-128-10 with ReLU and softmax cross-entropy, batch 64, plain SGD. The products of matrices take
the same time everywhere; what differs is what each library spends around them.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from typing import Any

from benchmarks.timing import Step, interleaved, limit_threads, report

RATE = 0.01


def ours(images: Any, labels: Any) -> Step:
    """A step of this library, by its layers."""
    import numpy as np

    import nn

    generator = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Dense(784, 128, generator=generator), nn.ReLU(), nn.Dense(128, 10, generator=generator)
    )
    loss = nn.SoftmaxCrossEntropy()
    optimiser = nn.SGD(net.parameters(), RATE)

    def step() -> None:
        loss(net(images), labels).backward(keep_adjoints=False)
        optimiser.step()

    return step


def torch_step(images: Any, labels: Any) -> Step:
    """A step of PyTorch, eager."""
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE)
    loss = nn.CrossEntropyLoss()

    def step() -> None:
        optimiser.zero_grad()
        loss(net(x), y).backward()
        optimiser.step()

    return step


def by_hand(images: Any, labels: Any) -> Step:
    """The same arithmetic written out in NumPy: what remains if the graph costs nothing."""
    import numpy as np

    generator = np.random.default_rng(0)
    W1 = generator.normal(0, 0.05, (784, 128)).astype(np.float32)
    W2 = generator.normal(0, 0.05, (128, 10)).astype(np.float32)
    b1, b2 = np.zeros(128, np.float32), np.zeros(10, np.float32)
    rows = np.arange(len(labels))

    def step() -> None:
        h = np.maximum(images @ W1 + b1, 0)
        s = h @ W2 + b2
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[rows, labels] -= 1
        p /= len(labels)
        th = (p @ W2.T) * (h > 0)
        for parameter, gradient in (
            (W1, images.T @ th),
            (b1, th.sum(axis=0)),
            (W2, h.T @ p),
            (b2, p.sum(axis=0)),
        ):
            parameter -= np.float32(RATE) * gradient

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one training step of a dense network.")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    limit_threads(options.threads)
    import numpy as np

    generator = np.random.default_rng(0)
    images = generator.random((options.batch_size, 784), dtype=np.float32)
    images.flags.writeable = False  # as the loaders hand them out
    labels = generator.integers(0, 10, options.batch_size)
    steps = {"this library": ours(images, labels), "NumPy by hand": by_hand(images, labels)}
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed; pip install -e '.[compare]'", file=sys.stderr)
    else:
        torch.set_num_threads(options.threads)
        steps["torch eager"] = torch_step(images.copy(), labels)
    print(
        f"784-128-10, batch {options.batch_size}, {options.threads} thread(s), {options.rounds} "
        f"rounds; Python {platform.python_version()}, NumPy {np.__version__}"
    )
    times = interleaved(steps, options.rounds)
    report(times, "µs", 1e6)


if __name__ == "__main__":
    main()
