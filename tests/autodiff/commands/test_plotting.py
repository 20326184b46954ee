"""``autodiff plot``: the curves are the derivatives, and the figure shows them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from autodiff.commands import figure
from autodiff.commands.curves import Curves, sampled
from autodiff.commands.problem import Problem
from autodiff.commands.program import run
from autodiff.expressions import parse


def curves(text: str, start: float = -3.0, stop: float = 3.0, points: int = 301) -> Curves:
    problem = Problem(parse(text), {"x": start, **({"a": 2.0} if "a*" in text else {})})
    return sampled(problem, "x", start, stop, points)


def test_the_curves_are_the_function_and_its_derivatives() -> None:
    found = curves("sin(a*x)")
    x = found.x
    assert found.fixed == {"a": 2.0}
    assert (x[0], x[-1], len(x)) == (-3.0, 3.0, 301)
    expected = (np.sin(2 * x), 2 * np.cos(2 * x), -4 * np.sin(2 * x))
    for y, right in zip(found.orders, expected, strict=True):
        np.testing.assert_allclose(y, right, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "order", "zeros"),
    [
        ("x**3 - 3*x", 1, [-1, 1]),
        ("x**3 - 3*x", 2, [0]),
        ("sin(pi*x)", 2, [-2, -1, 0, 1, 2]),
        ("x**4", 2, []),  # touches, and does not cross
        ("abs(x - 0.1)", 1, []),  # jumps
        ("1/(x - 0.1)", 2, []),
        ("0*x", 1, []),
        ("log(x)", 1, []),
    ],
)
def test_zeros(text: str, order: int, zeros: list[float]) -> None:
    np.testing.assert_allclose(curves(text).zeros(order), zeros, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "interrupted"),
    [
        ("sin(30*x)", (0, 0, 0)),
        ("exp(3*x)", (0, 0, 0)),
        ("abs(x - 0.005)", (0, 1, 1)),
        ("(x - 0.005)*abs(x - 0.005)", (0, 0, 1)),
        ("floor(x + 0.005)", (6, 6, 6)),
        ("1/(x - 0.005)", (1, 1, 1)),
        ("tan(x)", (2, 2, 2)),
        ("1 if x < 0.3 else exp(x)", (1, 1, 1)),
        ("0*x + 1", (0, 0, 0)),
    ],
)
def test_curves_are_interrupted_where_they_jump(text: str, interrupted: tuple[int, ...]) -> None:
    assert tuple(int(np.isnan(y).sum()) for y in curves(text).orders) == interrupted


def test_a_function_that_is_not_defined_everywhere() -> None:
    found = curves("sqrt(x) + log(3 - x)")
    for y in found.orders:
        assert np.isnan(y[found.x < 0]).all()
        assert np.isfinite(y[(found.x > 0.1) & (found.x < 2.9)]).all()


def test_the_limits_leave_out_poles_and_keep_the_rest() -> None:
    low, high = figure._limits(curves("1/(x - 0.005)").orders[0])
    assert -50 < low < -3
    assert 3 < high < 50
    smooth = curves("x**2").orders[0]
    low, high = figure._limits(smooth)
    assert -1 < low < 0
    assert 9 < high < 10
    assert figure._limits(np.array([np.nan])) == (-1.0, 1.0)
    assert figure._limits(np.array([3.0, 3.0])) == (1.5, 4.5)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("sin(x)", "x=0:pi"), "plot.png"),
        (("tan(θ₁*x) + 日", "x=-2:2", "θ₁=2", "日=1", "-o", "f.svg", "--points", "100"), "f.svg"),
        (("sum(v*x) " + "+ x" * 40, "x=-2:2", "v=[1,2]", "-o", "f.pdf", "--points", "20"), "f.pdf"),
        (("log(x)", "x=-2:-1", "--points", "20", "-o", "f.PNG"), "f.PNG"),
    ],
)
def test_a_figure_is_written(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    path: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(["plot", *arguments]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{path}\n", "")
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    content = Path(path).read_bytes()
    assert content.startswith(starts[Path(path).suffix.lower()])
    assert run(["plot", *arguments]) == 0
    assert Path(path).read_bytes() == content  # the same command, the same file
