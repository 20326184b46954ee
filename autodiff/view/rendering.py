"""Turn DOT text into a picture file, with whichever Graphviz is at hand.

Two engines can draw, tried in this order:

1. Graphviz's own ``dot`` program, when it is on the ``PATH``;
2. the Graphviz libraries bundled in the ``pygraphviz`` wheel, which need no program at all.

Both run as a child process that reads DOT and answers with the picture, so that they share one
contract. For the bundled libraries this also means that a long layout can be interrupted, that a
crash in native code cannot take this interpreter down, that their messages (which they print
straight to the C-level standard error) can be caught, and that nothing is imported until a
picture is really asked for.
"""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

_TEXT_SUFFIXES = (".dot", ".gv")
_PICTURE_SUFFIXES = (".svg", ".png", ".pdf")

# Characters that XML forbids outright: the engines copy them into an SVG, which no viewer would
# then open. A lone surrogate could not even be encoded.
_UNDRAWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

# What the child process for the bundled engine runs: DOT on standard input, picture on standard
# output, exit status ``_UNIMPORTABLE`` when there is no engine after all.
_UNIMPORTABLE = 77
_BUNDLED_SCRIPT = f"""
import sys
folder, engine, form, options = sys.argv[1:]
sys.path.append(folder)
try:
    from pygraphviz import AGraph
except Exception as error:
    print(error, file=sys.stderr)
    sys.exit({_UNIMPORTABLE})
try:
    graph = AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
    picture = graph.draw(format=form, prog=engine, args=options)
except Exception as error:
    sys.exit(f"Error: {{error}}")
sys.stdout.buffer.write(picture)
"""


_REMEDY = (
    'To get an engine, run `pip install "pygraphviz>=2.0"`, or install Graphviz so that `dot` is '
    "on the PATH"
)


class RenderError(RuntimeError):
    """The Graphviz engine could not draw the DOT text."""


class _NoEngineError(RenderError):
    """There is nothing that could draw."""


class RenderWarning(UserWarning):
    """The picture is not what was asked for: no engine was found, or it had to be shrunk."""


def render(
    source: str, path: str | os.PathLike[str], *, engine: str = "dot", dpi: int = 144
) -> Path:
    """Write DOT text as a picture, or as it is, by the ending of ``path``.

    The file appears whole or not at all: whatever fails, an older file at ``path`` stays as it was.
    Characters that no picture can hold (control characters and the like) become U+FFFD.

    Args:
        source: A graph in the DOT language.
        path: Where to write. ``.svg``, ``.png`` and ``.pdf`` are drawn; ``.dot`` and ``.gv`` hold
            the DOT text itself and need no engine. Upper and lower case are the same.
        engine: The Graphviz layout to use: ``"dot"`` for layers, or ``"neato"``, ``"circo"``, ...
        dpi: Dots per inch of a PNG; the other formats have no resolution. It takes precedence
            over a ``dpi`` in the DOT text.

    Returns:
        The path written: ``path``, or the same with ``.dot`` behind it when no engine was found.

    Raises:
        ValueError: The ending of ``path`` is not one of the five, or ``dpi`` is not positive.
        FileNotFoundError: The folder of ``path`` does not exist.
        RenderError: The engine refused the DOT text; the message is the engine's own.

    Warns:
        RenderWarning: No engine was found, so the DOT text was written instead; or the picture
            was too large for a PNG and has been scaled down.

    Example:
        >>> render("digraph { x -> y }", "graph.svg")  # doctest: +SKIP
        PosixPath('graph.svg')
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in _PICTURE_SUFFIXES + _TEXT_SUFFIXES:
        supported = ", ".join(_PICTURE_SUFFIXES + _TEXT_SUFFIXES)
        raise ValueError(
            f"cannot tell the format of {str(target)!r} from its ending {target.suffix!r}; "
            f"supported endings: {supported}"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist"
        )
    if dpi <= 0:
        raise ValueError(f"dpi must be positive, got {dpi}")

    text = _UNDRAWABLE.sub("\ufffd", source).encode()
    if suffix in _TEXT_SUFFIXES:
        replace_file(target, text)
        return target

    form = suffix.removeprefix(".")
    options = f"-Gdpi={dpi}" if form == "png" else ""
    try:
        drawn, message = _drawn(text, form, engine, options, repr(str(target)))
    except _NoEngineError as fault:
        return _fall_back(target, text, str(fault))
    if "too large" in message:
        warnings.warn(
            f"{str(target)!r} was scaled down, as the graph is too large for a PNG at {dpi} dpi; "
            "write an SVG or PDF, or lower the dpi",
            RenderWarning,
            stacklevel=2,
        )
    replace_file(target, drawn)
    return target


def picture(source: str, form: str, *, engine: str = "dot", dpi: int | None = None) -> bytes:
    """DOT text as a picture, in any format that Graphviz knows ("svg", "png", "json", ...).

    Args:
        source: as for ``render``.
        form: the format.
        engine: as for ``render``.
        dpi: dots per inch; Graphviz's own choice if None.

    Raises:
        RenderError: the engine refused the DOT text or the format, or there is no engine.
    """
    text = _UNDRAWABLE.sub("\ufffd", source).encode()
    try:
        return _drawn(text, form, engine, "" if dpi is None else f"-Gdpi={dpi}", f"as {form}")[0]
    except _NoEngineError as fault:
        raise RenderError(f"no Graphviz engine was found{fault}. {_REMEDY}") from None


def _drawn(text: bytes, form: str, engine: str, options: str, what: str) -> tuple[bytes, str]:
    """The picture, and what the engine has to say about it.

    Raises:
        _NoEngineError: there is none; the message may say why.
    """
    command = _system_command(engine, form, options) or _bundled_command(engine, form, options)
    if command is None:
        raise _NoEngineError("")
    status, drawn, message = _run(command, text, what)
    if status == _UNIMPORTABLE:
        raise _NoEngineError(f" (pygraphviz is installed but fails to load: {message})")
    # An engine can also fail softly: the bundled one draws a node without its malformed label and
    # only says "Error:", and either one answers an empty input with an empty file.
    if status != 0 or not drawn or re.search(r"^Error:", message, re.MULTILINE):
        reason = message or f"no picture and no message (exit status {status})"
        raise RenderError(f"Graphviz could not draw {what}: {reason}")
    return drawn, message


def _system_command(engine: str, form: str, options: str) -> list[str] | None:
    """The command line that draws with the ``dot`` on the PATH, if there is one."""
    program = shutil.which("dot")
    if program is None:
        return None
    return [program, f"-K{engine}", f"-T{form}", *options.split()]


def _bundled_command(engine: str, form: str, options: str) -> list[str] | None:
    """The command line that draws with the Graphviz inside pygraphviz, if it is installed."""
    # In a frozen application ``sys.executable`` is the application itself, not an interpreter.
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    spec = importlib.util.find_spec("pygraphviz")
    if spec is None or spec.origin is None:
        return None
    # The child sees the standard library and pygraphviz's folder only (-I -S): it starts faster,
    # and a stray module in the working directory cannot get in the way.
    folder = str(Path(spec.origin).parent.parent)
    return [sys.executable, "-I", "-S", "-c", _BUNDLED_SCRIPT, folder, engine, form, options]


def _run(command: list[str], text: bytes, what: str) -> tuple[int, bytes, str]:
    """Feed the DOT text to an engine; returns its exit status, its picture and its messages."""
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            check=False,
            # Windows only: do not flash a console window.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise RenderError(
            f"Graphviz could not draw {what}: {command[0]!r} does not start: {error}"
        ) from error
    lines = done.stderr.decode(errors="replace").splitlines()
    # Fontconfig grumbles about configuration files newer than itself; that is no one's concern.
    message = "\n".join(line for line in lines if not line.startswith("Fontconfig ")).strip()
    return done.returncode, done.stdout, message


def _fall_back(target: Path, text: bytes, reason: str) -> Path:
    """Write the DOT text next to where the picture would have been, and says so."""
    written = target.with_name(f"{target.name}.dot")
    replace_file(written, text)
    warnings.warn(
        f"no Graphviz engine was found{reason}, so {str(target)!r} was not drawn; "
        f"its DOT text is in {str(written)!r}. {_REMEDY}",
        RenderWarning,
        stacklevel=3,
    )
    return written


def replace_file(target: Path, content: bytes) -> None:
    """Put ``content`` at ``target`` in one step, so that no reader ever sees half a file."""
    # Same folder, hence same file system, or the replacement would not be atomic. The ``tempfile``
    # module is no help here: its files are private to the user, and would stay so when renamed.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
