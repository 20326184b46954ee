"""What one call recorded, walked back and swept forward as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT, dense
from autodiff.apply import record
from autodiff.arrays import real_array
from autodiff.graph import Node, StaleGraphError, Tensor, Value, bare, describe, is_differentiable
from autodiff.ops.shapes import astype, broadcast_to, shape_of, to_value
from autodiff.primitive import Operands, Parameters, Primitive
from autodiff.recording import examiner, recording
from autodiff.reverse import schedule, settled
from autodiff.transform.joint import walk_to


class _Outputs(Primitive):
    """Joins several outputs under one node, from which a single walk starts: Σ ⟨seed, output⟩."""

    name = "outputs"

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return parameters["seeds"][i]

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        return np.full(shape_of(operands[i]), True)


_outputs = _Outputs()


class Tape:
    """The graph between the inputs and the outputs of a call.

    Args:
        outputs: what the call gave: nodes, or constants.
        inputs: the nodes that it started from, none of which was computed from another.
    """

    __slots__ = ("_nodes", "_outside", "inputs", "outputs")

    def __init__(self, outputs: Sequence[Any], inputs: Sequence[Node]) -> None:
        self.outputs = outputs
        self.inputs = inputs
        self._outside: list[tuple[Node, Node]] | None = None
        ends = [output for output in outputs if is_differentiable(output)]
        if len(ends) == 1:
            self._nodes = schedule(ends[0], inputs)
        elif ends:
            self._nodes = schedule(_joined(ends, ends), inputs)[1:]
        else:
            self._nodes = []

    def pull(self, seeds: Sequence[Any], recorded: bool) -> list[Any]:
        """The adjoint of each input, ``ABSENT`` where nothing arrives.

        Args:
            seeds: one adjoint for each output; None for one that has none.
            recorded: compute with nodes.
        """
        self._require_fresh()
        pairs = [
            (output, seed)
            for output, seed in zip(self.outputs, seeds, strict=True)
            if seed is not None and is_differentiable(output)
        ]
        if not pairs or not self._nodes:
            return [ABSENT] * len(self.inputs)
        nodes = self._nodes
        if len(pairs) == 1:
            ((output, seed),) = pairs
            if output is not nodes[0]:
                nodes = _from(output, nodes)
        else:
            seed = 1.0
            nodes = [_joined([output for output, _ in pairs], [s for _, s in pairs]), *nodes]
        if not nodes:
            return [ABSENT] * len(self.inputs)
        adjoints = walk_to(self.inputs, nodes, seed, recorded)
        return [adjoints.get(node, ABSENT) for node in self.inputs]

    def push(self, tangents: Sequence[Any], recorded: bool) -> list[Any]:
        """The tangent of each output, None where nothing moves.

        Args:
            tangents: one for each input; None for one that stays where it is.
            recorded: compute with nodes.
        """
        self._require_fresh()
        moving: dict[Any, Any] = {
            node: tangent
            for node, tangent in zip(self.inputs, tangents, strict=True)
            if tangent is not None
        }
        inputs = set(self.inputs)
        examine = examiner("jvp")
        with np.errstate(all="ignore"):
            for node in reversed(self._nodes):
                primitive = node.primitive
                if primitive is None or node in inputs:
                    continue
                given = [
                    moving.get(operand) if isinstance(operand, Node) else None
                    for operand in node.operands
                ]
                if all(tangent is None for tangent in given):
                    continue
                if examine is None:
                    tangent = _tangent(node, primitive, given, recorded)
                else:
                    with examine.within(node):
                        tangent = _tangent(node, primitive, given, recorded)
                    examine.tangent(node, given, tangent)
                if tangent is not None:
                    scalar = tangent.__class__ is float and node.__class__ is Value
                    moving[node] = tangent if scalar else broadcast_to(tangent, shape_of(node))
        return [moving.get(o) if isinstance(o, Node) else None for o in self.outputs]

    def _require_fresh(self) -> None:
        """Refuse a graph of which a leaf has got new data since."""
        if self._outside is None:
            known = {*self.inputs, *self._nodes}
            self._outside = [
                (operand, node)
                for node in self._nodes
                for operand in node.operands
                if isinstance(operand, Node) and operand.is_leaf and operand not in known
            ]
        for operand, node in self._outside:
            if operand.number > node.number:
                raise StaleGraphError(operand, node)


def _tangent(node: Node, primitive: Primitive, given: Sequence[Any], recorded: bool) -> Any:
    """What the tangents of its operands make the tangent of a node."""
    if recorded:
        return primitive.jvp(given, node, node.operands, node.parameters)
    if node.__class__ is Value and primitive.scalar_contributions:
        return _scalar_tangent(node, given)
    f, *operands = map(_number, (node, *node.operands))
    return primitive.jvp(given, f, operands, node.parameters)


def _scalar_tangent(node: Any, given: Sequence[Any]) -> float | None:
    """Σ ∂f/∂x · tangent of x at a scalar, by the generated step of the reverse walk."""
    total: float | None = None
    for i, dx in enumerate(given):
        if dx is not None:
            part = node.primitive.scalar_contributions(node, float(dx))[i]
            if part is not None:
                total = part if total is None else total + part
    return total


def _joined(outputs: Sequence[Node], seeds: Sequence[Any]) -> Node:
    with recording(True):
        return record(_outputs, outputs, list(map(bare, outputs)), {"seeds": seeds}, 0.0)


def _from(output: Node, nodes: list[Node]) -> list[Node]:
    """The part of a schedule that begins with one of its nodes; nothing if it isn't there."""
    for k, node in enumerate(nodes):
        if node is output:
            return nodes[k:]
    return []


def _number(value: Any) -> Any:
    """An operand for a rule that computes on bare data, as IEEE 754 has it."""
    if not isinstance(value, Node):
        return value
    data = bare(value)
    return np.float64(data) if isinstance(value, Value) else data


# --- what callers give, and what they get ---------------------------------------------------------


def like(given: Any, node: Any, what: str) -> Any:
    """An adjoint or a tangent that a caller gave, in the kind and dtype of the node it is for.

    Raises:
        TypeError: it is not of real numbers.
        ValueError: it has not the node's shape; the message says ``what`` it is.
    """
    if not isinstance(given, Node):
        given = real_array(given)
    if shape_of(given) != shape_of(node):
        raise ValueError(f"{what}, here {describe(node)}; got one of shape {shape_of(given)}")
    if isinstance(given, Node) and isinstance(node, Node):
        if isinstance(node, Value):
            return given if isinstance(given, Value) else to_value(given)
        dtype = bare(node).dtype
        return given if getattr(given, "dtype", dtype) == dtype else astype(given, dtype)
    if isinstance(node, Tensor):
        return np.array(given, dtype=node.dtype)
    return float(given) if isinstance(node, Value) else given


def adjoint(t: Any, node: Node, recorded: bool, taken: set[int]) -> Any:
    """What a walk left at an input, as a result."""
    if recorded and t is not ABSENT:
        return dense(t)
    return settled(t, node, taken)


def tangent(t: Any, output: Any, recorded: bool) -> Any:
    """What a sweep left at an output, as a result: zero where nothing moved."""
    if not isinstance(output, Node):
        return np.zeros_like(output) if isinstance(output, np.ndarray) else 0.0
    if t is None:
        return np.zeros(shape_of(output), output.dtype) if isinstance(output, Tensor) else 0.0
    if recorded:
        return t
    if isinstance(output, Value):
        return float(t)
    return np.array(t, dtype=bare(output).dtype)
