"""The course of a training: a table with one row for each evaluation."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from nn.module import Array
from nn.tables import html_table, text_table
from nn.tensor_files import PathLike
from nn.training.plots import plot_history

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BESIDE = ("epoch", "rate", "seconds")
"""Columns that the line of a single evaluation leaves out."""


class Evaluation(Mapping[str, float]):
    """Where training stands after some steps: numbers by name, also as attributes.

    Attributes:
        step: how many steps have been taken.
        epoch: how many times as many examples as there are have been learnt from.
        cost: mean loss over the mini-batches since the last evaluation.
        train_NAME: mean of a metric over the same mini-batches.
        SET_cost, SET_NAME: loss and metric on a held-out set, such as ``test_accuracy``.
        rate: of the last step.
        seconds: since the training began.

    Example:
        >>> from nn import Evaluation
        >>> evaluation = Evaluation({"step": 20, "cost": 0.25, "test_accuracy": 0.5})
        >>> evaluation.cost, evaluation["step"]
        (0.25, 20)
        >>> print(evaluation)
        step     20   cost 0.2500   test accuracy  50.00%
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> float:
        values = self.__dict__.get("_values", {})
        if name not in values:
            raise AttributeError(f"this evaluation has no {name!r}; it has {', '.join(values)}")
        return float(values[name]) if name != "step" else values[name]

    def __str__(self) -> str:
        words = []
        for name, value in self.items():
            if name == "step":
                words.append(f"step {value:6d}")
            elif name not in BESIDE:
                words.append(f"{_title(name)} {shown(name, value):>{7 * ('accuracy' in name)}}")
        return "   ".join(words)

    def __repr__(self) -> str:
        return f"Evaluation({self._values!r})"


class History(Sequence[Evaluation]):
    """The evaluations of a training, in order; a table when printed, and in notebooks.

    Args:
        rows: the evaluations, or mappings from names to numbers.

    Example:
        >>> from nn import History
        >>> history = History([{"step": 5, "cost": 0.5}, {"step": 10, "cost": 0.125}])
        >>> print(history)
        step   cost
           5    0.5
          10  0.125
        >>> history["cost"], history[-1].step
        (array([0.5  , 0.125]), 10)
    """

    def __init__(self, rows: Iterable[Mapping[str, float]] = ()) -> None:
        self._rows = [Evaluation(row) for row in rows]

    def append(self, row: Mapping[str, float]) -> None:
        """Add an evaluation."""
        self._rows.append(Evaluation(row))

    @overload
    def __getitem__(self, which: int) -> Evaluation: ...
    @overload
    def __getitem__(self, which: slice) -> History: ...
    @overload
    def __getitem__(self, which: str) -> Array: ...
    def __getitem__(self, which: int | slice | str) -> Evaluation | History | Array:
        """An evaluation; some of them; or a column by name, nan where a row has no such number."""
        if isinstance(which, str):
            if which not in self.columns:
                raise KeyError(f"{which!r} is none of the columns {', '.join(self.columns)}")
            return np.array([row.get(which, np.nan) for row in self._rows])
        return History(self._rows[which]) if isinstance(which, slice) else self._rows[which]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(dict.fromkeys(name for row in self._rows for name in row))

    def save(self, path: PathLike) -> None:
        """Write a table of comma-separated values, numbers to their last digit."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)

    def plot(self, path: PathLike | None = None) -> Figure:
        """Draw cost and metrics over the steps, and the rate where it changes.

        Args:
            path: of the picture to write (PNG, SVG, PDF); none if not given.

        Raises:
            ValueError: there are no evaluations.
        """
        return plot_history(self, path)

    def __str__(self) -> str:
        return text_table(*self._table())

    def __repr__(self) -> str:
        return f"History({[dict(row) for row in self._rows]!r})"

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    def _table(self) -> tuple[list[str], list[list[str]], str]:
        """The names of the columns, the rows as text, and the alignment."""
        names = list(self.columns)
        rows = [[shown(n, row[n], 4) if n in row else "" for n in names] for row in self._rows]
        return names, rows, ">" * len(names)


def shown(name: str, value: Any, digits: int | None = None) -> str:
    """A number as a person reads it: accuracies in per cent, whole numbers whole."""
    if name.endswith("accuracy"):
        return f"{value:.2%}"
    if isinstance(value, int):
        return str(value)
    if digits is not None or not 1e-3 <= abs(value) < 1e6:
        return f"{value:.4g}"
    return f"{value:.4f}"


def _title(name: str) -> str:
    return name.replace("train_", "training ").replace("_", " ")
