"""What is computed when it is first asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pickle import dumps
from typing import Any, Generic, TypeVar, overload

Result = TypeVar("Result")

_MOST = 1024
"""Results of a function that are kept: the layers of a network come back with the same shapes."""


class cached(Generic[Result]):  # noqa: N801 - a decorator, used like property
    """A property that is computed once, when it is first read, and lives in ``__dict__`` then.

    ``functools.cached_property`` computes under a lock that all objects of a class share, before
    Python 3.12: one thread would wait for another that computes something else, and a process that
    is forked meanwhile would wait for ever. Here two threads that read one property of one object
    at the same time may both compute it.

    Example:
        >>> from autodiff.caching import cached
        >>> class Circle:
        ...     @cached
        ...     def area(self):
        ...         print("computed")
        ...         return 3.14
        >>> circle = Circle()
        >>> circle.area, circle.area
        computed
        (3.14, 3.14)
    """

    def __init__(self, compute: Callable[[Any], Result]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: Any = None) -> cached[Result]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Result: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        result = self._compute(instance)
        vars(instance)[self._name] = result
        return result


def memoised(function: Callable[..., Result]) -> Callable[..., Result]:
    """A function of numbers, texts and lists of such, which remembers what it gave.

    Arguments are told apart by their kinds too, however deep: where 2 was right, 2.0 may be wrong.
    Nothing is remembered of arguments that raise.

    Example:
        >>> from autodiff.caching import memoised
        >>> @memoised
        ... def doubled(n):
        ...     print("computed")
        ...     return 2 * n
        >>> doubled(1), doubled(1), doubled(1.0)
        computed
        computed
        (2, 2, 2.0)
    """
    known: dict[bytes, Result] = {}

    @wraps(function)
    def remembering(*arguments: Any) -> Result:
        try:
            key = dumps(arguments)  # of short tuples it takes half a microsecond
        except Exception:  # whatever this is, the function says it better
            return function(*arguments)
        try:
            return known[key]
        except KeyError:
            pass
        result = function(*arguments)
        if len(known) >= _MOST:
            known.clear()
        known[key] = result
        return result

    return remembering
