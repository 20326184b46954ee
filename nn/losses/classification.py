"""Losses of scores and probabilities, for classifiers."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

import autodiff as ad
from autodiff.graph import Operand, bare, describe
from autodiff.ops.indexing import getitem
from autodiff.ops.shapes import shape_of
from autodiff.ops.softmax import class_labels
from nn.checks import number
from nn.losses.loss import Loss, Reduction, constant_targets
from nn.module import Array

_ROUNDING = 1e-3  # how far from 1 the sum of a row of probabilities may be, also of float16


# --- several classes ------------------------------------------------------------------------------


class SoftmaxCrossEntropy(Loss):
    """Σ over classes of -t log softmax(scores): -log softmax(scores)[label] if one class is right.

    It is computed from the scores in one step, so it is exact also where softmax rounds to 0. The
    gradient is softmax(scores) - t (Bishop, Pattern Recognition and Machine Learning, eq. 4.108
    and 4.109).

    Args:
        reduction: "mean" over examples, "sum" or "none", (n,).

    Shapes:
        Scores (n, classes). Targets are labels (n,), whole numbers from 0 to classes - 1; or
        (n, classes), the probability of each class, of which one-hot rows are a case.

    Raises:
        TypeError: the labels are no integers, or the targets are to be differentiated.
        ValueError: shapes don't fit, a label is out of range, a row of probabilities has negative
            ones or does not sum to 1, or there are no examples to take a mean of.

    Example:
        >>> import numpy as np
        >>> from nn import SoftmaxCrossEntropy
        >>> scores = np.log([[1.0, 2.0, 1.0]])
        >>> for target in ([1], [[0, 1, 0]], [[0.25, 0.5, 0.25]]):
        ...     print(round(float(SoftmaxCrossEntropy()(scores, target)), 6))
        0.693147
        0.693147
        1.039721
    """

    steady = True

    def terms(self, scores: Operand, targets: Operand) -> Any:
        if len(shape_of(targets)) != 2:
            return ad.cross_entropy(scores, targets)
        t = constant_targets("SoftmaxCrossEntropy", scores, targets)
        if not ((t >= 0).all() and (np.abs(t.sum(axis=1) - 1) <= _ROUNDING).all()):
            raise ValueError(
                "SoftmaxCrossEntropy: each row of targets (n, classes) holds the probabilities of "
                f"the classes, at least 0 and with sum 1; got rows with sums from "
                f"{t.sum(axis=1).min():.6g} to {t.sum(axis=1).max():.6g}, elements from "
                f"{t.min():.6g} to {t.max():.6g}"
            )
        return -ad.sum(t * _where_it_counts(t, ad.log_softmax(scores, 1), 0.0), 1)


class NegativeLogLikelihood(Loss):
    """-log p[label], of probabilities that a network gives, or of their logarithms.

    ``SoftmaxCrossEntropy`` is this loss behind ``LogSoftmax``. Behind ``Softmax``, the probability
    of a wrong answer that a network is sure of rounds to 0, whose loss is inf: the form from
    probabilities is for computations by hand.

    Args:
        of: "log-probabilities" or "probabilities", what comes in.
        reduction: "mean" over examples, "sum" or "none", (n,).

    Shapes:
        Input (n, classes); labels (n,), whole numbers from 0 to classes - 1.

    Raises:
        TypeError: the labels are no integers.
        ValueError: shapes don't fit, a label is out of range, an input is no (log-)probability, or
            there are no examples to take a mean of.

    Example:
        >>> import numpy as np
        >>> from nn import NegativeLogLikelihood
        >>> p = np.array([[0.25, 0.5, 0.25]])
        >>> round(float(NegativeLogLikelihood(of="probabilities")(p, [1])), 6)
        0.693147
        >>> round(float(NegativeLogLikelihood()(np.log(p), [1])), 6)
        0.693147
    """

    def __init__(
        self,
        *,
        of: Literal["log-probabilities", "probabilities"] = "log-probabilities",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if of not in ("log-probabilities", "probabilities"):
            raise ValueError(
                f"NegativeLogLikelihood: of is 'log-probabilities' or 'probabilities', got {of!r}"
            )
        self.of = of

    def terms(self, p: Operand, labels: Operand) -> Any:
        chosen = class_labels("NegativeLogLikelihood", p, labels)
        if self.of == "probabilities":
            _need_probabilities("NegativeLogLikelihood", p, 1 + _ROUNDING)
            return -ad.log(_of_labels(p, chosen))
        if (np.asarray(bare(p)) > _ROUNDING).any():
            raise ValueError(
                "NegativeLogLikelihood: logarithms of probabilities are at most 0, got "
                f"{describe(p)} with elements up to {np.max(bare(p)):.6g}; LogSoftmax makes them "
                "of scores"
            )
        return -_of_labels(p, chosen)


Form: TypeAlias = Literal["Weston-Watkins", "Crammer-Singer"]


class MultiClassHinge(Loss):
    """How far the score of the right class y fails to exceed the others by a margin.

    * "Weston-Watkins": Σ over classes j ≠ y of max(0, margin + s_j - s_y), all that come too close
      (Weston & Watkins, Support Vector Machines for Multi-Class Pattern Recognition, 1999).
    * "Crammer-Singer": max(0, margin + max over j ≠ y of s_j - s_y), the closest alone (Crammer &
      Singer, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines, 2001).

    Args:
        form: which of the two.
        margin: by how much the right score is to be larger.
        reduction: "mean" over examples, "sum" or "none", (n,).

    Shapes:
        Scores (n, classes); labels (n,), whole numbers from 0 to classes - 1.

    Raises:
        TypeError: the labels are no integers.
        ValueError: shapes don't fit, a label is out of range, or there are no examples to take a
            mean of.

    Example:
        >>> import numpy as np
        >>> from nn import MultiClassHinge
        >>> scores = np.array([[1.0, 1.5, 0.75]])
        >>> for form in ("Weston-Watkins", "Crammer-Singer"):
        ...     print(float(MultiClassHinge(form)(scores, [1])))
        0.75
        0.5
    """

    def __init__(
        self,
        form: Form = "Weston-Watkins",
        *,
        margin: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if form not in get_args(Form):
            raise ValueError(
                f"MultiClassHinge: form is 'Weston-Watkins' or 'Crammer-Singer', got {form!r}"
            )
        self.form = form
        self.margin = number("MultiClassHinge: margin", margin, above=0)

    def terms(self, scores: Operand, labels: Operand) -> Any:
        chosen = class_labels("MultiClassHinge", scores, labels)
        n, classes = shape_of(scores)
        others = np.arange(classes) != chosen[:, None]
        right = _of_labels(scores, chosen)
        if self.form == "Crammer-Singer":
            closest = ad.max(ad.where(others, scores, -np.inf), 1, initial=-np.inf)
            return ad.relu(closest - right + self.margin)
        gaps = scores - ad.reshape(right, (n, 1)) + self.margin
        return ad.sum(ad.where(others, ad.relu(gaps), 0.0), 1)


# --- two classes ----------------------------------------------------------------------------------


class BinaryCrossEntropy(Loss):
    """-t log p - (1 - t) log(1 - p), of the probability p that the answer is yes.

    Exact at 0 and 1 too: a sure answer costs 0 if it is right, and inf if it is wrong, with the
    derivative -1/p or 1/(1 - p) in each case. (PyTorch cuts the loss off at 100.) Of scores in
    front of a sigmoid, ``BinaryCrossEntropyWithLogits`` never loses its digits.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Shapes:
        Probabilities and targets from 0 to 1, both of one shape, any.

    Raises:
        TypeError: the targets are to be differentiated.
        ValueError: the shapes differ, numbers lie outside of 0 ... 1, or there are none to take a
            mean of.

    Example:
        >>> import numpy as np
        >>> from nn import BinaryCrossEntropy
        >>> BinaryCrossEntropy(reduction="none")(np.array([0.5, 0.5, 0.25]), [1, 0, 0]).round(6)
        array([0.693147, 0.693147, 0.287682])
    """

    def terms(self, p: Operand, targets: Operand) -> Any:
        _need_probabilities("BinaryCrossEntropy", p)
        yes, no = _yes_and_no("BinaryCrossEntropy", p, targets)
        log_yes = ad.log(_where_it_counts(yes, p, 1.0))
        log_no = ad.log1p(-_where_it_counts(no, p, 0.0))
        return -(yes * log_yes + no * log_no)


class BinaryCrossEntropyWithLogits(Loss):
    """``BinaryCrossEntropy`` of p = sigmoid(s), from the scores s: exact however large they are.

    It is t log(1 + e^-s) + (1 - t) log(1 + e^s), with the derivative sigmoid(s) - t.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Shapes:
        Scores, and targets from 0 to 1, both of one shape, any.

    Raises:
        TypeError: the targets are to be differentiated.
        ValueError: the shapes differ, targets lie outside of 0 ... 1, or there are none to take a
            mean of.

    Example:
        >>> import numpy as np
        >>> from nn import BinaryCrossEntropyWithLogits
        >>> loss = BinaryCrossEntropyWithLogits(reduction="none")
        >>> loss(np.array([0.0, 1000.0, 1000.0]), [1, 1, 0]).round(6)
        array([6.93147e-01, 0.00000e+00, 1.00000e+03])
    """

    def terms(self, scores: Operand, targets: Operand) -> Any:
        yes, no = _yes_and_no("BinaryCrossEntropyWithLogits", scores, targets)
        if (yes * no == 0).all():  # one of the two answers is right
            return ad.softplus((no - yes) * scores)
        missed = ad.softplus(-_where_it_counts(yes, scores, 0.0))
        alarmed = ad.softplus(_where_it_counts(no, scores, 0.0))
        return yes * missed + no * alarmed


class Hinge(Loss):
    """max(0, margin - t s): how far a score fails to be on the side of its label, by a margin.

    The loss of support vector machines (Bishop, Pattern Recognition and Machine Learning, §7.1.2,
    eq. 7.45).

    Args:
        margin: how far inside a score costs nothing.
        reduction: "mean" over all elements, "sum" or "none".

    Shapes:
        Scores s, and labels t which are -1 or 1, both of one shape, any.

    Raises:
        TypeError: the labels are to be differentiated.
        ValueError: the shapes differ, a label is neither -1 nor 1, or there are none to take a mean
            of.

    Example:
        >>> import numpy as np
        >>> from nn import Hinge
        >>> Hinge(reduction="none")(np.array([2.0, 0.5, 2.0]), [1, 1, -1])
        array([0. , 0.5, 3. ])
    """

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = number("Hinge: margin", margin, above=0)

    def terms(self, scores: Operand, labels: Operand) -> Any:
        t = constant_targets("Hinge", scores, labels)
        if not (np.abs(t) == 1).all():
            raise ValueError(
                f"Hinge: labels are -1 or 1, got {t[np.abs(t) != 1].flat[0]:g}; "
                "2 * labels - 1 makes them of 0 and 1"
            )
        return ad.relu(self.margin - t * scores)


# --- what they share ------------------------------------------------------------------------------


def _of_labels(x: Operand, labels: Array) -> Any:
    """The element of each row that its label names."""
    return getitem(x, (np.arange(len(labels)), labels))


def _where_it_counts(weight: Array, x: Operand, otherwise: float) -> Any:
    """``x`` where it has a weight; elsewhere a number that stands for it, since 0 · inf is nan."""
    return ad.where(weight != 0, x, otherwise)


def _yes_and_no(name: str, predictions: Operand, targets: Operand) -> tuple[Array, Array]:
    """The probabilities of both answers, from that of yes."""
    t = constant_targets(name, predictions, targets)
    if not ((t >= 0) & (t <= 1)).all():
        raise ValueError(
            f"{name}: targets lie between 0 and 1, got some from {t.min():.6g} to {t.max():.6g}"
        )
    return t, 1 - t


def _need_probabilities(name: str, p: Operand, largest: float = 1.0) -> None:
    numbers = np.asarray(bare(p))
    if ((numbers < 0) | (numbers > largest)).any():
        raise ValueError(
            f"{name}: probabilities lie between 0 and 1, got {describe(p)} with elements from "
            f"{numbers.min():.6g} to {numbers.max():.6g}"
        )
