"""The networks of ``examples.flatland``, their data, and ways to train them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
import nn
from autodiff.kernels.pooling import Ties

Array: TypeAlias = NDArray[Any]
Order: TypeAlias = Literal["in order", "in order, going on", "at random"]
MOST_STEPS = 500
CALLS = 50
BATCHES = 500
RATE = 0.1


def name(image: Array) -> str:
    """An image as a word: 1010."""
    return "".join(str(int(x)) for x in image.ravel())


class Net(nn.Module):
    """The network of the question, or one with more filters; or several of them side by side.

    Nets that start from different seeds are groups of channels, which never see each other. So
    one graph trains them all, and the gradient of the sum of their losses is that of each.

    Args:
        pixels: of an image.
        filters: of each net.
        seeds: of the first weights, one for each net; weights are normal with variance 1/inputs.
        whole: pool over all places of an image, in place of pairs of neighbours.
        ties: who gets the adjoint of a window with several largest elements.
    """

    def __init__(
        self,
        pixels: int,
        *,
        filters: int = 1,
        seeds: Sequence[int] = (0,),
        whole: bool = False,
        ties: Ties = "first",
    ) -> None:
        self.whole, self.ties, self.nets = whole, ties, len(seeds)
        places = 1 if whole else pixels // 2
        w, v = [], []
        for seed in seeds:
            generator = np.random.default_rng(seed)
            w.append(generator.normal(0, 3**-0.5, (filters, 1, 3)))
            v.append(generator.normal(0, (filters * places) ** -0.5, (filters, places)))
        self.w = nn.Parameter(np.concatenate(w))
        self.w0 = nn.Parameter(np.zeros(len(self.w.data)), "bias")
        self.v = nn.Parameter(np.concatenate(v))
        self.v0 = nn.Parameter(np.zeros(self.nets), "bias")

    def convolve(self, images: Any) -> Any:
        """(batch, nets, pixels) to Z, (batch, nets · filters, pixels)."""
        return ad.conv(images, self.w, self.w0, padding=1, groups=self.nets)

    def pool(self, Z: Any) -> Any:
        """Z to P, (batch, nets · filters, places)."""
        return ad.max_pool(Z, Z.shape[-1] if self.whole else 2, ties=self.ties)

    def dense(self, P: Any) -> Any:
        """P to z, (batch, nets): a weighted sum over all that belongs to a net."""
        return ad.sum(ad.reshape(P * self.v, (P.shape[0], self.nets, -1)), axis=2) + self.v0

    def forward(self, images: Any) -> Any:
        return self.dense(self.pool(self.convolve(images)))


def side_by_side(images: Array, nets: int) -> Array:
    """The same images for every net: (batch, nets, pixels)."""
    return np.repeat(images, nets, axis=1)


@dataclass(frozen=True)
class Judged:
    """How nets do on all images of a length: one number for each net."""

    right: Array
    loss: Array


def judged(net: Net, images: Array, labels: Array) -> Judged:
    """How many images each net gets right, and its mean loss."""
    z = net.predict(side_by_side(images, net.nets))
    y = labels[:, np.newaxis]
    return Judged(((z > 0) == y).sum(axis=0), (np.logaddexp(0, z) - y * z).mean(axis=0))


def sgd(
    net: Net,
    images: Array,
    labels: Array,
    optimiser: nn.SGD,
    draw: Callable[[int], Array],
    iterations: int,
) -> None:
    """Stochastic gradient descent: step t on the images ``draw(t)``, (batch, nets) numbers."""
    for t in range(iterations):
        k = draw(t)
        z = net(images[k, 0])
        losses = ad.softplus(z) - labels[k] * z  # -log σ(z) or -log(1 - σ(z)), without overflow
        (ad.sum(losses) / len(k)).backward()
        optimiser.step()


@dataclass(frozen=True)
class Trained:
    """Nets, and the step at which each got all images right for the first time; -1 for never."""

    net: Net
    steps: Array


def train_until_right(
    filters: int,
    seeds: Sequence[int],
    ties: Ties = "first",
    *,
    most: int = MOST_STEPS,
    every: int = 10,
) -> Trained:
    """Train on single images at random until all nets have had all 16 right, ``most`` steps."""
    images, labels = nn.flatland(4)
    net = Net(4, filters=filters, seeds=seeds, ties=ties)
    optimiser = nn.SGD(net.parameters(), RATE)
    generator = np.random.default_rng(0)
    steps = np.full(net.nets, -1)
    while optimiser.steps < most and (steps < 0).any():
        sgd(net, images, labels, optimiser,
            lambda t: generator.integers(len(images), size=(1, net.nets)), every)  # fmt: skip
        right = judged(net, images, labels).right == len(images)
        steps[right & (steps < 0)] = optimiser.steps
    return Trained(net, steps)


@dataclass(frozen=True)
class Drawn:
    """What came of one way to draw examples.

    Attributes:
        seen: which images each net ever learned from, (16, nets).
        positive_seen: how many of the positive ones, on average.
        judged: the nets afterwards.
    """

    seen: Array
    positive_seen: float
    judged: Judged


def train_in_calls(
    order: Order, seeds: Sequence[int], calls: int = CALLS, iterations: int = 10
) -> Drawn:
    """Call ``sgd`` again and again, as one does when one looks at a net in between.

    Raises:
        IndexError: examples are drawn in order, and there are fewer than iterations.
    """
    images, labels = nn.flatland(4)
    net = Net(4, filters=8, seeds=seeds)
    optimiser = nn.SGD(net.parameters(), RATE)
    generator = np.random.default_rng(0)
    seen = np.zeros((len(images), net.nets), bool)

    def draw(t: int) -> Array:
        if order == "at random":
            k = generator.integers(len(images), size=(1, net.nets))
        else:
            start = optimiser.steps % len(images) if order == "in order, going on" else t
            k = np.full((1, net.nets), start)
        seen[k[0], np.arange(net.nets)] = True
        return k

    for _ in range(calls):
        sgd(net, images, labels, optimiser, draw, iterations)
    positive_seen = float(seen[labels == 1].sum(axis=0).mean())
    return Drawn(seen, positive_seen, judged(net, images, labels))


def train_longer(pixels: int, seeds: Sequence[int], *, whole: bool, steps: int = BATCHES) -> Net:
    """Nets with sixteen filters for longer images, trained on batches of 32 at random."""
    images, labels = nn.flatland(pixels)
    net = Net(pixels, filters=16, seeds=seeds, whole=whole)
    generator = np.random.default_rng(0)
    sgd(net, images, labels, nn.SGD(net.parameters(), RATE),
        lambda t: generator.integers(len(images), size=(32, net.nets)), steps)  # fmt: skip
    return net
