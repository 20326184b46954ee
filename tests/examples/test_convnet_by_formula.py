"""A convnet by formula: closed derivatives, sizes, and what a shift of the image changes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.by_hand import differences, largest_difference
from examples.convnet_by_formula import engines_size, size_after
from examples.convnet_formulas import (
    KINDS,
    Kind,
    by_engine,
    by_formula,
    places_of_formula,
    random_numbers,
)
from examples.translation import FILTERS, IMAGE, Shift, compare, maps_of, read_matrix, shifted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_closed_formulas_are_the_engines_gradients(kind: Kind, seed: int) -> None:
    given = random_numbers(kind, seed)
    assert largest_difference(by_engine(given, kind).gradients, by_formula(given, kind)) < 4e-15


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradients_are_slopes_of_the_loss(kind: Kind) -> None:
    given = random_numbers(kind, 1)
    slopes = differences(
        lambda b: by_engine(dataclasses.replace(given, b=b), kind).loss, {"b": given.b}, 1e-5
    )
    assert by_engine(given, kind).gradients["b"] == pytest.approx(slopes["b"], abs=1e-8)
    sides = []
    for h in (1e-5, -1e-5):
        w = given.w.copy()
        w[0, 0, 0, 0] += h
        sides.append(by_engine(dataclasses.replace(given, w=w), kind).loss)
    slope = (sides[0] - sides[1]) / 2e-5
    assert sum(place.term for place in places_of_formula(given, kind)) == pytest.approx(
        slope, abs=1e-8
    )


def test_the_sum_is_over_the_places_of_channel_1_only() -> None:
    computed = by_engine(random_numbers())
    given = random_numbers()
    assert computed.w_to_a[..., 0].tolist() == given.image[:4, :4, 0].tolist()
    assert not computed.w_to_a[..., 1].any()
    counts = [len(places_of_formula(random_numbers(kind), kind)) for kind in KINDS]
    assert dict(zip(KINDS, counts, strict=True)) == {
        "convolution": 16,
        "dense": 1,
        "max-pooling": 4,
    }


def test_max_pooling_sums_over_the_winning_places() -> None:
    given = random_numbers("max-pooling")
    h = by_engine(given, "max-pooling").h[..., 0]
    for place, (p, q) in zip(
        places_of_formula(given, "max-pooling"), np.ndindex(2, 2), strict=True
    ):
        window = h[2 * p : 2 * p + 2, 2 * q : 2 * q + 2]
        assert h[place.i, place.j] == window.max()
        assert (place.i // 2, place.j // 2) == (p, q)


@pytest.mark.parametrize("n", [5, 6, 7, 12])
@pytest.mark.parametrize("f", [1, 2, 3, 5])
def test_sizes_follow_the_formula(n: int, f: int) -> None:
    for p in range(3):
        for s in range(1, 4):
            assert engines_size(n, f, p, s) == size_after(n, f, p, s)
    assert engines_size(n, f, "same", 1) == n
    assert (engines_size(n, f, (f - 1) // 2, 1) == n) == (f % 2 == 1)


SHIFTS: list[Shift] = [(0, 1), (1, 0), (-1, 0), (0, -2), (2, 2), (5, 0), (-3, 4)]


@pytest.mark.parametrize("shift", SHIFTS)
def test_convolution_moves_with_the_image(shift: Shift) -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(-4, 5, (6, 6)).astype(float)
    filters = tuple(generator.integers(-4, 5, (2, 3, 3)).astype(float))
    assert compare(image, filters, shift).equivariance == 0  # type: ignore[arg-type]
    down, right = shift
    moved = shifted(image, shift)
    for i, j in np.ndindex(6, 6):
        inside = 0 <= i - down < 6 and 0 <= j - right < 6
        assert moved[i, j] == (image[i - down, j - right] if inside else 0)


def test_the_comparison_sees_a_map_that_does_not_move() -> None:
    before, after = maps_of(IMAGE, FILTERS), maps_of(shifted(IMAGE, (0, 1)), FILTERS)
    assert (after.convolved[..., 1:] == before.convolved[..., :-1]).all()
    assert (after.convolved != before.convolved).any()


def test_what_pooling_forgets() -> None:
    result = compare(IMAGE, FILTERS, (0, 1))
    changed = [int(np.sum(x != y)) for x, y in
               zip(result.before.stages, result.after.stages, strict=True)]  # fmt: skip
    assert changed == [24, 3, 0]
    assert result.lost == 0
    for maps in (result.before, result.after):
        assert maps.pooled[1, 0, 1] == maps.convolved[1, :2, 2:].max()
        assert maps.largest.tolist() == maps.convolved.max(axis=(1, 2)).tolist()
    assert compare(IMAGE, FILTERS, (0, 4)).lost == 4


@pytest.mark.parametrize("text", ["0 1; 2 3", "0, 1; 2, 3", "0 1;2 3"])
def test_a_matrix_from_text(text: str) -> None:
    assert read_matrix(text, 2).tolist() == [[0, 1], [2, 3]]


def test_a_matrix_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "matrix.txt"
    path.write_text("0 1\n2 3\n")
    assert read_matrix(str(path), 2).tolist() == [[0, 1], [2, 3]]


def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.convnet_by_formula", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_report() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "is not 0 at 16 places of map 1, and at 0 of map 2" in done.stdout
    assert "P2(1,2)                        1      2" in done.stdout
    assert "Of 32 places of the maps 24 change, of 8 pooled units 3" in done.stdout


def test_an_image_and_filters_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "image.txt"
    np.savetxt(path, np.eye(6))
    ones = "1 1 1; 1 1 1; 1 1 1"
    done = run("--image", path, "--filters", ones, "0 0 0; 0 7 0; 0 0 0", "--shift", "1", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "leave the image on the way: 1." in done.stdout
    assert "[ 7  0  0  0 ]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--image", "1 2; 3 4"), "expected 6 rows of 6 finite numbers, got 2 of 2"),
        (("--image", "no-such-file"), "expected numbers such as"),
        (("--filters", "1 2 x; 1 2 3; 1 2 3", "1"), "expected numbers such as"),
        (("--filters", "1 2 nan; 1 2 3; 1 2 3", "1"), "finite"),
        (("--filters", "1 2 3; 1 2; 1 2 3", "1"), "got 3 of 2 and 3"),
        (("--shift", "6", "0"), "nothing of 6×6 pixels is left"),
        (("--seed", "-1"), "--seed is never negative"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
