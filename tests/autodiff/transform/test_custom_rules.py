"""A user's own function as a primitive: both rules, either one, derived ones, wrong ones."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from derivatives import check, points

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]

SOFTPLUS_VJP: Function = lambda t, f, x: t * ad.sigmoid(x)  # noqa: E731
SOFTPLUS_JVP: Function = lambda d, f, x: ad.sigmoid(x) * d[0]  # noqa: E731


def softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


def ratio(x: Any, y: Any, *, power: int = 2) -> Any:
    return np.asarray(x) / np.asarray(y) ** power


def ratio_vjp(t: Any, f: Any, x: Any, y: Any, *, power: int) -> Any:
    return t / y**power, -power * t * f / y


def ratio_jvp(d: Any, f: Any, x: Any, y: Any, *, power: int) -> Any:
    return d[0] / y**power - power * f / y * d[1]


def rules(vjp: Function, jvp: Function) -> dict[str, dict[str, Function]]:
    return {"both": {"vjp": vjp, "jvp": jvp}, "vjp": {"vjp": vjp}, "jvp": {"jvp": jvp}}


given = pytest.mark.parametrize("which", ["both", "vjp", "jvp"])


@given
@pytest.mark.parametrize("x", [0.7, points(3), points(2, 3)], ids=np.shape)
def test_one_operand(which: str, x: Any) -> None:
    f = ad.custom_rule(**rules(SOFTPLUS_VJP, SOFTPLUS_JVP)[which], elementwise=True)(softplus)
    check(lambda x: f(x) * x, (x,))
    assert type(f(0.5)) is float
    third = ad.elementwise_grad(ad.elementwise_grad(ad.elementwise_grad(f)))(x)
    s = scipy.special.expit(x)
    np.testing.assert_allclose(third, s * (1 - s) * (1 - 2 * s), rtol=1e-10)


@given
@pytest.mark.parametrize(
    "arguments",
    [
        (0.7, 0.4),
        (points(3), points(3, seed=1)),
        (points(2, 3), points(3, seed=1)),
        (points(2, 1), points(3, seed=1)),
        (points(2, 3), 0.8),
        (0.8, points(2, seed=2)),
    ],
    ids=lambda a: str([np.shape(x) for x in a]),
)
def test_several_operands_and_a_parameter(which: str, arguments: Any) -> None:
    f = ad.custom_rule(**rules(ratio_vjp, ratio_jvp)[which])(ratio)
    check(f, arguments)
    check(lambda x, y: f(x, y, power=3), arguments)
    check(lambda x: f(x, x), arguments[:1])
    check(lambda x: f(x, 2.0), arguments[:1])
    assert ad.grad(lambda x: ad.sum(f(y=2.0, x=x)))(3.0) == 0.25


def test_a_reduction_and_an_outer_product() -> None:
    norm = ad.custom_rule(vjp=lambda t, f, x: t * x / f)(lambda x: np.sqrt(np.sum(x * x)))
    check(norm, (points(4),))
    outer = ad.custom_rule(
        vjp=lambda t, f, x, y: (t @ y, x @ t),
        jvp=lambda d, f, x, y: outer(d[0], y) + outer(x, d[1]),
    )(np.outer)
    check(outer, (points(2), points(3, seed=1)))


def test_a_function_written_in_c() -> None:
    erf = ad.custom_rule(vjp=lambda t, f, x: t * 2 / np.sqrt(np.pi) * ad.exp(-(x**2)), name="erf")(
        scipy.special.erf
    )
    check(erf, (points(3),))
    assert erf.name == "erf"


def test_what_a_drawing_and_a_graph_show() -> None:
    f = ad.custom_rule(vjp=ratio_vjp)(ratio)
    assert (f.name, f.__name__, f.__doc__) == ("ratio", "ratio", ratio.__doc__)
    x = Value(3.0, label="x")
    y = f(x, 2.0, power=3)
    assert y.primitive is f
    assert y.parameters["power"] == 3
    assert "ratio" in ad.draw(y).source
    assert "ratio(x" in ad.explain(y).to_text() if hasattr(ad.explain(y), "to_text") else True
    assert not f(x, 1.0).is_leaf
    with ad.no_grad():
        assert f(x, 1.0).is_leaf


def test_straight_through_and_reversal() -> None:
    """The rule is what is used, whether it is the function's derivative or not."""
    rounded = ad.custom_rule(vjp=lambda t, f, x: t)(np.round)
    assert ad.value_and_grad(lambda x: rounded(x) ** 2)(2.7) == (9.0, 6.0)
    assert ad.jvp(rounded, (2.7,), (5.0,)) == (3.0, 5.0)
    reversed_ = ad.custom_rule(vjp=lambda t, f, x: -t)(lambda x: x)
    x = Tensor([1.0, 2.0])
    reversed_(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [-1.0, -1.0])


def test_the_rule_is_asked_once_for_all_operands() -> None:
    calls = []

    def vjp(t: Any, f: Any, *operands: Any) -> Any:
        calls.append(t)
        return tuple(t * k for k in range(len(operands)))

    f = ad.custom_rule(vjp=vjp)(lambda *x: sum(k * y for k, y in enumerate(x)))
    xs = [Value(float(k)) for k in range(5)]
    y = f(*xs)
    y.backward()
    assert len(calls) == 1
    assert [x.grad for x in xs] == [0.0, 1.0, 2.0, 3.0, 4.0]
    y.backward()
    assert [x.grad for x in xs] == [0.0, 2.0, 4.0, 6.0, 8.0]
    calls.clear()
    ad.grad(lambda *x: f(*x) * f(*x), (0, 3))(1.0, 2.0, 3.0, 4.0, 5.0)
    assert len(calls) == 2
    calls.clear()
    ad.hessian(lambda *x: f(*x) ** 2, (1, 3))(1.0, 2.0, 3.0, 4.0, 5.0)
    assert len(calls) <= 3


def test_nothing_stays_in_memory() -> None:
    """Not even what the rule gave to operands that nobody asked about."""
    f = ad.custom_rule(vjp=lambda t, f, x, y: (t * y, t * x))(np.multiply)
    w = Tensor(np.ones(3))
    gc.collect()
    gc.disable()
    try:
        ad.grad(lambda x: ad.sum(f(x, w) ** 2))(np.ones(3))
        ad.hessian(lambda x: ad.sum(f(x, w) ** 2))(np.ones(3))
        y = ad.sum(f(w, w) ** 2)
        y.backward()
        del y
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_operand_without_influence() -> None:
    pick = ad.custom_rule(vjp=lambda t, f, x, y: (t, None))(lambda x, y: x + 0 * y)
    assert ad.grad(pick, (0, 1))(2.0, 3.0) == (1.0, 0.0)
    assert ad.jvp(pick, (2.0, 3.0), (0.0, 1.0))[1] == 0.0
    table = np.array([3, 4])
    take = ad.custom_rule(vjp=lambda t, f, x, n: (t * n, None))(lambda x, n: x * n)
    np.testing.assert_array_equal(ad.grad(lambda x: ad.sum(take(x, table)))(np.ones(2)), [3, 4])


def test_where_keeps_what_is_not_finite_out() -> None:
    """Element by element if the rule is said to be so."""
    x = np.array([0.0, 4.0])
    root = ad.custom_rule(vjp=lambda t, f, x: t * 0.5 / f, elementwise=True)(np.sqrt)
    gradient = ad.grad(lambda x: ad.sum(ad.where(x > 0, root(x), 0.0)))(x)
    np.testing.assert_array_equal(gradient, [0.0, 0.25])
    column = ad.grad(lambda c: ad.sum(ad.where(x > 0, root(x * c), 0.0)))(1.0)
    assert column == 1.0


def test_what_the_function_is_given_and_gives_is_safe() -> None:
    buffer = np.zeros(2)

    def into(x: Any) -> Any:
        np.multiply(x, 3.0, out=buffer)
        return buffer

    f = ad.custom_rule(vjp=lambda t, f, x: 3.0 * t)(into)
    x = Tensor([1.0, 2.0])
    y, z = f(x), f(x * 2)
    np.testing.assert_array_equal(y.data, [3.0, 6.0])
    np.testing.assert_array_equal(z.data, [6.0, 12.0])
    with pytest.raises(ValueError, match="read-only"):
        ad.custom_rule(vjp=lambda t, f, x: t)(lambda x: np.add(x, 1.0, out=x))(x)
    weights = np.ones(2)
    g = ad.custom_rule(vjp=lambda t, f, x, *, w: t * w)(lambda x, *, w: x * w)
    y = ad.sum(g(x, w=weights))
    weights[:] = 7.0
    y.backward()
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


def test_what_is_left_out_is_no_operand() -> None:
    def vjp(t: Any, f: Any, x: Any, *more: Any, power: int) -> Any:
        return (t * power * x ** (power - 1), *(None for _ in more))

    f = ad.custom_rule(vjp=vjp)(lambda x, shift=1.0, *, power=3: x**power + shift)
    assert ad.value_and_grad(f)(2.0) == (9.0, 12.0)
    assert ad.value_and_grad(f)(2.0, 5.0) == (13.0, 12.0)
    assert ad.value_and_grad(lambda x: f(x, shift=5.0, power=2))(2.0) == (9.0, 4.0)
    assert f(Value(2.0)).parameters["power"] == 3


def test_float32_stays() -> None:
    f = ad.custom_rule(vjp=lambda t, f, x: t * np.float64(2.0))(lambda x: x * np.float32(2))
    x = Tensor(np.ones(2, np.float32))
    y = f(x)
    y.backward(np.ones(2))
    assert y.dtype == x.grad.dtype == np.float32


def test_numbers_follow_ieee_754() -> None:
    inverse = ad.custom_rule(vjp=lambda t, f, x: -t / (x * x))(lambda x: 1 / x)
    with np.errstate(divide="ignore"):
        assert ad.value_and_grad(inverse)(0.0) == (np.inf, -np.inf)


def bad(**rule: Function) -> Function:
    return ad.custom_rule(name="bad", **rule)(lambda x, y: np.asarray(x) * np.asarray(y))


X = np.ones((2, 3))


def slope(vjp: Function) -> Any:
    return ad.grad(lambda x: ad.sum(bad(vjp=vjp)(x, 1.0)))(X)


ERRORS: list[tuple[str, Function, type[Exception], str]] = [
    ("no rule", lambda: ad.custom_rule(), TypeError, "give a vjp=, a jvp= or both"),
    ("shape", lambda: slope(lambda t, f, x, y: (t[0], None)),
     ValueError, r"vjp of 'bad'.*\(3,\) to operand 0.*\(2, 3\)"),
    ("reduced", lambda: slope(lambda t, f, x, y: (2.0, 0.0)),
     ValueError, r"vjp of 'bad'.*\(\) to operand 0"),
    ("count", lambda: slope(lambda t, f, x, y: (t,)),
     TypeError, "returned 1, expected a tuple of 2"),
    ("no tuple", lambda: slope(lambda t, f, x, y: t),
     TypeError, "returned ndarray, expected a tuple of 2"),
    ("text", lambda: slope(lambda t, f, x, y: ("a", t)),
     TypeError, "vjp of 'bad': expected real numbers"),
    ("jvp shape", lambda: ad.jvp(bad(jvp=lambda d, f, x, y: d[0][0]), (X, X), (X, X)),
     ValueError, r"jvp of 'bad'.*\(3,\).*\(2, 3\)"),
    ("jvp text", lambda: ad.jvp(bad(jvp=lambda d, f, x, y: "a"), (X, X), (X, X)),
     TypeError, "jvp of 'bad': expected real"),
    ("jvp shape transposed",
     lambda: ad.grad(lambda x: ad.sum(bad(jvp=lambda d, f, x, y: d[0][0])(x, 1.0)))(X),
     ValueError, r"jvp of 'bad'.*\(3,\)"),
    ("complex", lambda: ad.custom_rule(vjp=SOFTPLUS_VJP)(lambda x: x * 1j)(Value(1.0)),
     TypeError, r"Value 1\): expected real numbers"),
    ("None", lambda: ad.custom_rule(vjp=SOFTPLUS_VJP)(lambda x: None)(1.0), TypeError, "NoneType"),
    ("node by name", lambda: ad.custom_rule(vjp=ratio_vjp)(ratio)(1.0, 2.0, power=Value(2.0)),
     TypeError, "power=Value 2.*by position"),
    ("operand text", lambda: bad(vjp=SOFTPLUS_VJP)("a", 1.0), TypeError, "real numbers"),
    ("too many", lambda: bad(vjp=SOFTPLUS_VJP)(1.0, 2.0, 3.0), TypeError, "too many"),
    ("rule of bare functions", lambda: ad.grad(ad.grad(ad.custom_rule(
        vjp=lambda t, f, x: t * scipy.special.exprel(x))(softplus)))(1.0), TypeError, "exprel"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "message"), [pytest.param(*row, id=name) for name, *row in ERRORS]
)
def test_errors(call: Function, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_error_of_the_function_is_the_users_own() -> None:
    def fails(x: Any) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        ad.custom_rule(vjp=SOFTPLUS_VJP)(fails)(Value(1.0))
