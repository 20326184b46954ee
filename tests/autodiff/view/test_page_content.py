"""What the page of ``explore`` is given to show, and how it is written; no browser is needed."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.view import rendering
from autodiff.view.page_content import page_content
from autodiff.view.placement import Arrow, Frame, Size, placed
from autodiff.view.thumbnails import thumbnail


def content_of(node: Node, **options: Any) -> dict[str, Any]:
    return page_content(node, **{"seed": None, "direction": "LR", "limit": 500} | options)


def by_name(content: dict[str, Any]) -> dict[str, Any]:
    return {node["full"]: node for node in content["nodes"]}


def chain(length: int) -> Node:
    values: list[Any] = [Value(0.1, label="x")]
    while len(values) < length:
        values.append(ad.sin(values[-1]) if len(values) % 2 else values[-1] * values[-2])
    return values[-1]


# --- nodes, arrows, steps -------------------------------------------------------------------------


def test_nodes_are_those_of_the_description_with_their_final_adjoints(
    example: Callable[[], Node],
) -> None:
    f = example()
    content = content_of(f)
    nodes = by_name(content)
    assert content["title"] == "f"
    assert nodes["f4"]["expression"] == "x₂²"
    assert nodes["f4"]["head"] == ("f₄ = x₂²",)
    assert (nodes["f4"]["value"], nodes["f4"]["adjoint"]) == ("9", "0.5")
    assert nodes["θ"]["adjoint"] == "7.69271"
    assert {node["kind"] for node in content["nodes"]} == {
        "leaf",
        "constant",
        "operation",
        "output",
    }


def test_steps_are_the_reverse_schedule_with_sums_on_the_way(example: Callable[[], Node]) -> None:
    content = content_of(example())
    names = {node["id"]: node["full"] for node in content["nodes"]}
    steps = {names[step["node"]]: step for step in content["steps"]}
    assert list(steps) == ["f", "f5", "f4", "f3", "f2", "f1", "x2", "x1", "θ"]
    assert [names[child] for child in steps["θ"]["children"]] == ["f5", "f1"]
    assert steps["θ"]["running"] == ["9", "7.69271"]
    assert steps["θ"]["lines"][1][1:4] == ["+ ∂f1/∂θ·t_f1", "+ x1·t_f1", "+ 2·(-0.653644)"]


def test_an_operand_used_twice_has_two_arrows() -> None:
    x = Value(3.0, label="x")
    content = content_of(x * x)
    first, second = content["edges"]
    assert (first["source"], first["target"]) == (second["source"], second["target"])
    assert first["curve"] != second["curve"]
    assert content["steps"][1]["running"] == ["3", "6"]


def test_a_leaf_alone_and_a_constant_array() -> None:
    assert len(content_of(Value(1.0))["nodes"]) == 1
    nodes = by_name(content_of((Tensor([1.0, 2.0], label="x") * np.array([1, 2])).sum()))
    assert nodes["c1"]["kind"] == "constant"
    assert nodes["c1"]["picture"]
    assert not nodes["c1"]["gradient"]


def test_small_arrays_are_shown_in_numbers_too() -> None:
    x = Tensor([1.0, 2.0], label="x")
    nodes = by_name(content_of((x * x).sum() + Tensor(np.ones(20), label="y").sum()))
    assert (nodes["x"]["elements"], nodes["x"]["adjoints"]) == ("[1., 2.]", "[2., 4.]")
    assert nodes["y"]["elements"] is None
    assert nodes["y"]["picture"]


def test_a_vector_needs_a_seed() -> None:
    x = Tensor([1.0, 2.0], label="x")
    with pytest.raises(ValueError, match="seed"):
        content_of(ad.sin(x))
    assert content_of(ad.sin(x), seed=[1.0, 0.0])["steps"][0]["lines"][0][1] == "= seed"


def test_of_a_large_graph_the_last_nodes_are_shown() -> None:
    content = content_of(chain(60), limit=10)
    assert by_name(content)["50 earlier nodes"]["kind"] == "earlier"
    assert len(content["nodes"]) == 11
    assert len(content["steps"]) == 10
    assert "earlier" in {edge["source"] for edge in content["edges"]}


def test_nothing_changes_and_the_same_graph_gives_the_same_page(
    example: Callable[[], Node], unchanged: Callable[..., bool], tmp_path: Path
) -> None:
    f = example()
    assert unchanged(f, lambda node: ad.explore(node, tmp_path / "a.html"))
    ad.explore(example(), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


# --- places ---------------------------------------------------------------------------------------


def test_boxes_stay_apart_and_frames_go_around_what_is_in_them() -> None:
    size = Size(80, 40)
    boxes = dict.fromkeys(("n1", "n2", "n3", "n4"), size)
    arrows = [Arrow("e0", "n1", "n2", Size(50, 17)), Arrow("e1", "n2", "n3", None),
              Arrow("e2", "n1", "n4", None)]  # fmt: skip
    frames = [Frame("k0", None, ["n2"], Size(60, 20)), Frame("k1", "k0", ["n3"], Size(60, 20))]
    places = placed(boxes, arrows, frames, "LR")

    def corners(name: str) -> tuple[float, float, float, float]:
        x, y = places.boxes[name]
        return x - 40, y - 20, x + 40, y + 20

    def within(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
        return inner[0] > outer[0] and inner[1] > outer[1] and (
            inner[2] < outer[2] and inner[3] < outer[3])  # fmt: skip

    outer, inner = places.frames["k0"], places.frames["k1"]
    assert within(inner, outer)
    assert within(corners("n2"), outer)
    assert within(corners("n3"), inner)
    assert not within(corners("n1"), outer)
    assert places.boxes["n1"][0] < places.labels["e0"][0] < places.boxes["n2"][0]
    tip = places.curves["e0"][-1]
    assert tip[0] == pytest.approx(corners("n2")[0], abs=1)
    assert corners("n2")[1] < tip[1] < corners("n2")[3]


def test_without_an_engine_the_message_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rendering, "_system_command", lambda *_: None)
    monkeypatch.setattr(rendering, "_bundled_command", lambda *_: None)
    with pytest.raises(ad.view.RenderError, match="pip install"):
        ad.explore(Value(1.0), tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


# --- pictures -------------------------------------------------------------------------------------


def pixels(picture: Any) -> Any:
    data = b64decode(picture.uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)


def test_a_gradient_is_white_at_zero_blue_below_and_red_above() -> None:
    picture = thumbnail(np.array([[-2.0, 0.0, 1.0]]), 100, batch=False, diverging=True)
    assert picture is not None
    (low, zero, high) = pixels(picture)[0]
    assert low[2] > low[0] + 50  # blue
    assert min(zero) == max(zero) > 240  # white
    assert high[0] > high[2] + 50  # red
    assert picture.caption == "blue -2 to red 2"


def test_values_go_from_black_to_white() -> None:
    picture = thumbnail(np.array([[5.0, 6.0], [7.0, np.nan]]), 100, batch=False, diverging=False)
    assert picture is not None
    assert pixels(picture)[:, :, 0].ravel().tolist() == [0, 128, 255, 128]


@pytest.mark.parametrize(
    ("shape", "batch", "size", "caption"),
    [
        ((4, 6), False, (6, 4), "black 0"),
        ((5,), False, (5, 1), "black 0"),
        ((4, 10, 10), False, (21, 21), "black 0"),  # two by two, with a line between
        ((3, 2, 10, 10), True, (21, 10), "the first example, black 0"),
        ((32, 8, 8), False, (35, 17), "8 of 32 maps, black 0"),
        ((1000, 5), False, (5, 63), "black 0"),
        ((200, 200), False, (50, 50), "black 0"),
        ((1, 1), False, None, ""),
    ],
)
def test_maps_are_shown_side_by_side_and_large_ones_made_smaller(
    shape: tuple[int, ...], batch: bool, size: tuple[int, int] | None, caption: str
) -> None:
    array = np.arange(float(np.prod(shape))).reshape(shape)
    picture = thumbnail(array, 4000, batch=batch, diverging=False)
    assert (picture and (picture.width, picture.height)) == size
    if picture:
        assert picture.caption.startswith(caption)
        assert pixels(picture).shape[:2] == (picture.height, picture.width)


@pytest.mark.parametrize("numbers", [[np.nan, np.inf], [0.0, 0.0], [-np.inf, 1.0]])
@pytest.mark.parametrize("diverging", [False, True])
def test_pictures_of_unusual_numbers(numbers: list[float], diverging: bool) -> None:
    assert thumbnail(np.array(numbers), 100, batch=False, diverging=diverging)


# --- the file -------------------------------------------------------------------------------------

HOSTILE = [
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"'><svg/onload=window.hacked=1>",
    "a & b \\N \u2028\u2029 \x00 \ud800",
    "@SCRIPT@@CONTENT@",
    "<!--<script>",
    "${window.hacked=1}`",
    "\u05d0\u05d1\u202eabc",
]


def page_of(node: Node, folder: Path) -> str:
    return ad.explore(node, folder / "page.html").read_text(encoding="utf-8")


def data_of(page: str) -> Any:
    found = re.search(r'<script id="content" type="application/json">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_no_label_leaves_the_data(tmp_path: Path) -> None:
    plain = page_of(sum(Value(1.0) for _ in HOSTILE), tmp_path)
    labelled = page_of(sum(Value(1.0, label=label) for label in HOSTILE), tmp_path)
    for mark in ("<script", "</script", "<!--", "<img", "<svg"):
        assert labelled.count(mark) == plain.count(mark)
    names = [node["full"] for node in data_of(labelled)["nodes"]]
    assert HOSTILE[0] in names
    assert "a & b \\N \\u2028\\u2029 \\x00 \\ud800" in names


def test_the_policy_names_the_script_and_the_style_and_allows_nothing_else(
    example: Callable[[], Node], tmp_path: Path
) -> None:
    page = page_of(example(), tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    for kind in ("style", "script"):
        found = re.search(f"<{kind}>(.*?)</{kind}>", page, re.S)
        assert found
        digest = b64encode(sha256(found[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert not re.findall(r'(?:src|href)="(?!#)', page.split("<script")[0])
    assert "innerHTML" not in page


def test_five_hundred_nodes_take_less_than_a_megabyte(tmp_path: Path) -> None:
    x: Any = Tensor(np.random.default_rng(0).normal(size=(1, 8, 28, 28)), label="x")
    for _ in range(249):
        x = ad.sin(x) * 1.5
    ad.explore(x.sum(), tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("path", "options", "error", "match"),
    [
        ("page.svg", {}, ValueError, r"\.html"),
        ("nowhere/page.html", {}, FileNotFoundError, "folder"),
        ("page.html", {"direction": "up"}, ValueError, "direction"),
        ("page.html", {"limit": 0}, ValueError, "limit"),
        ("page.html", {"seed": [1.0, 2.0]}, ValueError, "seed"),
    ],
)
def test_what_is_refused_leaves_no_file(
    path: str, options: Any, error: type[Exception], match: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=match):
        ad.explore(ad.sin(Value(1.0)), tmp_path / path, **options)
    assert not list(tmp_path.iterdir())


def test_only_nodes_are_explored(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="node"):
        ad.explore(1.0, tmp_path / "page.html")  # type: ignore[arg-type]
