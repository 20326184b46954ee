"""Memory that is used again: nobody sees what others write there."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.kernels import buffers, matrices, pointwise

LARGE = (100, 1000)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "_store", buffers.Store())


def blocks() -> list[Any]:
    return buffers._store._blocks


@pytest.mark.parametrize("shape", [(), (0,), (3, 4), LARGE, (7, 0, 5), (2, 3, 4, 5000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_an_array_is_as_asked_for(shape: tuple[int, ...], dtype: Any) -> None:
    x = buffers.empty(shape, dtype)
    assert (x.shape, x.dtype) == (shape, dtype)
    assert x.flags.c_contiguous
    assert x.flags.writeable
    assert x.nbytes < buffers._LEAST or x.ctypes.data % 64 == 0
    x[...] = 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("length", [2, 50])
def test_an_array_like_another_has_its_order_in_memory(order: Any, length: int) -> None:
    like = np.ones((length, length + 1, length + 2)).transpose(order)
    x = buffers.empty_like(like)
    assert (x.shape, x.strides, x.dtype) == (like.shape, like.strides, like.dtype)


@pytest.mark.parametrize("begin", [0, 1, 5, 15, 16])
def test_zeros_lie_in_their_lines_as_the_other_array_does(begin: int) -> None:
    other = np.ones(100_000, np.float32)[begin:]
    x = buffers.zeros_beside(other)
    assert (x.ctypes.data - other.ctypes.data) % 64 == 0
    assert (x.shape, x.dtype, x.any()) == (other.shape, other.dtype, False)
    x[...] = 1


def test_zeros_have_the_other_arrays_order_in_memory() -> None:
    assert buffers.zeros_beside(np.ones((300, 500)).T).flags.f_contiguous


def test_memory_is_used_again_when_nobody_holds_an_array_in_it() -> None:
    x = buffers.empty(LARGE, np.float32)
    place = x.ctypes.data
    x.setflags(write=False)
    view = x[3:].T
    del x
    held = buffers.empty(LARGE, np.float32)
    assert held.ctypes.data != place, "a view still lies there"
    del view
    again = buffers.empty((LARGE[0] - 1, LARGE[1]), np.float32)
    assert again.ctypes.data == place
    assert again.flags.writeable
    assert len(blocks()) == 2
    assert buffers.empty((40, 1000), np.float32).ctypes.data != place


def test_whether_an_array_is_alone_in_its_memory() -> None:
    for x in (np.ones(LARGE), buffers.empty(LARGE, np.float32), buffers.empty((3,), float)):
        assert buffers.is_alone(x)
    view = x = buffers.empty(LARGE, np.float32)
    part = view[1:]
    assert not buffers.is_alone(view)
    assert not buffers.is_alone(part)
    del x, view
    assert buffers.is_alone(part)
    assert not buffers.is_alone(np.ones(LARGE)[1:])
    assert not buffers.is_alone(np.frombuffer(bytes(80_000)))


def test_what_is_not_asked_for_any_more_is_given_back() -> None:
    kept = buffers.empty(LARGE, np.float64)
    buffers.empty((1000, 1000), np.float64)
    for _ in range(2 * buffers._SEASON):
        buffers.empty((50, 1000), np.float32)
    assert sorted(block.size for block in blocks()) == [200_000, kept.nbytes]
    buffers.release()
    assert [block.size for block in blocks()] == [kept.nbytes]


def test_threads_never_share_memory() -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(300):
            x = buffers.empty((5000,), np.float64)
            x.fill(number)
            y = buffers.empty((5000,), np.float64)
            y.fill(-number)
            wrong.extend(np.flatnonzero((x != number) | (y != -number)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_who_finds_the_store_busy_does_not_wait() -> None:
    """As a signal's handler that came in between would, for ever."""
    held = buffers.empty(LARGE, np.float32)
    with buffers._store.lock:
        x = buffers.empty(LARGE, np.float32)
        assert x.flags.owndata
        assert not buffers.is_alone(held)
    assert x.shape == LARGE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_a_store_of_its_own() -> None:
    with buffers._store.lock:
        child = os.fork()
        if not child:
            place = buffers.empty(LARGE, np.float32).ctypes.data
            os._exit(0 if buffers.empty(LARGE, np.float32).ctypes.data == place else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def network() -> tuple[nn.Module, Any, Any]:
    generator = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1, generator=generator), nn.BatchNorm(12), nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1), nn.Conv2d(12, 16, 3, stride=2, generator=generator),
        nn.AvgPool2d(2), nn.Conv2d(16, 16, 1, groups=16, generator=generator), nn.Flatten(),
        nn.Dense(16 * 9, 80, generator=generator), nn.LayerNorm(80), nn.Softplus(),
        nn.Dense(80, 10, generator=generator),
    )  # fmt: skip
    x = generator.normal(size=(40, 3, 28, 28)).astype(np.float32)
    return net, x, generator.integers(0, 10, 40)


def gradients(net: nn.Module, x: Any, labels: Any) -> list[Any]:
    loss = nn.SoftmaxCrossEntropy()(net(x), labels)
    loss.backward(keep_adjoints=False)
    found = [np.asarray(loss.data), *(p.grad for p in net.parameters())]
    net.zero_grad()
    return found


def test_gradients_keep_their_numbers_while_later_steps_are_taken() -> None:
    net, x, labels = network()
    first = gradients(net, x, labels)
    copies = [g.copy() for g in first]
    for _ in range(3):
        gradients(net, -x, labels)
    for g, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(g, copy)


def test_no_kernel_reads_what_was_in_the_memory_before(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, labels = network()
    expected = gradients(net, x, labels)
    get = buffers.Store.get

    def spoilt(store: Any, shape: Any, dtype: Any, size: int) -> Any:
        array = get(store, shape, dtype, size)
        array.fill(np.nan if dtype.kind == "f" else -(1 << 30))
        return array

    monkeypatch.setattr(buffers.Store, "get", spoilt)
    for g, e in zip(gradients(net, x, labels), expected, strict=True):
        np.testing.assert_array_equal(g, e)


def test_a_step_takes_little_new_memory_when_the_first_ones_are_over() -> None:
    if ad.config.backend != "native":
        pytest.skip("NumPy's functions make their own arrays")
    net, x, labels = network()
    optimiser = nn.SGD(net.parameters(), 0.01, momentum=0.9)

    def step() -> None:
        nn.SoftmaxCrossEntropy()(net(x), labels).backward(keep_adjoints=False)
        optimiser.step()

    for _ in range(3):
        step()
    gc.collect()
    tracemalloc.start()
    step()
    first, _ = tracemalloc.get_traced_memory()
    for _ in range(5):
        step()
    last, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert last - first < 1 << 16


def lenet() -> nn.Sequential:
    return nn.LeNet(generator=np.random.default_rng(0))


def mlp() -> nn.Sequential:
    generator = np.random.default_rng(0)
    return nn.Sequential(
        nn.Flatten(), nn.Dense(784, 128, generator=generator), nn.ReLU(),
        nn.Dense(128, 10, generator=generator),
    )  # fmt: skip


PER_LAYER = 12 << 10


@pytest.mark.parametrize("batch", [64, 256])
@pytest.mark.parametrize("made", [lenet, mlp])
def test_a_warm_step_takes_a_few_kilobytes_per_layer(
    made: Any, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its peak, beyond what was there before: the arrays are in memory that is used again."""
    if ad.config.backend != "native":
        pytest.skip("NumPy's functions make their own arrays")
    monkeypatch.setattr(ad.config, "threads", 1)  # each has some room of its own in a kernel
    net, loss = made(), nn.SoftmaxCrossEntropy()
    optimiser = nn.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    generator = np.random.default_rng(1)
    x = generator.random((batch, 1, 28, 28), dtype=np.float32)
    labels = generator.integers(0, 10, batch)

    def step() -> None:
        loss(net(x), labels).backward(keep_adjoints=False)
        optimiser.step()

    for _ in range(3):
        step()
    tracemalloc.start()
    step()
    gc.collect()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - before < PER_LAYER * len(net)


@pytest.mark.parametrize("shape", [(40, 60, 70), (4, 6, 7)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.bool_, object])
def test_copies_are_numpys(shape: Any, order: Any, dtype: Any) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype).transpose(order)
    for got, expected in (
        (buffers.copied(x), x.copy(order="K")),
        (buffers.contiguous(x), np.ascontiguousarray(x)),
        (buffers.reshaped(x, (x.shape[0], -1)), x.reshape(x.shape[0], -1)),
        (buffers.reshaped(x, (-1, x.shape[0]), "F"), x.reshape((-1, x.shape[0]), order="F")),
        (buffers.reshaped(x, (1, *x.shape)), x.reshape(1, *x.shape)),
        (buffers.reshaped(3.0, (1, 1)), np.reshape(3.0, (1, 1))),
    ):
        np.testing.assert_array_equal(got, expected)
        assert (got.dtype, got.strides) == (expected.dtype, expected.strides)
    assert not np.shares_memory(buffers.copied(x), x)
    assert np.shares_memory(buffers.reshaped(x, (1, *x.shape)), x), "there is no need of a copy"
    assert buffers.copied(x, np.int32).dtype == np.int32
    with pytest.raises(ValueError, match="cannot reshape"):
        buffers.reshaped(x, (7, 11, 13))


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8", "i4", "?"])
@pytest.mark.parametrize("length", [4, 200])
def test_functions_that_compute_there_give_what_numpy_gives(length: int, dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(length, length)).astype(dtype)
    for got, expected in (
        (pointwise.relu(x), np.maximum(x, 0)),
        (pointwise.greater(x, 0), x > 0),
        (pointwise.select(x > 0, x, 0.0), np.where(x > 0, x, 0)),
        (matrices.product(x[:, :3], x[:3]), np.matmul(x[:, :3], x[:3])),
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        assert got.dtype.kind == expected.dtype.kind
    assert matrices.product(x[:, :3], x[:3]).dtype == np.matmul(x[:, :3], x[:3]).dtype
    assert pointwise.relu(x).dtype == np.maximum(x, 0).dtype


@pytest.mark.parametrize("size", [3, 30_000])
def test_what_is_frozen_nobody_can_change(size: int) -> None:
    x = np.arange(float(size))
    f = buffers.frozen(x)
    x[0] = 7
    assert f[0] == 0
    assert not f.flags.writeable
    assert buffers.frozen(f) is f
