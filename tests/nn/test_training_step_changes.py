"""What changes about a training counts in its next step, repeated or not."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from steps_side_by_side import Counted, Pair, batch, eager_step, perceptron, rng

import autodiff as ad
import autodiff.ops
import nn
from autodiff import config, no_grad
from autodiff.graph import StaleGraphError
from nn import SGD, Adam, Dense, ReLU, Sequential, SoftmaxCrossEntropy, TrainingStep

pytest.importorskip("numba")

pytestmark = pytest.mark.usefixtures("compiled_kernels")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


# --- what changes between steps -------------------------------------------------------------------


def assigned(net: Any, optimiser: Any) -> None:
    net[0].weight.assign(0.5 * net[0].weight.data)


def loaded(net: Any, optimiser: Any) -> None:
    net.load_state({path: 0.9 * x for path, x in net.state().items()})


def frozen(net: Any, optimiser: Any) -> None:
    net[0].freeze()


def half_frozen(net: Any, optimiser: Any) -> None:
    net[0].weight.frozen = not net[0].weight.frozen


def new_layer(net: Any, optimiser: Any) -> None:
    net.layers[1] = nn.Sigmoid()


def more_layers(net: Any, optimiser: Any) -> None:
    net.layers.append(nn.Sigmoid())


def other_parameter(net: Any, optimiser: Any) -> None:
    net[2].weight = nn.Parameter(0.3 * net[2].weight.data)


def no_bias(net: Any, optimiser: Any) -> None:
    net[0].bias = None


def tied(net: Any, optimiser: Any) -> None:
    net.layers[1:1] = [Dense(7, 7, generator=rng(3), dtype=np.float64)] * 2


def evaluated(net: Any, optimiser: Any) -> None:
    net.train(not net.training)


def rate(net: Any, optimiser: Any) -> None:
    optimiser.rate = 0.03 + 0.01 * optimiser.steps


def scheduled(net: Any, optimiser: Any) -> None:
    optimiser.rate = lambda step: 0.1 / (1 + step)


def momentum(net: Any, optimiser: Any) -> None:
    optimiser.momentum = 0.5 + 0.1 * (optimiser.steps % 3)


def optimiser_loaded(net: Any, optimiser: Any) -> None:
    state = optimiser.state()
    optimiser.load_state({k: 0.5 * x if k != "steps" else x + 3 for k, x in state.items()})


def one_thread(net: Any, optimiser: Any) -> None:
    config.threads = 3 - min(config.threads, 2)


def by_numpy(net: Any, optimiser: Any) -> None:
    config.backend = "numpy" if config.backend == "native" else "native"


def forward_replaced(net: Any, optimiser: Any) -> None:
    net[1].forward = lambda x: ad.sigmoid(x)


CHANGES = [
    assigned, loaded, frozen, half_frozen, new_layer, more_layers, other_parameter, no_bias, tied,
    evaluated, rate, scheduled, momentum, optimiser_loaded, one_thread, by_numpy, forward_replaced,
]  # fmt: skip


@pytest.mark.parametrize("often", [False, True])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_changes_between_steps_is_noticed(
    change: Callable[[Any, Any], None], often: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "threads", 2)
    pair = Pair()
    for seed in range(8):
        pair.agree(*batch(seed))
        if seed == 2 or (often and seed < 6):
            if change in (one_thread, by_numpy):
                change(pair.net, pair.optimiser)
            else:
                pair.both(change)


def test_an_equal_parameter_in_place_of_another_one_is_another_one() -> None:
    options = {"generator": rng(), "dtype": np.float64}
    net = Sequential(Dense(5, 1, **options), ReLU(), Dense(1, 3, **options))
    pair = Pair(net, optimiser=lambda p: SGD(p, 0.1))
    pair.agree(*batch(0))
    pair.agree(*batch(1))
    old = net[0].bias
    net[0].bias = nn.Parameter(old.data.copy(), "bias")
    pair.step.differentiate(*batch(2))
    assert old.grad is None
    assert net[0].bias.grad is not None


def test_another_loss_model_or_optimiser_is_noticed() -> None:
    pair = Pair()
    for seed in range(3):
        pair.agree(*batch(seed))
    pair.loss = pair.step.loss = SoftmaxCrossEntropy(reduction="sum")
    for seed in range(3):
        pair.agree(*batch(seed))
    pair.net = pair.step.model = perceptron(seed=1)
    pair.twin = copy.deepcopy(pair.net)
    pair.step.optimiser = SGD(pair.net.parameters(), 0.01)
    pair.twins_optimiser = SGD(pair.twin.parameters(), 0.01)
    for seed in range(3):
        pair.agree(*batch(seed))
    pair.step.optimiser = SGD(pair.net.parameters(), 0.02)
    pair.twins_optimiser = SGD(pair.twin.parameters(), 0.02)
    gc.collect()
    for seed in range(3):
        pair.agree(*batch(seed))
        assert pair.step.obstacle is None


# --- optimisers -----------------------------------------------------------------------------------


class Projecting(SGD):
    """Keeps weights small after each step."""

    def step(self) -> None:
        super().step()
        for p in self.parameters:
            p.assign(np.clip(p.data, -0.3, 0.3))


class Signs(SGD):
    def _step(self, i: int, g: Any, rate: float) -> Any:
        return -rate * np.sign(g)


def grouped(parameters: Any) -> nn.Optimiser:
    first, *others = parameters
    return SGD(
        [nn.Group([first], rate=lambda step: 0.1 * 0.9**step, weight_decay=0.1),
         nn.Group(others, rate_factor=0.5)],
        0.2, momentum=0.9,
    )  # fmt: skip


OPTIMISERS: dict[str, Callable[[Any], nn.Optimiser]] = {
    "descent": lambda p: SGD(p, 0.1),
    "with decay": lambda p: SGD(p, 0.1, weight_decay=0.01, decay_biases=True),
    "momentum with decay": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "biases faster": lambda p: SGD(p, 0.1, bias_rate_factor=2.0),
    "scheduled": lambda p: SGD(p, nn.CosineDecay(0.1, steps=10), momentum=0.5),
    "groups": grouped,
    "some parameters": lambda p: SGD(p[:2], 0.1, momentum=0.9),
    "hardly any rate": lambda p: SGD(p, 1e-300),
    "accumulated gradients": lambda p: SGD(p, 0.1, momentum=0.9, accumulate="gradients"),
    "Nesterov": lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: Adam(p, 0.01),
    "Adam with all": lambda p: Adam(
        p, nn.CosineDecay(0.01, steps=10), betas=(0.5, 0.9), amsgrad=True, weight_decay=0.1
    ),
    "AdamW": lambda p: nn.AdamW(p, 0.01, weight_decay=0.1),
    "Adagrad": lambda p: nn.Adagrad(p, 0.01),
    "RMSprop": lambda p: nn.RMSprop(p, 0.01),
    "step of its own": lambda p: Projecting(p, 0.1),
    "way of its own": lambda p: Signs(p, 0.1, momentum=0.9, accumulate="gradients"),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_optimisers_take_their_steps(name: str, dtype: Any) -> None:
    pair = Pair(perceptron(dtype), optimiser=OPTIMISERS[name])
    for seed in range(6):
        x, y = batch(seed, dtype=dtype)
        expected = eager_step(pair.twin, pair.loss, pair.twins_optimiser, x, y)
        assert abs(pair.step(x, y) - expected) < 1e-5
        for p, q in zip(pair.net.parameters(), pair.twin.parameters(), strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-4, atol=1e-5)
            assert (p.grad is None) == (q.grad is None)
        for key, value in pair.optimiser.state().items():
            np.testing.assert_allclose(
                value, pair.twins_optimiser.state()[key], rtol=1e-3, atol=1e-5
            )


@pytest.mark.parametrize("kind", [Adam, nn.AdamW])
def test_steps_of_adam_are_repeated(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where parameters have taken part for different lengths of time."""
    calls = 0
    adam = nn.optimisers.adam.adam

    def counted(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        adam(*arguments)

    monkeypatch.setattr(nn.optimisers.adam, "adam", counted)
    pair = Pair(optimiser=lambda p: kind(p, 0.01))
    first = pair.net.layers[0].weight, pair.twin.layers[0].weight
    for seed in range(9):
        for weight in first:
            weight.frozen = 2 <= seed < 5
        before = calls
        pair.agree(*batch(seed), digits=1e-9)
        moving = 3 if 2 <= seed < 5 else 4
        assert calls - before == moving * (2 if seed in (0, 2, 5) else 1)


def test_float32_parameters_among_others_of_float64() -> None:
    net = perceptron()
    net.layers[0] = Dense(5, 7, generator=rng(), dtype=np.float32)
    pair = Pair(net)
    for seed in range(4):
        pair.agree(*batch(seed), digits=1e-5)


def test_a_rate_that_is_none_raises_and_leaves_all_as_it_was() -> None:
    pair = Pair()
    for seed in range(3):
        pair.agree(*batch(seed))
    before = pair.net.state()
    pair.optimiser.rate = lambda step: -1.0
    with pytest.raises(ValueError, match="the rate at step 3"):
        pair.step(*batch(3))
    for path, p in pair.net.state().items():
        np.testing.assert_array_equal(p, before[path])
    assert pair.optimiser.steps == 3
    pair.optimiser.rate = 0.1
    for seed in range(3):
        pair.agree(*batch(seed))


def test_what_nothing_can_move_raises() -> None:
    net = perceptron()
    step = TrainingStep(net, SoftmaxCrossEntropy(), SGD([nn.Parameter([1.0])], 0.1))
    for seed in range(3):
        with pytest.raises(ValueError, match="no parameter has a gradient"):
            step(*batch(seed))


# --- between the gradients and the move -----------------------------------------------------------


def between(pair: Pair, seed: int, change: Callable[[Any, Any], None]) -> None:
    x, y = batch(seed)
    pair.step.differentiate(x, y)
    pair.loss(pair.twin(x), y).backward()
    pair.both(change)
    pair.step.move()
    pair.twins_optimiser.step()
    pair.are_equal()


def scaled(net: Any, optimiser: Any) -> None:
    for p in net.parameters():
        p.grad[...] *= 0.5


def regraded(net: Any, optimiser: Any) -> None:
    net[0].weight.grad = 2 * net[0].weight.grad


def ungraded(net: Any, optimiser: Any) -> None:
    net[0].weight.grad = None


def clipped(net: Any, optimiser: Any) -> None:
    nn.clip_gradients_by_norm(net.parameters(), 0.01)


def moved_elsewhere(net: Any, optimiser: Any) -> None:
    p = net[0].weight
    old = p.data
    p.assign(0.5 * old)
    del old
    gc.collect()
    np.zeros(p.size * 20)


@pytest.mark.parametrize(
    "change",
    [scaled, regraded, ungraded, clipped, moved_elsewhere, assigned, half_frozen, rate],
    ids=lambda change: change.__name__,
)
def test_what_changes_between_gradients_and_move_counts(change: Any) -> None:
    pair = Pair()
    for seed in range(6):
        between(pair, seed, change)
        if change is half_frozen:
            pair.both(half_frozen)
        pair.agree(*batch(seed + 10))


def test_no_compiled_kernels_between_gradients_and_move() -> None:
    pair = Pair()

    def change(net: Any, optimiser: Any) -> None:
        config.backend = "numpy"

    for seed in range(3):
        between(pair, seed, change)
        config.backend = "native"
        pair.agree(*batch(seed))


def test_gradients_add_up_as_they_do_without_repetition() -> None:
    pair = Pair()
    for seed in range(3):
        for more in range(2):
            x, y = batch(10 * seed + more)
            pair.step.differentiate(x, y)
            pair.loss(pair.twin(x), y).backward()
        for p, q in zip(pair.net.parameters(), pair.twin.parameters(), strict=True):
            np.testing.assert_allclose(p.grad, q.grad, rtol=1e-11)
        pair.step.move()
        pair.twins_optimiser.step()
        pair.are_equal()
        assert "gradients already" in (pair.step.obstacle or "")
        pair.agree(*batch(seed))


def test_gradients_of_what_the_optimiser_does_not_move_add_up_too() -> None:
    net, twin = perceptron(), perceptron()
    step = TrainingStep(net, SoftmaxCrossEntropy(), SGD(net[0].parameters(), 0.1))
    optimiser = SGD(twin[0].parameters(), 0.1)
    for seed in range(4):
        step(*batch(seed))
        eager_step(twin, SoftmaxCrossEntropy(), optimiser, *batch(seed))
        for p, q in zip(net.parameters(), twin.parameters(), strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-11)
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:
                np.testing.assert_allclose(p.grad, q.grad, rtol=1e-11)


# --- who holds what -------------------------------------------------------------------------------


def test_gradients_that_somebody_holds_stay_as_they_are() -> None:
    pair = Pair()
    pair.agree(*batch(0))
    held = []
    for seed in range(1, 5):
        pair.step.differentiate(*batch(seed))
        gradient = pair.net[0].weight.grad
        held.append((gradient[:2] if seed % 2 else gradient, gradient[:2].copy()))
        del gradient
        pair.step.move()
    for gradient, before in held:
        np.testing.assert_array_equal(gradient[:2], before)
    assert len({g.ctypes.data for g, _ in held}) == len(held)


def test_outputs_that_somebody_holds_stay_as_they_are() -> None:
    pair = Pair()
    held = []
    for seed in range(4):
        x, y = batch(seed)
        expected = pair.net(x).data.copy()
        pair.step(x, y)
        held.append((pair.step.outputs, expected))
    for outputs, expected in held:
        np.testing.assert_allclose(outputs, expected, rtol=1e-12)


def test_data_that_somebody_holds_stay_as_they_are() -> None:
    pair = Pair()
    held = []
    for seed in range(8):
        if seed % 2:
            data = pair.net[0].weight.data
            held.append((data, data.copy()))
        pair.agree(*batch(seed))
    for data, before in held:
        np.testing.assert_array_equal(data, before)


def test_a_graph_of_before_a_step_is_stale_after_it() -> None:
    pair = Pair()
    x, y = batch(0)
    for _ in range(3):
        cost = pair.loss(pair.net(x), y)
        pair.step(x, y)
        assert pair.step.obstacle is None
        with pytest.raises(StaleGraphError):
            cost.backward()


def test_all_is_freed_with_the_step() -> None:
    gc.disable()
    try:
        net = perceptron()
        step = TrainingStep(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1))
        for seed in range(3):
            step(*batch(seed))
        made = weakref.ref(step._made)
        assert made() is not None
        held = [weakref.ref(x) for x in (net, step, net[0], net[0].weight._data)]
        del net, step
        assert [x() for x in (*held, made)] == [None] * 5
    finally:
        gc.enable()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_by_themselves(copied: Callable[[Any], Any]) -> None:
    pair = Pair()
    for seed in range(3):
        pair.agree(*batch(seed))
    twin = copied(pair.step)
    np.testing.assert_array_equal(twin.outputs, pair.step.outputs)
    for seed in range(3):
        assert twin(*batch(seed)) == pair.step(*batch(seed))
        assert twin.obstacle is None
    for p, q in zip(twin.model.parameters(), pair.net.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        assert not np.shares_memory(p.data, q.data)


# --- where it is used -----------------------------------------------------------------------------


def test_nothing_is_repeated_where_somebody_looks(counted: Counted) -> None:
    pair = Pair()
    for seed in range(3):
        pair.agree(*batch(seed))
    with ad.detect_anomaly():
        assert counted.during(pair.step, *batch(0)) > 0
        assert "somebody looks" in (pair.step.obstacle or "")
        x, y = batch(1)
        x[0, 0] = np.nan
        with pytest.raises(ad.AnomalyError):
            pair.step(x, y)
    assert counted.during(pair.step, *batch(0)) == 0
    with no_grad():
        with pytest.raises(ValueError, match="no parameter has a gradient"):
            pair.step(*batch(0))
        assert "nothing is recorded" in (pair.step.obstacle or "")
    assert counted.during(pair.step, *batch(0)) == 0


def test_observers_of_calls_see_each_of_them_once() -> None:
    pair = Pair()
    for seed in range(3):
        pair.agree(*batch(seed))
    seen = []

    def observer(module: Any, inputs: Any) -> Any:
        seen.append(module)
        return module.forward(*inputs)

    token = nn.module.call_observer.set(observer)
    try:
        pair.agree(*batch(0))
    finally:
        nn.module.call_observer.reset(token)
    assert [m for m in seen if m in pair.net.layers] == pair.net.layers


def test_a_fault_in_the_middle_leaves_the_next_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    pair.agree(*batch(0))

    def interrupted(self: Any, x: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ReLU, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pair.step(*batch(1, 4))
    for seed in range(4):
        pair.agree(*batch(seed, 4))
    assert pair.step.obstacle is None


def test_two_threads_train_a_model_each() -> None:
    pairs = [Pair(perceptron(hidden=7 + i)) for i in range(2)]
    faults: list[BaseException] = []

    def train(pair: Pair) -> None:
        try:
            for seed in range(60):
                pair.agree(*batch(seed, 4 + seed % 2))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=train, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert all(pair.step.obstacle is None for pair in pairs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_a_forked_process_goes_on_repeating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "threads", 2)
    net = perceptron(hidden=600)
    pair = Pair(net)
    for seed in range(3):
        pair.agree(*batch(seed, 300))
    child = os.fork()
    if not child:
        try:
            for seed in range(3):
                pair.agree(*batch(seed, 300))
            os._exit(0 if pair.step.obstacle is None else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pair.agree(*batch(5, 300))


def test_the_bits_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(config, "threads", threads)
        options = {"generator": rng(), "dtype": np.float32}
        conv, last = nn.Conv2d(2, 20, 3, **options), Dense(20 * 3 * 3, 3, **options)
        net = Sequential(conv, nn.MaxPool2d(2), ReLU(), nn.Flatten(), last)
        step = TrainingStep(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1, momentum=0.9))
        for seed in range(4):
            cost = step(*batch(seed, 40, (2, 8, 9), np.float32))
        results.append([np.float64(cost), *(p.data.copy() for p in net.parameters())])
    for other in results[1:]:
        for x, y in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(x, y)
