"""Primitives: the operations that a graph records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

Operands: TypeAlias = Sequence[Any]  # one entry per operand
Parameters: TypeAlias = Mapping[str, Any]

NO_PARAMETERS: Parameters = MappingProxyType({})


class Primitive:
    """An operation that the graph records: its name, how to compute it, and its rule.

    Subclasses (``ops/rules.py``) say the rule in one of three forms; the engine asks for it here.

    Attributes:
        name: what drawings and messages call it.
        compute: the operation on bare numbers and arrays, ``compute(*operands, **parameters)``.
        takes: the forms of adjoint (subclasses of ``adjoint.Structured``) that ``vjp`` is given as
            they are; the engine makes arrays of the others. Who takes one that is absent in places
            (``Masked``) says itself what is absent at the operands; ``reach`` is not asked then.
        mixes: whether ``vjp`` lets an element of the adjoint meet operands and outputs that have
            no influence on it or from it, as a product of matrices does: where the adjoint is
            absent they are 0 to it then, for absent · inf is absent.
        steady: whether on arrays of the same shapes it always does the same, and its rule too,
            whatever their numbers are: with compiled kernels their jobs can be repeated.
        scalar_pull: the generated step of a sweep over scalars (``sweep.py``), if there is one.
        scalar_contributions: the same for the general walk, where scalars meet arrays.
    """

    name: str
    compute: Callable[..., Any]
    takes: tuple[type, ...] = ()
    mixes: bool = False
    steady: bool = False
    scalar_pull: Callable[..., None] | None = None
    scalar_contributions: Callable[[Any, float], tuple[Any, ...]] | None = None

    def vjp(self, i: int, t: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        """What adjoint ``t`` of output ``f`` contributes to operand ``i``: (∂f/∂operand)ᵀ t.

        Works on bare arrays and on nodes alike, for it is written in the library's operations.
        ``None`` says that the operand doesn't influence the output.
        """
        raise NotImplementedError

    def vjps(
        self, wanted: Sequence[int], t: Any, f: Any, operands: Operands, parameters: Parameters
    ) -> Iterable[Any]:
        """What ``vjp`` gives for each of the ``wanted`` operands.

        A primitive whose adjoints have much in common computes them in one go here.
        """
        return [self.vjp(i, t, f, operands, parameters) for i in wanted]

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        """Which elements of operand ``i`` influence the elements of the output that ``mask`` marks.

        Args:
            i: the operand's position.
            mask: bare boolean array of the output's shape.
            f: the output, bare.
            operands: the operands, bare.
            parameters: of the primitive.

        Returns:
            A bare boolean array of the shape of the contribution that ``vjp`` gives.
        """
        raise NotImplementedError

    def jvp(self, tangents: Operands, f: Any, operands: Operands, parameters: Parameters) -> Any:
        """The tangent of the output: Σ over operands of ∂f/∂operand · tangent.

        A tangent is ``None`` for an operand that doesn't move.
        """
        raise NotImplementedError

    def partial(self, i: int, names: Sequence[str], output: str) -> str | None:
        """The local partial derivative ∂f/∂operand ``i`` as a formula in the operands' names."""
        return None

    def expression(self, names: Sequence[str], parameters: Parameters) -> str:
        """The operation as text, such as ``sin(x)`` or ``sum(x, axis=0)``."""
        given = [
            f"{name}={_written(value)}" if name == "axis" else f"{name}={value}"
            for name, value in parameters.items()
            if _is_short(value)
        ]
        return f"{self.name}({', '.join([*names, *given])})"

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def _written(axis: Any) -> Any:
    """Several axes, or the only one."""
    return axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis


def _is_short(value: Any) -> bool:
    if value is None or value is False or isinstance(value, np.ndarray):
        return False
    return not (isinstance(value, tuple) and not value)  # no padding, for instance
