"""``detect_anomaly`` names what made the first nan or inf, from what, and in which line."""

from __future__ import annotations

import asyncio
import gc
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import AnomalyError, Tensor, Value, detect_anomaly
from nn import Dense, ReLU, Sequential

Function = Callable[..., Any]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of the same thing


def zeros() -> Tensor:
    return Tensor([2.0, 0.0, 1.0], label="z")


FORWARD: dict[str, tuple[Function, str, str]] = {
    # what is computed, the operation that is named, and what of its operands is
    "log of 0": (lambda: ad.log(Value(0.0, "x")) * 2.0, "log(x) gives the first inf", "x = 0"),
    "log of -1": (lambda: ad.log(Value(-1.0, "x")), "log(x) gives the first nan", "x = -1"),
    "overflow": (lambda: ad.exp(Value(1e3, "x")), "exp(x) gives the first inf", "x = 1000"),
    "0 / 0": (lambda: Value(0.0, "a") / Value(0.0, "b"), "a / b gives the first nan", "b = 0"),
    "number / 0": (lambda: 3.0 / Value(0.0, "b"), "3 / b gives the first inf", "b = 0"),
    "inf - inf": (lambda: Value(inf, "a") - inf, "a - inf gives the first nan", "a = inf"),
    "within": (lambda: ad.sqrt(Value(1.0, "x") - 2.0), "sqrt(x)", "x = -1, made by x - 2"),
    "array": (lambda: ad.log(zeros()), "log(z) gives the first inf (at [1], 1 of 3", "z = [2. 0."),
    "NumPy": (lambda: np.sum(np.ones(3) / zeros()), "x / z gives the first inf (at [1]", "z = "),
    "mixed": (lambda: Value(1.0, "a") / zeros(), "a / z gives the first inf", "a = 1"),
    "reduction": (lambda: ad.sum(Tensor([1e308, 1e308], "t")), "sum(t) gives the first inf", "t ="),
    "nan in a leaf": (lambda: Value(nan, "x") * 2.0, "x * 2 gives the first nan: it was in x", "x"),
    "nan in a constant": (lambda: zeros() * [1.0, nan, 1.0], "in y before, a constant", "y = [ 1."),
    "nan from elsewhere": (lambda: BAD * 2.0, "which was computed outside of detect_anomaly", ""),
    "not recorded": (lambda: ad.no_grad()(ad.log)(Value(0.0, "x")), "log(x)", "x = 0"),
}
BAD = ad.sqrt(Value(-1.0))


@pytest.mark.parametrize("name", FORWARD)
def test_the_operation_that_makes_the_first_one_is_named(name: str) -> None:
    compute, operation, operand = FORWARD[name]
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        compute()
    message = str(caught.value)
    assert message.startswith("forward: ")
    assert operation in message
    assert operand in message
    assert "test_anomaly.py" in message
    assert compute() is not None  # outside of the block nothing is refused


BACKWARD: dict[str, tuple[Function, Any, str, str]] = {
    # function, where, the derivative that is named, and what else the message tells
    "sqrt": (ad.sqrt, 0.0, "sqrt(x) with respect to x gives the first inf", "0.5 / f"),
    "power": (lambda x: 2 * x**0.5, 0.0, "x ** 0.5 with respect to x", "arrived: 2"),
    "second operand": (lambda y: ad.pow(-2.0, y), 2.0, "(-2) ** y with respect to y", "nan"),
    "0 · inf": (lambda x: ad.sqrt(x) * x, 0.0, "sqrt(x) with respect to x", "nan"),
    "array": (lambda x: ad.sum(np.sqrt(x)), np.array([1.0, 0.0]), "inf (at [1], 1 of 2", "x = [1."),
    "one element": (lambda x: ad.sqrt(x[1]), np.array([1.0, 0.0]), "sqrt(x)", "x[1]"),
    "overflow of a sum": (
        lambda x: x * 1e308 + x * 1e308, 0.5, "finite contributions add up to it", "0.5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", BACKWARD)
def test_the_derivative_that_makes_the_first_one_is_named(name: str, nested: bool) -> None:
    function, point, derivative, detail = BACKWARD[name]
    point = (Tensor if np.ndim(point) else Value)(point) if nested else point
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        ad.grad(function)(point)
    message = str(caught.value)
    assert message.startswith("backward: ")
    assert derivative.replace("y", "x") in message.replace("y", "x")
    assert detail in message
    ad.grad(function)(point)


def test_a_backward_pass_names_label_and_line() -> None:
    x = Value(0.0, label="x")
    with detect_anomaly():
        root = ad.sqrt(x)
        root.label = "root"
    above = root * 3.0
    with pytest.raises(AnomalyError, match=r"node: 'root' = 0") as caught, detect_anomaly():
        above.backward()
    fault = caught.value
    assert (fault.node, fault.position) == (root, 0)
    assert fault.node is root
    assert fault.primitive is root.primitive
    assert fault.line is not None
    assert fault.line.source == "root = ad.sqrt(x)"
    assert fault.line.function == "test_a_backward_pass_names_label_and_line"
    assert f"{__file__}:{fault.line.number}" in str(fault)
    assert not x.has_adjoint


def test_the_line_of_a_node_made_outside_is_said_to_be_unknown() -> None:
    y = ad.sqrt(Value(0.0))
    with pytest.raises(AnomalyError, match="made outside of detect_anomaly") as caught:
        detect_anomaly()(y.backward)()
    assert caught.value.line is None


def cube_root(x: Any) -> Any:
    """Its second derivative is infinite at 0, its first is 0."""
    return x**1.5


@pytest.mark.parametrize(
    "derivative",
    [
        pytest.param(lambda: ad.grad(ad.grad(cube_root))(0.0), id="grad of grad"),
        pytest.param(lambda: ad.grad(ad.grad(cube_root))(Value(0.0)), id="grad of grad of a node"),
        pytest.param(lambda: ad.jvp(ad.grad(cube_root), (0.0,), (1.0,)), id="jvp of grad"),
        pytest.param(
            lambda: ad.grad(lambda x: ad.jvp(cube_root, (x,), (1.0,))[1])(0.0), id="grad of jvp"
        ),
        pytest.param(
            lambda: ad.grad(lambda x: ad.sum(ad.grad(lambda y: ad.sum(cube_root(y)))(x)))(
                np.array([1.0, 0.0])
            ),
            id="arrays",
        ),
    ],
)
def test_a_higher_derivative_names_the_line_of_the_function(derivative: Function) -> None:
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        derivative()
    assert caught.value.line is not None
    assert caught.value.line.source == "return x**1.5"


def test_forward_mode() -> None:
    with pytest.raises(AnomalyError, match=r"jvp: the tangent of sqrt\(x\) is the first inf"):
        detect_anomaly()(ad.jvp)(ad.sqrt, (0.0,), (1.0,))
    with detect_anomaly(backward=False):
        assert ad.jvp(ad.sqrt, (0.0,), (1.0,))[1] == inf


HARMLESS: dict[str, Function] = {
    "sin": ad.sin,
    "branch not taken": lambda x: ad.where(x > 0, ad.sqrt(ad.where(x > 0, x, 0.0)), 0.0),
    "mask of -inf": lambda x: ad.logsumexp(ad.where(x > 0, x, -inf)) * x,
    "infinite constant": lambda x: ad.maximum(x, -inf),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_in_order_passes(name: str) -> None:
    gradient = ad.grad(lambda x: ad.sum(HARMLESS[name](x)))
    x = np.array([0.0, 2.0])
    expected = gradient(x)
    assert np.isfinite(expected).all()
    with detect_anomaly():
        np.testing.assert_array_equal(gradient(x), expected)


def test_options() -> None:
    with detect_anomaly(inf=False):
        assert ad.log(Value(0.0)).data == -inf
        assert ad.grad(ad.sqrt)(0.0) == inf
        with pytest.raises(AnomalyError, match=r"sqrt\(x\).* nan"):
            ad.sqrt(Value(-1.0))
        with pytest.raises(AnomalyError, match=r"the derivative of sqrt\(x\) .* nan"):
            ad.grad(lambda x: ad.sqrt(x) * x)(0.0)
    with detect_anomaly(forward=False):
        y = ad.log(Value(0.0))
        with pytest.raises(AnomalyError, match="backward"):
            y.backward()
    with detect_anomaly(backward=False):
        assert ad.grad(ad.sqrt)(0.0) == inf
        with pytest.raises(AnomalyError, match="forward"):
            ad.log(Value(0.0))


def test_integers_and_booleans_are_looked_at_without_harm() -> None:
    with detect_anomaly():
        assert (Tensor([1, 2]) * Tensor([3, 4])).data.tolist() == [3, 8]
        assert (Tensor([True, False]) * 2.0).data.tolist() == [2.0, 0.0]
        assert ad.sum(Tensor(np.zeros((0, 2)))).item() == 0.0


def test_a_network_names_its_layer_and_the_callers_line() -> None:
    net = Sequential(Dense(2, 3, generator=np.random.default_rng(0)), ReLU())
    net[0].weight.data = np.full((2, 3), 3e38, np.float32)
    with (
        pytest.raises(AnomalyError, match=r"dense\.bias gives") as caught,
        detect_anomaly(),
    ):
        net(np.ones((1, 2), np.float32) * 1e5)
    assert caught.value.line is not None
    assert caught.value.line.source == "net(np.ones((1, 2), np.float32) * 1e5)"
    assert "dense.py" in str(caught.value)
    assert "dense.weight = [[3.e+38" in str(caught.value)


# --- where it holds -------------------------------------------------------------------------------


def is_watched() -> bool:
    try:
        ad.log(Value(0.0))
    except AnomalyError:
        return True
    return False


def test_it_holds_in_the_block_and_no_longer() -> None:
    assert not is_watched()
    with detect_anomaly():
        assert is_watched()
        with ad.no_grad(), ad.recording(True):
            assert is_watched()
    with pytest.raises(AnomalyError), detect_anomaly():
        ad.log(Value(0.0))
    assert not is_watched()
    assert ad.is_recording()
    assert isnan(ad.grad(lambda x: ad.sqrt(x) * x)(0.0))


def test_a_pass_that_is_ended_leaves_no_state() -> None:
    x, y = Value(0.0), Value(1.0)
    with detect_anomaly():
        f = ad.sqrt(x) + y
        for _ in range(2):
            with pytest.raises(AnomalyError):
                f.backward()
            with pytest.raises(AnomalyError):
                ad.grad(ad.sqrt)(0.0)
        assert not x.has_adjoint
        assert not y.has_adjoint
        assert is_watched()  # the operations after the rule that failed too
        assert type(ad.grad(ad.sin)(0.0)) is float


@detect_anomaly()
def decorated(x: Any) -> Any:
    return ad.log(x)


def test_decorators() -> None:
    with pytest.raises(AnomalyError):
        decorated(Value(0.0))
    assert decorated(Value(1.0)).data == 0.0
    assert not is_watched()

    @detect_anomaly()
    async def asynchronous() -> bool:
        await asyncio.sleep(0)
        return is_watched()

    async def other() -> bool:
        await asyncio.sleep(0)
        return is_watched()

    async def both() -> Any:
        return await asyncio.gather(other(), asynchronous(), other())

    assert asyncio.run(both()) == [False, True, False]


def test_other_threads_are_not_watched() -> None:
    seen = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(is_watched()))
        thread.start()
        thread.join(timeout=60)
    assert seen == [False]


def test_nodes_are_freed_inside_of_the_block() -> None:
    x = Value(0.5)
    with detect_anomaly():
        (x * x + x).backward()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(200):
            (x * x + x).backward()
        assert len(gc.get_objects()) - before < 50


def test_values_and_gradients_are_the_same_inside() -> None:
    def f(x: Any, w: Any) -> Any:
        return ad.sum(ad.tanh(x @ w) * ad.max(w)) + ad.logsumexp(x) * w[0, 0]

    x, w = np.arange(6.0).reshape(2, 3) / 7, np.arange(12.0).reshape(3, 4) / 5
    expected = ad.value_and_grad(f, (0, 1))(x, w)
    with detect_anomaly():
        value, gradients = ad.value_and_grad(f, (0, 1))(x, w)
    assert value == expected[0]
    for gradient, e in zip(gradients, expected[1], strict=True):
        np.testing.assert_allclose(gradient, e, rtol=1e-14)


@pytest.mark.parametrize("keep", [True, False])
def test_gradients_of_leaves_are_the_same_inside(keep: bool) -> None:
    x = Tensor([1.0, 2.0])
    with ad.detect_anomaly():
        ad.sum(x * x).backward(keep_adjoints=keep)
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])


def test_the_error_can_be_sent_to_another_process() -> None:
    with pytest.raises(AnomalyError) as caught:
        decorated(Value(0.0, "x"))
    twin = pickle.loads(pickle.dumps(caught.value))
    assert str(twin) == str(caught.value)
    assert twin.node.data == -inf


def test_it_costs_nothing_where_it_is_never_used() -> None:
    """No operation looks anything up until a switch has been used."""
    program = (
        "import autodiff as ad; from autodiff.recording import switch;"
        "x = ad.Value(2.0); (x * x).backward(); assert not switch.used"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
