"""Layers that are computed again instead of being stored."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.module import evaluation

BATCHES = [(np.random.default_rng(i).normal(size=(6, 2, 8, 8)).astype(np.float32),
            np.array([0, 1, 2, 0, 1, 2])) for i in range(3)]  # fmt: skip


class Power(nn.Module):
    """Its output depends on a buffer that each call in training moves on, and on a counter."""

    def __init__(self) -> None:
        self.vector = np.ones(3, np.float32)
        self.calls = 0

    def forward(self, x: Any) -> Any:
        if self.training:
            self.calls += 1
            self.vector *= 1.5
        return x * (self.vector + self.calls)


def network(block: Callable[..., Any]) -> nn.Sequential:
    """With blocks within a block; one source of random numbers for what is inside and outside."""
    g = np.random.default_rng(0)
    return nn.Sequential(
        nn.Dropout(0.1, generator=g),
        block(
            nn.Conv2d(2, 4, 3, generator=g),
            block(nn.BatchNorm(4), nn.ReLU(), nn.Dropout(0.3, generator=g)),
            nn.MaxPool2d(2),
            nn.Dropout(0.3, generator=g),
        ),
        nn.Flatten(),
        nn.Dropout(0.1, generator=g),
        block(nn.Dense(36, 3, generator=g), Power(), ad.tanh),
    )


def trained(block: Callable[..., Any], backward: Callable[[Any], None]) -> tuple[Any, Any]:
    """The network after a few steps, and what each parameter, buffer and generator was then."""
    net = network(block)
    optimiser = nn.SGD(net.parameters(), 0.1, momentum=0.9)
    seen: list[Any] = []
    for x, labels in BATCHES:
        net.zero_grad()
        cost = nn.SoftmaxCrossEntropy()(net(x), labels)
        backward(cost)
        seen.extend([float(cost), *(p.grad.tobytes() for p in net.parameters())])
        optimiser.step()
    seen.extend((path, x.tobytes()) for path, x in net.state().items())
    seen.extend(str(g.bit_generator.state) for _, g in net.named_generators())
    seen.extend(m.calls for _, m in net.named_modules() if isinstance(m, Power))
    return net, seen


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_training_is_the_same_to_the_bit(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks, running averages, other buffers, counters and generators included."""
    if backend == "native":
        pytest.importorskip("numba")
    monkeypatch.setattr(ad.config, "backend", backend)
    _, stored = trained(nn.Sequential, lambda cost: cost.backward())
    _, again = trained(nn.Recompute, lambda cost: cost.backward())
    assert stored == again


def in_use(cost: Any) -> None:
    with evaluation():
        cost.backward()


def elsewhere(cost: Any) -> None:
    thread = threading.Thread(target=cost.backward)
    thread.start()
    thread.join()


@pytest.mark.parametrize("backward", [in_use, elsewhere])
def test_where_the_reverse_walk_happens_makes_no_difference(
    backward: Callable[[Any], None],
) -> None:
    _, stored = trained(nn.Sequential, lambda cost: cost.backward())
    assert trained(nn.Recompute, backward)[1] == stored


def test_modes_are_those_of_the_forward_pass() -> None:
    x, _ = BATCHES[0]
    slopes = []
    for block in (nn.Sequential, nn.Recompute):
        net = network(block)
        net(x)  # moves the averages
        leaf = ad.Tensor(x)
        with evaluation():
            y = net(leaf).sum()
        y.backward()
        net.zero_grad()
        z = net(leaf).sum()
        net.eval()
        z.backward()
        assert not any(module.training for _, module in net.named_modules())
        slopes.append(leaf.grad.tobytes())
    assert slopes[0] == slopes[1]


def test_second_derivatives() -> None:
    x = BATCHES[0][0].astype(float)
    results = []
    for block in (nn.Sequential, nn.Recompute):
        net = network(block)
        state = str(net[0].generator.bit_generator.state)

        def slope(x: Any, net: nn.Sequential = net) -> Any:
            return (ad.grad(lambda x: (net(x) ** 3).sum())(x) ** 2).sum()

        results.append(ad.grad(slope)(x))
        assert str(net[0].generator.bit_generator.state) != state
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6, atol=1e-9)
    assert np.any(results[0])


def peak(block: Callable[..., Any], parts: int, layers: int) -> tuple[int, list[bytes]]:
    """The memory of a step through a deep chain, and the gradients."""
    g = np.random.default_rng(0)
    chain = [
        block(
            *(layer for _ in range(layers) for layer in (nn.Dense(32, 32, generator=g), nn.Tanh()))
        )
        for _ in range(parts)
    ]
    net = nn.Sequential(*chain)
    x = np.ones((1000, 32), np.float32)
    tracemalloc.start()
    try:
        (net(x) ** 2).mean().backward(keep_adjoints=False)
        return tracemalloc.get_traced_memory()[1], [p.grad.tobytes() for p in net.parameters()]
    finally:
        tracemalloc.stop()


def test_memory_of_a_deep_chain() -> None:
    stored, slopes = peak(nn.Sequential, 8, 8)
    again, same_slopes = peak(nn.Recompute, 8, 8)
    assert slopes == same_slopes
    assert again < 0.35 * stored


def test_it_stands_for_a_sequential_in_all_else(tmp_path: Path) -> None:
    x = BATCHES[0][0]
    plain, net = network(nn.Sequential), network(nn.Recompute)
    assert plain.state().keys() == net.state().keys()
    net.load_state(plain.state())
    np.testing.assert_array_equal(net.predict(x), plain.predict(x))
    assert repr(net) == repr(plain).replace(" Sequential", " Recompute")
    rows = [(r.path, r.output, r.parameters, r.multiply_adds) for r in net.summary((2, 8, 8)).rows]
    assert rows == [
        (r.path, r.output, r.parameters, r.multiply_adds) for r in plain.summary((2, 8, 8)).rows
    ]
    assert isinstance(net[1], nn.Recompute)
    assert isinstance(net[1][:2], nn.Sequential)
    net[4].layers.pop(1)  # Power, which is nobody else's
    nn.save(net, tmp_path / "net.safetensors")
    loaded = nn.load(tmp_path / "net.safetensors")
    assert repr(loaded) == repr(net)
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))


def test_drawings_show_what_is_in_it() -> None:
    drawn = [ad.draw(network(block), (2, 8, 8), depth=9) for block in (nn.Sequential, nn.Recompute)]
    assert all("max_pool" in drawing.source for drawing in drawn)
    assert drawn[1].source.count("Recompute") >= 3


def test_other_random_numbers_are_an_error() -> None:
    g = np.random.default_rng(0)
    net = nn.Recompute(nn.Dense(2, 2, generator=g), lambda x: x * g.random(2))
    cost = net(np.ones((1, 2))).sum()
    with pytest.raises(ValueError, match="another result"):
        cost.backward()
