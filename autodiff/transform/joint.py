"""Primitives whose vjp gives the contributions to all operands at once.

The reverse walk asks for one operand at a time. What belongs to the same adjoint is computed once,
and kept at the node until it has been asked for or the walk is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from autodiff.graph import Node
from autodiff.ops.rules import Rule
from autodiff.primitive import Operands, Parameters
from autodiff.reverse import Adjoints, walk


class Call(dict[str, Any]):
    """The parameters of a joint primitive at one node, and the contributions not asked for yet."""

    __slots__ = ("kept",)

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self.kept: tuple[Any, Any, dict[int, Any]] | None = None


_calls: ContextVar[list[Call] | None] = ContextVar("autodiff_joint_calls", default=None)


class Joint(Rule):
    """Says ``contributions`` instead of ``vjp``."""

    def contributions(
        self, t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Sequence[Any]:
        """What adjoint ``t`` contributes to each operand; None for one without influence."""
        raise NotImplementedError

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        if not isinstance(parameters, Call):
            return self.contributions(t, f, operands, parameters)[i]
        kept = parameters.kept  # read once: another thread may walk the same graph
        if kept is None or kept[0] is not t or kept[1] is not f or i not in kept[2]:
            contributions = self.contributions(t, f, operands, parameters)
            parameters.kept = kept = t, f, dict(enumerate(contributions))
            calls = _calls.get()
            if calls is not None:
                calls.append(parameters)
        contribution = kept[2].pop(i, None)
        if not kept[2]:
            parameters.kept = None
        return contribution


def walk_to(
    inputs: Sequence[Node], nodes: list[Node], seed: Any, recorded: bool, spend: bool = False
) -> Adjoints:
    """The reverse walk along a schedule that leads to these inputs; nothing stays at a node."""
    calls: list[Call] = []
    token = _calls.set(calls)
    try:
        return walk(nodes, seed, recorded=recorded, keep=set(inputs), spend=spend)
    finally:
        _calls.reset(token)
        for call in calls:
            call.kept = None
