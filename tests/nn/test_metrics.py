"""Metrics count what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nn import accuracy, class_report, confusion_matrix
from nn.tables import html_table

SCORES = np.eye(3)[[0, 2, 1, 1, 0, 2, 2]]


def test_accuracy_is_the_share_of_hits() -> None:
    assert accuracy(SCORES, [0, 2, 1, 0, 1, 2, 0]) == 4 / 7
    assert accuracy([[1, 1], [1, 1]], [0, 1]) == 0.5  # the first of equals


LABELS, PREDICTED = [0, 0, 0, 1, 1, 3], [0, 1, 2, 1, 1, 0]


def test_confusion_matrix_has_labels_as_rows_and_predictions_as_columns() -> None:
    expected = np.zeros((4, 4), int)
    for label, given in zip(LABELS, PREDICTED, strict=True):
        expected[label, given] += 1
    assert confusion_matrix(LABELS, PREDICTED, 4).tolist() == expected.tolist()
    small = confusion_matrix(np.uint8(LABELS), np.uint8(PREDICTED), 200)  # 3 · 200 is no uint8
    assert small[:4, :4].tolist() == expected.tolist()
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


def test_report_has_the_shares_of_each_class() -> None:
    report = class_report(LABELS, PREDICTED, "abcde")
    np.testing.assert_array_equal(report.examples, [3, 2, 0, 1, 0])
    np.testing.assert_array_equal(report.recall, [1 / 3, 1, np.nan, 0, np.nan])
    np.testing.assert_array_equal(report.precision, [1 / 2, 2 / 3, 0, np.nan, np.nan])
    np.testing.assert_allclose(report.f1, [2 / 5, 4 / 5, 0, 0, np.nan])
    assert report.accuracy == 1 / 2
    assert str(report).splitlines() == [
        "class                examples   recall  precision      F1",
        "a                           3   33.33%     50.00%  40.00%",
        "b                           2  100.00%     66.67%  80.00%",
        "c                           0        –      0.00%   0.00%",
        "d                           1    0.00%          –   0.00%",
        "e                           0        –          –       –",
        "mean of the classes             44.44%     38.89%  30.00%",
        "accuracy                    6   50.00%",
    ]


def test_report_in_a_notebook_shows_names_as_they_are() -> None:
    page = class_report([0, 1], [0, 1], ["<b>", "a & b"])._repr_html_()
    assert "&lt;b&gt;" in page
    assert "a &amp; b" in page
    assert "<b>" not in page
    assert page.count("<tr>") == 5


def test_html_table_aligns_its_columns() -> None:
    page = html_table(["a", "n"], [["x", "1"]], "<>")
    assert page.count("text-align: left") == page.count("text-align: right") == 2


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: accuracy(np.zeros((0, 2)), []), ValueError, r"some examples.*\(0, 2\) and \(0,\)"),
    (lambda: accuracy(np.zeros((2, 1)), [0] * 3), ValueError, r"\(2, 1\) and \(3,\)"),
    (lambda: accuracy(np.zeros((2, 1)), [[0], [0]]), ValueError, r"\(2, 1\) and \(2, 1\)"),
    (lambda: accuracy(np.zeros((2, 1)), [0, 1]), ValueError, r"two classes.*\(2, 1\).*0[.]5"),
    (lambda: accuracy(np.zeros((2, 2)), [0, 2]), ValueError, "labels.*0 and 1.*from 0 to 2"),
    (lambda: accuracy(np.zeros((2, 2)), [0.0, 0.5]), TypeError, "labels.*float64"),
    (lambda: confusion_matrix([0, 1], [0], 2), ValueError, r"\(2,\) and \(1,\)"),
    (lambda: confusion_matrix([[0]], [[0]], 2), ValueError, r"\(n,\).*\(1, 1\)"),
    (lambda: confusion_matrix([0, 2], [0, 1], 2), ValueError, "labels.*0 and 1.*from 0 to 2"),
    (lambda: confusion_matrix([0, 1], [0, -1], 2), ValueError, "predictions.*from -1 to 0"),
    (lambda: confusion_matrix([0.0, 1.0], [0, 1], 2), TypeError, "labels.*float64"),
    (lambda: class_report([0], [0], 0), ValueError, "classes.*positive.*0"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_accuracy_takes_one_hot_labels_as_the_loss_does() -> None:
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(20, 4)), generator.integers(0, 4, 20)
    assert accuracy(scores, np.eye(4)[labels]) == accuracy(scores, labels)
    with pytest.raises(ValueError, match="soft targets"):
        accuracy(scores, np.full((20, 4), 0.25))
    with pytest.raises(ValueError, match="soft targets"):
        accuracy(scores, np.ones((20, 4)))
