"""This library."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

import autodiff as ad
import nn
from benchmarks.peers import work
from benchmarks.timing import Step

How: TypeAlias = Literal["repeated", "eager"]
"""With what the library keeps from one step to the next, or computing each of them anew."""


def _net(threads: int) -> Any:
    ad.config.threads = threads
    net = nn.LeNet(generator=np.random.default_rng(0))
    for parameter, values in zip(net.parameters()[::2], work.lenet_weights(), strict=True):
        parameter.assign(values)
    return net


def lenet_step(batch: int, how: How, threads: int) -> Step:
    images, labels = work.digits(batch)
    net, loss = _net(threads), nn.SoftmaxCrossEntropy()
    optimiser = nn.SGD(
        net.parameters(),
        work.LENET_RATE,
        momentum=work.MOMENTUM,
        weight_decay=work.DECAY,
        bias_rate_factor=2.0,
    )

    return _training(net, loss, optimiser, images, labels, how)


def _training(net: Any, loss: Any, optimiser: Any, images: Any, labels: Any, how: How) -> Step:
    """A step of training: each time anew, or its jobs repeated."""
    if how == "repeated":
        step = nn.TrainingStep(net, loss, optimiser)
        return lambda: step(images, labels)

    def anew() -> float:
        cost = loss(net(images), labels)
        cost.backward(keep_adjoints=False)
        optimiser.step()
        return float(cost)

    return anew


def lenet_inference(batch: int, how: How, threads: int) -> Step:
    images, _ = work.digits(batch)
    net = _net(threads).eval()
    predict = nn.Predictor(net) if how == "repeated" else net.predict
    return lambda: predict(images)


def mlp_step(batch: int, how: How, threads: int) -> Step:
    ad.config.threads = threads
    images, labels = work.digits(batch)
    images = images.reshape(batch, 784)
    generator = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Dense(784, 128, generator=generator), nn.ReLU(), nn.Dense(128, 10, generator=generator)
    )
    for parameter, values in zip(net.parameters()[::2], work.mlp_weights(), strict=True):
        parameter.assign(values)
    loss, optimiser = nn.SoftmaxCrossEntropy(), nn.SGD(net.parameters(), 0.01)
    return _training(net, loss, optimiser, images, labels, how)


def _channels_last(x: Any) -> Any:
    """In memory as a network's inner layers have it."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def _there_and_back(function: Any, *operands: Any) -> Step:
    """The value, and the gradients for an adjoint of ones."""
    leaves = [ad.Tensor(x) for x in operands]
    seed: list[Any] = []

    def step() -> float:
        y = function(*leaves)
        if not seed:
            seed.append(np.ones_like(y.data))
        for leaf in leaves:
            leaf.grad = None
        y.backward(seed[0], keep_adjoints=False)
        return float(y.data.flat[0])

    return step


def convolution(name: str, threads: int) -> Step:
    ad.config.threads = threads
    _, size, groups = work.KERNELS[name]
    x, w = _channels_last(work.images_for(name)), work.kernel_for(name)
    return _there_and_back(lambda x, w: ad.conv(x, w, padding=size // 2, groups=groups), x, w)


def pooling(kind: str, threads: int) -> Step:
    ad.config.threads = threads
    pool = {"max": ad.max_pool, "average": ad.average_pool}[kind]
    return _there_and_back(lambda x: pool(x, 2), _channels_last(work.images_for("pooling")))


def norm_relu(threads: int) -> Step:
    ad.config.threads = threads
    norm = nn.BatchNorm(work.SHAPES["norm"][1])
    return _there_and_back(lambda x: ad.relu(norm(x)), _channels_last(work.images_for("norm")))


def cross_entropy(n: int, classes: int, threads: int) -> Step:
    ad.config.threads = threads
    scores, labels = work.scores(n, classes)
    leaf, loss = ad.Tensor(scores), nn.SoftmaxCrossEntropy()

    def step() -> float:
        leaf.grad = None
        cost = loss(leaf, labels)
        cost.backward(keep_adjoints=False)
        return float(cost)

    return step


def update(size: int, threads: int) -> Step:
    ad.config.threads = threads
    w = nn.Parameter(np.ones(size, np.float32))
    optimiser = nn.SGD([w], 1e-6, momentum=0.9, weight_decay=5e-4)
    g = np.ones(size, np.float32)

    def step() -> float:
        w._grad = g  # as the reverse walk leaves it, without the copy that assigning makes
        optimiser.step()
        return 0.0

    return step
