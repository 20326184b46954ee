"""Nodes among Python's and NumPy's own things: comparisons, conversions, containers, repr."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value
from nn import Parameter

Function = Callable[..., Any]

SCALARS: dict[str, Function] = {"Value": Value, "Tensor": Tensor}  # of one number, without axes
scalars = pytest.mark.parametrize("kind", SCALARS.values(), ids=SCALARS)

# --- conversions ----------------------------------------------------------------------------------


@scalars
def test_a_number_goes_out_as_it_came(kind: Function) -> None:
    x = kind(2.5)
    assert (float(x), int(x), bool(x), bool(kind(0.0)), x.item()) == (2.5, 2, True, False, 2.5)
    assert all(type(y) is float for y in (float(x), x.item()))
    assert (f"{x:.2f}", f"{x:8.1e}|", format(kind(1234.5), ",")) == ("2.50", " 2.5e+00|", "1,234.5")
    assert f"{x}" == str(x) == repr(x)
    assert (math.sqrt(kind(4.0)), math.pow(x, 2), math.isnan(x)) == (2.0, 6.25, False)
    assert (np.float64(x), math.fsum([x, x])) == (2.5, 5.0)


@scalars
@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(complex, id="complex"),
        pytest.param(operator.index, id="index"),
        pytest.param(lambda x: [1, 2, 3][x], id="place in a list"),
        pytest.param(range, id="range"),
        pytest.param(len, id="len"),
        pytest.param(iter, id="iter"),
        pytest.param(list, id="list"),
        pytest.param(np.asarray, id="array"),
        pytest.param(lambda x: np.array([x, x]), id="array of several"),
        pytest.param(lambda x: f"{x:zz}", id="format"),
    ],
)
def test_a_number_is_no_index_no_container_and_no_array(kind: Function, refused: Function) -> None:
    with pytest.raises((TypeError, ValueError)):
        refused(kind(2.0))


@pytest.mark.parametrize("convert", [float, int, math.sin, lambda x: f"{x:.2f}"])
@pytest.mark.parametrize("data", [[2.5], [1.0, 2.0], [[1.0]], []], ids=str)
def test_an_array_is_no_number(convert: Function, data: Any) -> None:
    x = Tensor(np.asarray(data, dtype=float), label="x")
    with pytest.raises(TypeError, match=r"'x' Tensor of shape .*item\(\)"):
        convert(x)


def test_the_truth_of_several_elements() -> None:
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="truth value of an array"):
        bool(x)
    with pytest.raises(ValueError, match="truth value of an array"):
        _ = x in [Tensor([1.0, 2.0])]
    assert x in [x]  # the same object, which Python sees first
    assert bool(Tensor([2.0]))


def test_no_conversion_leaves_the_graph_unnoticed() -> None:
    for convert in (float, int, math.sin, complex):
        with pytest.raises(TypeError):
            ad.grad(lambda x, c=convert: x * c(x))(2.0)
    assert ad.grad(lambda x: x * round(x))(2.0) == 2.0  # a node, with derivative zero
    assert ad.grad(lambda x: x * x.item())(2.0) == 2.0  # said in so many words
    assert ad.grad(lambda x: (f"{x:.1f}", x * x)[1])(2.0) == 4.0


# --- comparisons and containers -------------------------------------------------------------------


@scalars
def test_numbers_are_compared_and_objects_hashed(kind: Function) -> None:
    a, b = kind(1.0), kind(1.0)
    assert a == b
    assert a == 1.0
    assert [a] == [b]
    assert hash(a) != hash(b)
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[b] == "b"
    assert b in [a]  # lists compare numbers
    assert [a, b].index(b) == 0
    assert b not in {a}  # sets and dicts don't
    assert any(b is node for node in (a, b))
    assert sorted([kind(2.0), a])[0] is a
    assert max([a, kind(3.0)]).item() == 3.0
    assert a != "1"
    assert a not in [None]


@scalars
@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int64(2), np.bool_(True)])
def test_numpy_scalars_on_either_side(kind: Function, number: Any) -> None:
    x, n = kind(3.0), float(number)
    for f in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
        for y, expected in ((f(x, number), f(3.0, n)), (f(number, x), f(n, 3.0))):
            assert type(y) is type(x)
            assert y.item() == pytest.approx(expected, rel=1e-15)
    for f in (operator.eq, operator.ne, operator.lt, operator.ge):
        assert f(x, number) == f(3.0, n)
        assert f(number, x) == f(n, 3.0)


def test_a_value_has_the_attributes_of_a_number_in_numpy() -> None:
    x, y = Value(2.0), np.float64(2.0)
    for name in ("shape", "ndim", "size", "dtype"):
        assert getattr(x, name) == getattr(y, name)
    assert (np.shape(x), np.ndim(x), np.size(x)) == (x.shape, x.ndim, x.size)
    assert x.T is x
    assert x.item() == y.item()


def test_iterating_a_tensor_gives_parts_that_are_differentiated() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    first, second = x
    (first * second).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    assert len(x) == len(list(x)) == 2
    total = sum(Tensor([1.0, 2.0]), start=0.0)
    assert isinstance(total, Tensor)


# --- repr -----------------------------------------------------------------------------------------


def test_repr_says_what_made_a_node() -> None:
    x, t = Value(3.0, label="x"), Tensor([1.0, 2.0], label="t")
    y = x * 2
    y.label = "y"
    y.backward()
    assert repr(x) == "Value(3.0, label='x', grad=2)"
    assert repr(y) == "Value(6.0, label='y', op='mul', grad=1)"
    assert repr(ad.sin(Value(0.0))) == "Value(0.0, op='sin')"
    assert repr(t) == "Tensor([1., 2.], label='t', dtype=float64)"
    assert repr(t.sum()) == "Tensor(3., op='sum', dtype=float64)"
    large = repr(Tensor(np.zeros((50, 50))) + 1)
    assert large == "Tensor(shape=(50, 50), op='add', dtype=float64)"
    assert repr(Parameter([1.0])) == "Parameter([1.], dtype=float64)"
    with ad.no_grad():
        assert repr(x * 2) == "Value(6.0)"


# --- leaves, detached, unreachable and repeated outputs -------------------------------------------


def test_a_leaf_as_an_output() -> None:
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0
    assert ad.grad(lambda t: t)(3.0) == 1.0
    assert ad.value_and_grad(lambda t: t, 0)(3.0) == (3.0, 1.0)
    assert ad.jvp(lambda t: t, (3.0,), (2.0,)) == (3.0, 2.0)


def test_a_detached_output() -> None:
    x = Value(3.0)
    with ad.no_grad():
        y = x * x
    y.backward()
    assert (x.grad, y.grad) == (0.0, 1.0)
    assert ad.grad(lambda t: ad.no_grad()(ad.sin)(t) * 2.0)(3.0) == 0.0
    assert ad.grad(lambda t: t.data * 2.0)(3.0) == 0.0


def test_an_unreachable_argument() -> None:
    f = ad.grad(lambda t, u: t * t, (0, 1))
    assert f(3.0, 5.0) == (6.0, 0.0)
    assert f(3.0, np.ones(2))[1].tolist() == [0.0, 0.0]
    x, y = Value(3.0), Value(4.0)
    (x * x).backward()
    assert (y.grad, y.has_adjoint) == (0.0, False)
    assert ad.jvp(lambda t, u: t * t, (3.0, 5.0), (0.0, 1.0)) == (9.0, 0.0)


def test_a_repeated_output_and_a_repeated_operand() -> None:
    x = Value(3.0)
    y = x * x
    z = ad.stack([y, y, x])
    z.backward([1.0, 10.0, 100.0])
    assert (y.grad, x.grad) == (11.0, 166.0)
    assert ad.grad(lambda t: t * t * t + t)(2.0) == 13.0
    with pytest.raises(ValueError, match="shape"):
        z.backward()
