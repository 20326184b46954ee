"""Scalars: a ``Value`` calculates as NumPy's float64 does, and never raises or turns complex."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from math import inf, nan
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]

OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv,
    operator.mod,
]  # fmt: skip
named_operators = pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)

# --- operators ------------------------------------------------------------------------------------

NUMBERS = {
    "float": 2.5, "int": 3, "bool": True, "float64": np.float64(2.5), "int64": np.int64(3),
    "int8": np.int8(3), "uint8": np.uint8(3), "float32": np.float32(2.5), "bool_": np.bool_(True),
}  # fmt: skip
numbers = pytest.mark.parametrize(
    "number", [pytest.param(number, id=name) for name, number in NUMBERS.items()]
)


@named_operators
@numbers
def test_operators_with_plain_numbers(f: Function, number: Any) -> None:
    for left in (True, False):
        x = Value(1.7)
        y = f(x, number) if left else f(number, x)
        expected = f(1.7, float(number)) if left else f(float(number), 1.7)
        assert type(y) is Value
        assert type(y.data) is float
        assert y.data == pytest.approx(expected, rel=1e-15)
        y.backward()
        both = [Value(1.7), Value(float(number))]
        f(*(both if left else reversed(both))).backward()
        assert type(x.grad) is float
        assert x.grad == both[0].grad


@named_operators
def test_operators_of_two_values(f: Function) -> None:
    x, y = Value(1.7), Value(2.5)
    z = f(x, y)
    assert type(z) is Value
    assert z.data == f(1.7, 2.5)
    assert z.operands == (x, y)


@named_operators
@pytest.mark.parametrize("array", [np.array([1.5, 2.5]), np.array(2.0), np.ones((2, 1))])
def test_operators_with_arrays_and_tensors_give_tensors(f: Function, array: Any) -> None:
    for other in (array, Tensor(array)):
        for z, expected in (
            (f(Value(1.7), other), f(1.7, array)),
            (f(other, Value(1.7)), f(array, 1.7)),
        ):
            assert type(z) is Tensor
            np.testing.assert_allclose(z.data, expected, rtol=1e-15)


@named_operators
@pytest.mark.parametrize("foreign", [None, "2", ..., {}], ids=repr)
def test_operators_refuse_foreign_types(f: Function, foreign: Any) -> None:
    with pytest.raises(TypeError):
        f(Value(1.0), foreign)
    with pytest.raises(TypeError):
        f(foreign, Value(1.0))


@named_operators
def test_operators_leave_foreign_types_to_their_own_methods(f: Function) -> None:
    class Foreign:
        def answer(self, other: Any) -> str:
            return "answered"

        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = answer
        __rfloordiv__ = __rmod__ = answer

    assert f(Value(1.0), Foreign()) == "answered"
    assert f(Tensor([1.0]), Foreign()) == "answered"


@named_operators
def test_complex_numbers_are_refused_by_name(f: Function) -> None:
    with pytest.raises(TypeError, match="complex"):
        f(Value(1.0), 1j)
    with pytest.raises(TypeError, match="complex"):
        f(1j, Value(1.0))


def test_unary_operators() -> None:
    x = Value(-2.0)
    assert (-x).data == 2.0
    assert (+x).data == -2.0
    assert abs(x).data == 2.0
    (-abs(-x)).backward()
    assert x.grad == 1.0


@pytest.mark.parametrize(
    "name", ["exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu"]
)
def test_methods_are_the_functions(name: str) -> None:
    x = Value(0.7)
    assert getattr(x, name)().data == getattr(ad, name)(x).data
    assert getattr(x, name)().data == pytest.approx(getattr(ad, name)(0.7), rel=1e-15)


def test_rounding_by_python_stays_in_the_graph() -> None:
    for kind in (Value, lambda x: Tensor([x])):
        x = kind(-2.567)
        for y, expected in (
            (round(x), -3.0), (round(x, 1), -2.6), (round(x, -1), -0.0), (math.floor(x), -3.0),
            (math.ceil(x), -2.0), (math.trunc(x), -2.0), (x.round(2), -2.57), (x.clip(-2, 2), -2.0),
        ):  # fmt: skip
            assert type(y) is type(x)
            assert np.ravel(y.data).tolist() == [expected]
    for x in (0.5, 1.5, 2.5, -0.5, 1e300, -3.2):
        assert round(Value(x)).data == np.round(x)
    quotient, rest = divmod(Value(7.0), 2)
    assert (quotient.data, rest.data) == (3.0, 1.0)
    quotient, rest = divmod(-7, Value(2.0))
    assert (quotient.data, rest.data) == (-4.0, 1.0)


def test_augmented_assignment_makes_new_nodes() -> None:
    x = y = Value(3.0)
    y *= 2.0
    y += x
    assert (x.data, y.data) == (3.0, 9.0)
    y.backward()
    assert x.grad == 3.0


# --- IEEE 754 -------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 1 / 3, 1e-320, 1e200, -1e200, 745.2,
           -745.2, 1000.0, inf, -inf, nan]  # fmt: skip
UNARY: dict[str, Function] = {
    "neg": np.negative, "abs": np.abs, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0.0), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0.0),
} | {
    name: getattr(np, name)
    for name in ("square", "reciprocal", "cbrt", "floor", "ceil", "trunc", "rint", "round", "exp2",
                 "expm1", "log2", "log10", "log1p", "arcsin", "arccos", "arctan", "sinh", "cosh",
                 "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg", "positive", "nan_to_num")
}  # fmt: skip
BINARY: dict[str, Function] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "pow": operator.pow,  # of two float64: np.power takes a square root for the exponent 0.5
    "maximum": np.maximum, "minimum": np.minimum,
} | {
    name: getattr(np, name)
    for name in ("floor_divide", "mod", "fmod", "fmax", "fmin", "copysign", "heaviside", "hypot",
                 "arctan2", "logaddexp", "logaddexp2")
}  # fmt: skip


def assert_same_number(got: Any, expected: Any) -> None:
    """Equal to the last two digits; a zero may differ in nothing but its sign."""
    assert type(got) is float
    np.testing.assert_allclose(got, expected, rtol=5e-16, atol=1e-323)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", SPECIAL)
def test_functions_equal_numpy(name: str, x: float) -> None:
    f = getattr(ad, name)
    with np.errstate(all="ignore"):
        expected = UNARY[name](np.float64(x))
        assert_same_number(f(Value(x)).data, expected)
        np.testing.assert_allclose(f(Tensor([x])).data, [expected], rtol=5e-16, atol=1e-323)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("x", SPECIAL)
def test_functions_of_two_equal_numpy(name: str, x: float) -> None:
    f = getattr(ad, name)
    for y in SPECIAL:
        with np.errstate(all="ignore"):
            expected = BINARY[name](np.float64(x), np.float64(y))
        for got in (f(Value(x), Value(y)), f(Value(x), y), f(x, Value(y))):
            assert_same_number(got.data, expected)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", SPECIAL)
def test_derivatives_of_scalars_equal_those_of_arrays(name: str, x: float) -> None:
    f = getattr(ad, name)
    scalar, array = Value(x), Tensor([x])
    f(scalar).backward()
    with np.errstate(all="ignore"):
        f(array).backward()
    assert array.grad is not None
    assert_same_number(scalar.grad, array.grad[0])
    assert_same_number(float(ad.grad(f)(Value(x))), array.grad[0])


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("x", SPECIAL)
def test_derivatives_of_two_scalars_equal_those_of_arrays(name: str, x: float) -> None:
    f = getattr(ad, name)
    for y in SPECIAL:
        scalars, arrays = (Value(x), Value(y)), (Tensor([x]), Tensor([y]))
        f(*scalars).backward()
        with np.errstate(all="ignore"):
            f(*arrays).backward()
        for scalar, array in zip(scalars, arrays, strict=True):
            assert array.grad is not None
            assert_same_number(scalar.grad, array.grad[0])


@pytest.mark.parametrize(
    ("f", "value", "slope"),
    [
        (ad.log, -inf, inf),
        (lambda x: 1 / x, inf, -inf),
        (lambda x: -1 / x, -inf, inf),
        (lambda x: ad.exp(x + 1000), inf, inf),
        (lambda x: (x - 8.0) ** (1 / 3), nan, nan),
        (lambda x: x / x, nan, nan),
        (lambda x: ad.sqrt(x - 1), nan, nan),
        (lambda x: ad.sin(x + inf), nan, nan),
        (lambda x: (x + 1e200) ** 2, inf, 2e200),
        (lambda x: (x + 1e300) * 1e300, inf, 1e300),
        (lambda x: ad.exp(x - 1000), 0.0, 0.0),
        (lambda x: ad.log(ad.sigmoid(x - 1000)), -inf, nan),
    ],
)
def test_expressions_that_python_floats_refuse(f: Function, value: float, slope: float) -> None:
    y = f(x := Value(0.0))
    assert type(y.data) is float
    np.testing.assert_equal(y.data, value)
    y.backward()
    np.testing.assert_equal(x.grad, slope)
    assert type(ad.grad(ad.grad(f))(0.0)) is float


@settings(max_examples=200, deadline=None)
@given(x=st.floats(), y=st.floats(), name=st.sampled_from(sorted(BINARY)))
def test_any_two_floats_equal_numpy(x: float, y: float, name: str) -> None:
    with np.errstate(all="ignore"):
        expected = BINARY[name](np.float64(x), np.float64(y))
    z = getattr(ad, name)(Value(x), Value(y))
    assert_same_number(z.data, expected)
    z.backward()  # whatever comes out, nothing is raised


def test_the_sign_of_zero_is_kept() -> None:
    for y in (-Value(0.0), Value(-0.0) * 1, Value(0.0) / -1, ad.sqrt(Value(-0.0))):
        assert math.copysign(1, y.data) == -1
    x = Value(0.0)
    (x * -0.0).backward()
    assert math.copysign(1, x.grad) == -1


def test_large_whole_numbers() -> None:
    assert (Value(1.0) + 10**300).data == 1e300
    assert (Value(1.0) * 2**64).data == 2.0**64
    for huge in (10**400, -(10**400), 2**1024):
        expected = inf if huge > 0 else -inf
        for y in (Value(2.0) * huge, huge * Value(2.0), Value(2.0) + huge, huge + Value(2.0)):
            assert y.data == expected
        assert (Tensor([1.0, 2.0]) * huge).data.tolist() == [expected, expected]
        assert (huge * Tensor(np.ones(2, np.float32))).data.dtype == np.float32
        assert (Value(1.0) / huge).data == 0.0


@pytest.mark.parametrize("x", [-inf, -0.0, 0.0, 2.0, inf, nan, -1.0])
@pytest.mark.parametrize("y", [0.5, -0.5, 0.0, 1.0, 2.0, -1.0, 3.0, -3.0, inf, -inf, nan])
def test_powers_are_the_same_for_scalars_and_arrays(x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        expected = np.float64(x) ** np.float64(y)
        for base in (np.array([x]), np.array(x), np.array([x, x], np.float32)):
            for exponent in (y, Value(y), np.array([y]), np.broadcast_to(y, 2), Tensor(y)):
                power = (Tensor(base) ** exponent).data
                np.testing.assert_allclose(power, np.full_like(power, expected), rtol=2e-7)
                assert np.all(np.signbit(power) == np.signbit(expected)) or math.isnan(expected)
    got = (Value(x) ** y).data
    np.testing.assert_equal(got, float(expected))
    if not math.isnan(got):
        assert math.copysign(1, got) == math.copysign(1, expected)


# --- what a Value holds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [3, 3.0, True, np.float64(3), np.float32(3), np.int64(3), np.array(3.0), np.array(3)]
)
def test_data_is_a_python_float(data: Any) -> None:
    x = Value(data)
    assert type(x.data) is float
    assert x.data == float(data)
    x.data = data
    assert type(x.data) is float
    x.grad = data
    assert type(x.grad) is float


@pytest.mark.parametrize("data", [1j, "1", None, [1.0], np.ones(1), ...], ids=repr)
def test_data_is_a_real_number(data: Any) -> None:
    x = Value(3.0)
    with pytest.raises(TypeError):
        Value(data)
    with pytest.raises(TypeError):
        x.data = data
    assert x.data == 3.0


def test_grad_before_and_after() -> None:
    x = Value(3.0)
    assert x.grad == 0.0
    assert not x.has_adjoint
    (x * x).backward()
    assert x.grad == 6.0
    assert x.has_adjoint
    x.grad = 0.0
    (x * x).backward()
    assert x.grad == 6.0


def test_labels() -> None:
    x = Value(3.0, label="x")
    y = x * x
    assert (x.label, y.label) == ("x", None)
    y.label = "y"
    assert y.label == "y"
    y.label = None
    assert y.label is None


def test_repr_and_format() -> None:
    x = Value(3.0, label="x")
    assert repr(x) == "Value(3.0, label='x')"
    assert repr(Value(-0.5)) == "Value(-0.5)"
    (x * 2).backward()
    assert repr(x) == "Value(3.0, label='x', grad=2)"
    assert f"{x:.2f}" == "3.00"
    assert f"{x}" == repr(x)


def test_conversions() -> None:
    x = Value(2.5)
    assert (float(x), int(x), bool(x), bool(Value(0.0))) == (2.5, 2, True, False)


@pytest.mark.parametrize(
    "compare", [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
)
@pytest.mark.parametrize("other", [1.0, 2.0, 3.0, nan])
def test_comparisons_compare_numbers(compare: Function, other: float) -> None:
    expected = compare(2.0, other)
    for y in (other, Value(other), np.float64(other)):
        assert compare(Value(2.0), y) == expected
        assert compare(y, Value(2.0)) == compare(other, 2.0)
    assert type(compare(Value(2.0), Value(other))) is bool


def test_comparison_with_something_else() -> None:
    assert Value(1.0) != "1"
    assert (Value(1.0) == None) is False  # noqa: E711
    with pytest.raises(TypeError):
        Value(1.0) < "1"  # noqa: B015


def test_nodes_are_told_apart_in_sets_and_dicts() -> None:
    nodes = [Value(1.0) for _ in range(1000)]
    assert len(set(nodes)) == 1000
    numbered = {node: i for i, node in enumerate(nodes)}
    assert all(numbered[node] == i for i, node in enumerate(nodes))


def test_a_leaf_is_given_new_data() -> None:
    x = Value(3.0)
    x.data = 4.0
    (x * x).backward()
    assert x.grad == 8.0
    with pytest.raises(ValueError, match="only a leaf"):
        (x * x).data = 1.0


def test_whatever_a_value_has_is_stated() -> None:
    with pytest.raises(AttributeError):
        Value(1.0).gard = 1.0  # type: ignore[attr-defined]


# --- known answers --------------------------------------------------------------------------------


def test_the_example_of_the_readme() -> None:
    theta, x1, x2 = Value(0.5), Value(2.0), Value(3.0)
    f = ad.sin(theta * x1 + x2) + theta * x2**2
    f.backward()
    assert f.data == pytest.approx(math.sin(4.0) + 4.5, rel=1e-15)
    assert theta.grad == pytest.approx(2 * math.cos(4.0) + 9, rel=1e-15)
    assert x1.grad == pytest.approx(0.5 * math.cos(4.0), rel=1e-15)
    assert x2.grad == pytest.approx(math.cos(4.0) + 3, rel=1e-15)


@pytest.mark.parametrize("x", [-700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0])
def test_the_derivative_of_sigmoid_keeps_its_digits_far_from_zero(x: float) -> None:
    with mpmath.workdps(700):
        s = 1 / (1 + mpmath.exp(-mpmath.mpf(x)))
        expected = float(s * (1 - s))
    assert ad.grad(ad.sigmoid)(x) == pytest.approx(expected, rel=1e-14, abs=0.0)
    gradient = ad.grad(lambda t: ad.sum(ad.sigmoid(t)))(np.array([x]))
    assert gradient[0] == pytest.approx(expected, rel=1e-14, abs=0.0)
