"""The reverse ancestral schedule, and the accumulation of adjoints along it.

For an output f and every node n that it was computed from,

    t_n = Σ over children c of n:  ∂f_c/∂f_n · t_c,        t_f = 1,

is the total derivative of f with respect to n (Griewank & Walther, Evaluating Derivatives, §3.2).
The sum for n is complete once all its children have passed theirs on. Children are younger than
their operands, so it is enough to visit the nodes newest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.adjoint import (
    ABSENT,
    Masked,
    Presence,
    Scattered,
    Structured,
    carried,
    dense,
    is_certainly_finite,
)
from autodiff.arrays import Array, real_array
from autodiff.graph import Node, StaleGraphError, Tensor, Value, bare, describe, is_differentiable
from autodiff.kernels import buffers
from autodiff.ops.pointwise import where
from autodiff.ops.shapes import astype, shape_of, sum_to, to_value
from autodiff.recording import examiner
from autodiff.sweep import sweep_backward

if TYPE_CHECKING:
    from autodiff.anomaly import Examiner

_number = attrgetter("number")


class Adjoints(dict[Node, Any]):
    """The adjoint of each node of a walk; ``ABSENT`` where no contribution has arrived."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__(dict.fromkeys(nodes, ABSENT))
        self._own: set[Node] = set()  # whose adjoint is an array made here, which no one else sees

    def add(self, node: Node, contribution: Any) -> None:
        """Add a contribution, never into an array that belongs to someone else."""
        present = self[node]
        if present is ABSENT:
            self[node] = contribution
        elif contribution.__class__ is np.ndarray and node in self._own:
            present += contribution
        elif node in self._own and not _is_recorded(contribution):
            if isinstance(contribution, Scattered):
                contribution.add_into(present)
            else:
                present += dense(contribution)
        else:
            if isinstance(present, Structured):
                total = present.add(contribution)
            elif isinstance(contribution, Structured):
                total = contribution.add(present)
            elif (
                contribution.__class__ is np.ndarray
                and _is_spare(present)
                and getrefcount(self[node]) == _ALONE
            ):
                present += contribution
                total = present
            else:
                total = present + contribution
            self[node] = total
            if isinstance(total, np.ndarray) and total.ndim:
                self._own.add(node)
            else:
                self._own.discard(node)  # bare contributions, then one that is recorded

    def forget(self, node: Node) -> None:
        """Let go of a node that has passed its adjoint on."""
        del self[node]
        self._own.discard(node)


_LARGE = 1 << 16
"""Bytes of an array that is worth a look whether it can take up a sum."""
_ALONE = 3
"""References to an adjoint that only the table holds, and its reader twice."""


def _is_spare(adjoint: Any) -> bool:
    """Whether an adjoint could take up a sum, if nobody else held it."""
    return (
        adjoint.__class__ is np.ndarray
        and adjoint.nbytes >= _LARGE
        and adjoint.flags.writeable
        and buffers.is_alone(adjoint)
    )


def _is_recorded(adjoint: Any) -> bool:
    return isinstance(carried(adjoint), Node)


def schedule(output: Node, inputs: Sequence[Node] | None = None) -> list[Node]:
    """The nodes that ``output`` was computed from, itself first, in reverse ancestral order.

    Args:
        output: where the walk starts.
        inputs: only nodes that lie between these and the output; all if None.

    Raises:
        ValueError: a leaf got new data after a node of the graph had been computed from it.
    """
    oldest = 0 if inputs is None else min((node.number for node in inputs), default=output.number)
    nodes = [output]
    found = {output}
    for node in nodes:  # grows while it is read
        number = node.number
        for operand in node.operands:
            if isinstance(operand, Node):
                if operand.number > number:
                    raise StaleGraphError(operand, node)
                if operand not in found and operand.number >= oldest:
                    found.add(operand)
                    nodes.append(operand)
    nodes.sort(key=_number, reverse=True)
    return nodes if inputs is None else _between(nodes, inputs)


def _between(nodes: list[Node], inputs: Sequence[Node]) -> list[Node]:
    reached = set(inputs)
    for node in reversed(nodes):
        for operand in node.operands:
            if isinstance(operand, Node) and operand in reached:
                reached.add(node)
                break
    return [node for node in nodes if node in reached]


def walk(
    nodes: list[Node],
    seed: Any,
    *,
    recorded: bool = False,
    keep: frozenset[Node] | set[Node] | None = None,
    spend: bool = False,
) -> Adjoints:
    """Accumulate the adjoints along a schedule.

    Args:
        nodes: a schedule; its first node is the output.
        seed: the output's adjoint, with the output's shape.
        recorded: compute with nodes, so that the adjoints can be differentiated themselves.
        keep: the inner nodes whose adjoints are wanted afterwards; all if None.
        spend: empty the schedule on the way; what nobody else holds of the graph is freed as soon
            as it has been visited, and the adjoints that come after it live in its memory.
    """
    adjoints = Adjoints(nodes)
    if nodes:
        adjoints[nodes[0]] = seed
    examine: Examiner | None = examiner("backward")
    with np.errstate(all="ignore"):  # what overflows in a derivative shows in the derivative
        for node in _taken(nodes) if spend else nodes:
            primitive = node.primitive
            t = adjoints[node]
            if examine is not None and t is not ABSENT:
                examined_pull(node, t, adjoints, recorded, examine)
            elif primitive is not None and t is not ABSENT:
                pull(node, t, adjoints, recorded)
            if keep is not None and primitive is not None and node not in keep:
                if spend:
                    adjoints.forget(node)
                else:
                    adjoints[node] = ABSENT
    return adjoints


def _taken(nodes: list[Node]) -> Iterator[Node]:
    """The nodes of a schedule in their order, which leave it one by one."""
    nodes.reverse()
    while nodes:
        yield nodes.pop()


def examined_pull(
    node: Node, t: Any, adjoints: Adjoints, recorded: bool, examine: Examiner
) -> None:
    """The step of the walk at a node while ``detect_anomaly`` looks."""
    examine.arrived(node, t)
    if node.primitive is not None:
        with examine.within(node):
            pull(node, t, adjoints, recorded, examine)


def pull(
    node: Node, t: Any, adjoints: Adjoints, recorded: bool, examine: Examiner | None = None
) -> None:
    """Add (∂f/∂operand)ᵀ t to the adjoint of each operand of a node.

    What every rule would otherwise repeat is done here: summing over broadcast axes, casting to the
    operand's dtype, skipping operands that nobody asked about.
    """
    primitive = node.primitive
    assert primitive is not None
    if (
        node.__class__ is Value
        and primitive.scalar_contributions is not None
        and not recorded
        and examine is None
    ):
        contributions = primitive.scalar_contributions(node, t)
        for operand, contribution in zip(node.operands, contributions, strict=True):
            if operand in adjoints and contribution is not None:
                adjoints.add(operand, contribution)
        return
    held = node.operands
    f: Any = node
    operands: Sequence[Any] = held
    if not recorded:
        f, operands = node._data, [x._data if isinstance(x, Node) else x for x in held]
    parameters = node.parameters
    plain = t
    masked = isinstance(t, Masked) and not isinstance(t, primitive.takes)
    if masked:
        plain = t.values
        if primitive.mixes:
            f, operands = _visible(node, t, f, operands)
    if isinstance(plain, Structured) and not isinstance(plain, primitive.takes):
        plain = plain.dense()
    wanted = [i for i, x in enumerate(held) if isinstance(x, Node) and x in adjoints]
    sent = [*primitive.vjps(wanted, plain, f, operands, parameters)]
    sent.reverse()
    for i in wanted:
        operand, contribution = held[i], sent.pop()  # no one else shall hold it
        if contribution is not None and masked:
            contribution = _masked(contribution, t, i, node)
        if contribution is not None:
            contribution = fit(contribution, operand)
        if contribution is not None:
            if examine is not None:
                examine.contribution(node, i, t, contribution)
            adjoints.add(operand, contribution)


def _masked(contribution: Any, t: Masked, i: int, node: Node) -> Masked:
    """A contribution that is absent where it would come only from what is absent at the node."""
    primitive, f, parameters = node.primitive, node._data, node.parameters
    assert primitive is not None
    bares = [bare(operand) for operand in node.operands]
    before = [t.presence]
    if isinstance(contribution, Masked):
        before.append(contribution.presence)
        contribution = contribution.values

    def reached() -> Any:
        here, *others = (presence.mask for presence in before)
        mask = primitive.reach(i, here, f, bares, parameters)
        return mask & others[0] if others else mask

    presence = Presence(reached, *before)
    if _is_recorded(contribution) or not is_certainly_finite(contribution):
        contribution = where(presence.mask, dense(contribution), 0.0)
    return Masked(contribution, presence)  # elsewhere 0 where it should: 0 times a number is 0


def _visible(node: Node, t: Masked, f: Any, operands: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The output and the operands of a node, 0 where they have no part in what is not absent.

    What is finite may stay: it meets zeros only.
    """
    assert node.primitive is not None
    bares = [bare(operand) for operand in node.operands]
    seen = []
    for i, operand in enumerate(operands):
        shape = shape_of(operand)
        if shape and (isinstance(operand, Node) or not is_certainly_finite(operand)):
            reached = node.primitive.reach(i, t.mask, node._data, bares, node.parameters)
            reached = np.asarray(sum_to(reached.astype(float), shape)) != 0
            operand = operand if reached.all() else where(reached, operand, 0.0)
        seen.append(operand)
    if (isinstance(f, Node) or not is_certainly_finite(f)) and not t.mask.all():
        f = where(t.mask, f, 0.0)
    return f, seen


def fit(contribution: Any, operand: Node) -> Any | None:
    """A contribution with the shape, the dtype and the kind of the operand it is for."""
    data = operand._data
    if contribution.__class__ is np.ndarray and data.__class__ is np.ndarray:
        if contribution.shape != data.shape:
            contribution = sum_to(contribution, data.shape)
        return contribution if contribution.dtype == data.dtype else contribution.astype(data.dtype)
    if isinstance(contribution, Masked) and contribution.is_nowhere:
        return None
    if isinstance(operand, Value):
        contribution = sum_to(dense(contribution), ())
        if isinstance(contribution, Tensor):
            return to_value(contribution)
        return contribution if isinstance(contribution, Node) else float(contribution)
    if isinstance(contribution, Masked):
        return _fit_masked(contribution, operand)
    if isinstance(contribution, Structured):
        return contribution
    return _fit_array(contribution, operand)


def _fit_masked(contribution: Masked, operand: Any) -> Masked:
    values, presence, shape = contribution.values, contribution.presence, shape_of(operand)
    if isinstance(values, Structured):
        return contribution
    if shape_of(values) != shape:
        whole = presence
        presence = Presence(lambda: sum_to(whole.mask.astype(float), shape) != 0, whole)
    return Masked(_fit_array(values, operand), presence)


def _fit_array(contribution: Any, operand: Any) -> Any:
    contribution = sum_to(contribution, operand.shape)
    if isinstance(contribution, Tensor):
        return (
            contribution
            if contribution.dtype == operand.dtype
            else astype(contribution, operand.dtype)
        )
    if isinstance(contribution, Node):
        return contribution  # a scalar is weak: it takes on any dtype
    return np.asarray(contribution, dtype=operand.dtype)


# --- backward() -----------------------------------------------------------------------------------


def seed_for(output: Node, seed: Any = None) -> Any:
    """The adjoint that a walk starts with: 1 for a single number, else what the caller gives.

    Raises:
        TypeError: the output is of integers or booleans.
        ValueError: the output is no single number and there is no seed, or one of another shape.
    """
    if not is_differentiable(output):
        raise TypeError(f"{describe(output)} of dtype {output._data.dtype} has no derivative")
    shape = shape_of(output)
    if seed is None:
        if np.size(output._data) != 1:
            raise ValueError(
                f"the derivative of {describe(output)} is not a gradient: reduce it to one number, "
                "for instance with .sum(), or give a seed of its shape, the adjoint to start from, "
                "to backward(); jacobian(f) gives the derivatives of all its elements"
            )
        return 1.0 if isinstance(output, Value) else np.ones(shape, output._data.dtype)
    if isinstance(seed, Node):
        raise TypeError("the seed is a number or an array, not a node")
    array = real_array(seed)
    if array.shape != shape:
        raise ValueError(
            f"a seed has the shape of its output, here {describe(output)}; got one of shape "
            f"{array.shape}"
        )
    if isinstance(output, Value):
        return float(array)
    start = np.asarray(array, dtype=output._data.dtype).view()
    start.flags.writeable = False  # it may be the caller's: no gradient is to lie in it
    return start


def backward(output: Node, seed: Any = None, *, keep_adjoints: bool = True) -> None:
    """Leave in ``grad`` of every node the adjoint t_n, its influence on this output.

    A leaf adds up what several calls bring it; the ``grad`` of an inner node is that of the last
    call. Nothing is changed if the walk fails.

    Args:
        output: where the reverse walk starts.
        seed: its adjoint; may be left out for a single number, where it is 1.
        keep_adjoints: False leaves adjoints in the leaves only and saves the memory of the others.

    Raises:
        TypeError: the output is of integers or booleans.
        ValueError: a seed is needed or has the wrong shape; or a leaf of the graph has been given
            new data since.
    """
    start = seed_for(output, seed)
    if output.__class__ is Value and sweep_backward(output, start, keep_adjoints):
        return
    adjoints = walk(schedule(output), start, keep=None if keep_adjoints else set())
    taken = set[int]()
    for node, t in adjoints.items():
        if node.primitive is not None and not keep_adjoints:
            node._grad = None  # not that of an earlier pass either
        else:
            grad = t if t.__class__ is float and t is not ABSENT else settled(t, node, taken)
            if node.primitive is None:
                before = getattr(node, "_grad", None)
                grad = grad if before is None else before + grad
            node._grad = grad


def settled(t: Any, node: Node, taken: set[int]) -> Any:
    """An adjoint as a user gets it: a float, or an array that nobody else holds.

    Args:
        t: the adjoint.
        node: whose it is.
        taken: identities of the arrays handed out before.
    """
    if isinstance(node, Value):
        return 0.0 if t is ABSENT else float(t)
    if t is ABSENT:
        return np.zeros_like(node._data)
    array = np.asarray(dense(t))
    if id(array) in taken or not (array.flags.writeable and buffers.is_alone(array)):
        array = _filled(array) if _is_one_number(array) else buffers.copied(array)
    taken.add(id(array))
    return array


def _is_one_number(array: Array) -> bool:
    """Whether it shows without a look at them that all elements are one, spread out."""
    return array.size > 1 and not any(array.strides)


def _filled(array: Array) -> Array:
    copy = buffers.empty(array.shape, array.dtype)
    copy.fill(array.flat[0])
    return copy


setattr(Node, "backward", backward)  # noqa: B010 - declared by Node, so that imports run downwards
