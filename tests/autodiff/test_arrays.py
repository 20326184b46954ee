"""Arrays: the dtype, the shape and the layout of values and gradients."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff as ad
from autodiff import Node, Tensor, Value

Function = Callable[..., Any]


def numbers(*shape: int, dtype: Any = np.float64, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape).astype(dtype)


# --- dtype ----------------------------------------------------------------------------------------

IN_ANY_DTYPE: dict[str, Function] = {
    **{name: getattr(ad, name) for name in
       ("neg", "abs", "exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu", "sign",
        "sum", "mean", "max", "logsumexp", "transpose")},
    "x + 2": lambda x: x + 2, "2.5 - x": lambda x: 2.5 - x, "x * 3": lambda x: x * 3,
    "1 / x": lambda x: 1 / x, "x / 3": lambda x: x / 3, "x**2": lambda x: x**2,
    "x**0.5": lambda x: x**0.5, "2**x": lambda x: 2**x, "x**x": lambda x: x**x,
    "x + True": lambda x: x + True, "numpy int": lambda x: x * np.int64(2).item(),
    "maximum(x, 1)": lambda x: ad.maximum(x, 1), "minimum(1.0, x)": lambda x: ad.minimum(1.0, x),
    "v * x": lambda x: Value(1.5) * x, "x / v": lambda x: x / Value(3.0),
    "x**v": lambda x: x ** Value(2.0), "v - x": lambda x: Value(1.0) - x,
    "sin(v) + x": lambda x: ad.sin(Value(1.0)) + x,
    "v * float64 scalar * x": lambda x: Value(1.5) * np.float64(2) * x,
    "where(c, x, 0)": lambda x: ad.where(x > 1, x, 0), "where(c, v, x)":
    lambda x: ad.where([[True], [False]], Value(1.0), x),
    "mean axis": lambda x: x.mean(axis=0), "max axis": lambda x: x.max(axis=(0, 1)),
    "sum of all": lambda x: x.sum(), "element": lambda x: x[1, 2], "list": lambda x: x[[0, 0]],
    "slice": lambda x: x[:, ::-1], "reshape": lambda x: x.reshape(3, 2),
    "broadcast_to": lambda x: ad.broadcast_to(x, (4, 2, 3)),
    "pad": lambda x: ad.pad(x, 1, constant_values=2.0),
    "concatenate": lambda x: ad.concatenate([x, x]), "stack": lambda x: ad.stack([x, x]),
    "matmul": lambda x: x @ x.T, "vector": lambda x: x @ x[0], "windows":
    lambda x: ad.windows(x, 2),
    "conv": lambda x: ad.conv(x[None, None], x[:, None, None, :2], padding=1),
    "conv flip": lambda x: ad.conv(x[:, None], x[:, None, :2], flip=True, stride=2),
    "max_pool": lambda x: ad.max_pool(x[None, None], 2, padding="same"),
    "max_pool split": lambda x: ad.max_pool(x[None, None], 2, stride=1, ties="split"),
    "sum_pool": lambda x: ad.sum_pool(x[None, None], 2),
    "average_pool": lambda x: ad.average_pool(x[None, None], 2, stride=1),
    "pool overlapping": lambda x: ad.average_pool(x[None, None], (1, 2), stride=1, padding=1),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("function", [pytest.param(f, id=name) for name, f in IN_ANY_DTYPE.items()])
def test_dtype_of_value_and_gradients_is_that_of_the_operand(
    function: Function, dtype: Any
) -> None:
    x = Tensor(numbers(2, 3, dtype=dtype))
    y = function(x)
    assert type(y) is Tensor
    assert y.dtype == dtype
    y.backward(np.ones(y.shape))
    assert x.grad is not None
    assert (x.grad.dtype, x.grad.shape) == (dtype, x.shape)
    assert y.grad.dtype == dtype

    def total(x: Any) -> Any:
        return ad.sum(function(x) * function(x))

    assert ad.grad(total)(x.data).dtype == dtype
    second = ad.grad(lambda x: ad.sum(ad.grad(total)(x) * x))(x.data)
    assert (second.dtype, second.shape) == (dtype, x.shape)
    assert ad.grad(total)(x).dtype == dtype
    assert ad.jvp(function, (x.data,), (np.ones(x.shape),))[1].dtype == dtype


def test_operands_of_two_dtypes_have_gradients_of_their_own() -> None:
    x, y = Tensor(numbers(3, dtype=np.float32)), Tensor(numbers(3))
    z = x * y + y / x
    assert z.dtype == np.float64
    z.sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


def test_astype_casts_the_gradient_back() -> None:
    x = Tensor(numbers(3, dtype=np.float32))
    y = ad.astype(x, np.float64)
    assert y.dtype == np.float64
    (y * y).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, 2 * x.data)


def test_dtype_argument() -> None:
    assert Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor([1.0, 2.0]).dtype == np.float64
    assert Tensor([1, 2]).dtype.kind == "i"


# --- integers and booleans ------------------------------------------------------------------------


@pytest.mark.parametrize("data", [[1, 2], [True, False], np.array([1, 2], np.uint8)], ids=str)
def test_integers_and_booleans_are_constants(data: Any) -> None:
    c, x = Tensor(data), Tensor([1.5, 2.5])
    (c * x + ad.where(c, x, 0.0)).sum().backward()
    expected = np.asarray(data, float) + (np.asarray(data) != 0)
    np.testing.assert_array_equal(x.grad, expected)
    assert c.grad is None
    assert not c.has_adjoint


@pytest.mark.parametrize("data", [[1, 2], [True, False]], ids=str)
def test_asking_for_the_gradient_of_integers_is_an_error(data: Any) -> None:
    for argument in (np.array(data), Tensor(data)):
        with pytest.raises(TypeError, match=r"(?i)integer|int64|bool"):
            ad.grad(lambda x: ad.sum(x * 1.5))(argument)
    with pytest.raises(TypeError, match="derivative"):
        Tensor(data).backward([1.0, 1.0])
    with pytest.raises(TypeError, match="derivative"):
        (Tensor(data) + 1).sum().backward()


@pytest.mark.parametrize("name", ["sum_pool", "average_pool", "max_pool"])
@pytest.mark.parametrize("padding", [0, 1])
def test_pooling_of_integers(name: str, padding: int) -> None:
    x = np.arange(16).reshape(1, 1, 4, 4)
    pool = getattr(ad, name)
    expected = pool(x.astype(float), 2, padding=padding)
    np.testing.assert_array_equal(pool(x, 2, padding=padding), expected)
    np.testing.assert_array_equal(pool(Tensor(x), 2, padding=padding).data, expected)


def test_integer_operands_of_products_and_convolutions() -> None:
    x, w = Tensor(numbers(1, 1, 3, 3)), np.arange(4).reshape(1, 1, 2, 2)
    ad.check_gradients(lambda x: ad.conv(x, w), x.data)
    ad.check_gradients(lambda x: ad.conv(Tensor(np.ones((1, 1, 3, 3), int)), x), w.astype(float))
    ad.check_gradients(lambda x: x @ np.arange(3), numbers(2, 3))


# --- shape ----------------------------------------------------------------------------------------

Shapes = tuple[tuple[int, ...], tuple[int, ...]]

# f, and its two partial derivatives
PARTIALS: dict[str, tuple[Function, Function, Function]] = {
    "add": (np.add, lambda x, y: 1 + 0 * (x + y), lambda x, y: 1 + 0 * (x + y)),
    "sub": (np.subtract, lambda x, y: 1 + 0 * (x + y), lambda x, y: -1 + 0 * (x + y)),
    "mul": (np.multiply, lambda x, y: y + 0 * x, lambda x, y: x + 0 * y),
    "div": (np.divide, lambda x, y: 1 / y + 0 * x, lambda x, y: -x / y**2),
    "pow": (np.power, lambda x, y: y * x ** (y - 1), lambda x, y: x**y * np.log(x)),
    "maximum": (
        np.maximum, lambda x, y: 1.0 * (x > y) + 0.5 * (x == y),
        lambda x, y: 1.0 * (x < y) + 0.5 * (x == y),
    ),
}  # fmt: skip


def summed_to(array: Any, shape: tuple[int, ...]) -> Any:
    """The sum over broadcast axes, one axis after the other."""
    while array.ndim > len(shape):
        array = array.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1 and array.shape[axis] != 1:
            array = array.sum(axis=axis, keepdims=True)
    return array


@settings(max_examples=300, deadline=None)
@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3, min_side=0),
    name=st.sampled_from(sorted(PARTIALS)),
    dtype=st.sampled_from([np.float32, np.float64]),
    kinds=st.tuples(*[st.booleans()] * 2),
    seed=st.integers(0, 99),
)
def test_broadcasting(
    shapes: hnp.BroadcastableShapes, name: str, dtype: Any, kinds: tuple[bool, bool], seed: int
) -> None:
    arrays = [numbers(*shape, dtype=dtype, seed=seed + i)
              for i, shape in enumerate(shapes.input_shapes)]  # fmt: skip
    nodes: list[Any] = [
        Value(float(array)) if scalar and not array.ndim else Tensor(array)
        for scalar, array in zip(kinds, arrays, strict=True)
    ]
    function, *partials = PARTIALS[name]
    w = numbers(*shapes.result_shape, dtype=dtype, seed=seed + 2)
    z = getattr(ad, name)(*nodes)
    value = z.data
    assert np.shape(value) == shapes.result_shape
    np.testing.assert_allclose(value, function(*arrays), rtol=1e-6)
    ad.sum(w * z).backward()
    for node, array, partial in zip(nodes, arrays, partials, strict=True):
        expected = summed_to(w * partial(*arrays), array.shape)
        assert np.shape(node.grad) == array.shape
        np.testing.assert_allclose(node.grad, expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 1), (2, 1, 3), (0,), (2, 0)])
def test_gradient_has_exactly_the_shape_of_its_node(shape: tuple[int, ...]) -> None:
    x = Tensor(numbers(*shape))
    y = ad.sin(x) * np.ones((2, 1, 1, 1)) + x[None] * x
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == shape
    np.testing.assert_allclose(x.grad, 2 * np.cos(x.data) + 4 * x.data, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "reduce",
    [
        lambda x: x.sum(), lambda x: x.mean(), lambda x: x.max(), ad.logsumexp, lambda x: x[0],
        lambda x: x @ x, lambda x: ad.reshape(x[:1], ()), lambda x: x[0] * 2, lambda x: -x[0],
        lambda x: x.sum() + x.sum(), lambda x: ad.sin(x.sum()),
    ],
)  # fmt: skip
def test_one_number_of_a_tensor_is_a_tensor_without_axes(dtype: Any, reduce: Function) -> None:
    y = reduce(Tensor(numbers(3, dtype=dtype)))
    assert type(y) is Tensor
    assert type(y.data) is np.ndarray
    assert (y.shape, y.dtype) == ((), dtype)
    y.backward()
    assert type(y.grad) is np.ndarray
    assert y.grad.shape == ()


def test_value_and_tensor_mixed() -> None:
    v, x = Value(3.0), Tensor([1.0, 2.0])
    y = v * x
    assert type(y) is Tensor
    y.backward([10.0, 1.0])
    assert type(v.grad) is float
    assert v.grad == 12.0
    np.testing.assert_array_equal(x.grad, [30.0, 3.0])
    assert type(ad.grad(lambda v: (v * x).sum())(3.0)) is float
    nested = ad.grad(lambda v: (v * v * x).sum())(v)
    assert type(nested) is Value
    assert nested.data == 18.0


def test_scalars_among_themselves_stay_scalars() -> None:
    v = Value(2.0)
    for y in (ad.sum(v), ad.mean(v), ad.max(v), ad.logsumexp(v), ad.where(True, v, 1.0)):
        assert type(y) is Value
        assert type(y.data) is float


# --- what a Tensor takes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [1j, [1.0, 1j], "text", ["a"], [None], [...], [[1.0], [1.0, 2.0]], b"1", {1.0}, None,
     np.array(["2026-01-01"], dtype="datetime64[D]"), np.zeros(2, dtype=[("x", float)])],
    ids=repr,
)  # fmt: skip
def test_what_is_not_real_numbers_is_refused(data: Any) -> None:
    x = Tensor([1.0])
    for attempt in (
        lambda: Tensor(data), lambda: x + data if isinstance(data, (list, np.ndarray)) else
        ad.add(x, data), lambda: x.assign(data), lambda: ad.grad(lambda y: ad.sum(y))(data),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            attempt()
    assert x.data.tolist() == [1.0]


@pytest.mark.parametrize("dtype", [complex, object, "U4", "datetime64[s]"])
def test_dtypes_that_are_not_real_are_refused(dtype: Any) -> None:
    with pytest.raises(TypeError):
        Tensor([1.0], dtype=dtype)
    with pytest.raises(TypeError):
        ad.astype(Tensor([1.0]), dtype)


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_astype_makes_floating_point_numbers_only(dtype: Any) -> None:
    with pytest.raises(TypeError):
        ad.astype(Tensor([1.0]), dtype)


def test_data_is_copied() -> None:
    array = np.ones(2)
    x = Tensor(array)
    array[0] = 7.0
    assert x.data.tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="graph"):
        Tensor(x)  # type: ignore[arg-type]


# --- layout ---------------------------------------------------------------------------------------

LAYOUTS: dict[str, Function] = {
    "C": lambda a: np.ascontiguousarray(a),
    "F": lambda a: np.asfortranarray(a),
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "every second": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=-1)[::2, ..., ::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), dtype=np.uint8)[1:]
    .view(a.dtype).reshape(a.shape),
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_makes_no_difference(layout: str) -> None:
    a, w = numbers(4, 4), numbers(4, 4, seed=1)
    image, kernel = numbers(1, 2, 4, 4), numbers(2, 2, 2, 2, seed=3)

    def f(x: Any, y: Any, u: Any, v: Any) -> Any:
        z = x * ad.sin(y.T) + x[::-1, 1:2] * y @ x
        u = ad.conv(u, v, stride=2) + ad.max_pool(u, 2)
        return (z * z).sum() + (ad.average_pool(u, 2) * ad.sum_pool(u, 2)).sum()

    arguments = (a, w, image, kernel)
    expected = ad.value_and_grad(f, (0, 1, 2, 3))(*arguments)
    made = tuple(map(LAYOUTS[layout], arguments))
    for array, argument in zip(made, arguments, strict=True):
        np.testing.assert_array_equal(array, argument)
    value, gradients = ad.value_and_grad(f, (0, 1, 2, 3))(*made)
    assert value == pytest.approx(expected[0], rel=1e-13)
    for gradient, e in zip(gradients, expected[1], strict=True):
        np.testing.assert_allclose(gradient, e, rtol=1e-12)


def test_subclasses_of_arrays_become_plain_arrays() -> None:
    class Special(np.ndarray[Any, Any]):
        pass

    special = np.ones(2).view(Special)
    for y in (Tensor(special), special * Tensor([1.0, 2.0]), Tensor([1.0, 2.0]) + special):
        assert type(y) is Tensor
        assert type(y.data) is np.ndarray


# --- the rest of a Tensor -------------------------------------------------------------------------


def test_attributes() -> None:
    x = Tensor(np.zeros((2, 3), np.float32), label="x")
    assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float32, 2)
    assert x.T.shape == (3, 2)
    assert [row.shape for row in x] == [(3,), (3,)]
    assert (Tensor(3.0).item(), type(Tensor(3).item())) == (3.0, float)
    assert x.grad is None


def test_repr() -> None:
    assert repr(Tensor([1.0, 2.0], label="x")) == "Tensor([1., 2.], label='x', dtype=float64)"
    assert repr(Tensor(np.zeros((10, 20)))) == "Tensor(shape=(10, 20), dtype=float64)"


def test_conversions_need_one_element() -> None:
    assert float(Tensor([[2.5]]).reshape(())) == 2.5
    assert bool(Tensor(1.0))
    for convert in (float, int, bool, lambda x: x.item()):
        with pytest.raises((TypeError, ValueError)):
            convert(Tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match="axis"):
        iter(Tensor(1.0))


def test_comparisons_are_arrays_of_booleans() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    for result, expected in (
        (x > 2, [False, False, True]), (x == Tensor([1.0, 0.0, 3.0]), [True, False, True]),
        (x >= 2, [False, True, True]), (np.array([0.0, 2.0, 4.0]) < x, [True, False, False]),
        (x != Value(1.0), [False, True, True]), (np.equal(x, 2.0), [False, True, False]),
    ):  # fmt: skip
        assert type(result) is np.ndarray
        assert result.tolist() == expected


@pytest.mark.parametrize("compare", [operator.eq, operator.ne, operator.lt, operator.ge])
def test_comparison_with_a_list_is_that_with_an_array(compare: Function) -> None:
    x, numbers = Tensor([1.0, 2.0]), [1.0, 3.0]
    np.testing.assert_array_equal(compare(x, numbers), compare(x.data, np.array(numbers)))


def test_operations_on_plain_arrays_are_plain_arrays() -> None:
    for result in (ad.sin(np.ones(2)), ad.conv(numbers(1, 1, 3), numbers(1, 1, 2)), ad.sum([1, 2])):
        assert not isinstance(result, Node)
    assert type(ad.sin(1.0)) is float
    assert type(ad.add(1, 2)) is float
