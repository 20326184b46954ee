"""What all contestants work on."""

from __future__ import annotations

from typing import Any

import numpy as np

LENET_RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4
SHAPES: dict[str, tuple[int, ...]] = {
    "pooling": (32, 64, 112, 112),
    "depthwise": (32, 64, 56, 56),
    "vgg": (32, 64, 56, 56),
    "wide": (32, 256, 14, 14),
    "pointwise": (32, 256, 28, 28),
    "norm": (32, 64, 56, 56),
}
KERNELS: dict[str, tuple[int, int, int]] = {  # outputs, size, groups; padding keeps the size
    "depthwise": (64, 3, 64),
    "vgg": (64, 3, 1),
    "wide": (256, 3, 1),
    "pointwise": (128, 1, 1),
}


def digits(batch: int) -> tuple[Any, Any]:
    """Images and labels of the size of MNIST's."""
    generator = np.random.default_rng(0)
    images = generator.random((batch, 1, 28, 28), dtype=np.float32)
    return images, generator.integers(0, 10, batch)


def lenet_weights() -> list[Any]:
    """The first weights of LeNet: kernels (o, c, k, k), dense ones (inputs, outputs)."""
    generator = np.random.default_rng(1)
    weights: list[Any] = []
    for shape, fan in (
        ((20, 1, 5, 5), 25), ((50, 20, 5, 5), 500), ((800, 500), 800), ((500, 10), 500),
    ):  # fmt: skip
        bound = (3 / fan) ** 0.5
        weights.append(generator.uniform(-bound, bound, shape).astype(np.float32))
    return weights


def mlp_weights() -> list[Any]:
    """The first weights of 784-128-10."""
    generator = np.random.default_rng(1)
    return [
        generator.normal(0, fan**-0.5, shape).astype(np.float32)
        for shape, fan in (((784, 128), 784), ((128, 10), 128))
    ]


def images_for(name: str) -> Any:
    """The operand of a single operation."""
    return np.random.default_rng(2).normal(size=SHAPES[name]).astype(np.float32)


def kernel_for(name: str) -> Any:
    """The kernels of a single convolution."""
    outputs, size, groups = KERNELS[name]
    shape = (outputs, SHAPES[name][1] // groups, size, size)
    return np.random.default_rng(3).normal(0, 0.05, shape).astype(np.float32)


def scores(n: int, classes: int) -> tuple[Any, Any]:
    """Scores and labels of a classifier."""
    generator = np.random.default_rng(4)
    return (
        generator.normal(size=(n, classes)).astype(np.float32),
        generator.integers(0, classes, n),
    )
