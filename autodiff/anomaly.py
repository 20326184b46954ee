"""Where the first nan or inf comes from: ``detect_anomaly``.

Inside of the block every operation notes the line of the caller's code that made its node, and its
result is looked at. The reverse walk, and the forward one, look at every contribution to a
derivative. The first number that is not finite ends the computation with an ``AnomalyError`` that
says what made it, from what, and where.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autodiff.adjoint import Masked, Scattered, dense
from autodiff.graph import Node, bare
from autodiff.primitive import Parameters, Primitive
from autodiff.recording import Block, State

_OWN = ("autodiff", "nn")  # packages whose frames are not the caller's code


class Line(NamedTuple):
    """A line of code.

    Attributes:
        file: its file.
        number: counted from 1.
        function: in which function it stands.
    """

    file: str
    number: int
    function: str

    @property
    def source(self) -> str:
        """Its text; empty where that is not known, as at Python's prompt."""
        return linecache.getline(self.file, self.number).strip()

    def __str__(self) -> str:
        where = f"{self.file}:{self.number} in {self.function}"
        return f"{where}\n      {self.source}" if self.source else where


class Traced(dict[str, Any]):
    """A primitive's parameters, which a watched node holds together with the lines that made it."""

    __slots__ = ("lines",)

    lines: tuple[Line, ...]


class Watch:
    """What is looked at, and what to do with the operations inside of a rule.

    Args:
        forward: look at the results of operations.
        backward: look at derivatives.
        inf: mind infinities too, not only nan.
        lines: where nodes made here come from, if not from the line that is being run: those of a
            derivative come from the operation that is being differentiated.
    """

    def __init__(
        self, forward: bool, backward: bool, inf: bool, lines: tuple[Line, ...] | None = None
    ) -> None:
        self.forward = forward
        self.backward = backward
        self.inf = inf
        self.lines = lines

    def is_bad(self, number: Any) -> bool:
        """Whether something that is minded is among the numbers."""
        return _has_nan(number) or (self.inf and _has_inf(number))

    def examiner(self, way: str) -> Examiner | None:
        """Who looks at derivatives; None if nobody asked for it."""
        return Examiner(self, way) if self.backward else None

    def note(
        self,
        node: Node,
        primitive: Primitive,
        operands: Sequence[Any],
        parameters: Parameters,
        kept: bool,
    ) -> None:
        """Look at a node that has just been made.

        Args:
            node: the node.
            primitive: the operation that made it.
            operands: of the operation.
            parameters: of the operation.
            kept: whether the node is recorded.
        """
        lines = _lines() if self.lines is None else self.lines
        if kept:
            traced = Traced(parameters)
            traced.lines = lines
            node._parameters = traced
        if not self.forward:
            return
        f = node._data
        numbers = [bare(operand) for operand in operands]
        if _has_nan(f):
            came_in = [i for i, number in enumerate(numbers) if _has_nan(number)]
        elif self.inf and _has_inf(f) and not any(map(_has_inf, numbers)):
            came_in = []  # an infinity that was there before may be meant
        else:
            return
        names = _names(operands)
        message = [
            f"forward: {primitive.expression(names, parameters)} gives the first "
            f"{_kind(f)}{_place(f)}"
        ]
        if came_in:
            first = operands[came_in[0]]
            message[0] += (
                f": it was in {names[came_in[0]]} before, "
                + ("a constant" if not isinstance(first, Node) else
                   "a leaf" if first.is_leaf else "which was computed outside of detect_anomaly")
            )  # fmt: skip
        message += [f"  operation '{primitive}'", *_about_lines(lines), *_listed(names, operands)]
        raise AnomalyError("\n".join(message), primitive, node, came_in[0] if came_in else None)


class AnomalyError(FloatingPointError):
    """A nan or an inf, with what made it.

    Attributes:
        primitive: the operation.
        node: its output.
        position: the operand that the derivative is with respect to, or in which a nan came in.
    """

    def __init__(
        self, message: str, primitive: Primitive | None, node: Node, position: int | None
    ) -> None:
        super().__init__(message)
        self.primitive = primitive
        self.node = node
        self.position = position

    @property
    def line(self) -> Line | None:
        """The line of the caller's code that made the node; None if it was made elsewhere."""
        lines = lines_of(self.node)
        return lines[0] if lines else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.primitive, self.node, self.position)


class detect_anomaly(Block):  # noqa: N801 - a context manager, used like a function
    """Stop at the first nan or inf, and say where it comes from.

    Works in this thread and this asynchronous task only; usable as a decorator too. Operations
    become several times slower inside of the block, and are as fast as ever outside.

    * Forward: an operation that gives a nan, or makes an inf of finite operands. An inf that is an
      operand already, such as the ``-inf`` of a mask, is taken as meant.
    * Backward and in ``jvp``: a contribution to a derivative that is not finite, although what
      arrived at the operation was. The branch that ``where`` did not take contributes nothing and
      is not looked at.

    Args:
        forward: look at the results of operations.
        backward: look at derivatives. To be told the line that made a node, run the forward
            computation inside of the block too.
        inf: stop at infinities too, and not only at nan.

    Raises:
        AnomalyError: inside of the block, at the first nan or inf.

    Example:
        >>> from autodiff import Value, detect_anomaly, sqrt
        >>> x = Value(0.0, label="x")
        >>> with detect_anomaly():
        ...     sqrt(x).backward()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        autodiff.anomaly.AnomalyError: backward: the derivative of sqrt(x) with respect to x ...
    """

    def __init__(self, *, forward: bool = True, backward: bool = True, inf: bool = True) -> None:
        self._watch = Watch(forward, backward, inf)

    def _changed(self, state: State) -> State:
        return state._replace(watch=self._watch, plain=False)


class _Within(Block):
    """Evaluating the rule of a node: what it makes on the way may be masked out afterwards."""

    def __init__(self, watch: Watch, node: Node) -> None:
        self._watch = Watch(False, watch.backward, watch.inf, lines_of(node))

    def _changed(self, state: State) -> State:
        return state._replace(watch=self._watch, plain=False)


class Examiner:
    """Looks at derivatives on their way along a graph, for ``detect_anomaly``.

    Args:
        watch: what is minded.
        way: "backward" or "jvp".
    """

    def __init__(self, watch: Watch, way: str) -> None:
        self._watch = watch
        self._way = way

    def within(self, node: Node) -> AbstractContextManager[None]:
        """The block in which the rule of a node is evaluated."""
        return _Within(self._watch, node)

    def arrived(self, node: Node, t: Any) -> None:
        """Look at what has arrived at a node, all contributions added up."""
        number = _numbers(t)
        if self._watch.is_bad(number):
            self._refuse(
                f"the adjoint that has arrived at {_name(node)} is {_kind(number)}{_place(number)}:"
                " the seed is, or finite contributions add up to it",
                node, None, [],
            )  # fmt: skip

    def contribution(self, node: Node, i: int, t: Any, contribution: Any) -> None:
        """Look at what adjoint ``t`` of a node contributes to its operand ``i``."""
        number = _numbers(contribution)
        if not self._watch.is_bad(number):
            return
        names = _names(node.operands)
        assert node.primitive is not None
        partial = node.primitive.partial(i, names, "f")
        self._refuse(
            f"the derivative of {_expression(node)} with respect to {names[i]} "
            f"gives the first {_kind(number)}{_place(number)}",
            node, i,
            [
                *([] if partial is None else [f"  local partial derivative: {partial}"]),
                f"  adjoint that arrived: {_shown(_numbers(t))}",
                f"  contribution: {_shown(number)}",
            ],
        )  # fmt: skip

    def tangent(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        """Look at the tangent of a node, made of those of its operands."""
        number = bare(tangent)
        if number is None or not self._watch.is_bad(number):
            return
        names = _names(node.operands)
        self._refuse(
            f"the tangent of {_expression(node)} is the first {_kind(number)}{_place(number)}",
            node, None,
            [f"  tangent of {name}: {_shown(bare(given))}"
             for name, given in zip(names, tangents, strict=True) if given is not None],
        )  # fmt: skip

    def _refuse(self, what: str, node: Node, i: int | None, details: list[str]) -> NoReturn:
        lines = lines_of(node)
        made = (
            _about_lines(lines)
            if lines
            else []
            if node.is_leaf
            else ["  made outside of detect_anomaly, so its line is not known"]
        )
        message = [
            f"{self._way}: {what}",
            f"  node: {_name(node)} = {_shown(node._data)}",
            *made,
            *_listed(_names(node.operands), node.operands),
            f"      f = {_shown(node._data)}",
            *details,
        ]
        raise AnomalyError("\n".join(message), node.primitive, node, i)


# --- lines ----------------------------------------------------------------------------------------


def lines_of(node: Node) -> tuple[Line, ...]:
    """The line of the caller's code that made a node, and the lines of ``nn`` on the way to it.

    Empty if the node was made outside of ``detect_anomaly``.
    """
    parameters: Parameters = node.parameters
    return parameters.lines if isinstance(parameters, Traced) else ()


def _lines() -> tuple[Line, ...]:
    """The caller's line that is being run, the outermost first."""
    lines = list[Line]()
    frame = sys._getframe(1)
    while frame is not None:
        # Generated functions have a namespace of their own, without a name.
        package = str(frame.f_globals.get("__name__", "autodiff")).split(".")[0]
        if package != "autodiff":
            code = frame.f_code
            lines.append(Line(code.co_filename, frame.f_lineno, code.co_name))
            if package not in _OWN:
                break
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(reversed(lines))


def _about_lines(lines: Sequence[Line]) -> list[str]:
    return [f"  {'via' if i else 'at'} {line}" for i, line in enumerate(lines)]


# --- text -----------------------------------------------------------------------------------------


def _has_nan(number: Any) -> bool:
    if number.__class__ is float:
        return math.isnan(number)
    return bool(np.isnan(number).any())


def _has_inf(number: Any) -> bool:
    if number.__class__ is float:
        return math.isinf(number)
    return bool(np.isinf(number).any())


def _numbers(adjoint: Any) -> Any:
    """The bare numbers of an adjoint in any form."""
    while isinstance(adjoint, Masked):
        adjoint = adjoint.values
    return bare(adjoint.values if isinstance(adjoint, Scattered) else dense(adjoint))


def _kind(number: Any) -> str:
    return "nan" if _has_nan(number) else "inf"


def _place(number: Any) -> str:
    """The first element that is not finite, if there are several."""
    if not np.ndim(number):
        return ""
    bad = np.isnan(number) if _has_nan(number) else np.isinf(number)
    place = np.unravel_index(int(np.argmax(bad)), np.shape(number))
    return f" (at {list(map(int, place))}, {int(bad.sum())} of {np.size(number)} elements)"


def _names(operands: Sequence[Any]) -> list[str]:
    """What operands are called: their labels, constants by their numbers, others by letters."""
    letters = iter("xyzuvw" if len(operands) <= 6 else [f"x{i}" for i in range(len(operands))])
    names = []
    for operand in operands:
        letter = next(letters)
        if isinstance(operand, Node):
            names.append(operand.label or letter)
        else:
            names.append(letter if np.ndim(operand) else f"{float(operand):g}")
    return names


def _name(node: Node) -> str:
    return f"'{node.label}'" if node.label else _expression(node)


def _expression(node: Node) -> str:
    if node.primitive is None:
        return f"a leaf {type(node).__name__}"
    return node.primitive.expression(_names(node.operands), node.parameters)


def _listed(names: Sequence[str], operands: Sequence[Any]) -> list[str]:
    """A line for each operand that is more than a number."""
    listed = []
    for name, operand in zip(names, operands, strict=True):
        if isinstance(operand, Node):
            made = "" if operand.primitive is None else f", made by {_expression(operand)}"
            line = lines_of(operand)[:1]
            at = f" at {line[0].file}:{line[0].number}" if line else ""
            listed.append(f"      {name} = {_shown(operand._data)}{made}{at}")
        elif np.ndim(operand):
            listed.append(f"      {name} = {_shown(operand)}, a constant")
    return listed


def _shown(number: Any) -> str:
    """A number; of a large array its shape, and the range of its elements."""
    if not np.ndim(number):
        return f"{float(number):.9g}"
    if np.size(number) <= 12:
        return " ".join(np.array2string(np.asarray(number), precision=6).split())
    if number.dtype.kind == "f" and np.isfinite(number).any():
        finite = number[np.isfinite(number)]
        count = finite.size
        few = "" if count == number.size else f", {number.size - count} of them not finite"
        return (
            f"array of shape {number.shape} and dtype {number.dtype}, elements from "
            f"{finite.min():.6g} to {finite.max():.6g}{few}"
        )
    return f"array of shape {number.shape} and dtype {number.dtype}"
