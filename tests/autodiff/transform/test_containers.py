"""Arguments and results that are containers; arguments by name; results besides the output."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]
Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Line:
    slope: Any
    offset: Any
    name: str = "line"
    degree: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Fixed:
    a: Any
    b: Any = None

    def __post_init__(self) -> None:
        assert not isinstance(self.a, ad.Node), "the checks of a class are not run on nodes"


CONTAINERS: dict[str, tuple[Any, Function, Any]] = {
    # name: (argument, how to get at its two numbers, the gradient of a²·b at a = 3, b = 2)
    "dict": ({"b": 2.0, "a": 3.0}, lambda p: (p["a"], p["b"]), {"b": 9.0, "a": 12.0}),
    "list": ([3.0, 2.0], lambda p: p, [12.0, 9.0]),
    "tuple": ((3.0, 2.0), lambda p: p, (12.0, 9.0)),
    "named tuple": (Point(3.0, 2.0), lambda p: (p.x, p.y), Point(12.0, 9.0)),
    "ordered dict": (
        OrderedDict(z=3.0, a=2.0),
        lambda p: (p["z"], p["a"]),
        OrderedDict(z=12.0, a=9.0),
    ),
    "data class": (Line(3.0, 2.0), lambda p: (p.slope, p.offset), Line(12.0, 9.0, None, None)),
    "frozen data class": (Fixed(3.0, 2.0), lambda p: (p.a, p.b), None),
    "None within": ({"a": 3.0, "b": 2.0, "c": None}, lambda p: (p["a"], p["b"]),
                    {"a": 12.0, "b": 9.0, "c": None}),
    "constants within": (
        [3.0, 2, "text", 2.0, True, np.arange(2), Tensor([1, 2])],
        lambda p: (p[0], p[3]),
        [12.0, None, None, 9.0, None, None, None],
    ),
    "nested": (
        {"w": [{"k": (3.0,)}, Line(Fixed(2.0), 1.0)]},
        lambda p: (p["w"][0]["k"][0], p["w"][1].slope.a),
        {"w": [{"k": (12.0,)}, Line(None, 0.0, None, None)]},
    ),
}  # fmt: skip
containers = pytest.mark.parametrize("name", CONTAINERS)


def same(got: Any, expected: Any) -> bool:
    if isinstance(got, (Fixed, Line)):
        return all(same(getattr(got, f.name), getattr(expected, f.name))
                   for f in dataclasses.fields(got))  # fmt: skip
    return type(got) is type(expected) and got == expected


@containers
def test_gradients_have_the_structure_of_the_argument(name: str) -> None:
    argument, numbers, expected = CONTAINERS[name]
    if expected is None:
        expected = object.__new__(Fixed)
        object.__setattr__(expected, "a", 12.0)
        object.__setattr__(expected, "b", 9.0)
    if name == "nested":
        inner = object.__new__(Fixed)
        object.__setattr__(inner, "a", 9.0)
        object.__setattr__(inner, "b", None)
        expected["w"][1].slope = inner

    def f(p: Any) -> Any:
        a, b = numbers(p)
        return a**2 * b

    for got in (
        ad.grad(f)(argument),
        ad.vjp(f, argument)[1](1.0)[0],
        ad.jacobian(f, mode="forward")(argument),
        ad.jacobian(f, mode="reverse")(argument),
        ad.grad(lambda p: ad.checkpoint(f)(p))(argument),
        ad.grad(lambda k: f(ad.stop_gradient(k)) + f(k))(argument),
    ):
        assert same(got, expected)
    value, push = ad.linearize(f, argument)
    assert (value, push(argument)) == (18.0, 3.0 * 12.0 + 2.0 * 9.0)
    assert ad.jvp(f, (argument,), (argument,)) == (18.0, 54.0)
    second = ad.hvp(f)(argument, argument)  # Hessian [[4, 6], [6, 0]] times (3, 2)
    assert list(numbers(second))[:2] == [24.0, 18.0]
    rows = numbers(ad.hessian(f)(argument))
    assert [list(numbers(row)) for row in rows] == [[4.0, 6.0], [6.0, 0.0]]


@containers
def test_outputs_may_be_containers(name: str) -> None:
    argument, numbers, _ = CONTAINERS[name]
    if name in ("constants within", "data class", "nested"):
        return  # their text is no number: see below

    def f(x: Any) -> Any:
        return ad.grad(lambda p: numbers(p)[0] ** 2 * numbers(p)[1] * x)(argument)

    value, tangent = ad.jvp(f, (2.0,), (1.0,))
    assert tuple(numbers(value)) == (24.0, 18.0)
    assert tuple(numbers(tangent)) == (12.0, 9.0)
    assert type(value) is type(tangent) is type(argument)
    value, pull = ad.vjp(f, 2.0)
    assert pull(value) == (24.0 * 12 + 18.0 * 9,)
    assert tuple(numbers(ad.jacobian(f)(2.0))) == (12.0, 9.0)
    assert tuple(numbers(ad.jvp(ad.checkpoint(f), (2.0,), (1.0,))[1])) == (12.0, 9.0)


def test_several_containers_arrays_and_float32() -> None:
    w = {"W": np.ones((2, 3), np.float32), "b": np.zeros(2, np.float32)}
    x = (np.arange(3.0, dtype=np.float32), 2.0)

    def f(p: Any, x: Any) -> Any:
        return ad.sum((p["W"] @ x[0] + p["b"]) * x[1])

    dw, dx = ad.grad(f, (0, 1))(w, x)
    assert dw["W"].dtype == dw["b"].dtype == dx[0].dtype == np.float32
    np.testing.assert_array_equal(dw["W"], [[0, 2, 4], [0, 2, 4]])
    np.testing.assert_array_equal(dw["b"], [2, 2])
    np.testing.assert_array_equal(dx[0], [4, 4, 4])
    assert dx[1] == 6.0
    dw["b"][0] = 7.0  # the caller's own


def test_one_argument_alone_may_be_a_container() -> None:
    value, grads = ad.value_and_grad(lambda x, p: x * p["k"], (0, 1))(2.0, {"k": 3.0})
    assert (value, grads) == (6.0, (3.0, {"k": 2.0}))
    assert ad.grad(lambda x, p: x * p["k"])(2.0, {"k": 3.0}) == 3.0


def test_nodes_within_an_argument_that_is_not_differentiated() -> None:
    w = Value(3.0)
    slope = ad.grad(lambda x, p: x * x * p[0]["w"])(2.0, [{"w": w}])
    slope.backward()
    assert w.grad == 4.0
    slope = ad.grad(lambda x, *, p: x * p[0])(2.0, p=[w])
    assert isinstance(slope, Value)


def test_a_local_data_class_used_by_several_transforms() -> None:
    for _ in range(3):

        @dataclasses.dataclass
        class Local:
            a: float

        got = ad.grad(lambda p: p.a**2)(Local(3.0))
        assert type(got) is Local
        assert got.a == 6.0


# --- names, several results -----------------------------------------------------------------------


def weighted(x: Any, y: Any = 2.0, *, k: Any = 3.0) -> Any:
    return x * y**2 * k


def test_arguments_by_name() -> None:
    assert ad.grad(weighted, argnames="k")(5.0, k=1.0) == 20.0
    assert ad.grad(weighted, argnames="y")(5.0, 2.0) == 60.0
    assert ad.grad(weighted, argnames="y")(5.0, y=2.0) == 60.0
    assert ad.grad(weighted, argnames=("k", "x"))(5.0, k=1.0) == (20.0, 4.0)
    assert ad.grad(weighted, 0, "k")(5.0, k=1.0) == (4.0, 20.0)
    assert ad.grad(weighted, (1, 0), ["k"])(5.0, 2.0, k=1.0) == (20.0, 4.0, 20.0)
    assert ad.jacobian(weighted, argnames="k")(5.0, k=1.0) == 20.0
    assert ad.hessian(weighted, argnames=("x", "k"))(5.0, k=1.0) == ((0.0, 4.0), (4.0, 0.0))
    assert ad.hvp(weighted, argnames=("x", "k"))(5.0, (1.0, 2.0), k=1.0) == (8.0, 4.0)
    assert ad.elementwise_grad(weighted, argnames="k")(5.0, k=1.0) == 20.0
    with pytest.raises(ValueError, match=r"'z'.*was not given"):
        ad.grad(weighted, argnames="z")(5.0)
    with pytest.raises(ValueError, match=r"'k'.*was not given"):
        ad.grad(weighted, argnames="k")(5.0)
    with pytest.raises(TypeError, match="argnames"):
        ad.grad(weighted, argnames=(1,))


def test_results_besides_the_output() -> None:
    def f(x: Any) -> Any:
        return x**2, {"twice": 2 * x, "text": "a", "array": ad.stack([x, x])}

    def check(aux: Any) -> None:
        assert aux["twice"] == 6.0
        assert type(aux["twice"]) is float
        assert aux["text"] == "a"
        assert type(aux["array"]) is np.ndarray
        aux["array"][0] = 1.0  # the caller's own

    gradient, aux = ad.grad(f, has_aux=True)(3.0)
    assert gradient == 6.0
    check(aux)
    (value, aux), gradient = ad.value_and_grad(f, has_aux=True)(3.0)
    assert (value, gradient) == (9.0, 6.0)
    check(aux)
    value, tangent, aux = ad.jvp(f, (3.0,), (1.0,), has_aux=True)
    assert (value, tangent) == (9.0, 6.0)
    check(aux)
    value, pull, aux = ad.vjp(f, 3.0, has_aux=True)
    assert (value, pull(2.0)) == (9.0, (12.0,))
    check(aux)
    value, push, aux = ad.linearize(f, 3.0, has_aux=True)
    assert (value, push(2.0)) == (9.0, 12.0)
    check(aux)
    jacobian, aux = ad.jacobian(f, has_aux=True)(3.0)
    assert jacobian == 6.0
    check(aux)
    hessian, aux = ad.hessian(f, has_aux=True)(3.0)
    assert hessian == 2.0
    check(aux)
    # Within another transform it is differentiated.
    assert ad.grad(lambda x: ad.grad(f, has_aux=True)(x)[1]["twice"] * x)(3.0) == 12.0
    for bad in (lambda x: x, lambda x: (x, x, x)):
        with pytest.raises(TypeError, match="has_aux=True expects"):
            ad.grad(bad, has_aux=True)(1.0)


# --- errors, cost ---------------------------------------------------------------------------------

ERRORS: list[tuple[str, Function, type[Exception], str]] = [
    ("complex leaf", lambda: ad.grad(lambda p: p["w"][1])({"w": [1.0, 2j]}), TypeError,
     r"argument 0\['w'\]\[1\].*complex"),
    ("complex array", lambda: ad.grad(lambda p: p.a)(Line(1.0, np.ones(2) * 1j)), TypeError,
     r"argument 0\.offset.*complex"),
    ("complex by name", lambda: ad.grad(lambda *, p: p[0], argnames="p")(p=[1j]), TypeError,
     r"argument 'p'\[0\].*complex"),
    ("integers only", lambda: ad.grad(lambda p: p["w"])({"w": 3}), TypeError,
     r"argument 0, dict.*write 3\.0 for 3"),
    ("nothing", lambda: ad.grad(lambda p: 1.0)([]), TypeError, "argument 0, list of length 0"),
    ("None", lambda: ad.grad(lambda p: 1.0)(None), TypeError, "argument 0"),
    ("text", lambda: ad.grad(lambda p: 1.0)("a"), TypeError, "real numbers"),
    ("tangent structure", lambda: ad.jvp(lambda p: p["w"], ({"w": 1.0},), ({"v": 1.0},)),
     ValueError, r"tangent of argument 0.*key"),
    ("tangent count", lambda: ad.linearize(ad.sin, 1.0)[1](1.0, 2.0), ValueError, "1.*got 2"),
    ("tangent shape", lambda: ad.linearize(lambda p: p[0], [1.0])[1]([np.ones(2)]), ValueError,
     r"tangent has the shape.*\(2,\)"),
    ("cotangent structure", lambda: ad.vjp(lambda x: (x, x), 1.0)[1]([1.0]), ValueError,
     "cotangent"),
    ("cotangent shape", lambda: ad.vjp(lambda x: x, np.ones(2))[1](1.0), ValueError,
     r"cotangent has the shape of its output.*\(2,\).*\(\)"),
    ("cotangent text", lambda: ad.vjp(lambda x: x, 1.0)[1]("a"), TypeError, "real numbers"),
    ("output of text", lambda: ad.vjp(lambda x: {"a": "b"}, 1.0), TypeError, "numbers.*str 'b'"),
    ("output None", lambda: ad.jacobian(lambda x: (x, object()))(1.0), TypeError, "object"),
    ("mode", lambda: ad.jacobian(ad.sin, mode="backward"), ValueError, "auto, reverse, forward"),
    ("vectors", lambda: ad.hvp(lambda x, y: x * y, (0, 1))(1.0, 2.0, 3.0), ValueError,
     "tuple of 2 vectors"),
    ("no vector", lambda: ad.hvp(lambda x: x)(), ValueError, "vector"),
    ("gradient of a container", lambda: ad.grad(lambda x: {"a": x})(1.0), TypeError,
     "one number, got dict"),
    ("elementwise of a container", lambda: ad.elementwise_grad(lambda x: [x])(1.0), TypeError,
     "list"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "message"), [pytest.param(*row, id=name) for name, *row in ERRORS]
)
def test_errors_name_the_place(call: Function, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_plain_arguments_never_load_the_library_of_containers() -> None:
    program = (
        "import sys, numpy as np, autodiff as ad\n"
        "ad.value_and_grad(lambda x, y: ad.sum(x * y), (0, 1))(2.0, np.ones(2))\n"
        "ad.jvp(ad.sin, (1.0,), (1.0,)), ad.vjp(ad.sin, 1.0)[1](1.0)\n"
        "ad.hessian(lambda x: ad.sum(x**3))(np.ones(2)), ad.grad(ad.checkpoint(ad.sin))(1.0)\n"
        "assert 'optree' not in sys.modules\n"
        "ad.grad(lambda p: p[0])([1.0])\n"
        "assert 'optree' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
