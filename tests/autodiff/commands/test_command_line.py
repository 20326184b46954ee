"""The command line: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff.commands import precision, program
from autodiff.commands.program import run
from autodiff.ops import special

ROOT = Path(__file__).parents[3]
F = "sin(θ*x1+x2)+θ*x2**2"
POINT = ("θ=0.5", "x1=2", "x2=3")


@pytest.fixture(autouse=True)
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In a folder of its own, and with a list in place of a browser."""
    pages: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(click, "launch", pages.append)
    return pages


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that succeeds prints."""
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """What a command that fails says."""
    assert run(arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("autodiff")
    return err


# --- grad -----------------------------------------------------------------------------------------


def f(v: dict[str, Any]) -> Any:
    return ad.sin(v["θ"] * v["x1"] + v["x2"]) + v["θ"] * v["x2"] ** 2


def test_grad_prints_value_and_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    value, gradient = ad.value_and_grad(f)({"θ": 0.5, "x1": 2.0, "x2": 3.0})
    assert printed(capsys, "grad", F, *POINT).splitlines() == [
        f"f = {F}",
        "",
        f"f       =  {value!r}",
        f"∂f/∂θ   =  {gradient['θ']!r}",
        f"∂f/∂x1  = {gradient['x1']!r}",
        f"∂f/∂x2  =  {gradient['x2']!r}",
    ]


def test_grad_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    point = {"θ": 0.5, "x1": 2.0, "x2": 3.0}
    found = json.loads(printed(capsys, "grad", F, *POINT, "--json", "--order", "2"))
    value, gradient = ad.value_and_grad(f)(point)
    assert found == {
        "expression": F,
        "value": value,
        "gradient": gradient,
        "hessian": ad.hessian(f)(point),
    }


def test_grad_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "grad", F, *POINT, "--json", "--wrt", "x2", "--wrt", "θ"))
    assert [*found["gradient"]] == ["x2", "θ"]


def test_the_hessian_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "grad", "x**2*y", "x=3", "y=-2", "--order", "2").splitlines()
    assert lines[-3:] == ["∂²f  ∂x  ∂y", "∂x   -4   6", "∂y    6   0"]


def test_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    text, v, w = "sum(softmax(v)*w)", [0.1, 0.2, 0.4], [1.0, -2.0, 3.0]
    arguments = ("grad", text, f"v={v}", f"w={w}", "--order", "2", "--json")
    found = json.loads(printed(capsys, *arguments))

    def function(v: Any) -> Any:
        return ad.sum(ad.softmax(v) * np.array(w))

    np.testing.assert_array_equal(found["gradient"]["v"], ad.grad(function)(np.array(v)))
    rows = [[found["hessian"][f"v[{i}]"][f"v[{j}]"] for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(rows, ad.hessian(function)(np.array(v)), rtol=1e-13, atol=1e-16)
    assert "∂f/∂v[2]" in printed(capsys, "grad", text, f"v={v}", f"w={w}")


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("-x**2", "x=3"), -9.0),
        (("-x", "x=3"), -3.0),
        (("-cos(x)", "--wrt", "x", "x=0"), -1.0),
        (("--", "-x", "x=3"), -3.0),
        (("-hypot(x, 4)", "x=3"), -5.0),
        (("-o*2", "o=3"), -6.0),
        (("x", "x=-pi/2"), -np.pi / 2),
        (("x", " x = 1e-3 "), 1e-3),
        (("x₁·2", "x₁=sqrt(4)"), 4.0),
        (("θ - ϑ", "θ=1", "ϑ=3"), -2.0),
        (("2*pi*e", "e=1"), 2 * np.pi),
        (("1+1",), 2.0),
        (("x if x > 0 else log(x)", "x=3"), 3.0),
        (("e\u0301", "\u00e9=1"), 1.0),
        (("1/x", "x=0"), "Infinity"),
        (("log(x)", "x=-1"), "NaN"),
        (("sum(log(v))", "v=[0,1]"), "-Infinity"),
    ],
)
def test_values(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], value: float | str
) -> None:
    assert json.loads(printed(capsys, "grad", "--json", *arguments))["value"] == value


# --- the views ------------------------------------------------------------------------------------


def test_explain_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = ad.Value(2.0, label="a"), ad.Value(3.0, label="b")
    f = a * b + a**2
    assert printed(capsys, "explain", "a*b + a**2", "a=2", "b=3") == f"{ad.explain(f)}\n"
    only_b = printed(capsys, "explain", "a*b + a**2", "a=2", "b=3", "--wrt", "b")
    assert only_b == f"{ad.explain(f, b)}\n"
    for style in ("markdown", "latex", "html"):
        text = printed(capsys, "explain", "a*b + a**2", "a=2", "b=3", "--format", style)
        assert text.rstrip() == getattr(ad.explain(f), style)().rstrip()


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "dot", "SVG"])
def test_draw_writes_a_picture(capsys: pytest.CaptureFixture[str], ending: str) -> None:
    assert printed(capsys, "draw", "x*sin(x)", "x=2", "-o", f"f.{ending}") == f"f.{ending}\n"
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}
    assert Path(f"f.{ending}").read_bytes().startswith(starts.get(ending, b"<?xml"))


def test_explore_writes_a_page_and_opens_it(
    capsys: pytest.CaptureFixture[str], opened: list[str]
) -> None:
    assert printed(capsys, "explore", "θ₁*sin(x)", "θ₁=2", "x=1") == "explore.html\n"
    assert not opened
    page = Path("explore.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert json.dumps("θ₁")[1:-1] in page
    printed(capsys, "explore", "x*x", "x=1", "-o", "other.html", "--open")
    assert opened == ["other.html"]


def test_draw_shows_the_adjoints(capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "draw", "θ₁**3", "θ₁=2", "--output", "f.dot", "--direction", "tb")
    text = Path("f.dot").read_text(encoding="utf-8")
    assert "t = 12" in text
    assert "rankdir=TB" in text
    assert "θ₁" in text
    assert printed(capsys, "draw", "2*v", "v=[1,2]") == "graph.svg\n"
    assert printed(capsys, "draw", "-x*2", "x=1", "-o-x.dot") == "-x.dot\n"
    assert printed(capsys, "draw", "-o", "-y.dot", "-x*2", "x=1") == "-y.dot\n"


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("grad", "x.real", "x=1"), "autodiff grad: error: a point is for numbers"),
        (("grad", "x*", "x=1"), "(column 3)\n  x*\n    ^\n"),
        (("grad", "x", "x=(1).real"), "the value of x: a point is for"),
        (("grad", "x", "x=q"), "the value of x: q has no value"),
        (("grad", "x", "x="), "the value of x: the expression is empty"),
        (("grad", "x", "x"), "NAME=VALUE, such as x=2, not 'x'"),
        (("grad", "x", "2x=1"), "NAME=VALUE"),
        (("grad", "x", "x=1", "x=2"), "x has two values"),
        (("grad", "x*y*z", "x=1"), "y, z have no value: add y=… z=…"),
        (("grad", "x", "x=1", "y=2"), "y is not in the expression, which has x"),
        (("grad", "x", "x=1:2"), "x must be a number here, not a range"),
        (("grad", "x", "x=[1,[2]]"), "same length"),
        (("grad", "x", "x=1", "--wrt", "y"), "--wrt y: there is no such name; known are x"),
        (("grad", "x", "x=1", "--order", "3"), "--order"),
        (("grad", "x", "x=1", "--jsom"), "--jsom"),
        (("grad",), "EXPRESSION"),
        (("frobnicate",), "frobnicate"),
        (("--frobnicate",), "--frobnicate"),
        (("explain", "x", "x=1", "--wrt", "y"), "known are x"),
        (("draw", "x", "x=1", "-o", "f.gif"), "must end in one of .svg, .png, .pdf"),
        (("draw", "x", "x=1", "--direction", "up"), "--direction"),
        (("plot", "x*y", "x=0:1"), "y has no value"),
        (("plot", "x", "x=3"), "one name needs a range, such as x=-3:3; found none"),
        (("plot", "x*y", "x=0:1", "y=0:1"), "found x, y"),
        (("plot", "x", "x=1:0"), "from a number to a larger one, not from 1 to 0"),
        (("plot", "x", "x=0:1/0"), "division by zero"),
        (("plot", "x", "x=0:[1]"), "must be a single number"),
        (("plot", "x", "x=0:1:2"), "not part of any expression"),
        (("plot", "x", "x=0:1", "-o", "f.dot"), "must end in one of .png, .svg, .pdf"),
    ],
)
def test_a_command_that_can_not_be_understood(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(capsys, 2, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("grad", "v", "v=[1,2]"), "autodiff: error: the expression gives an array of shape (2,)"),
        (("grad", "v+w", "v=[1,2]", "w=[1,2,3]"), "broadcast together with shapes (2,) (3,)"),
        (("grad", "x + 9**9**9", "x=1"), "too large"),
        (("grad", "x[0]", "x=1"), "only an array has elements"),
        (("explain", "1+1"), "it has no graph"),
        (("explain", "x if x>0 else y", "x=1", "y=1", "--wrt", "y"), "not computed from 'y'"),
        (("explain", "2*v", "v=[1,2]"), "seed"),
        (("draw", "x*x", "x=1", "-o", "nowhere/f.svg"), "the folder 'nowhere' does not exist"),
        (("plot", "x", "x=0:1", "-o", "nowhere/f.svg"), "nowhere"),
        (("plot", "v*x", "x=0:1", "v=[1,2]"), "array of shape (2,)"),
        (("check", "log(x)", "x=-1"), "the expression is nan here"),
    ],
)
def test_what_can_not_be_done(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(capsys, 1, *arguments)


def test_a_message_is_one_line_and_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(refused(capsys, 2, "grad", "x", "y=2").splitlines()) == 1
    assert len(refused(capsys, 2, "grad", "x + $", "x=2").splitlines()) == 3
    assert "\x1b" not in refused(capsys, 2, "grad", "\x1b[31mx", "\x1b[0m=2")


def test_a_library_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    precision.functions.cache_clear()
    message = refused(capsys, 1, "check", "sin(x)", "x=1")
    assert "this needs mpmath, which is not installed: pip install mpmath" in message


def test_scipy_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    special._library.cache_clear()
    assert "computed by SciPy, which is not installed" in refused(capsys, 1, "grad", "j1(x)", "x=1")


WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["x", "-x", "x=1", "x=[1,2]", "x=1:2", "sin(x)", "--wrt", "--order", "2", "--",
                     "--json", "θ=", "=1", "x==2", "-", "1/0", "x[0]", "sum(x)", "\udc80=1"]),
)  # fmt: skip


@settings(max_examples=200, deadline=2000)
@given(st.sampled_from(["grad", "explain", "check"]), st.lists(WORDS, max_size=5))
def test_whatever_is_typed_ends_with_a_code(command: str, words: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run([command, *words])
    assert status in (0, 1, 2)
    if status == 0:
        assert err.getvalue() == ""
    if status == 2:
        assert out.getvalue() == ""
        assert re.match(f"autodiff( {command})?: error: .", err.getvalue())


# --- help, version, completion --------------------------------------------------------------------


def test_help_has_examples_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys) == printed(capsys, "--help") == printed(capsys, "-h")
    for command in program.COMMANDS:
        assert command.name is not None
        text = printed(capsys, command.name, "--help")
        examples = [line.strip() for line in text.splitlines() if line.startswith("    autodiff ")]
        examples += [line[2:] for line in text.splitlines() if line.startswith("  autodiff ")]
        assert len(examples) >= 2
        for example in examples:
            printed(capsys, *shlex.split(example)[1:])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--version") == f"autodiff {ad.__version__}\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("autodiff ", {"grad", "explain", "draw", "explore", "check", "plot"}),
        ("autodiff grad --o", {"--order"}),
        ("autodiff grad 'sin(θ*x1)+pi+x2' ", {"θ=", "x1=", "x2="}),
        ("autodiff grad 'sin(θ*x1)+x2' x1=3 x", {"x2="}),
        ("autodiff grad 'sin(' ", set()),
    ],
)
def test_completion(words: str, offered: set[str]) -> None:
    environment = {
        "_AUTODIFF_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    result = CliRunner().invoke(program.program, prog_name="autodiff", env=environment)
    assert {line.partition(",")[2] for line in result.stdout.split()} == offered


# --- as a process ---------------------------------------------------------------------------------


def process(
    *arguments: str, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autodiff", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )


def test_as_a_program() -> None:
    done = process("grad", "θ**2", "θ=3", environment={"PYTHONIOENCODING": "utf-8"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "∂f/∂θ  =  6.0" in done.stdout
    done = process("grad", "θ**2")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_terminal_without_greek_letters() -> None:
    done = process("grad", "θ**2", "θ=3", environment={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2202f/\\u2202\\u03b8  =  6.0" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes of another kind")
def test_a_reader_who_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m autodiff explain 'x**2' x=3 | true"
    done = subprocess.run(
        command, shell=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(("no_color", "colours"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(no_color: str, colours: bool) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "autodiff", "grad", "x"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": no_color},
        stderr=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    assert done.returncode == 2
    assert (b"\x1b[" in os.read(ours, 10_000)) == colours
    os.close(ours)


def test_the_command_line_does_not_load_what_it_does_not_need() -> None:
    code = (
        "import sys; from autodiff.commands.program import run; run(['grad', 'x*x', 'x=2']);"
        "print(sorted({'matplotlib', 'mpmath', 'scipy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
