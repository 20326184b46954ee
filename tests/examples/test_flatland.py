"""The Flatland network against loops, differences and exhaustive checks that are written here."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from examples import flatland, flatland_training
from examples.by_hand import TIE_RULES, shares
from examples.flatland_training import Net, judged, side_by_side

ROOT = Path(__file__).parents[2]
IMAGES = list(itertools.product([0, 1], repeat=4))
POSITIVE = {"0101", "1010", "1011", "1101"}


def word(image: Any) -> str:
    return "".join(map(str, image))


def maps(w: Any, w0: float, image: Any) -> list[float]:
    x = [0, *image, 0]
    return [w0 + sum(w[k] * x[j + k] for k in range(3)) for j in range(4)]


def pooled(w: Any, image: str) -> tuple[float, float]:
    Z = maps(w, 0.0, map(int, image))
    return max(Z[:2]), max(Z[2:])


def logit(weights: Any, image: Any) -> float:
    w, w0, v, v0 = weights
    Z = maps(w, w0, image)
    return float(v0 + v[0] * max(Z[:2]) + v[1] * max(Z[2:]))


def loss(z: float, y: int) -> float:
    return math.log1p(math.exp(-z)) if y else math.log1p(math.exp(z))


def test_the_shapes() -> None:
    summary = flatland.question_net().summary((1, 4))
    assert [row.output for row in summary.rows][-5:] == [(1, 4), (1, 2), (2,), (1,), (1,)]
    assert summary.parameters == 3 + 1 + 2 + 1


@pytest.mark.parametrize("weights", [flatland.TYING, flatland.OTHERS], ids=["tying", "others"])
@pytest.mark.parametrize("ties", TIE_RULES)
def test_updates_follow_the_rules(weights: Any, ties: Any) -> None:
    for image in IMAGES:
        y = int(word(image) in POSITIVE)
        step = flatland.update(weights, np.array([image], float), y, ties, rate=0.25)
        Z = maps(weights[0], weights[1], image)
        assert pytest.approx(Z, abs=1e-15) == step.Z
        assert pytest.approx([max(Z[:2]), max(Z[2:])], abs=1e-15) == step.P
        a = 1 / (1 + math.exp(-logit(weights, image)))
        assert step.adjoint == pytest.approx([(a - y) * v for v in weights[2]], abs=1e-14)
        assert flatland.largest_difference(step.engine, step.hand) < 1e-14
        assert step.engine["w0"] == pytest.approx(weights[1] - 0.25 * step.engine["dL/dw0"])


@pytest.mark.parametrize("ties", TIE_RULES)
def test_where_nothing_ties_updates_are_those_of_differences(ties: Any) -> None:
    untied = 0
    for image in IMAGES:
        w, w0, v, v0 = flatland.OTHERS
        Z = maps(w, w0, image)
        if Z[0] == Z[1] or Z[2] == Z[3]:
            continue
        untied += 1
        y = int(word(image) in POSITIVE)
        step = flatland.update(flatland.OTHERS, np.array([image], float), y, ties)
        for k in range(4):
            sides = []
            for h in (1e-5, -1e-5):
                moved = [w[i] + h * (i == k) for i in range(3)]
                sides.append(loss(logit((moved, w0 + h * (k == 3), v, v0), image), y))
            found = [*step.engine["dL/dw"], *step.engine["dL/dw0"]][k]
            assert found == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-9)
    assert untied >= 10


def test_tie_rules_differ_where_windows_tie() -> None:
    image = np.array([[0.0, 0, 1, 1]])  # Z = 0.5, 1.5, 0.5, 0.5: the second window ties
    by_rule = {t: flatland.update(flatland.TYING, image, 0, t) for t in TIE_RULES}
    _, second = by_rule["first"].adjoint
    first_pixel = {ties: step.engine["dL/dw"][0] for ties, step in by_rule.items()}
    expected = {"first": 0.0, "last": second, "all": second, "split": second / 2}
    assert first_pixel == pytest.approx(expected)
    assert by_rule["all"].engine["dL/dw0"] - by_rule["first"].engine["dL/dw0"] == pytest.approx(
        second
    )


@pytest.mark.parametrize(("ties", "expected"), [
    ("first", [0, 1, 0]), ("last", [0, 0, 1]), ("all", [0, 1, 1]), ("split", [0, 0.5, 0.5]),
])  # fmt: skip
def test_shares(ties: Any, expected: list[float]) -> None:
    assert shares([1, 3, 3], ties) == expected


def test_one_filter_is_not_enough() -> None:
    found = flatland.search(20_000, seed=1)
    assert (found.best, found.free) == (15, 0)


def test_the_reason_why_one_filter_is_not_enough() -> None:
    """The cases of the report, for positive v, on random filters."""
    generator = np.random.default_rng(0)
    cases = [0, 0, 0]
    for _ in range(3000):
        a, b, c = w = generator.normal(size=3)
        v = np.abs(generator.normal(size=2))
        z = {word(x): logit((w, 0.0, v, 0.0), x) for x in IMAGES}
        if z["1010"] <= z["0010"] or z["0101"] <= z["0100"]:
            continue  # a single pixel says as much as the pattern
        if b >= a + c:
            assert z["1001"] == pytest.approx(z["1010"], abs=1e-12)
            cases[0] += 1
        elif b >= 0:
            assert all(p >= q for p, q in zip(pooled(w, "1111"), pooled(w, "1011"), strict=True))
            cases[1] += 1
        else:
            assert min(a, c) > 0
            if a < c:
                a, c, v = c, a, v[::-1]
                z = {name[::-1]: x for name, x in z.items()}
            assert z["1011"] - z["1110"] == pytest.approx((v[0] - v[1]) * abs(b), abs=1e-12)
            assert z["1101"] - z["1110"] == pytest.approx((v[1] - v[0]) * c, abs=1e-12)
            cases[2] += 1
    assert min(cases) > 100


def test_nets_side_by_side_are_nets_by_themselves() -> None:
    images, labels = nn.flatland(4)
    both = Net(4, filters=3, seeds=[5, 7])
    together = judged(both, images, labels)
    for k, seed in enumerate([5, 7]):
        alone = Net(4, filters=3, seeds=[seed])
        z = alone.predict(side_by_side(images, 1))
        assert both.predict(side_by_side(images, 2))[:, k] == pytest.approx(z[:, 0], abs=1e-14)
        expected = np.mean([loss(x, y) for x, y in zip(z[:, 0], labels, strict=True)])
        assert together.loss[k] == pytest.approx(expected)
        assert together.right[k] == np.sum((z[:, 0] > 0) == labels)


@pytest.mark.parametrize("ties", TIE_RULES)
def test_eight_filters_learn_all_images(ties: Any) -> None:
    trained = flatland_training.train_until_right(8, range(5), ties)
    assert (trained.steps > 0).all()
    assert trained.steps.max() <= flatland_training.MOST_STEPS
    images, labels = nn.flatland(4)
    assert judged(trained.net, images, labels).right.max() == 16


def test_drawing_in_order_is_poor() -> None:
    seeds = range(5)
    poor = flatland_training.train_in_calls("in order", seeds)
    assert (poor.seen == (np.arange(16) < 10)[:, np.newaxis]).all()
    assert poor.positive_seen == 1
    good = flatland_training.train_in_calls("at random", seeds)
    assert good.seen.all()
    assert good.judged.right.min() > poor.judged.right.max()
    assert good.judged.loss.max() < poor.judged.loss.min() / 2
    with pytest.raises(IndexError, match="index 16 is out of bounds"):
        flatland_training.train_in_calls("in order", seeds, calls=1, iterations=17)
    assert flatland_training.train_in_calls("in order, going on", seeds).seen.all()


def test_pooling_the_whole_image_learns_longer_ones() -> None:
    net = flatland_training.train_longer(6, range(3), whole=True)
    for n in (4, 6, 8, 10):
        images, labels = nn.flatland(n)
        assert judged(net, images, labels).right.tolist() == [2**n] * 3
    strongest = np.argmax(np.abs(net.v.data[:16, 0]))  # of the first net, what the report shows
    w = net.w.data[strongest, 0] * np.sign(net.v.data[strongest, 0])
    assert w / np.abs(w).max() == pytest.approx(np.array([1, -1, 1]), abs=0.1)
    images, labels = nn.flatland(8)
    pairs = flatland_training.train_longer(8, range(3), whole=False)
    assert judged(pairs, images, labels).right.max() < 2**8


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.flatland", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_report() -> None:
    done = run("--seeds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if "largest difference" in line)
    for ties, line in zip(TIE_RULES, lines[start + 2 : start + 6], strict=True):
        words = line.split()
        assert words[0] == ties
        assert all(float(difference) < 1e-14 for difference in words[1:])
    assert "Nets with none of these conflicts: 0." in lines
    assert "WRONG" not in done.stdout
    assert "  IndexError: index 16 is out of bounds" in done.stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (("--seeds", "0"), "--seeds is between 1 and 100, got 0"),
    (("--seeds", "many"), "invalid int value: 'many'"),
    (("flat",), "unrecognized arguments: flat"),
])  # fmt: skip
def test_wrong_command_lines(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
