"""Explanations in LaTeX, Markdown, HTML and in a terminal: the same, and harmless."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from matplotlib.mathtext import MathTextParser
from rich.console import Console

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.view import explain, notation, path_sum
from autodiff.view.layout import Tables

HOSTILE = [
    'a "quoted" one', "<script>alert(1)</script>", "a & b &amp; c", r"back\slash \alpha \\",
    "two\nlines\ttab", "| pipe | ` tick ` **bold** _it_ [x](y) $z$", "{brace}^hat~#%", "שלום",
    "日本",
    "[red]markup[/red]", "$x$", "%", "\x1b[31mred", "\u202eevil", "&#60;b&#62;", "]]>", "_0", "_t",
    "t_f", "x < y", "'", "x₁", "θ12", "loss", "a.b", "-1", "{", "\\",
]  # fmt: skip


def of_label(label: str) -> Node:
    x, y = Value(2.0, label=label), Value(3.0, label="y")
    f = ad.exp(x * y) / y - ad.maximum(x, y) ** 0.5 * 1e-9
    f.label = f"{label}'s"
    return f


def layer() -> Node:
    W, x = Tensor(np.ones((2, 3)), label="W"), Tensor(np.ones(3), label="x")
    h = ad.tanh(W @ x)
    scores = ad.reshape(h * h - h, (1, 2))
    image = Tensor(np.arange(16.0).reshape(1, 1, 4, 4), label="image")
    kernel = Tensor(np.ones((1, 1, 2, 2)), label="kernel")
    pooled = ad.max_pool(ad.conv(image, kernel, padding=1), 2)
    inverse = np.linalg.inv(W @ W.T + np.eye(2))
    return ad.cross_entropy(scores, [1]).sum() + pooled[:, 0].std() + inverse.sum()


VIEWS: dict[str, Callable[[Node], Tables]] = {
    "explain": explain,
    "explain wrt": lambda f: explain(f, ad.reverse.schedule(f)[-1]),
    "explain, in part": lambda f: explain(f, ad.reverse.schedule(f)[-1], limit=3),
    "path_sum": lambda f: path_sum(f, ad.reverse.schedule(f)[-1]),
    "path_sum, not listed": lambda f: path_sum(f, ad.reverse.schedule(f)[-1], limit=0),
}
views = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


# --- LaTeX ----------------------------------------------------------------------------------------


def equations(latex: str) -> list[str]:
    """The sides of all equations."""
    assert re.fullmatch(
        r"\\begin\{align\*\}\n(?:.*\n)*?\\end\{align\*\}"
        r"(?:\n\n\\begin\{align\*\}\n(?:.*\n)*?\\end\{align\*\})*",
        latex,
    )
    blocks = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", latex, re.DOTALL)
    lines = [line for block in blocks for line in block.split(" \\\\\n")]
    sides = [re.split(r"(?<!\\)&", line) for line in lines]
    assert {len(parts) for parts in sides} == {2}
    return [side.strip() for parts in sides for side in parts if side.strip()]


def test_every_side_of_every_equation_can_be_typeset() -> None:
    parser = MathTextParser("path")
    output = layer()
    sides = set(equations(explain(output).latex()) + equations(path_sum(output, output).latex()))
    for label in ("θ", "{brace}^hat~#% a", "\\"):
        f = of_label(label)
        for view in (explain, lambda f: path_sum(f, ad.reverse.schedule(f)[-1])):
            sides |= {*equations(view(f).latex())}
    assert len(sides) > 40
    for side in sides:
        parser.parse(f"${side}$")


@views
@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_closes_no_group_and_starts_no_command(
    view: Callable[[Node], Tables], label: str
) -> None:
    text = view(of_label(label)).latex()
    equations(text)
    assert not set(re.findall(r"\\[A-Za-z]+", text)) - {
        *(rf"\{name}" for name in (
            "begin", "end", "frac", "partial", "mathrm", "text", "left", "right", "cdot", "exp",
            "max", "times", "theta", "backslash", "wedge", "sim", "ldots", "vert", "quad", "vdots",
        ))
    }  # fmt: skip
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"(?<!\\)[$%#~]", text)


# --- Markdown -------------------------------------------------------------------------------------


@views
@pytest.mark.parametrize("label", HOSTILE)
def test_markdown_shows_the_label_and_nothing_else(
    view: Callable[[Node], Tables], label: str
) -> None:
    shown = view(of_label(label))
    tokens = MarkdownIt("commonmark").enable("table").parse(shown.markdown())
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {
        "text",
        "text_special",
        "strong_open",
        "strong_close",
    }
    text = "".join(child.content for child in inline)
    assert notation.atom(notation.shortened(notation.visible(label).strip())) in text
    tables = re.findall(r"(?m)(?:^\|.*\n?)+", shown.markdown())
    assert len(tables) == sum(token.type == "table_open" for token in tokens)
    for table in tables:
        assert len({len(_BARS.findall(row)) for row in table.splitlines()}) == 1


_BARS = re.compile(r"(?<!\\)(?:\\\\)*\|")  # with an even number of backslashes before it


# --- HTML -----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The elements and the text of a page; all that is opened must be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


ELEMENTS = {"div", "style", "table", "caption", "strong", "span", "p", "thead", "tbody", "tr", "th",
            "td", "bdi", "i", "sub", "pre"}  # fmt: skip


@views
@pytest.mark.parametrize("label", HOSTILE)
def test_html_shows_the_label_and_opens_nothing(view: Callable[[Node], Tables], label: str) -> None:
    page = Page(view(of_label(label)).html())
    assert page.elements <= ELEMENTS
    assert page.attributes <= {"class", "scope"}
    shown = notation.subscripted(notation.shortened(notation.visible(label).strip()))
    assert shown in page.text


@pytest.mark.parametrize("label", HOSTILE)
def test_a_node_shows_itself_in_a_notebook(label: str) -> None:
    for node in (of_label(label), Tensor(np.ones(3), label=label) * 2.0, Value(1.0, label=label)):
        page = Page(node._repr_html_())
        assert page.elements <= ELEMENTS
        shown = notation.shortened(notation.visible(label))
        assert shown in page.text or notation.subscripted(shown) in page.text


def test_what_a_notebook_shows_of_a_node() -> None:
    x, W = Value(2.0, label="x"), Tensor(np.ones((2, 3)), label="W")
    f = ad.sin(x * x) + 1.0
    f.backward()
    assert "= sin(x·x) + 1" in Page(f._repr_html_()).text
    assert "gradient" in Page(x._repr_html_()).text
    assert "gradient" not in Page(W._repr_html_()).text
    assert "= W (array 3)" in Page((W @ Tensor(np.ones(3)))._repr_html_()).text
    assert "5,000 elements from 1 to 1, mean 1" in Page(Tensor(np.ones(5000))._repr_html_()).text
    assert "no elements" in Page(Tensor(np.ones((0, 3)))._repr_html_()).text
    chain: Node = x
    for _ in range(1000):
        chain = chain * 1.5
    assert "= …·1.5" in Page(chain._repr_html_()).text


def test_notebooks_choose_among_all_formats() -> None:
    shown = explain(of_label("x"))
    assert shown._repr_html_() == shown.html()
    assert shown._repr_markdown_() == shown.markdown()
    assert shown._repr_latex_() == shown.latex()


# --- a terminal -----------------------------------------------------------------------------------


@views
@pytest.mark.parametrize("label", HOSTILE)
def test_a_terminal_shows_the_label_and_obeys_none(
    view: Callable[[Node], Tables], label: str
) -> None:
    file = io.StringIO()
    Console(file=file, width=500, force_terminal=True, color_system="truecolor").print(
        view(of_label(label))
    )
    text = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert notation.shortened(notation.visible(label).strip()) in text
    assert "\x1b" not in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_show_is_plain_text_except_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    shown = explain(of_label("x"))
    file, terminal = io.StringIO(), Terminal()
    shown.show(file)
    shown.show(terminal)
    assert file.getvalue() == f"{shown}\n"
    assert "\x1b[1m" in terminal.getvalue()


def test_show_prints_to_where_prints_go(capsys: pytest.CaptureFixture[str]) -> None:
    shown = explain(of_label("x"))
    shown.show()
    assert capsys.readouterr().out == f"{shown}\n"
