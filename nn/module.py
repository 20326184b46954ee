"""Modules: functions with parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from autodiff import Tensor, no_grad
from autodiff.graph import Node, Operand, bare, next_number
from autodiff.scopes import mark_call
from nn.checks import need_fitting
from nn.tables import html_table

if TYPE_CHECKING:
    from typing_extensions import Self

    from nn.summary import Summary

Array: TypeAlias = NDArray[Any]
Role: TypeAlias = Literal["weight", "bias", "scale"]
Member = TypeVar("Member")


call_observer: ContextVar[Callable[[Module, tuple[Any, ...]], Any] | None] = ContextVar(
    "nn_call_observer", default=None
)
"""Who stands between a call of a module and its ``forward``, which he calls; usually nobody."""

evaluating: ContextVar[bool] = ContextVar("nn_evaluating", default=False)
"""Whether modules compute as ``eval()`` says, whatever their own modes are."""


@contextmanager
def evaluation(wanted: bool = True) -> Iterator[None]:
    """Compute as ``eval()`` says in this block, in this thread and asynchronous task only.

    No module is changed for it, so that others can use or train the same one at the same time.
    """
    token = evaluating.set(wanted)
    try:
        yield
    finally:
        evaluating.reset(token)


class Parameter(Tensor):
    """A tensor that training changes.

    Args:
        data: its first value; kept in float32 unless it is of another floating-point type.
        role: "weight", "bias", or "scale" for what multiplies single units, as in ``BatchNorm``:
            optimisers may treat them differently, and let only weights decay.
        label: the name that drawings and messages show.

    Attributes:
        frozen: whether it is a constant for now, which has no gradient and does not train.
    """

    __slots__ = ("frozen", "role")

    is_parameter = True

    def __init__(self, data: ArrayLike, role: Role = "weight", label: str | None = None) -> None:
        super().__init__(data, label)
        if self.dtype.kind != "f":
            raise TypeError(f"a parameter is of floating-point numbers, got dtype {self.dtype}")
        if role not in get_args(Role):
            raise ValueError(
                f"a parameter's role is one of {', '.join(get_args(Role))}, got {role!r}"
            )
        self.role = role
        self.frozen = False


class Module:
    """A function with parameters, built of primitives; its derivatives follow from theirs.

    A subclass assigns parameters and other modules to attributes in ``__init__`` and computes in
    ``forward``. Nothing needs to be declared: attributes are found in the order of assignment, also
    within lists, tuples and dicts. A parameter or module that is found twice is shared, and counts
    once. Arrays that are attributes are buffers: state that is kept with the parameters, but not
    trained, such as the running mean of ``BatchNorm``.

    Attributes:
        training: what ``train()`` and ``eval()`` switch; layers such as ``Dropout`` look at it. It
            is False while ``predict`` computes.
        steady: a class says True of itself if which operations its modules apply follows from their
            attributes and from shapes, never from numbers or from anything else. Only such modules
            can be computed by repetition, see ``TrainingStep``. It goes for derived classes too
            that have no methods of their own but ``__init__``; a function says it likewise.

    Example:
        >>> import numpy as np
        >>> from nn import Module, Parameter
        >>> class Scale(Module):
        ...     def __init__(self):
        ...         self.factor = Parameter([2.0])
        ...     def forward(self, x):
        ...         return self.factor * x
        >>> scale = Scale()
        >>> scale(np.ones(2)).data, list(scale.named_parameters())
        (array([2., 2.]), [('factor', Parameter([2.], dtype=float64))])
    """

    __slots__ = ("__dict__", "__weakref__", "_made_with")

    steady: ClassVar[bool] = False

    _made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Remember the arguments: they are the architecture, which ``repr`` and files show."""
        module = super().__new__(cls)
        module._made_with = (arguments, options)
        module.training = True
        return module

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; subclasses say how."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *inputs: Any) -> Any:
        observer = call_observer.get()
        if observer is not None:
            return observer(self, inputs)
        start = next_number()
        output = self.forward(*inputs)
        mark_call(self, start, output)  # for drawings
        return output

    def predict(self, x: Operand) -> Array:
        """The output for ``x`` as a bare array: computed as ``eval()`` says, without recording."""
        with evaluation(), no_grad():
            return np.asarray(bare(self(x)))

    # --- what is in it ----------------------------------------------------------------------------

    def named(self, kind: type[Member]) -> Iterator[tuple[str, Member]]:
        """Every object of a kind below this module once, with its path, depth first."""
        return ((path, x) for path, x in _members(self, "", set()) if isinstance(x, kind))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module, with the path "", and every module below it."""
        return self.named(Module)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its path: "layers.0.weight"."""
        return self.named(Parameter)

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """Every array that is no parameter, with its path: "layers.1.running_mean"."""
        return self.named(np.ndarray)

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Every source of random numbers that is drawn from while computing."""
        return self.named(np.random.Generator)

    def parameters(self) -> list[Parameter]:
        """Every parameter once."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward pass starts from nothing."""
        for parameter in self.parameters():
            parameter.grad = None

    # --- modes ------------------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        return bool(self.__dict__["training"]) and not evaluating.get()

    @training.setter
    def training(self, mode: bool) -> None:
        self.__dict__["training"] = mode

    def train(self, mode: bool = True) -> Self:
        """Compute as in training, in this module and all below it; ``train(False)`` ends that."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Compute as for use: nothing is dropped, averages of the training are taken."""
        return self.train(False)

    def freeze(self, frozen: bool = True) -> Self:
        """Make constants of the parameters below: they get no gradient, and optimisers skip them.

        ``freeze(False)`` lets them learn again.
        """
        for parameter in self.parameters():
            parameter.frozen = frozen
            parameter.grad = None
        return self

    def _repr_html_(self) -> str:
        """The modules within and their own parameters as a table, for notebooks."""
        rows = []
        for path, module in self.named_modules():
            shapes = [
                f"{name} {'×'.join(map(str, x.shape)) or 'scalar'}" + " (frozen)" * x.frozen
                for name, x in module.named_parameters()
                if "." not in name
            ]
            size = sum(x.size for x in module.parameters())
            rows.append([path or "·", repr(module), ", ".join(shapes), f"{size:,}" if size else ""])
        return html_table(
            ["path", "module", "its parameters", "numbers, with all below"], rows, "<<<>"
        )

    if TYPE_CHECKING:

        def summary(
            self, input_shape: Sequence[int], dtype: DTypeLike = np.float32
        ) -> Summary: ...  # ``nn/summary.py`` gives modules this method

        def traced(
            self, input_shape: Sequence[int], dtype: DTypeLike | None = None
        ) -> tuple[Node, Sequence[tuple[Any, str]]]: ...  # and ``nn/tracing.py`` this one

    # --- state ------------------------------------------------------------------------------------

    def state(self) -> dict[str, Array]:
        """Copies of all parameters and buffers by path.

        Raises:
            ValueError: two of them have one path.
        """
        state: dict[str, Array] = {}
        for path, x in _members(self, "", set()):
            if isinstance(x, (Parameter, np.ndarray)):
                if path in state:
                    raise ValueError(
                        f"{type(self).__name__}: two parameters or buffers have the path {path!r}: "
                        "give the dict that they are in keys without dots, which differ as text"
                    )
                state[path] = np.array(bare(x))
        return state

    def load_state(self, state: Mapping[str, ArrayLike]) -> None:
        """Take over parameters and buffers by path.

        Raises:
            ValueError: names, shapes or dtypes differ; the message lists all that do. Nothing is
                changed then.
        """
        own: dict[str, Any] = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        new = {path: np.asarray(bare(x)) for path, x in state.items()}
        need_fitting(type(self).__name__, own, new)
        for path, x in own.items():
            if isinstance(x, Parameter):
                x.assign(new[path])
            else:
                np.copyto(x, new[path])

    def __repr__(self) -> str:
        arguments, options = self._made_with
        told = {k: x for k, x in options.items() if not k.endswith("initialiser")}
        text = [shown(x) for x in arguments if not isinstance(x, np.random.Generator)]
        text += [
            f"{k}={shown(x)}" for k, x in told.items() if not isinstance(x, np.random.Generator)
        ]
        return f"{type(self).__name__}({', '.join(text)})"


def shown(argument: Any) -> str:
    """An argument as ``repr`` of a module has it; functions by name, without their address."""
    is_function = callable(argument) and not isinstance(argument, (Module, type))
    return str(getattr(argument, "__name__", repr(argument))) if is_function else repr(argument)


def _members(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """What is in a module, in attributes, lists, tuples and dicts: itself, then its members."""
    items: Any = ()
    if isinstance(value, Module):
        items = vars(value).items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    elif not isinstance(value, (Parameter, np.ndarray, np.random.Generator)):
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    yield path, value
    for name, item in items:
        yield from _members(item, f"{path}.{name}" if path else str(name), seen)
