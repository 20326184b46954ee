import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import graphviz
import pytest

import autodiff as ad
from autodiff import Node, Value
from autodiff.view import Drawing, draw
from autodiff.view.notation import visible

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = [
    "quotes \" and ' and `",
    "<b>bold</b>",
    "a & b",
    "&amp; &lt; &#60; &quot;",
    "<script>alert(1)</script>",
    "</TD></TR></TABLE>>]; evil [label=evil]; n1 [label=<",
    '"]; evil [label="evil',
    "<i>all of it is HTML</i>",
    "\\N \\G \\L \\T \\E \\H \\n \\l \\r \\\\ \\",
    "&#92;N",
    "two\nlines\r\nand a tab\t.",
    "nul \x00 escape \x1b bell \x07 delete \x7f next \x85",
    "left\u202eright \u2028 line \u2066 isolate",
    "half a pair \ud800",
    "θ₁² ∂ 日本語 عربى 😀 👩\u200d🔬",
    "]]> <!-- comment --> <?xml?> <![CDATA[",
    "javascript:alert(1) onclick=alert(1)",
    "%s %d {0} {x} $x `x`",
    "  spaces   inside and around  ",
    "x" * 39,
]


def written(drawing: graphviz.Digraph, folder: Path) -> ElementTree.Element:
    path = drawing.write(folder / "graph.svg")
    return ElementTree.fromstring(path.read_bytes())


def texts(svg: ElementTree.Element, of: str) -> list[str]:
    """The lines of text in the boxes or at the arrows, as a reader sees them."""
    groups = [g for g in svg.iter(f"{SVG}g") if g.get("class") == of]
    return [
        "".join("".join(text.itertext()) for text in group.iter(f"{SVG}text")) for group in groups
    ]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


# --- the text -------------------------------------------------------------------------------------


def test_the_example(example: Callable[[], Node], golden: Callable[[str], str]) -> None:
    assert draw(example()).source == golden("example.dot")


def test_the_same_graph_gives_the_same_text(example: Callable[[], Node]) -> None:
    f = example()
    assert draw(f).source == draw(f).source == draw(example()).source


def test_a_drawing_is_a_graphviz_graph(example: Callable[[], Node]) -> None:
    drawing = draw(example())
    assert isinstance(drawing, graphviz.Digraph)
    drawing.attr(label="the title")
    assert "the title" in drawing.source


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_directions(direction: str) -> None:
    assert f"rankdir={direction}" in draw(Value(1.0), direction=direction).source


def test_symbols_only(example: Callable[[], Node], tmp_path: Path) -> None:
    f = example()
    svg = written(draw(f, symbols=True), tmp_path)
    assert sorted(texts(svg, "node")) == sorted(
        ["θ", "×", "×", "x₁", "x₂", "+", "^", "sin", "+", "2"]
    )
    assert set(texts(svg, "edge")) == {""}


def test_without_backward_there_are_no_adjoints() -> None:
    assert "t = " not in draw(ad.sin(Value(1.0))).source


def test_a_repeated_operand_has_two_arrows() -> None:
    x = Value(3.0, label="x")
    assert draw(x * x).source.count("n1 -> n2") == 2


def test_kinds_differ_in_shape(example: Callable[[], Node]) -> None:
    lines = draw(example()).source.splitlines()
    look = {
        line.split()[0]: re.search(r"peripheries.*(?=\])", line)[0]  # type: ignore[index]
        for line in lines
        if "fillcolor" in line
    }
    leaf, constant, operation, output = (look[id] for id in ("n1", "n7c1", "n4", "n9"))
    assert len({leaf, constant, operation, output}) == 4
    assert look["n2"] == look["n3"] == leaf


def test_tensors_show_shape_and_type(layer: Node) -> None:
    source = draw(layer).source
    assert "(3, 4) float64" in source
    assert "t: (3, 4)" in source
    assert "(3,) float32" in source
    assert "∂ = [f₂ &gt; 0]" in source


def test_nothing_changes(
    layer: Node, unchanged: Callable[[Node, Callable[[Node], object]], bool]
) -> None:
    assert unchanged(layer, draw)


# --- the picture ----------------------------------------------------------------------------------


def test_everything_is_in_the_picture(example: Callable[[], Node], tmp_path: Path) -> None:
    svg = written(draw(example()), tmp_path)
    assert sorted(texts(svg, "node")) == sorted(
        [
            "θ = 0.5t = 7.69271",
            "x₁ = 2t = -0.326822",
            "x₂ = 3t = 2.34636",
            "f₁ = θ·x₁= 1t = -0.653644",
            "f₂ = f₁ + x₂= 4t = -0.653644",
            "f₃ = sin(f₂)= -0.756802t = 1",
            "2",
            "f₄ = x₂²= 9t = 0.5",
            "f₅ = θ·f₄= 4.5t = 1",
            "f = f₃ + f₅= 3.7432t = 1",
        ]
    )
    assert sorted(texts(svg, "edge")) == sorted(
        ["∂ = x₁ = 2", "∂ = θ = 0.5", "∂ = 1", "∂ = 1", "∂ = cos(f₂) = -0.653644",
         "∂ = 2·x₂ = 6", "", "∂ = f₄ = 9", "∂ = θ = 0.5", "∂ = 1", "∂ = 1"]
    )  # fmt: skip


def test_an_svg_has_no_background_and_a_png_a_white_one(
    example: Callable[[], Node], tmp_path: Path
) -> None:
    image = pytest.importorskip("matplotlib.image")
    drawing = draw(example())
    svg = written(drawing, tmp_path)
    assert "white" not in ElementTree.tostring(svg, encoding="unicode")
    corner = image.imread(drawing.write(tmp_path / "graph.png"))[0, 0]
    assert all(corner == 1.0)
    assert "bgcolor=transparent" in drawing.source  # writing leaves the drawing as it was


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_label_is_shown_and_nothing_else(label: str, tmp_path: Path) -> None:
    x = Value(2.0, label=label)
    svg = written(draw(x * x), tmp_path)
    box, output = texts(svg, "node")
    assert squeezed(box) == squeezed(f"{visible(label)} = 2")
    assert output.startswith("f₁")
    assert len(texts(svg, "edge")) == 2
    tags = {element.tag.removeprefix(SVG) for element in svg.iter()}
    assert tags <= {"svg", "g", "title", "path", "polygon", "ellipse", "text"}
    attributes = {name for element in svg.iter() for name in element.attrib}
    assert not any(name.startswith("on") or "href" in name for name in attributes)


def test_many_random_labels(tmp_path: Path) -> None:
    characters = [*map(chr, range(0x500)), *"<>&\"'\\\n\t{}|[]" * 40, *"\u2028\u202e\ufeff😀日"]
    chance = random.Random(0)
    labels = ["".join(chance.choices(characters, k=12)) for _ in range(60)]
    f: Node = Value(1.0)
    for label in labels:
        f = f * Value(1.0, label=f"a{label}b")
    boxes = [squeezed(text) for text in texts(written(draw(f), tmp_path), "node")]
    assert len(boxes) == 121
    for label in labels:
        assert squeezed(visible(f"a{label}b = 1")) in boxes


def test_a_very_long_label_is_cut_in_the_middle(tmp_path: Path) -> None:
    x = Value(2.0, label="start" + "x&" * 50_000 + "end")
    drawing = draw(x * x)
    assert all(len(line) < 16_384 for line in drawing.source.splitlines())
    box = texts(written(drawing, tmp_path), "node")[0]
    assert re.fullmatch(r"start[x&]+…[x&]+end= 2", box)


# --- large graphs ---------------------------------------------------------------------------------


def chain(length: int) -> Node:
    f: Node = Value(1.0, label="x")
    for _ in range(length // 2):
        f = ad.sin(f) * 2.0
    return f


def boxes(drawing: Drawing) -> int:
    return len(re.findall(r"^\t+\w+ \[label=", drawing.source, re.MULTILINE))


def test_what_fits_is_drawn_in_full() -> None:
    drawing = draw(chain(10), limit=16)
    assert boxes(drawing) == 16
    assert "nodes in" not in drawing.source


def test_what_repeats_itself_shares_a_box(tmp_path: Path) -> None:
    drawing = draw(chain(100_000), limit=12)
    words = texts(written(drawing, tmp_path), "node")
    assert boxes(drawing) <= 12
    assert sum("× mul" in word for word in words) == sum("× sin" in word for word in words) == 1
    counts = [int(word.split(" ×")[0].replace(",", "")) for word in words if "×" in word]
    singles = sum(word.startswith(("f", "x")) for word in words)
    assert sum(counts) + singles == 100_001
    assert f"100,001 nodes in {len(counts) + singles} boxes" in drawing.source
    uses = [int(text.split()[1].replace(",", "")) for text in
            texts(written(drawing, tmp_path), "edge") if text.startswith("×")]  # fmt: skip
    assert all(99_000 < 2 * n < 100_000 for n in uses)


@pytest.mark.parametrize("limit", range(2, 18))
def test_a_limit_is_kept(limit: int) -> None:
    drawing = draw(chain(10), limit=limit)
    assert boxes(drawing) <= max(limit, 3)  # the output, its constant, and one box for the rest
    assert re.search(r"^\tn\d+ \[.*peripheries=2", drawing.source, re.MULTILINE)


def test_the_kinds_of_a_large_graph_are_counted(tmp_path: Path) -> None:
    x = Value(0.5)
    f = ad.sin(x) + ad.cos(x) + ad.exp(x) + ad.tanh(x) + ad.sqrt(x) - ad.abs(x)
    for _ in range(50):
        f = f + x
    words = texts(written(draw(f, limit=3), tmp_path), "node")
    (folded,) = (word for word in words if "nodes" in word)
    assert folded.startswith("61 nodes")
    for part in ("53 × add", "1 × sin", "others"):
        assert part in folded


def test_leaves_are_told_apart_by_what_uses_them(tmp_path: Path) -> None:
    f: Node = Value(0.0, label="b")
    for i in range(100):
        f = f + Value(1.0, label=f"w{i}") * Value(1.0, label=f"x{i}")
    words = texts(written(draw(f, limit=50), tmp_path), "node")
    leaves = sorted(word for word in words if "× leaf" in word)
    assert leaves == ["100 × leafw₀ … w₉₉", "100 × leafx₀ … x₉₉"]


def test_a_box_of_many_operands_has_one_arrow_from_those_that_share_a_box(tmp_path: Path) -> None:
    drawing = draw(ad.stack([ad.sin(Value(float(i))) for i in range(1000)]).sum())
    assert "× 1,000" in texts(written(drawing, tmp_path), "edge")
    assert drawing.source.count("->") <= 4


# --- mistakes -------------------------------------------------------------------------------------


def test_a_limit_that_leaves_no_room() -> None:
    with pytest.raises(ValueError, match="at least 2, got 1"):
        draw(Value(1.0), limit=1)


def test_an_unknown_direction() -> None:
    with pytest.raises(ValueError, match=r"direction must be .* got 'up'"):
        draw(Value(1.0), direction="up")


def test_no_node() -> None:
    with pytest.raises(
        TypeError, match="expected a node, a Value or a Tensor, or a module, got int"
    ):
        draw(3)  # type: ignore[arg-type]


def test_a_notebook_shows_it_without_a_system_graphviz() -> None:
    bundle = draw(Value(2.0, label="θ") * 3)._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    assert "θ" in "".join(ElementTree.fromstring(bundle["image/svg+xml"].encode()).itertext())
