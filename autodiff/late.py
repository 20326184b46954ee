"""What loads when it is first used, and where it is.

``import autodiff`` loads the graph, its reverse walk, and the operations that nodes' own methods
need. The rest is listed here, for a program uses little of it. There are three ways to it, and all
of them read this table:

* ``autodiff.median``, and ``from autodiff import median``: ``__getattr__`` of the package;
* ``np.median(node)``: ``ops/numpy_protocol.py`` loads what it has no answer for yet;
* a pickled graph: ``copying.py`` loads everything before it says that a primitive isn't there.

A module that others import when they load must not be in the table. Tests compare its names with
the modules, and look that ``import autodiff`` loads none of them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

NAMES: dict[str, str] = {
    "autodiff.anomaly": "AnomalyError detect_anomaly",
    "autodiff.ops.convolution": "conv conv_transpose convolve correlate",
    "autodiff.ops.diagonals": "diag diagflat diagonal trace tril triu",
    "autodiff.ops.einstein": "einsum",
    "autodiff.ops.nan_reductions": "nanmax nanmean nanmin nanprod nanstd nansum nanvar",
    "autodiff.ops.normalisation": "standardise",
    "autodiff.ops.order_statistics": (
        "median nanmedian nanpercentile nanquantile percentile quantile"
    ),
    "autodiff.ops.padding": "pad",
    "autodiff.ops.polynomials": "polyval vander",
    "autodiff.ops.pooling": "average_pool max_pool sum_pool",
    "autodiff.ops.products": (
        "affine cross dot inner kron matmul matvec outer tensordot vdot vecdot vecmat"
    ),
    "autodiff.ops.ranges": "geomspace linspace logspace",
    "autodiff.ops.rearranging": "delete flip fliplr flipud insert repeat resize roll rot90 tile",
    "autodiff.ops.sampled": "diff ediff1d gradient interp trapezoid unwrap",
    "autodiff.ops.sorting": "partition sort",
    "autodiff.ops.spatial": "windows",
    "autodiff.ops.statistics": "average corrcoef cov std var",
    "autodiff.scopes": "scope",
    "autodiff.transform.check": "GradientError KinkError check_gradients gradcheck",
    "autodiff.transform.constant": "stop_gradient",
    "autodiff.transform.custom_rules": "CustomRule custom_rule",
    "autodiff.transform.forward": "jvp linearize",
    "autodiff.transform.gradient": "elementwise_grad grad value_and_grad",
    "autodiff.transform.jacobians": "hessian hvp jacobian",
    "autodiff.transform.pullback": "vjp",
    "autodiff.transform.recompute": "checkpoint",
    "autodiff.view": "draw draw_units explain explore path_sum render",
    # public as autodiff.fft.NAME, autodiff.linalg.NAME, autodiff.special.NAME
    "autodiff.ops.fourier": "",
    "autodiff.ops.complex_numbers": "",
    "autodiff.ops.linear_systems": "",
    "autodiff.ops.determinants": "",
    "autodiff.ops.decompositions": "",
    "autodiff.ops.norms": "",
    "autodiff.ops.special": "",
}
"""Modules, and those of their names that are public as ``autodiff.NAME``."""

NAMESPACES = ("expressions", "fft", "linalg", "special", "transform")
"""Modules that are public as a whole: ``autodiff.linalg``."""

PLACES: dict[str, str] = {name: module for module, names in NAMES.items() for name in names.split()}
"""The module of each name."""


@cache
def found(name: str, package: str = "autodiff") -> Any:
    """What ``package.name`` is, loaded now.

    Raises:
        AttributeError: nothing of that name loads late from that package.
    """
    module = PLACES.get(name, "")
    if module.startswith(package):
        return getattr(import_module(module), name)
    if package == "autodiff" and name in NAMESPACES:
        return import_module(f"autodiff.{name}")
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def may_have(module: str, name: str) -> bool:
    """Whether a module that loads late may have an operation of that name."""
    return not NAMES[module] or PLACES.get(name) == module


def load_all() -> None:
    """Load all that loads late, except the views: they compute nothing."""
    for module in NAMES:
        if module != "autodiff.view":
            import_module(module)
