"""Whole networks of the LeNet handout: parameters, cost, gradient and steps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn.courses.lenet_handout as cnn
from nn.courses.lenet_handout import network

Layers = dict[int, dict[str, Any]]


def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def data(h: int, w: int, c: int) -> dict[str, Any]:
    return {"type": "DATA", "height": h, "width": w, "channel": c, "batch_size": 5}


def conv(num: int, k: int, stride: int = 1, pad: int = 0, group: int = 1) -> dict[str, Any]:
    return {"type": "CONV", "num": num, "k": k, "stride": stride, "pad": pad, "group": group}


def pooling(k: int, stride: int, pad: int = 0) -> dict[str, Any]:
    return {"type": "POOLING", "k": k, "stride": stride, "pad": pad}


def inner(num: int, init_type: str = "uniform") -> dict[str, Any]:
    return {"type": "IP", "num": num, "init_type": init_type}


RELU = {"type": "RELU"}


def loss(num: int) -> dict[str, Any]:
    return {"type": "LOSS", "num": num}


def network_of(*layers: dict[str, Any]) -> Layers:
    return dict(enumerate(layers, start=1))


LENET = network_of(
    data(28, 28, 1), conv(20, 5), pooling(2, 2), conv(50, 5), pooling(2, 2),
    inner(500), RELU, loss(10),
)  # fmt: skip
NETWORKS = {
    "small LeNet": network_of(
        data(8, 8, 1), conv(2, 3), pooling(2, 2), conv(3, 2), pooling(2, 2), inner(4), RELU, loss(3)
    ),
    "loss only": network_of(data(2, 3, 2), loss(4)),
    "no convolution": network_of(data(3, 2, 1), inner(5), RELU, inner(4), RELU, loss(3)),
    "no pooling": network_of(data(4, 4, 2), conv(2, 3, pad=1), RELU, conv(2, 3), loss(2)),
    "four convolutions": network_of(
        data(9, 8, 1), conv(2, 3, pad=1), conv(4, 3, pad=1), pooling(3, 2, 1), RELU,
        conv(4, 3, pad=1, group=2), conv(2, 2, stride=2), pooling(2, 1), inner(3), RELU, loss(3),
    ),
    "pooling first": network_of(data(5, 5, 2), pooling(3, 2, 1), inner(3, "gaussian"), loss(2)),
}  # fmt: skip


def example(name: str, n: int = 5) -> tuple[Any, Layers, np.ndarray, np.ndarray]:
    layers = NETWORKS[name]
    np.random.seed(1)
    params = cnn.init_convnet(layers)
    for param in params.values():
        param["b"] = rng().normal(size=param["b"].shape)
    first = layers[1]
    x = rng().normal(size=(first["height"] * first["width"] * first["channel"], n))
    return params, layers, x, rng().integers(layers[len(layers)]["num"], size=n)


# --- first parameters -----------------------------------------------------------------------------


def test_lenet_has_the_shapes_and_the_number_of_parameters_of_the_handout() -> None:
    params = cnn.init_convnet(LENET)
    assert [(i, p["w"].shape, p["b"].shape) for i, p in params.items()] == [
        (1, (25, 20), (20,)),
        (2, (0,), (0,)),
        (3, (500, 50), (50,)),
        (4, (0,), (0,)),
        (5, (800, 500), (500,)),
        (6, (0,), (0,)),
        (7, (500, 9), (9,)),
    ]
    assert sum(array.size for param in params.values() for array in param.values()) == 430_579


def test_first_weights_lie_as_far_apart_as_the_input_says() -> None:
    params = cnn.init_convnet(LENET)
    for i, inputs in ((1, 28 * 28), (3, 12 * 12 * 20), (5, 4 * 4 * 50), (7, 500)):
        s = np.sqrt(3 / inputs)
        assert 0.98 * s < np.abs(params[i]["w"]).max() <= s
        assert params[i]["w"].min() < 0
        assert not params[i]["b"].any()


def test_gaussian_weights() -> None:
    layers = network_of(data(10, 10, 1), inner(400, "gaussian"), loss(2))
    w = cnn.init_convnet(layers)[1]["w"]
    assert w.std() == pytest.approx(np.sqrt(3 / 100), rel=0.02)
    assert np.abs(w).max() > 2 * np.sqrt(3 / 100)


def test_a_seed_fixes_the_first_weights() -> None:
    drawn = []
    for _ in range(2):
        np.random.seed(3)
        drawn.append(cnn.init_convnet(NETWORKS["small LeNet"]))
    np.testing.assert_equal(*drawn)


# --- cost and gradient ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_finite_differences_of_the_cost(name: str) -> None:
    params, layers, x, y = example(name)
    before = copy.deepcopy((params, layers, x, y))
    cp, grads = cnn.conv_net(params, layers, x, y)
    assert set(cp) == {"cost", "percent"}
    for i, param in params.items():
        for key, values in param.items():
            assert grads[i][key].shape == values.shape
            places = list(np.ndindex(*values.shape))
            for chosen in rng().permutation(len(places))[:12]:
                place = places[chosen]
                costs = []
                for step in (1e-6, -1e-6):
                    moved = copy.deepcopy(params)
                    moved[i][key][place] += step
                    costs.append(cnn.conv_net(moved, layers, x, y)[0]["cost"])
                slope = (costs[0] - costs[1]) / 2e-6
                assert grads[i][key][place] == pytest.approx(slope, rel=1e-6, abs=1e-8)
    np.testing.assert_equal((params, layers, x, y), before)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_its_layers_one_after_the_other(name: str) -> None:
    """The driver's own loop over layers, forwards and backwards, gives what ``conv_net`` gives."""
    params, layers, x, y = example(name)
    cp, grads = cnn.conv_net(params, layers, x, y)
    n, last = x.shape[1], len(layers)
    output: dict[int, Any] = {1: {**layers[1], "batch_size": n, "data": x}}
    forward: dict[str, Callable[..., Any]] = {
        "CONV": lambda i: cnn.conv_layer_forward(output[i - 1], layers[i], params[i - 1]),
        "POOLING": lambda i: cnn.pooling_layer_forward(output[i - 1], layers[i]),
        "IP": lambda i: cnn.inner_product_forward(output[i - 1], layers[i], params[i - 1]),
        "RELU": lambda i: cnn.relu_forward(output[i - 1], layers[i]),
    }
    backward: dict[str, Callable[..., Any]] = {
        "CONV": cnn.conv_layer_backward,
        "POOLING": cnn.pooling_layer_backward,
        "IP": cnn.inner_product_backward,
        "RELU": cnn.relu_backward,
    }
    for i in range(2, last):
        output[i] = forward[layers[i]["type"]](i)
    wb = np.vstack([params[last - 1]["w"], params[last - 1]["b"]])
    nll, g, od, percent = cnn.mlrloss(wb, output[last - 1]["data"], y, layers[last]["num"], 1)
    assert cp == {"cost": pytest.approx(nll / n, rel=1e-14), "percent": percent}
    found = {last - 1: {"w": g[:-1] / n, "b": g[-1] / n}}
    for i in range(last - 1, 1, -1):
        output[i]["diff"] = od
        arguments = [output[i], output[i - 1], layers[i]]
        if layers[i]["type"] in ("CONV", "IP"):
            param_grad, od = backward[layers[i]["type"]](*arguments, params[i - 1])
            found[i - 1] = {key: t / n for key, t in param_grad.items()}
        else:
            od = backward[layers[i]["type"]](*arguments)
            found[i - 1] = {"w": np.array([]), "b": np.array([])}
    for i in range(1, last):
        for key in "wb":
            np.testing.assert_allclose(grads[i][key], found[i][key], rtol=1e-12, atol=1e-15)


def test_a_large_batch_is_added_up_from_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    params, layers, x, y = example("small LeNet", n=11)
    at_once = cnn.conv_net(params, layers, x, y)
    monkeypatch.setattr(network, "IMAGES_AT_A_TIME", 4)
    in_parts = cnn.conv_net(params, layers, x, y)
    assert in_parts[0] == {key: pytest.approx(at_once[0][key], rel=1e-14) for key in at_once[0]}
    for i, param in at_once[1].items():
        for key, t in param.items():
            np.testing.assert_allclose(in_parts[1][i][key], t, rtol=1e-12, atol=1e-15)


def test_percent_is_the_share_of_right_answers() -> None:
    layers = network_of(data(1, 1, 2), loss(3))
    params = {1: {"w": np.array([[9.0, 0.0], [0.0, 9.0]]), "b": np.zeros(2)}}
    x = np.array([[1.0, 0.0, -1.0, 1.0], [0.0, 1.0, -1.0, 0.0]])  # for the classes 0, 1, 2, 0
    assert cnn.conv_net(params, layers, x, [0, 1, 2, 1])[0]["percent"] == 0.75


def test_mlrloss() -> None:
    generator = rng()
    w, b, X = generator.normal(size=(4, 2)), generator.normal(size=2), generator.normal(size=(4, 6))
    y = generator.integers(3, size=6)
    wb = np.vstack([w, b])
    scores = np.vstack([w.T @ X + b[:, np.newaxis], np.zeros(6)])
    p = np.exp(scores) / np.exp(scores).sum(axis=0)
    nll, g, od, percent = cnn.mlrloss(wb, X, y, 3, 1)
    assert nll == pytest.approx(-np.log(p[y, range(6)]).sum(), rel=1e-14)
    assert percent == np.mean(p.argmax(axis=0) == y)
    t = (p - np.eye(3)[:, y])[:-1]
    np.testing.assert_allclose(g, np.vstack([X @ t.T, t.sum(axis=1)]), atol=1e-14)
    np.testing.assert_allclose(od, w @ t, atol=1e-14)
    silent = cnn.mlrloss(wb, X, y, 3, 0)
    assert silent[0] == nll
    assert silent[3] == 0


def test_mlrloss_of_huge_scores() -> None:
    nll, g, _, _ = cnn.mlrloss(np.array([[1e4], [0.0]]), np.array([[1.0, 1.0]]), [0, 1], 2, 1)
    assert nll == 1e4
    assert g.tolist() == [[1.0], [1.0]]


# --- steps ----------------------------------------------------------------------------------------


def test_rate() -> None:
    assert cnn.get_lr(0, 0.01, 1e-4, 0.75) == 0.01
    assert cnn.get_lr(500, 0.02, 1e-4, 0.75) == pytest.approx(0.02 / 1.05**0.75, rel=1e-15)
    assert cnn.get_lr(500, 0.0, 1e-4, 0.75) == 0  # nothing of this kind learns


def test_momentum() -> None:
    generator = rng()

    def like_params() -> dict[int, dict[str, np.ndarray]]:
        return {
            1: {"w": generator.normal(size=(2, 3)), "b": generator.normal(size=3)},
            2: {"w": np.array([]), "b": np.array([])},
        }

    params, winc, grads = like_params(), like_params(), like_params()
    before = copy.deepcopy((params, winc, grads))
    moved, new_winc = cnn.sgd_momentum(0.1, 0.2, 0.9, 0.01, params, winc, grads)
    np.testing.assert_equal((params, winc, grads), before)
    w = 0.9 * winc[1]["w"] + 0.1 * (grads[1]["w"] + 0.01 * params[1]["w"])
    b = 0.9 * winc[1]["b"] + 0.2 * grads[1]["b"]
    np.testing.assert_array_equal(new_winc[1]["w"], w)
    np.testing.assert_array_equal(new_winc[1]["b"], b)
    np.testing.assert_array_equal(moved[1]["w"], params[1]["w"] - w)
    np.testing.assert_array_equal(moved[1]["b"], params[1]["b"] - b)
    assert moved[2]["w"].shape == new_winc[2]["b"].shape == (0,)


# --- errors ---------------------------------------------------------------------------------------

PARAMS, SMALL, X, Y = example("small LeNet")


def without(layers: Layers, number: int, *names: str) -> Layers:
    return {**layers, number: {k: v for k, v in layers[number].items() if k not in names}}


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: cnn.init_convnet({}), ValueError, "numbered from 1"),
    (lambda: cnn.init_convnet({0: data(2, 2, 1), 1: loss(2)}), ValueError, r"\[0, 1\]"),
    (lambda: cnn.init_convnet(network_of(conv(1, 2), loss(2))), ValueError, "DATA.*'CONV'"),
    (lambda: cnn.init_convnet(network_of(data(2, 2, 1), inner(2))), ValueError, "LOSS.*'IP'"),
    (
        lambda: cnn.init_convnet(network_of(data(2, 2, 1), loss(2), loss(2))),
        ValueError,
        "LOSS.*'LOSS', 'LOSS'",
    ),
    (
        lambda: cnn.init_convnet({**SMALL, 3: {"type": "AVERAGE"}}),
        ValueError,
        r"layers\[3\].*POOLING.*'AVERAGE'",
    ),
    (lambda: cnn.init_convnet(without(SMALL, 2, "k")), ValueError, r"layers\[2\].*'k'.*num"),
    (lambda: cnn.init_convnet(without(SMALL, 1, "width")), ValueError, r"layers\[1\].*'width'"),
    (lambda: cnn.init_convnet({**SMALL, 4: conv(2, 7)}), ValueError, r"layers\[4\]: .*7×7.*3×3×2"),
    (lambda: cnn.init_convnet({**SMALL, 6: inner(3, "he")}), ValueError, r"layers\[6\].*'he'"),
    (lambda: cnn.init_convnet({**SMALL, 8: loss(1)}), ValueError, r"layers\[8\].*'num'.*2.*1"),
    (
        lambda: cnn.conv_net({**PARAMS, 3: PARAMS[1]}, SMALL, X, Y),
        ValueError,
        r"params\[3\].*CONV.*'w'.*\(8, 3\).*\(9, 2\)",
    ),
    (lambda: cnn.conv_net({1: PARAMS[1]}, SMALL, X, Y), ValueError, r"params\[2\].*missing.*\[1\]"),
    (lambda: cnn.conv_net(PARAMS, SMALL, X.T, Y), ValueError, r"\(64, n\).*8×8×1.*\(5, 64\)"),
    (lambda: cnn.conv_net(PARAMS, SMALL, X, Y[:4]), ValueError, "5 images.*4"),
    (lambda: cnn.conv_net(PARAMS, SMALL, X[:, :0], Y[:0]), ValueError, "0 images"),
    (lambda: cnn.conv_net(PARAMS, SMALL, X, Y + 1), ValueError, "between 0 and 2"),
    (lambda: cnn.conv_net(PARAMS, SMALL, X, Y + 0.5), TypeError, "whole numbers"),
    (lambda: cnn.mlrloss(np.zeros((3, 2)), np.zeros((3, 4)), [0] * 4, 3, 1), ValueError, "wb"),
    (lambda: cnn.mlrloss(np.zeros((4, 2)), np.zeros((3, 4)), [0] * 3, 3, 1), ValueError, "labels"),
    (lambda: cnn.mlrloss(np.zeros((4, 2)), np.zeros((3, 4)), [3] * 4, 3, 1), ValueError, "0 and 2"),
    (
        lambda: cnn.sgd_momentum(0.1, 0.2, 0.9, 0.0, PARAMS, PARAMS, {1: PARAMS[1]}),
        ValueError,
        "param_grad.*keys",
    ),
    (
        lambda: cnn.sgd_momentum(0.1, 0.2, 0.9, 0.0, PARAMS, PARAMS, {**PARAMS, 1: PARAMS[3]}),
        ValueError,
        r"params\[1\]\['w'\].*\(8, 3\)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
