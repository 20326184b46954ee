"""The table: every operation, in every shape and with every parameter, against finite differences.

A row names an operation, a function in which it is used, and where to differentiate. Points lie
away from kinks and ties; what happens there is the subject of ``test_kinks.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import ops, reverse
from autodiff.graph import Node, Tensor, Value
from autodiff.ops import linear_algebra, pointwise, reductions, shapes, windows
from autodiff.primitive import Primitive
from autodiff.transform import trace

Function = Callable[..., Any]
Row = tuple[str, str, Function, tuple[Any, ...]]


def points(*shape: int, seed: int = 0, positive: bool = False) -> Any:
    """Numbers at least 0.02 from each other and 0.3 from zero; a float for no shape.

    Arrays of an even and of an odd seed have no number in common.
    """
    generator = np.random.default_rng([seed, *shape])
    size = int(np.prod(shape))
    numbers = 0.3 + 0.04 * generator.permutation(size) + 0.02 * (seed % 2)
    if not positive:
        numbers *= generator.choice([-1.0, 1.0], size)
    return numbers.reshape(shape) if shape else float(numbers[0])


def positive(*shape: int, seed: int = 0) -> Any:
    return points(*shape, seed=seed, positive=True)


# --- pointwise ------------------------------------------------------------------------------------

UNARY: dict[str, Function] = {
    "neg": points, "abs": points, "exp": points, "log": positive, "sqrt": positive, "sin": points,
    "cos": points, "tan": points, "tanh": points, "sigmoid": points, "relu": points, "sign": points,
}  # fmt: skip
BINARY: dict[str, tuple[Function, Function]] = {
    "add": (points, points), "sub": (points, points), "mul": (points, points),
    "div": (points, points), "pow": (positive, points),
    "maximum": (points, points), "minimum": (points, points),
}  # fmt: skip
SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (2, 3), (2, 1, 2), (0, 3))
PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()), ((), (3,)), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)),
    ((2, 1), (1, 3)), ((2, 1), (3,)), ((1,), (2, 2)), ((2, 1, 2), (3, 1)), ((0, 3), (1, 3)),
)  # fmt: skip


def zero_d(operation: Function) -> Function:
    """The operation on tensors without axes, from tensors of one element."""
    return lambda *x: operation(*(ad.reshape(operand, ()) for operand in x))


def unary_rows() -> Iterator[Row]:
    for name, where in UNARY.items():
        operation = getattr(ad, name)
        for shape in SHAPES:
            yield name, f"x{list(shape)}", operation, (where(*shape),)
        yield name, "0-d", zero_d(operation), (where(1),)
        yield name, "of itself", lambda x, f=operation: f(f(x) * f(x) + 1.7), (where(2),)
    for name in ("log", "sqrt"):
        yield name, "far from one", getattr(ad, name), (np.array([0.05, 30.0]),)
    for name in ("sigmoid", "tanh", "exp"):
        yield name, "far from zero", getattr(ad, name), (np.array([-30.0, -5.0, 5.0]),)
    for name in ("relu", "abs"):
        yield name, "both sides", getattr(ad, name), (np.array([-2.0, -0.5, 0.5, 2.0]),)


def binary_rows() -> Iterator[Row]:
    for name, (left, right) in BINARY.items():
        operation = getattr(ad, name)
        for x, y in PAIRS:
            yield name, f"x{list(x)} y{list(y)}", operation, (left(*x), right(*y, seed=1))
        yield name, "0-d", zero_d(operation), (left(1), right(1, seed=1))
        for shape in ((), (3,)):
            x = left(*shape)
            both = positive(*shape)
            yield name, f"x x{list(shape)}", lambda x, f=operation: f(x, x), (both,)
            for kind, c in (("int", 2), ("float", 1.5), ("array", np.array([[0.5], [2.5]]))):
                yield name, f"x{list(shape)} {kind}", lambda x, f=operation, c=c: f(x, c), (x,)
                yield (
                    name, f"{kind} x{list(shape)}", lambda x, f=operation, c=c: f(c, x),
                    (right(*shape, seed=1),),
                )  # fmt: skip
    for exponent in (-2, -0.5, 0, 1, 2, 3):
        yield "pow", f"x**{exponent}", lambda x, n=exponent: x**n, (positive(3),)
    for exponent in (-1, 0, 1, 2, 3):
        yield "pow", f"(-x)**{exponent}", lambda x, n=exponent: x**n, (-positive(3),)
        yield "pow", f"float (-x)**{exponent}", lambda x, n=exponent: x**n, (-0.7,)


HOLDS = np.array([[True], [False]])


def where_rows() -> Iterator[Row]:
    for condition in (True, False):
        for x, y in (((), ()), ((2,), (2,)), ((2, 1), (3,))):
            yield (
                "where", f"{condition} x{list(x)} y{list(y)}",
                lambda x, y, c=condition: ad.where(c, x * y, ad.sin(y)),
                (points(*x), points(*y, seed=1)),
            )  # fmt: skip
    for x, y in (((2, 3), (2, 3)), ((3,), ()), ((), (3,)), ((), ()), ((1, 3), (2, 1))):
        yield (
            "where", f"array x{list(x)} y{list(y)}",
            lambda x, y: ad.where(HOLDS, x * y, ad.exp(x) * y),
            (points(*x), points(*y, seed=1)),
        )  # fmt: skip
    yield "where", "of a node", lambda x: ad.where(x > 0, x**2, -(x**3)), (points(4),)
    yield "where", "condition a tensor", lambda x: ad.where(Tensor([1, 0]), x**2, x), (points(2),)
    yield "where", "of a constant", lambda x: ad.where(HOLDS, x**2, 3.0), (points(3),)
    yield "where", "constant first", lambda x: ad.where(HOLDS, np.ones(3), x**2), (points(3),)
    yield "where", "x x", lambda x: ad.where(HOLDS, x, x) ** 2, (points(3),)
    yield (
        "where", "nested",
        lambda x: ad.where(x > 0.4, ad.where(x > 0.48, x**2, ad.sin(x)), ad.exp(x)),
        (points(6),),
    )  # fmt: skip


# --- reductions, shapes ---------------------------------------------------------------------------

REDUCTIONS = ("sum", "mean", "max", "logsumexp")
AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((), None), ((3,), None), ((3,), 0), ((3,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), 1),
    ((2, 3), -2), ((2, 3), (0, 1)), ((2, 3), (-1, 0)), ((2, 3), ()), ((2, 1, 3), (0, 2)),
    ((2, 1, 3), 1),
)  # fmt: skip


def reduction_rows() -> Iterator[Row]:
    for name, (shape, axis), keepdims in product(REDUCTIONS, AXES, (False, True)):
        operation = getattr(ad, name)

        def reduced(
            x: Any, f: Function = operation, axis: Any = axis, keepdims: bool = keepdims
        ) -> Any:
            return f(x * x, axis, keepdims)

        kept = " keepdims" if keepdims else ""
        yield name, f"x{list(shape)} axis={axis}{kept}", reduced, (positive(*shape),)
    for name in REDUCTIONS:
        yield name, "0-d", zero_d(getattr(ad, name)), (points(1),)
        yield name, "method", lambda x, f=name: getattr(ad, f)(ad.sin(x), axis=0), (points(3, 2),)
    for name in ("sum", "logsumexp"):
        yield name, "none to none", lambda x, f=name: getattr(ad, f)(x, 1), (points(0, 2),)
    yield "sum", "nothing", lambda x: ad.sum(x), (points(0, 2),)
    yield "logsumexp", "large", lambda x: ad.logsumexp(x + 1000.0, 0), (points(3),)
    yield "logsumexp", "small", lambda x: ad.logsumexp(x - 1000.0, 0), (points(3),)


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
            lambda x, widths=widths, value=value: ad.pad(x * x, widths, value), (points(*shape),),
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


# --- products, windows ----------------------------------------------------------------------------


def matmul_rows() -> Iterator[Row]:
    for x, y in (
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 1), (1, 1)),
        ((4, 2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((4, 2, 3), (3,)),
        ((3,), (4, 3, 2)), ((2, 1, 2, 3), (3, 3, 1)), ((1, 2, 2), (3, 2, 2)), ((2, 0), (0, 3)),
        ((0, 2), (2, 3)), ((2, 1, 3), (3,)), ((3,), (2, 1, 3, 2)),
    ):  # fmt: skip
        yield "matmul", f"{x} {y}", ad.matmul, (points(*x), points(*y, seed=1))
    yield "matmul", "x x", lambda x: ad.matmul(x, x), (points(3, 3),)
    yield "matmul", "x xT", lambda x: x @ x.T, (points(2, 3),)
    yield "matmul", "vector twice", lambda x: x @ x, (points(3),)
    yield "matmul", "constant left", lambda x: np.arange(6.0).reshape(2, 3) @ x, (points(3, 2),)
    yield "matmul", "constant right", lambda x: x @ np.arange(6.0).reshape(3, 2), (points(2, 3),)
    yield "matmul", "lists", lambda x: x @ [1.0, 2.0, 3.0], (points(2, 3),)


CONVOLUTIONS: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    # images, kernels, parameters
    ((1, 1, 3), (1, 1, 1), {}),
    ((2, 2, 5), (3, 2, 2), {}),
    ((1, 2, 7), (2, 2, 3), {"stride": 2, "padding": 1}),
    ((1, 2, 7), (2, 1, 2), {"groups": 2, "dilation": 3}),
    ((1, 1, 6), (2, 1, 3), {"padding": "same", "stride": (2,)}),
    ((1, 1, 5), (1, 1, 2), {"padding": "same", "flip": True}),
    ((2, 1, 3, 4), (2, 1, 2, 3), {}),
    ((1, 2, 4, 3), (2, 2, 2, 2), {"padding": 1}),
    ((1, 2, 4, 3), (2, 2, 2, 2), {"padding": (0, 2), "flip": True}),
    ((1, 1, 5, 4), (2, 1, 2, 2), {"stride": 2}),
    ((1, 1, 5, 6), (1, 1, 2, 3), {"stride": (3, 2), "padding": "valid"}),
    ((1, 1, 5, 5), (1, 1, 2, 2), {"dilation": 2}),
    ((1, 1, 5, 4), (1, 1, 3, 2), {"dilation": (2, 3), "padding": "same"}),
    ((1, 4, 3, 3), (4, 2, 2, 2), {"groups": 2}),
    ((1, 2, 3, 3), (4, 1, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "flip": True}),
    ((1, 1, 4, 4), (1, 1, 3, 3), {"padding": "same", "stride": 2}),
    ((2, 3, 2, 2), (2, 3, 1, 1), {}),
    ((2, 3, 2, 2), (2, 3, 2, 2), {}),
    ((1, 1, 2, 2), (1, 1, 3, 3), {"padding": 2, "stride": 3}),
    ((0, 1, 3, 3), (2, 1, 2, 2), {}),
)


def told(parameters: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def convolution_rows() -> Iterator[Row]:
    for x, w, parameters in CONVOLUTIONS:
        yield (
            "conv", f"{x} {w} {told(parameters)}",
            lambda x, w, p=parameters: ad.conv(x, w, **p), (points(*x), points(*w, seed=1)),
        )  # fmt: skip
    yield (
        "conv", "of the same node", lambda x: ad.conv(x, x[:, :, 1:, 1:], padding=1),
        (points(1, 1, 3, 3),),
    )  # fmt: skip
    image, kernel = points(1, 2, 4, 3, seed=2), points(2, 2, 2, 2, seed=3)
    bias = points(2, seed=4)
    yield "conv", "bias", lambda x, w, b: ad.conv(x, w, b), (image, kernel, bias)
    yield "conv", "bias alone", lambda b: ad.conv(image, kernel, b * b), (bias,)
    yield "conv", "constant bias", lambda w: ad.conv(image, w * w, bias), (kernel,)
    yield "conv", "constant image", lambda w: ad.conv(image, w * w), (kernel,)
    yield "conv", "constant kernel", lambda x: ad.conv(x * x, kernel), (image,)


def pooling_rows() -> Iterator[Row]:
    variants: tuple[tuple[tuple[int, ...], Any, dict[str, Any]], ...] = (
        ((1, 2, 6), 2, {}),
        ((2, 1, 7), 3, {"stride": 1}),
        ((1, 1, 5), (2,), {"stride": 3, "padding": 1}),
        ((1, 2, 4, 4), 2, {}),
        ((1, 1, 5, 5), 3, {"stride": 2}),
        ((1, 1, 5, 4), (2, 3), {"stride": (2, 1)}),
        ((1, 1, 4, 5), 2, {"padding": 1}),
        ((1, 1, 3, 4), (3, 2), {"stride": 1, "padding": (1, 0)}),
        ((1, 1, 3, 5), 3, {"stride": 2, "padding": "same"}),
        ((1, 1, 5, 5), 2, {"stride": 3, "padding": "valid"}),
        ((1, 1, 4, 4, 4), 2, {}),
        ((0, 1, 4, 4), 2, {}),
    )
    for shape, size, parameters in variants:
        for name in ("sum_pool", "average_pool"):
            yield (
                name, f"{shape} by {size} {told(parameters)}",
                lambda x, f=name, n=size, p=parameters: getattr(ad, f)(x * x, n, **p),
                (points(*shape),),
            )  # fmt: skip
        for ties in ("first", "last", "all", "split"):
            yield (
                "max_pool", f"{shape} by {size} {told(parameters)} ties={ties}",
                lambda x, n=size, p=parameters, t=ties: ad.max_pool(x * x, n, ties=t, **p),
                (positive(*shape),),
            )  # fmt: skip


def window_rows() -> Iterator[Row]:
    for shape, size, parameters in (
        ((4,), 2, {}), ((5,), (2,), {"stride": 2}), ((6,), 3, {"dilation": 2}),
        ((2, 5), 3, {"stride": 2}), ((4, 4), (2, 2), {}), ((5, 4), (2, 3), {"stride": (2, 1)}),
        ((2, 5, 5), (2, 2), {"dilation": (3, 2), "stride": 2}), ((3,), 3, {}), ((3,), 1, {}),
    ):  # fmt: skip
        yield (
            "windows", f"{shape} by {size} {told(parameters)}",
            lambda x, n=size, p=parameters: ad.windows(x * x, n, **p), (points(*shape),),
        )  # fmt: skip


TABLE: list[Row] = [
    *unary_rows(), *binary_rows(), *where_rows(), *reduction_rows(), *shape_rows(),
    *joining_rows(), *index_rows(), *matmul_rows(), *convolution_rows(), *pooling_rows(),
    *window_rows(),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "arguments"),
    [pytest.param(function, arguments, id=f"{name} {told}")
     for name, told, function, arguments in TABLE],
)  # fmt: skip
def test_first_and_second_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    ad.check_gradients(function, *arguments, order=2)


# --- completeness ---------------------------------------------------------------------------------


def test_every_public_operation_has_rows() -> None:
    public = {name for name in ops.__all__ if callable(getattr(ops, name))}
    assert public == {name for name, *_ in TABLE}


def test_every_row_is_told_apart() -> None:
    names = [f"{name} {told}" for name, told, *_ in TABLE]
    assert len(set(names)) == len(names)


def test_every_primitive_is_used_in_a_row() -> None:
    defined = {
        thing
        for module in (linear_algebra, pointwise, reductions, shapes, windows, trace)
        for value in vars(module).values()
        for thing in (value, getattr(value, "primitive", None))
        if isinstance(thing, Primitive)
    }
    used: set[Primitive | None] = set()
    for _, _, function, arguments in TABLE:
        nodes: list[Node] = [
            Tensor(argument) if np.ndim(argument) else Value(argument) for argument in arguments
        ]

        def total(*x: Any, f: Function = function) -> Any:
            return ad.sum(f(*x))

        results = [function(*nodes), *ad.grad(total, tuple(range(len(nodes))))(*nodes)]
        for result in results:
            if isinstance(result, Node):
                used |= {node.primitive for node in reverse.schedule(result)}
    assert defined <= used, defined - used
