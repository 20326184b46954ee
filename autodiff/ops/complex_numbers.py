"""Complex numbers as pairs of real nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, bare
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import stack
from autodiff.ops.pointwise import add, div, mul, neg, sub
from autodiff.ops.reductions import sum
from autodiff.ops.shapes import shape_of

__all__ = [
    "Complex",
]


class Complex:
    """Complex numbers as a pair of real nodes, as the transforms of nodes return them.

    It adds, subtracts, multiplies, divides, and can be indexed; everything else goes by its parts.
    ``np.conj``, ``np.real``, ``np.imag`` and NumPy's Fourier transforms work on it.

    Args:
        parts: a node whose first axis holds the real and the imaginary part.

    Example:
        >>> import numpy as np
        >>> from autodiff import Tensor
        >>> x = Tensor([1.0, 2.0, 4.0, 3.0])
        >>> f = np.fft.rfft(x)
        >>> f.real.data, f.imag.data
        (array([10., -3.,  0.]), array([0., 1., 0.]))
        >>> f.power.sum().backward()
        >>> x.grad
        array([14., 18., 26., 22.])
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    @property
    def real(self) -> Any:
        """The real part, a node."""
        return getitem(self.parts, 0)

    @property
    def imag(self) -> Any:
        """The imaginary part, a node."""
        return getitem(self.parts, 1)

    @property
    def power(self) -> Any:
        """The squared absolute value, real² + imag²: smooth everywhere."""
        return sum(mul(self.parts, self.parts), 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""
        return shape_of(self.parts)[1:]

    @property
    def data(self) -> Array:
        """The numbers as a complex array of NumPy, outside of any graph."""
        return joined(bare(self.parts))

    def conj(self) -> Complex:
        """The complex conjugate."""
        return Complex(stack([self.real, neg(self.imag)]))

    def __getitem__(self, index: Any) -> Complex:
        given = index if isinstance(index, tuple) else (index,)
        return Complex(getitem(self.parts, (slice(None), *given)))

    def __neg__(self) -> Complex:
        return Complex(neg(self.parts))

    def __add__(self, other: Any) -> Complex:
        a, b = self, as_complex(other)
        return Complex(stack([add(a.real, b.real), add(a.imag, b.imag)]))

    def __sub__(self, other: Any) -> Complex:
        return self + -as_complex(other)

    def __rsub__(self, other: Any) -> Complex:
        return as_complex(other) + -self

    def __mul__(self, other: Any) -> Complex:
        if not _is_complex(other):
            return Complex(stack([mul(self.real, other), mul(self.imag, other)]))
        a, b = self, as_complex(other)
        return Complex(
            stack(
                [
                    sub(mul(a.real, b.real), mul(a.imag, b.imag)),
                    add(mul(a.real, b.imag), mul(a.imag, b.real)),
                ]
            )
        )

    def __truediv__(self, other: Any) -> Complex:
        if not _is_complex(other):
            return Complex(stack([div(self.real, other), div(self.imag, other)]))
        divisor = as_complex(other)
        quotient: Complex = self * divisor.conj() / divisor.power
        return quotient

    def __rtruediv__(self, other: Any) -> Complex:
        return as_complex(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Complex({np.array2string(self.data, separator=', ', prefix='Complex(')})"

    def __array__(self, *_: object, **__: object) -> Array:
        raise TypeError(
            f"complex numbers of shape {self.shape} can't become a NumPy array without leaving "
            "their graph: use .data for the bare numbers, or .real and .imag, which are nodes"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        operation = _UFUNCS.get(ufunc)
        if operation is None or method != "__call__" or options:
            raise TypeError(_refusal(f"np.{ufunc.__name__}"))
        return operation(*inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        operation = FUNCTIONS.get(function)
        if operation is None:
            raise TypeError(_refusal(f"np.{function.__name__}"))
        return operation(*arguments, **options)


def _refusal(name: str) -> str:
    return f"{name} has no rule for complex numbers: compose it from their .real and .imag"


def _is_complex(operand: Any) -> bool:
    return isinstance(operand, Complex) or (
        not isinstance(operand, Node) and np.iscomplexobj(operand)
    )


def as_complex(operand: Any) -> Complex:
    """A complex or real operand, node or not, as a pair of parts."""
    if isinstance(operand, Complex):
        return operand
    if isinstance(operand, Node):
        return Complex(stack([operand, np.zeros_like(bare(operand))]))
    array = np.asarray(operand)
    return Complex(parted(array))


def joined(z: Array) -> Array:
    """A pair of real arrays as one of NumPy's complex ones."""
    joined = np.empty(z.shape[1:], np.result_type(z, np.complex64))
    joined.real, joined.imag = z
    return joined


def parted(z: Array) -> Array:
    """One of NumPy's complex arrays as a pair of real ones."""
    return np.stack([z.real, z.imag])


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: lambda x, y: as_complex(x) + y,
    np.subtract: lambda x, y: as_complex(x) - y,
    np.multiply: lambda x, y: x * y if isinstance(x, Complex) else y * x,
    np.divide: lambda x, y: as_complex(x) / y,
    np.negative: lambda x: -x,
    np.positive: lambda x: x,
    np.conjugate: Complex.conj,
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.real: lambda x: x.real,
    np.imag: lambda x: x.imag,
    np.shape: lambda x: x.shape,
    np.iscomplexobj: lambda x: True,
}
"""What NumPy's functions do with complex numbers; the Fourier transforms add themselves."""
