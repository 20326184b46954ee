"""PyTorch on the CPU, in one of its configurations: eager, channels_last, compiled."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.contest import NotHereError
from benchmarks.peers import work
from benchmarks.timing import Step


def _laid_out(x: Any, how: str) -> Any:
    x = torch.from_numpy(x) if not isinstance(x, torch.Tensor) else x
    return x.to(memory_format=torch.channels_last) if "channels_last" in how else x


def _compiled(function: Any, how: str) -> Any:
    if "compiled" not in how:
        return function
    try:
        return torch.compile(function)
    except RuntimeError as fault:
        raise NotHereError(str(fault)) from None


def _lenet(how: str) -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip
    layers = [layer for layer in net if hasattr(layer, "weight")]
    with torch.no_grad():
        for layer, values in zip(layers, work.lenet_weights(), strict=True):
            given = torch.from_numpy(values)
            layer.weight.copy_(given if given.ndim == 4 else given.T)
            layer.bias.zero_()
    return net.to(memory_format=torch.channels_last) if "channels_last" in how else net


def lenet_step(batch: int, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    images, labels = work.digits(batch)
    x, y = _laid_out(images, how), torch.from_numpy(labels)
    net = _lenet(how)
    weights = [p for p in net.parameters() if p.ndim > 1]
    biases = [p for p in net.parameters() if p.ndim == 1]
    groups = [
        {"params": weights, "weight_decay": work.DECAY},
        {"params": biases, "lr": 2 * work.LENET_RATE},
    ]
    optimiser = torch.optim.SGD(groups, lr=work.LENET_RATE, momentum=work.MOMENTUM)
    cost_of = _compiled(lambda x, y: functional.cross_entropy(net(x), y), how)

    def step() -> float:
        optimiser.zero_grad()
        cost = cost_of(x, y)
        cost.backward()
        optimiser.step()
        return float(cost.detach())

    return step


def lenet_inference(batch: int, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    x = _laid_out(work.digits(batch)[0], how)
    net = _compiled(_lenet(how).eval(), how)

    def step() -> Any:
        with torch.inference_mode():
            return net(x).numpy()

    return step


def mlp_step(batch: int, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    images, labels = work.digits(batch)
    x, y = torch.from_numpy(images.reshape(batch, 784)), torch.from_numpy(labels)
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        for layer, values in zip((net[0], net[2]), work.mlp_weights(), strict=True):
            layer.weight.copy_(torch.from_numpy(values).T)
            layer.bias.zero_()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
    cost_of = _compiled(lambda x, y: functional.cross_entropy(net(x), y), how)

    def step() -> float:
        optimiser.zero_grad()
        cost = cost_of(x, y)
        cost.backward()
        optimiser.step()
        return float(cost.detach())

    return step


def _there_and_back(function: Any, *operands: Any) -> Step:
    leaves = [x.clone(memory_format=torch.preserve_format).requires_grad_() for x in operands]
    seed: list[Any] = []

    def step() -> float:
        for leaf in leaves:
            leaf.grad = None
        y = function(*leaves)
        if not seed:
            seed.append(torch.ones_like(y))
        y.backward(seed[0])
        return float(y.detach()[(0,) * y.ndim])

    return step


def convolution(name: str, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    _, size, groups = work.KERNELS[name]
    x, w = (_laid_out(a, how) for a in (work.images_for(name), work.kernel_for(name)))
    return _there_and_back(
        lambda x, w: functional.conv2d(x, w, padding=size // 2, groups=groups), x, w
    )


def pooling(kind: str, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    pool = {"max": functional.max_pool2d, "average": functional.avg_pool2d}[kind]
    return _there_and_back(lambda x: pool(x, 2), _laid_out(work.images_for("pooling"), how))


def norm_relu(how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    norm = nn.BatchNorm2d(work.SHAPES["norm"][1])
    return _there_and_back(
        lambda x: functional.relu(norm(x)), _laid_out(work.images_for("norm"), how)
    )


def cross_entropy(n: int, classes: int, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    scores, labels = (torch.from_numpy(a) for a in work.scores(n, classes))
    leaf = scores.clone().requires_grad_()

    def step() -> float:
        leaf.grad = None
        cost = functional.cross_entropy(leaf, labels)
        cost.backward()
        return float(cost.detach())

    return step


def update(size: int, how: str, threads: int) -> Step:
    torch.set_num_threads(threads)
    w = torch.ones(size, requires_grad=True)
    fused = {"fused": True} if "fused" in how else {}
    optimiser = torch.optim.SGD([w], lr=1e-6, momentum=0.9, weight_decay=5e-4, **fused)
    w.grad = torch.ones(size)

    def step() -> float:
        optimiser.step()
        return 0.0

    return step
