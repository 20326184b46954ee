"""The tables of primitives and their rules, one file a family.

The families here load with the library; those that load when they are first used, ``late.py`` says.
"""

from autodiff.ops import operators  # noqa: F401 - gives nodes their methods
from autodiff.ops.cumulative import *  # noqa: F403
from autodiff.ops.indexing import *  # noqa: F403
from autodiff.ops.joining import *  # noqa: F403
from autodiff.ops.numpy_protocol import AT_ONCE
from autodiff.ops.pointwise import *  # noqa: F403
from autodiff.ops.reductions import *  # noqa: F403
from autodiff.ops.shapes import *  # noqa: F403
from autodiff.ops.softmax import *  # noqa: F403

__all__: list[str] = sorted(name for family in AT_ONCE for name in family.__all__)
