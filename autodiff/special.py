"""Special functions on numbers, arrays and nodes; their values are SciPy's.

``scipy.special.erf(x)`` of a node gives the same as ``autodiff.special.erf(x)``.

>>> import autodiff as ad
>>> round(ad.grad(ad.special.erf)(0.0), 6)  # 2 / √π
1.128379
"""

from autodiff.ops.special import *  # noqa: F403
from autodiff.ops.special import __all__ as __all__
