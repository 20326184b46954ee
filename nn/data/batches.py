"""Random batches of indices into a data set, in an order that can be saved and taken up again."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nn.checks import need_generator

Indices = npt.NDArray[np.intp]


class Batches(ABC):
    """An endless iterator over batches of indices: intp arrays of shape (batch_size,).

    ``state`` and ``restore`` let a training that was cut short go on bit for bit, also in the
    middle of an epoch.  The generator is not part of the state, for it is often shared: save its
    ``bit_generator.state`` beside, at the same moment.

    >>> generator = np.random.default_rng(0)
    >>> batches = shuffled_batches(5, 2, generator)
    >>> first = next(batches)
    >>> saved, bits = batches.state(), generator.bit_generator.state
    >>> expected = [next(batches).tolist() for _ in range(9)]
    >>> again = np.random.default_rng()
    >>> resumed = shuffled_batches(5, 2, again)
    >>> resumed.restore(saved)
    >>> again.bit_generator.state = bits
    >>> [next(resumed).tolist() for _ in range(9)] == expected
    True
    """

    _order: str

    def __init__(self, n: int, batch_size: int, generator: np.random.Generator) -> None:
        self._n, self._batch_size = operator.index(n), operator.index(batch_size)
        if self._n < 1:
            raise ValueError(f"n: expected at least 1 example, got {n}")
        self._check_batch_size()
        self._generator = need_generator(generator)

    def __iter__(self) -> "Batches":
        return self

    @abstractmethod
    def __next__(self) -> Indices:
        """The next batch, which is the caller's to keep."""

    def state(self) -> dict[str, Any]:
        """Where the iterator stands, without its generator.

        Returns:
            A new dict of strings and integers and, where the order is shuffled, of ``"rest"``: the
            indices that are still to come in this epoch, as int64 of shape (m,) with m < n.
        """
        return {"order": self._order, "n": self._n, "batch_size": self._batch_size}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where another iterator stood.  The generator has to be restored as well.

        Args:
            state: What ``state`` gave; ``"rest"`` may be any sequence of integers by now.

        Raises:
            ValueError: The state is that of other batches, or damaged; the iterator is unchanged.
        """
        for key, own in Batches.state(self).items():
            if state.get(key) != own:
                raise ValueError(
                    f"state: expected {key}={own!r} as in these batches, got {state.get(key)!r}; "
                    "batches go on only with the sizes that they began with"
                )

    def _check_batch_size(self) -> None:
        if self._batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {self._batch_size}")


class _ShuffledBatches(Batches):
    """Without replacement."""

    _order = "shuffled"

    def __init__(self, n: int, batch_size: int, generator: np.random.Generator) -> None:
        super().__init__(n, batch_size, generator)
        self._examples = np.arange(self._n, dtype=np.intp)
        self._rest = self._examples[:0]

    def __next__(self) -> Indices:
        if len(self._rest) < self._batch_size:
            order = self._generator.permutation(self._examples)
            self._rest = np.concatenate([self._rest, order])
        batch = self._rest[: self._batch_size]
        self._rest = self._rest[self._batch_size :]
        return batch

    def state(self) -> dict[str, Any]:
        return super().state() | {"rest": self._rest.astype(np.int64)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        rest = np.asarray(state.get("rest"))
        # An empty list has no dtype to speak of.
        if rest.ndim != 1 or (rest.size and rest.dtype.kind not in "iu"):
            raise ValueError(
                f"state: expected rest to be a list of integers, got shape {rest.shape} of "
                f"{rest.dtype}"
            )
        rest = rest.astype(np.intp)
        known = rest.size == 0 or (rest.min() >= 0 and rest.max() < self._n)
        if not known or len(np.unique(rest)) < len(rest) or len(rest) >= self._n:
            raise ValueError(
                f"state: expected rest to be part of an order of range({self._n}), got {rest}"
            )
        self._rest = rest

    def _check_batch_size(self) -> None:
        if not 1 <= self._batch_size <= self._n:
            raise ValueError(
                f"batch_size: expected 1 to n={self._n}, got {self._batch_size}; "
                "a batch holds at least one example and at most all of them"
            )


class _RandomBatches(Batches):
    """With replacement."""

    _order = "random"

    def __next__(self) -> Indices:
        return self._generator.integers(self._n, size=self._batch_size, dtype=np.intp)


def shuffled_batches(n: int, batch_size: int, generator: np.random.Generator) -> Batches:
    """Walk through ``range(n)`` without end, in a fresh random order each epoch.

    Every batch is full: one that reaches the end of an epoch is filled from the start of the next,
    so no example is dropped and each comes once per epoch.  Equal generators give equal batches.

    Args:
        n: The number of examples, at least 1.
        batch_size: The number of indices in each batch, from 1 to ``n``.
        generator: The source of the random orders, drawn from once per epoch.

    Returns:
        An endless iterator of intp arrays of shape (batch_size,), each value in ``range(n)``.

    Raises:
        ValueError: ``n`` or ``batch_size`` is out of range (at once, not at the first batch).
        TypeError: ``n`` or ``batch_size`` is no integer, or ``generator`` is none of NumPy's.

    >>> batches = shuffled_batches(4, 2, np.random.default_rng(0))
    >>> epoch = np.concatenate([next(batches), next(batches)])
    >>> sorted(epoch.tolist())
    [0, 1, 2, 3]
    """
    return _ShuffledBatches(n, batch_size, generator)


def random_batches(n: int, batch_size: int, generator: np.random.Generator) -> Batches:
    """Draw from ``range(n)`` without end, with replacement: each index is independent of the rest.

    An example may come several times in a batch, and some will wait for long.

    Args:
        n: The number of examples, at least 1.
        batch_size: The number of indices in each batch, at least 1; it may exceed ``n``.
        generator: The source of the indices, drawn from once per batch.

    Returns:
        An endless iterator of intp arrays of shape (batch_size,), each value in ``range(n)``.

    Raises:
        ValueError: ``n`` or ``batch_size`` is less than 1 (at once, not at the first batch).
        TypeError: ``n`` or ``batch_size`` is no integer, or ``generator`` is none of NumPy's.

    >>> next(random_batches(3, 8, np.random.default_rng(0)))
    array([2, 1, 1, 0, 0, 0, 0, 0])
    """
    return _RandomBatches(n, batch_size, generator)
