"""Networks drawn unit by unit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value, draw_units
from autodiff.view.units import Weights, connections

SVG = "{http://www.w3.org/2000/svg}"


def network() -> tuple[Value, dict[str, list[Value]]]:
    x = [Value(1.0, label="x1"), Value(2.0, label="x2"), Value(3.0, label="x3")]
    w, b = [Value(0.5, label="w1"), Value(-1.0, label="w2")], Value(0.25, label="b")
    c = [ad.relu(b + w[0] * x[i] + x[i + 1] * w[1]) for i in range(2)]
    p = ad.maximum(*c)
    for node, label in zip((*c, p), ("c1", "c2", "p"), strict=True):
        node.label = label
    loss = (p - 1.0) ** 2 / 2.0
    loss.label = "E"
    loss.backward()
    return loss, {"input": x, "convolution": c, "pooling": [p]}


def names(nodes: list[Node]) -> list[str | None]:
    return [node.label for node in nodes]


def test_connections_are_read_from_the_graph() -> None:
    loss, layers = network()
    units = [unit for column in layers.values() for unit in column]
    seen, leaves = connections([*units, loss])
    assert [
        (c.source.label, c.target.label, c.weight.label if c.weight is not None else None)
        for c in seen
    ] == [
        ("x1", "c1", "w1"), ("x2", "c1", "w2"), ("x2", "c2", "w1"), ("x3", "c2", "w2"),
        ("c1", "p", None), ("c2", "p", None), ("p", "E", None),
    ]  # fmt: skip
    assert names(leaves[layers["convolution"][0]]) == ["b", "w1", "w2"]
    assert leaves[loss] == []


@pytest.mark.parametrize("weights", ["arrows", "boxes", None])
@pytest.mark.parametrize("values", [True, False])
def test_golden(weights: Weights, values: bool, golden: Callable[[str], str]) -> None:
    loss, layers = network()
    source = draw_units(loss, layers, weights=weights, values=values).source
    again = draw_units(*network(), weights=weights, values=values).source
    assert source == again
    if weights == "boxes":
        assert source == golden(f"units-{'values' if values else 'names'}.dot")


def test_weights_above_and_below(tmp_path: Path) -> None:
    drawing = draw_units(*network(), weights="boxes")
    svg = ElementTree.fromstring(drawing.write(tmp_path / "units.svg").read_bytes())
    titles = [title.text for title in svg.iter(f"{SVG}title")]
    arrows = sorted(title for title in titles if title and "->" in title)
    assert arrows == sorted(
        ["u1:e->u4:w", "u2:e->u4:w", "u2:e->u5:w", "u3:e->u5:w", "u4:e->u6:w", "u5:e->u6:w",
         "u6:e->u7:w"] + [f"w{i}:e->u{j}b:w" for i in (1, 2, 3) for j in (4, 5)]
    )  # fmt: skip
    texts = ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]
    assert texts.count("weights") == 1
    assert texts.count("c₁ = 0") == 2


def test_weights_at_arrows() -> None:
    source = draw_units(*network()).source
    assert source.count("w₁ = 0.5") == source.count("w₂ = -1") == 2
    assert "b = " not in source


def test_the_output_may_be_a_unit() -> None:
    loss, layers = network()
    assert "E = " in draw_units(loss, layers).source
    (p,) = layers["pooling"]
    assert draw_units(p, layers).source.count("peripheries=2") == 1


def test_equal_numbers_are_different_units() -> None:
    x, y = Value(1.0, label="x"), Value(1.0, label="y")
    z = x + y
    assert draw_units(z, {"in": [x, y]}).source.count("->") >= 2


def test_without_backward_there_are_no_adjoints() -> None:
    x = Value(1.0, label="x")
    assert "t = " not in draw_units(ad.sin(x), {"in": [x]}).source


def test_hostile_names_are_shown(tmp_path: Path) -> None:
    evil = '</TD>"]; evil [label="\\N <script>'
    x = Value(1.0, label=evil)
    drawing = draw_units(ad.sin(x), {evil: [x]})
    svg = ElementTree.fromstring(drawing.write(tmp_path / "units.svg").read_bytes())
    texts = "".join("".join(text.itertext()) for text in svg.iter(f"{SVG}text"))
    assert evil.replace(" ", "") in texts.replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    assert not any("script" in element.tag for element in svg.iter())


@pytest.mark.parametrize(
    ("layers", "fault", "message"),
    [
        ({}, ValueError, "there is no unit"),
        ({"in": []}, ValueError, "there is no unit"),
        ({"in": [Value(3.0)]}, ValueError, r"was not computed from Value\(3.0\) of layer 'in'"),
        ({"in": [Tensor([1.0])]}, TypeError, "a unit is a Value, got Tensor in layer 'in'"),
        ({"in": [3.0]}, TypeError, "a unit is a Value, got float in layer 'in'"),
    ],
)
def test_mistakes(layers: dict[str, list[Node]], fault: type[Exception], message: str) -> None:
    with pytest.raises(fault, match=message):
        draw_units(ad.sin(Value(1.0)), layers)


def test_a_unit_has_one_place() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(ValueError, match="twice, again in layer 'b'"):
        draw_units(ad.sin(x), {"a": [x], "b": [x]})
    with pytest.raises(ValueError, match="'arrows', 'boxes' or None, got 'all'"):
        draw_units(ad.sin(x), {"a": [x]}, weights="all")  # type: ignore[arg-type]
