"""Recomputing instead of storing: the same derivatives from less memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import check, points

import autodiff as ad
from autodiff import Tensor, Value, checkpoint

Function = Callable[..., Any]
A = points(3, 3)
W = Tensor(A, label="W")


def closure(wrap: Function) -> Function:
    """A part that closes over an input, over something computed from it, and over a parameter."""

    def f(x: Any) -> Any:
        h = ad.tanh(x @ W)
        part = wrap(lambda y: ad.sin(y * h) @ W + x * ad.sum(h))
        return part(h + x) * h

    return f


def nested(wrap: Function) -> Function:
    def f(x: Any) -> Any:
        def outer(y: Any) -> Any:
            h = y * x
            return wrap(lambda z: ad.sin(z * h) + y)(h) * wrap(ad.tanh)(y)

        return wrap(outer)(wrap(wrap(ad.sin))(x))

    return f


def several(wrap: Function) -> Function:
    def f(x: Any) -> Any:
        part = wrap(lambda a, b: {"p": a * b, "s": ad.sum(a), "same": a, "n": 3, "w": W})
        out = part(x, b=ad.sin(x))
        return out["p"] * out["s"] + out["same"] * out["n"] + out["w"][0]

    return f


def dtypes(wrap: Function) -> Function:
    def f(x: Any) -> Any:
        part = wrap(lambda a: (ad.sum(a), ad.astype(a, np.float64) * 2.0, a * 3.0))
        s, wide, same = part(x)
        return ad.sum(wide) * s + ad.sum(same)

    return f


def inner_transform(wrap: Function) -> Function:
    return lambda x: wrap(lambda y: ad.grad(lambda z: ad.sum(z**3 * y))(y))(x)


TABLE: dict[str, tuple[Callable[[Function], Function], Any]] = {
    # a function that makes the function, given what marks its parts; where
    "array": (lambda wrap: wrap(lambda x: ad.sin(x) * x[::-1]), points(3)),
    "scalar": (lambda wrap: lambda x: wrap(lambda x: ad.sin(x) * x)(x) * x, 0.7),
    "0-d": (lambda wrap: lambda x: wrap(ad.sum)(wrap(lambda x: x * x)(x)), points(2, 2)),
    "scalar and array": (lambda wrap: lambda x: wrap(lambda x, k: x * k)(x, x[0]), points(3)),
    "repeated operand": (lambda wrap: lambda x: wrap(lambda x, y: x * ad.sin(y))(x, x), points(3)),
    "identity": (lambda wrap: lambda x: wrap(lambda x: x)(x) * x, points(3)),
    "part of the output unused": (lambda wrap: lambda x: wrap(lambda x: (x, x * x))(x)[1], 0.7),
    "constant within": (
        lambda wrap: lambda x: wrap(lambda x, mode, n: x**n)(x, "text", 3),
        points(3, positive=True),
    ),
    "constant array": (lambda wrap: lambda x: wrap(lambda x, a: x @ a)(x, A), points(3)),
    "closure": (closure, points(3)),
    "nested": (nested, points(3)),
    "nested scalar": (nested, 0.7),
    "several outputs": (several, points(3)),
    "dtypes": (dtypes, points(3)),
    "inner transform": (inner_transform, points(3)),
}
rows = pytest.mark.parametrize("name", TABLE)


@rows
def test_derivatives(name: str) -> None:
    make, x = TABLE[name]
    check(make(checkpoint), (x,))


@rows
def test_the_same_as_without(name: str) -> None:
    make, x = TABLE[name]
    with_parts, plain = make(checkpoint), make(lambda f: f)
    for transform in (
        lambda f: f,
        ad.jacobian,
        lambda f: ad.jacobian(f, mode="forward"),
        lambda f: ad.grad(lambda x: ad.sum(f(x) ** 2)),
        lambda f: ad.hessian(lambda x: ad.sum(f(x) ** 2)),
        lambda f: ad.jacobian(ad.hessian(lambda x: ad.sum(f(x) ** 2))),
    ):
        got, expected = transform(with_parts)(x), transform(plain)(x)
        np.testing.assert_allclose(
            getattr(got, "data", got), getattr(expected, "data", expected), rtol=1e-11, atol=1e-11
        )


@rows
def test_backward_reaches_parameters_and_inputs(name: str) -> None:
    make, x = TABLE[name]
    gradients = []
    for wrap in (checkpoint, lambda f: f):
        w, node = W.detach(), Tensor(x) if np.ndim(x) else Value(x)
        W.grad = None
        y = make(wrap)(node)
        for _ in range(2):
            y.backward(np.ones(np.shape(y.data)))
        gradients.append((node.grad, W.grad))
        del w
    (a, b), (c, d) = gradients
    np.testing.assert_allclose(a, c, rtol=1e-12)
    assert (b is None) == (d is None)
    if b is not None:
        np.testing.assert_allclose(b, d, rtol=1e-12)


def test_kinds_structure_and_names() -> None:
    @checkpoint(name="block")
    def part(p: Any, *, scale: float) -> Any:
        """A part."""
        return {"v": p["x"] * scale, "a": ad.stack([p["x"], p["x"]]), "n": np.arange(2), "t": "a"}

    assert part.__doc__ == "A part."
    out = part({"x": Value(2.0)}, scale=3.0)
    assert type(out["v"]) is Value
    assert type(out["a"]) is Tensor
    assert out["t"] == "a"
    assert out["n"].tolist() == [0, 1]
    single = checkpoint(lambda x: x * x, name="square")(Value(3.0, label="x"))
    assert single.primitive.name == "square"
    assert "square" in ad.draw(single).source
    assert single.primitive.compute(np.float64(5.0), **single.parameters) == 25.0
    assert checkpoint(lambda x: x * 2)(3.0) == 6.0
    with ad.no_grad():
        assert part({"x": Value(2.0)}, scale=3.0)["v"].is_leaf


def chain(wrap: Function, length: int, width: int) -> Function:
    def f(x: Any) -> Any:
        def part(x: Any) -> Any:
            for _ in range(width):
                x = ad.sin(x)
            return x

        for _ in range(length):
            x = wrap(part)(x)
        return ad.sum(x)

    return f


def peak(f: Function, x: Any) -> float:
    """The most memory that the gradient holds at a time, in arrays like ``x``."""
    ad.grad(f)(x[:2])
    gc.collect()
    tracemalloc.start()
    ad.grad(f)(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / x.nbytes


def test_memory_of_a_long_chain() -> None:
    """Of n² operations about 2 n arrays are held instead of n²; of n³, about 3 n."""
    x = np.linspace(0.1, 1.0, 20_000)
    n = 12
    plain = peak(chain(lambda f: f, n, n), x)
    once = peak(chain(checkpoint, n, n), x)
    assert plain > n * n
    assert once < 2 * n + 10
    np.testing.assert_allclose(
        ad.grad(chain(checkpoint, n, n))(x), ad.grad(chain(lambda f: f, n, n))(x), rtol=1e-13
    )

    def twice(x: Any) -> Any:
        outer = checkpoint(lambda x: _steps(checkpoint(lambda x: _steps(ad.sin, 6, x)), 6, x))
        return ad.sum(_steps(outer, 6, x))

    assert peak(twice, x) < 3 * 6 + 12


def _steps(f: Function, n: int, x: Any) -> Any:
    for _ in range(n):
        x = f(x)
    return x


def test_a_part_is_computed_twice_and_no_more() -> None:
    calls = []

    def part(x: Any, y: Any, z: Any) -> Any:
        calls.append(x)
        return x * y, y * z

    f = checkpoint(part)
    xs = [Tensor([1.0, 2.0]) for _ in range(3)]
    a, b = f(*xs)
    ad.sum(a * b).backward()
    assert len(calls) == 2
    calls.clear()
    ad.grad(lambda *x: ad.sum(f(*x)[0] * f(*x)[1]), (0, 1, 2))(*(x.data for x in xs))
    assert len(calls) == 4


def test_nothing_stays_in_memory() -> None:
    gc.collect()
    gc.disable()
    try:
        for transform in (ad.grad, ad.hessian):
            transform(lambda x: ad.sum(closure(checkpoint)(x)))(points(3))
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_another_result_the_second_time_is_an_error() -> None:
    generator = np.random.default_rng(0)
    noisy = checkpoint(lambda x: x * generator.normal())
    x = Value(2.0)
    y = noisy(x)
    with pytest.raises(ValueError, match="another result when it was computed again"):
        y.backward()
    assert not x.has_adjoint
    changing = [1.0, np.ones(2)]
    y = checkpoint(lambda x: (x * changing[0], x * changing[1])[1])(Value(2.0))
    changing[1] = np.ones(3)
    with pytest.raises(ValueError, match="another result"):
        y.backward(np.ones(2))


def test_nan_is_no_other_result() -> None:
    x = Tensor([-1.0, 4.0])
    with np.errstate(invalid="ignore"):
        y = checkpoint(ad.sqrt)(x)
        ad.where(x > 0, y, 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.25])


@pytest.mark.parametrize("wrap", [checkpoint, lambda f: checkpoint(checkpoint(f)), lambda f: f])
def test_absent_stays_absent_within_a_part(wrap: Function) -> None:
    """Also where what is absent and what is not meet within the part."""
    x = np.array([0.0, 4.0])

    def f(s: Any) -> Any:
        return ad.sum(ad.where(x > 0, wrap(lambda s: ad.sqrt(s * x))(s), 0.0))

    assert ad.grad(f)(1.0) == 1.0
    assert ad.grad(ad.grad(f))(1.0) == -0.5
    one = Tensor([1.0])
    f(one).backward()
    np.testing.assert_array_equal(one.grad, [1.0])


def test_data_that_was_changed_is_noticed() -> None:
    x, w = Tensor([1.0, 2.0], label="x"), Tensor([1.0, 2.0], label="w")
    for changed in (x, w):
        y = checkpoint(lambda x: x * w)(x)
        changed.data = changed.data * 2
        with pytest.raises(ValueError, match="new data"):
            y.backward(np.ones(2))
    constant = np.ones(2)
    y = checkpoint(lambda x, c: x * c)(x, constant)
    constant[:] = 5.0
    y.backward(np.ones(2))
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


def test_an_exception_leaves_nothing_behind() -> None:
    calls = []

    def part(x: Any) -> Any:
        calls.append(x)
        if len(calls) == 2:
            raise KeyError("mine")
        return x * x

    y = checkpoint(part)(Value(3.0))
    with pytest.raises(KeyError, match="mine"):
        y.backward()
    assert ad.is_recording()
    assert float(Value(1.0)) == 1.0
    y.backward()
    assert y.operands[0].grad == 6.0


def test_branches_not_taken_have_no_influence() -> None:
    x = Tensor([0.0, 4.0])
    y = checkpoint(lambda x: (ad.sqrt(x), x * 1.0))(x)[0]
    ad.where(x > 0, y, 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.25])
