"""Rules for a user's own function: it becomes a primitive like those of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from inspect import isfunction, signature
from sys import getrefcount
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT, dense
from autodiff.apply import record
from autodiff.arrays import real_array
from autodiff.graph import Node, Tensor, Value, bare, describe
from autodiff.kernels.buffers import frozen
from autodiff.ops.reductions import sum as sum_over
from autodiff.ops.rules import total
from autodiff.ops.shapes import shape_of, sum_to
from autodiff.primitive import Operands, Parameters
from autodiff.recording import recording
from autodiff.transform.joint import Call, Joint
from autodiff.transform.tape import Tape


def custom_rule(
    *,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    name: str | None = None,
    elementwise: bool = False,
) -> Callable[[Callable[..., Any]], CustomRule]:
    """Make a numeric function a primitive, with a rule of your own for its derivative.

    The function is given bare numbers and arrays, so it may call anything. What a drawing shows is
    one node of its name.

    Args:
        vjp: ``vjp(t, f, *operands, **parameters)``: what adjoint ``t`` of output ``f`` contributes
            to each operand, (∂f/∂operand)ᵀ t: a tuple with one entry per operand, None for one
            without influence. With a single operand the tuple may be left out.
        jvp: ``jvp(tangents, f, *operands, **parameters)``: the tangent of the output,
            Σ ∂f/∂operand · tangent, from a tuple of tangents, one per operand, zeros for one that
            doesn't move.
        name: what drawings and messages call the primitive; the function's name if not given.
        elementwise: each element of the output depends on the elements of the operands at the same
            place only. Then ``where`` keeps an inf or nan of the rule out of a gradient element
            by element.

    One of the two rules is enough: both are linear in what they are given, and transposing the one
    gives the other. For this, and for second derivatives, the rule is written in functions of this
    library or of NumPy, which record when they are given nodes. Keyword-only parameters of the
    function are no operands; they are passed on to the rule, defaults included. A positional
    parameter that is left out is no operand in that call.

    Returns:
        A decorator.

    Raises:
        TypeError: there is no rule; or, when used, a rule returns something of the wrong kind.
        ValueError: when used, a rule returns something of the wrong shape.

    Example:
        >>> import numpy as np
        >>> import autodiff as ad
        >>> @ad.custom_rule(vjp=lambda t, f, x: t / (3 * f**2))
        ... def cube_root(x):
        ...     return np.cbrt(x)
        >>> ad.grad(cube_root)(8.0), ad.jvp(cube_root, (8.0,), (12.0,))
        (0.08333333333333333, (2.0, 1.0))
        >>> @ad.custom_rule(vjp=lambda t, f, x: t)  # rounds, and is passed straight through
        ... def rounded(x):
        ...     return np.round(x)
        >>> ad.value_and_grad(lambda x: rounded(x) ** 2)(2.7)
        (9.0, 6.0)
    """
    if vjp is None and jvp is None:
        raise TypeError("custom_rule: give a vjp=, a jvp= or both")

    def decorated(function: Callable[..., Any]) -> CustomRule:
        return CustomRule(function, vjp, jvp, name, elementwise)

    return decorated


class CustomRule(Joint):
    """A primitive made of a user's function and rule; see ``custom_rule``."""

    def __init__(
        self,
        function: Callable[..., Any],
        vjp: Callable[..., Any] | None,
        jvp: Callable[..., Any] | None,
        name: str | None,
        elementwise: bool,
    ) -> None:
        update_wrapper(self, function)
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.compute = function
        self._vjp = vjp
        self._jvp = jvp
        self._elementwise = elementwise
        # Of what is no Python function, such as a ufunc, options are none of the rule's business.
        self._signature = signature(function) if isfunction(function) else None
        self._defaults = getattr(function, "__kwdefaults__", None) or {}

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        if self._signature is not None:
            bound = self._signature.bind(*operands, **parameters)
            operands, parameters = bound.args, self._defaults | bound.kwargs
        for key, value in parameters.items():
            if isinstance(value, Node):
                raise TypeError(
                    f"{self}: {key}={describe(value)} is a keyword-only parameter, which is no "
                    "operand: a node is passed by position"
                )
        parameters = {
            key: frozen(value) if isinstance(value, np.ndarray) else value
            for key, value in parameters.items()
        }
        values = [
            bare(x) if isinstance(x, Node) or x.__class__ in (float, int, bool) else real_array(x)
            for x in operands
        ]
        if all(np.ndim(value) == 0 and not isinstance(value, np.ndarray) for value in values):
            values = list(map(np.float64, values))
        result = self._result(self.compute(*values, **parameters), operands)
        if not any(isinstance(x, Node) for x in operands):
            return result
        return record(self, operands, values, Call(parameters), result)

    def _result(self, result: Any, operands: Sequence[Any]) -> Any:
        try:
            array = real_array(result)
        except TypeError as fault:
            raise TypeError(f"{self}({', '.join(map(describe, operands))}): {fault}") from None
        if not array.ndim and not any(np.ndim(bare(x)) for x in operands):
            return float(array)
        if array is result and (array.base is not None or getrefcount(result) > 3):
            return array.copy()  # the function, or an operand, holds it too
        return array

    def contributions(
        self, t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Sequence[Any]:
        f, t, *operands = map(_as_ieee, (f, t, *operands))
        if self._vjp is None:
            return self._transposed_jvp(t, f, operands, parameters)
        given = self._vjp(t, f, *operands, **parameters)
        if len(operands) == 1 and not isinstance(given, (tuple, list)):
            given = (given,)
        if not isinstance(given, (tuple, list)) or len(given) != len(operands):
            what = f"{len(given)}" if isinstance(given, (tuple, list)) else type(given).__name__
            raise TypeError(
                f"the vjp of '{self}' returned {what}, expected a tuple of {len(operands)}: "
                "a contribution to each operand, None for no influence"
            )
        return [
            None if part is None else self._fitted(part, x, f, i)
            for i, (part, x) in enumerate(zip(given, operands, strict=True))
        ]

    def _fitted(self, part: Any, x: Any, f: Any, i: int) -> Any:
        """A contribution of the operand's shape; it may come broadcast to that of the output."""
        part = self._real(part, "vjp")
        shape, wanted = shape_of(part), shape_of(x)
        if shape == wanted:
            return part
        if shape == shape_of(f) and _broadcasts(wanted, shape):
            return sum_to(part, wanted)
        raise ValueError(
            f"the vjp of '{self}' returned a contribution of shape {shape} to operand {i}, "
            f"{describe(x)}: expected its shape"
        )

    def _real(self, given: Any, rule: str) -> Any:
        if isinstance(given, Node):
            return given
        try:
            return real_array(given)
        except TypeError as fault:
            raise TypeError(f"the {rule} of '{self}': {fault}") from None

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        shape = np.shape(operands[i])
        if self._elementwise:
            return sum_to(mask.astype(float), shape) != 0
        return np.full(shape, mask.any())

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        f, *operands = map(_as_ieee, (f, *operands))
        if self._jvp is None:
            return self._transposed_vjp(tangents, f, operands, parameters)
        moved = [
            np.zeros(shape_of(x)) if dx is None else _as_ieee(dx)
            for dx, x in zip(tangents, operands, strict=True)
        ]
        tangent = self._jvp(tuple(moved), f, *operands, **parameters)
        if tangent is None:
            return None
        tangent = self._real(tangent, "jvp")
        if shape_of(tangent) != shape_of(f):
            raise ValueError(
                f"the jvp of '{self}' returned a tangent of shape {shape_of(tangent)}, expected "
                f"that of the output, {describe(f)}"
            )
        return tangent

    def _transposed_vjp(
        self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters
    ) -> Any:
        """The jvp: the derivative of Σ ⟨vjp(t), tangent⟩ with respect to t: it is linear in t."""
        t = _stand_in(f)
        with recording(True):
            parts = self.contributions(t, f, operands, parameters)
            products = [
                sum_over(part * tangent)
                for part, tangent in zip(parts, tangents, strict=True)
                if part is not None and tangent is not None
            ]
            inner = total(products)
        return self._linear_part(inner, [t], 1.0, (*tangents, f, *operands))[0]

    def _transposed_jvp(
        self, t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Sequence[Any]:
        """The contributions: the transpose of the jvp, which is linear in the tangents."""
        tangents = [_stand_in(x) if _is_real(x) else None for x in operands]
        with recording(True):
            tangent = self.jvp(tangents, f, operands, parameters)
        inputs = [dx for dx in tangents if dx is not None]
        found = iter(self._linear_part(tangent, inputs, t, (t, f, *operands)))
        return [None if dx is None else next(found) for dx in tangents]

    def _linear_part(
        self, output: Any, inputs: Sequence[Node], seed: Any, context: Sequence[Any]
    ) -> list[Any]:
        if not isinstance(output, Node):
            return [None] * len(inputs)
        if not isinstance(seed, Node) and isinstance(output, Tensor):
            seed = np.array(seed, dtype=output.dtype)
        recorded = any(isinstance(x, Node) for x in context)
        with recording(True):
            adjoints = Tape([output], inputs).pull([seed], recorded)
        return [None if t is ABSENT else dense(t) for t in adjoints]


def _as_ieee(x: Any) -> Any:
    """Python's own floats raise where IEEE 754 has inf or nan; NumPy's don't."""
    return np.float64(x) if x.__class__ is float else x


def _is_real(x: Any) -> bool:
    return np.asarray(bare(x)).dtype.kind == "f"


def _stand_in(x: Any) -> Node:
    """A node of the kind of ``x``, for something that a rule is linear in: any number will do."""
    data = bare(x)
    return Tensor(np.ones_like(data)) if isinstance(data, np.ndarray) else Value(1.0)


def _broadcasts(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, wide) == wide
    except ValueError:
        return False
