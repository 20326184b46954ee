"""Losses agree with PyTorch, where it is installed: values and gradients, in each reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import autodiff as ad
from nn import (
    L2,
    MSE,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    Hinge,
    Huber,
    Loss,
    MultiClassHinge,
    NegativeLogLikelihood,
    Parameter,
    Quadratic,
    SoftmaxCrossEntropy,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[compare]'")
F = torch.nn.functional

RNG = np.random.default_rng(1)
N, CLASSES = 7, 5
SCORES = RNG.normal(scale=10, size=(N, CLASSES))
LABELS = RNG.integers(0, CLASSES, N)
SIGNS = RNG.choice([-1, 1], (N, CLASSES))
SOFT = RNG.dirichlet(np.ones(CLASSES), N)
P = RNG.dirichlet(np.ones(CLASSES), N)
LOG_P = np.log(P)
NUMBERS = RNG.normal(size=(N, CLASSES))


class Case(NamedTuple):
    """A loss, what PyTorch calls it, an input and targets."""

    ours: Callable[..., Loss]
    theirs: Callable[..., Any]
    x: Any
    targets: Any


def of_terms(terms: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """A loss that PyTorch lacks, from its terms."""

    def loss(x: Any, targets: Any, *, reduction: str) -> Any:
        f = terms(x, targets)
        return {"mean": f.mean, "sum": f.sum, "none": lambda: f}[reduction]()

    return loss


def multi_margin(x: Any, labels: Any, *, reduction: str) -> Any:
    """Weston and Watkins' loss; PyTorch divides it by the number of classes."""
    return CLASSES * F.multi_margin_loss(x, labels, margin=1.5, reduction=reduction)


def crammer_singer(x: Any, labels: Any) -> Any:
    right = torch.gather(x, 1, labels[:, None])
    others = x.scatter(1, labels[:, None], -torch.inf)
    return torch.relu(1 + others.max(1).values - right[:, 0])


CASES = {
    "softmax, labels": Case(SoftmaxCrossEntropy, F.cross_entropy, SCORES, LABELS),
    "softmax, soft": Case(SoftmaxCrossEntropy, F.cross_entropy, SCORES, SOFT),
    "softmax, one-hot": Case(SoftmaxCrossEntropy, F.cross_entropy, SCORES, np.eye(CLASSES)[LABELS]),
    "log-probabilities": Case(NegativeLogLikelihood, F.nll_loss, LOG_P, LABELS),
    "probabilities": Case(
        lambda **options: NegativeLogLikelihood(of="probabilities", **options),
        lambda p, labels, **options: F.nll_loss(p.log(), labels, **options),
        P,
        LABELS,
    ),
    "binary": Case(BinaryCrossEntropy, F.binary_cross_entropy, P, SOFT),
    "binary, hard": Case(BinaryCrossEntropy, F.binary_cross_entropy, P, (SIGNS > 0) * 1.0),
    "logits": Case(
        BinaryCrossEntropyWithLogits, F.binary_cross_entropy_with_logits, SCORES * 5, SOFT
    ),
    "logits, hard": Case(
        BinaryCrossEntropyWithLogits,
        F.binary_cross_entropy_with_logits,
        SCORES * 5,
        (SIGNS > 0) * 1.0,
    ),
    "hinge": Case(Hinge, of_terms(lambda x, t: torch.relu(1 - t * x)), SCORES, SIGNS),
    "Weston-Watkins": Case(
        lambda **options: MultiClassHinge(margin=1.5, **options), multi_margin, SCORES, LABELS
    ),
    "Crammer-Singer": Case(
        lambda **options: MultiClassHinge("Crammer-Singer", **options),
        of_terms(crammer_singer),
        SCORES,
        LABELS,
    ),
    "quadratic": Case(Quadratic, of_terms(lambda x, t: (x - t) ** 2 / 2), SCORES, NUMBERS),
    "mse": Case(MSE, F.mse_loss, SCORES, NUMBERS),
    "huber": Case(
        lambda **options: Huber(0.7, **options),
        lambda x, t, **options: F.huber_loss(x, t, delta=0.7, **options),
        NUMBERS,
        NUMBERS[::-1].copy(),
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str, reduction: str) -> None:
    case = CASES[name]
    node, tensor = ad.Tensor(case.x), torch.tensor(case.x, requires_grad=True)
    mine = case.ours(reduction=reduction)(node, case.targets)
    reference = case.theirs(tensor, torch.tensor(case.targets), reduction=reduction)
    np.testing.assert_allclose(mine.data, reference.detach().numpy(), rtol=1e-12, atol=1e-14)
    seed = np.random.default_rng(2).normal(size=mine.shape)
    mine.backward(seed)
    reference.backward(torch.tensor(seed))
    np.testing.assert_allclose(node.grad, tensor.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_l2() -> None:
    w = RNG.normal(size=(3, 4))
    mine, theirs = Parameter(w), torch.tensor(w, requires_grad=True)
    L2([mine], 0.3)().backward()
    (0.15 * (theirs**2).sum()).backward()
    np.testing.assert_allclose(mine.grad, theirs.grad.numpy(), rtol=1e-15)
