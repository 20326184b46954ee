"""The tables of primitives and their rules, one file a family."""

from autodiff.ops import numpy_protocol, operators  # noqa: F401 - they give nodes their methods
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.pointwise import (
    abs,
    add,
    cos,
    div,
    exp,
    log,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    relu,
    sigmoid,
    sign,
    sin,
    sqrt,
    sub,
    tan,
    tanh,
    where,
)
from autodiff.ops.reductions import logsumexp, max, mean, sum
from autodiff.ops.shapes import (
    astype,
    broadcast_to,
    concatenate,
    getitem,
    pad,
    reshape,
    stack,
    transpose,
)
from autodiff.ops.spatial import average_pool, conv, max_pool, sum_pool, windows

__all__ = [
    "abs", "add", "astype", "average_pool", "broadcast_to", "concatenate", "conv", "cos", "div",
    "exp", "getitem", "log", "logsumexp", "matmul", "max", "max_pool", "maximum", "mean", "minimum",
    "mul", "neg", "pad", "pow", "relu", "reshape", "sigmoid", "sign",
    "sin", "sqrt", "stack", "sub", "sum", "sum_pool", "tan", "tanh", "transpose", "where",
    "windows",
]  # fmt: skip
