"""Frames around scopes, and what is folded into one box."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value, draw
from autodiff.reverse import schedule
from autodiff.view import Drawing
from autodiff.view.folding import fold
from autodiff.view.framing import chains
from autodiff.view.notation import visible

SVG = "{http://www.w3.org/2000/svg}"


def shown(drawing: Drawing, of: str, folder: Path) -> list[str]:
    """The text of the boxes ("node"), arrows ("edge") or frames ("cluster")."""
    svg = ElementTree.fromstring(drawing.write(folder / "graph.svg").read_bytes())
    return [
        " ".join(line for text in group.iter(f"{SVG}text") if (line := "".join(text.itertext())))
        for group in svg.iter(f"{SVG}g")
        if group.get("class") == of
    ]


def two_layers() -> Node:
    x = Value(0.5, label="x")
    with ad.scope("first"):
        with ad.scope("product"):
            a = x * Value(2.0, label="w")
        h = ad.tanh(a)
    with ad.scope("second"):
        y = h * h + 1.0
    y.label = "y"
    y.backward()
    return y


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "frames"), ({"depth": 1}, "frames-1"), ({"depth": 0}, "frames-0")],
)
def test_golden(options: dict[str, int], name: str, golden: Callable[[str], str]) -> None:
    assert draw(two_layers(), **options).source == golden(f"{name}.dot")  # type: ignore[arg-type]


def test_frames_nest(tmp_path: Path) -> None:
    source = draw(two_layers()).source
    assert re.search(r"\tsubgraph cluster_1 {.*\t\tsubgraph cluster_2 {", source, re.DOTALL)
    assert shown(draw(two_layers()), "cluster", tmp_path) == ["first", "product", "second"]


def test_depth_folds(tmp_path: Path) -> None:
    drawing = draw(two_layers(), depth=1)
    assert shown(drawing, "cluster", tmp_path) == ["first", "second"]
    assert any("product" in box and "leaf, mul" in box for box in shown(drawing, "node", tmp_path))
    drawing = draw(two_layers(), depth=0)
    assert shown(drawing, "cluster", tmp_path) == []
    boxes = shown(drawing, "node", tmp_path)
    assert [box.split()[0] for box in boxes] == ["x", "first", "second"]
    assert "y = 1.58003" in boxes[2]
    assert "t = 1" in boxes[2]
    assert shown(drawing, "edge", tmp_path) == ["", "× 2"]  # h * h
    assert "nodes in" not in drawing.source


def test_repeated_operands_keep_their_arrows_between_frames(tmp_path: Path) -> None:
    edges = shown(draw(two_layers()), "edge", tmp_path)
    assert edges.count("∂ = f₂ = 0.761594") == 2


@pytest.mark.parametrize("name", ['</TD>"] evil [label="x', "a & <b>\\N\n", "日本語 \u202e"])
def test_hostile_names_of_scopes_are_shown(name: str, tmp_path: Path) -> None:
    with ad.scope(name):
        y = ad.sin(Value(1.0)) * 2.0
    for depth in (None, 0):
        svg = ElementTree.fromstring(draw(y, depth=depth).write(tmp_path / "g.svg").read_bytes())
        text = "".join("".join(t.itertext()) for t in svg.iter(f"{SVG}text"))
        assert re.sub(r"\s", "", visible(name)) in re.sub(r"\s", "", text)
        assert "evil" not in [title.text for title in svg.iter(f"{SVG}title")]


def network(layers: int, size: int) -> Node:
    x: Node = Tensor(np.ones(3))
    for _ in range(layers):
        with ad.scope("layer"):
            for _ in range(size):
                x = ad.tanh(x * 2.0)
    return ad.sum(x)


def test_above_the_limit_scopes_are_folded(tmp_path: Path) -> None:
    drawing = draw(network(10, 20), limit=50)
    boxes = shown(drawing, "node", tmp_path)
    assert len(boxes) == 12
    assert sum("layer" in box and "20 × tanh" in box for box in boxes) == 10
    assert "402 nodes in 12 boxes: folded are 10 × layer" in drawing.source


def test_many_scopes_of_one_name_share_a_frame(tmp_path: Path) -> None:
    drawing = draw(network(1000, 2), limit=50)
    assert shown(drawing, "cluster", tmp_path) == ["1,000 × layer"]
    boxes = shown(drawing, "node", tmp_path)
    assert len(boxes) <= 40
    assert sum(int(box.split(" ×")[0].replace(",", "")) for box in boxes if "× tanh" in box) > 1990


def test_every_node_is_in_one_group() -> None:
    for output in (two_layers(), network(30, 5), ad.sin(Value(1.0))):
        nodes = schedule(output)[::-1]
        for limit in (2, 5, 20, 1000):
            for depth in (None, 0, 1, "layers"):
                folding = fold(nodes, chains(nodes), depth, limit)  # type: ignore[arg-type]
                members = [node for group in folding.groups for node in group.nodes]
                assert set(members) == set(nodes)
                assert len(members) == len(nodes)
                assert all(
                    node in set(folding.groups[folding.group_of[node]].nodes) for node in nodes
                )


def test_scopes_that_nest_without_end() -> None:
    with ExitStack() as stack:
        for i in range(3000):
            stack.enter_context(ad.scope(f"s{i}"))
        y = ad.sin(Value(1.0))
    assert draw(y).source.count("subgraph") == 30


@pytest.mark.parametrize("depth", [-1, "all", 1.5])
def test_an_impossible_depth(depth: object) -> None:
    with pytest.raises(ValueError, match="at least 0, or 'layers', got"):
        draw(Value(1.0), depth=depth)  # type: ignore[arg-type]
