"""NumPy users write NumPy: its functions on nodes are the library's, or refuse by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.ops.numpy_protocol import ANSWERS

Function = Callable[..., Any]
A = np.array([[0.3, 0.7, 1.1], [1.9, 0.5, 1.3]])

# --- what has a rule ------------------------------------------------------------------------------

UFUNCS = [function for function in ANSWERS if isinstance(function, np.ufunc)]

TRANSFORMS = [
    function for function in ANSWERS if getattr(function, "__module__", "") == "numpy.fft"
]

# fmt: off
CALLS: dict[Any, list[Function]] = {
    **{ufunc: [ufunc] for ufunc in UFUNCS if ufunc.nin == 1},
    **{ufunc: [lambda x, f=ufunc: f(x, 2.0), lambda x, f=ufunc: f(A + 0.1, x),
               lambda x, f=ufunc: f(x, x[0]), lambda x, f=ufunc: f(np.float64(2.0), x)]
       for ufunc in UFUNCS if ufunc.nin == 2},
    np.matmul:       [lambda x: np.matmul(x, A.T), lambda x: np.matmul(A.T, x)],
    np.where:        [lambda x: np.where(A > 1, x, 0.0), lambda x: np.where(x > 1, x * x, A),
                      lambda x: np.where(x[0] > 0.5, A, x)],
    np.sum:          [np.sum, lambda x: np.sum(x, axis=0), lambda x: np.sum(x, 1, keepdims=True)],
    np.mean:         [np.mean, lambda x: np.mean(x, axis=(0, 1)),
                      lambda x: np.mean(x, -1, keepdims=True)],
    np.max:          [np.max, lambda x: np.max(x, axis=0)],
    np.amax:         [lambda x: np.amax(x, 1, keepdims=True)],
    np.reshape:      [lambda x: np.reshape(x, (3, 2)), lambda x: np.reshape(x, -1)],
    np.transpose:    [np.transpose, lambda x: np.transpose(x, (1, 0)),
                      lambda x: np.transpose(x, axes=(0, 1))],
    np.broadcast_to: [lambda x: np.broadcast_to(x, (2, 2, 3))],
    np.concatenate:  [lambda x: np.concatenate([x, A]),
                      lambda x: np.concatenate((A, x, x), axis=1)],
    np.stack:        [lambda x: np.stack([x, A]), lambda x: np.stack((A, x), axis=-1)],
    np.pad:          [lambda x: np.pad(x, 1), lambda x: np.pad(x, ((0, 1), (2, 0))),
                      lambda x: np.pad(x, 1, constant_values=3.0),
                      lambda x: np.pad(x, 1, mode="constant")],
    np.astype:       [lambda x: np.astype(x, np.float64)],
    np.convolve:     [lambda x: np.convolve(x[0], A[1], "same")],
    np.correlate:    [lambda x: np.correlate(x[0], A[1], mode="full")],
    **{transform: [lambda x, f=transform: np.real(f(x))] for transform in TRANSFORMS},
    np.polyval:      [lambda x: np.polyval([2.0, -1.0, 3.0], x), lambda x: np.polyval(x[0], 2.0)],
    np.vander:       [lambda x: np.vander(x[0]), lambda x: np.vander(x[0], 2, increasing=True)],
    np.real:         [np.real],
    np.real_if_close: [np.real_if_close, lambda x: np.real_if_close(x, tol=10)],
    np.linspace:     [lambda x: np.linspace(x, 2.0, 3), lambda x: np.linspace(A, x, num=3, axis=1)],
    np.logspace:     [lambda x: np.logspace(x, 2.0, 3, base=2.0)],
    np.geomspace:    [lambda x: np.geomspace(x, 2.0, 3, endpoint=False)],
}
# fmt: on
ABOUT_SHAPES = {np.shape: (2, 3), np.ndim: 2, np.size: 6}


def test_every_entry_of_the_tables_is_called_here() -> None:
    assert set(ANSWERS) <= set(CALLS)


@pytest.mark.parametrize(
    "call",
    [pytest.param(call, id=f"{function.__name__} {i}")
     for function, calls in CALLS.items() for i, call in enumerate(calls)],
)  # fmt: skip
def test_functions_on_nodes(call: Function) -> None:
    y = call(Tensor(A))
    assert type(y) is Tensor
    np.testing.assert_allclose(y.data, call(A), rtol=1e-15)
    ad.check_gradients(call, A, order=1)


@pytest.mark.parametrize("ufunc", [f for f in UFUNCS if f is not np.matmul])
def test_functions_on_scalars(ufunc: Any) -> None:
    arguments = (0.7, 1.3)[: ufunc.nin]
    y = ufunc(*map(Value, arguments))
    assert type(y) is Value
    assert y.data == pytest.approx(ufunc(*arguments), rel=1e-15)


@pytest.mark.parametrize("function", ABOUT_SHAPES)
def test_functions_about_shapes(function: Any) -> None:
    assert function(Tensor(A)) == ABOUT_SHAPES[function]
    assert function(Value(1.0)) == function(1.0)


def test_operators_of_arrays_with_nodes() -> None:
    x = Tensor(A)
    for y, expected in (
        (A * x, A * A), (A - x, A - A), (A / x, A / A), (A**x, A**A), (A.T @ x, A.T @ A),
        (x @ A.T, A @ A.T), (A[0] + x, A[0] + A), (np.float64(2) * x, 2 * A),
        (A * Value(2.0), A * 2), (np.float32(2) - x, 2 - A), ([1.0, 2.0, 3.0] * x, [1, 2, 3] * A),
        (x * (1.0, 2.0, 3.0), A * [1, 2, 3]), ([[1.0, 2.0]] @ x, [[1, 2]] @ A),
    ):  # fmt: skip
        assert type(y) is Tensor
        np.testing.assert_allclose(y.data, expected, rtol=1e-15)


def test_augmented_assignment_to_an_array_is_refused() -> None:
    a = A.copy()
    with pytest.raises(TypeError, match=r"add.*out"):
        a += Tensor(A)
    np.testing.assert_array_equal(a, A)


def test_augmented_assignment_to_a_node_is_no_mutation() -> None:
    x = y = Tensor(A)
    y += A
    assert y is not x
    np.testing.assert_array_equal(x.data, A)
    np.testing.assert_array_equal(y.data, 2 * A)


@pytest.mark.parametrize(
    "ufunc", [np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal]
)
def test_comparisons_are_bare(ufunc: Any) -> None:
    result = ufunc(Tensor(A), 1.1)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, ufunc(A, 1.1))


@pytest.mark.parametrize("ufunc", [np.isfinite, np.isinf, np.isnan, np.signbit])
def test_questions_about_numbers_are_bare(ufunc: Any) -> None:
    x = np.array([1.0, -np.inf, np.nan])
    np.testing.assert_array_equal(ufunc(Tensor(x)), ufunc(x))
    assert not isinstance(ufunc(Value(1.0)), Node)


# --- what has none --------------------------------------------------------------------------------

# fmt: off
REFUSED: list[tuple[str, Function, str]] = [
    ("ufunc",            lambda x: np.arctan(x),                      "np.arctan"),
    ("second operand",   lambda x: np.arctan2(1.0, x),                "np.arctan2"),
    ("divmod",           lambda x: np.floor_divide(x, 2.0),           "np.floor_divide"),
    ("reduce",           lambda x: np.add.reduce(x),                  r"np.add.reduce"),
    ("accumulate",       lambda x: np.add.accumulate(x),              r"np.add.accumulate"),
    ("outer",            lambda x: np.multiply.outer(x, x),           r"np.multiply.outer"),
    ("at",               lambda x: np.add.at(np.ones(3), [0], x),     r"np.add.at"),
    ("function",         lambda x: np.cumsum(x),                      "np.cumsum"),
    ("function of list", lambda x: np.vstack([x, x]),                 "np.vstack"),
    ("function of both", lambda x: np.interp(1.0, [0.0, 2.0], x),     "np.interp"),
    ("linalg",           lambda x: np.linalg.norm(x),                 "norm"),
    ("einsum",           lambda x: np.einsum("ij->i", x),             "np.einsum"),
    ("dot",              lambda x: np.dot(x, A.T),                    "np.dot"),
    ("sort",             lambda x: np.sort(x),                        "np.sort"),
    ("out of a ufunc",   lambda x: np.add(x, 1.0, out=np.empty_like(A)),  r"np.add.*out"),
    ("where of a ufunc", lambda x: np.add(x, 1.0, where=A > 1),       r"np.add.*where"),
    ("dtype of a ufunc", lambda x: np.exp(x, dtype=np.float32),       r"np.exp.*dtype"),
    ("out of a sum",     lambda x: np.sum(x, axis=0, out=np.empty(3)), r"sum.*out"),
    ("dtype of a mean",  lambda x: np.mean(x, dtype=np.float32),      r"mean.*dtype"),
    ("initial of a max", lambda x: np.max(x, initial=0.0),            r"max.*initial"),
    ("order of reshape", lambda x: np.reshape(x, (3, 2), order="F"),  r"reshape.*order"),
    ("mode of pad",      lambda x: np.pad(x, 1, mode="edge"),         r"np.pad.*'edge'"),
    ("where of one",     lambda x: np.where(x),                       r"where"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "message"), [pytest.param(call, message, id=name) for name, call, message in REFUSED]
)
def test_what_has_no_rule_is_refused_by_name(call: Function, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(Tensor(A))


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: np.asarray(x), lambda x: np.array(x), lambda x: np.array([x]),
        lambda x: np.array([x, x]), lambda x: np.array([[x], [1.0]]),
        lambda x: np.asarray((x, 1.0)),
        lambda x: np.array(x, dtype=float), lambda x: np.array([x], dtype=object),
        lambda x: np.asanyarray(x), lambda x: np.array([1.0, x]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("node", [Value(1.0), Tensor(1.0), Tensor(A)], ids=["Value", "0-d", "2-d"])
def test_a_node_becomes_no_array(convert: Function, node: Node) -> None:
    with pytest.raises(TypeError, match="graph"):
        convert(node)


def test_a_node_is_not_written_into_an_array() -> None:
    a = np.zeros((2, 3))
    for node in (Value(1.0), Tensor(1.0), Tensor(A[0])):
        with pytest.raises(TypeError):
            a[0] = node
        with pytest.raises(TypeError):
            np.full(3, node)
    np.testing.assert_array_equal(a, 0.0)


def test_no_result_is_an_object_array() -> None:
    for operand in (np.array([1.0, 2.0]), np.float64(2.0), [1.0, 2.0], (1.0, 2.0)):
        for node in (Value(1.0), Tensor([1.0, 2.0])):
            for y in (operand + node, node + operand, operand / node, node**operand):
                assert isinstance(y, Node)
                assert isinstance(y.data, float) or y.data.dtype == np.float64


def test_object_arrays_are_refused() -> None:
    objects = np.empty(2, dtype=object)
    with pytest.raises(TypeError, match="object"):
        objects * Tensor([1.0, 2.0])
