"""What is computed when it is first asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Result = TypeVar("Result")


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
