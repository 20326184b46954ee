"""Modules drawn layer by layer, and graphs with the modules that made them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor, Value, draw, reverse
from autodiff.scopes import marks_of
from autodiff.view import Drawing
from autodiff.view.framing import chains

SVG = "{http://www.w3.org/2000/svg}"


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def network() -> nn.Sequential:
    g = rng()
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, generator=g),
        nn.BatchNorm(2),
        nn.Residual(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, generator=g), nn.ReLU())),
        nn.Flatten(),
        nn.Dropout(0.5, generator=g),
        nn.Dense(32, 3, generator=g),
    )


def texts(drawing: Drawing, of: str, folder: Path) -> list[str]:
    svg = ElementTree.fromstring(drawing.write(folder / "net.svg").read_bytes())
    return [
        " ".join("".join(text.itertext()) for text in group.iter(f"{SVG}text"))
        for group in svg.iter(f"{SVG}g")
        if group.get("class") == of
    ]


def test_a_module_is_drawn_layer_by_layer(tmp_path: Path) -> None:
    drawing = draw(network(), (1, 4, 4))
    boxes = texts(drawing, "node", tmp_path)
    for start, *parts in (
        ("0 Conv2d(1, 2, 3, padding=1)", "(1, 2, 4, 4) float32", "20 parameters"),
        ("1 BatchNorm(2)", "4 parameters"),
        ("5 Dense(32, 3)", "(1, 3) float32", "99 parameters"),
    ):
        (box,) = (box for box in boxes if re.sub(r"\s+", " ", box).startswith(start))
        assert all(part in box for part in parts), box
    frames = [re.sub(r"\s+", " ", frame) for frame in texts(drawing, "cluster", tmp_path)]
    assert frames[0] == "Sequential"
    assert "2 Residual" in frames
    assert not any(box.startswith("conv.weight") for box in boxes)


def test_all_operations_of_a_module(tmp_path: Path) -> None:
    boxes = texts(draw(network(), (1, 4, 4), depth=9), "node", tmp_path)
    assert any(box.startswith("layers.5.weight") for box in boxes)
    assert any("matmul" in box or "@" in box for box in boxes)


def test_drawing_leaves_a_module_as_it_was() -> None:
    net = network()
    before = net.state()
    labels = [parameter.label for parameter in net.parameters()]
    draw(net, (1, 4, 4))
    assert all(np.array_equal(x, before[path]) for path, x in net.state().items())
    assert [parameter.label for parameter in net.parameters()] == labels
    assert all(module.training for _, module in net.named_modules())


def test_frozen_parameters_are_drawn_and_stay_frozen() -> None:
    net = network().freeze()
    assert "99 parameters" in draw(net, (1, 4, 4)).source
    with pytest.raises(ValueError, match="Conv2d"):
        draw(net, (4, 4))
    assert all(parameter.frozen for parameter in net.parameters())


def test_drawing_works_while_recording_is_off() -> None:
    with ad.no_grad():
        assert draw(network(), (1, 4, 4)).source == draw(network(), (1, 4, 4)).source


def test_a_loss_is_drawn_with_its_layers() -> None:
    net = network()
    scores = net(np.ones((2, 1, 4, 4), np.float32))
    loss = nn.SoftmaxCrossEntropy()(scores, np.array([0, 1]))
    source = draw(loss).source
    for title in ("Sequential", "Conv2d", "BatchNorm", "Residual", "SoftmaxCrossEntropy"):
        assert f"<TD>{title}</TD>" in source


def test_parameters_belong_to_the_layer_that_uses_them() -> None:
    g = rng()
    shared = nn.Dense(3, 3, generator=g)
    net = nn.Sequential(shared, nn.ReLU(), shared, nn.Dense(3, 1, generator=g))
    y = net(Tensor(np.ones((1, 3), np.float32)))
    found = chains(reverse.schedule(y)[::-1])
    assert [mark.name for mark in found[shared.weight]] == ["Sequential"]
    assert [mark.name for mark in found[net[3].weight]] == ["Sequential", "Dense"]


def test_a_layer_that_gives_its_input_marks_nothing() -> None:
    x = Tensor(np.ones(3)) * 2.0
    assert nn.Dropout(0.5, generator=rng()).eval()(x) is x
    assert marks_of(x) == []


def test_modules_of_single_numbers() -> None:
    class Unit(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0, label="w")

        def forward(self, x: Value) -> Value:
            return ad.tanh(self.w * x)

    y = Unit()(Unit()(Value(1.0, label="x")))
    assert draw(y).source.count("<TD>Unit</TD>") == 2


def test_integers_go_into_an_embedding() -> None:
    net = nn.Sequential(nn.Embedding(5, 4, generator=rng()), nn.Flatten())
    assert "Embedding(5, 4)" in draw(net, (3,), dtype=np.int64).source


@pytest.mark.parametrize(
    ("shape", "fault", "message"),
    [
        (None, TypeError, "of a Sequential, the shape of one example is needed"),
        (4, TypeError, "draw: input_shape is the shape of one example"),
        ((0, 4), ValueError, "draw: each length of input_shape is a positive whole number"),
        ((4, 4), ValueError, "Conv2d"),
    ],
)
def test_impossible_shapes(shape: object, fault: type[Exception], message: str) -> None:
    with pytest.raises(fault, match=message):
        draw(network(), shape)  # type: ignore[arg-type]


def test_a_node_needs_no_shape() -> None:
    with pytest.raises(TypeError, match="input_shape is for a module"):
        draw(Value(1.0), (1,))


def test_several_outputs() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x * 2, x * 3

    with pytest.raises(TypeError, match="expected Two to give one node, got tuple"):
        draw(Two(), (3,))
