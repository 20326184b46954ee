"""Jobs of compiled kernels that are kept and done again."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodiff import config
from autodiff.kernels import buffers, pointwise, replay, sums
from autodiff.kernels.replay import UnrepeatableError, fixed, is_fixed

pytest.importorskip("numba")

from autodiff.kernels.native.replay import Recorder, writeable

pytestmark = pytest.mark.usefixtures("compiled_kernels")


def known(*shape: int, seed: int = 0, dtype: Any = np.float64) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_jobs_are_done_again_on_other_numbers() -> None:
    x = known(3, 4)
    recorder = Recorder([x])
    with replay.recording(recorder):
        y = pointwise.sigmoid(pointwise.relu(x))
        total = sums.total(y, axis=(0,), keepdims=False)
    again = recorder.replay()
    assert len(again) >= 3
    for seed in range(1, 4):
        x[...] = known(3, 4, seed=seed)
        again.run()
        expected = 1 / (1 + np.exp(-np.maximum(x, 0)))
        np.testing.assert_allclose(y, expected, rtol=1e-14)
        np.testing.assert_allclose(total, expected.sum(0), rtol=1e-14)


def test_a_replay_without_jobs_does_nothing() -> None:
    again = Recorder().replay()
    again.run()
    assert len(again) == 0


# --- what is refused ------------------------------------------------------------------------------


def test_nobody_else_writes_to_what_jobs_compute() -> None:
    recorder = Recorder([x := known(40)])
    with replay.recording(recorder):
        y = pointwise.relu(x)
    for write in (
        lambda: y.__setitem__(0, 1.0),
        lambda: np.add(y, 1, out=y),
        lambda: y.setflags(write=True),
        lambda: y.reshape(4, 10).fill(0),
    ):
        with pytest.raises(ValueError, match=r"WRITEABLE|read-only"):
            write()


@pytest.mark.parametrize(
    "operand",
    [
        lambda y: np.exp(y),
        lambda y: y.copy(),
        lambda y: y + 0,
        lambda y: known(40, seed=1),
        lambda y: y[:20],  # it is known, but then the shapes differ
    ],
)
def test_what_others_compute_is_no_operand(operand: Any) -> None:
    recorder = Recorder([x := known(40)])
    with replay.recording(recorder):
        y = pointwise.relu(x)
        other = operand(y)
        if other.shape == y.shape:
            with pytest.raises(UnrepeatableError, match=r"of shape \(40,\) and dtype float64"):
                pointwise.relu(other)
        else:
            np.testing.assert_array_equal(pointwise.relu(other), y[:20])


@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.array(2.0)])
def test_a_number_that_numpy_has_computed_is_no_constant(number: Any) -> None:
    with replay.recording(Recorder()), pytest.raises(UnrepeatableError):
        buffers.write(buffers.empty((3,), np.float64), number)


def test_a_number_of_python_is_written_everywhere() -> None:
    recorder = Recorder()
    with replay.recording(recorder):
        x = buffers.empty((2, 3), np.float32)
        buffers.write(x, 2)
    writeable(x)[...] = 0
    recorder.replay().run()
    np.testing.assert_array_equal(x, np.full((2, 3), 2, np.float32))


def test_one_recording_at_a_time_for_each_thread() -> None:
    recorder, found = Recorder(), []
    with replay.recording(recorder):
        assert replay.recorder() is recorder
        thread = threading.Thread(target=lambda: found.append(replay.recorder()))
        thread.start()
        thread.join()
        with pytest.raises(UnrepeatableError, match="within another"), replay.recording(Recorder()):
            pass
        assert replay.recorder() is recorder
    assert found == [None]
    assert replay.recorder() is None


def test_a_fault_ends_a_recording() -> None:
    with pytest.raises(ZeroDivisionError), replay.recording(Recorder()):
        raise ZeroDivisionError
    assert replay.recorder() is None


# --- what stays the same --------------------------------------------------------------------------


def test_what_is_fixed_may_be_read() -> None:
    numbers = known(40)
    copy = fixed(numbers)
    for part in (copy, copy[3:], copy.reshape(4, 10).T, np.broadcast_to(copy, (2, 40))):
        assert is_fixed(part)
    assert not is_fixed(numbers)
    assert not is_fixed(copy + 1)
    recorder = Recorder()
    with replay.recording(recorder):
        y = pointwise.relu(copy)
    expected = np.maximum(numbers, 0)
    numbers[...] = -1
    del copy
    again = recorder.replay()
    del recorder
    again.run()
    np.testing.assert_array_equal(y, expected)


def test_zeros_are_the_same_for_all() -> None:
    zeros = buffers.zeros(5, np.dtype(np.float32))
    assert zeros is buffers.zeros(5, np.dtype(np.float32))
    np.testing.assert_array_equal(zeros, np.zeros(5, np.float32))
    assert is_fixed(zeros)


def test_memory_lives_as_long_as_an_array_in_it() -> None:
    recorder = Recorder([x := known(1000)])
    with replay.recording(recorder):
        y = writeable(pointwise.relu(x))
    expected = np.maximum(x, 0)
    del recorder
    others = [np.empty(1000) for _ in range(20)]
    for other in others:
        other.fill(-1)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_bits_are_the_same_for_any_number_of_threads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = known(300, 257, dtype=np.float32)
    recorder = Recorder([x])
    with replay.recording(recorder):
        y = pointwise.sigmoid(x)
        total = sums.total(y, axis=(0, 1), keepdims=False)
    once = y.copy(), total.copy()
    for array in (y, total):
        writeable(array)[...] = 0
    monkeypatch.setattr(config, "threads", threads)
    recorder.replay().run()
    for array, before in zip((y, total), once, strict=True):
        np.testing.assert_array_equal(array, before)


# --- copies ---------------------------------------------------------------------------------------


@st.composite
def views(draw: st.DrawFn) -> tuple[tuple[int, ...], Any, Any]:
    """A shape, and two ways to make a view of that shape: of 0 to 5 axes, in any order in memory.

    Each takes memory that is large enough. The first one has no element twice.
    """
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=5)))

    def view(spread: bool) -> Any:
        order = draw(st.permutations(range(len(shape))))
        steps = [draw(st.sampled_from([1, 1, 2, -1, -2])) for _ in shape]
        alike = [spread and draw(st.booleans()) for _ in shape]

        def made(memory: Any) -> Any:
            sizes = [1 if alike[i] else shape[i] * abs(steps[i]) for i in order]
            array = memory[: int(np.prod(sizes))].reshape(sizes)
            array = array.transpose([order.index(i) for i in range(len(shape))])
            ways = [slice(None, None, 1 if a else s) for s, a in zip(steps, alike, strict=True)]
            array = array[(*ways, ...)]
            return np.broadcast_to(array, shape) if spread else array

        return made

    return shape, view(False), view(True)


@settings(deadline=None, max_examples=150)
@given(views(), st.sampled_from([np.float32, np.float64, np.int64]))
def test_copies_are_those_of_numpy(case: tuple[Any, Any, Any], dtype: Any) -> None:
    shape, to_view, x_view = case
    memory = np.arange(1 << 17).astype(dtype)
    x, recorder = x_view(memory), Recorder([memory])
    with replay.recording(recorder):
        whole = buffers.empty((1 << 17,), dtype)
        buffers.write(whole, -1)
        to = to_view(whole)
        buffers.write(to, x)
    expected = np.full(1 << 17, -1, dtype)
    to_view(expected)[...] = x
    assert to.shape == shape
    np.testing.assert_array_equal(whole, expected)
    memory += 1
    recorder.replay().run()
    to_view(expected)[...] = x
    np.testing.assert_array_equal(whole, expected)


def test_large_copies_are_shared_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "threads", 2)
    recorder = Recorder([x := known(7, 130, 50)])
    with replay.recording(recorder):
        y = buffers.contiguous(x.transpose(2, 0, 1))
    again = recorder.replay()
    x += 1
    again.run()
    np.testing.assert_array_equal(y, x.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("to", "x"),
    [
        ((4,), known(4, dtype=np.float32)),
        ((2,) * 6, known(*(2,) * 6).transpose(5, 3, 1, 4, 2, 0)),
        ((3,), np.zeros(3, [("x", "f8"), ("y", "f4")])["x"]),
    ],
)
def test_copies_that_are_refused(to: tuple[int, ...], x: Any) -> None:
    owner = x if x.base is None else x.base
    with replay.recording(Recorder([owner])), pytest.raises(UnrepeatableError, match="a copy of"):
        buffers.write(buffers.empty(to, np.float64), x)
