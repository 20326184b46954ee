"""Modules made of modules: one behind the other, stored or not, or around a short cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, overload

import numpy as np

import autodiff as ad
from autodiff.graph import Operand, bare, describe
from autodiff.ops.shapes import shape_of
from nn.module import Array, Module, shown
from nn.snapshots import Snapshot


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

    steady = True

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
        with ad.no_grad():
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

    def is_its_layers(self) -> bool:
        """Whether it is made with its layers, and nothing else says what it is."""
        return type(self).__init__ is Sequential.__init__

    def __repr__(self) -> str:
        if not self.is_its_layers():
            return super().__repr__()
        return f"{type(self).__name__}({', '.join(map(shown, self.layers))})"


_storing: ContextVar[bool] = ContextVar("nn_storing", default=False)


@contextmanager
def storing() -> Iterator[None]:
    """Let ``Recompute`` store everything in this block, for those who look at the graph."""
    token = _storing.set(True)
    try:
        yield
    finally:
        _storing.reset(token)


class Recompute(Sequential):
    """A ``Sequential`` that stores only its input and output, and computes again what is between.

    Training a network holds what every layer has computed until the reverse walk is past it. Of
    these layers it holds nothing; the walk computes them once more when it comes to them. A network
    of n layers, cut into parts of √n, holds about 2 √n results at a time, for the price of a second
    forward pass (Griewank & Walther, Evaluating Derivatives, chapter 12; Chen, Xu, Zhang &
    Guestrin, Training Deep Nets with Sublinear Memory Cost, 2016). Costs, gradients and what is
    learnt are those of a ``Sequential``, bit for bit unless a parameter is used more than once; so
    are the paths of parameters, and weights can be exchanged between the two.

    When layers compute again, all is as it was: generators draw the same numbers, so that
    ``Dropout`` drops the same elements; modes and buffers are those of that moment; and afterwards
    nothing has happened, so that ``BatchNorm`` counts a batch once.

    Args:
        layers: modules, or functions without parameters. Random numbers come from generators that
            are attributes of modules, as in the layers of this package.

    Raises:
        ValueError: in the reverse walk, if the layers compute something else than before.

    Example:
        >>> import numpy as np
        >>> from nn import Dense, Dropout, Recompute, ReLU, Sequential
        >>> rng = np.random.default_rng(0)
        >>> block = Recompute(Dense(4, 50, generator=rng), ReLU(), Dropout(generator=rng))
        >>> net = Sequential(block, Dense(50, 2, generator=rng))
        >>> cost = (net(np.ones((3, 4))) ** 2).sum()
        >>> cost.backward()
        >>> block[0].weight.grad.shape
        (4, 50)
    """

    def forward(self, x: Operand) -> Any:
        if _storing.get() or not ad.is_recording():
            return super().forward(x)
        before: Snapshot | None = None

        def computed(x: Operand) -> Any:
            nonlocal before
            if before is None:
                before = Snapshot(self)
                return Sequential.forward(self, x)
            with before.again():
                return Sequential.forward(self, x)

        return ad.checkpoint(computed, name="recompute")(x)


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
