"""Write a page on which a person steps through the forward and the reverse pass of a graph."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from autodiff.graph import Node
from autodiff.view.page_content import page_content
from autodiff.view.rendering import replace_file

_SCRIPTS = ("drawing.js", "folding.js", "passes.js", "page.js")


def explore(
    node: Node,
    path: str | os.PathLike[str],
    *,
    seed: Any = None,
    direction: str = "LR",
    limit: int = 500,
) -> Path:
    """Write a web page on which one can step through the computation of ``node`` and its adjoints.

    The page is one file that needs no network and no server. It shows the graph; buttons, a slider
    and the arrow keys go forward and back through the forward pass and the reverse ancestral
    schedule. Arrays have small pictures, their adjoints are heat maps. Nothing in the graph is
    changed, and ``backward()`` need not have been called.

    Args:
        node: the output.
        path: where to write, a file whose name ends in ``.html`` or ``.htm``.
        seed: the adjoint of the output; may be left out for a single number, where it is 1.
        direction: where the arrows point: "LR" (left to right), "RL", "TB" (top to bottom), "BT".
        limit: how many nodes to show; of a larger graph the last ones, and one box for the others.

    Returns:
        the path written.

    Raises:
        TypeError: ``node`` is no node, or one of integers.
        ValueError: there is no such direction; ``limit`` is less than 1; the path has another
            ending; a seed is needed or has the wrong shape; or a leaf got new data after the graph
            had been computed from it.
        FileNotFoundError: the folder of ``path`` does not exist.
        RenderError: there is no Graphviz that can place the boxes.

    Example:
        >>> from autodiff import Value, sin
        >>> x = Value(2.0, label="x")
        >>> explore(x * sin(x), "page.html")  # doctest: +SKIP
        PosixPath('page.html')
    """
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"explore writes a web page, a file ending in .html; got {str(target)!r}")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist"
        )
    if direction not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"direction must be 'LR', 'RL', 'TB' or 'BT', got {direction!r}")
    content = page_content(node, seed=seed, direction=direction, limit=limit)
    replace_file(target, _page(content).encode())
    return target


def _page(content: Any) -> str:
    """The page in one piece; its policy lets the browser run this script and load nothing."""
    folder = files("autodiff.view").joinpath("page")
    text = {
        name: folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", *_SCRIPTS)
    }
    style = text["page.css"]
    script = "\n".join(text[name] for name in _SCRIPTS)
    page = text["page.html"]
    for mark, piece in (
        ("@STYLE-HASH@", _hash(style)),
        ("@SCRIPT-HASH@", _hash(script)),
        ("@STYLE@", style),
        ("@SCRIPT@", script),
        ("@CONTENT@", _json(content)),  # last: no label is searched for marks
    ):
        page = page.replace(mark, piece)
    return page


def _json(content: Any) -> str:
    """JSON that ends no script element, whatever texts are in it."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))  # all in ASCII
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
