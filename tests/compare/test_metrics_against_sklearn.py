"""Metrics agree with scikit-learn, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from nn import class_report, confusion_matrix

metrics = pytest.importorskip(
    "sklearn.metrics", reason="scikit-learn is not installed: pip install -e '.[compare]'"
)


@pytest.mark.parametrize("seed", range(5))
def test_confusion_and_shares_of_each_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 8))  # some with no example, or never predicted
    labels, predicted = rng.integers(0, classes, (2, 12))
    every = range(classes)
    np.testing.assert_array_equal(
        confusion_matrix(labels, predicted, classes),
        metrics.confusion_matrix(labels, predicted, labels=every),
    )
    report = class_report(labels, predicted, classes)
    precision, recall, f1, examples = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=np.nan
    )
    np.testing.assert_allclose(report.precision, precision, rtol=1e-15)
    np.testing.assert_allclose(report.recall, recall, rtol=1e-15)
    np.testing.assert_allclose(report.f1, f1, rtol=1e-15)
    np.testing.assert_array_equal(report.examples, examples)
    assert report.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
