"""Optimisers, clipping and schedules agree with PyTorch, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    Group,
    InverseDecay,
    Lion,
    OneCycle,
    Parameter,
    RMSprop,
    StepDecay,
    WarmUp,
    clip_gradients_by_norm,
    clip_gradients_by_value,
)
from nn.schedules import Schedule

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[compare]'")
optim = torch.optim
schedulers = torch.optim.lr_scheduler

MOMENTUM: dict[str, Any] = {"momentum": 0.9}
TORCH_FORM: dict[str, Any] = {"momentum": 0.9, "accumulate": "gradients"}


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


# Our optimiser and its options, PyTorch's and its options.
OPTIMISERS: list[tuple[Callable[..., Any], dict[str, Any], str, dict[str, Any]]] = [
    (SGD, {}, "SGD", {}),
    (SGD, MOMENTUM, "SGD", MOMENTUM),
    (SGD, TORCH_FORM, "SGD", MOMENTUM),
    (SGD, MOMENTUM | {"nesterov": True}, "SGD", MOMENTUM | {"nesterov": True}),
    (SGD, TORCH_FORM | {"nesterov": True}, "SGD", MOMENTUM | {"nesterov": True}),
    (Adam, {}, "Adam", {}),
    (Adam, {"betas": (0.5, 0.8), "epsilon": 1e-2}, "Adam", {"betas": (0.5, 0.8), "eps": 1e-2}),
    (Adam, {"betas": (0.9, 0.5), "amsgrad": True}, "Adam", {"betas": (0.9, 0.5), "amsgrad": True}),
    (AdamW, {}, "AdamW", {}),
    (AdamW, {"amsgrad": True}, "AdamW", {"amsgrad": True}),
    (RMSprop, {}, "RMSprop", {"alpha": 0.9}),
    (RMSprop, {"smoothing": 0.99} | MOMENTUM, "RMSprop", MOMENTUM),
    (RMSprop, {"centred": True}, "RMSprop", {"alpha": 0.9, "centered": True}),
    (RMSprop, {"centred": True, "smoothing": 0.5} | MOMENTUM,
     "RMSprop", {"centered": True, "alpha": 0.5} | MOMENTUM),
    (Adagrad, {}, "Adagrad", {}),
    (Adagrad, {"initial": 0.5, "epsilon": 1e-3},
     "Adagrad", {"initial_accumulator_value": 0.5, "eps": 1e-3}),
]  # fmt: skip


def loss_of(w: Any, functions: Any) -> Any:
    """Neither convex nor of one sign in its gradients."""
    return (functions.tanh(w) ** 2 + functions.sin(3 * w)).sum()


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("ours", "options", "theirs", "their_options"), OPTIMISERS, ids=lambda x: str(x)[-40:]
)
def test_ten_steps(
    ours: Callable[..., Any], options: dict[str, Any], theirs: str, their_options: dict[str, Any],
    decay: float,
) -> None:  # fmt: skip
    start = rng().normal(size=(3, 4))
    w, reference = Parameter(start), torch.tensor(start, requires_grad=True)
    one = ours([w], 0.05, weight_decay=decay, **options)
    other = getattr(optim, theirs)([reference], lr=0.05, weight_decay=decay, **their_options)
    for _ in range(10):
        loss_of(w, ad).backward()
        one.step()
        other.zero_grad()
        loss_of(reference, torch).backward()
        other.step()
        np.testing.assert_allclose(w.data, reference.detach().numpy(), rtol=1e-12, atol=1e-13)


def test_momentum_at_a_falling_rate() -> None:
    """PyTorch sums gradients, and takes the sum at the rate of the day."""
    start = rng().normal(size=4)
    reference = torch.tensor(start, requires_grad=True)
    other = optim.SGD([reference], lr=0.05, momentum=0.9)
    falling = schedulers.ExponentialLR(other, 0.8)
    ws = [Parameter(start), Parameter(start)]
    ours = [
        SGD([ws[0]], ExponentialDecay(0.05, 0.8), momentum=0.9, accumulate="gradients"),
        SGD([ws[1]], ExponentialDecay(0.05, 0.8), momentum=0.9),
    ]
    for _ in range(10):
        for w, optimiser in zip(ws, ours, strict=True):
            loss_of(w, ad).backward()
            optimiser.step()
        other.zero_grad()
        loss_of(reference, torch).backward()
        other.step()
        falling.step()
    np.testing.assert_allclose(ws[0].data, reference.detach().numpy(), rtol=1e-12)
    assert not np.allclose(ws[1].data, ws[0].data, rtol=1e-3)


def test_decay_of_the_rate_of_adagrad() -> None:
    """PyTorch's ``lr_decay`` is an inverse decay of power 1."""
    start = rng().normal(size=4)
    w, reference = Parameter(start), torch.tensor(start, requires_grad=True)
    one = Adagrad([w], InverseDecay(0.1, gamma=0.3))
    other = optim.Adagrad([reference], lr=0.1, lr_decay=0.3)
    for _ in range(10):
        loss_of(w, ad).backward()
        one.step()
        other.zero_grad()
        loss_of(reference, torch).backward()
        other.step()
    np.testing.assert_allclose(w.data, reference.detach().numpy(), rtol=1e-12)


def test_lion_follows_its_paper() -> None:
    """Which PyTorch has not. Chen et al. 2023, algorithm 2, in PyTorch's arithmetic."""
    start = rng().normal(size=(3, 4))
    w, θ = Parameter(start), torch.tensor(start, requires_grad=True)
    m = torch.zeros_like(θ)
    optimiser = Lion([w], 0.02, betas=(0.9, 0.99), weight_decay=0.1)
    for _ in range(10):
        loss_of(w, ad).backward()
        optimiser.step()
        (g,) = torch.autograd.grad(loss_of(θ, torch), θ)
        update = torch.sign(0.9 * m + 0.1 * g) + 0.1 * θ
        m = 0.99 * m + 0.01 * g
        θ = (θ - 0.02 * update).detach().requires_grad_()
        np.testing.assert_allclose(w.data, θ.detach().numpy(), rtol=1e-12, atol=1e-13)


def test_groups() -> None:
    starts = [rng().normal(size=3), rng().normal(size=2)]
    a, b = (Parameter(x) for x in starts)
    c, d = (torch.tensor(x, requires_grad=True) for x in starts)
    one = Adam([Group([a], rate=0.2), Group([b], weight_decay=0.0)], 0.05, weight_decay=0.1)
    other = optim.Adam(
        [{"params": [c], "lr": 0.2}, {"params": [d], "weight_decay": 0.0}],
        lr=0.05,
        weight_decay=0.1,
    )
    for _ in range(10):
        (loss_of(a, ad) * loss_of(b, ad)).backward()
        one.step()
        other.zero_grad()
        (loss_of(c, torch) * loss_of(d, torch)).backward()
        other.step()
    np.testing.assert_allclose(a.data, c.detach().numpy(), rtol=1e-11)
    np.testing.assert_allclose(b.data, d.detach().numpy(), rtol=1e-11)


# --- clipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [0.5, 100.0])
def test_clipping(most: float) -> None:
    gradients = [rng().normal(size=(3, 4)), rng().normal(size=5)]
    for by_norm in (True, False):
        mine = [Parameter(np.zeros_like(g)) for g in gradients]
        theirs = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients]
        for p, t, g in zip(mine, theirs, gradients, strict=True):
            p.grad, t.grad = g, torch.tensor(g)
        factor = 1.0
        if by_norm:
            norm = clip_gradients_by_norm(mine, most)
            reference = float(torch.nn.utils.clip_grad_norm_(theirs, most))
            assert norm == pytest.approx(reference, rel=1e-14)
            factor = (norm + 1e-6) / norm if norm > most else 1.0  # PyTorch divides by norm + 1e-6
        else:
            clip_gradients_by_value(mine, most)
            torch.nn.utils.clip_grad_value_(theirs, most)
        for p, t in zip(mine, theirs, strict=True):
            assert p.grad is not None
            np.testing.assert_allclose(p.grad, t.grad.numpy() * factor, rtol=1e-13)


# --- schedules ------------------------------------------------------------------------------------

# Our schedule; PyTorch's, made of its optimiser at the same first rate; and how many steps to go.
SCHEDULES: list[tuple[Schedule, Callable[[Any], Any], int]] = [
    (StepDecay(0.1, 7, 0.5), lambda o: schedulers.StepLR(o, 7, 0.5), 40),
    (ExponentialDecay(0.1, 0.9), lambda o: schedulers.ExponentialLR(o, 0.9), 40),
    (CosineDecay(0.1, 30, 0.01), lambda o: schedulers.CosineAnnealingLR(o, 30, 0.01), 30),
    (WarmUp(0.1, 9), lambda o: schedulers.LinearLR(o, 1 / 10, 1.0, 9), 30),
    (WarmUp(CosineDecay(0.1, 20), 4),
     lambda o: schedulers.SequentialLR(
         o, [schedulers.LinearLR(o, 1 / 5, 1.0, 4), schedulers.CosineAnnealingLR(o, 20)], [4]),
     24),
    (OneCycle(0.1, 40), lambda o: schedulers.OneCycleLR(o, 0.1, 40), 39),
    (OneCycle(0.1, 33, rise=0.25, start=0.1, end=0.001, shape="linear"),
     lambda o: schedulers.OneCycleLR(o, 0.1, 33, pct_start=0.25, anneal_strategy="linear",
                                     div_factor=10, final_div_factor=100), 32),
    (InverseDecay(0.1, 0.2, 0.75),
     lambda o: schedulers.LambdaLR(o, lambda t: (1 + 0.2 * t) ** -0.75), 40),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "make", "steps"), SCHEDULES, ids=[str(s[0]) for s in SCHEDULES]
)
def test_schedules(schedule: Schedule, make: Callable[[Any], Any], steps: int) -> None:
    optimiser = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    reference = make(optimiser)
    for step in range(steps + 1):
        rate = optimiser.param_groups[0]["lr"]
        assert schedule(step) == pytest.approx(rate, rel=1e-12, abs=1e-15), step
        optimiser.step()
        if step < steps:
            reference.step()
