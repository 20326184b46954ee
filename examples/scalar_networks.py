"""Two small convolutional networks, each once from single numbers and once from arrays.

From numbers, every unit is a node of its own; nothing is shared but the ``Value`` of a weight,
which all units of a map use. From arrays, convolution and pooling do the same at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
import nn
from autodiff import Tensor, Value
from examples.flatland import question_net
from examples.mini_network import Given, Pooling, behind_the_filters

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Unit:
    """One unit of a network.

    Attributes:
        node: its output.
        inputs: the units that it sees, each with the weight between; None where there is none.
    """

    node: Value
    inputs: tuple[tuple[str, Value | None], ...] = ()


@dataclass
class ScalarNetwork:
    """A network of single numbers, after its backward pass.

    Attributes:
        layers: the names of the units by layer.
        units: the units by name, in the order of their making.
        parameters: the Values of the weights by the name of their array, and of the image x.
        loss: the last node.
    """

    layers: dict[str, list[str]] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    loss: Value = field(default_factory=lambda: Value(0.0))

    def add(self, layer: str, name: str, node: Any, *inputs: tuple[str, Value | None]) -> Value:
        """Take in a unit; its node gets its name."""
        node.label = name
        self.layers.setdefault(layer, []).append(name)
        self.units[name] = Unit(node, inputs)
        return self.units[name].node

    def parameter(self, name: str, array: Array) -> Any:
        """An array of Values, labelled by their indices, counted from 1; none for a bias."""
        values = np.empty(array.shape, dtype=object)
        for place in np.ndindex(array.shape):
            label = name + ("".join(str(i + 1) for i in place) if array.size > 1 else "")
            values[place] = Value(float(array[place]), label=label)
        self.parameters[name] = values
        return values

    def finish(self, loss: Any, name: str) -> ScalarNetwork:
        """Name the loss and compute all adjoints."""
        loss.label = name
        self.loss = loss
        self.loss.backward()
        return self

    def columns(self) -> dict[str, list[Value]]:
        """The units by layer, as ``autodiff.draw_units`` takes them."""
        return {layer: [self.units[name].node for name in names]
                for layer, names in self.layers.items()}  # fmt: skip

    def gradients(self) -> dict[str, Array]:
        """The derivative of the loss by every weight, and by the image, as arrays."""
        return {
            name: np.array([value.grad or 0.0 for value in values.ravel()]).reshape(values.shape)
            for name, values in self.parameters.items()
        }


def _weighted_sum(weights: Sequence[Any], inputs: Sequence[Any], start: Any = None) -> Any:
    """Products added up from the first to the last, behind a bias if there is one."""
    total = start
    for weight, x in zip(weights, inputs, strict=True):
        total = weight * x if total is None else total + weight * x
    return total


# --- Flatland -------------------------------------------------------------------------------------


NAMES = ("x", "w", "w0", "v", "v0")


@dataclass(frozen=True)
class Flatland:
    """Parameters of the Flatland CNN: filter w (3,), its bias w0 (1,), dense v (2,), v0 (1,)."""

    w: Array
    w0: Array
    v: Array
    v0: Array


def random_flatland(seed: int = 0) -> Flatland:
    """Normally distributed parameters, in eighths: their sums have no rounding errors."""
    generator = np.random.default_rng(seed)
    w, w0, v, v0 = (np.round(8 * generator.normal(size=n)) / 8 for n in (3, 1, 2, 1))
    return Flatland(w, w0, v, v0)


def flatland_from_scalars(given: Flatland, image: Array, label: int) -> ScalarNetwork:
    """The Flatland CNN for an image (4,) of 0 and 1, unit by unit.

    Where the two pixels of a pooling window tie, each gets half of the adjoint.
    """
    net = ScalarNetwork()
    x = net.parameter("x", image)
    w, w0, v, v0 = (net.parameter(n, getattr(given, n)) for n in NAMES[1:])
    for i in range(4):
        net.add("input", f"x{i + 1}", x[i])
    for i in range(4):
        seen = [(a, i + a - 1) for a in range(3) if 0 <= i + a - 1 < 4]  # outside there are zeros
        c = _weighted_sum([w[a] for a, _ in seen], [x[j] for _, j in seen], w0[0])
        net.add("convolution", f"c{i + 1}", c, *((f"x{j + 1}", w[a]) for a, j in seen))
    for j in range(2):
        names = [f"c{2 * j + 1}", f"c{2 * j + 2}"]
        p = ad.maximum(*(net.units[name].node for name in names))
        net.add("max-pooling", f"p{j + 1}", p, *((name, None) for name in names))
    pooled = [net.units[f"p{j + 1}"].node for j in range(2)]
    z = _weighted_sum(v, pooled, v0[0])
    o = net.add("output", "o", ad.sigmoid(z), ("p1", v[0]), ("p2", v[1]))
    return net.finish(-ad.log(o if label else 1 - o), "J")


def flatland_from_arrays(given: Flatland, image: Array, label: int) -> dict[str, Array]:
    """The gradients of the Flatland CNN by x, w, w0, v and v0, from layers of arrays."""
    net = question_net("split", (list(given.w), given.w0[0], list(given.v), given.v0[0]))
    x = Tensor(image.reshape(1, 1, 4))
    nn.BinaryCrossEntropy()(net(x), np.array([[label]])).backward()
    nodes = (x, *net.parameters())
    return {n: np.ravel(np.asarray(node.grad)) for n, node in zip(NAMES, nodes, strict=True)}


# --- the mini CNN ---------------------------------------------------------------------------------


def numbers_that_do_not_cancel(seed: int = 0) -> Given:
    """A mini CNN in which every weighted sum, forwards and backwards, is of terms of one sign.

    Image and filters are positive, so are the weights to the first output, which should be 0. Those
    to the second one, which should be 1, are negative. Where terms cancel, what is left of their
    roundings is large beside what is left of them.
    """
    generator = np.random.default_rng(seed)
    x, w = (np.round(1024 * generator.uniform(0.1, 1.0, n)) / 1024 for n in ((4, 4), (3, 2, 2)))
    v = generator.integers(1, 9, (2, 3, 2, 2)) / 1024
    v[1] *= -1
    return Given(x, w, v, np.array([0.0, 1.0]))


def mini_from_scalars(given: Given, pooling: Pooling = "sum") -> ScalarNetwork:
    """The mini CNN unit by unit; see ``mini_network``."""
    net = ScalarNetwork()
    x = net.parameter("x", given.x)
    w, v = net.parameter("w", given.w), net.parameter("v", given.v)
    for i, j in np.ndindex(4, 4):
        net.add("input", f"x{i + 1}{j + 1}", x[i, j])
    for k, m, n in np.ndindex(3, 3, 3):
        seen = list(np.ndindex(2, 2))
        pixels = [x[m + c, n + d] for c, d in seen]
        h = ad.sigmoid(_weighted_sum([w[k, c, d] for c, d in seen], pixels))
        inputs = [(f"x{m + c + 1}{n + d + 1}", w[k, c, d]) for c, d in seen]
        net.add("convolution", f"h{k + 1}{m + 1}{n + 1}", h, *inputs)
    for k, i, j in np.ndindex(3, 2, 2):
        names = [f"h{k + 1}{i + c + 1}{j + d + 1}" for c, d in np.ndindex(2, 2)]
        first, *others = (net.units[name].node for name in names)
        p: Any = first
        for other in others:
            p = p + other if pooling == "sum" else ad.maximum(p, other)
        inputs_of_pool = ((name, None) for name in names)
        net.add(f"{pooling}-pooling", f"p{k + 1}{i + 1}{j + 1}", p, *inputs_of_pool)
    pooled = net.layers[f"{pooling}-pooling"]
    E: Any = None
    for l, y in enumerate(given.y):  # noqa: E741
        weights = list(v[l].ravel())
        s = _weighted_sum(weights, [net.units[name].node for name in pooled])
        o = net.add("output", f"o{l + 1}", ad.sigmoid(s), *zip(pooled, weights, strict=True))
        square = (o - float(y)) ** 2
        E = square if E is None else E + square
    return net.finish(0.5 * E, "E")


def mini_from_arrays(given: Given, pooling: Pooling = "sum") -> dict[str, Array]:
    """The gradients of the mini CNN by x, w and v, from tensors."""
    x, w = Tensor(given.x), Tensor(given.w)
    a = ad.conv(ad.reshape(x, (1, 1, 4, 4)), ad.reshape(w, (3, 1, 2, 2)))
    nodes = {**behind_the_filters(a, given, pooling), "x": x, "w": w}
    nodes["E"].backward()
    return {n: np.reshape(nodes[n].grad, getattr(given, n).shape) for n in ("x", "w", "v")}


def apart(some: dict[str, Array], others: dict[str, Array]) -> Array:
    """How many units in the last place two computations of the same numbers are apart.

    All numbers in a row. Two numbers that differ in the last two bits only are at most 4 apart.
    """
    a, b = (np.concatenate([side[name].ravel() for name in some]) for side in (some, others))
    distances: Array = np.abs(a - b) / np.spacing(np.maximum(np.abs(a), np.abs(b)))
    return distances
