"""The figure of the feature maps: what it says is so, and it can be read."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from examples.feature_maps import an_image_of, drawn, feature_maps, order_of_kernels, stages
from nn import LeNet, load_digits
from nn.module import Array


@pytest.fixture
def net() -> LeNet:
    net = LeNet(generator=np.random.default_rng(2))
    net[0].bias.assign(np.linspace(-0.2, 0.2, 20, dtype=np.float32))
    return net


@pytest.fixture
def image() -> Array:
    return an_image_of(5, load_digits())


def test_maps_are_in_the_order_of_the_kernels(net: LeNet, image: Array) -> None:
    order, balance = order_of_kernels(net[0].weight.data[:, 0])
    assert sorted(order) == list(range(20))
    assert np.all(np.diff(balance) <= 0)
    assert np.abs(balance).max() <= 1
    conv, pool = stages(net, image)
    for stage, maps in zip((conv, pool), net.outputs(image[np.newaxis]), strict=False):
        np.testing.assert_allclose(stage.maps, maps[0][order], rtol=1e-6)
    first = net[0].weight.data[order[0], 0]
    expected = (image[0, 3:8, 4:9] * first).sum() + net[0].bias.data[order[0]]
    assert conv.maps[0, 3, 4] == pytest.approx(expected, rel=1e-5)
    assert pool.maps[7, 2, 3] == conv.maps[7, 4:6, 6:8].max()


def test_numbers_in_the_text_are_those_of_the_maps(net: LeNet, image: Array) -> None:
    conv, pool = stages(net, image)
    assert "20 maps of 24×24" in conv.title
    assert "20 maps of 12×12" in pool.title
    assert "28−5+1\u00a0=\u00a024 places along an axis, 73% of the pixels" in conv.changed
    groups = re.search(r"Mostly, (\d+) maps .* (\d+) its negative .* and (\d+) ans", conv.changed)
    assert groups is not None
    assert sum(map(int, groups.groups())) == 20
    below = [f"{100 * np.mean(stage.maps < 0):.0f}%" for stage in (conv, pool)]
    assert f"{below[0]} of them are negative" in conv.changed
    assert f"{below[0]} of the numbers were negative, now {below[1]} are" in pool.changed
    assert "20 of 20 maps keep their strongest answer" in pool.changed
    assert "14×14 pixels" in pool.why  # 5 windows of 2, the first and last with a kernel of 5
    shares = re.search(r"layer 2 changes by (\d+)%, layer 3 by (\d+)%", pool.changed)
    moved = stages(net, np.roll(image, 1, axis=2))
    order, _ = order_of_kernels(net[0].weight.data[:, 0])
    bias = net[0].bias.data[order].reshape(-1, 1, 1)
    expected = [
        100 * np.linalg.norm(b.maps - a.maps) / np.linalg.norm(a.maps - bias)
        for a, b in zip((conv, pool), moved, strict=True)
    ]
    assert shares is not None
    assert [int(share) for share in shares.groups()] == pytest.approx(expected, abs=0.51)


def test_the_reach_of_a_kernel_in_the_next_layer_is_as_said(net: LeNet, image: Array) -> None:
    """Which pixels change one number of layer 4: a square of 14×14."""
    weights = net[2].weight
    weights.assign(np.ones_like(weights.data))
    net[0].weight.assign(np.ones_like(net[0].weight.data))
    before = net.outputs(np.zeros((1, 1, 28, 28), np.float32))[2][0, 0, 0, 0]
    dots = np.eye(28 * 28, dtype=np.float32).reshape(-1, 1, 28, 28)
    changed = net[:3].predict(dots)[:, 0, 0, 0] != before
    assert np.array_equal(changed.reshape(28, 28), np.pad(np.ones((14, 14), bool), (0, 14)))
    assert "14×14" in stages(net, image)[1].why


def test_no_text_lies_on_another_or_leaves_the_page(net: LeNet, image: Array) -> None:
    figure = drawn(net, image)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in figure.texts]
    assert len(boxes) > 10
    width, height = figure.canvas.get_width_height()
    assert all(min(b.x0, b.y0) >= 0 and b.x1 <= width and b.y1 <= height for b in boxes)
    pictures = [axis.get_window_extent() for axis in figure.axes]
    touching = [
        (a, b) for a, b in combinations([*boxes, *pictures], 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 0 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]  # fmt: skip
    assert touching == []


def test_the_figure_is_written(net: LeNet, image: Array, tmp_path: Path) -> None:
    path = feature_maps(net, image, tmp_path / "maps.png")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
