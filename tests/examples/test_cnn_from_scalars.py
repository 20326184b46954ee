"""Networks of single numbers: the gradients of the arrays, and every unit in the drawing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import autodiff as ad
from autodiff import Value
from autodiff.view.notation import number, subscripted
from autodiff.view.units import connections
from examples import cnn_from_scalars
from examples.by_hand import largest_difference
from examples.mini_network import POOLINGS, Pooling, by_formula, random_numbers
from examples.scalar_networks import (
    Flatland,
    apart,
    flatland_from_arrays,
    flatland_from_scalars,
    mini_from_arrays,
    mini_from_scalars,
    numbers_that_do_not_cancel,
    random_flatland,
)
from nn import flatland

ROOT = Path(__file__).parents[2]
TWO_BITS = 4  # ulps


@pytest.mark.parametrize("seed", range(6))
def test_flatland_has_the_gradients_of_arrays_to_the_last_two_bits(seed: int) -> None:
    found = cnn_from_scalars.of_flatland(random_flatland(seed))
    assert found.numbers == 16 * (4 + 3 + 1 + 2 + 1)
    assert found.largest <= TWO_BITS
    assert found.same > found.numbers // 2


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("seed", range(4))
def test_the_mini_cnn_has_the_gradients_of_arrays_to_the_last_two_bits(
    pooling: Pooling, seed: int
) -> None:
    given = numbers_that_do_not_cancel(seed)
    scalars = mini_from_scalars(given, pooling).gradients()
    distances = apart(scalars, mini_from_arrays(given, pooling))
    assert distances.size == 16 + 12 + 24
    assert distances.max() <= TWO_BITS
    errors = by_formula(given, pooling).errors
    assert largest_difference({n: scalars[n] for n in "wv"}, {n: errors[n] for n in "wv"}) < 1e-15


@pytest.mark.parametrize("pooling", POOLINGS)
def test_sums_that_cancel_agree_beside_their_terms(pooling: Pooling) -> None:
    for seed in range(4):
        given = random_numbers(seed)
        scalars = mini_from_scalars(given, pooling).gradients()
        assert largest_difference(scalars, mini_from_arrays(given, pooling)) < 1e-14


def test_flatland_by_hand() -> None:
    given = Flatland(np.array([1.0, -2, 1]), np.array([0.0]), np.array([2.0, 1]), np.array([-1.0]))
    net = flatland_from_scalars(given, np.array([1.0, 0, 1, 0]), 1)
    values = {name: unit.node.data for name, unit in net.units.items()}
    assert [values[f"c{i}"] for i in (1, 2, 3, 4)] == [-2, 2, -2, 1]
    assert [values["p1"], values["p2"]] == [2, 1]
    o = 1 / (1 + np.exp(-4))
    assert values["o"] == pytest.approx(o, rel=1e-15)
    gradients = net.gradients()
    assert gradients["v"] == pytest.approx(np.array([2, 1]) * (o - 1), rel=1e-12)
    assert gradients["w"] == pytest.approx(np.array([2 + 1, 0, 2]) * (o - 1), rel=1e-12)
    assert gradients["w0"] == pytest.approx([3 * (o - 1)], rel=1e-12)


def test_ties_are_split_as_by_the_arrays() -> None:
    given = Flatland(np.array([1.0, 1, 1]), np.array([0.5]), np.array([1.0, -3]), np.array([0.25]))
    image = np.zeros(4)
    net = flatland_from_scalars(given, image, 0)
    halves = [net.units[f"c{i}"].node.grad for i in (1, 2)]
    assert halves[0] == halves[1] != 0
    assert apart(net.gradients(), flatland_from_arrays(given, image, 0)).max() <= TWO_BITS


def test_a_shared_weight_is_one_value_with_many_uses() -> None:
    net = mini_from_scalars(numbers_that_do_not_cancel())
    counts = [len(names) for names in net.layers.values()]
    assert counts == [16, 27, 12, 2]
    weights = {weight for unit in net.units.values() for _, weight in unit.inputs} - {None}
    assert len(weights) == 12 + 24
    assert all(type(node) is Value for node in weights)
    shared = net.parameters["w"][0, 0, 0]
    used = [name for name, unit in net.units.items() if any(w is shared for _, w in unit.inputs)]
    assert used == [f"h1{m}{n}" for m in (1, 2, 3) for n in (1, 2, 3)]


def test_distances_are_in_units_in_the_last_place() -> None:
    one = np.array([1.0, -2.0, 0.0])
    other = one + np.array([3 * 2.0**-52, -(2.0**-51), 0.0])
    assert apart({"x": one}, {"x": other}).tolist() == [3, 1, 0]


def test_every_unit_is_drawn() -> None:
    net = mini_from_scalars(numbers_that_do_not_cancel())
    source = ad.draw_units(net.loss, net.columns(), weights=None).source
    for unit in net.units.values():
        assert f"{subscripted(unit.node.label or '')} = {number(unit.node.data)}" in source
    assert source.count(" -> ") == 27 * 4 + 12 * 4 + 2 * 12 + 2


def test_units_see_what_the_network_says_they_see() -> None:
    net = flatland_from_scalars(random_flatland(), np.array([1.0, 0.0, 1.0, 1.0]), 1)
    units = [unit.node for unit in net.units.values()]
    seen, leaves = connections(units)
    names = {unit.node: name for name, unit in net.units.items()}
    assert [(names[c.target], names[c.source], c.weight) for c in seen] == [
        (name, source, weight) for name, unit in net.units.items() for source, weight in unit.inputs
    ]
    filters = [*net.parameters["w0"], *net.parameters["w"]]
    assert set(leaves[net.units["c2"].node]) == set(filters)
    assert set(leaves[net.units["p1"].node]) == set()


def test_labels_are_those_of_the_data() -> None:
    for image, label in zip(*flatland(4), strict=True):
        assert cnn_from_scalars.contains_101(image[0]) == label


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.cnn_from_scalars", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_report_and_the_drawings(tmp_path: Path) -> None:
    done = run(str(tmp_path), "--image", "0", "1", "1", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The image (0, 1, 1, 0), which does not contain 1, 0, 1." in done.stdout
    assert "w111 is used by 9 units" in done.stdout
    names = ("flatland-units", "flatland-operations", "mini-units", "mini-one-unit")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("svg", "png")
    }
    texts = "".join(ElementTree.parse(tmp_path / "flatland-units.svg").getroot().itertext())
    assert "max-pooling" in texts


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--image", "1", "0", "2", "0"), 2, "invalid choice: 2"),
        (("--image", "1", "0"), 2, "expected 4 arguments"),
        (("--seed", "-3"), 2, "--seed is never negative, got -3"),
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
