"""The identities of backpropagation, held by NumPy and by symbols that are written here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from examples import convolution_identities as identities
from examples.by_hand import differences
from examples.derivation import read_off, same_terms, text_of
from examples.signals import convolve, flip, signal

ROOT = Path(__file__).parents[2]
CASES = [
    identities.Case(kind, image, size, padding(size))
    for kind in identities.FORMULAS
    for image, size in identities.SIZES
    for padding in identities.PADDINGS.values()
]
NAMES = [f"{c.kind}-{c.image}-{c.filter}-{c.padding}".replace(" ", "") for c in CASES]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_engine_identity_and_differences_agree(case: identities.Case) -> None:
    checked = identities.check_convolution(case, np.random.default_rng(5))
    assert checked.engine["x"].shape == case.image
    assert checked.engine["w"].shape == case.filter
    assert checked.from_formula < 1e-13
    assert checked.from_differences < 1e-13


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_explain_has_the_terms_of_the_identity(case: identities.Case) -> None:
    x, w, g = (np.ones(size) for size in (case.image, case.filter, case.output))
    explanation, derived = identities.explained(case, x, w, g)
    assert len(derived) == x.size + w.size
    assert all(gradient.agrees for gradient in derived)
    assert not explanation.omitted


def transposed(size: int, apply: Any, g: Any) -> Any:
    """The transposed matrix of a linear map, times g."""
    return np.stack([apply(row) for row in np.eye(size)]) @ g


@pytest.mark.parametrize("taps", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_formulas_by_numpy(taps: int, mode: Any) -> None:
    """NumPy's convolution as a matrix, and its transpose; it puts an even centre elsewhere."""
    generator = np.random.default_rng(taps)
    x, w = generator.normal(size=6), generator.normal(size=taps)
    y = np.convolve(x, w, mode)
    g = generator.normal(size=y.size)
    skipped = {"full": 0, "same": (taps - 1) // 2, "valid": taps - 1}[mode]
    padding = (taps - 1 - skipped, y.size + skipped - 6)
    case = identities.Case("convolution", (6,), (taps,), (padding,))
    X, W, G = case.signals(x, w, g)
    dx = list(convolve(G, flip(W), X).values())
    dw = list(convolve(G, flip(X), W).values())
    assert dx == pytest.approx(transposed(6, lambda e: np.convolve(e, w, mode), g), abs=1e-14)
    assert dw == pytest.approx(transposed(taps, lambda e: np.convolve(x, e, mode), g), abs=1e-14)
    node = ad.Tensor(x), ad.Tensor(w)
    ad.convolve(*node, mode).backward(g)
    assert node[0].grad == pytest.approx(np.array(dx), abs=1e-14)
    assert node[1].grad == pytest.approx(np.array(dw), abs=1e-14)


def test_a_convolution_of_signals() -> None:
    a, b = signal([1, 2], (0,)), signal([1, 3, 5], (-1,))
    everywhere = {(n,): 0 for n in range(-2, 4)}
    assert list(convolve(a, b, everywhere).values()) == [0, 1, 5, 11, 10, 0]
    assert flip(b) == {(1,): 1, (0,): 3, (-1,): 5}


def test_read_off_writes_a_derivative_out() -> None:
    a, b = ad.Value(2.0, label="a"), ad.Value(3.0, label="b")
    found = read_off(ad.explain(a * b + ad.sin(a)))
    assert text_of(found["a"]) == "cos(a) + b"
    assert same_terms(found["b"], [("a",)])
    assert not same_terms([("a", "b"), ("c",)], [("a", "c"), ("b",)])
    assert not same_terms([("a",), ("a",)], [("a",)])
    assert same_terms([("a", "b"), ("c",)], [("c",), ("b", "a")])


@pytest.mark.parametrize("kind", identities.FORMULAS)
def test_the_identity_of_the_other_kind_is_found_wrong(kind: identities.Kind) -> None:
    """A check that can't fail is none: forgetting the flip shows in symbols and in numbers."""
    case = identities.Case(kind, (4,), (3,), ((1, 1),))
    forgotten = identities.Case(
        "correlation" if kind == "convolution" else "convolution", (4,), (3,), ((1, 1),)
    )
    x, w, g = (np.random.default_rng(0).normal(size=n) for n in (4, 3, 4))
    right, wrong = (
        identities.explained(case, x, w, g)[1],
        identities.explained(forgotten, x, w, g)[1],
    )
    some = [(a.by_explain, b.by_formula) for a, b in zip(right, wrong, strict=True)]
    assert not all(same_terms(*pair) for pair in some)
    parts = forgotten.gradients(*forgotten.signals(x, w, g))
    X = ad.Tensor(x)
    y = ad.conv(X[None, None], w[None, None], padding=1, flip=kind == "convolution")
    y.backward(g[None, None])
    assert np.abs(list(convolve(*parts["x"]).values()) - X.grad).max() > 0.1


@pytest.mark.parametrize("sizes", identities.DENSE_SIZES)
def test_dense(sizes: tuple[int, int]) -> None:
    m, n = sizes
    checked = identities.check_dense(m, n, np.random.default_rng(1))
    assert {name: np.shape(t) for name, t in checked.engine.items()} == {
        "W": (m, n),
        "x": (n,),
        "b": (m,),
    }
    assert checked.from_formula < 1e-14
    assert checked.from_differences < 1e-13
    generator = np.random.default_rng(2)
    W, x, (b, g) = (
        generator.normal(size=sizes),
        generator.normal(size=n),
        generator.normal(size=(2, m)),
    )
    _, derived = identities.explained_dense(W, x, b, g)
    assert len(derived) == m * n + n + m
    assert all(gradient.agrees for gradient in derived)


@pytest.mark.parametrize(("classes", "size"), identities.SOFTMAX_SIZES)
def test_softmax(classes: int, size: float) -> None:
    checked = identities.check_softmax(classes, size, np.random.default_rng(1))
    assert checked.from_formula < 1e-14
    assert checked.from_differences < 1e-9 * max(1, size)


@pytest.mark.parametrize("right", [1, 2, 3, 4])
def test_softmax_in_symbols(right: int) -> None:
    scores = [1.0, -2.0, 0.5, 3.0]
    explanation, derived = identities.explained_softmax(scores, right)
    assert all(gradient.agrees for gradient in derived)
    assert [("-1",) in gradient.by_explain for gradient in derived] == [
        k == right for k in (1, 2, 3, 4)
    ]
    p = np.exp(scores) / np.exp(scores).sum()
    found = {row.entry.name: row.adjoint for row in explanation.reverse}
    assert [found[d.of] for d in derived] == pytest.approx(p - np.eye(4)[right - 1], abs=1e-15)


def test_differences_of_a_known_function() -> None:
    at = {"a": np.array([1.0, -2.0]), "b": np.ones(1)}
    found = differences(lambda a, b: float(a @ a * b[0]), at, 1e-3)
    assert found["a"] == pytest.approx(np.array([2.0, -4.0]))
    assert found["b"] == pytest.approx(np.array([5.0]))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.convolution_identities", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_report() -> None:
    done = run("--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "NO" not in done.stdout.split()
    assert "OTHERS" not in done.stdout
    assert (
        "dL/dx₂   w₁·g₃ + w₀·g₂ + w₋₁·g₁  g ⋆ flip(w)  g₁·w₋₁ + g₂·w₀ + g₃·w₁  yes" in done.stdout
    )
    to_identity, to_differences = (
        float(line.split()[-1]) for line in done.stdout.splitlines()[-2:]
    )
    assert to_identity < 1e-13
    assert to_differences < 1e-6


@pytest.mark.parametrize(("arguments", "message"), [
    (("--seed", "-1"), "--seed is never negative, got -1"),
    (("--seed", "x"), "invalid int value: 'x'"),
    (("--sizes", "3"), "unrecognized arguments"),
])  # fmt: skip
def test_wrong_command_lines(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
