"""Automatic differentiation that you can see through: scalars and arrays in one graph.

>>> import autodiff as ad
>>> x = ad.Value(2.0, label="x")
>>> y = ad.sin(x) + x**2
>>> y.backward()
>>> round(x.grad, 6)  # cos 2 + 2 · 2
3.583853
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from autodiff import (
    copying,  # noqa: F401 - gives nodes their methods
    fft,
    linalg,
    ops,
    reverse,
    special,
    transform,
)
from autodiff.anomaly import AnomalyError, detect_anomaly
from autodiff.graph import Node, Tensor, Value
from autodiff.memory import keep_freed_memory
from autodiff.ops import *  # noqa: F403
from autodiff.primitive import Primitive
from autodiff.recording import is_recording, no_grad, recording
from autodiff.transform import (
    elementwise_grad,
    grad,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    vjp,
)
from autodiff.version import __version__

if TYPE_CHECKING:
    from autodiff.transform import (
        CustomRule,
        GradientError,
        KinkError,
        check_gradients,
        checkpoint,
        custom_rule,
        gradcheck,
        hessian,
        hvp,
        jacobian,
    )
    from autodiff.view import draw, explain, render

keep_freed_memory()

# ``from autodiff import *`` leaves Python's own functions alone, as NumPy's does.
_NOT_STARRED = {"abs", "divmod", "max", "min", "pow", "round", "sum"}

__all__ = [
    "AnomalyError",
    "CustomRule",
    "GradientError",
    "KinkError",
    "Node",
    "Primitive",
    "Tensor",
    "Value",
    "__version__",
    "check_gradients",
    "checkpoint",
    "custom_rule",
    "detect_anomaly",
    "draw",
    "elementwise_grad",
    "explain",
    "fft",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "is_recording",
    "jacobian",
    "jvp",
    "linalg",
    "linearize",
    "no_grad",
    "recording",
    "render",
    "reverse",
    "special",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    *(name for name in ops.__all__ if name not in _NOT_STARRED),
]


def __getattr__(name: str) -> Any:
    """Views and some transforms load when they are first used: most programs use few of them."""
    if name in ("draw", "explain", "render"):
        return getattr(import_module("autodiff.view"), name)
    if name in transform.LAZY:
        return getattr(transform, name)
    raise AttributeError(f"module 'autodiff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
