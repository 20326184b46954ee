"""A training that is killed at random moments and resumed, until it is through.

python killed_training.py FOLDER SEED STEPS_FROM_CHECKPOINT_TO_CHECKPOINT

It leaves the checkpoint of the killed one in FOLDER/killed, that of an uninterrupted one in
FOLDER/whole, and prints how often the first was killed, and how often while it wrote a checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np

import nn

STEPS = 60


def trainer() -> nn.Trainer:
    """The same one every time, with something of everything that a checkpoint has to hold."""
    shared = np.random.default_rng(1)
    net = nn.Sequential(
        nn.Dense(4, 8, generator=shared),
        nn.ReLU(),
        nn.Dropout(0.25, generator=shared),
        nn.Dense(8, 4, generator=shared),
        nn.BatchNorm(4),
        nn.Dropout(0.25, generator=np.random.Generator(np.random.MT19937(2))),
        nn.Dense(4, 3, generator=shared),
    )
    return nn.Trainer(
        net,
        nn.SoftmaxCrossEntropy(),
        nn.Adam(net.parameters(), nn.CosineDecay(0.05, steps=STEPS), amsgrad=True),
        metrics={"accuracy": nn.accuracy},
        clip=1.0,
        augment=lambda x, generator: x + generator.normal(0, 0.1, x.shape).astype(np.float32),
        callbacks=[nn.EarlyStopping("validation_cost", patience=40)],
    )


def fit(folder: Path, every: int, callback: nn.Callback) -> None:
    """Train, from the checkpoint in a folder if there is one."""
    generator = np.random.default_rng(3)
    x = generator.normal(size=(50, 4)).astype(np.float32)
    y = np.argmax(x[:, :3], axis=1)
    one = trainer()
    one.callbacks.append(callback)
    one.fit(
        x,
        y,
        steps=STEPS,
        batch_size=7,
        generator=generator,
        validation=0.2,
        evaluate_every=7,
        checkpoint=folder,
        checkpoint_every=every,
        resume=True,
        progress=False,
    )


class Tell(nn.Callback):
    """Says through a pipe that a step is taken."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def after_step(self, trainer: nn.Trainer) -> None:
        os.write(self.pipe, b".")


def killed(folder: Path, every: int, generator: np.random.Generator) -> tuple[int, int]:
    """Train in processes that are killed; returns how many were, and how many while writing."""
    kills = within = 0
    while True:
        read, write = os.pipe()
        process = os.fork()
        if not process:
            os.close(read)
            try:
                fit(folder, every, Tell(write))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(write)
        for _ in range(int(generator.integers(2 * every + 3))):
            os.read(read, 1)
        time.sleep(float(generator.uniform(0, 0.004)))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        os.close(read)
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status):
                sys.exit("a training ended with an error")
            return kills, within
        kills += 1
        within += any(folder.glob(".*.partial"))


if __name__ == "__main__":
    place, seed, every = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    fit(place / "whole", every, nn.Callback())
    print(*killed(place / "killed", every, np.random.default_rng(seed)))
