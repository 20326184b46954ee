"""Every code block of the README and of the docs runs, and prints what it is said to print."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import shlex
from pathlib import Path

import pytest

from autodiff.commands.program import run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_CODE = {
    "README.md": 7,
    "transforms.md": 8,
    "courses.md": 3,
    "command_line.md": 8,
    "views.md": 4,
}  # and how many blocks at least
NUMBER = re.compile(r"-?\d+\.\d+")
BLOCK = re.compile(r"```(python|sh)\n(.*?)```(?:\s*```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_print_what_they_say(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # for the files that they write
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert len(blocks) >= WITH_CODE.get(page.name, 0)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for language, code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            if language == "sh":
                run_commands(code)
            else:
                exec(compile(code, file_of(code) or page.name, "exec"), namespace)
        assert tokens(printed.getvalue()) == tokens(expected)


def run_commands(lines: str) -> None:
    """Run the lines of a block that call the command line; the others are of the shell's own."""
    for line in lines.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "autodiff"
        run(arguments)


def file_of(code: str) -> str | None:
    """The file that a block says it stands in, which messages about its lines then find."""
    named = re.match(r"# (\w+\.py)\n", code)
    if named is None:
        return None
    linecache.cache[named[1]] = (len(code), None, code.splitlines(keepends=True), named[1])
    return named[1]


def tokens(text: str) -> list[object]:
    """The numbers of a text, whose last digits differ between machines, and what is between."""
    return [
        pytest.approx(float(part), rel=1e-9) if NUMBER.fullmatch(part) else part
        for part in re.split(f"({NUMBER.pattern})", text)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert links or page.name != "README.md"
    for link in links:
        assert link.startswith("https://") or (page.parent / link).exists(), link
