"""A graph of Graphviz that can be written and shown with whichever engine is at hand."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import graphviz  # type: ignore[import-untyped]

from autodiff.view.rendering import picture, render

PICTURES = (".svg", ".png", ".pdf")
_RASTERS = ("png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp")
_OPTIONS = ("renderer", "formatter", "neato_no_op")  # of Graphviz's own program only


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A ``graphviz.Digraph`` whose pictures need no ``dot`` on the PATH.

    ``write``, and ``save`` and ``render`` given the name of a picture, go by the ending of the
    name: SVG, PNG, PDF, or DOT. All else is as ``graphviz`` has it.

    Example:
        >>> from autodiff import Value, draw
        >>> x = Value(3.0, label="x")
        >>> draw(x * x).write("square.svg")  # doctest: +SKIP
        PosixPath('square.svg')
    """

    def write(self, path: str | os.PathLike[str], *, dpi: int = 144) -> Path:
        """Write a picture, or the DOT text, by the ending of ``path``: see ``render``.

        A PNG gets a white background, as many programs show a transparent one as black; the other
        formats have none and fit a light and a dark page.
        """
        form = Path(path).suffix.lower().removeprefix(".")
        return render(self._source_for(form), path, engine=self.engine, dpi=dpi)

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write a picture if ``filename`` ends like one, else the DOT text.

        Folders that aren't there are made, as ``graphviz`` does.

        Returns:
            the path written.
        """
        if not _is_picture(filename):
            path: str = super().save(filename, directory=directory, skip_existing=skip_existing)
            return path
        target = self._target(filename, directory)
        if skip_existing and target.exists():
            return str(target)
        return str(self.write(target))

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        **options: Any,
    ) -> str:
        """Draw, as ``graphviz.Digraph.render`` does.

        Args:
            filename: of the picture, if it ends in .svg, .png or .pdf; else of the DOT text, which
                is written too, and then the picture's name has the format behind it.
            directory: the folder.
            view: whether to open the picture.
            cleanup: whether to remove the DOT text again.
            format: of the picture, any that Graphviz knows.
            outfile: the name of the picture.
            engine: the layout: "dot", "neato" ...
            options: others of ``graphviz``; some need its own program.

        Returns:
            the path of the picture.

        Raises:
            RenderError: the engine refused, or there is none.
        """
        if any(options.get(name) is not None for name in _OPTIONS):
            options |= {"directory": directory, "view": view, "cleanup": cleanup, "format": format}
            return str(super().render(filename, outfile=outfile, engine=engine, **options))
        if outfile is None and format is None and _is_picture(filename):
            filename, outfile = None, filename
        source = None
        if outfile is None or filename is not None:
            source = self.save(filename, directory)
        if outfile is None:
            format = format or self.format
            target = Path(f"{source}.{format}")
        else:
            target = self._target(outfile, directory)
            format = format or target.suffix.lower().removeprefix(".") or self.format
        if options.get("raise_if_result_exists") and target.exists():
            raise graphviz.FileExistsError(f"output file exists: {str(target)!r}")
        target.write_bytes(self._picture(format, engine))
        if cleanup and source is not None:
            Path(source).unlink()
        if view or options.get("quiet_view"):
            graphviz.view(target, quiet=options.get("quiet_view", False))
        return str(target)

    def pipe(
        self,
        format: str | None = None,
        *,
        engine: str | None = None,
        encoding: str | None = None,
        **options: Any,
    ) -> bytes | str:
        """The picture itself, as ``graphviz.Digraph.pipe`` gives it.

        Args:
            format: any that Graphviz knows; ``self.format`` if None.
            engine: the layout: "dot", "neato" ...
            encoding: of a text such as SVG; bytes are returned if None.
            options: others of ``graphviz``; some need its own program.

        Raises:
            RenderError: the engine refused, or there is none.
        """
        if any(options.get(name) is not None for name in _OPTIONS):
            piped: bytes | str = super().pipe(format, engine=engine, encoding=encoding, **options)
            return piped
        drawn = self._picture(format or self.format, engine)
        return drawn if encoding is None else drawn.decode(encoding)

    def _picture(self, form: str, engine: str | None) -> bytes:
        return picture(self._source_for(form), form, engine=engine or self.engine)

    def _source_for(self, form: str) -> str:
        drawing = self
        if form in _RASTERS:
            drawing = self.copy()
            drawing.graph_attr["bgcolor"] = "white"
        return str(drawing.source)

    def _target(self, filename: Any, directory: str | os.PathLike[str] | None) -> Path:
        target = Path(self.directory if directory is None else directory, filename)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, str]:
        """How a notebook shows the drawing: as SVG, or as DOT text where there is no engine."""
        with TemporaryDirectory() as folder:
            written = self.write(Path(folder) / "drawing.svg")
            kind = "image/svg+xml" if written.suffix == ".svg" else "text/plain"
            return {kind: written.read_text(encoding="utf-8")}


def _is_picture(filename: str | os.PathLike[str] | None) -> bool:
    return filename is not None and Path(filename).suffix.lower() in PICTURES
