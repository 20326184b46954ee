"""The table that training leaves, and its picture."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn import Evaluation, History

ROWS: list[dict[str, float]] = [
    {"step": 5, "epoch": 0.5, "cost": 0.1 + 0.2, "train_accuracy": 0.5, "rate": 0.1},
    {"step": 1000, "epoch": 100.0, "cost": 1e-5, "train_accuracy": 1.0, "rate": 0.1, "late": 2.0},
]


def test_a_row_has_its_numbers_by_name_and_as_attributes() -> None:
    row = Evaluation(ROWS[0])
    assert row == ROWS[0]
    assert row.cost == row["cost"] == 0.1 + 0.2
    assert row.step == 5
    assert list(row) == list(ROWS[0])
    assert str(row) == "step      5   cost 0.3000   training accuracy  50.00%"
    assert str(Evaluation(ROWS[1])) == (
        "step   1000   cost 1e-05   training accuracy 100.00%   late 2.0000"
    )
    with pytest.raises(AttributeError, match=r"no 'price'; it has step, epoch, cost"):
        row.price  # noqa: B018


def test_the_table_is_aligned_and_leaves_out_what_is_not_there() -> None:
    assert str(History(ROWS)).splitlines() == [
        "step  epoch   cost  train_accuracy  rate  late",
        "   5    0.5    0.3          50.00%   0.1",
        "1000    100  1e-05         100.00%   0.1     2",
    ]
    assert str(History()) == ""


def test_columns_rows_and_slices() -> None:
    history = History(ROWS)
    assert history["step"].tolist() == [5, 1000]
    np.testing.assert_array_equal(history["late"], [np.nan, 2.0])
    assert isinstance(history[1:], History)
    assert history[1:][0] == history[-1] == ROWS[1]
    assert len(history) == 2
    assert repr(history) == f"History({ROWS!r})"
    with pytest.raises(KeyError, match="price"):
        history["price"]


def test_a_saved_table_has_every_digit(tmp_path: Path) -> None:
    History(ROWS).save(tmp_path / "x.csv")
    with open(tmp_path / "x.csv", encoding="utf-8", newline="") as file:
        read = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    assert read == ROWS


def test_notebooks_show_a_table() -> None:
    shown = History([{"step": 1, "<b>": 2.0}])._repr_html_()
    assert shown.count("<tr") == 2
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown


COURSES: dict[str, list[dict[str, float]]] = {
    "a single row": [{"step": 1, "cost": 0.5}],
    "cost that falls far": [{"step": i, "cost": 10.0**-i, "test_cost": 1.0} for i in range(5)],
    "accuracies": [{"step": i, "cost": 1.0, "train_accuracy": 0.5, "test_accuracy": 0.6}
                   for i in range(50)],
    "a metric of one set": [{"step": i, "cost": 1.0, "validation_error": float(i)}
                            for i in range(3)],
    "nan": [{"step": 1, "cost": float("nan")}, {"step": 2, "cost": 1.0}],
}  # fmt: skip
PANELS = {
    "a single row": ["cost"], "cost that falls far": ["cost"], "accuracies": ["cost", "accuracy"],
    "a metric of one set": ["cost", "error"], "nan": ["cost"],
}  # fmt: skip


@pytest.mark.parametrize("name", COURSES)
def test_the_picture_has_a_panel_for_each_quantity_and_a_curve_for_each_set(
    name: str, tmp_path: Path
) -> None:
    history = History(COURSES[name])
    figure = history.plot(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert [axis.get_title("left") for axis in figure.axes] == PANELS[name]
    curves: dict[str, Any] = {}
    for axis in figure.axes:
        for line in axis.lines:
            curves[f"{axis.get_title('left')} {line.get_label()}"] = line.get_ydata()
    for column in history.columns[1:]:
        owner, _, quantity = column.rpartition("_")
        label = f"{quantity} {'training' if owner in ('', 'train') else owner}"
        np.testing.assert_array_equal(curves.pop(label), history[column])
    assert not curves
    logarithmic = figure.axes[0].get_yscale() == "log"
    assert logarithmic == (name == "cost that falls far")


def test_names_of_several_words_and_a_rate_that_falls_have_panels_of_their_own() -> None:
    row = {"cost": 1.0, "train_top_3": 0.2, "far_away_cost": 2.0, "far_away_top_3": 0.1}
    figure = History({"step": i, **row, "rate": 1 / (i + 1)} for i in range(3)).plot()
    labels = {
        axis.get_title("left"): [line.get_label() for line in axis.lines] for axis in figure.axes
    }
    expected = {"cost": ["training", "far_away"], "top 3": ["training", "far_away"]}
    assert labels == {**expected, "rate": ["rate"]}
    assert [axis.get_legend() is None for axis in figure.axes] == [False, False, True]


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: History().plot(), ValueError, "no evaluations"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
