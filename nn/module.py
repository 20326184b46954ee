"""Modules: functions with parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autodiff import Tensor, no_grad
from autodiff.graph import Operand, bare

Array: TypeAlias = NDArray[Any]
Role: TypeAlias = Literal["weight", "bias"]


class Parameter(Tensor):
    """A tensor that training changes.

    Args:
        data: its first value; kept in float32 unless it is of another floating-point type.
        role: "weight" or "bias": optimisers may treat the two differently.
        label: the name that drawings and messages show.
    """

    __slots__ = ("role",)

    def __init__(self, data: ArrayLike, role: Role = "weight", label: str | None = None) -> None:
        super().__init__(data, label)
        if self.dtype.kind != "f":
            raise TypeError(f"a parameter is of floating-point numbers, got dtype {self.dtype}")
        self.role = role


class Module:
    """A function with parameters, built of primitives; its derivatives follow from theirs.

    A subclass assigns parameters and other modules to attributes in ``__init__`` and computes in
    ``forward``. Nothing needs to be declared: attributes are found in the order of assignment, also
    within lists, tuples and dicts.

    Example:
        >>> import numpy as np
        >>> from nn import Module, Parameter
        >>> class Scale(Module):
        ...     def __init__(self):
        ...         self.factor = Parameter([2.0])
        ...     def forward(self, x):
        ...         return self.factor * x
        >>> scale = Scale()
        >>> scale(np.ones(2)).data, list(scale.named_parameters())
        (array([2., 2.]), [('factor', Parameter([2.], dtype=float64))])
    """

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; subclasses say how."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *inputs: Any) -> Any:
        return self.forward(*inputs)

    def predict(self, x: Operand) -> Array:
        """The output for ``x`` as a bare array, computed without recording."""
        with no_grad():
            return np.asarray(bare(self(x)))

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its path: "layers.0.weight"."""
        seen = set[int]()
        for name, parameter in _parameters_in(vars(self)):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Parameter]:
        """Every parameter once."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward pass starts from nothing."""
        for parameter in self.parameters():
            parameter.grad = None

    def __repr__(self) -> str:
        count = sum(parameter.size for parameter in self.parameters())
        return f"{type(self).__name__}({count} parameters)"


def _parameters_in(value: Any) -> Iterator[tuple[str, Parameter]]:
    """The parameters within attributes, modules and sequences, depth first."""
    if isinstance(value, Module):
        value = vars(value)
    elif isinstance(value, (list, tuple)):
        value = {str(i): item for i, item in enumerate(value)}
    elif not isinstance(value, dict):
        return
    for name, item in value.items():
        if isinstance(item, Parameter):
            yield name, item
        else:
            for inner, parameter in _parameters_in(item):
                yield f"{name}.{inner}", parameter


class Sequential(Module):
    """Modules one behind the other, each working on the output of the one before.

    Args:
        layers: modules, or functions without parameters.
    """

    def __init__(self, *layers: Any) -> None:
        self.layers = list(layers)

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

    def __getitem__(self, i: int) -> Any:
        return self.layers[i]

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


def whole(name: str, n: Any) -> int:
    """A positive whole number.

    Raises:
        ValueError: it is none; the message calls it ``name``.
    """
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"{name} is a positive whole number, got {n!r}")
    return int(n)


def uniform(
    shape: Sequence[int], fan: int, generator: np.random.Generator, dtype: Any = np.float32
) -> Array:
    """Numbers from ±sqrt(3 / fan), which have variance 1 / fan (LeCun et al. 1998, eq. 16)."""
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"expected a generator such as np.random.default_rng(0), got {generator!r}")
    bound = np.sqrt(3 / fan)
    return generator.uniform(-bound, bound, shape).astype(dtype)
