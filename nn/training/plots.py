"""The course of a training as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nn.tensor_files import PathLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nn.training.history import History

# Told apart also by readers with impaired colour vision (Okabe & Ito, Color Universal Design).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
WIDE_RANGE = 20  # costs that differ by more than this factor are drawn on a logarithmic scale


def plot_history(history: History, path: PathLike | None = None) -> Figure:
    """Draw one panel for the cost and one for each metric, with a curve for each set.

    A rate that changes has a panel too.
    """
    from matplotlib.figure import Figure

    if not len(history):
        raise ValueError("plot: the history has no evaluations yet")
    panels = _panels(history)
    figure = Figure(figsize=(5.2 * len(panels), 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (quantity, curves) in zip(axes, panels.items(), strict=True):
        _draw(axis, history, quantity, curves)
    if path is not None:
        figure.savefig(path, dpi=150, facecolor="white")
    return figure


def _panels(history: History) -> dict[str, dict[str, str]]:
    """The columns to draw: for each quantity the set's name and the column of its numbers."""
    panels: dict[str, dict[str, str]] = {"cost": {"training": "cost"}}
    with_cost = [c.removesuffix("_cost") for c in history.columns if c.endswith("_cost")]
    sets = sorted({"train", *with_cost}, key=len)
    for column in history.columns:
        if "_" in column:
            known = (name for name in sets if column.startswith(f"{name}_"))
            owner = next(known, column.split("_")[0])
            label = "training" if owner == "train" else owner
            panels.setdefault(column.removeprefix(f"{owner}_"), {})[label] = column
    if "rate" in history.columns and len({*history["rate"]}) > 1:
        panels["rate"] = {"rate": "rate"}
    return panels


def _draw(axis: Any, history: History, quantity: str, curves: dict[str, str]) -> None:
    """One panel."""
    steps = history["step"]
    marker = "o" if len(steps) <= 30 else ""
    per_cent = quantity.endswith("accuracy")
    for colour, (label, column) in zip(COLOURS, curves.items(), strict=False):
        values = history[column]
        axis.plot(steps, values, marker=marker, color=colour, lw=1.8, ms=3.5, label=label)
    everything = np.concatenate([history[column] for column in curves.values()])
    finite = everything[np.isfinite(everything)]
    if quantity == "cost" and finite.size and 0 < finite.min() * WIDE_RANGE < finite.max():
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(lambda cost, _: f"{cost:g}")
    if per_cent:
        axis.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
    axis.set_title(quantity.replace("_", " "), loc="left", fontweight="bold")
    axis.set_xlabel("step")
    axis.grid(color="0.92")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("0.6")
    axis.tick_params(which="both", color="0.6", labelcolor="0.25")
    axis.margins(x=0.02)
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
    if list(curves) != [quantity]:
        axis.legend(**place, ncols=len(curves), frameon=False, handlelength=1.4, columnspacing=1.2)
