"""Modules: what is in them, their modes and their state."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import SGD, Dense, Dropout, LeNet, Module, Parameter, ReLU, Residual, Sequential
from nn.initialisers import he_normal


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


class Noisy(Module):
    """A module with one of each: parameters, a buffer, a generator, another module."""

    def __init__(self) -> None:
        self.scale = Parameter([2.0])
        self.running = np.zeros(2, np.float32)
        self.generator = rng()
        self.inner = [Dense(1, 1, generator=self.generator), {"deep": Parameter([3.0], "bias")}]

    def forward(self, x: Any) -> Any:
        return self.scale * x if self.training else x * 1.0


def test_members_are_found_by_path() -> None:
    module = Noisy()
    assert [path for path, _ in module.named_parameters()] == [
        "scale", "inner.0.weight", "inner.0.bias", "inner.1.deep",
    ]  # fmt: skip
    assert [path for path, _ in module.named_modules()] == ["", "inner.0"]
    assert [path for path, _ in module.named_buffers()] == ["running"]
    assert list(module.named_generators()) == [("generator", module.generator)]


def test_a_module_used_twice_counts_once() -> None:
    dense = Dense(3, 3, generator=rng())
    net = Sequential(dense, ReLU(), dense)
    assert [path for path, _ in net.named_parameters()] == ["layers.0.weight", "layers.0.bias"]
    (net(np.ones((1, 3))) ** 2).sum().backward()
    assert dense.weight.grad is not None
    assert set(net.state()) == {"layers.0.weight", "layers.0.bias"}


def test_modes_reach_every_module_and_predict_computes_as_eval_says() -> None:
    module = Noisy()
    assert module(np.ones(1)).data.tolist() == [2.0]
    assert module.predict(np.ones(1)).tolist() == [1.0]
    assert module.training
    assert module.inner[0].training
    assert module.eval() is module
    assert not any(m.training for _, m in module.named_modules())
    module.inner[0].train()
    module.predict(np.ones(1))
    assert module.inner[0].training
    assert not module.training


def test_a_frozen_parameter_has_no_gradient_and_does_not_train() -> None:
    net = Sequential(Dense(2, 2, generator=rng()), Dense(2, 1, generator=rng()))
    optimiser = SGD(net.parameters(), 0.1)
    before = net.state()
    net[0].freeze()
    net(np.ones((3, 2))).sum().backward()
    assert [p.grad is None for p in net.parameters()] == [True, True, False, False]
    optimiser.step()
    assert np.array_equal(net[0].weight.data, before["layers.0.weight"])
    assert not np.array_equal(net[1].weight.data, before["layers.1.weight"])
    net.freeze(False)
    net(np.ones((3, 2))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_what_a_frozen_parameter_gave_stays_right_when_it_changes() -> None:
    w = Parameter([1.0, 2.0])
    w.frozen = True
    x = ad.Tensor([3.0, 4.0])
    y = (w * x).sum()
    w.assign([0.0, 0.0])
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 2.0]


def test_state_is_a_copy_and_comes_back() -> None:
    module = Noisy()
    state = module.state()
    assert set(state) == {"scale", "running", "inner.0.weight", "inner.0.bias", "inner.1.deep"}
    module.scale.assign([7.0])
    module.running += 1
    module.load_state(state)
    assert module.scale.data.tolist() == [2.0]
    assert module.running.tolist() == [0, 0]


def test_a_state_that_does_not_fit_says_why_and_changes_nothing() -> None:
    module = Noisy()
    state: dict[str, Any] = module.state() | {
        "scale": np.zeros(1), "running": np.zeros(3, np.float32), "more": np.zeros(1),
        "inner.1.deep": np.zeros(1, np.float16),
    }  # fmt: skip
    del state["inner.0.bias"]
    with pytest.raises(ValueError, match="does not fit Noisy") as caught:
        module.load_state(state)
    assert str(caught.value).splitlines()[1:] == [
        "  inner.0.bias: missing",
        "  inner.1.deep: expected shape (1,) of float64, got (1,) of float16",
        "  more: unknown",
        "  running: expected shape (2,) of float32, got (3,) of float32",
    ]
    assert module.scale.data.tolist() == [2.0]


def test_a_copy_shares_nothing() -> None:
    net = LeNet(filters=(2, 3), hidden=4, generator=rng())
    net[0].freeze()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(twin) == repr(net)
        assert [p.frozen for p in twin.parameters()] == [p.frozen for p in net.parameters()]
        assert all(np.array_equal(a, b) for a, b in
                   zip(twin.state().values(), net.state().values(), strict=True))  # fmt: skip
        twin[0].weight.assign(np.zeros_like(twin[0].weight.data))
        assert net[0].weight.data.any()


def test_repr_shows_the_architecture() -> None:
    net = Sequential(Dense(2, 3, bias=False, generator=rng()), ReLU())
    assert repr(net) == "Sequential(Dense(2, 3, bias=False), ReLU())"
    assert repr(LeNet(filters=(2, 3), generator=rng())) == "LeNet(filters=(2, 3))"
    around = Dense(2, 3, initialiser=he_normal, generator=rng())
    residual = Residual(ad.tanh, Dense(2, 3, generator=rng()), shortcut=around)
    assert repr(residual) == "Residual(tanh, Dense(2, 3), shortcut=Dense(2, 3))"
    assert repr(Sequential(ad.tanh)) == "Sequential(tanh)"


def test_a_slice_shares_its_layers() -> None:
    net = LeNet(filters=(2, 3), hidden=4, generator=rng())
    assert net[:2][0] is net[0]
    assert len(list(net)) == 8


def test_residual_adds_its_input() -> None:
    dense = Dense(2, 2, generator=rng())
    x = rng().normal(size=(3, 2))
    np.testing.assert_array_equal(Residual(dense)(x).data, dense(x).data + x)
    wide = Residual(Dense(2, 3, generator=rng()), shortcut=Dense(2, 3, bias=False, generator=rng()))
    assert wide(x).shape == (3, 3)
    assert len(wide.parameters()) == 3


def _with(parts: Any) -> Module:
    module = Module()
    module.parts = parts  # type: ignore[attr-defined]
    return module


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Residual(Dense(2, 3, generator=rng()))(np.ones((1, 2))), ValueError, "shortcut"),
    (lambda: Sequential(ReLU(), 3), TypeError, "modules or functions.*3"),
    (lambda: Dense(2, 3, generator=rng()).freeze().weight.backward(np.ones((2, 3))),  # type: ignore[func-returns-value]
     TypeError, "no derivative"),
    (lambda: _with({1: Parameter([1.0]), "1": Parameter([2.0])}).state(), ValueError,
     "the path 'parts.1'"),
    (lambda: Parameter([1.0], "gain"), ValueError, "role.*weight, bias, scale.*'gain'"),  # type: ignore[arg-type]
    (lambda: Dense(2, 3, initialiser="he", generator=rng()),  # type: ignore[arg-type]
     TypeError, "dense.weight: .*he_normal, got 'he'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_frozen_tensor_is_a_constant_of_the_graph() -> None:
    w = Parameter([1.0, 2.0])
    w.frozen = True
    y = w * ad.Tensor([3.0, 4.0])
    assert [type(x) for x in y.operands] == [np.ndarray, ad.Tensor]


class Meeting(Module):
    """Lets two threads compute at the same time: the first one ends while the second is inside."""

    def __init__(self) -> None:
        self.first_is_in, self.second_is_in, self.first_is_out = (Event() for _ in range(3))

    def forward(self, x: Any) -> Any:
        if self.first_is_in.is_set():
            self.second_is_in.set()
            assert self.first_is_out.wait(10)
        else:
            self.first_is_in.set()
            assert self.second_is_in.wait(10)
        return x


def test_threads_that_predict_with_one_model_do_not_disturb_each_other() -> None:
    meeting = Meeting()
    net = Sequential(meeting, Dropout(0.5, generator=rng()))
    with ThreadPoolExecutor() as threads:
        first = threads.submit(net.predict, np.ones(100))
        assert meeting.first_is_in.wait(10)
        assert net.training  # here, beside them
        second = threads.submit(net.predict, np.ones(100))
        assert first.result().tolist() == [1.0] * 100
        meeting.first_is_out.set()
        assert second.result().tolist() == [1.0] * 100


def test_a_notebook_shows_the_modules_and_their_parameters() -> None:
    net = Sequential(Dense(2, 3, generator=rng()), ReLU(), lambda x: x * 1.0)
    net[0].bias.frozen = True
    shown = net._repr_html_()
    for text in ("layers.0", "Dense(2, 3)", "weight 2×3, bias 3 (frozen)", "layers.1", "ReLU()"):
        assert text in shown
    assert shown.count("<tr>") == 4
    assert "<script>" not in Tagged("<script>")._repr_html_()


class Tagged(Module):
    """A module with a hostile argument."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
