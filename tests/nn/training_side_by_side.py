"""Networks that train at the same time, or in forked processes, against one after the other.

python training_side_by_side.py CASE BACKEND

It prints "the same" if the numbers are. A process of its own, since it would hang if it failed; and
so that two threads are the first to use everything that is made when it is first needed.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
import threading
from typing import Any

import numpy as np

import autodiff as ad
import nn

STEPS = 4
CHILDREN = 3


def batch(seed: int) -> tuple[Any, Any]:
    """Images that the library's own kernels have worked on, and labels."""
    generator = np.random.default_rng(seed)
    images = generator.random((32, 1, 20, 20), np.float32)
    smooth = ad.average_pool(nn.shift(images, generator), 3, stride=1)
    return np.asarray(smooth), generator.integers(0, 10, 32)


def trained(seed: int, batches: Any = None) -> str:
    """A digest of all numbers of a network after some steps."""
    generator = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, generator=generator),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, generator=generator),
        nn.BatchNorm(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dense(144, 200, generator=generator),
        nn.ReLU(),
        nn.Dropout(0.2, generator=generator),
        nn.Dense(200, 10, generator=generator),
    )
    optimiser = nn.SGD(net.parameters(), 0.02, momentum=0.9, weight_decay=5e-4)
    loss = nn.SoftmaxCrossEntropy()
    for images, labels in batches or map(batch, range(STEPS)):
        net.zero_grad()
        loss(net(images), labels).backward()
        optimiser.step()
    digest = hashlib.sha256()
    for array in net.state().values():
        digest.update(array.tobytes())
    return digest.hexdigest()


def in_threads() -> bool:
    """Two threads, each with a network of its own."""
    start = threading.Barrier(2)
    results: dict[int, str] = {}

    def train(seed: int) -> None:
        start.wait()
        results[seed] = trained(seed)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results == {seed: trained(seed) for seed in range(2)} and results[0] != results[1]


def in_child(seed: int) -> str:
    """What a forked process trains."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, trained(seed).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result


def in_children() -> bool:
    """Forked processes, after this one has used its threads."""
    results = [trained(0), in_child(0), trained(0), in_child(0)]
    return len(set(results)) == 1


def in_children_meanwhile() -> bool:
    """The same while this one trains."""
    expected = trained(0)
    results: list[str] = []
    forks = threading.Thread(target=lambda: results.extend(map(in_child, [0] * CHILDREN)))
    forks.start()
    while forks.is_alive():
        results.append(trained(0))
    return {*results} == {expected} and len(results) > CHILDREN


def with_workers() -> bool:
    """Forked processes that prepare batches while this one trains."""
    expected = trained(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = [trained(0, pool.imap(batch, range(STEPS))) for _ in range(2)]
    return {*results} == {expected}


CASES = {
    case.__name__: case for case in (in_threads, in_children, in_children_meanwhile, with_workers)
}

if __name__ == "__main__":
    ad.config.threads = 2
    ad.config.backend = sys.argv[2]
    print("the same" if CASES[sys.argv[1]]() else "others")
