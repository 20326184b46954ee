"""The pictures of textbooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from examples import gallery

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n"


def test_every_picture_is_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.gallery", str(tmp_path / "new")],
        cwd=ROOT, check=True, capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    names = {f"{name}.{kind}" for name in gallery.PICTURES for kind in ("svg", "png")}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names
    assert all(name in done.stdout for name in names)
    assert all(path.read_bytes().startswith(PNG) for path in tmp_path.glob("new/*.png"))


def test_dense_against_sparse() -> None:
    arrows = [line.split("[")[0].split() for line in gallery.convolutional().source.splitlines()
              if "->" in line]  # fmt: skip
    of_units = [arrow for arrow in arrows if arrow[0].startswith("u")]
    of_weights = [arrow for arrow in arrows if arrow[0].startswith("w")]
    assert len(of_units) == 6 * 3 + 6 + 3 * 3 + 3  # convolution, pooling, dense, output
    assert len(of_weights) == 6 * 3 + 3 * 3 + 3
    users = [sum(arrow[0] == f"w{i}" for arrow in of_weights) for i in range(1, 16)]
    assert users == [6] * 3 + [1] * 12  # a filter is shared, dense weights are not


@pytest.mark.parametrize("name", ["fully-connected", "convolutional", "lenet"])
def test_the_pictures_of_the_documentation(name: str) -> None:
    """When they change, ``gallery.PICTURES[name]().write(...)`` draws them anew."""
    svg = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
    drawn = gallery.PICTURES[name]().pipe("svg", encoding="utf-8")
    assert isinstance(drawn, str)
    assert svg.count("<g ") == drawn.count("<g ")
