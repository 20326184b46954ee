"""Looking at one forward pass: which modules are called, and what they compute.

Modules are observed at their calls, and operations where the engine makes their nodes. So a layer
needs to say nothing about itself, and one that somebody else wrote is counted like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autodiff.graph import Node, bare
from autodiff.ops.shapes import shape_of
from autodiff.recording import Block, State
from nn.checks import whole
from nn.module import Array, Module, call_observer, evaluation
from nn.snapshots import Snapshot


@dataclass
class Call:
    """A call of a module.

    Attributes:
        module: which one.
        depth: within how many other calls.
        output: what it gave: bare arrays, in tuples and lists as they came.
        windows: what slid over spatial axes, in order.
        multiply_adds: of products of matrices and convolutions in this call, those in calls within
            it left out.
    """

    module: Module
    depth: int
    output: Any = None
    windows: list[Windows] = field(default_factory=list)
    multiply_adds: int = 0


@dataclass
class Windows:
    """Windows that slid along the spatial axes; as text, the formula of the output's lengths.

    Attributes:
        lengths: of the axes.
        padding: the widths of their borders, before and after.
        size: of the window, in elements.
        stride: distance of neighbouring windows.
        dilation: distance of neighbouring elements of a window.
        node: what came out.
        transposed: whether windows were written, as a transposed convolution does, and not read.
    """

    lengths: Sequence[int]
    padding: Sequence[tuple[int, int]]
    size: Sequence[int]
    stride: Sequence[int]
    dilation: Sequence[int]
    node: Node
    transposed: bool = False

    def __str__(self) -> str:
        along = self._written if self.transposed else self._read
        axes = [along(i) for i in range(len(self.lengths))]
        return axes[0] if len(set(axes)) == 1 else ", ".join(axes)

    def _extent(self, i: int) -> tuple[int, str]:
        """The length of a window with its gaps, and how it comes about."""
        f, gap = self.size[i], self.dilation[i]
        return ((f - 1) * gap + 1, f"(({f}−1)·{gap}+1)") if gap != 1 else (f, str(f))

    def _read(self, i: int) -> str:
        n, (before, after), s = self.lengths[i], self.padding[i], self.stride[i]
        extent, f = self._extent(i)
        border = f"2·{before}" if before == after else f"{before}+{after}"
        room = n + before + after - extent
        quotient = f"({n}+{border}−{f})/{s}"
        return f"{f'⌊{quotient}⌋' if room % s else quotient}+1 = {room // s + 1}"

    def _written(self, i: int) -> str:
        n, s = self.lengths[i], self.stride[i]
        extent, f = self._extent(i)
        length = shape_of(self.node)[i - len(self.lengths)]
        cut = (n - 1) * s + extent - length
        return f"({n}−1)·{s}+{f}{f'−{cut}' if cut > 0 else f'+{-cut}' if cut else ''} = {length}"


class Observer(Block):
    """Notes the calls of modules and what they compute, without recording a graph.

    Attributes:
        calls: in the order in which they began.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._open: list[Call] = []
        self._padded: tuple[Node | None, Any, Any] = (None, None, None)

    def _changed(self, state: State) -> State:
        return state._replace(recording=False, watch=self, plain=False)

    def examiner(self, way: str) -> None:
        """Nobody looks at derivatives."""

    def called(self, module: Module, inputs: tuple[Any, ...]) -> Any:
        """Stand between a call and its ``forward``."""
        call = Call(module, len(self._open))
        self.calls.append(call)
        self._open.append(call)
        try:
            output = module.forward(*inputs)
        finally:
            self._open.pop()
        call.output = _bare(output)
        return output

    def note(
        self, node: Node, primitive: Any, operands: Sequence[Any], parameters: Any, kept: bool
    ) -> None:
        """Look at an operation: the engine calls this."""
        if not self._open:
            return
        call, name = self._open[-1], primitive.name
        if name in MULTIPLY_ADDS:
            call.multiply_adds += MULTIPLY_ADDS[name](node, *operands[:2], **parameters)
        if name == "pad":
            self._padded = node, shape_of(operands[0]), parameters["widths"]
        if name in WINDOWS:
            call.windows.append(self._windows(name, node, operands, parameters))
        for windows in call.windows:
            if windows.transposed and operands[0] is windows.node and name in ("pad", "getitem"):
                windows.node = node  # what was written over the padding is cut off

    def _windows(self, name: str, node: Node, operands: Sequence[Any], parameters: Any) -> Windows:
        x = operands[0]
        size = parameters["size"] if "size" in parameters else shape_of(operands[1])[2:]
        rank = len(size)
        transposed = name == "conv_input"
        shape, widths = shape_of(x), ((0, 0),) * rank
        if x is self._padded[0]:
            shape, widths = self._padded[1:]
        elif not transposed and parameters.get("padding"):
            widths = parameters["padding"]
        return Windows(
            shape[-rank:],
            widths[-rank:],
            size,
            parameters["stride"],
            parameters.get("dilation", (1,) * rank),
            node,
            transposed=transposed,
        )


@contextmanager
def observing() -> Iterator[Observer]:
    """Observe the calls of modules in this block, in this thread and asynchronous task only."""
    observer = Observer()
    token = call_observer.set(observer.called)
    try:
        with observer:
            yield observer
    finally:
        call_observer.reset(token)


def one_example(caller: str, input_shape: Sequence[int], dtype: DTypeLike) -> Array:
    """A batch of one example, all zeros.

    Raises:
        TypeError: the shape is no tuple.
        ValueError: a length is not positive.
    """
    if not isinstance(input_shape, Sequence):
        raise TypeError(
            f"{caller}: input_shape is the shape of one example, such as (channels, height, "
            f"width), got {input_shape!r}"
        )
    shape = (whole(f"{caller}: each length of input_shape", n) for n in input_shape)
    return np.zeros((1, *shape), dtype)


@contextmanager
def untouched(model: Module) -> Iterator[None]:
    """Compute as ``eval()`` says in this block, and leave the module behind as it was before.

    Its attributes and those of the modules below it, its buffers and its generators are put back.
    """
    before = Snapshot(model)
    try:
        with evaluation():
            yield
    finally:
        before.restore()


def _bare(output: Any) -> Any:
    if isinstance(output, (tuple, list)):
        return tuple(map(_bare, output))
    return bare(output)


# --- what operations cost -------------------------------------------------------------------------


def _matrix_product(f: Node, x: Any, y: Any) -> int:
    return prod(shape_of(f)) * shape_of(x)[-1]


def _convolution(f: Node, x: Any, w: Any, **_: Any) -> int:
    """Each output element sums up a kernel's products with one window."""
    return prod(shape_of(f)) * prod(shape_of(w)[1:])


def _transposed_convolution(f: Node, x: Any, w: Any, **_: Any) -> int:
    """Each input element is written as a multiple of one kernel."""
    return prod(shape_of(x)) * prod(shape_of(w)[1:])


def _einstein_sum(f: Node, x: Any, y: Any, *, subscripts: str) -> int:
    letters = subscripts.split("->")[0].replace(",", "")
    return prod(dict(zip(letters, (*shape_of(x), *shape_of(y)), strict=True)).values())


MULTIPLY_ADDS: dict[str, Callable[..., int]] = {
    "matmul": _matrix_product,
    "affine": _matrix_product,
    "einsum": _einstein_sum,
    "conv": _convolution,
    "conv_input": _transposed_convolution,
}
"""How many products each primitive adds up; all others work element by element."""

WINDOWS = {"conv", "conv_input", "max_pool", "pool", "sum_pool", "windows"}
"""The primitives that slide windows over their operand."""
