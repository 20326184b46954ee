"""A small convnet with names as in a lecture, and the derivative by a weight in closed form.

    a_ijk = b_k + Σ_mnc I_(i+m-1)(j+n-1)c · w_mnck,   h = σ(a),   y_o = Σ_ijk v_ijko · h_ijk,
    L = ½ Σ_o (ŷ_o - y_o)²

Axes of all arrays are in the order of the indices. Three kinds of network: "convolution", as above;
"dense", where each h_k sees the whole image by weights of its own; and "max-pooling", where y is
computed from the largest h of each window of 2×2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Tensor

Array: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["convolution", "dense", "max-pooling"]
Index: TypeAlias = tuple[int, int, int, int]
"""m, n, c, k of a weight, counted from 0."""

KINDS: tuple[Kind, ...] = get_args(Kind)
SIZE, CHANNELS, FILTER, MAPS, OUTPUTS, POOL = 6, 2, 3, 2, 2, 2


@dataclass(frozen=True)
class Given:
    """An image I (6, 6, 2), w (m, n, 2, 2), b (2,), v (i, j, 2, 2), and the target ŷ (2,)."""

    image: Array
    w: Array
    b: Array
    v: Array
    target: Array


def random_numbers(kind: Kind = "convolution", seed: int = 0) -> Given:
    """Normally distributed weights for a kind of network; the same image for all kinds."""
    generator = np.random.default_rng(seed)
    image = np.round(generator.uniform(size=(SIZE, SIZE, CHANNELS)), 2)
    target = np.round(generator.uniform(size=OUTPUTS), 2)
    window = SIZE if kind == "dense" else FILTER
    places = SIZE - window + 1
    if kind == "max-pooling":
        places //= POOL
    return Given(
        image,
        np.round(generator.normal(0.0, 0.5, (window, window, CHANNELS, MAPS)), 2),
        np.round(generator.normal(0.0, 0.5, MAPS), 2),
        np.round(generator.normal(0.0, 0.5, (places, places, MAPS, OUTPUTS)), 2),
        target,
    )


@dataclass(frozen=True)
class Computed:
    """A forward and a backward pass.

    Attributes:
        a: (i, j, k).
        h: likewise.
        y: (o,).
        loss: L.
        gradients: dL by w, b and v.
        w_to_a: ∂a_ijk/∂w_1111, (i, j, k).
    """

    a: Array
    h: Array
    y: Array
    loss: float
    gradients: dict[str, Array]
    w_to_a: Array


def by_engine(given: Given, kind: Kind = "convolution") -> Computed:
    """Let the library compute and differentiate a network.

    A dense layer is a convolution with a window as large as the image: one place is left.
    """
    w, b, v = (Tensor(x) for x in (given.w, given.b, given.v))
    a = _weighted_sums(given, w, b)
    h = ad.sigmoid(a)
    pooled = ad.max_pool(h, POOL) if kind == "max-pooling" else h
    y = ad.einsum("ijko,kij->o", v, pooled[0])
    loss = 0.5 * ad.sum((given.target - y) ** 2)
    loss.backward()
    w_to_a = ad.jacobian(lambda w: _weighted_sums(given, w, given.b))(given.w)[0, ..., 0, 0, 0, 0]
    return Computed(
        np.moveaxis(a.data[0], 0, -1),
        np.moveaxis(h.data[0], 0, -1),
        y.data,
        loss.item(),
        {name: x.grad for name, x in (("w", w), ("b", b), ("v", v))},  # type: ignore[misc]
        np.moveaxis(w_to_a, 0, -1),
    )


def _weighted_sums(given: Given, w: Any, b: Any) -> Any:
    """The nodes a as (1, k, i, j)."""
    images = np.moveaxis(given.image, -1, 0)[np.newaxis]
    return ad.conv(images, ad.transpose(w, (3, 2, 0, 1)), b)


@dataclass(frozen=True)
class Place:
    """What one place (i, j) of map k, counted from 0, adds to the derivative by a weight.

    Attributes:
        i: its row.
        j: its column.
        blame: Σ_o (y_o - ŷ_o) · v, over the weights from the place to the outputs.
        slope: h · (1 - h) there.
        pixel: of the image, under the weight.
    """

    i: int
    j: int
    blame: float
    slope: float
    pixel: float

    @property
    def term(self) -> float:
        """Their product."""
        return self.blame * self.slope * self.pixel


def places_of_formula(given: Given, kind: Kind, index: Index = (0, 0, 0, 0)) -> list[Place]:
    """The terms of the closed formula for dL/dw: loops over the indices, and not a node."""
    m, n, c, k = index
    h, y = _forward(given, kind)
    places = []
    for p, q in np.ndindex(given.v.shape[:2]):
        i, j = _winner(h, p, q, k) if kind == "max-pooling" else (p, q)
        blame = sum((y[o] - given.target[o]) * given.v[p, q, k, o] for o in range(OUTPUTS))
        slope = h[i, j, k] * (1 - h[i, j, k])
        places.append(Place(i, j, float(blame), float(slope), float(given.image[i + m, j + n, c])))
    return places


def by_formula(given: Given, kind: Kind) -> dict[str, Array]:
    """DL by every weight in closed form."""
    found = {"w": np.zeros_like(given.w), "b": np.zeros_like(given.b), "v": np.zeros_like(given.v)}
    for index in np.ndindex(given.w.shape):
        found["w"][index] = sum(place.term for place in places_of_formula(given, kind, index))
    for k in range(MAPS):
        places = places_of_formula(given, kind, (0, 0, 0, k))
        found["b"][k] = sum(place.blame * place.slope for place in places)
    h, y = _forward(given, kind)
    for p, q, k, o in np.ndindex(given.v.shape):
        i, j = _winner(h, p, q, k) if kind == "max-pooling" else (p, q)
        found["v"][p, q, k, o] = (y[o] - given.target[o]) * h[i, j, k]
    return found


def _forward(given: Given, kind: Kind) -> tuple[Array, Array]:
    """The units h and y of a network."""
    places = SIZE - len(given.w) + 1
    h = np.zeros((places, places, MAPS))
    for i, j, k in np.ndindex(h.shape):
        a = given.b[k]
        for m, n, c in np.ndindex(given.w.shape[:3]):
            a += given.image[i + m, j + n, c] * given.w[m, n, c, k]
        h[i, j, k] = 1 / (1 + np.exp(-a))
    y = np.zeros(OUTPUTS)
    for p, q, k, o in np.ndindex(given.v.shape):
        i, j = _winner(h, p, q, k) if kind == "max-pooling" else (p, q)
        y[o] += given.v[p, q, k, o] * h[i, j, k]
    return h, y


def _winner(h: Array, p: int, q: int, k: int) -> tuple[int, int]:
    """Where the largest h of a window is; the first one of equals."""
    inside = [(POOL * p + i, POOL * q + j) for i, j in np.ndindex(POOL, POOL)]
    return max(inside, key=lambda place: float(h[place[0], place[1], k]))
