"""Batches: full ones, whole epochs, fresh orders; saved anywhere and taken up again."""

import json
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.data import Batches, random_batches, shuffled_batches

KINDS = [shuffled_batches, random_batches]
Make = Callable[[int, int, np.random.Generator], Batches]

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


@pytest.mark.parametrize(
    ("n", "batch_size", "message"),
    [(0, 1, "n: expected at least 1"), (5, 0, "batch_size: expected at least 1, got 0")],
)
def test_bad_sizes_with_replacement(n: int, batch_size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_batches(n, batch_size, np.random.default_rng(0))


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(("n", "batch_size"), [(5.0, 1), (5, 2.5), ("5", 1)])
def test_sizes_that_are_no_integers(make: Make, n: Any, batch_size: Any) -> None:
    with pytest.raises(TypeError):
        make(n, batch_size, np.random.default_rng(0))


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("generator", [0, None, np.random.RandomState(0)])
def test_no_generator(make: Make, generator: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a generator such as np\.random"):
        make(5, 1, generator)


def test_the_bits_of_a_seed() -> None:
    """A change here breaks every training that people want to repeat."""
    batches = shuffled_batches(7, 3, np.random.default_rng(11))
    orders = np.random.default_rng(11)
    expected = np.concatenate([orders.permutation(7) for _ in range(6)])
    np.testing.assert_array_equal(np.concatenate([*islice(batches, 14)]), expected)


# With replacement.


def test_random_batches_are_uniform_and_independent() -> None:
    batches = random_batches(4, 3, np.random.default_rng(6))
    taken = np.array([*islice(batches, 8000)])
    assert taken.shape == (8000, 3)
    assert taken.dtype == np.intp
    # Each of the 64 ordered triples, so no place of a batch knows another.
    counts = np.bincount(taken @ [16, 4, 1], minlength=64)
    np.testing.assert_allclose(counts, 125, atol=6 * np.sqrt(125))


def test_random_batches_may_be_larger_than_the_data() -> None:
    assert set(next(random_batches(2, 50, np.random.default_rng(0)))) == {0, 1}


# Saving and going on.


@pytest.mark.parametrize("make", KINDS)
@given(sizes=sizes, seed=st.integers(0, 2**32), n_before=st.integers(0, 30))
def test_goes_on_bit_for_bit(make: Make, sizes: tuple[int, int], seed: int, n_before: int) -> None:
    generator = np.random.default_rng(seed)
    batches = make(*sizes, generator)
    for _ in range(n_before):
        next(batches)
    saved, bits = batches.state(), generator.bit_generator.state
    expected = [*islice(batches, 50)]
    as_lists = {key: np.asarray(value).tolist() for key, value in saved.items()}
    for state in (saved, json.loads(json.dumps(as_lists))):
        other = np.random.default_rng()
        resumed = make(*sizes, other)
        next(resumed)
        resumed.restore(state)
        other.bit_generator.state = bits
        np.testing.assert_array_equal([*islice(resumed, 50)], expected, strict=True)


def test_a_state_is_a_copy_both_ways() -> None:
    batches, untouched = (shuffled_batches(9, 2, np.random.default_rng(3)) for _ in range(2))
    next(batches), next(untouched)
    state = batches.state()
    batches.restore(state)
    state["rest"][:] = 0
    batches.state()["rest"][:] = 0
    np.testing.assert_array_equal(next(batches), next(untouched))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 8}, "expected n=9 as in these batches, got 8"),
        ({"batch_size": 3}, "expected batch_size=2 as in these batches, got 3"),
        ({"order": "random"}, "expected order='shuffled' .* got 'random'"),
        ({"rest": None}, "expected rest to be a list of integers, got shape"),
        ({"rest": [0.0, 1.0]}, "expected rest to be a list of integers"),
        ({"rest": [[0, 1]]}, r"expected rest to be a list of integers, got shape \(1, 2\)"),
        ({"rest": [0, 9]}, r"expected rest to be part of an order of range\(9\), got \[0 9\]"),
        ({"rest": [-1]}, "expected rest to be part of an order"),
        ({"rest": [4, 4]}, "expected rest to be part of an order"),
        ({"rest": [*range(9)]}, "expected rest to be part of an order"),
    ],
)
def test_a_state_that_does_not_fit(change: dict[str, Any], message: str) -> None:
    batches, untouched = (shuffled_batches(9, 2, np.random.default_rng(3)) for _ in range(2))
    next(batches), next(untouched)
    with pytest.raises(ValueError, match=f"state: {message}"):
        batches.restore(batches.state() | change)
    for _ in range(6):
        np.testing.assert_array_equal(next(batches), next(untouched))
