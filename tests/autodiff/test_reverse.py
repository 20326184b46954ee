"""The reverse walk: what ``backward()`` leaves behind, seeds, and the schedule."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import Tensor, Value, reverse
from autodiff.adjoint import ABSENT
from autodiff.graph import next_number
from autodiff.ops.rules import Explicit, Linear, Pointwise
from autodiff.sweep import Sweep

Function = Callable[..., Any]


def test_leaves_accumulate_and_inner_adjoints_are_fresh() -> None:
    x, w = Value(3.0), Tensor([1.0, 2.0])
    inner = x * w
    output = (inner * inner).sum()
    for times in (1, 2, 3):
        output.backward()
        assert x.grad == times * 30.0
        np.testing.assert_array_equal(w.grad, times * np.array([18.0, 36.0]))
        np.testing.assert_array_equal(inner.grad, [6.0, 12.0])
        assert output.grad == 1.0


def test_leaves_accumulate_over_graphs() -> None:
    x = Value(3.0)
    (x * x).backward()
    (x * 5).backward()
    assert x.grad == 11.0


def test_second_output_of_the_same_graph() -> None:
    x = Value(3.0)
    inner = x * x
    one, other = inner * 2, inner * 5
    one.backward()
    assert (inner.grad, x.grad) == (2.0, 12.0)
    other.backward()
    assert (inner.grad, x.grad) == (5.0, 42.0)
    assert one.grad == 1.0


def test_a_leaf_is_its_own_derivative() -> None:
    x, t = Value(3.0), Tensor([1.0, 2.0])
    x.backward()
    t.backward([5.0, 7.0])
    assert x.grad == 1.0
    np.testing.assert_array_equal(t.grad, [5.0, 7.0])


def test_every_node_gets_its_total_derivative() -> None:
    x = Value(2.0)
    a = x * 3
    b = ad.sin(a)
    c = a * b + x
    c.backward()
    assert c.grad == 1.0
    assert b.grad == a.data
    assert a.grad == pytest.approx(b.data + a.data * np.cos(6.0), rel=1e-15)
    assert x.grad == pytest.approx(3 * a.grad + 1, rel=1e-15)


def test_adjoints_of_leaves_only() -> None:
    x = Tensor([1.0, 2.0])
    inner = x * x
    output = ad.sum(inner)
    output.backward(keep_adjoints=False)
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])
    assert not inner.has_adjoint
    assert not output.has_adjoint


@pytest.mark.parametrize(
    ("output", "seed", "expected"),
    [
        (lambda x: ad.sum(x), 3, [3.0, 3.0]),
        (lambda x: ad.sum(x), np.float32(3), [3.0, 3.0]),
        (lambda x: x * x, [1, 2], [2.0, 8.0]),
        (lambda x: x * x, np.array([True, False]), [2.0, 0.0]),
        (lambda x: x[:1], None, [1.0, 0.0]),
        (lambda x: x.reshape(2, 1) * 2, [[1.0], [np.inf]], [2.0, np.inf]),
    ],
)
def test_seeds(output: Function, seed: Any, expected: list[float]) -> None:
    x = Tensor([1.0, 2.0])
    output(x).backward(seed)
    np.testing.assert_array_equal(x.grad, expected)


@pytest.mark.parametrize(
    "output",
    [lambda x: x, lambda x: x + 1.0, lambda x: x.reshape(2, 1).reshape(2), lambda x: x + x.T],
)
def test_a_seed_stays_the_callers(output: Function) -> None:
    x = Tensor([1.0, 2.0])
    seed = np.array([3.0, 4.0])
    y = output(x)
    y.backward(seed)
    gradient = x.grad
    assert not np.shares_memory(gradient, seed)
    assert not np.shares_memory(y.grad, seed)
    assert gradient.flags.writeable
    gradient += 1.0
    x.grad = None
    y.backward(seed)
    np.testing.assert_array_equal(seed, [3.0, 4.0])
    np.testing.assert_array_equal(x.grad, gradient - 1.0)


def test_seed_of_a_scalar() -> None:
    x = Value(3.0)
    (x * x).backward(2.5)
    assert x.grad == 15.0


@pytest.mark.parametrize(
    ("output", "seed", "error", "message"),
    [
        (lambda x: x, None, ValueError, r"'x' Tensor of shape \(2,\).*seed"),
        (lambda x: x[:0], None, ValueError, r"shape \(0,\).*seed"),
        (lambda x: x, [1.0], ValueError, r"\(2,\).*\(1,\)"),
        (lambda x: x, 1.0, ValueError, r"\(2,\).*\(\)"),
        (lambda x: ad.sum(x), [1.0], ValueError, r"\(\).*\(1,\)|\(1,\)"),
        (lambda x: x, ["a", "b"], TypeError, "real numbers"),
        (lambda x: x, [1j, 1], TypeError, "complex"),
        (lambda x: x, Tensor([1.0, 1.0]), TypeError, "node"),
    ],
)
def test_bad_seeds_change_nothing(
    output: Function, seed: Any, error: type[Exception], message: str
) -> None:
    x = Tensor([1.0, 2.0], label="x")
    with pytest.raises(error, match=message):
        output(x).backward(seed)
    assert x.grad is None


def test_an_exception_in_the_middle_changes_nothing(breaks: Explicit) -> None:
    x, y = Value(2.0), Value(3.0)
    (x * 10).backward()
    output = y * breaks(x) * y  # y is reached before the rule breaks, x would be after it
    for keep in (True, False):
        with pytest.raises(ArithmeticError, match="always fails"):
            output.backward(keep_adjoints=keep)
    assert (x.grad, y.has_adjoint, output.has_adjoint) == (10.0, False, False)
    for transformed in (ad.grad(breaks), ad.grad(ad.grad(breaks))):
        with pytest.raises(ArithmeticError, match="always fails"):
            transformed(2.0)
    assert ad.is_recording()
    assert type(ad.grad(lambda x: x * x)(3.0)) is float  # no transform is thought to be running
    (x * y).backward()
    assert (x.grad, y.grad) == (13.0, 2.0)


# --- the schedule ---------------------------------------------------------------------------------


def test_schedule_is_newest_first_and_complete() -> None:
    x, y = Value(1.0), Value(2.0)
    a = x * y
    b = a + x
    unrelated = b * 3
    c = b * a
    assert reverse.schedule(c) == [c, b, a, y, x]
    assert unrelated not in reverse.schedule(c)


def test_restricted_schedule_holds_what_lies_between() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    of_y = ad.sin(y)
    of_x = ad.cos(x)
    both = of_x * of_y
    output = both + of_y
    assert [*map(id, reverse.schedule(output, [x]))] == [*map(id, (output, both, of_x, x))]
    assert [*map(id, reverse.schedule(output, [y]))] == [*map(id, (output, both, of_y, y))]
    assert [*map(id, reverse.schedule(output, [both]))] == [*map(id, (output, both))]
    assert reverse.schedule(output, []) == []
    assert reverse.schedule(of_x, [y]) == []


def test_adjoints_that_nobody_wants_are_dropped_on_the_way() -> None:
    x = Tensor([1.0, 2.0])
    inner = x * x
    kept = inner * 3.0
    output = ad.sum(kept)
    adjoints = reverse.walk(reverse.schedule(output), 1.0, keep={kept})
    assert adjoints[inner] is adjoints[output] is ABSENT
    np.testing.assert_array_equal(adjoints[kept], [1.0, 1.0])
    np.testing.assert_array_equal(adjoints[x], [6.0, 12.0])


def test_what_a_gradient_has_passed_is_freed_before_it_ends() -> None:
    alive = []

    def count(t: Any, f: Any, x: Any) -> Any:
        alive.append(sum(type(thing) is Tensor for thing in gc.get_objects()))
        return t

    counted = Explicit("counted", lambda x: x + 0.0, count, lambda dx, f, x: dx)

    def f(x: Any) -> Any:
        for _ in range(20):
            x = counted(x)
        return ad.sum(x)

    ad.grad(f)(np.ones(3))
    assert [earlier - later for earlier, later in pairwise(alive)] == [1] * 19


def test_only_what_is_asked_for_is_computed(breaks: Explicit) -> None:
    x = Value(2.0)
    dear = breaks(Value(3.0))  # its derivative can't be computed
    assert ad.grad(lambda y: y * dear * x)(5.0) == 6.0


def test_a_pass_that_keeps_nothing_leaves_no_adjoint_of_an_earlier_one() -> None:
    x = Value(2.0)
    inner = x * x
    y = inner * 3.0
    y.backward()
    assert inner.has_adjoint
    y.backward(keep_adjoints=False)
    assert not inner.has_adjoint
    assert x.grad == 24.0


def test_none_resets_any_gradient() -> None:
    for x in (Value(2.0), Tensor(2.0)):
        (x * x).backward()
        x.grad = None
        assert not x.has_adjoint
        (x * x).backward()
        assert x.grad == 4.0


# --- sweeps over scalars --------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("+-*/srw"), st.integers(0, 60), st.integers(0, 60)),
        min_size=1,
        max_size=60,
    ),
    gaps=st.lists(st.integers(0, 300), min_size=1, max_size=5),
)
def test_a_sweep_finds_the_adjoints_of_the_general_walk(
    steps: list[tuple[str, int, int]], gaps: list[int]
) -> None:
    inputs = [Value(0.7), Value(-1.3), Value(2.1)]
    nodes = list(inputs)
    for k, (name, i, j) in enumerate(steps):
        for _ in range(gaps[k % len(gaps)]):
            next_number()  # as if other graphs were recorded meanwhile
        x, y = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append(
            x + y if name == "+" else x - 0.5 * y if name == "-" else x * y if name == "*"
            else x / (1.0 + y * y) if name == "/" else ad.sin(x) if name == "s"
            else ad.relu(x) if name == "r" else ad.where(x > y, x, y)
        )  # fmt: skip
    output = nodes[-1]
    general = reverse.walk(reverse.schedule(output), 1.0)
    with Sweep(output, 1.0) as sweep:
        assert sweep.done
        found = {node: node._t for node in (*sweep.computed, *sweep.leaves)}
        numbers = [node.number for node in sweep.computed]
    assert numbers == sorted(numbers, reverse=True)
    for node, t in general.items():
        if t is not ABSENT:
            assert found[node] == pytest.approx(t, rel=1e-12, abs=1e-300)
        else:
            assert node not in found
    assert len(found) == sum(t is not ABSENT for t in general.values())
    assert all(node._t is None for node in found)


def test_a_sweep_leaves_no_trace_when_it_meets_a_leaf_with_new_data() -> None:
    x, y = Value(2.0), Value(3.0)
    z = ad.sin(x * y)
    f = z * z
    x.data = 5.0
    with pytest.raises(ValueError, match="new data"):
        f.backward()
    for node in (x, y, z, f):
        assert node._t is None
        assert not node.has_adjoint
    x_new = ad.sin(x * y)
    x_new.backward()
    assert x.grad == pytest.approx(3.0 * np.cos(15.0))


def test_sweeps_in_several_threads_of_graphs_that_share_leaves() -> None:
    w = Value(1.5)

    def work(k: int) -> tuple[float, float]:
        x = Value(float(k))
        f = x
        for _ in range(2000):
            f = f * 0.999 + w * 1e-3
        f.backward()
        return x.grad, f.data

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, range(40)))
    assert [t[0] for t in together] == pytest.approx([0.999**2000] * 40)
    assert w._t is None


def test_a_sweep_within_a_sweep_is_left_to_the_general_walk() -> None:
    x = Value(2.0)
    with Sweep(x * x, 1.0) as outer:
        assert outer.done
        y = ad.sin(x)
        y.backward()
        assert x.grad == pytest.approx(np.cos(2.0))
        assert x._t == 4.0


def test_scalars_and_arrays_in_one_graph() -> None:
    a, b = Value(0.5), Value(-2.0)
    weights = ad.stack([ad.sin(a) * b, a / b, a**2])
    (weights * np.array([1.0, 2.0, 3.0])).sum().backward()
    assert a.grad == pytest.approx(np.cos(0.5) * -2.0 + 2.0 / -2.0 + 3.0)
    assert b.grad == pytest.approx(np.sin(0.5) - 2.0 * 0.5 / 4.0)


# --- how far an absence reaches -------------------------------------------------------------------

TAKEN = np.array([False, True, False, True])


def chosen(y: Any) -> Any:
    return ad.where(TAKEN, y, 0.0).sum()


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(lambda y: y, id="at once"),
        pytest.param(lambda y: ad.negative(-y), id="two steps on"),
        pytest.param(lambda y: y + ad.sin(y), id="where two absences meet"),
        pytest.param(lambda y: (y.reshape(4, 1) @ np.ones((1, 1))).ravel(), id="past a product"),
        pytest.param(lambda y: y.reshape(2, 2).T.T.ravel(), id="in another shape"),
        pytest.param(
            lambda y: ad.max_pool(y.reshape(1, 1, 4), 1, stride=1).ravel(), id="past a window"
        ),
    ],
)
def test_what_is_absent_does_not_meet_an_infinite_derivative(between: Function) -> None:
    x = Tensor([0.0, 4.0, 0.0, 1.0])
    chosen(between(ad.sqrt(x))).backward()
    smooth = Tensor([4.0, 1.0])
    between_two = ad.concatenate([np.ones(1), smooth[:1], np.ones(1), smooth[1:]])
    chosen(between(ad.sqrt(between_two))).backward()
    assert x.grad is not None
    assert smooth.grad is not None
    np.testing.assert_array_equal(x.grad[~TAKEN], 0)
    np.testing.assert_allclose(x.grad[TAKEN], smooth.grad)


@pytest.mark.parametrize("length", [10, 63, 64, 65, 500, 20_000])
def test_an_absence_reaches_as_far_as_it_must(length: int) -> None:
    x = Tensor([0.0, 4.0, 0.0, 1.0])
    y = ad.sqrt(x)
    for _ in range(length):
        y = -y
    chosen(y).backward()
    np.testing.assert_array_equal(x.grad, [0, 0.25 * (-1) ** length, 0, 0.5 * (-1) ** length])


def test_how_far_an_absence_reaches_is_asked_only_where_it_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> Any:
        raise AssertionError("nobody needs to know")

    x, w = Tensor([[1.0, 4.0], [2.0, 1.0]]), Tensor([[2.0, 1.0], [0.0, 3.0]])
    f = ad.where(x.data > 1, ad.sqrt(x) @ w, 0.0).sum()
    for kind in (Linear, Pointwise):
        monkeypatch.setattr(kind, "reach", refuse)
    f.backward()
    np.testing.assert_allclose(w.grad, np.sqrt(x.data).T @ (x.data > 1))
    x.data = [[0.0, 4.0], [2.0, 1.0]]
    with pytest.raises(AssertionError, match="nobody"):
        ad.where(x.data > 1, ad.sqrt(x) @ w, 0.0).sum().backward()


LARGE = np.random.default_rng(0).normal(size=20_000)


SUMS: dict[str, Callable[[Any], Any]] = {
    "one operand twice": lambda x: ad.sum(x * x),
    "thrice": lambda x: ad.sum(ad.sin(x) * x + x * ad.exp(x) + ad.tanh(x)),
    "the adjoint itself": lambda x: ad.sum((x + x) * (x - x + x)),
    "views": lambda x: ad.sum(x.reshape(2, -1).T * x.reshape(-1, 2)) + ad.sum(x[::-1] * x),
    "slices": lambda x: ad.sum(x[1:] * x[:-1] * x[1:]) + ad.sum(x),
    "broadcast": lambda x: ad.sum(x * ad.mean(x) + x),
    "joined": lambda x: ad.sum(ad.concatenate([x, x * x, x]) ** 2),
}


@pytest.mark.parametrize("name", SUMS)
def test_adjoints_of_large_arrays_add_up(name: str) -> None:
    """Sums are written into what nobody else holds, and only there."""
    function = SUMS[name]
    x = Tensor(LARGE)
    output = function(x)
    output.backward()
    first = x.grad.copy()
    np.testing.assert_array_equal(ad.grad(function)(LARGE), first)
    output.backward()
    np.testing.assert_array_equal(x.grad, 2 * first)
    recorded = ad.grad(lambda s: ad.sum(ad.grad(function)(LARGE * s) * LARGE))  # nodes are new ones
    assert np.isfinite(recorded(1.0))
    along = ad.jvp(function, (LARGE,), (LARGE,))[1]
    np.testing.assert_allclose(np.vdot(first, LARGE), along, rtol=1e-10)


def test_a_sum_is_written_into_an_adjoint_that_nobody_else_holds() -> None:
    node = Tensor(LARGE)
    adjoints = reverse.Adjoints([node])
    fresh = [LARGE + 1]
    place = fresh[0].ctypes.data
    adjoints.add(node, fresh.pop())
    adjoints.add(node, LARGE)
    assert adjoints[node].ctypes.data == place
    np.testing.assert_array_equal(adjoints[node], LARGE + 1 + LARGE)
    for held in (LARGE + 1, LARGE[::2].repeat(2)):
        before, view = held.copy(), held[:2]
        adjoints = reverse.Adjoints([node])
        adjoints.add(node, held)
        adjoints.add(node, LARGE)
        np.testing.assert_array_equal(held, before)
        np.testing.assert_array_equal(view, before[:2])


def test_what_a_users_rule_keeps_is_not_added_to() -> None:
    kept = np.full(LARGE.shape, 2.0)
    added = ad.custom_rule(vjp=lambda t, f, x, y: (kept, kept))(lambda x, y: x + y)
    gradient = ad.grad(lambda x: ad.sum(added(x, x)) + ad.sum(x * x))(LARGE)
    np.testing.assert_allclose(gradient, 4.0 + 2.0 * LARGE, rtol=1e-12)
    assert (kept == 2.0).all()


def test_gradients_are_nobody_elses_arrays() -> None:
    x, y = Tensor(LARGE), Tensor(LARGE + 1)
    (x * y).sum().backward()
    for grad, data in ((x.grad, y.data), (y.grad, x.data)):
        np.testing.assert_array_equal(grad, data)
        grad += 1.0
        assert not np.shares_memory(grad, data)


def test_seeds_are_not_added_to() -> None:
    _, pull = ad.vjp(lambda x: (x + x, x * x, x), LARGE)
    seeds = tuple(np.full(LARGE.shape, n) for n in (1.0, 2.0, 3.0))
    for _ in range(2):
        np.testing.assert_allclose(pull(seeds)[0], 2.0 + 4.0 * LARGE + 3.0, rtol=1e-12)
    assert [seed[0] for seed in seeds] == [1.0, 2.0, 3.0]
