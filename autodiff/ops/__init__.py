"""The tables of primitives and their rules, one file a family."""

from autodiff.ops import operators  # noqa: F401 - gives nodes their methods
from autodiff.ops.convolution import *  # noqa: F403
from autodiff.ops.cumulative import *  # noqa: F403
from autodiff.ops.diagonals import *  # noqa: F403
from autodiff.ops.einstein import *  # noqa: F403
from autodiff.ops.indexing import *  # noqa: F403
from autodiff.ops.joining import *  # noqa: F403
from autodiff.ops.nan_reductions import *  # noqa: F403
from autodiff.ops.numpy_protocol import FAMILIES
from autodiff.ops.order_statistics import *  # noqa: F403
from autodiff.ops.padding import *  # noqa: F403
from autodiff.ops.pointwise import *  # noqa: F403
from autodiff.ops.polynomials import *  # noqa: F403
from autodiff.ops.pooling import *  # noqa: F403
from autodiff.ops.products import *  # noqa: F403
from autodiff.ops.ranges import *  # noqa: F403
from autodiff.ops.rearranging import *  # noqa: F403
from autodiff.ops.reductions import *  # noqa: F403
from autodiff.ops.sampled import *  # noqa: F403
from autodiff.ops.shapes import *  # noqa: F403
from autodiff.ops.softmax import *  # noqa: F403
from autodiff.ops.sorting import *  # noqa: F403
from autodiff.ops.spatial import *  # noqa: F403
from autodiff.ops.statistics import *  # noqa: F403

__all__: list[str] = sorted(
    name
    for family, namespace in FAMILIES
    if namespace.__name__ == "numpy"
    for name in family.__all__
)
