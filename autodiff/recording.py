"""Whether operations on nodes are recorded: a switch per thread and per asynchronous task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Pauses:
    """How many ``no_grad`` blocks are open anywhere: zero spares every operation a look-up."""

    __slots__ = ("count", "lock")

    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()

    def add(self, change: int) -> None:
        with self.lock:
            self.count += change


pauses = _Pauses()
_recording: ContextVar[bool] = ContextVar("autodiff_recording", default=True)


def is_recording() -> bool:
    """Whether operations on nodes are recorded here, in this thread and this async task."""
    return pauses.count == 0 or _recording.get()


class recording:  # noqa: N801 - a context manager, used like a function
    """Switch recording on or off for a block, in this thread and this async task only.

    Args:
        on: whether operations inside the block are recorded.

    Usable as a decorator too, of plain and of ``async`` functions.
    """

    def __init__(self, on: bool) -> None:
        self._on = on
        self._tokens: list[Token[bool]] = []

    def __enter__(self) -> None:
        self._tokens.append(_recording.set(self._on))
        pauses.add(1)

    def __exit__(self, *_: object) -> None:
        pauses.add(-1)
        _recording.reset(self._tokens.pop())

    def __call__(self, function: F) -> F:
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
