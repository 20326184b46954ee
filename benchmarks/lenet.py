"""One training step of LeNet, side by side with PyTorch on the CPU.

    pip install -e '.[compare]'
    python -m benchmarks.lenet

Forward, backward and SGD with momentum on the same batch, the same sizes and the same number of
threads. Rounds are interleaved, so that a noisy machine slows all alike; quoted are the medians,
and the median and the quartiles of the ratios round by round.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tracemalloc
from typing import Any

from benchmarks.timing import Step, interleaved, limit_threads, report


def ours(images: Any, labels: Any) -> Step:
    """A step of this library."""
    import numpy as np

    from nn import SGD, LeNet, SoftmaxCrossEntropy

    net = LeNet(generator=np.random.default_rng(0))
    loss = SoftmaxCrossEntropy()
    optimiser = SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=5e-4, bias_rate_factor=2.0)

    def step() -> None:
        loss(net(images), labels).backward(keep_adjoints=False)
        optimiser.step()

    return step


def torch_step(images: Any, labels: Any, *, channels_last: bool) -> Step:
    """A step of PyTorch, eager, in one of its two memory layouts."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    weights = [p for p in net.parameters() if p.ndim > 1]
    biases = [p for p in net.parameters() if p.ndim == 1]
    optimiser = torch.optim.SGD(
        [{"params": weights, "weight_decay": 5e-4}, {"params": biases, "lr": 0.02}],
        lr=0.01,
        momentum=0.9,
    )
    loss = nn.CrossEntropyLoss()

    def step() -> None:
        optimiser.zero_grad()
        loss(net(x), y).backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one training step of LeNet against PyTorch.")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    limit_threads(options.threads)
    import numpy as np

    try:
        import torch
    except ImportError:
        sys.exit("error: PyTorch is not installed; pip install -e '.[compare]'")
    torch.set_num_threads(options.threads)
    generator = np.random.default_rng(0)
    images = generator.random((options.batch_size, 1, 28, 28), dtype=np.float32)
    images.flags.writeable = False  # as the loaders hand them out
    labels = generator.integers(0, 10, options.batch_size)
    own = ours(images, labels)
    steps = {
        "this library": own,
        "torch eager": torch_step(images.copy(), labels, channels_last=False),
        "torch channels_last": torch_step(images.copy(), labels, channels_last=True),
    }
    print(
        f"LeNet training step, batch {options.batch_size}, {options.threads} thread(s), "
        f"{options.rounds} rounds; Python {platform.python_version()}, NumPy {np.__version__}, "
        f"torch {torch.__version__}, {platform.machine()}"
    )
    times = interleaved(steps, options.rounds)
    report(times, "ms", 1e3)
    print(f"peak of memory allocated by a step of this library: {peak(own) / 2**20:.1f} MiB")


def peak(step: Step) -> int:
    """The most bytes that a step holds at a time, beyond what is there before it."""
    tracemalloc.start()
    step()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - before


if __name__ == "__main__":
    main()
