"""Every code block of the README and of the docs runs, and prints what it is said to print."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_CODE = {"README.md": 7, "transforms.md": 7, "courses.md": 3}  # and how many blocks at least
NUMBER = re.compile(r"-?\d+\.\d+")
BLOCK = re.compile(r"```python\n(.*?)```(?:\s*```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_print_what_they_say(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # for the files that they write
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert len(blocks) >= WITH_CODE.get(page.name, 0)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, file_of(code) or page.name, "exec"), namespace)
        assert tokens(printed.getvalue()) == tokens(expected)


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
