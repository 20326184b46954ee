"""Linear algebra on nodes: the functions of ``numpy.linalg``, and ``expm``.

>>> import numpy as np
>>> from autodiff import Tensor, linalg
>>> A = Tensor([[2.0, 1.0], [1.0, 3.0]])
>>> float(linalg.det(A)), float(np.linalg.det(A)) == float(linalg.det(A))
(5.000000000000001, True)
"""

from autodiff.ops import decompositions, determinants, linear_systems, norms
from autodiff.ops.decompositions import *  # noqa: F403
from autodiff.ops.determinants import *  # noqa: F403
from autodiff.ops.linear_systems import *  # noqa: F403
from autodiff.ops.norms import *  # noqa: F403

__all__ = sorted(
    [*linear_systems.__all__, *decompositions.__all__, *determinants.__all__, *norms.__all__]
)
