"""Drawings are written, saved, rendered and piped without a dot on the PATH."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import graphviz
import pytest

from autodiff import Value, draw
from autodiff.view import Drawing, RenderError, draw_units

HEADS = {
    "svg": b"<?xml",
    "png": b"\x89PNG\r\n\x1a\n",
    "pdf": b"%PDF",
    "dot": b"digraph",
    "gv": b"digraph",
}


@pytest.fixture(autouse=True)
def no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def drawing() -> Drawing:
    return draw(Value(2.0, label="θ") * 3.0)


@pytest.mark.parametrize("ending", HEADS)
@pytest.mark.parametrize(
    "way",
    [
        lambda drawing, path: str(drawing.write(path)),
        lambda drawing, path: drawing.save(path),
        lambda drawing, path: drawing.save(path.name, path.parent),
    ],
)
def test_the_ending_says_what_is_written(
    way: Callable[[Drawing, Path], str], ending: str, drawing: Drawing, tmp_path: Path
) -> None:
    path = tmp_path / f"graph.{ending}"
    assert way(drawing, path) == str(path)
    assert path.read_bytes().startswith(HEADS[ending])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
@pytest.mark.parametrize(
    "way",
    [
        lambda drawing, path: drawing.render(path),
        lambda drawing, path: drawing.render(path.name, path.parent),
        lambda drawing, path: drawing.render(outfile=path),
        lambda drawing, path: drawing.render(outfile=path.name, directory=path.parent),
    ],
)
def test_a_picture_is_rendered_under_its_name(
    way: Callable[[Drawing, Path], str], ending: str, drawing: Drawing, tmp_path: Path
) -> None:
    path = tmp_path / "new" / f"graph.{ending}"
    assert way(drawing, path) == str(path)
    assert path.read_bytes().startswith(HEADS[ending])
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_render_as_graphviz_does(drawing: Drawing, tmp_path: Path) -> None:
    rendered = drawing.render("graph.gv", tmp_path, format="svg")
    assert rendered == str(tmp_path / "graph.gv.svg")
    assert (tmp_path / "graph.gv").read_text(encoding="utf-8") == drawing.source
    drawing.render("other", tmp_path, cleanup=True)
    assert not (tmp_path / "other").exists()
    assert (tmp_path / "other.pdf").read_bytes().startswith(HEADS["pdf"])
    with pytest.raises(graphviz.FileExistsError):
        drawing.render(outfile=rendered, raise_if_result_exists=True)


def test_an_existing_file_is_kept_on_demand(drawing: Drawing, tmp_path: Path) -> None:
    path = tmp_path / "graph.svg"
    path.write_text("mine", encoding="utf-8")
    assert drawing.save(path, skip_existing=True) == str(path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_pipe(drawing: Drawing) -> None:
    for form in ("svg", "png", "pdf"):
        piped = drawing.pipe(form)
        assert isinstance(piped, bytes)
        assert piped.startswith(HEADS[form])
    text = drawing.pipe(format="svg", encoding="utf-8")
    assert isinstance(text, str)
    assert "θ" in text
    assert isinstance(drawing.pipe("json"), bytes)


def test_graphvizs_own_options_need_its_program(drawing: Drawing, tmp_path: Path) -> None:
    with pytest.raises(graphviz.ExecutableNotFound):
        drawing.pipe("png", renderer="cairo")
    with pytest.raises(graphviz.ExecutableNotFound):
        drawing.render(tmp_path / "x", format="png", renderer="cairo")


def test_an_unknown_format(drawing: Drawing) -> None:
    with pytest.raises(RenderError, match="as nonsense"):
        drawing.pipe("nonsense")


def test_no_engine(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RenderError, match=r"no Graphviz engine was found\. To get an engine"):
        drawing.pipe("svg")


def test_the_layout_of_a_drawing_is_kept(tmp_path: Path) -> None:
    x = Value(2.0, label="x")
    y = x * 2.0
    y.label = "y"
    units = draw_units(y, {"in": [x], "out": [y]}, weights=None)
    svg = ElementTree.fromstring(units.write(tmp_path / "units.svg").read_bytes())
    (text,) = [t for t in svg.iter("{http://www.w3.org/2000/svg}text") if t.text == "in"]
    assert units.engine == "neato"
    assert float(text.get("y", "0")) < -30  # the title is above: neato kept the place
    assert draw(x).write(tmp_path / "d.svg", dpi=72)
