"""The mini CNN: errors against formulas and differences, and answer keys with planted errors."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.by_hand import differences, largest_difference
from examples.mini_network import MAP, POOLINGS, Pooling, by_engine, by_formula, random_numbers
from examples.nine_terms import (
    Term,
    check_terms,
    first_window_terms,
    key_of,
    nine_terms,
    right_terms,
    windows_of,
)
from examples.term_check import FormulaError, evaluate, read_terms

ROOT = Path(__file__).parents[2]
KEYS = [key_of(*place) for place in MAP]
WEIGHTS = list(np.ndindex(3, 2, 2))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("seed", range(4))
def test_every_error_follows_its_formula(pooling: Pooling, seed: int) -> None:
    given = random_numbers(seed)
    engine, hand = by_engine(given, pooling).everything, by_formula(given, pooling).everything
    assert {"∂E/∂w", "∂E/∂v", "∂E/∂s", "∂E/∂p", "∂E/∂a", "∂E/∂h", "∂E/∂o"} < engine.keys()
    assert largest_difference(engine, hand) < 2e-15


@pytest.mark.parametrize("pooling", POOLINGS)
def test_errors_of_weights_are_slopes_of_the_formulas_error(pooling: Pooling) -> None:
    given = random_numbers(1)

    def error(**weights: Any) -> float:
        return float(by_formula(dataclasses.replace(given, **weights), pooling).values["E"])

    slopes = differences(error, {"w": given.w, "v": given.v}, 1e-5)
    errors = by_engine(given, pooling).errors
    for name, slope in slopes.items():
        assert errors[name] == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_nine_terms_add_up_to_the_error_of_the_shared_weight(pooling: Pooling) -> None:
    given = random_numbers(2)
    for weight in WEIGHTS:
        terms = nine_terms(given, weight, pooling)
        assert terms.sum() == pytest.approx(by_engine(given, pooling).errors["w"][weight])
        k, a, b = weight
        delta = by_formula(given, pooling).errors["a"][k]
        assert terms == pytest.approx(delta * given.x[a : a + 3, b : b + 3], rel=1e-12)


def test_a_corner_lies_in_one_window_an_edge_in_two_the_centre_in_four() -> None:
    counts = [len(windows_of(*place)) for place in MAP]
    assert np.reshape(counts, (3, 3)).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


@pytest.mark.parametrize("weight", WEIGHTS)
def test_five_terms_are_wrong_where_windows_do_not_overlap(weight: tuple[int, int, int]) -> None:
    terms = check_terms(first_window_terms(weight), weight)
    remarks = {term.key: term.remark for term in terms if not term.is_right}
    assert remarks == {
        "12": "forgets P12",
        "21": "forgets P21",
        "22": "forgets P12, P21, P22",
        "23": "forgets P22",
        "32": "forgets P22",
    }
    confirmed = check_terms({term.key: term.correct for term in terms}, weight)
    assert all(term.is_right for term in confirmed)


PLANTED = {
    "(P11 + 2 * P12) * h12 * (1 - h12) * x12": "counts P12 2 times",
    "(P11 + P12 + P21) * h12 * (1 - h12) * x12": "P21 does not belong here",
    "P11 * h12 * (1 - h12) * x12": "forgets P12",
    "-(P11 + P12) * h12 * (1 - h12) * x12": "h, 1 - h or x: -1 times too large here",
    "(P11 + P12) * h12 * x12": r"h, 1 - h or x: 3\.[0-9]* times too large here",
    "(P11 + P12) * h12 * (1 - h12) * x12 + 1e-6": "something is added that does not belong here",
    "0": "forgets P11, P12",
}


@pytest.mark.parametrize(("formula", "remark"), PLANTED.items())
def test_a_planted_error_is_found_and_named(formula: str, remark: str) -> None:
    found = terms_with(formula)
    assert [term.key for term in found.values() if not term.is_right] == ["12"]
    assert re.fullmatch(remark, found["12"].remark)


@pytest.mark.parametrize(
    "formula", ["x12 * (h12 - h12**2) * (P12 + P11)", "(P11+P12)*h12*x12 - (P11+P12)*h12*h12*x12"]
)
def test_a_right_term_may_be_written_in_any_way(formula: str) -> None:
    assert all(term.is_right for term in terms_with(formula).values())


def terms_with(formula: str) -> dict[str, Term]:
    """The right terms for w¹(1,1), but for the one at (1,2)."""
    weight = (0, 0, 0)
    return {term.key: term for term in check_terms({**right_terms(weight), "12": formula}, weight)}


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("P11 *", "can't be computed"),
        ("P99", "P99 has no value: known are P11"),
        ("__import__('os')", "text can't be part of an expression"),
        ("P11.real", "attributes can't be reached"),
        ("True", "True has no value"),
        ("[1, 2]", "not a finite number"),
        ("P11 / 0", "can't be computed: float division"),
        ("1e300 * 1e300", "not a finite number"),
        ("(-1) ** 0.5", "can't be computed"),
    ],
)
def test_a_formula_that_is_none_is_refused(formula: str, message: str) -> None:
    with pytest.raises(FormulaError, match=re.escape(message)):
        evaluate(formula, {"P11": 2.0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("11 P11", "line 1: expected 'term: formula', got '11 P11'"),
        ("# begins\n44: P11", "line 2: there is no term '44'"),
        ("11: P11\n11: P11", "line 2: term 11 is there twice"),
        ("11: P11", "terms are missing: 12, 13, 21, 22, 23, 31, 32, 33"),
    ],
)
def test_a_file_without_nine_terms_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=re.escape(message)):
        read_terms(text, KEYS)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.mini_cnn", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_report() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrong: 5 of 9." in done.stdout
    assert "22        4  (P11 + P12 + P21 + P22) * h22 * (1 - h22) * x22" in done.stdout
    assert [float(line.split()[2]) < 1e-14 for line in done.stdout.splitlines()[-2:]] == [True] * 2


def test_an_answer_key_from_a_file(tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    terms = right_terms((2, 1, 0))
    key.write_text("# mine\n" + "\n".join(f"{place}: {term}" for place, term in terms.items()))
    right = run("--candidate", str(key), "--weight", "3", "2", "1", "--seed", "5")
    assert (right.returncode, right.stderr) == (0, "")
    assert "Wrong: 0 of 9." in right.stdout
    other = run("--candidate", str(key))
    assert (other.returncode, other.stderr) == (1, "")
    assert "Wrong: 9 of 9." in other.stdout  # the pixels are those of another weight


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--seed", "-1"), 2, "--seed is never negative, got -1"),
        (("--weight", "4", "1", "1"), 2, "filters 1 to 3 of 2×2 weights, got 4 1 1"),
        (("--candidate", "no-such-file"), 1, "no-such-file"),
        (("--candidate", "Makefile"), 1, "Makefile: line 5"),
    ],
)
def test_a_wrong_command_line_is_explained(
    arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = run(*arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
