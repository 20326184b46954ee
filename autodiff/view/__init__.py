"""Views: ways to look at a finished graph. They read it, and never change it.

``draw`` makes a picture of it, ``draw_units`` one of a network unit by unit, ``explain`` a table of
the reverse pass, ``path_sum`` a sum over paths, ``explore`` a page on which one steps through both
passes, ``render`` writes pictures.
"""

from autodiff.view.canvas import Drawing
from autodiff.view.drawing import draw
from autodiff.view.explanation import Explanation, explain
from autodiff.view.exploration import explore
from autodiff.view.paths import PathSum, path_sum
from autodiff.view.rendering import RenderError, RenderWarning, render
from autodiff.view.units import draw_units

__all__ = [
    "Drawing",
    "Explanation",
    "PathSum",
    "RenderError",
    "RenderWarning",
    "draw",
    "draw_units",
    "explain",
    "explore",
    "path_sum",
    "render",
]
