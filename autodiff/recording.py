"""Whether operations on nodes are recorded, and watched: per thread and per asynchronous task."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Switch:
    """Whether recording has ever been switched: until then no operation needs to look it up."""

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = False


switch = _Switch()
transform_running: ContextVar[bool] = ContextVar("autodiff_transform_running", default=False)


class State(NamedTuple):
    """What holds for operations here.

    Attributes:
        recording: whether they are recorded.
        watch: who looks at their results, as ``anomaly.Watch`` does; None for nobody.
        plain: recorded, not watched and in no scope, as is usual.
        scope: the mark (``scopes.py``) that nodes made here are given; None for none.
    """

    recording: bool = True
    watch: Any = None
    plain: bool = True
    scope: Any = None


_USUAL = State()
_states: ContextVar[tuple[State, ...]] = ContextVar("autodiff_states", default=(_USUAL,))


def is_recording() -> bool:
    """Whether operations on nodes are recorded here, in this thread and this async task."""
    return not switch.used or _states.get()[-1].recording


def is_plain() -> bool:
    """Whether operations on nodes are recorded here, without further ado."""
    return not switch.used or _states.get()[-1].plain


def state_here() -> State:
    """All that holds for operations here."""
    return _states.get()[-1] if switch.used else _USUAL


def watch_here() -> Any:
    """Who looks at the results of operations here; None for nobody."""
    return _states.get()[-1].watch if switch.used else None


def examiner(way: str) -> Any:
    """Who looks at derivatives here (``anomaly.Examiner``); None for nobody.

    Args:
        way: "backward" or "jvp", which way they go.
    """
    watch = watch_here()
    return None if watch is None else watch.examiner(way)


class Block:
    """A ``with`` block in which another state holds, in this thread and this async task only.

    Usable as a decorator too, of plain and of ``async`` functions.
    """

    def _changed(self, state: State) -> State:
        """The state inside, from the one outside."""
        raise NotImplementedError

    def __enter__(self) -> None:
        switch.used = True
        states = _states.get()
        _states.set((*states, self._changed(states[-1])))

    def __exit__(self, *_: object) -> None:
        _states.set(_states.get()[:-1])

    def __call__(self, function: F) -> F:
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is a generator, whose body runs after the call: use "
                f"{type(self).__name__} inside of it, with a with block"
            )
        if iscoroutinefunction(function):

            @wraps(function)
            async def switched(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)
        else:

            @wraps(function)
            def switched(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        return switched  # type: ignore[return-value]


class recording(Block):  # noqa: N801 - a context manager, used like a function
    """Switch recording on or off for a block, in this thread and this async task only.

    Args:
        on: whether operations inside the block are recorded.

    Usable as a decorator too, of plain and of ``async`` functions.
    """

    def __init__(self, on: bool) -> None:
        self._on = on

    def _changed(self, state: State) -> State:
        plain = self._on and state.watch is None and state.scope is None
        return state._replace(recording=self._on, plain=plain)


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
