"""A network as a table: its layers, the shapes that pass through it, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autodiff import Tensor
from nn.module import Module, Parameter
from nn.observation import Call, observing, one_example, untouched
from nn.tables import html_table, text_table

_WIDEST = 48  # letters of a layer's name; a longer one is cut


@dataclass(frozen=True)
class Row:
    """A call of a module.

    Attributes:
        path: where the module is found: "layers.0"; "" for the model itself.
        layer: what it is.
        depth: within how many other calls it was called.
        output: the shape of its output for one example, without the axis of the batch; a tuple of
            shapes if it gives several arrays; None if it was not called at all.
        sizes: how the lengths of its spatial axes come about, for each window that slid over them:
            (n + 2p - f) / s + 1 for length n, padding p, window f and stride s, rounded down.
        parameters: how many numbers training changes, those of modules within left out, and those
            that a row above has counted.
        frozen: how many of them don't train now.
        shared: whether its parameters belong to a row above.
        multiply_adds: of one example, in products of matrices and convolutions, those of modules
            within left out. What is done element by element is not counted.
    """

    path: str
    layer: str
    depth: int
    output: tuple[Any, ...] | None
    sizes: tuple[str, ...]
    parameters: int
    frozen: int
    shared: bool
    multiply_adds: int

    def cells(self) -> list[str]:
        """The row as text."""
        own = _grouped(self.parameters) if self.parameters else "shared" if self.shared else ""
        if self.frozen == self.parameters > 0:
            own = f"frozen {own}"
        elif self.frozen:
            own = f"frozen {_grouped(self.frozen)} of {own}"
        name = self.path.rpartition(".")[2]
        return [
            "  " * self.depth + (f"{name}  {self.layer}" if name else self.layer),
            "not called" if self.output is None else _shape_text(self.output),
            "; ".join(self.sizes),
            own,
            _grouped(self.multiply_adds) if self.multiply_adds else "",
        ]


@dataclass(frozen=True)
class Summary:
    """What ``Module.summary`` found; it prints as a table.

    Attributes:
        rows: the calls in order, then modules with parameters that were not called.
        input_shape: of one example.
        trainable: how many numbers training changes, each counted once.
        frozen: how many are constants for now.
        multiply_adds: of one example.
    """

    rows: tuple[Row, ...]
    input_shape: tuple[int, ...]
    trainable: int
    frozen: int
    multiply_adds: int

    @property
    def parameters(self) -> int:
        """How many there are, trainable and frozen."""
        return self.trainable + self.frozen

    def _cells(self) -> tuple[list[str], list[list[str]], str]:
        """Header, rows and alignment of the table."""
        header = ["layer", "output", "⌊(n+2p−f)/s⌋+1", "parameters", "multiply-adds"]
        start = ["input", _shape_text(self.input_shape), "", "", ""]
        totals = ["total", "", "", _grouped(self.parameters), _grouped(self.multiply_adds)]
        return header, [start, *(row.cells() for row in self.rows), totals], "<<<>>"

    def _ends(self) -> str:
        return f"trainable {_grouped(self.trainable)}, frozen {_grouped(self.frozen)}"

    def __str__(self) -> str:
        return f"{text_table(*self._cells())}\n{self._ends()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"{html_table(*self._cells())}\n<p>{self._ends()}</p>"


def summary(model: Module, input_shape: Sequence[int], dtype: DTypeLike = np.float32) -> Summary:
    """A table of the layers: output shapes and how they come about, parameters, multiply-adds.

    A batch of a single example, all zeros, goes through the module as ``eval()`` says, and nothing
    is changed by it. A shared module has a row for each call; its parameters count once.

    Args:
        model: what to look at.
        input_shape: of one example, without the axis of the batch: (channels, height, width).
        dtype: of the input; whole numbers for an ``Embedding``.

    Raises:
        TypeError: the input's shape is no tuple.
        ValueError: a length is not positive; or what a module raises if it can't take the input.

    Example:
        >>> import numpy as np
        >>> from nn import Conv2d, Dense, Flatten, MaxPool2d, Sequential
        >>> rng = np.random.default_rng(0)
        >>> net = Sequential(
        ...     Conv2d(1, 4, 3, padding=1, generator=rng), MaxPool2d(2), Flatten(),
        ...     Dense(64, 10, generator=rng),
        ... )
        >>> net.summary((1, 8, 8))
        layer                            output  ⌊(n+2p−f)/s⌋+1     parameters  multiply-adds
        input                            1×8×8
        Sequential                       10
          0  Conv2d(1, 4, 3, padding=1)  4×8×8   (8+2·1−3)/1+1 = 8          40          2 304
          1  MaxPool2d(2)                4×4×4   (8+2·0−2)/2+1 = 4
          2  Flatten()                   64
          3  Dense(64, 10)               10                                650            640
        total                                                              690          2 944
        trainable 690, frozen 0
    """
    zeros = one_example("summary", input_shape, dtype)
    with untouched(model), observing() as observer:
        model(Tensor(zeros) if zeros.dtype.kind == "f" else zeros)
    rows = tuple(_rows(model, observer.calls))
    frozen = sum(p.size for p in model.parameters() if p.frozen)
    return Summary(
        rows,
        zeros.shape[1:],
        sum(p.size for p in model.parameters()) - frozen,
        frozen,
        sum(row.multiply_adds for row in rows),
    )


setattr(Module, "summary", summary)  # noqa: B010 - declared for type checkers only


def _rows(model: Module, calls: Sequence[Call]) -> Iterator[Row]:
    paths = {id(module): path for path, module in model.named_modules()}
    called = {id(call.module) for call in calls}
    missed = [Call(module, 1) for _, module in model.named_modules() if id(module) not in called]
    containers = {id(a.module) for a, b in pairwise(calls) if b.depth > a.depth}
    counted: set[Parameter] = set()
    for call in [*calls, *missed]:
        own = _own_parameters(call.module)
        if call.output is None and not own:
            continue
        new = [p for p in own if p not in counted]
        counted.update(new)
        yield Row(
            path=paths.get(id(call.module), ""),
            layer=_name(call.module, within=id(call.module) in containers),
            depth=call.depth,
            output=None if call.output is None else _shape(call.output),
            sizes=tuple(map(str, call.windows)),
            parameters=sum(p.size for p in new),
            frozen=sum(p.size for p in new if p.frozen),
            shared=bool(own) and not new,
            multiply_adds=call.multiply_adds,
        )


def _own_parameters(module: Module) -> list[Parameter]:
    """Those that belong to no module within."""
    within = {p for _, inner in module.named_modules() if inner is not module
              for p in inner.parameters()}  # fmt: skip
    return [p for p in module.parameters() if p not in within]


def _name(module: Module, *, within: bool) -> str:
    """A module with its arguments; without them if the rows below show what is in it."""
    text = type(module).__name__ if within else " ".join(repr(module).split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _shape(output: Any) -> tuple[Any, ...]:
    """The shape for one example; one for each array if there are several."""
    return tuple(map(_shape, output)) if isinstance(output, tuple) else np.shape(output)[1:]


def _shape_text(shape: tuple[Any, ...]) -> str:
    if any(isinstance(length, tuple) for length in shape):
        return ", ".join(map(_shape_text, shape))
    return "×".join(map(str, shape)) or "1"


def _grouped(n: int) -> str:
    """A whole number in groups of three digits."""
    return f"{n:,}".replace(",", " ")
