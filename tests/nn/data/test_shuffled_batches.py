"""shuffled_batches: full batches, whole epochs, fresh orders."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.data import shuffled_batches

sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(sizes=sizes, seed=st.integers(0, 2**32), n_epochs=st.integers(1, 5))
def test_every_epoch_has_each_example_once(
    sizes: tuple[int, int], seed: int, n_epochs: int
) -> None:
    n, batch_size = sizes
    batches = shuffled_batches(n, batch_size, np.random.default_rng(seed))
    taken = list(islice(batches, -(-n_epochs * n // batch_size)))
    assert all(batch.shape == (batch_size,) and batch.dtype == np.intp for batch in taken)
    epochs = np.concatenate(taken)[: n_epochs * n].reshape(n_epochs, n)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(n), (n_epochs, 1)))


def test_orders_differ_between_epochs_and_agree_between_equal_generators() -> None:
    first, again = (shuffled_batches(50, 50, np.random.default_rng(1)) for _ in range(2))
    one, two = next(first), next(first)
    assert not np.array_equal(one, two)
    assert not np.array_equal(one, np.arange(50))
    np.testing.assert_array_equal(one, next(again))
    np.testing.assert_array_equal(two, next(again))


def test_orders_are_uniform() -> None:
    batches = shuffled_batches(5, 5, np.random.default_rng(2))
    first_places = np.bincount([next(batches)[0] for _ in range(5000)], minlength=5)
    # Six standard deviations of a binomial count.
    np.testing.assert_allclose(first_places, 1000, atol=6 * np.sqrt(5000 * 0.2 * 0.8))


def test_changing_a_batch_does_not_change_later_ones() -> None:
    changed, untouched = (shuffled_batches(7, 3, np.random.default_rng(3)) for _ in range(2))
    for _ in range(10):
        batch = next(changed)
        np.testing.assert_array_equal(batch, next(untouched))
        batch[:] = -1


@pytest.mark.parametrize(
    ("n", "batch_size", "message"),
    [
        (0, 1, "n: expected at least 1 example, got 0"),
        (-3, 1, "n: expected at least 1 example, got -3"),
        (5, 0, "batch_size: expected 1 to n=5, got 0"),
        (5, -1, "batch_size: expected 1 to n=5, got -1"),
        (5, 6, "batch_size: expected 1 to n=5, got 6"),
    ],
)
def test_bad_sizes_are_refused_at_once(n: int, batch_size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shuffled_batches(n, batch_size, np.random.default_rng(0))


@pytest.mark.parametrize(("n", "batch_size"), [(5.0, 1), (5, 2.5), ("5", 1)])
def test_sizes_that_are_no_integers(n: Any, batch_size: Any) -> None:
    with pytest.raises(TypeError):
        shuffled_batches(n, batch_size, np.random.default_rng(0))


@pytest.mark.parametrize("generator", [0, None, np.random.RandomState(0)])
def test_no_generator(generator: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a numpy\.random\.Generator, such as"):
        shuffled_batches(5, 1, generator)
