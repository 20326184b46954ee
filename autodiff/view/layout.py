"""How a view in tables is laid out: as plain text, in a terminal, as Markdown and as HTML.

A view says what stands in its tables, in a given style of writing; what a table looks like in each
format is said here, once for all of them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, TextIO

from autodiff.view import notation

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Style:
    """How names and formulas are written.

    Attributes:
        title: the name of a node, which may be any text.
        name: the same as part of a formula.
        rest: makes everything else harmless.
        adjoint: the adjoint of a node, from its name.
    """

    title: Callable[[str], str]
    name: Callable[[str], str]
    rest: Callable[[str], str]
    adjoint: Callable[[str], str]


def _plain_name(name: str) -> str:
    return notation.atom(notation.shortened(name))


def _html_title(name: str) -> str:
    # Isolated, so that a name written from right to left leaves the formula in order.
    return f"<bdi>{escape(notation.subscripted(notation.shortened(name)))}</bdi>"


def _html_name(name: str) -> str:
    title = _html_title(name)
    return title if notation.atom(name) == name else f"({title})"


PLAIN = Style(notation.shortened, _plain_name, str, lambda name: f"t_{_plain_name(name)}")
HTML = Style(
    _html_title,
    _html_name,
    lambda text: escape(text, quote=False),
    lambda name: f"<i>t</i><sub>{_html_title(name)}</sub>",
)


@dataclass(frozen=True)
class Section:
    """One table, with what stands above and below it.

    Attributes:
        title: its heading.
        header: what is in its columns.
        rows: its cells. An empty first cell goes on with the row before.
        rule: what the table follows, beside the heading; plain text.
        above: lines between heading and table.
        below: lines behind the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    rule: str = ""
    above: Sequence[str] = field(default=())
    below: Sequence[str] = field(default=())


def _without_empty_columns(section: Section) -> Section:
    kept = [i for i, column in enumerate(zip(*section.rows, strict=True)) if any(column)]
    return replace(
        section,
        header=[section.header[i] for i in kept if section.header],
        rows=[[row[i] for i in kept] for row in section.rows],
    )


class Tables:
    """What shows itself as tables; printed, as aligned text."""

    def sections(self, style: Style) -> Sequence[Section]:
        """The tables, written in a style."""
        raise NotImplementedError

    def latex(self) -> str:
        """The same as LaTeX; it needs the package ``amsmath``."""
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n\n".join("\n".join(_plain(section)) for section in self.sections(PLAIN))

    def __repr__(self) -> str:
        return str(self)  # at a prompt, the table is what one wants to see

    def show(self, file: TextIO | None = None) -> None:
        """Print it: in colour, and folded to its width, if ``file`` is a terminal.

        Args:
            file: where to; standard output if not given.
        """
        from rich.console import Console

        console = Console(file=file)
        if console.is_terminal:
            console.print(self)
        else:
            print(self, file=sys.stdout if file is None else file)

    def markdown(self) -> str:
        """The same as Markdown, with tables as GitHub and notebooks know them."""
        return "\n\n".join(_markdown(section) for section in self.sections(PLAIN)) + "\n"

    def html(self) -> str:
        """The same as a piece of a page, which takes on its font and its colours."""
        return html(self.sections(HTML))

    def __rich_console__(self, *_: object) -> Iterator[RenderableType]:
        for i, section in enumerate(self.sections(PLAIN)):
            if i:
                yield ""
            yield from _rich(section)

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        return self.latex()


# --- plain text -----------------------------------------------------------------------------------


def _plain(section: Section) -> Iterator[str]:
    yield f"{section.title}   {section.rule}" if section.rule else section.title
    for line in section.above:
        yield f"  {line}"
    if section.rows:
        widths = [max(map(notation.width, column)) for column in zip(*section.rows, strict=True)]
        for row in section.rows:
            yield "  " + "  ".join(map(notation.padded, row, widths)).rstrip()
    for line in section.below:
        yield f"  {line}"


# --- a terminal -----------------------------------------------------------------------------------


def _rich(section: Section) -> Iterator[RenderableType]:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    section = _without_empty_columns(section)
    yield Text.assemble((section.title, "bold"), "   ", (section.rule, "dim"))
    for line in section.above:
        yield Text(f"  {line}")
    if section.rows:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
        for i, title in enumerate(section.header):
            styles = {0: "bold", len(section.header) - 1: "bold cyan"}
            table.add_column(Text(title), style=styles.get(i), overflow="fold")
        for row in section.rows:
            table.add_row(*map(Text, row))
        yield table
    for line in section.below:
        yield Text(f"  {line}")


# --- Markdown -------------------------------------------------------------------------------------

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~$&]")


def _escaped(text: str) -> str:
    """Text of which nothing has a meaning in Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _markdown(section: Section) -> str:
    section = _without_empty_columns(section)
    title = f"**{_escaped(section.title)}**"
    blocks = [f"{title} {_escaped(section.rule)}" if section.rule else title]
    blocks += map(_escaped, section.above)
    if section.rows:
        lines = [list(section.header), ["---"] * len(section.header)]
        lines += [[_escaped(cell) for cell in row] for row in section.rows]
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    blocks += map(_escaped, section.below)
    return "\n\n".join(blocks)


# --- HTML -----------------------------------------------------------------------------------------

_STYLE_SHEET = """<style>
.autodiff-tables {overflow-x: auto; line-height: 1.5}
.autodiff-tables table {border-collapse: collapse; margin: 0.4em 0 1.2em; color: inherit}
.autodiff-tables caption {text-align: left; padding: 0.3em 0; color: inherit; caption-side: top;
  white-space: nowrap}
.autodiff-tables caption strong {margin-right: 1em}
.autodiff-tables th, .autodiff-tables td {text-align: left; padding: 0.15em 1.1em 0.15em 0;
  white-space: nowrap; vertical-align: baseline; background: none; color: inherit;
  font-variant-numeric: tabular-nums}
.autodiff-tables thead th {border-bottom: 1px solid; font-weight: normal; opacity: 0.75}
.autodiff-tables tbody tr.first > * {border-top: 1px solid rgba(128, 128, 128, 0.35)}
.autodiff-tables tbody th {font-weight: 600}
.autodiff-tables thead + tbody td:last-child {font-weight: 600}
.autodiff-tables pre {margin: 0; background: none; color: inherit}
.autodiff-tables sub {line-height: 0}
.autodiff-tables p {margin: 0.2em 0}
</style>"""


_INDEXED = re.compile(r"\b([tf])_([cn])\b")


def html(sections: Iterable[Section]) -> str:
    """Tables whose cells are HTML, as a piece of a page."""
    tables = "".join(map(_html, sections))
    return f'<div class="autodiff-tables">{_STYLE_SHEET}{tables}</div>\n'


def _html(section: Section) -> str:
    section = _without_empty_columns(section)
    rule = _INDEXED.sub(r"<i>\1</i><sub>\2</sub>", escape(section.rule))
    rule = f" <span>{rule}</span>" if rule else ""
    above = "".join(f"<p>{line}</p>" for line in section.above)
    below = "".join(f"<p>{line}</p>" for line in section.below)
    heading = f"<strong>{section.title}</strong>{rule}{above}"
    if not section.rows:
        return f"{heading}{below}"
    titles = "".join(f'<th scope="col">{title}</th>' for title in section.header)
    head = f"<thead><tr>{titles}</tr></thead>" if titles else ""
    rows = "".join(map(_html_row, section.rows))
    return f"<table><caption>{heading}</caption>{head}<tbody>{rows}</tbody></table>{below}"


def _html_row(row: Sequence[str]) -> str:
    first, *cells = row
    head = f'<th scope="row">{first}</th>' if first else "<td></td>"
    start = '<tr class="first">' if first else "<tr>"
    return f"{start}{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
