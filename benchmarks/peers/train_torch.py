"""The same with PyTorch: network, first weights, batches, rates, decay and evaluations.

python -m benchmarks.peers.train_torch DATA STEPS THREADS SEED LAYOUT

All images are in memory as one tensor; a ``DataLoader`` would take longer. The cost is not looked
at. With ``fused=True`` the optimiser is no faster here. PyTorch's momentum adds up gradients, ours
steps; at rates that fall as slowly as these, both learn alike.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCH, EVALUATE_EVERY = 64, 500


def load(folder: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels of the set for training or for testing."""
    folder = folder / "mnist" if (folder / "mnist").is_dir() else folder
    pixels = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return (
        torch.from_numpy(images.astype(np.float32) / 255),
        torch.from_numpy(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)),
    )


def lenet() -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip
    for name, parameter in net.named_parameters():
        if name.endswith("weight"):
            bound = (3 / parameter[0].numel()) ** 0.5
            nn.init.uniform_(parameter, -bound, bound)
        else:
            nn.init.zeros_(parameter)
    return net


def batches(count: int) -> Iterator[torch.Tensor]:
    """Every example once, in random order, again and again."""
    while True:
        yield from torch.randperm(count)[: count // BATCH * BATCH].split(BATCH)


def accuracy(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    right = 0
    with torch.inference_mode():
        for x, y in zip(images.split(500), labels.split(500), strict=True):
            right += int((net(x).argmax(1) == y).sum())
    return right / len(labels)


def main(folder: str, steps: int, threads: int, seed: int, layout: str) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    images, labels = load(Path(folder), "train")
    test_images, test_labels = load(Path(folder), "t10k")
    net: Any = lenet()
    if layout == "channels_last":
        net = net.to(memory_format=torch.channels_last)
    weights = [p for p in net.parameters() if p.ndim > 1]
    biases = [p for p in net.parameters() if p.ndim == 1]
    optimiser = torch.optim.SGD(
        [{"params": weights, "weight_decay": 5e-4}, {"params": biases}], lr=0.01, momentum=0.9
    )
    order = batches(len(images))
    for step in range(steps):
        rate = 0.01 / (1 + 1e-4 * step) ** 0.75
        for group, factor in zip(optimiser.param_groups, (1, 2), strict=True):
            group["lr"] = factor * rate
        which = next(order)
        optimiser.zero_grad()
        functional.cross_entropy(net(images[which]), labels[which]).backward()
        optimiser.step()
        if (step + 1) % EVALUATE_EVERY == 0 or step + 1 == steps:
            reached = accuracy(net, test_images, test_labels)
    print(reached)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5])
