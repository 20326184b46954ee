"""What a graph is made of: nodes of numbers and of arrays.

An expression is recorded as it is computed. Every operation on a node makes a new node that
remembers the primitive that made it and its operands, so the expression *is* the graph:

    >>> from autodiff import Value
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.primitive.name, y.operands == (x, x)
    ('mul', True)

Three properties of a node carry the whole library:

* It refers to its operands and never to its consumers. There are no reference cycles, and a graph
  is freed the moment its output is dropped.
* It is born after its operands, and its creation number says so. Creation order is therefore an
  ancestral order, and "newest first" is a reverse ancestral one: no topological sort is needed.
* A leaf whose data is assigned anew gets a new number. A consumer *older* than its operand has
  been computed from data that is gone, and the reverse walk refuses it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from sys import getrefcount
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from autodiff.arrays import Array, locked, real_array
from autodiff.methods import NodeMethods, TensorMethods
from autodiff.primitive import NO_PARAMETERS, Parameters, Primitive
from autodiff.recording import transform_running

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Operand: TypeAlias = "Node | ArrayLike"

next_number = itertools.count(1).__next__  # one atomic call: threads never share a number


# --- nodes ----------------------------------------------------------------------------------------


class Node(NodeMethods):
    """A number or an array in a graph, with the operation that made it.

    Attributes:
        primitive: the operation that made the node; ``None`` for a leaf.
        number: its creation number, larger than the number of each of its operands.
        is_parameter: whether training changes it; drawings show it.
    """

    __slots__ = ("_data", "_grad", "_label", "_parameters", "_scope", "number", "primitive")

    _data: Any
    _grad: Any
    _label: str | None
    _parameters: Parameters
    _scope: Any  # of ``scopes.py``: which part of a program made it
    number: int
    primitive: Primitive | None
    is_parameter: bool = False

    __hash__ = object.__hash__  # identity, although == compares numbers

    @property
    def data(self) -> Any:
        """The number or the array itself. Assign to a leaf to give it new data."""
        raise NotImplementedError

    @property
    def grad(self) -> Any:
        """The adjoint t_n that ``backward()`` left here."""
        raise NotImplementedError

    @property
    def operands(self) -> tuple[Any, ...]:
        """The inputs in order: nodes, and the constants that were not nodes; none for a leaf."""
        raise NotImplementedError

    def _hold(self, operands: tuple[Any, ...]) -> None:
        """Keep the operands of the primitive that made this node."""
        raise NotImplementedError

    @property
    def label(self) -> str | None:
        """The name that drawings and messages show."""
        return getattr(self, "_label", None)

    @label.setter
    def label(self, label: str | None) -> None:
        self._label = label

    @property
    def parameters(self) -> Parameters:
        """What the primitive was called with besides operands (``axis``, ``stride`` ...)."""
        return getattr(self, "_parameters", NO_PARAMETERS)

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this node."""
        return self.primitive is None

    @property
    def has_adjoint(self) -> bool:
        """Whether a backward pass has left an adjoint in ``grad``."""
        return getattr(self, "_grad", None) is not None

    def _require_leaf(self) -> None:
        if self.primitive is not None:
            raise ValueError(
                f"only a leaf can be given new data; {describe(self)} was computed by "
                f"'{self.primitive}': assign to its operands and compute it again"
            )

    def __array__(self, *_: object, **__: object) -> Array:
        # Without this NumPy would wrap the node in an object array, outside of any graph.
        raise TypeError(
            f"{describe(self)} can't become a NumPy array without leaving its graph: use .data for "
            "the bare numbers, or autodiff.stack([...]) to make a Tensor of several nodes"
        )

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        self._require_one_number("float()")
        return float(self._data)

    def __int__(self) -> int:
        self._require_one_number("int()")
        return int(self._data)

    def __complex__(self) -> complex:
        raise TypeError(
            f"complex() of {describe(self)}: a node holds real numbers; use .data for the bare ones"
        )

    def _about(self) -> str:
        """What repr shows besides the number."""
        label = "" if self.label is None else f", label={self.label!r}"
        return label if self.primitive is None else f"{label}, op={str(self.primitive)!r}"

    def _require_one_number(self, conversion: str) -> None:
        if np.ndim(self._data):
            raise TypeError(
                f"{conversion} of {describe(self)}: expected a single number, a node without axes; "
                "use .item() for the only element, or .data for all"
            )
        # math.sin(x) calls float(x), and its derivative would silently be zero.
        if transform_running.get():
            raise TypeError(
                f"{conversion} of {describe(self)} would leave the graph while a function is being "
                "differentiated: use functions of autodiff or NumPy, or .data if no derivative is "
                "meant to pass"
            )


class Value(Node):
    """A node whose data is one Python float.

    Args:
        data: a real number.
        label: the name that drawings and messages show.

    Raises:
        TypeError: ``data`` is not a real number.

    Example:
        >>> from autodiff import Value
        >>> a, b = Value(-4.0), Value(2.0)
        >>> c = a * b + b**3
        >>> c.backward()
        >>> c.data, a.grad, b.grad
        (0.0, 2.0, 8.0)
    """

    __slots__ = ("_t", "_x", "_y")

    shape: tuple[int, ...] = ()  # these four as NumPy has them for a number
    ndim = 0
    size = 1
    dtype = np.dtype(np.float64)

    _x: Any  # the first operand; or the tuple of all, if there are more than two
    _y: Any  # the second one, or None
    _t: float | None  # the adjoint while a walk over scalars is under way, see sweep.py

    def __init__(self, data: float, label: str | None = None) -> None:
        self._data = _as_float(data)
        self._label = label
        self._t = None
        self.primitive = None
        self.number = next_number()

    @property
    def data(self) -> float:
        """The number, a Python float. Assign to a leaf to give it a new one."""
        return self._data  # type: ignore[no-any-return]

    @data.setter
    def data(self, data: float) -> None:
        self._require_leaf()
        self._data = _as_float(data)
        self.number = next_number()

    @property
    def T(self) -> Value:
        """The number itself."""
        return self

    def item(self) -> float:
        """The number outside of any graph, a Python float: ``data``."""
        return self._data  # type: ignore[no-any-return]

    @property
    def operands(self) -> tuple[Any, ...]:
        if self.primitive is None:
            return ()
        if self._y is not None:
            return self._x, self._y
        return self._x if self._x.__class__ is tuple else (self._x,)

    def _hold(self, operands: tuple[Any, ...]) -> None:
        if len(operands) == 2:
            self._x, self._y = operands
        else:
            self._x, self._y = operands[0] if len(operands) == 1 else operands, None

    @property
    def grad(self) -> float:
        """The adjoint t_n that ``backward()`` left here; 0.0 before. Assign 0 or None to reset."""
        grad = getattr(self, "_grad", None)
        return 0.0 if grad is None else grad

    @grad.setter
    def grad(self, grad: float | None) -> None:
        self._grad = None if grad is None else _as_float(grad)

    def __repr__(self) -> str:
        grad = f", grad={self.grad:.6g}" if self.has_adjoint else ""
        return f"{type(self).__name__}({self._data!r}{self._about()}{grad})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)


class Tensor(Node, TensorMethods):
    """A node whose data is a NumPy array.

    Args:
        data: an array of real numbers, or what NumPy makes one of; it is copied.
        label: the name that drawings and messages show.
        dtype: the type of its elements; that of ``data`` when not given.

    Raises:
        TypeError: ``data`` is not real-valued (complex, strings, objects, ragged lists).

    Integer and boolean tensors may be operands; they are constants, and have no gradient. So are
    those of a subclass that says ``frozen``.

    Example:
        >>> import numpy as np
        >>> from autodiff import Tensor
        >>> W = Tensor(np.eye(2), label="W")
        >>> (W @ np.array([1.0, 2.0])).sum().backward()
        >>> W.grad
        array([[1., 2.],
               [1., 2.]])
    """

    __slots__ = ("_operands",)

    _operands: tuple[Any, ...]
    frozen: bool = False

    def __init__(
        self,
        data: ArrayLike,
        label: str | None = None,
        *,
        dtype: np.dtype[Any] | type | None = None,
    ) -> None:
        self._data = locked(real_array(np.array(real_array(data), dtype=dtype)))
        self._label = label
        self.primitive = None
        self.number = next_number()

    @property
    def operands(self) -> tuple[Any, ...]:
        return () if self.primitive is None else self._operands

    def _hold(self, operands: tuple[Any, ...]) -> None:
        self._operands = operands

    @property
    def data(self) -> Array:
        """The array, read-only. Assign to a leaf to give it new elements of the same shape.

        ``x.data = x.data - step`` updates a leaf; ``x.data -= step`` would write into the array.
        """
        return self._data.view()  # type: ignore[no-any-return]  # a view can't be made writeable

    @data.setter
    def data(self, data: ArrayLike) -> None:
        self.assign(data)

    def assign(self, data: ArrayLike) -> None:
        """Give a leaf new elements: the one way in which an optimiser updates a parameter.

        A graph recorded from the old elements can no longer be differentiated; it says so. Whoever
        holds the old ``data``, or a view of it, keeps the old elements.

        Raises:
            ValueError: the node is not a leaf, or ``data`` has another shape.
        """
        array = self._new_data(data)
        if self.is_shared():
            self._data = locked(array.astype(self.dtype, casting="same_kind", copy=True))
            self.number = next_number()
        else:
            self._write(lambda own: np.copyto(own, array, casting="same_kind"))

    def move(self, step: ArrayLike) -> None:
        """Add a step to the data of a leaf: ``assign(data + step)`` without an array in between.

        Raises:
            ValueError: the node is not a leaf, or ``step`` has another shape.
        """
        array = self._new_data(step)
        if self.is_shared():
            self.assign(self._data + array)
        else:
            self._write(lambda own: np.add(own, array, out=own, casting="same_kind"))

    def rewrite(self, write: Callable[[Array], object]) -> None:
        """Let a function write a leaf's new elements: ``write(array)`` gets the old ones.

        As with ``assign``, others keep the old elements, and older graphs say that they are stale.

        Raises:
            ValueError: the node is not a leaf.
        """
        self._require_leaf()
        if self.is_shared():
            self._data = locked(self._data.copy())
        self._write(write)

    def _write(self, write: Callable[[Array], object]) -> None:
        self._data.setflags(write=True)
        try:
            write(self._data)
        finally:
            self._data.setflags(write=False)
            self.rewritten()

    def rewritten(self) -> None:
        """Say that the elements have changed: graphs recorded from the old ones are stale now."""
        self.number = next_number()

    def _new_data(self, data: ArrayLike) -> Array:
        self._require_leaf()
        array = real_array(data)
        if array.shape != self._data.shape:
            raise ValueError(
                f"{describe(self)} can't be given data of shape {array.shape}: "
                f"a leaf keeps its shape {self._data.shape}"
            )
        return array

    def is_shared(self) -> bool:
        """Whether the array is a view, or held by somebody besides this node and this call."""
        return self._data.base is not None or getrefcount(self._data) > 2

    @property
    def grad(self) -> Array | None:
        """The adjoint t_n that ``backward()`` left here, an array like ``data``; None before."""
        return getattr(self, "_grad", None)

    @grad.setter
    def grad(self, grad: ArrayLike | None) -> None:
        if grad is not None:
            grad = np.array(real_array(grad), dtype=self.dtype)
            if grad.shape != self.shape:
                raise ValueError(
                    f"a gradient has its node's shape: {describe(self)} was given one of "
                    f"shape {grad.shape}"
                )
        self._grad = grad

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The number of its elements."""
        return self._data.size  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its elements."""
        return self._data.dtype  # type: ignore[no-any-return]

    def item(self) -> float:
        """The only element, as a Python float outside of any graph."""
        return float(self._data.item())

    def tolist(self) -> Any:
        """The elements as Python numbers in nested lists, outside of any graph."""
        return self._data.tolist()

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError(f"{describe(self)} has no axis to iterate over")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        kind = type(self).__name__
        if self.size <= 12:
            contents = np.array2string(self._data, separator=", ", prefix=f"{kind}(")
        else:
            contents = f"shape={self.shape}"
        return f"{kind}({contents}{self._about()}, dtype={self.dtype})"

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        if self.ndim:
            raise TypeError(
                f"{describe(self)} can't be formatted with {spec!r}, which is for a single number: "
                "use .item() for the only element, or .data for all"
            )
        return format(self._data[()], spec)


Axes: TypeAlias = "int | tuple[int, ...] | None"


# --- operands -------------------------------------------------------------------------------------


def bare(operand: Any) -> Any:
    """The number or array of a node; anything else as it is."""
    return operand._data if isinstance(operand, Node) else operand


def describe(operand: Any) -> str:
    """An operand as messages name it: its label, its kind and its shape or value."""
    label = f"'{operand.label}' " if isinstance(operand, Node) and operand.label else ""
    data = bare(operand)
    if isinstance(operand, Value):
        return f"{label}Value {data:.6g}"
    if isinstance(data, np.ndarray):
        kind = "Tensor" if isinstance(operand, Node) else "array"
        return f"{label}{kind} of shape {data.shape}"
    if isinstance(data, (list, tuple)):
        return f"{type(data).__name__} of length {len(data)}"
    return f"{type(data).__name__} {data!r}"[:80]


class StaleGraphError(ValueError):
    """A leaf was given new data after a node had been computed from it."""

    def __init__(self, operand: Node, node: Node) -> None:
        super().__init__(
            f"{describe(operand)} was given new data after '{node.primitive}' had been computed "
            "from it: compute the expression again before differentiating it"
        )


def _as_float(data: Any) -> float:
    if isinstance(data, float):
        return float(data)
    array = real_array(data)
    if array.ndim:
        raise TypeError(
            f"a Value holds one number, got an array of shape {array.shape}: use Tensor for arrays"
        )
    return float(array)


def is_differentiable(operand: Any) -> bool:
    """Whether an operand is a node of real numbers: integers and booleans are constants."""
    if not isinstance(operand, Node):
        return False
    data = operand._data
    return data.__class__ is float or (data.dtype.kind == "f" and not operand.frozen)  # type: ignore[attr-defined]
