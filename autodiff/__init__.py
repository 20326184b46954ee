"""Automatic differentiation that you can see through: scalars and arrays in one graph.

>>> import autodiff as ad
>>> x = ad.Value(2.0, label="x")
>>> y = ad.sin(x) + x**2
>>> y.backward()
>>> round(x.grad, 6)  # cos 2 + 2 · 2
3.583853
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff import (
    copying,  # noqa: F401 - gives nodes their methods
    late,
    notebook,  # noqa: F401 - likewise
    ops,
    reverse,
)
from autodiff.graph import Node, Tensor, Value
from autodiff.memory import keep_freed_memory
from autodiff.ops import *  # noqa: F403
from autodiff.primitive import Primitive
from autodiff.recording import is_recording, no_grad, recording
from autodiff.settings import config
from autodiff.version import __version__

if TYPE_CHECKING:  # what ``late`` loads when it is first used
    from autodiff import expressions, fft, linalg, special
    from autodiff.anomaly import AnomalyError, detect_anomaly
    from autodiff.ops.convolution import *  # noqa: F403
    from autodiff.ops.diagonals import *  # noqa: F403
    from autodiff.ops.einstein import *  # noqa: F403
    from autodiff.ops.nan_reductions import *  # noqa: F403
    from autodiff.ops.normalisation import *  # noqa: F403
    from autodiff.ops.order_statistics import *  # noqa: F403
    from autodiff.ops.padding import *  # noqa: F403
    from autodiff.ops.polynomials import *  # noqa: F403
    from autodiff.ops.pooling import *  # noqa: F403
    from autodiff.ops.products import *  # noqa: F403
    from autodiff.ops.ranges import *  # noqa: F403
    from autodiff.ops.rearranging import *  # noqa: F403
    from autodiff.ops.sampled import *  # noqa: F403
    from autodiff.ops.sorting import *  # noqa: F403
    from autodiff.ops.spatial import *  # noqa: F403
    from autodiff.ops.statistics import *  # noqa: F403
    from autodiff.scopes import scope
    from autodiff.transform import (
        CustomRule,
        GradientError,
        KinkError,
        check_gradients,
        checkpoint,
        custom_rule,
        elementwise_grad,
        grad,
        gradcheck,
        hessian,
        hvp,
        jacobian,
        jvp,
        linearize,
        stop_gradient,
        value_and_grad,
        vjp,
    )
    from autodiff.view import draw, draw_units, explain, explore, path_sum, render

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
    "config",
    "custom_rule",
    "detect_anomaly",
    "draw",
    "draw_units",
    "elementwise_grad",
    "explain",
    "expressions",
    "explore",
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
    "path_sum",
    "recording",
    "render",
    "reverse",
    "scope",
    "special",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    *(name for name in ops.__all__ if name not in _NOT_STARRED),
    *(name for name, module in late.PLACES.items() if module.startswith(ops.__name__)),
]


def __getattr__(name: str) -> Any:
    """What loads when it is first used; from then on it is an attribute like any other."""
    found = late.found(name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
