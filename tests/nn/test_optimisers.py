"""Optimisers: their formulas, groups, weight decay, state; and what they refuse."""

from __future__ import annotations

import copy
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from optimiser_formulas import OPTIMISERS

import autodiff as ad
from nn import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineDecay,
    Group,
    InverseDecay,
    LeNet,
    Lion,
    Optimiser,
    Parameter,
    RMSprop,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


every = pytest.mark.parametrize("name", OPTIMISERS)


def make(name: str, parameters: Any, rate: Any = 0.05, **options: Any) -> Optimiser:
    kind, own, _ = OPTIMISERS[name]
    return kind(parameters, rate, **(own | options))


def move(optimiser: Optimiser, seed: int, steps: int = 1) -> None:
    """Some steps along random gradients."""
    generator = np.random.default_rng(seed)
    for _ in range(steps):
        for parameter in optimiser.parameters:
            parameter.grad = generator.normal(size=parameter.shape)
        optimiser.step()


@every
def test_formula(name: str) -> None:
    gradients = rng().normal(size=(12, 2, 3))
    w = Parameter(rng().normal(size=(2, 3)))
    rate = InverseDecay(0.1, 0.5)
    formula = OPTIMISERS[name][2]
    expected = np.empty_like(gradients)
    for index in np.ndindex(w.shape):
        steps = ((rate(t), float(g)) for t, g in enumerate(gradients[(slice(None), *index)]))
        expected[(slice(None), *index)] = list(formula(steps, float(w.data[index])))
    optimiser = make(name, [w], rate)
    for g, values in zip(gradients, expected, strict=True):
        w.grad = g
        optimiser.step()
        np.testing.assert_allclose(w.data, values, rtol=1e-12, atol=1e-13)
    assert optimiser.steps == 12
    assert w.grad is None


@every
def test_coupled_decay_is_the_gradient_of_the_penalty_and_decoupled_decay_is_not(name: str) -> None:
    start = rng().normal(size=4)
    inside, outside = Parameter(start), Parameter(start)
    one, other = make(name, [inside], weight_decay=0.3), make(name, [outside], weight_decay=0.0)
    for _ in range(4):
        ad.sum(ad.sin(inside)).backward()
        ad.add(ad.sum(ad.sin(outside)), 0.5 * 0.3 * ad.sum(outside**2)).backward()
        one.step()
        other.step()
    close = np.allclose(inside.data, outside.data, rtol=1e-12)
    assert close is not one.decoupled


@every
def test_steps_have_the_same_bits_as_if_each_parameter_were_alone(name: str) -> None:
    """The memory that parameters share to compute in does not mix them up."""
    shapes: list[tuple[tuple[int, ...], Any]] = [
        ((3, 2), "f4"), ((), "f8"), ((5,), "f8"), ((2,), "f4"), ((0, 3), "f4"),
    ]  # fmt: skip
    together = [Parameter(rng().normal(size=shape).astype(dtype)) for shape, dtype in shapes]
    alone = copy.deepcopy(together)
    optimiser = make(name, together, weight_decay=0.1)
    others = [make(name, [p], weight_decay=0.1) for p in alone]
    generator = rng()
    for _ in range(3):
        for p, q, other in zip(together, alone, others, strict=True):
            p.grad = q.grad = generator.normal(size=p.shape)
            other.step()
        optimiser.step()
    for p, q, (shape, dtype) in zip(together, alone, shapes, strict=True):
        assert (p.shape, p.dtype) == (shape, np.dtype(dtype))
        assert p.data.tobytes() == q.data.tobytes()


@every
def test_a_step_makes_no_array_and_leaves_gradients_alone_that_others_hold(name: str) -> None:
    w = Parameter(rng().normal(size=100_000))
    optimiser = make(name, [w], weight_decay=0.1)
    move(optimiser, 0)
    w.grad = rng().normal(size=w.shape)
    held = w.grad
    before = held.copy()
    tracemalloc.start()
    try:
        optimiser.step()
        assert tracemalloc.get_traced_memory()[1] < w.data.nbytes / 10
    finally:
        tracemalloc.stop()
    assert np.array_equal(held, before)


@every
def test_float32_is_computed_in_float32(name: str) -> None:
    w = Parameter(np.ones(3, np.float32))
    optimiser = make(name, [w], lambda step: np.float64(0.1))
    move(optimiser, 0, 3)
    assert w.dtype == np.float32
    assert {x.dtype for x in optimiser.state().values()} <= {np.dtype("f4"), np.dtype("i8")}


# --- SGD ------------------------------------------------------------------------------------------


def test_the_settings_of_lenet_give_the_bits_of_the_formula_in_float32() -> None:
    net = LeNet(filters=(2, 3), hidden=4, generator=rng())
    rate = InverseDecay(0.01, gamma=1e-4, power=0.75)
    optimiser = SGD(net.parameters(), rate, momentum=0.9, weight_decay=5e-4, bias_rate_factor=2.0)
    expected = [p.data.copy() for p in net.parameters()]
    velocities = [np.zeros_like(p) for p in expected]
    generator = rng()
    for step in range(20):
        for i, p in enumerate(net.parameters()):
            p.grad = g = generator.normal(size=p.shape).astype(np.float32)
            if p.role == "weight":
                velocities[i] = velocities[i] * 0.9 + (g + expected[i] * 5e-4) * -rate(step)
            else:
                velocities[i] = velocities[i] * 0.9 + g * -(rate(step) * 2.0)
            expected[i] = expected[i] + velocities[i]
        optimiser.step()
    for p, w in zip(net.parameters(), expected, strict=True):
        assert w.dtype == np.float32
        assert p.data.tobytes() == w.tobytes()


@pytest.mark.parametrize("nesterov", [False, True])
def test_at_a_constant_rate_both_forms_of_momentum_are_the_same(nesterov: bool) -> None:
    one, other = Parameter(np.ones(3)), Parameter(np.ones(3))
    options: dict[str, Any] = {"momentum": 0.9, "nesterov": nesterov, "weight_decay": 0.1}
    move(SGD([one], 0.1, **options), 0, 10)
    move(SGD([other], 0.1, accumulate="gradients", **options), 0, 10)
    np.testing.assert_allclose(one.data, other.data, rtol=1e-13)


def test_nesterov_stands_where_the_velocity_of_the_paper_leads() -> None:
    """Sutskever et al. 2013, eq. 3-4: θ and v, with the gradient at θ + μ v."""
    w = Parameter([1.0, -2.0])
    optimiser = SGD([w], InverseDecay(0.1, 0.3), momentum=0.8, nesterov=True)
    θ, v = w.data.copy(), np.zeros(2)
    for step in range(8):
        v = 0.8 * v - 0.1 / (1 + 0.3 * step) * np.cos(θ + 0.8 * v)
        θ = θ + v
        ad.sum(ad.sin(w)).backward()
        optimiser.step()
        np.testing.assert_allclose(w.data, θ + 0.8 * v, rtol=1e-13)


def test_a_graph_from_before_the_step_is_refused() -> None:
    w = Parameter([1.0], label="w")
    loss = (w * w).sum()
    loss.backward()
    SGD([w], 0.1).step()
    with pytest.raises(ValueError, match=r"'w'.*new data"):
        loss.backward()


# --- the adaptive ones ----------------------------------------------------------------------------


def test_the_variance_of_rmsprop_is_never_negative() -> None:
    """With gradients that are nearly equal, mean square less squared mean is so by rounding."""
    w = Parameter(np.zeros(1000, np.float32))
    optimiser = RMSprop([w], 1e-9, smoothing=0.5, centred=True)
    for gradient in rng().normal(1.0, 1e-5, size=(60, 1)).astype(np.float32):
        w.grad = np.broadcast_to(gradient, w.shape) * np.linspace(1, 2, 1000, dtype=np.float32)
        optimiser.step()
    assert np.isfinite(w.data).all()
    assert (optimiser.state()["variance.0"] >= 0).all()


def test_adam_counts_the_updates_of_each_parameter() -> None:
    """A parameter that was frozen takes a first step as long as any other's: the rate."""
    w, late = Parameter([1.0]), Parameter([1.0])
    optimiser = Adam([w, late], 0.1)
    late.frozen = True
    move(optimiser, 0, 20)
    late.frozen = False
    move(optimiser, 1)
    assert late.data == pytest.approx(1.1, abs=1e-6) or late.data == pytest.approx(0.9, abs=1e-6)
    assert [int(optimiser.state()[f"updates.{i}"]) for i in (0, 1)] == [21, 1]


# --- which parameters, and how fast ---------------------------------------------------------------


@every
def test_frozen_parameters_and_those_without_a_gradient_stay_and_so_does_their_memory(
    name: str,
) -> None:
    moving, frozen, unused = (Parameter(rng().normal(size=3)) for _ in range(3))
    optimiser = make(name, [moving, frozen, unused], weight_decay=0.1)
    move(optimiser, 0, 2)
    state, before = optimiser.state(), [p.data.copy() for p in (moving, frozen, unused)]
    frozen.frozen = True
    moving.grad = frozen.grad = np.ones(3)
    optimiser.step()
    assert not np.array_equal(moving.data, before[0])
    assert np.array_equal(frozen.data, before[1])
    assert np.array_equal(unused.data, before[2])
    kept = [key for key in state if key.endswith((".1", ".2"))]
    assert all(np.array_equal(optimiser.state()[key], state[key]) for key in kept)
    assert moving.grad is None
    assert frozen.grad is None


@pytest.mark.parametrize("kind", [SGD, AdamW, Lion])
def test_biases_decay_only_when_asked_to(kind: type[SGD | AdamW | Lion]) -> None:
    for everything in (False, True):
        w, b = Parameter([1.0]), Parameter([1.0], "bias")
        optimiser = kind([w, b], 0.1, weight_decay=0.5, decay_biases=everything)
        w.grad, b.grad = [0.0], [0.0]
        optimiser.step()
        assert w.data == pytest.approx(0.95)
        assert b.data == pytest.approx(0.95 if everything else 1.0)


def test_groups_have_settings_of_their_own() -> None:
    parameters = [Parameter([1.0]) for _ in range(5)] + [Parameter([1.0], "bias")]
    a, b, c, d, e, bias = parameters
    groups = [
        Group([a]),
        Group(iter([b]), rate=0.5),
        Group([c], rate=lambda step: 1.0 - step / 2),
        Group([d], rate_factor=3.0),
        Group([e, bias], weight_decay=0.0, rate_factor=2.0),
    ]
    optimiser = SGD(groups, InverseDecay(0.1, 1.0), weight_decay=0.2, bias_rate_factor=2.0)
    assert optimiser.parameters == parameters
    for p in parameters:
        p.grad = [0.0] if p is not bias else [1.0]
    e.grad = [1.0]
    optimiser.step()
    assert [float(p.data[0]) for p in parameters] == pytest.approx([
        1 - 0.1 * 0.2, 1 - 0.5 * 0.2, 1 - 1.0 * 0.2, 1 - 0.3 * 0.2, 1 - 0.2, 1 - 0.4
    ])  # fmt: skip
    for p in parameters:
        p.assign([1.0])
        p.grad = [0.0]
    optimiser.step()  # the second step, at the rates of step 1
    assert [float(p.data[0]) for p in parameters] == pytest.approx([
        1 - 0.05 * 0.2, 1 - 0.5 * 0.2, 1 - 0.5 * 0.2, 1 - 0.15 * 0.2, 1.0, 1.0
    ])  # fmt: skip


def test_the_rate_may_be_changed_between_steps() -> None:
    w = Parameter([1.0])
    optimiser = SGD([w], 0.1)
    for rate in (0.5, CosineDecay(0.5, 4), 0.0):
        w.grad = [1.0]
        optimiser.rate = rate
        optimiser.step()
    assert w.data == pytest.approx(1 - 0.5 - CosineDecay(0.5, 4)(1))


# --- state ----------------------------------------------------------------------------------------


@every
def test_resuming_from_the_state_gives_the_same_bits(name: str) -> None:
    start = [rng().normal(size=(2, 3)), rng().normal(size=4).astype(np.float32)]
    whole = make(name, [Parameter(x) for x in start], CosineDecay(0.1, 20), weight_decay=0.01)
    move(whole, 0, 5)
    state, halfway = whole.state(), [p.data.copy() for p in whole.parameters]
    move(whole, 1, 6)
    resumed = make(name, [Parameter(x) for x in halfway], CosineDecay(0.1, 20), weight_decay=0.01)
    resumed.load_state(state)
    assert resumed.steps == 5
    move(resumed, 1, 6)
    assert all(p.data.tobytes() == q.data.tobytes()
               for p, q in zip(whole.parameters, resumed.parameters, strict=True))  # fmt: skip
    ours, theirs = whole.state(), resumed.state()
    assert {k: v.tobytes() for k, v in ours.items()} == {k: v.tobytes() for k, v in theirs.items()}
    assert state["steps"].shape == ()
    assert state["steps"] == 5  # a copy, which later steps leave alone


@every
def test_a_copy_goes_on_alone(name: str) -> None:
    optimiser = make(name, [Parameter(np.ones(3))])
    move(optimiser, 0, 2)
    twin = copy.deepcopy(optimiser)
    move(optimiser, 1, 2)
    assert not np.array_equal(twin.parameters[0].data, optimiser.parameters[0].data)
    move(twin, 1, 2)
    assert twin.parameters[0].data.tobytes() == optimiser.parameters[0].data.tobytes()


def test_names_in_the_state() -> None:
    parameters = [Parameter([1.0]), Parameter([1.0])]
    assert set(SGD(parameters, 0.1).state()) == {"steps"}
    assert set(SGD(parameters, 0.1, momentum=0.9).state()) == {
        "steps", "velocity.0", "velocity.1",
    }  # fmt: skip
    assert {key.split(".")[0] for key in Adam(parameters, 0.1, amsgrad=True).state()} == {
        "steps", "updates", "mean", "mean_square", "largest_mean_square",
    }  # fmt: skip


def test_a_state_that_does_not_fit_says_why_and_changes_nothing() -> None:
    optimiser = SGD([Parameter([1.0, 2.0]), Parameter([3.0])], 0.1, momentum=0.9)
    move(optimiser, 0)
    before = optimiser.state()
    bad: dict[str, Any] = before | {
        "velocity.0": np.zeros(3), "velocity.1": np.zeros(1, np.float32), "mean.0": np.zeros(2),
        "steps": np.array(3),
    }  # fmt: skip
    with pytest.raises(ValueError, match="does not fit SGD of 2 parameters") as caught:
        optimiser.load_state(bad)
    assert str(caught.value).splitlines()[1:] == [
        "  mean.0: unknown",
        "  velocity.0: expected shape (2,) of float64, got (3,) of float64",
        "  velocity.1: expected shape (1,) of float64, got (1,) of float32",
    ]
    with pytest.raises(ValueError, match=r"steps: missing\n.*velocity.0: missing"):
        optimiser.load_state({"velocity.1": np.zeros(1)})
    with pytest.raises(ValueError, match=r"steps: expected.*-1"):
        optimiser.load_state(before | {"velocity.0": np.ones(2), "steps": np.array(-1)})
    after = optimiser.state()
    assert {k: v.tobytes() for k, v in before.items()} == {k: v.tobytes() for k, v in after.items()}
    assert optimiser.steps == 1


# --- errors ---------------------------------------------------------------------------------------

W = Parameter([1.0], label="w")


def step_at(rate: Any) -> None:
    w = Parameter([1.0])
    w.grad = [1.0]
    SGD([Group([w]), Group([Parameter([1.0])], rate=rate)], 0.1).step()


def step_frozen() -> None:
    w = Parameter([1.0])
    w.frozen = True
    w.grad = [1.0]
    SGD([w], 0.1).step()


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: SGD([], 0.1), ValueError, "SGD: there are no parameters"),
    (lambda: SGD([Group([])], 0.1), ValueError, "no parameters"),
    (lambda: SGD(W, 0.1), TypeError, "SGD: .*list"),
    (lambda: SGD(Group([W]), 0.1), TypeError, "SGD: expected a list"),  # type: ignore[arg-type]
    (lambda: SGD([ad.Tensor([1.0])], 0.1), TypeError, "SGD: .*Tensor of shape"),  # type: ignore[list-item]
    (lambda: SGD(3, 0.1), TypeError, "SGD: expected a list.*int 3"),  # type: ignore[arg-type]
    (lambda: SGD([Group([W]), Parameter([2.0])], 0.1), TypeError, "Group"),  # type: ignore[list-item]
    (lambda: Adam([W, Parameter([2.0]), W]), ValueError, "Adam: parameter 2, 'w'.*given twice"),
    (lambda: SGD([Group([W]), Group([W])], 0.1), ValueError, "no parameter in common"),
    (lambda: SGD([W], -0.1), ValueError, "SGD: rate.*-0.1"),
    (lambda: SGD([W], float("nan")), ValueError, "rate.*nan"),
    (lambda: Lion([W], "fast"), ValueError, "Lion: rate.*'fast'"),  # type: ignore[arg-type]
    (lambda: Group([W], rate=0.0), ValueError, "rate.*0.0"),
    (lambda: Group([W], rate_factor=-1.0), ValueError, "rate_factor.*at least 0"),
    (lambda: Group([W], weight_decay=-1.0), ValueError, "weight_decay.*at least 0"),
    (lambda: SGD([W], 0.1, momentum=1.0), ValueError, "momentum.*below 1, got 1.0"),
    (lambda: SGD([W], 0.1, weight_decay=-1.0), ValueError, "weight_decay"),
    (lambda: SGD([W], 0.1, bias_rate_factor=-1.0), ValueError, "bias_rate_factor"),
    (lambda: SGD([W], 0.1, nesterov=True), ValueError, "nesterov.*momentum"),
    (lambda: SGD([W], 0.1, accumulate="all"), ValueError, "'steps' or 'gradients', got 'all'"),  # type: ignore[arg-type]
    (lambda: Adam([W], betas=(0.9, 1.0)), ValueError, "Adam: each of betas.*below 1, got 1.0"),
    (lambda: Lion([W], 0.1, betas=0.9), ValueError, "Lion: betas are two numbers"),  # type: ignore[arg-type]
    (lambda: AdamW([W], epsilon=0.0), ValueError, "AdamW: epsilon.*above 0"),
    (lambda: Adam([Parameter(np.ones(1, np.float16))]), ValueError, "epsilon=1e-08 is 0.*float16"),
    (lambda: RMSprop([W], 0.1, smoothing=1.0), ValueError, "smoothing"),
    (lambda: Adagrad([W], 0.1, initial=-1.0), ValueError, "initial"),
    (
        lambda: SGD([Parameter([1.0])], 0.1).step(),
        ValueError,
        r"SGD.step.*backward\(\) on the loss$",
    ),
    (step_frozen, ValueError, "backward.*not frozen"),
    (lambda: step_at(lambda step: -1.0), ValueError, "rate at step 0.*-1.0"),
    (lambda: step_at(lambda step: float("inf")), ValueError, "rate at step 0.*inf"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_step_at_a_bad_rate_changes_nothing() -> None:
    w, v = Parameter([1.0]), Parameter([2.0])
    optimiser = SGD([Group([w]), Group([v], rate=lambda step: -1.0)], 0.1, momentum=0.9)
    w.grad, v.grad = [1.0], [1.0]
    with pytest.raises(ValueError, match="rate at step 0"):
        optimiser.step()
    assert (w.data, v.data, optimiser.steps) == (1.0, 2.0, 0)
    assert w.grad is not None
    assert not optimiser.state()["velocity.0"].any()


@every
@pytest.mark.parametrize("role", ["bias", "scale"])
def test_only_weights_decay_unless_the_others_are_said_to(name: str, role: Any) -> None:
    moved = {}
    for decays in (False, True):
        one = Parameter([3.0], role)
        optimiser = make(name, [one], weight_decay=0.5, decay_biases=decays)
        one.grad = np.array([1.0])
        optimiser.step()
        moved[decays] = one.data.item()
    free = Parameter([3.0], role)
    alone = make(name, [free], weight_decay=0.0)
    free.grad = np.array([1.0])
    alone.step()
    assert moved[False] == free.data.item()


def test_an_optimiser_without_a_way_to_move_says_what_it_lacks() -> None:
    class Idle(Optimiser):
        """Has all but a step."""

    w = Parameter([1.0])
    (w * w).sum().backward()
    with pytest.raises(NotImplementedError, match=r"Idle does not say how far .* define _step"):
        Idle([w], 0.1).step()
    assert w.data.tolist() == [1.0]
