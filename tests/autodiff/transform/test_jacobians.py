"""vjp, jvp, linearize, jacobian, hessian, hvp, elementwise_grad: shapes, kinds, number of calls."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]
rng = np.random.default_rng(0)
MODES = ("auto", "reverse", "forward")

A = rng.normal(size=(3, 4))
TABLE: dict[str, tuple[Function, Any]] = {
    "scalar to scalar": (lambda x: ad.sin(x) * x, 0.7),
    "scalar to array": (lambda x: ad.sin(x * A), 0.7),
    "array to scalar": (lambda x: ad.sum(ad.sin(x) * A), A),
    "array to 0-d": (lambda x: ad.sum(x[0] * x[1]), A),
    "vector to vector": (lambda x: A @ ad.tanh(x), A[0]),
    "matrix to vector": (lambda x: ad.tanh(x) @ A[0] / (1 + x[:, 0] ** 2), A),
    "matrix to matrix": (lambda x: x @ x.T * ad.exp(x[:, :3]), A),
    "0-d": (lambda x: x * np.array(3.0), np.array(2.0)),
    "empty output": (lambda x: x[:0] * 2.0, A[0]),
    "empty argument": (lambda x: ad.stack([ad.sum(x), 3.0]), np.zeros((0, 2))),
    "part of the argument": (lambda x: x[1:3] * 2.0, A[0]),
    "where": (lambda x: ad.where(x > 0, x * x, 0.0), A[0]),
    "constant": (lambda x: np.ones((2, 2)), A[0]),
    "constant number": (lambda x: 3.0, 1.0),
    "identity": (lambda x: x, A),
}
rows = pytest.mark.parametrize("name", TABLE)


def differences(f: Function, x: Any) -> Any:
    """The Jacobian by central differences."""
    point = np.array(x, dtype=float)

    def at(p: Any) -> Any:
        out = f(Tensor(p) if p.ndim else float(p))
        return np.asarray(getattr(out, "data", out), dtype=float)

    jacobian = np.zeros((*at(point).shape, *point.shape))
    for place in np.ndindex(*point.shape):
        step = np.zeros(point.shape)
        step[place] = 1e-6
        jacobian[(..., *place)] = (at(point + step) - at(point - step)) / 2e-6
    return jacobian


@rows
@pytest.mark.parametrize("mode", MODES)
def test_against_differences(name: str, mode: str) -> None:
    f, x = TABLE[name]
    got = ad.jacobian(f, mode=mode)(x)
    expected = differences(f, x)
    assert np.shape(got) == expected.shape
    assert type(got) in (np.ndarray, float)
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-8)


@rows
@pytest.mark.parametrize("mode", MODES)
def test_within_another_transform(name: str, mode: str) -> None:
    """Both modes are differentiated as the function's own derivative is."""
    f, x = TABLE[name]
    weights = np.cos(np.arange(np.size(differences(f, x)))).reshape(differences(f, x).shape)

    def total(x: Any) -> Any:
        return ad.sum(ad.jacobian(f, mode=mode)(x) ** 2 * weights)

    slope = ad.grad(total)(x)
    assert np.shape(slope) == np.shape(x)
    if np.size(x):
        exact = ad.jacobian(f)  # held to differences above
        numeric = differences(lambda p: np.sum(exact(getattr(p, "data", p)) ** 2 * weights), x)
        np.testing.assert_allclose(slope, numeric, rtol=1e-7, atol=1e-7)


@rows
def test_pullback_and_push_are_each_others_transposes(name: str) -> None:
    f, x = TABLE[name]
    value, pull = ad.vjp(f, x)
    same, push = ad.linearize(f, x)
    np.testing.assert_array_equal(value, same)
    for k in range(3):  # as often as one likes
        t = np.cos(np.arange(np.size(value)) + k).reshape(np.shape(value))
        dx = np.sin(np.arange(np.size(x)) + k).reshape(np.shape(x))
        (back,) = pull(t)
        ahead = push(dx)
        assert np.shape(back) == np.shape(x)
        assert np.shape(ahead) == np.shape(value)
        assert np.sum(back * dx) == pytest.approx(np.sum(t * ahead), rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(ad.jvp(f, (x,), (dx,))[1], ahead, rtol=1e-14)
    if isinstance(value, np.ndarray):
        value[...] = 0.0  # the caller's own


@pytest.mark.parametrize(("mode", "order"), list(product(MODES, (1, 2))))
def test_the_function_is_called_once(mode: str, order: int) -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return ad.sum(ad.sin(x) * x[::-1]) if order == 2 else ad.sin(x) * x[::-1]

    (ad.hessian if order == 2 else ad.jacobian)(f, mode=mode)(A[0])
    assert len(calls) == 1
    _, push = ad.linearize(ad.grad(lambda x: ad.sum(f(x))), A[0])
    push(A[1]), push(A[2])
    assert len(calls) == 2


@pytest.mark.parametrize("mode", MODES)
def test_several_arguments_and_outputs(mode: str) -> None:
    x, y = A[0], 2.0

    def f(x: Any, y: Any) -> Any:
        return {"p": x * y, "s": ad.sum(x) * y, "n": np.arange(2)}

    j = ad.jacobian(f, (0, 1), mode=mode)(x, y)
    np.testing.assert_array_equal(j["p"][0], y * np.eye(4))
    np.testing.assert_array_equal(j["p"][1], x)
    np.testing.assert_array_equal(j["s"][0], np.full(4, y))
    assert j["s"][1] == pytest.approx(np.sum(x))
    np.testing.assert_array_equal(j["n"][0], np.zeros((2, 4)))
    np.testing.assert_array_equal(j["n"][1], np.zeros(2))
    repeated = ad.jacobian(lambda x: (x, x), mode=mode)(3.0)
    assert repeated == (1.0, 1.0)


@pytest.mark.parametrize("mode", MODES)
def test_a_block_has_the_dtype_of_its_argument(mode: str) -> None:
    x = np.ones(3, np.float32)
    j = ad.jacobian(lambda x, y, k: x * y * k, (0, 1, 2), mode=mode)(x, np.ones(3), 2.0)
    assert [block.dtype for block in j] == [np.float32, np.float64, np.float64]
    assert ad.jacobian(lambda k: x * k, mode=mode)(2.0).dtype == np.float32
    nodes = ad.jacobian(lambda x: x**2, mode=mode)(Tensor(x))
    assert isinstance(nodes, Tensor)
    assert nodes.dtype == np.float32


@pytest.mark.parametrize("mode", MODES)
def test_hessians(mode: str) -> None:
    def f(x: Any) -> Any:
        return ad.sum(ad.tanh(x) * x[::-1] ** 2) + ad.logsumexp(x)

    x, v = A[0], A[1]
    h = ad.hessian(f, mode=mode)(x)
    np.testing.assert_allclose(h, differences(lambda p: ad.grad(f)(p), x), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(h, h.T, rtol=1e-12)
    np.testing.assert_allclose(ad.hvp(f)(x, v), h @ v, rtol=1e-12)
    blocks = ad.hessian(lambda a, b: ad.sum(a**2 * b), (0, 1), mode=mode)(x, 3.0)
    np.testing.assert_array_equal(blocks[0][0], 6 * np.eye(4))
    np.testing.assert_allclose(blocks[0][1], 2 * x)
    np.testing.assert_allclose(blocks[1][0], 2 * x)
    assert blocks[1][1] == 0.0
    assert ad.hessian(lambda x: x**3, mode=mode)(2.0) == 12.0
    assert ad.hessian(lambda x: 3.0 * x, mode=mode)(2.0) == 0.0
    x32 = x.astype(np.float32)
    assert ad.hessian(f, mode=mode)(x32).dtype == ad.hvp(f)(x32, v).dtype == np.float32


def test_products_of_several_arguments() -> None:
    product = ad.hvp(lambda x, y: x**2 * y, (0, 1))(3.0, 2.0, (1.0, 10.0))
    assert product == (4.0 * 1 + 6.0 * 10, 6.0)
    assert ad.hvp(lambda x, y: x**2 * y)(3.0, 2.0, 1.0) == 4.0
    assert ad.grad(ad.hvp(lambda x: x**4))(2.0, 1.0) == 48.0


def test_elementwise() -> None:
    for x in (A, A[0], 0.7, A.astype(np.float32)):
        slope = ad.elementwise_grad(ad.tanh)(x)
        np.testing.assert_allclose(slope, 1 - np.tanh(x) ** 2, rtol=1e-5)
        assert type(slope) is type(x)
        assert getattr(slope, "dtype", None) == getattr(x, "dtype", None)
        third = ad.elementwise_grad(ad.elementwise_grad(ad.elementwise_grad(lambda x: x**4)))(x)
        np.testing.assert_allclose(third, 24 * x, rtol=1e-5)
    both = ad.elementwise_grad(lambda x, y: x * y, (0, 1))(A[0], 2.0)
    np.testing.assert_array_equal(both[0], np.full(4, 2.0))
    assert both[1] == pytest.approx(np.sum(A[0]))
    assert ad.elementwise_grad(lambda x: 3.0)(2.0) == 0.0


def test_cotangents_and_tangents_that_are_nodes() -> None:
    """The maps are linear in what they are given, and differentiated with respect to it."""
    _, pull = ad.vjp(lambda x: A @ x, A[0])
    t = Tensor(np.ones(3))
    (back,) = pull(t)
    ad.sum(back * A[1]).backward()
    np.testing.assert_allclose(t.grad, A @ A[1])
    _, push = ad.linearize(lambda x: A @ x, A[0])
    np.testing.assert_allclose(ad.jacobian(push)(A[1]), A)
    np.testing.assert_allclose(ad.jacobian(lambda t: pull(t)[0])(np.ones(3)), A.T)
    _, pull = ad.vjp(lambda x: x**3, 2.0)
    assert ad.grad(lambda t: pull(t)[0] * t)(3.0) == 72.0
    assert ad.grad(lambda t: pull(ad.reshape(t, (1,))[0])[0])(3.0) == 12.0


def test_a_pullback_refuses_to_use_data_that_has_changed() -> None:
    w = Tensor([1.0, 2.0], label="w")
    maps = [ad.vjp(lambda x: x * w, 3.0)[1], ad.linearize(lambda x: w * x, 3.0)[1]]
    maps[0](np.ones(2))
    w.data = w.data * 2
    for apply, given in zip(maps, (np.ones(2), 1.0), strict=True):
        with pytest.raises(ValueError, match=r"'w'.*new data"):
            apply(given)


def test_results_are_nodes_on_nodes() -> None:
    x = Value(3.0)
    value, pull = ad.vjp(lambda x: x**3, x)
    assert type(value) is Value
    (slope,) = pull(1.0)
    slope.backward()
    assert x.grad == 18.0
    j = ad.jacobian(lambda x: x**2)(Tensor([1.0, 2.0]))
    assert isinstance(j, Tensor)
    np.testing.assert_array_equal(j.data, np.diag([2.0, 4.0]))


def test_detached_nodes_are_constants() -> None:
    x = Tensor([1.0, 2.0])
    twin = x.detach()
    assert twin.is_leaf
    assert np.shares_memory(twin.data, x.data)
    assert type(Value(2.0).detach()) is Value
    (x * (x * 2.0).detach()).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * x.data)
    assert ad.jvp(lambda x: x * x.detach(), (3.0,), (1.0,)) == (9.0, 3.0)
    assert ad.grad(ad.grad(lambda x: x**2 * ad.stop_gradient(x)))(3.0) == 6.0
    assert ad.stop_gradient(2.0) == 2.0
    assert ad.stop_gradient({"a": [Value(1.0), None, "text"]})["a"][1:] == [None, "text"]
