"""The figure of ``autodiff plot``: three panels, and what they say about each other."""

from __future__ import annotations

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.arrays import Array
from autodiff.commands.curves import Curves
from autodiff.view import notation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The palette of Okabe and Ito, which colour-blind people can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73")
_NAMES = ("f", "f′", "f″")
_INK = "#1a1a1a"
_QUIET = "#8a8a8a"
_MARKED = 24  # extrema or inflections; more would hide the curve
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.edgecolor": "#b0b0b0",
    "axes.linewidth": 0.8,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": "#606060",
    "ytick.color": "#606060",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.12,
    "svg.hashsalt": "autodiff",  # the same figure is the same file
}


def save(curves: Curves, path: Path) -> None:
    """Write the figure; the ending of the path tells the format."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that no font here has
        figure = Figure(figsize=(7.2, 6.6), dpi=160, facecolor="white", layout="constrained")
        panels = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
        for axes, y, name, colour in zip(panels, curves.orders, _NAMES, _COLOURS, strict=True):
            _draw(axes, curves.x, y, name, colour)
        _mark(panels, curves)
        panels[-1].set_xlabel(curves.name)
        figure.align_ylabels(panels)
        handles, labels = panels[0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        panels[0].set_title(_title(curves), loc="left", fontsize=12, pad=10)
        date = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(path, metadata=date.get(path.suffix.lower()))


def _draw(axes: Axes, x: Array, y: Array, name: str, colour: str) -> None:
    axes.axhline(0, color=_QUIET, linewidth=0.8, zorder=1)
    axes.plot(x, y, color=colour, linewidth=2, solid_capstyle="round", zorder=3)
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(*_limits(y))
    axes.set_ylabel(name, color=colour, fontsize=14, rotation=0, labelpad=14, va="center")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0)


def _limits(y: Array) -> tuple[float, float]:
    """What to show of a curve: all of it, unless a few points are far off, as near a pole."""
    finite = y[np.isfinite(y)]
    if not finite.size:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    usual_low, usual_high = (float(q) for q in np.percentile(finite, (5, 95)))
    room = 1.5 * (usual_high - usual_low)
    if room > 0:
        low = low if usual_low - low < room else usual_low - room / 3
        high = high if high - usual_high < room else usual_high + room / 3
    margin = 0.08 * (high - low) or 0.5 * abs(high) or 1.0
    return low - margin, high + margin


def _mark(panels: list[Axes], curves: Curves) -> None:
    """Where f′ = 0 and where f″ = 0, on the curve of f and on the zero line."""
    kinds = (
        (1, "f′ = 0: extremum", {"marker": "o", "markersize": 6}),
        (2, "f″ = 0: inflection", {"marker": "D", "markersize": 5}),
    )
    for order, label, look in kinds:
        places = curves.zeros(order)
        if not 0 < len(places) <= _MARKED:
            continue
        colour = _COLOURS[order]
        heights = np.interp(places, curves.x, curves.orders[0])
        style: dict[str, Any] = {
            "linestyle": "none",
            "markeredgecolor": "white",
            "color": colour,
            **look,
        }
        panels[0].plot(places, heights, label=label, zorder=5, **style)
        panels[order].plot(places, np.zeros_like(places), zorder=5, **style)
        for axes in panels[: order + 1]:
            for place in places:
                axes.axvline(place, color=colour, linewidth=0.8, linestyle=(0, (1, 3)), zorder=2)


def _title(curves: Curves) -> str:
    lines = textwrap.wrap(f"f({curves.name}) = {curves.text}", 60, max_lines=3, placeholder=" …")
    fixed = ", ".join(
        f"{name} = {notation.number(value)}" if isinstance(value, float) else f"{name}: array"
        for name, value in curves.fixed.items()
    )
    return "\n".join([*lines, *textwrap.wrap(fixed, 70, max_lines=1, placeholder=" …")])
