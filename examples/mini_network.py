"""The mini CNN of two exercises: by the engine, and by the formulas one would derive on paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Tensor
from examples.by_hand import shares

Array: TypeAlias = NDArray[np.float64]
Pooling: TypeAlias = Literal["sum", "max"]

POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
MAP = list(np.ndindex(3, 3))
POOLED = list(np.ndindex(2, 2))


@dataclass(frozen=True)
class Given:
    """An image x (4, 4), filters w (3, 2, 2), dense weights v (2, 3, 2, 2), targets y (2,)."""

    x: Array
    w: Array
    v: Array
    y: Array


def random_numbers(seed: int = 0) -> Given:
    """A network to compute with: normally distributed weights, and an image in (0, 1)."""
    generator = np.random.default_rng(seed)
    return Given(
        np.round(generator.uniform(0.1, 1.0, (4, 4)), 2),
        np.round(generator.normal(size=(3, 2, 2)), 2),
        np.round(generator.normal(0.0, 0.3, (2, 3, 2, 2)), 2),
        np.array([1.0, 0.0]),
    )


@dataclass(frozen=True)
class Computed:
    """Every quantity of a forward and a backward pass.

    Attributes:
        values: a, h (3, 3, 3), p (3, 2, 2), s, o (2,), E.
        errors: the derivative of E by each of a, h, p, s, o, and by w and v.
    """

    values: dict[str, Any]
    errors: dict[str, Any]

    @property
    def everything(self) -> dict[str, Any]:
        """Both in one dictionary, to be compared."""
        return {**self.values, **{f"∂E/∂{name}": t for name, t in self.errors.items()}}


def by_engine(given: Given, pooling: Pooling = "sum") -> Computed:
    """Let the library compute and differentiate the network."""
    w = Tensor(given.w[:, np.newaxis])
    nodes = behind_the_filters(ad.conv(given.x[np.newaxis, np.newaxis], w), given, pooling)
    nodes["E"].backward()
    nodes["w"] = w
    like = {"a": (3, 3, 3), "h": (3, 3, 3), "p": (3, 2, 2), "v": (2, 3, 2, 2), "w": (3, 2, 2)}
    values = {n: np.reshape(x.data, like.get(n, x.shape)) for n, x in nodes.items()}
    errors = {n: np.reshape(nodes[n].grad, values[n].shape) for n in nodes if n != "E"}
    return Computed({name: values[name] for name in "ahpsoE"}, errors)


def behind_the_filters(a: Any, given: Given, pooling: Pooling) -> dict[str, Any]:
    """The network from the maps a (1, 3, 3, 3) on."""
    pool = ad.sum_pool if pooling == "sum" else ad.max_pool
    v = Tensor(given.v.reshape(2, 12))
    h = ad.sigmoid(a)
    p = pool(h, 2, stride=1)
    s = v @ ad.reshape(p, (12,))
    o = ad.sigmoid(s)
    return {"a": a, "h": h, "p": p, "v": v, "s": s, "o": o, "E": 0.5 * ad.sum((o - given.y) ** 2)}


def by_formula(given: Given, pooling: Pooling = "sum") -> Computed:
    """The same by the formulas of the report: loops, and not a node."""
    x, w, v, y = given.x, given.w, given.v, given.y
    a, h, p = np.zeros((3, 3, 3)), np.zeros((3, 3, 3)), np.zeros((3, 2, 2))
    s, o = np.zeros(2), np.zeros(2)
    for k, m, n in np.ndindex(a.shape):
        a[k, m, n] = sum(w[k, c, d] * x[m + c, n + d] for c, d in np.ndindex(2, 2))
        h[k, m, n] = 1 / (1 + np.exp(-a[k, m, n]))
    for k, i, j in np.ndindex(p.shape):
        p[k, i, j] = (sum if pooling == "sum" else max)(_window(h[k], i, j))
    for l in range(2):  # noqa: E741 - as in the formulas
        s[l] = sum(v[l][place] * p[place] for place in np.ndindex(p.shape))
        o[l] = 1 / (1 + np.exp(-s[l]))
    E = 0.5 * sum((o - y) ** 2)

    do = o - y
    ds = do * o * (1 - o)
    dv, dp, dh, dw = np.zeros_like(v), np.zeros_like(p), np.zeros_like(h), np.zeros_like(w)
    for l, k, i, j in np.ndindex(v.shape):  # noqa: E741
        dv[l, k, i, j] = ds[l] * p[k, i, j]
        dp[k, i, j] += ds[l] * v[l, k, i, j]
    for k, m, n in np.ndindex(h.shape):
        dh[k, m, n] = sum(indicator(h[k], m, n, i, j, pooling) * dp[k, i, j] for i, j in POOLED)
    da = h * (1 - h) * dh
    for k, c, d in np.ndindex(w.shape):
        dw[k, c, d] = sum(da[k, m, n] * x[m + c, n + d] for m, n in MAP)
    return Computed(
        {"a": a, "h": h, "p": p, "s": s, "o": o, "E": E},
        {"a": da, "h": dh, "p": dp, "v": dv, "s": ds, "o": do, "w": dw},
    )


def _window(h: Array, i: int, j: int) -> list[float]:
    return [float(value) for value in h[i : i + 2, j : j + 2].ravel()]


def indicator(h: Array, m: int, n: int, i: int, j: int, pooling: Pooling) -> float:
    """∂p(i,j)/∂h(m,n): whether (m,n) lies in window (i,j); for the maximum, whether it wins it."""
    if not (0 <= m - i < 2 and 0 <= n - j < 2):
        return 0.0
    if pooling == "sum":
        return 1.0
    return shares(_window(h, i, j), "first")[2 * (m - i) + (n - j)]
