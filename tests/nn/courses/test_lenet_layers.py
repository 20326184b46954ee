"""The layers of the LeNet handout against plain loops, and against finite differences."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn.courses.lenet_handout as cnn

Blob = dict[str, Any]
Param = dict[str, np.ndarray]


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def blob(h: int, w: int, c: int, n: int) -> Blob:
    data = rng().normal(size=(h * w * c, n))
    return {"height": h, "width": w, "channel": c, "batch_size": n, "data": data}


def conv(k: int, num: int, stride: int = 1, pad: int = 0, group: int = 1) -> Blob:
    return {"type": "CONV", "num": num, "k": k, "stride": stride, "pad": pad, "group": group}


def pooling(k: int, stride: int, pad: int = 0) -> Blob:
    return {"type": "POOLING", "k": k, "stride": stride, "pad": pad}


# --- what the layers are held to: loops over images, pixels and channels -------------------------


def padded(x: np.ndarray, pad: int, border: float) -> np.ndarray:
    h, w, c = x.shape
    result = np.full((h + 2 * pad, w + 2 * pad, c), border)
    result[pad : pad + h, pad : pad + w] = x
    return result


def size_after(n: int, layer: Blob) -> int:
    return int(np.floor((n + 2 * layer["pad"] - layer["k"]) / layer["stride"])) + 1


def loop_conv(x: np.ndarray, layer: Blob, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One image (h, w, c), with a row of ``w`` for each (ki, kj, channel of the group)."""
    k, stride, num, group = layer["k"], layer["stride"], layer["num"], layer["group"]
    channels = x.shape[2] // group
    framed = padded(x, layer["pad"], 0.0)
    y = np.zeros((size_after(x.shape[0], layer), size_after(x.shape[1], layer), num))
    for i, j, o in np.ndindex(*y.shape):
        y[i, j, o] = b[o]
        first = o // (num // group) * channels
        for ki, kj, c in np.ndindex(k, k, channels):
            pixel = framed[i * stride + ki, j * stride + kj, first + c]
            y[i, j, o] += pixel * w[(ki * k + kj) * channels + c, o]
    return y


def loop_pool(x: np.ndarray, layer: Blob) -> np.ndarray:
    k, stride = layer["k"], layer["stride"]
    framed = padded(x, layer["pad"], -np.inf)
    shape = (size_after(x.shape[0], layer), size_after(x.shape[1], layer), x.shape[2])
    y = np.zeros(shape)
    for i, j, c in np.ndindex(*shape):
        window = framed[i * stride : i * stride + k, j * stride : j * stride + k, c]
        y[i, j, c] = max(window.ravel())
    return y


def image_by_image(input: Blob, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    shape = input["height"], input["width"], input["channel"]
    return np.stack(
        [function(input["data"][:, n].reshape(shape)).ravel() for n in range(input["batch_size"])],
        axis=1,
    )


# --- convolution, pooling, ReLU, inner product ----------------------------------------------------

CONVOLUTIONS: dict[str, tuple[Blob, Blob, tuple[int, int, int]]] = {
    "plain": (blob(5, 4, 1, 2), conv(3, 2), (3, 2, 2)),
    "channels": (blob(4, 5, 3, 2), conv(2, 4), (3, 4, 4)),
    "pad": (blob(4, 3, 2, 2), conv(3, 2, pad=1), (4, 3, 2)),
    "wide pad": (blob(2, 2, 1, 1), conv(3, 1, pad=2), (4, 4, 1)),
    "stride": (blob(7, 5, 2, 2), conv(3, 2, stride=2), (3, 2, 2)),
    "stride that leaves pixels over": (blob(6, 4, 1, 2), conv(3, 2, stride=2), (2, 1, 2)),
    "stride and pad": (blob(6, 5, 2, 1), conv(3, 2, stride=2, pad=1), (3, 3, 2)),
    "groups": (blob(3, 3, 4, 2), conv(2, 6, group=2), (2, 2, 6)),
    "a group for each channel": (blob(3, 4, 3, 2), conv(3, 3, pad=1, group=3), (3, 4, 3)),
    "one pixel": (blob(3, 3, 2, 2), conv(1, 3), (3, 3, 3)),
}
POOLINGS: dict[str, tuple[Blob, Blob, tuple[int, int, int]]] = {
    "side by side": (blob(4, 6, 2, 2), pooling(2, 2), (2, 3, 2)),
    "pixels left over": (blob(5, 5, 2, 1), pooling(2, 2), (2, 2, 2)),
    "overlapping": (blob(7, 5, 2, 2), pooling(3, 2), (3, 2, 2)),
    "overlapping, with pad": (blob(6, 5, 2, 2), pooling(3, 2, 1), (3, 3, 2)),
    "every pixel": (blob(3, 4, 1, 2), pooling(2, 1, 1), (4, 5, 1)),
    "apart": (blob(5, 5, 1, 1), pooling(2, 3), (2, 2, 1)),
}


def params_of(layer: Blob, inputs: int) -> Param:
    return {"w": rng().normal(size=(inputs, layer["num"])), "b": rng().normal(size=layer["num"])}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str) -> None:
    input, layer, expected = CONVOLUTIONS[name]
    k, channels = layer["k"], input["channel"] // layer["group"]
    param = params_of(layer, k * k * channels)
    output = cnn.conv_layer_forward(input, layer, param)
    assert (output["height"], output["width"], output["channel"]) == expected
    reference = image_by_image(input, lambda x: loop_conv(x, layer, param["w"], param["b"]))
    np.testing.assert_allclose(output["data"], reference, atol=1e-13)
    hold_to_differences(
        lambda param: cnn.conv_layer_forward(input, layer, param),
        lambda output: cnn.conv_layer_backward(output, input, layer, param),
        input,
        param,
    )


@pytest.mark.parametrize("name", POOLINGS)
def test_pooling(name: str) -> None:
    input, layer, expected = POOLINGS[name]
    output = cnn.pooling_layer_forward(input, layer)
    assert (output["height"], output["width"], output["channel"]) == expected
    reference = image_by_image(input, lambda x: loop_pool(x, layer))
    np.testing.assert_array_equal(output["data"], reference)
    hold_to_differences(
        lambda _: cnn.pooling_layer_forward(input, layer),
        lambda output: ({}, cnn.pooling_layer_backward(output, input, layer)),
        input,
    )


def test_relu() -> None:
    input = blob(2, 3, 2, 4)
    output = cnn.relu_forward(input, {"type": "RELU"})
    np.testing.assert_array_equal(output["data"], np.maximum(input["data"], 0))
    hold_to_differences(
        lambda _: cnn.relu_forward(input, {"type": "RELU"}),
        lambda output: ({}, cnn.relu_backward(output, input, {"type": "RELU"})),
        input,
    )


def test_inner_product() -> None:
    input, layer = blob(2, 3, 2, 4), {"type": "IP", "num": 3, "init_type": "uniform"}
    param = params_of(layer, 12)
    output = cnn.inner_product_forward(input, layer, param)
    assert (output["height"], output["width"], output["channel"]) == (1, 1, 3)
    reference = param["w"].T @ input["data"] + param["b"][:, np.newaxis]
    np.testing.assert_allclose(output["data"], reference, atol=1e-13)
    output["diff"] = rng().normal(size=output["data"].shape)
    grads, input_od = cnn.inner_product_backward(output, input, layer, param)
    np.testing.assert_allclose(grads["w"], input["data"] @ output["diff"].T, atol=1e-13)
    np.testing.assert_allclose(grads["b"], output["diff"].sum(axis=1), atol=1e-13)
    np.testing.assert_allclose(input_od, param["w"] @ output["diff"], atol=1e-13)
    hold_to_differences(
        lambda param: cnn.inner_product_forward(input, layer, param),
        lambda output: cnn.inner_product_backward(output, input, layer, param),
        input,
        param,
    )


def hold_to_differences(
    forward: Callable[[Param], Any],
    backward: Callable[[Blob], tuple[Param, np.ndarray]],
    input: Blob,
    param: Param | None = None,
) -> None:
    """The output is a whole blob, and gradients are finite differences, for a random diff."""
    param = param or {}
    before = copy.deepcopy((input, param))
    output = forward(param)
    pixels = output["height"] * output["width"]
    assert output["data"].shape == (pixels * output["channel"], output["batch_size"])
    assert output["data"].dtype == np.float64
    output["diff"] = rng().normal(size=output["data"].shape)
    grads, input_od = backward(output)
    close = {"rtol": 1e-7, "atol": 1e-7}
    np.testing.assert_allclose(input_od, cnn.finite_difference(output, input, 1e-6), **close)
    assert input_od.shape == input["data"].shape
    assert grads.keys() == param.keys()
    for name, values in param.items():
        assert grads[name].shape == values.shape
        for place in np.ndindex(*values.shape):
            shift = np.zeros_like(values)
            shift[place] = 1e-6
            above, below = (
                forward({**param, name: values + sign * shift})["data"] for sign in (1, -1)
            )
            slope = np.sum((above - below) * output["diff"]) / 2e-6
            np.testing.assert_allclose(grads[name][place], slope, **close)
    np.testing.assert_equal((input, param), before)  # nothing that was given has changed


def test_equal_pixels_the_first_wins() -> None:
    input = {**blob(2, 2, 1, 1), "data": np.ones((4, 1))}
    output = cnn.pooling_layer_forward(input, pooling(2, 2))
    output["diff"] = np.array([[3.0]])
    od = cnn.pooling_layer_backward(output, input, pooling(2, 2))
    assert od.ravel().tolist() == [3, 0, 0, 0]


def test_the_border_of_a_pooling_never_wins() -> None:
    input = {**blob(2, 2, 1, 1), "data": -np.ones((4, 1))}
    assert (cnn.pooling_layer_forward(input, pooling(3, 2, 1))["data"] == -1).all()


def test_settings_that_may_be_left_out() -> None:
    input = blob(4, 4, 2, 1)
    assert cnn.pooling_layer_forward(input, {"k": 2, "stride": 2})["height"] == 2
    layer = {"k": 2, "stride": 1, "num": 3}
    whole = conv(2, 3)
    param = params_of(layer, 8)
    np.testing.assert_array_equal(
        cnn.conv_layer_forward(input, layer, param)["data"],
        cnn.conv_layer_forward(input, whole, param)["data"],
    )


# --- windows as columns ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*CONVOLUTIONS])
def test_im2col_and_col2im(name: str) -> None:
    input, layer, (h_out, w_out, _) = CONVOLUTIONS[name]
    h, w, c, k = input["height"], input["width"], input["channel"], layer["k"]
    stride, pad = layer["stride"], layer["pad"]
    image = input["data"][:, 0]
    for data in (image, image[:, np.newaxis]):
        col = cnn.im2col_conv({**input, "data": data}, layer, h_out, w_out)
    assert col.shape == (k * k * c, h_out * w_out)
    framed = padded(image.reshape(h, w, c), pad, 0.0)
    weights = rng().normal(size=col.shape)
    summed = np.zeros_like(framed)
    for i, j in np.ndindex(h_out, w_out):
        rows = slice(i * stride, i * stride + k), slice(j * stride, j * stride + k)
        np.testing.assert_array_equal(col[:, i * w_out + j], framed[rows].flatten())
        summed[rows] += weights[:, i * w_out + j].reshape(k, k, c)
    back = cnn.col2im_conv(weights, input, layer, h_out, w_out)
    assert back.shape == (h, w, c)
    np.testing.assert_allclose(back, summed[pad : pad + h, pad : pad + w], atol=1e-14)


def test_im2col_of_fewer_windows_than_there_are() -> None:
    input = {"height": 3, "width": 3, "channel": 1, "data": np.arange(9.0)}
    col = cnn.im2col_conv(input, conv(2, 1), 1, 2)
    assert col.T.tolist() == [[0, 1, 3, 4], [1, 2, 4, 5]]


def test_a_column_is_channel_fastest() -> None:
    image = np.arange(12.0).reshape(2, 3, 2)  # (h, w, c)
    input = {"height": 2, "width": 3, "channel": 2, "batch_size": 1, "data": image.reshape(-1, 1)}
    pick = {"w": np.zeros((2, 1)), "b": np.zeros(1)}
    pick["w"][1] = 1  # the second channel
    second = cnn.conv_layer_forward(input, conv(1, 1), pick)["data"]
    assert second.ravel().tolist() == image[:, :, 1].ravel().tolist()


# --- finite differences ---------------------------------------------------------------------------


def test_finite_difference_of_a_function() -> None:
    input = blob(2, 2, 1, 2)
    square = cnn.finite_difference(lambda b: np.sum(b["data"] ** 2), input, 1e-4)
    np.testing.assert_allclose(square, 2 * input["data"], atol=1e-8)
    ones = cnn.finite_difference(lambda b: cnn.relu_forward(b, {}), input, 1e-6)
    np.testing.assert_allclose(ones, input["data"] > 0, atol=1e-8)


def test_finite_difference_of_an_output_without_a_diff() -> None:
    input = blob(2, 2, 1, 1)
    output = cnn.relu_forward(input, {})
    np.testing.assert_allclose(
        cnn.finite_difference(output, input, 1e-6), input["data"] > 0, atol=1e-8
    )


@pytest.mark.parametrize("through", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_of_an_output_remember_its_layer(through: Callable[[Any], Any]) -> None:
    input = blob(3, 3, 1, 1)
    layer = conv(2, 2)
    output = cnn.conv_layer_forward(input, layer, params_of(layer, 4))
    output["diff"] = np.ones_like(output["data"])
    np.testing.assert_array_equal(
        cnn.finite_difference(through(output), input, 1e-5),
        cnn.finite_difference(output, input, 1e-5),
    )


# --- errors ---------------------------------------------------------------------------------------

INPUT = blob(4, 4, 2, 3)
PARAM = {"w": np.zeros((8, 3)), "b": np.zeros(3)}
RELU_OUTPUT = cnn.relu_forward(INPUT, {})

ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: cnn.conv_layer_forward(INPUT, conv(2, 3), {**PARAM, "w": np.zeros((4, 3))}),
        ValueError,
        r"CONV.*4×4×2.*'w'.*\(8, 3\).*\(4, 3\)",
    ),
    (
        lambda: cnn.conv_layer_forward(INPUT, conv(2, 3), {**PARAM, "b": np.zeros((3, 1))}),
        ValueError,
        r"'b'.*\(3,\).*\(3, 1\)",
    ),
    (lambda: cnn.conv_layer_forward(INPUT, conv(2, 3), {"w": PARAM["w"]}), ValueError, "'b'"),
    (lambda: cnn.conv_layer_forward(INPUT, conv(5, 3), PARAM), ValueError, "5×5.*4×4×2"),
    (lambda: cnn.conv_layer_forward(INPUT, conv(2, 3, group=2), PARAM), ValueError, "2 groups"),
    (lambda: cnn.conv_layer_forward(INPUT, conv(2, 3, stride=0), PARAM), ValueError, "'stride'.*0"),
    (lambda: cnn.conv_layer_forward(INPUT, conv(2, 3, pad=-1), PARAM), ValueError, "'pad'.*-1"),
    (lambda: cnn.conv_layer_forward(INPUT, {"k": 2, "num": 3}, PARAM), ValueError, "'stride'"),
    (lambda: cnn.pooling_layer_forward(INPUT, pooling(2, 2, 2)), ValueError, "without any pixel"),
    (lambda: cnn.pooling_layer_forward(INPUT, pooling(2, True)), ValueError, "'stride'.*True"),
    (
        lambda: cnn.relu_forward({**INPUT, "height": 3}, {}),
        ValueError,
        r"3×4×2.*\(24, 3\).*\(32, 3\)",
    ),
    (lambda: cnn.relu_forward({**INPUT, "batch_size": 2}, {}), ValueError, r"\(32, 2\).*\(32, 3\)"),
    (lambda: cnn.relu_forward({"height": 3}, {}), ValueError, "'width'.*height"),
    (
        lambda: cnn.relu_forward({**INPUT, "data": np.zeros((32, 3), complex)}, {}),
        TypeError,
        "complex",
    ),
    (lambda: cnn.relu_backward(RELU_OUTPUT, INPUT, {}), ValueError, "'diff'"),
    (lambda: cnn.relu_backward({"diff": np.ones((32, 2))}, INPUT, {}), ValueError, r"\(32, 2\)"),
    (lambda: cnn.inner_product_forward(INPUT, {"num": 3}, PARAM), ValueError, r"\(32, 3\)"),
    (lambda: cnn.im2col_conv(INPUT, conv(2, 3), 3, 3), ValueError, r"\(32, 1\)"),
    (
        lambda: cnn.im2col_conv({**INPUT, "data": np.zeros(32)}, conv(2, 3), 4, 3),
        ValueError,
        "4 and 3",
    ),
    (
        lambda: cnn.im2col_conv({"height": 1, "width": 1, "channel": 1}, conv(1, 1), 1, 1),
        ValueError,
        "'data'",
    ),
    (lambda: cnn.col2im_conv(np.zeros((8, 8)), INPUT, conv(2, 3), 3, 3), ValueError, r"\(8, 9\)"),
    (lambda: cnn.finite_difference(RELU_OUTPUT, INPUT, 0.0), ValueError, "h > 0"),
    (lambda: cnn.finite_difference(dict(RELU_OUTPUT), INPUT, 1e-5), TypeError, "forgotten"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
