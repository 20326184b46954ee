"""Multinomial logistic regression, the loss at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff.arrays import Array
from autodiff.graph import bare, describe
from nn.courses.lenet_handout.blobs import Shape, as_images, numbers
from nn.courses.lenet_handout.kinds import KINDS


def mlrloss(
    wb: Any, X: Any, y: Any, K: int, prediction: int = 1
) -> tuple[float, Array, Array, float]:
    """Minus the log-likelihood of the labels, summed over the batch, and its gradients.

    The scores are wᵀ x + b for the classes 0 to K - 2, and 0 for the last one; their softmax is the
    probability of each class.

    Args:
        wb: (in + 1, K - 1), the weights with the biases below: ``np.vstack([w, b])``.
        X: (in, n).
        y: (n,) integers from 0 to K - 1.
        K: how many classes there are.
        prediction: whether to compute the accuracy.

    Returns:
        ``(nll, g, od, percent)``: the loss; its gradient with respect to ``wb``; that with respect
        to ``X``; the accuracy in [0, 1], 0.0 if ``prediction`` is not 1.

    Raises:
        TypeError: the labels are no integers.
        ValueError: shapes don't fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> nll, g, od, percent = mlrloss(np.zeros((3, 1)), np.ones((2, 4)), np.ones(4, int), 2, 1)
        >>> round(nll, 6), g.ravel(), percent  # 4 log 2
        (2.772589, array([2., 2., 2.]), 0.0)
    """
    wb, X = numbers(wb), numbers(X)
    if X.ndim != 2 or wb.shape != (len(X) + 1, K - 1):
        raise ValueError(
            f"mlrloss: expected wb of shape (in + 1, {K} - 1) and X of shape (in, n), got "
            f"{wb.shape} and {X.shape}"
        )
    labels = checked_labels(y, X.shape[1])
    shape = Shape(1, 1, len(X))

    def summed(wb: Any, X: Any) -> tuple[Any, Any]:
        scores = KINDS["LOSS"].apply(as_images(X, shape), {}, wb[:-1], wb[-1])
        return ad.sum(losses(scores, labels)), scores

    (nll, scores), (g, od) = ad.value_and_grad(summed, (0, 1), has_aux=True)(wb, X)
    percent = hits(scores, labels) / len(labels) if prediction == 1 else 0.0
    return nll, g, od, percent


def losses(scores: Any, labels: Array) -> Any:
    """The loss of each image, from its scores (n, K, 1, 1)."""
    return ad.cross_entropy(ad.reshape(scores, scores.shape[:2]), labels)


def hits(scores: Any, labels: Array) -> int:
    """How many images have their highest score at their label."""
    return int(np.sum(np.argmax(bare(scores)[:, :, 0, 0], axis=1) == labels))


def checked_labels(y: Any, n: int) -> Array:
    """Labels as an array, one for each image.

    Raises:
        ValueError: there are none, or not as many as images.
    """
    labels = np.asarray(y)
    if not n or labels.shape != (n,):
        raise ValueError(
            f"expected some images and labels of shape (images,), got {n} images and labels of "
            f"{describe(labels)}"
        )
    return labels
