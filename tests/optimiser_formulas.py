"""The optimisers' formulas for a single number, as the books write them, in Python's floats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any, TypeAlias

from nn import SGD, Adagrad, Adam, AdamW, Lion, Optimiser, RMSprop

Steps: TypeAlias = Iterator[tuple[float, float]]  # rate and gradient
Formula: TypeAlias = Callable[[Steps, float], Iterator[float]]


def sgd(steps: Steps, w: float, mu: float = 0.0) -> Iterator[float]:
    v = 0.0
    for rate, g in steps:
        v = mu * v - rate * g
        w += v
        yield w


def sgd_of_gradients(steps: Steps, w: float) -> Iterator[float]:
    v = 0.0
    for rate, g in steps:
        v = 0.9 * v + g
        w -= rate * v
        yield w


def sgd_nesterov(steps: Steps, w: float) -> Iterator[float]:
    v = 0.0
    for rate, g in steps:
        v = 0.9 * v - rate * g
        w += 0.9 * v - rate * g
        yield w


def sgd_nesterov_of_gradients(steps: Steps, w: float) -> Iterator[float]:
    v = 0.0
    for rate, g in steps:
        v = 0.9 * v + g
        w -= rate * (g + 0.9 * v)
        yield w


def adam(steps: Steps, w: float, largest: bool = False, decay: float = 0.0) -> Iterator[float]:
    m = v = top = 0.0
    for t, (rate, g) in enumerate(steps, 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        top = max(top, v) if largest else v
        w -= rate * decay * w
        w -= rate * m / (1 - 0.8**t) / (sqrt(top / (1 - 0.95**t)) + 1e-3)
        yield w


def rmsprop(steps: Steps, w: float, mu: float = 0.0, centred: bool = False) -> Iterator[float]:
    s = m = u = 0.0
    for rate, g in steps:
        s = 0.8 * s + 0.2 * g**2
        m = 0.8 * m + 0.2 * g
        u = mu * u + g / (sqrt(s - m**2 if centred else s) + 1e-3)
        w -= rate * u
        yield w


def adagrad(steps: Steps, w: float) -> Iterator[float]:
    s = 0.25
    for rate, g in steps:
        s += g**2
        w -= rate * g / (sqrt(s) + 1e-3)
        yield w


def lion(steps: Steps, w: float) -> Iterator[float]:
    m = 0.0
    for rate, g in steps:
        c = 0.8 * m + 0.2 * g
        w -= rate * ((c > 0) - (c < 0) + 0.1 * w)
        m = 0.95 * m + 0.05 * g
        yield w


MEANS: dict[str, Any] = {"betas": (0.8, 0.95)}
ADAM: dict[str, Any] = MEANS | {"epsilon": 1e-3}
RMS: dict[str, Any] = {"smoothing": 0.8, "epsilon": 1e-3}

# An optimiser, its options, and its formula.
OPTIMISERS: dict[str, tuple[type[Optimiser], dict[str, Any], Formula]] = {
    "sgd": (SGD, {}, sgd),
    "momentum": (SGD, {"momentum": 0.9}, lambda steps, w: sgd(steps, w, 0.9)),
    "momentum of gradients": (
        SGD, {"momentum": 0.9, "accumulate": "gradients"}, sgd_of_gradients),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}, sgd_nesterov),
    "nesterov of gradients": (
        SGD, {"momentum": 0.9, "nesterov": True, "accumulate": "gradients"},
        sgd_nesterov_of_gradients),
    "adam": (Adam, ADAM, adam),
    "amsgrad": (Adam, ADAM | {"amsgrad": True}, lambda steps, w: adam(steps, w, largest=True)),
    "adamw": (AdamW, ADAM | {"weight_decay": 0.1}, lambda steps, w: adam(steps, w, decay=0.1)),
    "rmsprop": (RMSprop, RMS, rmsprop),
    "rmsprop with momentum": (
        RMSprop, RMS | {"momentum": 0.9}, lambda steps, w: rmsprop(steps, w, 0.9)),
    "centred rmsprop": (
        RMSprop, RMS | {"centred": True}, lambda steps, w: rmsprop(steps, w, centred=True)),
    "adagrad": (Adagrad, {"initial": 0.25, "epsilon": 1e-3}, adagrad),
    "lion": (Lion, MEANS | {"weight_decay": 0.1}, lion),
}  # fmt: skip
