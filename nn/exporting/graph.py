"""A graph in the terms of ONNX: constants by name, and nodes that are put down layer by layer.

Nothing here needs the package ``onnx``: the graph is plain data until it is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from autodiff import no_grad
from autodiff.graph import bare, describe
from nn.module import Array, Module, Parameter


@dataclass(frozen=True)
class Value:
    """What flows from node to node: a name, and an example of it, whose shape rules may ask for."""

    name: str
    example: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, of which the first length, the batch, is another one in each run."""
        return self.example.shape


@dataclass(frozen=True)
class OnnxNode:
    """An operator of ONNX at work: what it reads, the name of what it computes, its settings."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


Rule: TypeAlias = Callable[["OnnxGraph", Any, Value], str]
AnyRule = TypeVar("AnyRule", bound=Rule)

RULES: dict[Any, Rule] = {}


def onnx_rule(*kinds: Any) -> Callable[[AnyRule], AnyRule]:
    """Say which nodes of ONNX compute a module of one's own: a decorator of the function that does.

    That function gets the ``OnnxGraph``, the module and its input (with ``name`` and ``shape``). It
    adds nodes, and returns the name of the result.

    Args:
        kinds: classes of modules, or functions that are layers of a ``Sequential``. The rule of a
            class holds for classes derived from it, as long as they have the same ``forward``.

    Example:
        >>> import numpy as np
        >>> import autodiff as ad
        >>> from nn import Module, onnx_rule
        >>> class Squared(Module):
        ...     def forward(self, x):
        ...         return ad.square(x)
        >>> @onnx_rule(Squared)
        ... def squared(graph, layer, x):
        ...     return graph.add("Mul", x, x)
    """

    def register(rule: AnyRule) -> AnyRule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


class OnnxGraph:
    """What rules build: ``add`` puts down a node, ``tensors`` and ``constant`` what it reads.

    Args:
        model: whose parameters and buffers become constants, called by their paths.
        dtype: of all floating-point numbers in the graph.

    Attributes:
        nodes: in the order in which they compute.
        constants: arrays by name.
    """

    def __init__(self, model: Module, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes: list[OnnxNode] = []
        self.constants: dict[str, Array] = {}
        self._paths = {id(member): path for path, member in model.named(object)}
        self._path = ""
        self._used: Counter[str] = Counter()

    def add(self, operator: str, *inputs: Value | str, **attributes: Any) -> str:
        """Put down a node.

        Args:
            operator: of ONNX, such as "Gemm".
            inputs: what it reads, in order.
            attributes: of the operator. ONNX keeps their floating-point numbers in float32: a
                number that has to be exact in float64 is an input, by ``number`` or ``constant``.

        Returns:
            The name of what it computes.
        """
        base = f"{self._path}/{operator}".lstrip("/")
        self._used[base] += 1
        output = base if self._used[base] == 1 else f"{base}_{self._used[base]}"
        read = tuple(x.name if isinstance(x, Value) else x for x in inputs)
        self.nodes.append(OnnxNode(operator, read, output, attributes))
        return output

    def tensors(self, *arrays: Parameter | Array | None) -> list[str]:
        """The names of parameters and buffers of the model; None, where there is none, is left out.

        Raises:
            ValueError: one is not part of the model.
        """
        given = [x for x in arrays if x is not None]
        for x in given:
            if id(x) not in self._paths:
                raise ValueError(
                    f"{describe(x)} is neither a parameter nor a buffer of the model; constant() "
                    "puts down other arrays"
                )
        return [self._keep(self._paths[id(x)], np.asarray(bare(x))) for x in given]

    def constant(self, name: str, values: Any) -> str:
        """Put down an array that follows from the settings of this module."""
        return self._keep(f"{self._path}.{name}".lstrip("."), np.asarray(bare(values)))

    def number(self, x: float) -> str:
        """Put down a number; all modules share it."""
        return self._keep(f"number.{x!r}", np.asarray(x, self.dtype))

    def apply(self, layer: Any, x: Value) -> Value:
        """Put down a layer by its own rule, such as the layers within a module.

        Raises:
            TypeError: it has no rule.
        """
        with np.errstate(all="ignore"):  # the example is of zeros, which may be no good input
            example = _output(layer, x.example)
        above, self._path = self._path, self._paths.get(id(layer), self._path)
        try:
            return Value(self._rule(layer)(self, layer, x), example)
        finally:
            self._path = above

    def _keep(self, name: str, array: Array) -> str:
        self.constants[name] = array.astype(self.dtype) if array.dtype.kind == "f" else array
        return name

    def _rule(self, layer: Any) -> Rule:
        kind: Any = type(layer)
        if isinstance(layer, Module):
            for base in kind.__mro__:
                if base in RULES and base.forward is kind.forward:
                    return RULES[base]
        elif isinstance(layer, Hashable) and layer in RULES:
            return RULES[layer]
        name = kind.__name__ if isinstance(layer, Module) else getattr(layer, "__name__", "f")
        raise TypeError(
            f"{self._path or 'the model'}: there is no rule for {describe(layer)} in ONNX. Which "
            "nodes compute it is said like this, with the operators that it takes:\n\n"
            f"    @nn.onnx_rule({name})\n"
            "    def rule(graph, layer, x):\n"
            '        return graph.add("Mul", x, graph.add("Sigmoid", x))\n'
        )


def _output(layer: Any, x: Array) -> Array:
    if isinstance(layer, Module):
        return layer.predict(x)
    with no_grad():
        return np.asarray(bare(layer(x)))
