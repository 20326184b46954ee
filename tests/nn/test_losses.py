"""Losses compute what they say, their gradients are exact, and nonsense is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import (
    L2,
    MSE,
    SGD,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    Dense,
    Hinge,
    Huber,
    Loss,
    MultiClassHinge,
    NegativeLogLikelihood,
    Parameter,
    Quadratic,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def probabilities(*shape: int) -> np.ndarray[Any, Any]:
    return rng().dirichlet(np.ones(shape[-1]), shape[:-1])


LABELS = np.array([0, 2, 1, 1])
ONE_HOT = np.eye(3)[LABELS]
SIGNS = np.array([1, -1, -1, 1])
SCORES = rng().normal(scale=2, size=(4, 3))
P = probabilities(4, 3)

# Each loss with an input, targets, and its terms by another formula.
CASES: dict[str, tuple[Callable[..., Loss], Any, Any, Any]] = {
    "softmax, labels": (SoftmaxCrossEntropy, SCORES, LABELS,
                        -np.log(np.exp(SCORES) / np.exp(SCORES).sum(1)[:, None])[ONE_HOT > 0]),
    "softmax, one-hot": (SoftmaxCrossEntropy, SCORES, ONE_HOT.astype(int),
                         np.log(np.exp(SCORES).sum(1)) - SCORES[range(4), LABELS]),
    "softmax, soft": (SoftmaxCrossEntropy, SCORES, P,
                      np.log(np.exp(SCORES).sum(1)) - (P * SCORES).sum(1)),
    "likelihood": (NegativeLogLikelihood, np.log(P), LABELS, -np.log(P)[range(4), LABELS]),
    "likelihood of probabilities": (
        lambda **options: NegativeLogLikelihood(of="probabilities", **options),
        P, LABELS, -np.log(P)[range(4), LABELS]),
    "binary": (BinaryCrossEntropy, P, P[::-1],
               -P[::-1] * np.log(P) - (1 - P[::-1]) * np.log(1 - P)),
    "binary, hard": (BinaryCrossEntropy, P, ONE_HOT, -np.log(np.where(ONE_HOT == 1, P, 1 - P))),
    "logits": (BinaryCrossEntropyWithLogits, SCORES, P, np.log1p(np.exp(SCORES)) - P * SCORES),
    "logits, hard": (BinaryCrossEntropyWithLogits, SCORES[:, 0], SIGNS > 0,
                     np.log1p(np.exp(-SIGNS * SCORES[:, 0]))),
    "hinge": (Hinge, SCORES[:, 1], SIGNS, np.maximum(0, 1 - SIGNS * SCORES[:, 1])),
    "hinge, margin": (lambda **options: Hinge(margin=3, **options), SCORES[:, 1], SIGNS,
                      np.maximum(0, 3 - SIGNS * SCORES[:, 1])),
    "Weston-Watkins": (
        MultiClassHinge, SCORES, LABELS,
        [sum(max(0, 1 + s[j] - s[y]) for j in range(3) if j != y)
         for s, y in zip(SCORES, LABELS, strict=True)]),
    "Weston-Watkins, margin": (
        lambda **options: MultiClassHinge(margin=3, **options), SCORES, LABELS,
        [sum(max(0, 3 + s[j] - s[y]) for j in range(3) if j != y)
         for s, y in zip(SCORES, LABELS, strict=True)]),
    "Crammer-Singer": (
        lambda **options: MultiClassHinge("Crammer-Singer", margin=2.5, **options), SCORES, LABELS,
        [max(0, 2.5 + max(np.delete(s, y)) - s[y]) for s, y in zip(SCORES, LABELS, strict=True)]),
    "quadratic": (Quadratic, SCORES, P, (SCORES - P) ** 2 / 2),
    "mse": (MSE, SCORES, P, (SCORES - P) ** 2),
    "huber": (lambda **options: Huber(1.5, **options), SCORES, P,
              np.where(np.abs(SCORES - P) < 1.5, (SCORES - P) ** 2 / 2,
                       1.5 * (np.abs(SCORES - P) - 0.75))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_terms_reductions_and_derivatives_of_two_orders(name: str) -> None:
    make, x, targets, terms = CASES[name]
    np.testing.assert_allclose(make(reduction="none")(x, targets), terms, rtol=1e-13, atol=1e-15)
    assert make(reduction="sum")(x, targets) == pytest.approx(np.sum(terms), rel=1e-13)
    assert make(reduction="mean")(x, targets) == pytest.approx(np.mean(terms), rel=1e-13)
    for reduction in ("none", "sum", "mean"):
        ad.check_gradients(lambda s, r=reduction: make(reduction=r)(s, targets), x)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays(name: str) -> None:
    make, x, targets, terms = CASES[name]
    node = ad.Tensor(x.astype(np.float32))
    loss = make(reduction="mean")(node, targets)
    loss.backward()
    assert loss.dtype == node.grad.dtype == np.float32  # type: ignore[union-attr]
    assert float(loss) == pytest.approx(np.mean(terms), rel=1e-5)


def test_the_gradient_of_cross_entropy_is_p_minus_t() -> None:
    for targets in (LABELS, ONE_HOT):
        scores = ad.Tensor(SCORES)
        SoftmaxCrossEntropy()(scores, targets).backward()
        p = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(scores.grad, (p - ONE_HOT) / 4, atol=1e-16)


def test_targets_may_be_nodes() -> None:
    assert float(SoftmaxCrossEntropy()(np.zeros((1, 2)), ad.Tensor([1]))) == np.log(2)
    assert float(BinaryCrossEntropy()(np.array([0.5]), ad.Tensor([1]))) == np.log(2)
    y = ad.Tensor([1.0, 2.0])
    MSE(reduction="sum")(np.array([3.0, 3.0]), y).backward()
    assert y.grad is not None
    assert y.grad.tolist() == [-4.0, -2.0]


def test_numbers_are_taken_too() -> None:
    p = ad.Value(0.25)
    loss = BinaryCrossEntropy()(p, 1)
    loss.backward()
    assert (float(loss), p.grad) == (np.log(4), -4.0)
    y = ad.Value(3.0)
    Quadratic()(y, 1.0).backward()
    assert y.grad == 2.0


# --- far out --------------------------------------------------------------------------------------


FAR: dict[str, tuple[Loss, Any, Any, Any, Any]] = {
    "softmax, labels": (SoftmaxCrossEntropy(reduction="none"), [[1e4, 0.0], [0.0, 1e4]], [1, 1],
                        [1e4, 0], [[1, -1], [0, 0]]),
    "softmax, one-hot": (SoftmaxCrossEntropy(reduction="none"), [[1e4, 0.0], [0.0, 1e4]],
                         [[0, 1], [0, 1]], [1e4, 0], [[1, -1], [0, 0]]),
    "a class that is masked out": (SoftmaxCrossEntropy(reduction="none"), [[-np.inf, 1.0, 1.0]],
                                   [[0, 0.5, 0.5]], [np.log(2)], [[0, 0, 0]]),
    "logits": (BinaryCrossEntropyWithLogits(reduction="none"), [1e4, -1e4, 1e4, -1e4], [1, 0, 0, 1],
               [0, 0, 1e4, 1e4], [0, 0, 1, -1]),
    "logits keep their digits": (BinaryCrossEntropyWithLogits(reduction="none"), [50.0, -50.0],
                                 [1, 0], [np.exp(-50.0)] * 2, [-np.exp(-50.0), np.exp(-50.0)]),
    "infinite logits": (BinaryCrossEntropyWithLogits(reduction="none"), [np.inf, -np.inf], [1, 0],
                        [0, 0], [0, 0]),
    "sure and right": (BinaryCrossEntropy(reduction="none"), [1.0, 0.0], [1, 0], [0, 0], [-1, 1]),
    "hardly possible": (BinaryCrossEntropy(reduction="none"), [1e-320, 1e-320], [1, 0],
                        [-np.log(1e-320), 1e-320], [-np.inf, 1]),
    "far from all others": (MultiClassHinge(reduction="none"), [[1e4, 0.0, -1e4]], [2], [30002],
                            [[1, 1, -2]]),
    "outliers": (Huber(reduction="none"), [1e200, -1e200], [0, 0], [1e200, 1e200], [1, -1]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # 1 / 1e-320 is inf
@pytest.mark.parametrize("name", FAR)
def test_far_out_values_and_gradients_are_right(name: str) -> None:
    loss, x, targets, terms, gradient = FAR[name]
    node = ad.Tensor(x)
    f = loss(node, targets)
    f.backward(np.ones(f.shape))
    np.testing.assert_allclose(f.data, terms, rtol=1e-14)
    np.testing.assert_allclose(node.grad, gradient, rtol=1e-14)


def test_a_sure_answer_that_is_wrong_costs_infinitely_much() -> None:
    for p, target, slope in ((0.0, 1, -np.inf), (1.0, 0, np.inf)):
        node = ad.Value(p)
        loss = BinaryCrossEntropy()(node, target)
        loss.backward()
        assert (float(loss), node.grad) == (np.inf, slope)


def test_the_second_derivative_of_huber_is_that_of_its_pieces() -> None:
    second = ad.elementwise_grad(
        ad.elementwise_grad(lambda y: Huber(reduction="none")(y, np.zeros(3)))
    )
    assert second(np.array([-3.0, 0.5, 3.0])).tolist() == [0, 1, 0]


# --- L2 -------------------------------------------------------------------------------------------


def test_l2_as_a_term_of_the_loss_is_weight_decay() -> None:
    x, labels = rng().normal(size=(5, 4)), np.array([0, 1, 1, 0, 1])

    def trained(decay: float, *, as_a_term: bool) -> list[np.ndarray[Any, Any]]:
        generator = rng()
        net = Sequential(Dense(4, 3, generator=generator), ReLU(), Dense(3, 2, generator=generator))
        penalty = L2(net, decay)
        optimiser = SGD(net.parameters(), 0.1, weight_decay=0 if as_a_term else decay)
        loss = SoftmaxCrossEntropy()(net(x), labels)
        if as_a_term:
            loss = loss + penalty()
        loss.backward()
        optimiser.step()
        return [p.data for p in net.parameters()]

    one, other = trained(0.3, as_a_term=True), trained(0.3, as_a_term=False)
    plain = trained(0.0, as_a_term=False)
    for a, b, without in zip(one, other, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
        assert np.allclose(a, without, atol=1e-4) == (a.ndim == 1)  # biases don't decay


def test_l2_counts_weights_and_leaves_biases_out() -> None:
    layer = Dense(2, 2, generator=rng())
    layer.bias.assign(np.ones(2))  # type: ignore[union-attr]
    penalty = L2(layer, 0.5)
    assert float(penalty()) == pytest.approx(0.25 * (layer.weight.data**2).sum(), rel=1e-6)
    assert penalty().dtype == np.float32
    layer.freeze()
    assert float(penalty()) > 0


# --- errors ---------------------------------------------------------------------------------------

CROSS, NLL, HINGE = SoftmaxCrossEntropy(), NegativeLogLikelihood(), MultiClassHinge()
ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: CROSS(np.zeros((2, 3)), [0, 3]), ValueError, "between 0 and 2.*from 0 to 3"),
    (lambda: CROSS(np.zeros((2, 3)), [-1, 0]), ValueError, "from -1 to 0"),
    (lambda: CROSS(np.zeros((2, 3)), [0]), ValueError, r"\(n, classes\).*\(2, 3\).*\(1,\)"),
    (lambda: CROSS(np.zeros(3), [0]), ValueError, r"\(n, classes\)"),
    (lambda: CROSS(np.zeros((1, 3)), [0.5]), TypeError, "whole numbers"),
    (lambda: CROSS(np.zeros((0, 3)), np.zeros(0, int)), ValueError, "n > 0"),
    (lambda: CROSS(np.zeros((2, 3)), np.ones((2, 3))), ValueError, "sums from 3 to 3"),
    (lambda: CROSS(np.zeros((1, 2)), [[-1, 2]]), ValueError, "at least 0.*from -1 to 2"),
    (lambda: CROSS(np.zeros((1, 2)), [[np.nan, 0.5]]), ValueError, "from nan to nan"),
    (lambda: CROSS(np.zeros((2, 3)), np.ones((2, 2)) / 2), ValueError, r"\(2, 3\).*\(2, 2\)"),
    (lambda: CROSS(np.zeros((1, 2)), ad.Tensor([[0.5, 0.5]])), TypeError, "constants.*data"),
    (lambda: NLL(np.ones((2, 3)), [0, 1]), ValueError, "at most 0.*up to 1;.*LogSoftmax"),
    (lambda: NLL(-np.ones((2, 3)), [0, 3]), ValueError, "NegativeLogLikelihood.*from 0 to 3"),
    (lambda: NegativeLogLikelihood(of="probabilities")(-np.ones((2, 3)), [0, 1]),
     ValueError, "between 0 and 1.*from -1 to -1"),
    (lambda: NegativeLogLikelihood(of="scores"), ValueError, "'scores'"),  # type: ignore[arg-type]
    (lambda: HINGE(np.zeros((2, 3)), [0.0, 1.0]), TypeError, "MultiClassHinge.*float64"),
    (lambda: HINGE(np.zeros((2, 3)), [0, 3]), ValueError, "MultiClassHinge.*from 0 to 3"),
    (lambda: MultiClassHinge("Vapnik"), ValueError, "Weston-Watkins.*'Vapnik'"),  # type: ignore[arg-type]
    (lambda: MultiClassHinge(margin=0), ValueError, "margin.*above 0.*0"),
    (lambda: Hinge(margin=-1), ValueError, "margin.*above 0.*-1"),
    (lambda: Hinge()(np.zeros(2), [0, 1]), ValueError, "-1 or 1, got 0; 2 [*] labels - 1"),
    (lambda: Hinge()(np.zeros((2, 1)), [1, 1]), ValueError, r"\(2, 1\).*\(2,\)"),
    (lambda: BinaryCrossEntropy()(np.array([1.5]), [1]), ValueError, "between 0 and 1.*1.5"),
    (lambda: BinaryCrossEntropy()(np.array([0.5]), [2]), ValueError, "targets lie.*2"),
    (lambda: BinaryCrossEntropy()(np.zeros((2, 1)), [1, 1]), ValueError, r"\(2, 1\).*\(2,\)"),
    (lambda: BinaryCrossEntropyWithLogits()(np.zeros(2), [0, -1]), ValueError, "from -1 to 0"),
    (lambda: BinaryCrossEntropyWithLogits()(np.zeros(1), ["yes"]), TypeError, "real numbers.*<U3"),
    (lambda: MSE()(np.zeros((2, 1)), np.zeros(2)), ValueError, r"MSE.*\(2, 1\).*\(2,\)"),
    (lambda: MSE()(np.zeros(0), np.zeros(0)), ValueError, "MSE.*n > 0"),
    (lambda: Quadratic()(np.zeros(2), 0.0), ValueError, r"Quadratic.*\(2,\).*\(\)"),
    (lambda: Huber(0.0), ValueError, "delta.*above 0.*0.0"),
    (lambda: MSE(reduction="average"), ValueError, "MSE: reduction.*'average'"),  # type: ignore[arg-type]
    (lambda: Loss()(1.0, 1.0), NotImplementedError, "terms"),
    (lambda: L2(Parameter([1.0]), 0.1), TypeError, "list"),  # type: ignore[arg-type]
    (lambda: L2([ad.Tensor([1.0])], 0.1), TypeError, "Tensor of shape"),  # type: ignore[list-item]
    (lambda: L2([Parameter([1.0], "bias")], 0.1), ValueError, "no weights"),
    (lambda: L2([Parameter([1.0])], -0.1), ValueError, "at least 0.*-0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_no_examples_have_a_sum_and_no_mean() -> None:
    assert CROSS.terms(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)
    assert SoftmaxCrossEntropy(reduction="sum")(np.zeros((0, 3)), np.zeros(0, int)) == 0
