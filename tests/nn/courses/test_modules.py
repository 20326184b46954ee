"""Modules with columns as examples, against that package written in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn.courses.modules import (
    NLL,
    Conv1D,
    Linear,
    MaxPool1D,
    Module,
    ReLU,
    Sequential,
    SoftMax,
    Tanh,
)

Array = np.ndarray


def rng() -> np.random.Generator:
    return np.random.default_rng(8)


# --- the package that is reproduced, its derivatives written by hand ------------------------------


class PlainLinear:
    def __init__(self, m: int, n: int) -> None:
        self.W0 = np.zeros((n, 1))
        self.W = np.random.normal(0, m ** (-0.5), [m, n])

    def forward(self, A: Array) -> Array:
        self.A = A
        return np.dot(self.W.T, A) + self.W0

    def backward(self, dLdZ: Array) -> Array:
        self.dLdW = np.dot(self.A, dLdZ.T)
        self.dLdW0 = dLdZ.sum(axis=1).reshape(self.W0.shape)
        return np.dot(self.W, dLdZ)

    def sgd_step(self, lrate: float) -> None:
        self.W -= lrate * self.dLdW
        self.W0 -= lrate * self.dLdW0


class PlainTanh:
    def forward(self, Z: Array) -> Array:
        self.A = np.tanh(Z)
        return self.A

    def backward(self, dLdA: Array) -> Array:
        return dLdA * (1.0 - self.A**2)

    def sgd_step(self, lrate: float) -> None: ...


class PlainReLU(PlainTanh):
    def forward(self, Z: Array) -> Array:
        self.A = np.maximum(0, Z)
        return self.A

    def backward(self, dLdA: Array) -> Array:
        return dLdA * (self.A != 0)


class PlainSoftMax(PlainTanh):
    def forward(self, Z: Array) -> Array:
        return np.exp(Z) / np.sum(np.exp(Z), axis=0)

    def backward(self, dLdZ: Array) -> Array:
        return dLdZ


class PlainNLL:
    def forward(self, Ypred: Array, Y: Array) -> float:
        self.Ypred, self.Y = Ypred, Y
        return float(np.sum(-Y * np.log(Ypred)))

    def backward(self) -> Array:
        return self.Ypred - self.Y


def plain_sgd(
    layers: list[Any], loss: Any, X: Array, Y: Array, iters: int, lrate: float
) -> list[float]:
    losses = []
    for _ in range(iters):
        i = np.random.randint(X.shape[1])
        A = X[:, i : i + 1]
        for layer in layers:
            A = layer.forward(A)
        losses.append(loss.forward(A, Y[:, i : i + 1]))
        delta = loss.backward()
        for layer in reversed(layers):
            delta = layer.backward(delta)
        for layer in layers:
            layer.sgd_step(lrate)
    return losses


class Noting(NLL):
    """Keeps the losses on the way."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def forward(self, Ypred: Any, Y: Any) -> float:
        self.losses.append(super().forward(Ypred, Y))
        return self.losses[-1]


def two_moons(n: int) -> tuple[Array, Array]:
    generator = rng()
    angle = generator.uniform(0, np.pi, n)
    second = np.arange(n) % 2
    x = np.where(second, 1 - np.cos(angle), np.cos(angle))
    y = np.where(second, 0.5 - np.sin(angle), np.sin(angle))
    X = np.stack([x, y]) + generator.normal(0, 0.1, (2, n))
    return X, np.stack([1.0 - second, second])


Rows = list[tuple[Any, Any, tuple[int, ...]]]

RUNS: dict[str, Rows] = {  # the modules here, those in plain NumPy, and their sizes
    "linear": [(Linear, PlainLinear, (2, 2)), (SoftMax, PlainSoftMax, ())],
    "ReLU": [
        (Linear, PlainLinear, (2, 20)),
        (ReLU, PlainReLU, ()),
        (Linear, PlainLinear, (20, 10)),
        (ReLU, PlainReLU, ()),
        (Linear, PlainLinear, (10, 2)),
        (SoftMax, PlainSoftMax, ()),
    ],
    "tanh": [
        (Linear, PlainLinear, (2, 10)),
        (Tanh, PlainTanh, ()),
        (Linear, PlainLinear, (10, 10)),
        (Tanh, PlainTanh, ()),
        (Linear, PlainLinear, (10, 2)),
        (SoftMax, PlainSoftMax, ()),
    ],
    "wide": [
        (Linear, PlainLinear, (2, 100)),
        (Tanh, PlainTanh, ()),
        (Linear, PlainLinear, (100, 30)),
        (ReLU, PlainReLU, ()),
        (Linear, PlainLinear, (30, 2)),
        (SoftMax, PlainSoftMax, ()),
    ],
}


def both(name: str, seed: int) -> tuple[Sequential, list[Any]]:
    np.random.seed(seed)
    net = Sequential([make(*sizes) for make, _, sizes in RUNS[name]], Noting())
    np.random.seed(seed)
    return net, [make(*sizes) for _, make, sizes in RUNS[name]]


@pytest.mark.parametrize("lrate", [0.005, 0.05])
@pytest.mark.parametrize("name", RUNS)
def test_a_seeded_run_gives_that_packages_numbers_bit_for_bit(name: str, lrate: float) -> None:
    X, Y = two_moons(200)
    net, plain = both(name, seed=2)
    np.random.seed(3)
    net.sgd(X, Y, iters=500, lrate=lrate)
    drawn = np.random.random()
    np.random.seed(3)
    losses = plain_sgd(plain, PlainNLL(), X, Y, 500, lrate)
    assert np.random.random() == drawn  # the random stream stands at the same place
    assert np.mean(losses[-100:]) < np.mean(losses[:100])
    for module, other in zip(net.modules, plain, strict=True):
        if isinstance(module, Linear):
            np.testing.assert_array_equal(module.W, other.W)
            np.testing.assert_array_equal(module.W0, other.W0)
    np.testing.assert_array_equal(net.loss.losses, losses)


@pytest.mark.parametrize("name", RUNS)
def test_a_batch_gives_that_packages_gradients(name: str) -> None:
    X, Y = two_moons(30)
    net, plain = both(name, seed=4)
    A = X
    for layer in plain:
        A = layer.forward(A)
    output = net.forward(X)
    np.testing.assert_allclose(output, A, rtol=1e-14)
    loss = PlainNLL()
    assert net.loss.forward(output, Y) == pytest.approx(loss.forward(A, Y), rel=1e-14)
    delta = loss.backward()
    np.testing.assert_allclose(net.loss.backward(), delta, rtol=1e-14, atol=1e-16)
    for layer in reversed(plain):
        delta = layer.backward(delta)
    np.testing.assert_allclose(net.backward(net.loss.backward()), delta, rtol=1e-12, atol=1e-14)
    for module, other in zip(net.modules, plain, strict=True):
        if isinstance(module, Linear):
            np.testing.assert_allclose(module.dLdW, other.dLdW, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(module.dLdW0, other.dLdW0, rtol=1e-12, atol=1e-14)
            assert module.dLdW0.shape == module.W0.shape


def test_first_weights_come_from_the_global_stream() -> None:
    np.random.seed(5)
    first, second = Linear(4, 3), Linear(3, 2)
    np.random.seed(5)
    np.testing.assert_array_equal(first.W, np.random.normal(0, 4**-0.5, [4, 3]))
    np.testing.assert_array_equal(second.W, np.random.normal(0, 3**-0.5, [3, 2]))
    assert first.W0.tolist() == [[0], [0], [0]]


# --- the gradients --------------------------------------------------------------------------------


def run(net: Sequential, X: Array, Y: Array) -> float:
    return float(net.loss.forward(net.forward(X), Y))


def flatland() -> Sequential:
    """Convolution and pooling of images of four pixels, then two classes."""
    np.random.seed(1)
    return Sequential(
        [Conv1D(3), ReLU(), MaxPool1D(2), Linear(2, 3), Tanh(), Linear(3, 2), SoftMax()], NLL()
    )


def test_gradients_are_finite_differences_of_the_loss() -> None:
    net = flatland()
    net.modules[0].w_0 = np.array([[0.3]])
    X = rng().normal(size=(4, 6))
    Y = np.eye(2)[:, rng().integers(2, size=6)]
    run(net, X, Y)
    dLdX = net.backward(net.loss.backward())

    def slope(assign: Callable[[float], None]) -> float:
        losses = []
        for step in (1e-6, -1e-6):
            assign(step)
            losses.append(run(net, X, Y))
        return (losses[0] - losses[1]) / 2e-6

    for module in net.modules:
        for name in module.names:
            values = getattr(module, name)
            gradient = getattr(module, f"dLd{name}")
            assert gradient.shape == values.shape
            for place in np.ndindex(*values.shape):

                def moved(step: float, place: Any = place, values: Any = values) -> None:
                    changed = values.copy()
                    changed[place] += step
                    setattr(module, name, changed)  # noqa: B023 - called within this turn

                assert gradient[place] == pytest.approx(slope(moved), rel=1e-6, abs=1e-8)
            setattr(module, name, values)
    for place in np.ndindex(*X.shape):
        losses = []
        for step in (1e-6, -1e-6):
            changed = X.copy()
            changed[place] += step
            losses.append(run(net, changed, Y))
        assert dLdX[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_what_the_loss_hands_back_is_its_derivative_behind_the_softmax() -> None:
    Z = rng().normal(size=(3, 5))
    Y = np.eye(3)[:, rng().integers(3, size=5)]
    loss = NLL()
    loss.forward(SoftMax().forward(Z), Y)
    expected = ad.grad(lambda Z: -ad.sum(Y * ad.log_softmax(Z, 0)))(Z)
    np.testing.assert_allclose(loss.backward(), expected, atol=1e-15)
    np.testing.assert_array_equal(loss.backward(), SoftMax().forward(Z) - Y)


def test_tanh_has_the_derivative_of_the_engine_up_to_rounding() -> None:
    Z = np.linspace(-5, 5, 21).reshape(3, 7)
    tanh = Tanh()
    np.testing.assert_array_equal(tanh.forward(Z), np.tanh(Z))
    np.testing.assert_allclose(
        tanh.backward(np.ones_like(Z)), ad.elementwise_grad(ad.tanh)(Z), atol=2e-16
    )


# --- one-dimensional images -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 5])
def test_an_output_pixel_belongs_to_the_pixel_that_the_filter_is_centred_on(size: int) -> None:
    conv = Conv1D(size)
    assert conv.W.shape == (size, 1)
    conv.w_0 = np.array([[0.5]])
    X = rng().normal(size=(4, 3))
    expected = np.full_like(X, 0.5)
    for i, a in np.ndindex(4, size):
        source = i + a - size // 2
        if 0 <= source < 4:
            expected[i] += conv.W[a, 0] * X[source]
    np.testing.assert_allclose(conv.forward(X), expected, atol=1e-15)


def test_pooling_of_columns() -> None:
    X = np.array([[1.0, 5.0], [3.0, 2.0], [2.0, 2.0], [0.0, 7.0]])
    assert MaxPool1D(2).forward(X).tolist() == [[3, 5], [2, 7]]
    assert MaxPool1D(2, stride=1).forward(X).tolist() == [[3, 5], [3, 2], [2, 7]]
    pool = MaxPool1D(2)
    pool.forward(X)
    back = pool.backward(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert back.tolist() == [[0, 2], [1, 0], [3, 0], [0, 4]]


def test_flatland_is_learnt() -> None:
    """Which images of four pixels, each 0 or 1, have 1, 0, 1 in a row?"""
    X = np.array(np.meshgrid(*[[0.0, 1.0]] * 4)).reshape(4, 16)
    positive = [any(x[i : i + 3].tolist() == [1, 0, 1] for i in (0, 1)) for x in X.T]
    Y = np.stack([np.logical_not(positive), positive]).astype(float)
    np.random.seed(1)
    net = Sequential([Conv1D(), Tanh(), MaxPool1D(2, stride=1), Linear(3, 8), Tanh(), Linear(8, 2),
                      SoftMax()], NLL())  # fmt: skip
    net.sgd(X, Y, iters=1000, lrate=0.3)
    assert net.modules[-1].class_fun(net.forward(X)).tolist() == np.argmax(Y, axis=0).tolist()


# --- edges and errors -----------------------------------------------------------------------------


def test_huge_scores_are_no_nans() -> None:
    Z = np.array([[1000.0, -800.0], [0.0, -801.0]])
    p = SoftMax().forward(Z)
    np.testing.assert_allclose(p, ad.softmax(Z, axis=0), rtol=1e-15)
    assert p[0, 0] == 1


def test_the_loss_of_certain_answers() -> None:
    Y = np.array([[1.0], [0.0]])
    assert NLL().forward(np.array([[1.0], [0.0]]), Y) == 0
    assert NLL().forward(np.array([[0.0], [1.0]]), Y) == np.inf


def test_nothing_that_is_given_changes() -> None:
    net = flatland()
    X, Y = rng().normal(size=(4, 5)), np.eye(2)[:, [0, 1, 1, 0, 1]]
    weights = net.modules[3].W
    before = X.copy(), Y.copy(), weights.copy()
    net.sgd(X, Y, iters=3)
    np.testing.assert_equal((X, Y, weights), before)
    assert (weights != net.modules[3].W).any()


def test_sgd_takes_more_steps_than_there_are_columns() -> None:
    net = flatland()
    net.sgd(rng().normal(size=(4, 2)), np.eye(2), iters=5)


def backward_first(module: Any) -> Callable[[], object]:
    return lambda: module.backward(np.ones((2, 1)))


def wrong_delta(module: Any) -> Callable[[], object]:
    def call() -> None:
        module.forward(np.ones((2, 1)))
        module.backward(np.ones((2, 3)))

    return call


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Linear(3, 2).forward(np.ones((2, 1))), ValueError, r"\(3, N\).*\(2, 1\)"),
    (lambda: Linear(3, 2).forward(np.ones(3)), ValueError, r"Linear.*\(D, N\).*\(3,\)"),
    (lambda: Linear(0, 2), ValueError, "m and n.*0"),
    (lambda: Conv1D(4), ValueError, "odd.*4"),
    (lambda: MaxPool1D(0), ValueError, "size.*0"),
    (lambda: MaxPool1D(2, stride=-1), ValueError, "stride.*-1"),
    (lambda: Tanh().forward([[1j]]), TypeError, "complex"),
    (backward_first(Linear(2, 2)), RuntimeError, "Linear.*forward"),
    (backward_first(Tanh()), RuntimeError, "Tanh.*forward"),
    (lambda: Linear(2, 2).sgd_step(0.1), RuntimeError, "Linear.*backward"),
    (lambda: NLL().backward(), RuntimeError, "NLL.*forward"),
    (wrong_delta(ReLU()), ValueError, r"\(2, 1\).*\(2, 3\)"),
    (wrong_delta(Tanh()), ValueError, r"\(2, 1\).*\(2, 3\)"),
    (lambda: NLL().forward(np.ones((2, 1)), np.ones((2, 2))), ValueError, r"\(2, 1\).*\(2, 2\)"),
    (lambda: flatland().sgd(np.ones((4, 3)), np.ones((2, 2))), ValueError, r"\(4, 3\).*\(2, 2\)"),
    (lambda: flatland().sgd(np.ones((4, 0)), np.ones((2, 0))), ValueError, r"\(4, 0\)"),
    (lambda: Module().forward([[1.0]]), NotImplementedError, "Module.*compute"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
