"""Modules made of modules: one behind the other, or around a short cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from autodiff import no_grad
from autodiff.graph import Operand, bare, describe
from autodiff.ops.shapes import shape_of
from nn.module import Array, Module, shown


class Sequential(Module):
    """Modules one behind the other, each working on the output of the one before.

    Args:
        layers: modules, or functions without parameters.

    Example:
        >>> import numpy as np
        >>> from nn import Dense, ReLU, Sequential
        >>> rng = np.random.default_rng(0)
        >>> net = Sequential(Dense(4, 3, generator=rng), ReLU(), Dense(3, 2, generator=rng))
        >>> net
        Sequential(Dense(4, 3), ReLU(), Dense(3, 2))
        >>> net[:2](np.ones((5, 4))).shape
        (5, 3)
    """

    __slots__ = ("_first_layers",)  # no attribute that members are searched in

    _first_layers: tuple[Any, ...]

    def __init__(self, *layers: Any) -> None:
        for layer in layers:
            if not callable(layer):
                raise TypeError(f"Sequential: expected modules or functions, got {describe(layer)}")
        self.layers = list(layers)
        self._first_layers = layers

    def has_its_first_layers(self) -> bool:
        """Whether the layers are those that it was made with: none replaced, added or removed."""
        return len(self.layers) == len(self._first_layers) and all(
            now is first for now, first in zip(self.layers, self._first_layers, strict=True)
        )

    def forward(self, x: Operand) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def outputs(self, x: Operand) -> list[Array]:
        """The output of every layer as a bare array, computed without recording."""
        computed: list[Any] = [x]
        with no_grad():
            for layer in self.layers:
                computed.append(layer(computed[-1]))
        return [np.asarray(bare(output)) for output in computed[1:]]

    @overload
    def __getitem__(self, i: int) -> Any: ...
    @overload
    def __getitem__(self, i: slice) -> Sequential: ...
    def __getitem__(self, i: int | slice) -> Any:
        """A layer; or some of them, shared with this module, as a ``Sequential``."""
        return Sequential(*self.layers[i]) if isinstance(i, slice) else self.layers[i]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        if type(self) is not Sequential:
            return super().__repr__()
        return f"Sequential({', '.join(map(shown, self.layers))})"


class Residual(Module):
    """What some layers make of their input, plus the input: y = f(x) + x.

    After He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition (2016), eq. 1 and 2.

    Args:
        layers: f, one behind the other.
        shortcut: what the input goes through on its way around, where f changes its shape.

    Raises:
        ValueError: the two sides have different shapes.

    Example:
        >>> import numpy as np
        >>> from nn import Dense, ReLU, Residual
        >>> rng = np.random.default_rng(0)
        >>> Residual(Dense(4, 4, generator=rng), ReLU())(np.ones((2, 4))).shape
        (2, 4)
    """

    def __init__(self, *layers: Any, shortcut: Any = None) -> None:
        self.inner = Sequential(*layers)
        self.shortcut = shortcut

    def forward(self, x: Operand) -> Any:
        y = self.inner(x)
        around = x if self.shortcut is None else self.shortcut(x)
        if shape_of(y) != shape_of(around):
            raise ValueError(
                f"Residual: the layers give {describe(y)}, and the way around them "
                f"{describe(around)}: the shapes must agree; shortcut= may change the second"
            )
        return y + around
