"""Random batches of indices into a data set."""

import operator
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def shuffled_batches(
    n: int, batch_size: int, generator: np.random.Generator
) -> Iterator[npt.NDArray[np.intp]]:
    """Walk through ``range(n)`` without end, in a fresh random order each epoch.

    Every batch is full: one that reaches the end of an epoch is filled from the start of the next,
    so no example is dropped and each comes once per epoch.  Equal generators give equal batches.

    Args:
        n: The number of examples, at least 1.
        batch_size: The number of indices in each batch, from 1 to ``n``.
        generator: The source of the random orders.

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
    n, batch_size = operator.index(n), operator.index(batch_size)
    if n < 1:
        raise ValueError(f"n: expected at least 1 example, got {n}")
    if not 1 <= batch_size <= n:
        raise ValueError(
            f"batch_size: expected 1 to n={n}, got {batch_size}; "
            "a batch holds at least one example and at most all of them"
        )
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            "generator: expected a numpy.random.Generator, such as numpy.random.default_rng(0), "
            f"got {type(generator).__name__}"
        )
    return _endless_batches(n, batch_size, generator)


def _endless_batches(
    n: int, batch_size: int, generator: np.random.Generator
) -> Iterator[npt.NDArray[np.intp]]:
    examples = np.arange(n, dtype=np.intp)
    rest = examples[:0]
    while True:
        order = np.concatenate([rest, generator.permutation(examples)])
        n_full = len(order) // batch_size * batch_size
        yield from order[:n_full].reshape(-1, batch_size)
        rest = order[n_full:]
