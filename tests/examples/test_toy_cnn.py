"""The toy CNN against exact fractions, differences and closed forms that are written here."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples import toy_cnn
from examples.by_hand import TIE_RULES

ROOT = Path(__file__).parents[2]

IMAGE = [[0, 0, 4, 0], [0, 2, 5, 0], [0, 0, 1, 0], [0, 0, 2, 0]]
FILTERS = [[[1, 1], [2, 0]], [[2, 1], [0, 2]]]
DENSE = [
    [1, 0.5, 1, 2, -1, 1, 1, -1],
    [0.5, 1, 2, 1, -0.5, 0.5, -1, 1],
    [0.25, -1, 1, 1, 0.5, -1, -1, -1],
]


def exact(values: Any) -> Any:
    """An array of fractions."""
    return np.vectorize(Fraction, otypes=[object])(np.array(values))


def windows(maps: Any) -> Any:
    """(..., i, j, 4): the 2×2 windows of the last two axes, row by row."""
    corners = [maps[..., :-1, :-1], maps[..., :-1, 1:], maps[..., 1:, :-1], maps[..., 1:, 1:]]
    return np.stack(corners, axis=-1)


def convolved(filters: Any, image: Any = IMAGE) -> Any:
    return np.stack([windows(np.array(image)) @ np.ravel(f) for f in filters])


def logits(filters: Any) -> Any:
    pooled = windows(convolved(filters, exact(IMAGE))).max(axis=-1)
    return exact(DENSE) @ pooled.ravel()


def loss(z: Any) -> float:
    y = np.maximum(np.array(z, float), 0)
    return float(np.log(np.sum(np.exp(y - y[1]))))


def test_forward_is_exact() -> None:
    z = logits(exact(FILTERS))
    assert list(z) == [36, 39, -27]
    for ties in TIE_RULES:
        values = toy_cnn.by_engine(ties=ties).values
        assert values["C"].tolist() == convolved(FILTERS).tolist()
        assert values["P"].tolist() == windows(convolved(FILTERS)).max(axis=-1).tolist()
        assert values["v"].tolist() == [8, 14, 7, 7, 14, 14, 11, 11]
        assert values["z"].tolist() == [36, 39, -27]
        total = math.exp(-3) + 1 + math.exp(-39)
        assert values["p"] == pytest.approx(
            [math.exp(-3) / total, 1 / total, math.exp(-39) / total], rel=1e-14
        )
        assert values["J"] == pytest.approx(math.log1p(math.exp(-3) + math.exp(-39)), rel=1e-14)


def test_the_twelve_answers() -> None:
    found = dict(toy_cnn.answers(toy_cnn.by_engine()))
    assert len(found) == 12
    p1 = 1 / (1 + math.exp(3) + math.exp(-36))
    p2 = 1 / (1 + math.exp(-3) + math.exp(-39))
    expected = {
        "size of C": "3×3×2",
        "size of P, after pooling": "2×2×2",
        "length after ReLU, y": 3,
        "length after softmax, p": 3,
        "C(1,1,2)": 0 * 2 + 0 * 1 + 0 * 0 + 2 * 2,
        "P(2,1,1)": max(2 + 0, 2 + 5, 0, 1),
        "y(2), after ReLU": 39,
        "p(2), after softmax": p2,
        "J, the loss": -math.log(p2),
        "dJ/dy": [p1, p2 - 1, math.exp(-39) * p2],
        "dJ/dW1(1,1)": 8 * p1,
        "dJ/dF1(1,1)": -2 * p1,
    }
    assert found.keys() == expected.keys()
    for name, x in expected.items():
        assert found[name] == (x if isinstance(x, str) else pytest.approx(x, rel=1e-13)), name


def selections(ties: str) -> Any:
    """(2, 2, 2, 4): the weight of each place of each pooling window, by a table of one row a rule.

    Only the window (2, 2) of the first channel, with the values 7, 7, 1, 5, has a tie.
    """
    places = windows(convolved(FILTERS))
    weights = (places == places.max(axis=-1, keepdims=True)).astype(float)
    assert np.argwhere(weights.sum(axis=-1) > 1).tolist() == [[0, 1, 1]]
    weights[0, 1, 1] = {
        "first": [1, 0, 0, 0],
        "last": [0, 1, 0, 0],
        "all": [1, 1, 0, 0],
        "split": [0.5, 0.5, 0, 0],
    }[ties]
    return weights


@pytest.mark.parametrize("ties", TIE_RULES)
def test_gradients_are_the_differences_of_the_net_with_its_winners_held(ties: str) -> None:
    computed = toy_cnn.by_engine(ties=ties)  # type: ignore[arg-type]
    weights, before = selections(ties), windows(convolved(FILTERS))

    def held(filters: Any, dense: Any, bias: Any) -> float:
        moved = (weights * (windows(convolved(filters)) - before)).sum(axis=-1)
        return loss(dense @ (before.max(axis=-1) + moved).ravel() + bias)

    at = [np.array(FILTERS, float), np.array(DENSE), np.zeros(3)]
    for k, name in enumerate(("F", "W1", "b")):
        for place in np.ndindex(at[k].shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = [x.copy() for x in at]
                moved[k][place] += h
                sides.append(held(*moved))
            difference = (sides[0] - sides[1]) / 2e-5
            assert computed.gradients[name][place] == pytest.approx(difference, abs=1e-7)


# dJ/dF1 = p1 · these: dz = (p1, -p1, 0), the rows of W1, and the pixels under the winners.
BY_RULE = {
    "first": [[-2, 2], [-1.5, 2.5]],
    "last": [[1, -3], [-0.5, 1.5]],
    "all": [[3, 2], [-0.5, 2.5]],
    "split": [[-0.5, -0.5], [-1, 2]],
}


@pytest.mark.parametrize("ties", TIE_RULES)
def test_the_filters_follow_the_tie_rule(ties: str) -> None:
    weights = selections(ties)
    dv = exact(DENSE)[0] - exact(DENSE)[1]  # for p1 = 1
    to_places = exact(weights) * dv.reshape(2, 2, 2, 1)
    pixels = windows(windows(np.array(IMAGE)).transpose(2, 0, 1))  # (4 places of F, 2, 2, 4)
    factors = np.einsum("ijp,aijp->a", to_places[0], exact(pixels)).reshape(2, 2)
    assert factors.tolist() == exact(BY_RULE[ties]).tolist()
    of_second = np.einsum("ijp,aijp->a", to_places[1], exact(pixels))
    assert not of_second.any()
    p1 = 1 / (1 + math.exp(3) + math.exp(-36))
    gradient = toy_cnn.by_engine(ties=ties).gradients["F"]  # type: ignore[arg-type]
    assert gradient[0] == pytest.approx(p1 * np.array(BY_RULE[ties]), rel=1e-12)
    assert gradient[1] == pytest.approx(np.zeros((2, 2)), abs=1e-14)


def test_the_kink_has_the_slopes_of_first_and_last() -> None:
    sides = toy_cnn.slopes()
    h = Fraction(1, 10**7)
    values = {}
    for side in (-h, 0, h):
        filters = exact(FILTERS)
        filters[0, 0, 0] += side
        values[side] = loss(logits(filters))
    assert sides.left == pytest.approx((values[0] - values[-h]) / 1e-7, abs=1e-6)
    assert sides.right == pytest.approx((values[h] - values[0]) / 1e-7, abs=1e-6)
    assert sides.central == pytest.approx((sides.left + sides.right) / 2, abs=1e-6)
    assert sides.left < 0 < sides.right
    ties = toy_cnn.ties_of(toy_cnn.by_engine().values["C"])
    assert ties == [toy_cnn.Tie(1, (2, 2), (7.0, 7.0, 1.0, 5.0), ((2, 2), (2, 3)))]
    assert not toy_cnn.ties_of(toy_cnn.by_engine(flip=True).values["C"])


@pytest.mark.parametrize("ties", TIE_RULES)
def test_the_state_after_one_step(ties: str) -> None:
    gradients = toy_cnn.by_engine(ties=ties).gradients  # type: ignore[arg-type]
    after = toy_cnn.stepped(toy_cnn.START, gradients)
    p1 = 1 / (1 + math.exp(3) + math.exp(-36))
    v = np.array([8, 14, 7, 7, 14, 14, 11, 11])
    rows = np.array(DENSE) - 0.01 * p1 * np.array([v, -v, 0 * v])
    assert pytest.approx(rows, rel=1e-14) == after.W1
    assert after.b == pytest.approx(-0.01 * p1 * np.array([1, -1, 0]), rel=1e-13)
    first = np.array(FILTERS[0]) - 0.01 * p1 * np.array(BY_RULE[ties])
    assert after.F[0] == pytest.approx(first, rel=1e-13)
    assert after.F[1] == pytest.approx(np.array(FILTERS[1]), rel=1e-14)


@pytest.mark.parametrize("ties", TIE_RULES)
def test_the_loops_find_what_the_engine_finds(ties: str) -> None:
    start = toy_cnn.stepped(toy_cnn.START, toy_cnn.by_engine().gradients, rate=3.0)
    for parameters in (toy_cnn.START, start):
        engine = toy_cnn.by_engine(parameters, ties).everything  # type: ignore[arg-type]
        hand = toy_cnn.by_hand(parameters, ties).everything  # type: ignore[arg-type]
        assert toy_cnn.largest_difference(engine, hand) < 1e-13


def test_true_convolution_flips_the_filters() -> None:
    flipped = np.array(FILTERS)[:, ::-1, ::-1]
    values = toy_cnn.by_engine(flip=True).values
    assert values["C"].tolist() == convolved(flipped).tolist()
    assert values["z"].tolist() == [float(x) for x in logits(exact(flipped))]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.toy_cnn", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_report() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    rules = [line.split()[-5:] for line in lines if line.startswith("  split")]
    assert rules[0][0] == "-0.0237129"
    assert "  12  dJ/dF1(1,1)" in done.stdout
    assert "first, last, split.\n" in done.stdout
    assert [float(line.split()[1]) < 1e-13 for line in lines[-4:]] == [True] * 4


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "much"])
def test_a_wrong_rate_is_named(rate: str) -> None:
    done = run("--rate", rate)
    assert done.returncode == 2
    assert rate in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
