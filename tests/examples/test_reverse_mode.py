"""Reverse mode by hand: the schedule of an expression, and backpropagation as the same walk."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autodiff as ad
from examples import reverse_mode
from examples.by_hand import largest_difference

ROOT = Path(__file__).parents[2]
POINTS = [(0.5, 2.0, 3.0), (1.0, 0.5, -2.0), (-3.0, 1.5, 0.25), (0.0, 0.0, 0.0)]


def value(θ: float, x1: float, x2: float) -> float:
    return math.sin(θ * x1 + x2) + θ * x2**2


@pytest.mark.parametrize("at", POINTS)
def test_every_adjoint_is_the_derivative_by_hand(at: tuple[float, float, float]) -> None:
    f = reverse_mode.expression(at)
    assert f.data == value(*at)
    steps = reverse_mode.schedule(f, at)
    for step in steps:
        assert step.adjoint == pytest.approx(step.by_hand, rel=1e-15, abs=1e-15)
    adjoints = {step.name: step.adjoint for step in steps}
    for k, name in enumerate(("θ", "x1", "x2")):
        sides = [value(*(x + h * (i == k) for i, x in enumerate(at))) for h in (1e-6, -1e-6)]
        assert adjoints[name] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


def test_a_node_comes_after_all_its_children() -> None:
    f = reverse_mode.expression()
    rows = ad.explain(f).reverse
    order = [row.entry.name for row in rows]
    assert order[0] == "f"
    assert set(order) == {"f", "s", "r", "q", "v", "u", "θ", "x1", "x2"}
    for row in rows:
        for term in row.terms:
            assert order.index(term.child) < order.index(row.entry.name)
    terms = {step.name: step.terms for step in reverse_mode.schedule(f)}
    assert terms["θ"] == "q·t_r + x1·t_u"
    assert terms["x2"] == "2·x2·t_q + t_v"


@pytest.mark.parametrize("widths", [(2, 3, 2, 1), (1, 1, 1, 1), (4, 5, 3, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_backpropagation_is_the_walk(widths: tuple[int, ...], seed: int) -> None:
    network = reverse_mode.random_network(seed, widths)
    found = reverse_mode.adjoints(ad.explain(reverse_mode.error_of(network)))
    hand = reverse_mode.backpropagated(network)
    assert hand.keys() == {f"{letter}{k}" for letter in "abW" for k in (1, 2, 3)}
    assert largest_difference({name: found[name] for name in hand}, hand) < 1e-15
    order = [name for name in found if name[0] == "a"]
    assert order == ["a3", "a2", "a1"]


def test_every_step_of_the_walk_has_its_line_of_the_recipe() -> None:
    network = reverse_mode.random_network()
    lines = {
        name: reverse_mode.line_of_recipe(name, 3)
        for name in reverse_mode.adjoints(ad.explain(reverse_mode.error_of(network)))
    }
    assert lines["W1"] == "dE/dW1 = δ1 · xᵀ"
    assert lines["W3"] == "dE/dW3 = δ3 · h2ᵀ"
    assert lines["h2"].startswith("W3ᵀ·δ3")
    assert lines["a2"] == "δ2 = t_h2 ⊙ h2 ⊙ (1 - h2)"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.reverse_mode", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_report_and_the_drawings(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    done = run(str(folder), "--at", "1", "0.5", "-2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "At θ = 1, x1 = 0.5, x2 = -2" in done.stdout
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{kind}" for name in ("expression", "network") for kind in ("svg", "png")
    }
    words = list(ElementTree.parse(folder / "network.svg").getroot().itertext())
    assert any("sigmoid" in word for word in words)
    differences = [line.split()[-1].rstrip(".") for line in done.stdout.splitlines()
                   if line.startswith("Largest difference")]  # fmt: skip
    assert [float(number) < 1e-14 for number in differences] == [True, True]


def test_without_a_folder_nothing_is_written() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Name a folder on the command line, and they are written there.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--at", "1", "2"), 2, "expected 3 arguments"),
        (("--at", "1", "2", "inf"), 2, "f is no finite number at 1.0 2.0 inf"),
        (("--at", "1", "1e200", "1e200"), 2, "f is no finite number"),
        (("--seed", "-2"), 2, "--seed is never negative, got -2"),
        (("Makefile",), 1, "Makefile"),
    ],
)
def test_a_wrong_command_line_is_explained(
    arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = run(*arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
