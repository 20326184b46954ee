"""Initialisers: the first values of weights.

All are called alike, ``initialiser(shape, fan_in, fan_out, generator, dtype)``, and so is a
function of one's own that a layer gets as ``initialiser=``. ``fan_in`` says how many inputs a unit
sums up, ``fan_out`` how many units read an input. What is drawn depends on the generator alone: the
same seed gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import DTypeLike

from nn.checks import need_generator
from nn.module import Array, Parameter, Role

Initialiser: TypeAlias = Callable[[Sequence[int], int, int, np.random.Generator, DTypeLike], Array]
Fan: TypeAlias = Literal["in", "out", "mean"]
Distribution: TypeAlias = Literal["uniform", "normal"]


@dataclass(frozen=True)
class VarianceScaling:
    """Random numbers of mean 0 and variance factor / fan.

    Args:
        factor: what a unit's activation function asks for: 1 if it is nearly linear, 2 for ReLU,
            2 / (1 + a²) for LeakyReLU of slope a.
        fan: "in" keeps the variance of the units on the way forward, "out" that of the adjoints on
            the way back; "mean" of the two is a compromise.
        distribution: "uniform", within ±sqrt(3 · variance), or "normal".

    Example:
        >>> import numpy as np
        >>> from nn.initialisers import VarianceScaling
        >>> leaky = VarianceScaling(2 / (1 + 0.01**2), "in", "normal")
        >>> weights = leaky((500, 200), 500, 200, np.random.default_rng(0))
        >>> round(float(weights.std() * 250**0.5), 2)
        1.0
    """

    factor: float
    fan: Fan
    distribution: Distribution

    def __post_init__(self) -> None:
        if self.fan not in get_args(Fan) or self.distribution not in get_args(Distribution):
            raise ValueError(
                f"VarianceScaling: fan is one of {', '.join(get_args(Fan))} and distribution one "
                f"of {', '.join(get_args(Distribution))}, got {self.fan!r}, {self.distribution!r}"
            )
        if not self.factor > 0:
            raise ValueError(f"VarianceScaling: expected a factor > 0, got {self.factor}")

    def __call__(
        self,
        shape: Sequence[int],
        fan_in: int,
        fan_out: int,
        generator: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Weights of a shape."""
        fan = {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[self.fan]
        if self.distribution == "uniform":
            return _uniform(float(np.sqrt(3 * self.factor / fan)), shape, generator, dtype)
        return _normal(float(np.sqrt(self.factor / fan)), shape, generator, dtype)


@dataclass(frozen=True)
class Uniform:
    """Uniform random numbers from ±bound.

    Example:
        The first layer of a course's LeNet is drawn from ±sqrt(3 / fan) where fan counts all pixels
        of the image, height · width · channels, and not those that a kernel sees:

        >>> import numpy as np
        >>> from nn import Conv2d
        >>> from nn.initialisers import Uniform
        >>> rng = np.random.default_rng(0)
        >>> layer = Conv2d(1, 20, 5, initialiser=Uniform((3 / (28 * 28 * 1)) ** 0.5), generator=rng)
        >>> bool(np.abs(layer.weight.data).max() <= 0.062)
        True
    """

    bound: float

    def __call__(
        self,
        shape: Sequence[int],
        fan_in: int,
        fan_out: int,
        generator: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Weights of a shape."""
        return _uniform(self.bound, shape, generator, dtype)


@dataclass(frozen=True)
class Normal:
    """Normal random numbers of mean 0."""

    deviation: float

    def __call__(
        self,
        shape: Sequence[int],
        fan_in: int,
        fan_out: int,
        generator: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Weights of a shape."""
        return _normal(self.deviation, shape, generator, dtype)


@dataclass(frozen=True)
class Constant:
    """One number everywhere; nothing is drawn."""

    value: float

    def __call__(
        self,
        shape: Sequence[int],
        fan_in: int,
        fan_out: int,
        generator: np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Weights of a shape."""
        return np.full(shape, self.value, dtype)


def _uniform(
    bound: float, shape: Sequence[int], generator: np.random.Generator, dtype: DTypeLike
) -> Array:
    return need_generator(generator).uniform(-bound, bound, shape).astype(dtype)


def _normal(
    deviation: float, shape: Sequence[int], generator: np.random.Generator, dtype: DTypeLike
) -> Array:
    return need_generator(generator).normal(0.0, deviation, shape).astype(dtype)


# LeCun, Bottou, Orr & Müller, Efficient BackProp (1998), eq. 16: σ² = 1 / fan_in
lecun_uniform = VarianceScaling(1, "in", "uniform")
lecun_normal = VarianceScaling(1, "in", "normal")

# Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010),
# eq. 12 and 16: σ² = 2 / (fan_in + fan_out)
glorot_uniform = VarianceScaling(1, "mean", "uniform")
glorot_normal = VarianceScaling(1, "mean", "normal")

# He, Zhang, Ren & Sun, Delving Deep into Rectifiers (2015), eq. 10: σ² = 2 / fan_in
he_uniform = VarianceScaling(2, "in", "uniform")
he_normal = VarianceScaling(2, "in", "normal")

zeros = Constant(0.0)
standard_normal = Normal(1.0)


def first_values(
    initialiser: Initialiser,
    shape: tuple[int, ...],
    *,
    fan_in: int,
    fan_out: int,
    generator: np.random.Generator,
    dtype: DTypeLike,
    label: str,
    role: Role = "weight",
) -> Parameter:
    """The parameter of a layer that an initialiser gives its first values.

    Raises:
        TypeError: the initialiser is no function.
        ValueError: the initialiser gave another shape.
    """
    if not callable(initialiser):
        raise TypeError(
            f"{label}: expected an initialiser such as nn.initialisers.he_normal, got "
            f"{initialiser!r}"
        )
    values = np.asarray(initialiser(shape, fan_in, fan_out, generator, dtype), dtype)
    if values.shape != shape:
        raise ValueError(
            f"{label}: expected the initialiser to give shape {shape}, got {values.shape}"
        )
    return Parameter(values, role, label=label)
