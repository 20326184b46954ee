"""The values of operations, against NumPy or a formula: checked gradients say nothing of them."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import autodiff as ad
from autodiff import Tensor

Function = Callable[..., Any]
X = np.random.default_rng(0).normal(size=(3, 4, 5))
SIGNAL = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])

# --- reductions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, -2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sum", np.sum),
        ("mean", np.mean),
        ("max", np.max),
        ("logsumexp", lambda x, **k: np.log(np.sum(np.exp(x), **k))),
    ],
)
def test_reductions(name: str, reference: Function, axis: Any, keepdims: bool) -> None:
    expected = reference(X, axis=axis, keepdims=keepdims)
    for operand in (X, Tensor(X)):
        result = getattr(ad, name)(operand, axis=axis, keepdims=keepdims)
        got = result.data if isinstance(result, Tensor) else result
        assert np.shape(got) == np.shape(expected)
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1000.0, 1000.0], 1000 + np.log(2)),
        ([-1000.0, -1000.0], -1000 + np.log(2)),
        ([-inf, 0.0], 0.0),
        ([-inf, -inf], -inf),
        ([inf, 0.0], inf),
        ([np.nan, 0.0], np.nan),
        ([], -inf),
        ([3.0], 3.0),
    ],
)
def test_logsumexp_at_the_ends(x: list[float], expected: float) -> None:
    np.testing.assert_allclose(ad.logsumexp(Tensor(x, dtype=float)).data, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "expected"),
    [([0.0, -inf], [1.0, 0.0]), ([5.0, 5.0 + np.log(3.0)], [0.25, 0.75])],
)
def test_the_gradient_of_logsumexp_is_softmax(x: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(ad.grad(ad.logsumexp)(np.array(x)), expected, rtol=1e-15)


# --- indexing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        0, -1, (1, 2), (1, 2, 3), slice(None, None, -2), (..., 0), (None, 1, ..., None), [2, 0, 2],
        (slice(None), [0, 1]), ([0, 1], slice(None), [1, 2]), X > 0, (X[:, 0, 0] > -9, 1),
        np.array([[0, 1], [2, 0]]), (np.array([[0], [1]]), np.array([0, 1, 2])), (),
        ((0, 1), (1, 2)), [], ..., None, True, np.int64(1), range(2),
    ],
    ids=str,
)  # fmt: skip
def test_indexing_is_that_of_numpy(index: Any) -> None:
    got = Tensor(X)[index]
    assert type(got) is Tensor
    np.testing.assert_array_equal(got.data, X[index])


# --- convolution, pooling, windows ----------------------------------------------------------------


def conv(x: Any, w: Any, **parameters: Any) -> list[float]:
    """One signal, one kernel, in one dimension."""
    y = ad.conv(np.reshape(x, (1, 1, -1)), np.reshape(w, (1, 1, -1)), **parameters)
    return list(y[0, 0])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_convolution_and_correlation_in_one_dimension(size: int) -> None:
    w = np.arange(1.0, size + 1)
    full = {"padding": size - 1}
    assert conv(SIGNAL, w) == list(np.correlate(SIGNAL, w, "valid"))
    assert conv(SIGNAL, w, **full) == list(np.correlate(SIGNAL, w, "full"))
    assert conv(SIGNAL, w, flip=True) == list(np.convolve(SIGNAL, w, "valid"))
    assert conv(SIGNAL, w, flip=True, **full) == list(np.convolve(SIGNAL, w, "full"))
    assert conv(SIGNAL, w, padding="valid") == conv(SIGNAL, w)
    if size % 2:
        assert conv(SIGNAL, w, padding="same") == list(np.correlate(SIGNAL, w, "same"))
        assert conv(SIGNAL, w, padding="same", flip=True) == list(np.convolve(SIGNAL, w, "same"))


def test_an_odd_border_is_wider_behind() -> None:
    assert conv([1.0, 2.0, 4.0], [1.0, 10.0], padding="same") == [21.0, 42.0, 4.0]


@pytest.mark.parametrize("length", [4, 5, 6, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_gives_as_many_outputs_as_strides_fit(
    length: int, size: int, stride: int, dilation: int
) -> None:
    y = conv(np.ones(length), np.ones(size), padding="same", stride=stride, dilation=dilation)
    assert len(y) == -(-length // stride)


def test_stride_and_dilation_pick_elements() -> None:
    w = [1.0, 100.0]
    assert conv(SIGNAL, w, stride=2) == conv(SIGNAL, w)[::2]
    assert conv(SIGNAL, w, dilation=3) == [801.0, 1602.0, 3204.0]
    assert conv(SIGNAL, w, dilation=2) == conv(SIGNAL, [1.0, 0.0, 100.0])


def test_convolution_in_two_dimensions() -> None:
    generator = np.random.default_rng(1)
    x, w = generator.normal(size=(2, 3, 7, 6)), generator.normal(size=(4, 3, 2, 3))
    views = sliding_window_view(x, (2, 3), axis=(2, 3))
    expected = np.einsum("ncijab,ocab->noij", views, w)
    np.testing.assert_allclose(ad.conv(x, w), expected, rtol=1e-12)
    np.testing.assert_allclose(ad.conv(x, w[:, :, ::-1, ::-1], flip=True), expected, rtol=1e-12)
    np.testing.assert_allclose(ad.conv(x, w, stride=(3, 2)), expected[:, :, ::3, ::2], rtol=1e-12)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))
    np.testing.assert_allclose(ad.conv(x, w, padding=(1, 2)), ad.conv(padded, w), rtol=1e-12)


def test_groups_do_not_see_each_other() -> None:
    generator = np.random.default_rng(2)
    x, w = generator.normal(size=(2, 4, 5, 5)), generator.normal(size=(6, 2, 3, 3))
    parts = [ad.conv(x[:, :2], w[:3]), ad.conv(x[:, 2:], w[3:])]
    np.testing.assert_allclose(ad.conv(x, w, groups=2), np.concatenate(parts, 1), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "reduce", "border"),
    [("max_pool", np.max, -inf), ("sum_pool", np.sum, 0.0), ("average_pool", np.mean, 0.0)],
)
@pytest.mark.parametrize("padding", [0, 1, (2, 1)])
@pytest.mark.parametrize("stride", [None, 1, (2, 3)])
def test_pooling(name: str, reduce: Function, border: float, padding: Any, stride: Any) -> None:
    x = np.random.default_rng(3).normal(size=(2, 3, 7, 8)) - 5.0
    above, left = padding if isinstance(padding, tuple) else (padding, padding)
    widths = ((0, 0), (0, 0), (above, above), (left, left))
    views = sliding_window_view(np.pad(x, widths, constant_values=border), (3, 2), axis=(2, 3))
    down, right = stride if isinstance(stride, tuple) else (stride or 3, stride or 2)
    expected = reduce(views[:, :, ::down, ::right], axis=(-2, -1))
    for operand in (x, Tensor(x)):
        result = getattr(ad, name)(operand, (3, 2), stride=stride, padding=padding)
        got = result.data if isinstance(result, Tensor) else result
        np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_windows() -> None:
    views = sliding_window_view(X, (2, 3), axis=(1, 2))
    np.testing.assert_array_equal(ad.windows(X, (2, 3)), views)
    np.testing.assert_array_equal(ad.windows(X, (2, 3), stride=2), views[:, ::2, ::2])
    assert ad.windows(SIGNAL, 3, dilation=2).tolist() == [[1, 4, 16], [2, 8, 32]]
    assert np.shares_memory(ad.windows(x := Tensor(X), 2).data, x.data)


# --- the rest -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (lambda x: ad.where(x > 0, x, 0.0), lambda x: np.where(x > 0, x, 0.0)),
        (lambda x: ad.where([True, False] * 2 + [True], 1, x),
         lambda x: np.where([True, False] * 2 + [True], 1, x)),
        (lambda x: ad.where(Tensor([[0.0], [2.0], [0.0], [1.0]]), x, -x),
         lambda x: np.where(np.array([[False], [True], [False], [True]]), x, -x)),
        (lambda x: ad.pad(x, ((0, 1), (2, 0), (0, 0)), constant_values=7.0),
         lambda x: np.pad(x, ((0, 1), (2, 0), (0, 0)), constant_values=7.0)),
        (lambda x: ad.concatenate([x, x[:1]], 0), lambda x: np.concatenate([x, x[:1]])),
        (lambda x: ad.stack([x, 2 * x], -1), lambda x: np.stack([x, 2 * x], -1)),
        (lambda x: x.T, lambda x: x.T),
        (lambda x: ad.transpose(x, (-1, 0, 1)), lambda x: np.transpose(x, (-1, 0, 1))),
        (lambda x: x.transpose(1, 0, 2), lambda x: x.transpose(1, 0, 2)),
        (lambda x: x.reshape(4, -1), lambda x: x.reshape(4, -1)),
        (lambda x: x.T.reshape(60), lambda x: x.T.reshape(60)),
        (lambda x: ad.broadcast_to(x[:, :1], (2, 3, 4, 5)),
         lambda x: np.broadcast_to(x[:, :1], (2, 3, 4, 5))),
        (lambda x: x @ x[0].T, lambda x: x @ x[0].T),
        (lambda x: x[0, 0] @ x[0].T, lambda x: x[0, 0] @ x[0].T),
        (lambda x: x[0] @ x[0, 0], lambda x: x[0] @ x[0, 0]),
        (lambda x: ad.relu(x) - ad.relu(-x), lambda x: x),
        (lambda x: ad.sigmoid(x) + ad.sigmoid(-x), lambda x: np.ones(x.shape)),
    ],
)  # fmt: skip
def test_values_are_those_of_numpy(got: Function, expected: Function) -> None:
    y = got(Tensor(X))
    assert y.shape == expected(X).shape
    np.testing.assert_allclose(y.data, expected(X), rtol=1e-14)
    np.testing.assert_array_equal(got(Tensor(X)).data, y.data)


@pytest.mark.parametrize(
    "view",
    [lambda x: x.T, lambda x: x.reshape(-1), lambda x: x[1:], lambda x: ad.windows(x, 2),
     lambda x: ad.broadcast_to(x, (2, 3, 4, 5))],
)  # fmt: skip
def test_what_can_be_a_view_is_no_copy(view: Function) -> None:
    x = Tensor(X)
    assert np.shares_memory(view(x).data, x.data)


WITH_WHOLE_NUMBERS: dict[str, Function] = {
    "axis": lambda n: ad.sum(X, n(1)), "axes": lambda n: ad.max(X, (n(0), n(-1))),
    "concatenate": lambda n: ad.concatenate([X, X], n(1)),
    "stack": lambda n: ad.stack([X, X], n(1)), "shape": lambda n: ad.reshape(X, (n(12), n(5))),
    "length": lambda n: ad.reshape(X, n(60)), "broadcast_to": lambda n: ad.broadcast_to(3.0, n(4)),
    "transpose": lambda n: ad.transpose(X, (n(1), n(0), n(2))), "pad": lambda n: ad.pad(X, n(1)),
    "getitem": lambda n: ad.getitem(X, n(1)),
    "windows": lambda n: ad.windows(X, n(2), stride=n(2), dilation=n(1)),
    "max_pool": lambda n: ad.max_pool(X[None], n(2), stride=n(1), padding=n(1)),
    "conv": lambda n: ad.conv(X[None], np.ones((3, 3, 2, 2)), stride=n(2), padding=(n(1), n(0)),
                              dilation=n(1)),
    "groups": lambda n: ad.conv(X[None], np.ones((3, 1, 2, 2)), groups=n(3)),
    "argnums": lambda n: ad.grad(lambda x, y: x * y, n(1))(2.0, 3.0),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_WHOLE_NUMBERS)
@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint8])
def test_whole_numbers_of_numpy_are_whole_numbers(name: str, kind: Any) -> None:
    call = WITH_WHOLE_NUMBERS[name]
    got = call(lambda n: kind(n) if n >= 0 else n)
    np.testing.assert_array_equal(got, call(int))


def test_lists_are_as_good_as_tuples() -> None:
    image = np.arange(16.0).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(ad.windows(image, [2, 2]), ad.windows(image, (2, 2)))
    np.testing.assert_array_equal(ad.max_pool(image.tolist(), [2, 2]), ad.max_pool(image, 2))
    assert ad.grad(lambda x, y: x * y, [0, 1])(2.0, 3.0) == (3.0, 2.0)


@pytest.mark.parametrize(
    ("x", "w", "b", "expected"),
    [
        (np.float32, np.float32, np.float64, np.float64),
        (np.float32, np.float32, np.float32, np.float32),
        (np.int64, np.int64, np.float32, np.float64),
    ],
)
def test_a_bias_takes_part_in_the_dtype(x: type, w: type, b: type, expected: type) -> None:
    y = ad.conv(np.ones((1, 1, 2, 2), x), np.ones((1, 1, 2, 2), w), np.full(1, 0.5, b))
    assert y.dtype == expected
    assert y.item() == 4.5
