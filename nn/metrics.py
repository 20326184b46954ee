"""Metrics: how good predictions are, as a whole and class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nn.checks import whole
from nn.module import Array
from nn.tables import html_table, text_table


def accuracy(outputs: ArrayLike, labels: ArrayLike) -> float:
    """The share of examples whose highest score is that of their label.

    Args:
        outputs: (n, classes) scores; a unit of its own for each of two classes too.
        labels: (n,) whole numbers from 0 to classes - 1, or (n, classes) one-hot rows, as the
            loss takes them.

    Raises:
        TypeError: the labels are no whole numbers.
        ValueError: shapes don't fit, a label is out of range, a row is not one-hot, there is only
            one class to choose from, or there are no examples.

    Example:
        >>> from nn import accuracy
        >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
        0.5
    """
    scores, right = np.asarray(outputs), np.asarray(labels)
    if scores.ndim == 2 and right.shape == scores.shape and scores.shape[1] > 1:
        right = _from_one_hot(right)
    if scores.ndim != 2 or right.shape != scores.shape[:1] or not scores.size:
        raise ValueError(
            "accuracy: expected scores (n, classes) and labels (n,) of some examples, got shapes "
            f"{scores.shape} and {right.shape}"
        )
    if scores.shape[1] < 2:
        raise ValueError(
            f"accuracy: expected scores of two classes or more, got shape {scores.shape}; of a "
            "single unit, whether it says yes is a metric of one's own, such as "
            "lambda p, t: np.mean((p > 0.5) == t)"
        )
    _need_labels("accuracy: labels", right, scores.shape[1])
    return int(np.count_nonzero(scores.argmax(axis=1) == right)) / len(right)


def _from_one_hot(rows: Array) -> Array:
    """The label of each row, which has one 1 and zeros."""
    if not (((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()):
        raise ValueError(
            "accuracy: expected labels (n,) or one-hot rows (n, classes), got rows with other "
            "numbers: of soft targets, say which class counts as right"
        )
    labels: Array = np.argmax(rows, axis=1)
    return labels


def confusion_matrix(
    labels: ArrayLike, predicted: ArrayLike, classes: int | Sequence[str]
) -> Array:
    """How many examples of each class (row) were taken for each class (column).

    Args:
        labels: (n,) whole numbers from 0 to classes - 1, what is right.
        predicted: (n,) likewise, what was predicted: ``np.argmax(scores, axis=1)``.
        classes: how many there are, or their names.

    Raises:
        TypeError: labels are no whole numbers.
        ValueError: shapes differ, or a label is out of range.

    Example:
        >>> from nn import confusion_matrix
        >>> confusion_matrix([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], 2)
        array([[1, 1],
               [1, 2]])
    """
    k = len(_names(classes))
    right, given = np.asarray(labels), np.asarray(predicted)
    if right.ndim != 1 or right.shape != given.shape:
        raise ValueError(
            "confusion_matrix: expected labels (n,) and as many predictions, got shapes "
            f"{right.shape} and {given.shape}"
        )
    for name, numbers in (("labels", right), ("predictions", given)):
        _need_labels(f"confusion_matrix: {name}", numbers, k)
    pairs = right.astype(np.int64) * k + given.astype(np.int64)
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


@dataclass(frozen=True)
class ClassReport:
    """How well each class is recognised; it prints as a table.

    A share of nothing is nan, and shown as a dash: the precision of a class that was never
    predicted, the recall of one that has no examples.

    Attributes:
        confusion: the confusion matrix, (classes, classes).
        names: of the classes.
    """

    confusion: Array
    names: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share of all examples that were classified rightly."""
        return float(_shares(self._hits.sum(), self.confusion.sum()))

    @property
    def recall(self) -> Array:
        """The share of each class's examples that were found: the accuracy within the class."""
        return _shares(self._hits, self.confusion.sum(axis=1))

    @property
    def precision(self) -> Array:
        """The share of what was taken for each class that belongs to it."""
        return _shares(self._hits, self.confusion.sum(axis=0))

    @property
    def f1(self) -> Array:
        """The harmonic mean of precision and recall of each class."""
        return _shares(2 * self._hits, self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    @property
    def examples(self) -> Array:
        """How many examples of each class there are."""
        return np.asarray(self.confusion.sum(axis=1))

    @property
    def _hits(self) -> Array:
        return np.diagonal(self.confusion)

    def _cells(self) -> tuple[list[str], list[list[str]], str]:
        """Header, rows and alignment of the table."""
        shares = [self.recall, self.precision, self.f1]
        rows = [
            [name, str(n), *map(_percent, of_class)]
            for name, n, *of_class in zip(self.names, self.examples, *shares, strict=True)
        ]
        means = [_shares(np.nansum(x), np.sum(~np.isnan(x))) for x in shares]
        total = str(self.confusion.sum())
        rows += [
            ["mean of the classes", "", *map(_percent, means)],
            ["accuracy", total, _percent(self.accuracy), "", ""],
        ]
        return ["class", "examples", "recall", "precision", "F1"], rows, "<>>>>"

    def __str__(self) -> str:
        return text_table(*self._cells())

    def _repr_html_(self) -> str:
        return html_table(*self._cells())


def class_report(
    labels: ArrayLike, predicted: ArrayLike, classes: int | Sequence[str]
) -> ClassReport:
    """Recall, precision and F1 of each class.

    Args:
        labels: (n,) whole numbers from 0 to classes - 1, what is right.
        predicted: (n,) likewise, what was predicted: ``np.argmax(scores, axis=1)``.
        classes: how many there are, or their names.

    Raises:
        TypeError: labels are no whole numbers.
        ValueError: shapes differ, or a label is out of range.

    Example:
        >>> from nn import class_report
        >>> print(class_report([0, 0, 1, 1, 1], [0, 1, 1, 1, 1], ["cat", "dog"]))
        class                examples   recall  precision      F1
        cat                         2   50.00%    100.00%  66.67%
        dog                         3  100.00%     75.00%  85.71%
        mean of the classes             75.00%     87.50%  76.19%
        accuracy                    5   80.00%
    """
    return ClassReport(confusion_matrix(labels, predicted, classes), _names(classes))


def _need_labels(name: str, numbers: Array, classes: int) -> None:
    if numbers.size and numbers.dtype.kind not in "iu":
        raise TypeError(f"{name} are whole numbers, got dtype {numbers.dtype}")
    if numbers.size and numbers.astype(np.uint64).max() >= classes:  # as negative ones are then
        raise ValueError(
            f"{name} lie between 0 and {classes - 1} for {classes} classes, got some from "
            f"{numbers.min()} to {numbers.max()}"
        )


def _names(classes: int | Sequence[str]) -> tuple[str, ...]:
    if isinstance(classes, Sequence):
        return tuple(map(str, classes))
    return tuple(map(str, range(whole("classes", classes))))


def _shares(part: Any, of: Any) -> Array:
    """The quotient; nan where there is nothing to have a share of."""
    shares = np.full(np.shape(of), np.nan)
    np.divide(part, of, out=shares, where=np.asarray(of) > 0)
    return shares


def _percent(share: Any) -> str:
    return "–" if np.isnan(share) else f"{share:.2%}"
