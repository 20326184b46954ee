"""Polynomials in vectors: a loop over their terms would keep a compiler from computing in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from autodiff.kernels.native.compiler import written


def polynomial(single: Sequence[float], double: Sequence[float]) -> Callable[[Any], Any]:
    """The function c0 + c1 x + c2 x² + ..., by Horner's scheme; each step is rounded once.

    Args:
        single: c0, c1, ... for numbers of float32.
        double: the same for float64.
    """

    @written
    def evaluated(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.FloatType() if x.bitwidth == 32 else ir.DoubleType()
            terms = [float(np.float32(c)) for c in single] if x.bitwidth == 32 else double
            step = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.f{x.bitwidth}"
            )
            value = ir.Constant(kind, terms[-1])
            for term in terms[-2::-1]:
                value = builder.call(step, [value, arguments[0], ir.Constant(kind, term)])
            return value

        return x(x), emit

    return evaluated
