"""Moving, joining and picking elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor


def shape_rows() -> Iterator[Row]:
    for old, new in (
        ((), (1, 1)), ((6,), (2, 3)), ((2, 3), (6,)), ((2, 3), (3, 2)), ((2, 3), -1), ((1,), ()),
        ((2, 3), (-1, 1, 2)), ((0, 3), (3, 0)),
    ):  # fmt: skip
        yield (
            "reshape", f"{old} to {new}", lambda x, new=new: ad.reshape(x * x, new), (points(*old),)
        )  # fmt: skip
    yield "reshape", "method", lambda x: (x * x).reshape(3, -1), (points(2, 3),)
    for shape, axes in (
        ((), None), ((3,), None), ((2, 3), None), ((2, 3), (0, 1)), ((2, 3, 1), (1, 2, 0)),
        ((2, 3, 2), (-1, 0, 1)), ((2, 2, 3), (2, 0, 1)), ((0, 2), None),
    ):  # fmt: skip
        yield (
            "transpose", f"{shape} by {axes}", lambda x, axes=axes: ad.transpose(x * x, axes),
            (points(*shape),),
        )  # fmt: skip
    yield "transpose", "T", lambda x: (x * x).T @ x, (points(2, 3),)
    for old, new in (
        ((), 3), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 3), (2, 3)), ((1,), (2, 1)),
        ((3,), (3,)), ((1, 2), (0, 2)),
    ):  # fmt: skip
        yield (
            "broadcast_to", f"{old} to {new}", lambda x, new=new: ad.broadcast_to(x * x, new),
            (points(*old),),
        )  # fmt: skip
    for shape, widths, value in (
        ((3,), 1, 0.0), ((3,), (0, 2), 0.0), ((3,), (2, 1), 5.0), ((2, 3), ((1, 0), (0, 2)), 0.0),
        ((2, 3), ((0, 0), (3, 1)), -1.5), ((2, 3), 0, 1.0), ((0,), 2, 1.0),
    ):  # fmt: skip
        yield (
            "pad", f"{shape} by {widths} with {value}",
            lambda x, widths=widths, value=value: ad.pad(x * x, widths, constant_values=value),
            (points(*shape),),
        )  # fmt: skip
    yield "astype", "float64", lambda x: ad.astype(x * x, np.float64), (points(3),)
    yield "astype", "long double", lambda x: ad.astype(x * x, np.longdouble), (points(3),)


def joining_rows() -> Iterator[Row]:
    constant = np.array([[1.0, 2.0, 3.0]])
    for axis in (0, -2):
        yield (
            "concatenate", f"axis={axis}", lambda x, y, a=axis: ad.concatenate([x * x, y, x], a),
            (points(2, 3), points(1, 3, seed=1)),
        )  # fmt: skip
    yield (
        "concatenate", "axis=1", lambda x, y: ad.concatenate([x, y * x], axis=1),
        (points(2, 1), points(2, 3, seed=1)),
    )  # fmt: skip
    yield (
        "concatenate", "constant and node",
        lambda x: ad.concatenate([constant, x * x, [[4, 5, 6]], x]), (points(2, 3),),
    )  # fmt: skip
    yield "concatenate", "alone", lambda x: ad.concatenate([x * x]), (points(2),)
    yield "concatenate", "empty part", lambda x: ad.concatenate([x * x, np.zeros(0)]), (points(2),)
    yield "stack", "scalars", lambda x, y: ad.stack([x, 2.0, x * y]), (points(), points(seed=1))
    for axis in (0, 1, -1):
        yield (
            "stack", f"axis={axis}", lambda x, y, a=axis: ad.stack([x * y, y, np.ones(3)], a),
            (points(3), points(3, seed=1)),
        )  # fmt: skip


INDICES: dict[str, Any] = {
    "int": 1, "negative": -1, "numpy int": np.int64(2), "all axes": (1, -2), "slice": slice(1, 3),
    "steps": slice(0, None, 2), "backwards": slice(None, None, -1),
    "backwards by 2": (slice(3, 0, -2), slice(None, None, -1)), "empty": slice(2, 2),
    "ellipsis": ..., "ellipsis first": (..., 0), "ellipsis last": (1, ...),
    "None": None, "None inside": (slice(None), None, 1), "nothing": (),
    "list": [2, 0], "repeated": [1, 1, 1, 0], "repeated negative": [0, -4, 3, -1],
    "tuple in a tuple": ((0, 0, 1),), "range": range(1, 3), "array": np.array([[0, 1], [1, 3]]),
    "pairs": ([0, 0, 3], [1, 1, 2]), "pair and scalar": ([0, 0, 3], 1),
    "tuples": ((0, 0, 3), (1, 1, 2)),
    "split": ([0, 0], slice(None)), "outer": (np.array([[0], [0]]), np.array([2, 1])),
    "list and None": ([0, 0], None), "no places": [],
    "mask": np.array([True, False, True, True]), "mask list": [True, False, False, True],
    "mask of all": np.arange(12).reshape(4, 3) % 2 == 0,
    "mask and int": ([True, True, False, True], 1),
    "mask and list": (np.array([True, False, True, False]), [2, 2]),
    "true": True, "tensor": Tensor([2, 2]), "tensor mask": Tensor([True, False, True, False]),
    "0-d array": np.array(2),
}  # fmt: skip


def index_rows() -> Iterator[Row]:
    for name, index in INDICES.items():
        yield "getitem", name, lambda x, i=index: ad.getitem(x * x, i), (points(4, 3),)
    yield "getitem", "operator", lambda x: (x * x)[[0, 0]], (points(2),)
    yield (
        "getitem", "several of one", lambda x: x[0] * x[1] + x[[0, 1, 1]].sum() * x[::-1].sum(),
        (points(3),),
    )  # fmt: skip
    yield "getitem", "element of 0-d", lambda x: (x * x).reshape(())[()], (points(1),)
    yield "getitem", "iteration", lambda x: sum(row.sum() ** 2 for row in x), (points(2, 3),)
    yield "getitem", "sum of parts", lambda x: x[1:] * x[:-1] + x[[0, 0]], (points(3),)


TABLE: list[Row] = [*shape_rows(), *joining_rows(), *index_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)
