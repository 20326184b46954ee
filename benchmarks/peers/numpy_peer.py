"""The same arithmetic written out in NumPy: what remains if a graph costs nothing."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import work
from benchmarks.timing import Step


def mlp_step(batch: int, threads: int) -> Step:
    images, labels = work.digits(batch)
    images = images.reshape(batch, 784)
    W1, W2 = (weights.copy() for weights in work.mlp_weights())
    b1, b2 = np.zeros(128, np.float32), np.zeros(10, np.float32)
    rows = np.arange(len(labels))

    def step() -> float:
        h = np.maximum(images @ W1 + b1, 0)
        s = h @ W2 + b2
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        cost = -np.log(p[rows, labels]).mean()
        p[rows, labels] -= 1
        p /= len(labels)
        th = (p @ W2.T) * (h > 0)
        for parameter, gradient in (
            (W1, images.T @ th),
            (b1, th.sum(axis=0)),
            (W2, h.T @ p),
            (b2, p.sum(axis=0)),
        ):
            parameter -= np.float32(0.01) * gradient
        return float(cost)

    return step
