"""Tests of writing DOT text as picture files."""

import importlib.util
import os
import shlex
import shutil
import stat
import struct
import sys
import textwrap
import threading
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from autodiff.view.rendering import RenderError, RenderWarning, render

SVG = "{http://www.w3.org/2000/svg}"
GRAPH = 'digraph { x [label="θ² − ½"]; y [shape=record label="{data | x₁·w₁}"]; x -> y }'

needs_bundled = pytest.mark.skipif(
    importlib.util.find_spec("pygraphviz") is None, reason="pygraphviz is not installed"
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="the stand-in program is a script")


@pytest.fixture
def no_dot(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH without any program on it."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty_bin")))


@pytest.fixture
def no_engine(no_dot: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `dot` nor pygraphviz."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def assert_refused(source: str, folder: Path, message: str) -> None:
    """Drawing fails with a message that names the file, and an older file stays as it was."""
    target = folder / "graph.svg"
    target.write_text("old")
    with pytest.raises(RenderError, match=message) as caught:
        render(source, target)
    assert str(target) in str(caught.value)
    assert target.read_text() == "old"
    assert list(folder.iterdir()) == [target]


class FakeDot:
    """A stand-in for `dot` on the PATH that keeps what it was given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answers(self, picture: str = "", message: str = "", status: int = 0) -> None:
        script = self.folder / "dot"
        body = f"""
            import sys
            open({str(self.folder / "arguments")!r}, "w").write("\\n".join(sys.argv[1:]))
            open({str(self.folder / "input")!r}, "wb").write(sys.stdin.buffer.read())
            sys.stdout.write({picture!r})
            sys.stderr.write({message!r})
            sys.exit({status})
        """
        program = shlex.join([sys.executable, "-c", textwrap.dedent(body)])
        script.write_text(f'#!/bin/sh\nexec {program} "$@"\n', encoding="utf-8")
        script.chmod(0o755)

    @property
    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().split("\n")

    @property
    def input(self) -> str:
        return (self.folder / "input").read_text(encoding="utf-8")


@pytest.fixture
def fake_dot(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> FakeDot:
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    return FakeDot(folder)


def parse_svg(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_bytes())


def svg_texts(path: Path) -> list[str]:
    return [text.text or "" for text in parse_svg(path).iter(f"{SVG}text")]


def png_size(path: Path) -> tuple[int, int]:
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


class TestArguments:
    @pytest.mark.parametrize("name", ["graph.jpg", "graph", "graph.svg.txt", ".svg"])
    def test_unknown_ending_lists_the_supported_ones(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.dot, \.gv"):
            render(GRAPH, tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"'.*nowhere' does not exist"):
            render(GRAPH, tmp_path / "nowhere" / "graph.svg")

    @pytest.mark.parametrize("dpi", [0, -96])
    def test_dpi_must_be_positive(self, tmp_path: Path, dpi: int) -> None:
        with pytest.raises(ValueError, match="dpi must be positive"):
            render(GRAPH, tmp_path / "graph.png", dpi=dpi)


@pytest.mark.usefixtures("no_engine")
class TestDotText:
    @pytest.mark.parametrize("name", ["graph.dot", "graph.gv", "GRAPH.DOT"])
    def test_needs_no_engine(self, tmp_path: Path, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            written = render(GRAPH, tmp_path / name)
        assert written == tmp_path / name
        assert written.read_text(encoding="utf-8") == GRAPH

    def test_accepts_a_string_path(self, tmp_path: Path) -> None:
        assert render(GRAPH, str(tmp_path / "graph.dot")) == tmp_path / "graph.dot"

    def test_relative_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert render(GRAPH, "graph.dot") == Path("graph.dot")
        assert (tmp_path / "graph.dot").exists()

    @posix_only
    def test_permissions_follow_the_umask(self, tmp_path: Path) -> None:
        (tmp_path / "ordinary").touch()
        ordinary = stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)
        written = render(GRAPH, tmp_path / "graph.dot")
        assert stat.S_IMODE(written.stat().st_mode) == ordinary

    def test_failed_write_keeps_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "graph.dot"
        target.write_text("old")

        def fail(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            render(GRAPH, target)
        assert [file.name for file in tmp_path.iterdir()] == ["graph.dot"]
        assert target.read_text() == "old"


@posix_only
class TestSystemDot:
    def test_takes_precedence(self, tmp_path: Path, fake_dot: FakeDot) -> None:
        fake_dot.answers("<svg/>")
        written = render(GRAPH, tmp_path / "graph.svg")
        assert written.read_text() == "<svg/>"
        assert fake_dot.arguments == ["-Kdot", "-Tsvg"]
        assert fake_dot.input == GRAPH

    def test_engine_and_dpi(self, tmp_path: Path, fake_dot: FakeDot) -> None:
        fake_dot.answers("picture")
        render(GRAPH, tmp_path / "graph.PNG", engine="neato", dpi=300)
        assert fake_dot.arguments == ["-Kneato", "-Tpng", "-Gdpi=300"]
        render(GRAPH, tmp_path / "graph.pdf", dpi=300)
        assert fake_dot.arguments == ["-Kdot", "-Tpdf"]

    def test_harmless_messages_are_ignored(self, tmp_path: Path, fake_dot: FakeDot) -> None:
        fake_dot.answers("<svg/>", message="Warning: using box for unknown shape nut\n")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            render(GRAPH, tmp_path / "graph.svg")

    @pytest.mark.parametrize(
        ("picture", "message", "status", "expected"),
        [
            ("half a pic", "Error: <stdin>: syntax error in line 1\n", 1, "syntax error in line 1"),
            ("<svg/>", "Fontconfig warning: x\nError: bad label\n", 0, "': Error: bad label$"),
            ("", "", 0, r"no picture and no message \(exit status 0\)"),
            ("", "", 3, r"exit status 3\)"),
        ],
    )
    def test_failure_keeps_the_old_file(
        self,
        tmp_path: Path,
        fake_dot: FakeDot,
        picture: str,
        message: str,
        status: int,
        expected: str,
    ) -> None:
        fake_dot.answers(picture, message, status)
        assert_refused(GRAPH, tmp_path, expected)

    def test_program_that_does_not_start(self, tmp_path: Path, fake_dot: FakeDot) -> None:
        script = fake_dot.folder / "dot"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        with pytest.raises(RenderError, match="does not start"):
            render(GRAPH, tmp_path / "graph.svg")


@needs_bundled
@pytest.mark.usefixtures("no_dot")
class TestBundledEngine:
    def test_svg(self, tmp_path: Path) -> None:
        written = render(GRAPH, tmp_path / "graph.svg")
        svg = parse_svg(written)
        assert svg.tag == f"{SVG}svg"
        left, top, width, height = map(float, svg.attrib["viewBox"].split())
        assert (left, top) == (0, 0)
        assert width > 0
        assert height > 0
        assert set(svg_texts(written)) == {"θ² − ½", "data", "x₁·w₁"}
        assert len([g for g in svg.iter(f"{SVG}g") if g.get("class") == "edge"]) == 1

    def test_png_scales_with_dpi(self, tmp_path: Path) -> None:
        small = png_size(render(GRAPH, tmp_path / "small.png", dpi=72))
        large = png_size(render(GRAPH, tmp_path / "large.png"))
        assert large == pytest.approx((2 * small[0], 2 * small[1]), abs=2)

    def test_dpi_argument_overrides_the_source(self, tmp_path: Path) -> None:
        plain = png_size(render("digraph { a }", tmp_path / "a.png"))
        assert png_size(render("digraph { dpi=30; a }", tmp_path / "b.png")) == plain

    def test_pdf(self, tmp_path: Path) -> None:
        content = render(GRAPH, tmp_path / "graph.pdf").read_bytes()
        assert content.startswith(b"%PDF-")
        assert content.rstrip().endswith(b"%%EOF")

    def test_layout_engine(self, tmp_path: Path) -> None:
        layered = render(GRAPH, tmp_path / "dot.svg").read_bytes()
        assert render(GRAPH, tmp_path / "circo.svg", engine="circo").read_bytes() != layered

    def test_parallel_edges_stay_apart(self, tmp_path: Path) -> None:
        svg = parse_svg(render("digraph { x -> y; x -> y }", tmp_path / "graph.svg"))
        assert len([g for g in svg.iter(f"{SVG}g") if g.get("class") == "edge"]) == 2

    def test_html_label(self, tmp_path: Path) -> None:
        source = (
            "digraph { a [shape=plain label=<<TABLE><TR><TD>x<SUB>1</SUB></TD></TR></TABLE>>] }"
        )
        assert svg_texts(render(source, tmp_path / "graph.svg")) == ["x", "1"]

    @pytest.mark.parametrize(
        "label",
        ["<script>&amp;]]>", "a\x00b\x01c\x1bd", "\ud83d lone", "\uffff", "ünï→😀 שלום", "-->"],
    )
    def test_hostile_label_gives_valid_xml(self, tmp_path: Path, label: str) -> None:
        written = render(f'digraph {{ a [label="{label}"] }}', tmp_path / "graph.svg")
        assert len(svg_texts(written)) == 1

    def test_control_characters_become_the_replacement_character(self, tmp_path: Path) -> None:
        written = render('digraph { a [label="x\x00\x1by"] }', tmp_path / "graph.svg")
        assert svg_texts(written) == ["x\ufffd\ufffdy"]

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("digraph {\n a -> ", "syntax error in line 2"),
            ('digraph { a [shape=record label="{x|"] }', "bad label format"),
            ("digraph { a [label=<<B>x</I>>] }", "mismatched tag"),
            ("", "Error"),
        ],
    )
    def test_failure_keeps_the_old_file(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], source: str, expected: str
    ) -> None:
        assert_refused(source, tmp_path, expected)
        assert capfd.readouterr() == ("", "")

    def test_unknown_engine(self, tmp_path: Path) -> None:
        with pytest.raises(RenderError, match="crystal ball"):
            render(GRAPH, tmp_path / "graph.svg", engine="crystal ball")

    def test_large_graph(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        chain = "digraph {" + "".join(f"n{i} -> n{i + 1};" for i in range(1200)) + "}"
        assert len(svg_texts(render(chain, tmp_path / "graph.svg"))) == 1201
        with pytest.warns(RenderWarning, match="scaled down") as caught:
            png_size(render(chain, tmp_path / "graph.png"))
        assert caught[0].filename == __file__
        assert capfd.readouterr() == ("", "")

    def test_threads(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"{i}.svg" for i in range(4)]
        threads = [
            threading.Thread(target=render, args=(f"digraph {{ node{i} }}", path))
            for i, path in enumerate(paths)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [svg_texts(path) for path in paths] == [[f"node{i}"] for i in range(4)]

    def test_module_in_the_working_directory_is_not_picked_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "tempfile.py").write_text("raise SystemExit('shadowed')")
        monkeypatch.chdir(tmp_path)
        render(GRAPH, "graph.svg")
        assert parse_svg(tmp_path / "graph.svg").tag == f"{SVG}svg"


class TestNoEngine:
    @pytest.mark.usefixtures("no_engine")
    @pytest.mark.parametrize("name", ["graph.svg", "graph.PNG", "my.graph.pdf"])
    def test_writes_dot_text_and_warns(self, tmp_path: Path, name: str) -> None:
        with pytest.warns(RenderWarning) as caught:
            written = render(GRAPH, tmp_path / name)
        assert written == tmp_path / f"{name}.dot"
        assert written.read_text(encoding="utf-8") == GRAPH
        assert list(tmp_path.iterdir()) == [written]
        (warning,) = caught
        assert warning.filename == __file__
        for part in [str(written), 'pip install "pygraphviz>=2.0"', "`dot` is on the PATH"]:
            assert part in str(warning.message)

    @pytest.mark.usefixtures("no_dot")
    def test_pygraphviz_that_fails_to_import(
        self,
        tmp_path: Path,
        tmp_path_factory: pytest.TempPathFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        broken = tmp_path_factory.mktemp("site") / "pygraphviz"
        broken.mkdir()
        (broken / "__init__.py").write_text("raise ImportError('libgvc is missing')")
        monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)
        monkeypatch.syspath_prepend(broken.parent)
        with pytest.warns(RenderWarning, match="fails to load: libgvc is missing"):
            written = render(GRAPH, tmp_path / "graph.svg")
        assert written == tmp_path / "graph.svg.dot"

    @needs_bundled
    @pytest.mark.usefixtures("no_dot")
    def test_frozen_application_does_not_start_itself(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        with pytest.warns(RenderWarning, match="no Graphviz engine"):
            render(GRAPH, tmp_path / "graph.svg")


@needs_bundled
@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_both_engines_draw_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = render(GRAPH, tmp_path / "system.svg")
    monkeypatch.setenv("PATH", str(tmp_path))
    bundled = render(GRAPH, tmp_path / "bundled.svg")
    assert svg_texts(system) == svg_texts(bundled)
    boxes = [
        [float(number) for number in parse_svg(path).attrib["viewBox"].split()]
        for path in (system, bundled)
    ]
    # Versions differ in how they round text widths, and little else.
    assert boxes[0] == pytest.approx(boxes[1], rel=0.1)
