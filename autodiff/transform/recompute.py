"""Recomputing instead of storing: a part of a graph that keeps only its ends.

Only what goes into the part and what comes out of it stay in memory. When a derivative passes, the
part is computed again, differentiated, and dropped (Griewank & Walther, Evaluating Derivatives,
chapter 12).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT, Masked, dense
from autodiff.apply import record
from autodiff.arrays import Array
from autodiff.graph import Node, Value, bare, is_differentiable, next_number
from autodiff.kernels.buffers import frozen
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.shapes import astype, reshape, shape_of, to_value
from autodiff.primitive import Operands, Parameters
from autodiff.recording import is_recording, recording, transform_running
from autodiff.transform.constant import leaf_of
from autodiff.transform.containers import PLAIN, flatten, unflatten
from autodiff.transform.joint import Call, Joint
from autodiff.transform.tape import Tape
from autodiff.transform.trace import as_input


def checkpoint(function: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """A function that is computed again when it is differentiated, instead of being stored.

    In a chain of many such parts, memory holds what passes from part to part, and the inside of one
    part at a time. The price is a second evaluation. Parts may lie within parts.

    Args:
        function: of numbers, arrays, nodes, containers of them, and anything else; what it closes
            over is differentiated too. It gives the same result when it is called again: it draws
            no random numbers and changes nothing. If left out, a decorator is returned.
        name: what drawings call the part; the function's name if not given.

    Raises:
        ValueError: when differentiated, the function gave another result than the first time.

    Example:
        >>> import autodiff as ad
        >>> @ad.checkpoint
        ... def layer(x, *, scale):
        ...     return ad.tanh(x * scale)
        >>> x = ad.Value(0.5)
        >>> y = layer(layer(x, scale=2.0), scale=3.0)
        >>> y.backward()
        >>> round(x.grad, 12)
        0.102315811701
    """
    if function is None:
        return partial(checkpoint, name=name)
    primitive = _Checkpoint(function, name)
    wrapped = function

    @wraps(wrapped)
    def checkpointed(*arguments: Any, **options: Any) -> Any:
        if not is_recording():
            return wrapped(*arguments, **options)
        return primitive.applied(arguments, options)

    return checkpointed


class _Part:
    """What a part is computed again from.

    Attributes:
        structure: of the arguments.
        leaves: of the arguments: constants, and the position in ``operands`` of each node.
        free: the nodes that the function closes over, the operands after the arguments.
        running: whether a transform was running, so that transforms within nest as before.
    """

    __slots__ = ("free", "leaves", "running", "structure")

    def __init__(self, structure: Any, leaves: list[Any], running: bool) -> None:
        self.structure = structure
        self.leaves = leaves
        self.running = running
        self.free: list[Node] = []


class _Place(int):
    """The position of an operand, among leaves that are constants."""


class _Checkpoint(Joint):
    takes = (Masked,)  # the walk within goes on with it

    def __init__(self, function: Callable[..., Any], name: str | None) -> None:
        self._function = function
        self.name = name or str(getattr(function, "__name__", "checkpoint"))

    def compute(self, *operands: Any, part: _Part, single: bool) -> Any:
        """The part again, on bare operands; what it closes over is as the function has it."""
        with recording(False):
            outputs, _ = self._outputs(part, operands[: len(operands) - len(part.free)])
        moving = [bare(x) for x in outputs if is_differentiable(x)]
        return moving[0] if single else _packed(moving)

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        return f"{self.name}({', '.join(names)})"

    # --- forward ----------------------------------------------------------------------------------

    def applied(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        if not options and all(isinstance(argument, PLAIN) for argument in arguments):
            leaves, structure = list(arguments), None
        else:
            leaves, structure = flatten((tuple(arguments), dict(options)))
        nodes = [leaf for leaf in leaves if is_differentiable(leaf)]
        places = iter(range(len(nodes)))
        leaves = [
            _Place(next(places))
            if is_differentiable(leaf)
            else frozen(leaf)
            if isinstance(leaf, np.ndarray)
            else leaf
            for leaf in leaves
        ]
        part = _Part(structure, leaves, transform_running.get())
        start = next_number()
        results, outer = self._outputs(part, [bare(node) for node in nodes])
        part.free = _from_outside(results, start)
        operands = [*nodes, *part.free]
        moving = [result for result in results if is_differentiable(result)]
        if not operands or not moving:
            return unflatten(outer, results)
        values = [bare(x) for x in operands]
        single = len(moving) == 1
        data = bare(moving[0]) if single else _packed([bare(x) for x in moving])
        node = record(self, operands, values, Call({"part": part, "single": single}), data)
        ends = [node] if single else _unpacked(node, moving)
        rest = iter(ends)
        return unflatten(
            outer, [next(rest) if is_differentiable(result) else result for result in results]
        )

    def _outputs(self, part: _Part, inputs: Sequence[Any]) -> tuple[list[Any], Any]:
        """The function's outputs from these nodes or numbers: leaves, and their structure."""
        inputs = [x if isinstance(x, Node) else leaf_of(x) for x in inputs]
        filled = [inputs[leaf] if leaf.__class__ is _Place else leaf for leaf in part.leaves]
        if part.structure is None:
            return flatten(self._function(*filled))
        arguments, options = unflatten(part.structure, filled)
        return flatten(self._function(*arguments, **options))

    # --- derivatives ------------------------------------------------------------------------------

    def contributions(
        self, t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Sequence[Any]:
        on_nodes = any(isinstance(x, Node) for x in (dense(t), *operands))
        tape, _ = self._again(f, operands, parameters)
        with recording(True):
            adjoints = tape.pull([t], on_nodes)
        return [None if c is ABSENT else c for c in adjoints]

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        on_nodes = any(isinstance(x, Node) for x in (*tangents, *operands))
        tape, _ = self._again(f, operands, parameters)
        with recording(True):
            return tape.push(tangents, on_nodes)[0]

    def _again(self, f: Any, operands: Operands, parameters: Parameters) -> tuple[Tape, Any]:
        """The part's graph, computed again from the operands, as a tape with one output."""
        part: _Part = parameters["part"]
        count = len(operands) - len(part.free)
        token = transform_running.set(part.running)
        try:
            with recording(True):
                fresh = [
                    as_input(x, "", True) if isinstance(x, Node) else leaf_of(x) for x in operands
                ]
                inputs, stand_ins = fresh[:count], fresh[count:]
                start = next_number()
                outputs, _ = self._outputs(part, inputs)
                moving = [x for x in outputs if is_differentiable(x)]
                if part.free:
                    others = dict(zip(part.free, stand_ins, strict=True))
                    moving = _substituted(moving, others, start)
                output = (moving or [None])[0] if parameters["single"] else _joined(moving)
        finally:
            transform_running.reset(token)
        if output is None or not _same(bare(output), bare(f)):
            raise ValueError(
                f"checkpoint: '{self.name}' gave another result when it was computed again; it "
                "has to be a function of its arguments, without random numbers and side effects"
            )
        return Tape([output], fresh), output


def _from_outside(outputs: Sequence[Any], start: int) -> list[Node]:
    """The older nodes that nodes recorded since ``start`` were computed from, and older outputs."""
    nodes = [output for output in outputs if is_differentiable(output)]
    found = set(nodes)
    for node in nodes:  # grows while it is read
        if node.number > start:
            for operand in node.operands:
                if isinstance(operand, Node) and operand not in found:
                    found.add(operand)
                    nodes.append(operand)
    return [node for node in nodes if node.number < start]


def _substituted(outputs: Sequence[Node], others: Mapping[Node, Node], start: int) -> list[Node]:
    """The nodes recorded since ``start`` once more, from other nodes in place of the older ones.

    A walk could not stop at a node that the function closes over: it would go on to the operands
    of that node, which may be others that the function closes over.
    """
    nodes = list(outputs)
    found = set(nodes)
    for node in nodes:
        if node.number > start:
            for operand in node.operands:
                if isinstance(operand, Node) and operand not in found:
                    found.add(operand)
                    nodes.append(operand)
    now = dict(others)
    for node in sorted(nodes, key=lambda node: node.number):
        if node.number > start and node.primitive is not None:
            operands = [now.get(x, x) if isinstance(x, Node) else x for x in node.operands]
            values = [bare(x) for x in operands]
            now[node] = record(node.primitive, operands, values, node.parameters, bare(node))
    return [now.get(output, output) for output in outputs]


def _same(x: Any, y: Any) -> bool:
    """Whether two results are equal; to look for nan takes copies, so only where it is needed."""
    return np.array_equal(x, y) or np.array_equal(x, y, equal_nan=True)


def _packed(data: Sequence[Any]) -> Array:
    """Several numbers and arrays as one vector."""
    return np.concatenate([np.reshape(x, -1) for x in data])


def _joined(outputs: Sequence[Node]) -> Any:
    """The same of nodes."""
    return concatenate([reshape(x, (-1,)) for x in outputs])


def _unpacked(node: Node, like: Sequence[Node]) -> list[Any]:
    """The parts of a vector, each of the shape, the dtype and the kind of a node."""
    ends = []
    start = 0
    for x in like:
        stop = start + np.size(bare(x))
        end = reshape(getitem(node, slice(start, stop)), shape_of(x))
        if isinstance(x, Value):
            end = to_value(end)
        elif end.dtype != x.dtype:  # type: ignore[attr-defined]
            end = astype(end, x.dtype)  # type: ignore[attr-defined]
        ends.append(end)
        start = stop
    return ends
