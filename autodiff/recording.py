"""Whether operations on nodes are recorded: a switch per thread and per asynchronous task."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Switch:
    """Whether recording has ever been switched: until then no operation needs to look it up."""

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = False


switch = _Switch()
transform_running: ContextVar[bool] = ContextVar("autodiff_transform_running", default=False)
_states: ContextVar[tuple[bool, ...]] = ContextVar("autodiff_recording", default=(True,))


def is_recording() -> bool:
    """Whether operations on nodes are recorded here, in this thread and this async task."""
    return not switch.used or _states.get()[-1]


class recording:  # noqa: N801 - a context manager, used like a function
    """Switch recording on or off for a block, in this thread and this async task only.

    Args:
        on: whether operations inside the block are recorded.

    Usable as a decorator too, of plain and of ``async`` functions.
    """

    def __init__(self, on: bool) -> None:
        self._on = on

    def __enter__(self) -> None:
        switch.used = True
        _states.set((*_states.get(), self._on))

    def __exit__(self, *_: object) -> None:
        _states.set(_states.get()[:-1])

    def __call__(self, function: F) -> F:
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is a generator, whose body runs after the call: switch "
                "recording inside of it, with a with block"
            )
        if iscoroutinefunction(function):

            @wraps(function)
            async def switched(*args: Any, **kwargs: Any) -> Any:
                with recording(self._on):
                    return await function(*args, **kwargs)
        else:

            @wraps(function)
            def switched(*args: Any, **kwargs: Any) -> Any:
                with recording(self._on):
                    return function(*args, **kwargs)

        return switched  # type: ignore[return-value]


def no_grad() -> recording:
    """Compute without recording: results are leaves, and nothing is kept for a backward pass.

    Example:
        >>> from autodiff import Value, no_grad
        >>> x = Value(3.0)
        >>> with no_grad():
        ...     y = x * x
        >>> y.data, y.is_leaf
        (9.0, True)
    """
    return recording(False)
