"""Exercise: the error of every neuron and weight of a mini CNN, and an answer key put to the test.

python -m examples.mini_cnn                     the question, its formulas, all errors in numbers
python -m examples.mini_cnn --seed 3            with other random weights
python -m examples.mini_cnn --candidate FILE    with your own formula for a filter weight's error

FILE has a line ``mn: formula`` for each of the nine terms, one for each place (m,n) of the 3×3 map:
``12: (P11 + P12) * h12 * (1 - h12) * x12``. P11 to P22 are the errors of the pooled units of the
filter's channel, h11 to h33 its feature map, x11 to x44 the input. The program ends with status 1
if a term is wrong. ``--weight K A B`` says which weight it is for, w¹(1,1) if not given.

The engine computes every error. Beside it, loops compute the same from the formulas that one would
derive on paper, and the report ends with the largest difference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from examples.by_hand import largest_difference
from examples.mini_network import (
    MAP,
    POOLINGS,
    Computed,
    Pooling,
    by_engine,
    by_formula,
    random_numbers,
)
from examples.nine_terms import (
    TRIALS,
    Term,
    Weight,
    check_terms,
    first_window_terms,
    key_of,
    windows_of,
)
from examples.report import heading, matrices, shown, table
from examples.term_check import FormulaError, read_terms

QUESTION = """\
A 4×4 image x goes through
  1. a convolution with three 2×2 filters, stride 1, no padding, and a sigmoid,
         aᵏ(m,n) = Σ_ab wᵏ(a,b) · x(m+a-1, n+b-1),     hᵏ = σ(aᵏ),     3×3 each;
  2. pooling over 2×2 windows with stride 1, by their sum or by their maximum,
         pᵏ(i,j) over the four hᵏ(m,n) with m = i, i+1 and n = j, j+1,     2×2 each;
  3. a dense layer to two sigmoid units,
         s_l = Σ_kij v_lᵏ(i,j) · pᵏ(i,j),     o_l = σ(s_l);
  4. the error E = ½ Σ_l (o_l - y_l)².
What is the derivative of E by every weight and by every neuron? All indices count from 1.
"""

WHY = """\
A neuron's error is the derivative of E by its weighted input: δ_l = ∂E/∂s_l for the outputs,
δᵏ(m,n) = ∂E/∂aᵏ(m,n) for the maps. A pooled unit has no weights, so P is simply ∂E/∂p.
Each line needs the ones above it, and nothing else: that is backpropagation.
"""

FORMULAS = {
    "o": ("∂E/∂o_l", "o_l - y_l"),
    "s": ("δ_l", "∂E/∂o_l · o_l · (1 - o_l)"),
    "v": ("∂E/∂v_lᵏ(i,j)", "δ_l · pᵏ(i,j)"),
    "p": ("Pᵏ(i,j)", "Σ_l δ_l · v_lᵏ(i,j)"),
    "a": ("δᵏ(m,n)", "hᵏ(m,n) · (1 - hᵏ(m,n)) · ∂E/∂hᵏ(m,n)"),
    "w": ("∂E/∂wᵏ(a,b)", "Σ_mn δᵏ(m,n) · x(m+a-1, n+b-1)"),
}
TO_MAP = {
    "sum": "Σ_ij [ (m,n) lies in window (i,j) ] · Pᵏ(i,j)",
    "max": "Σ_ij [ hᵏ(m,n) is the largest in window (i,j) ] · Pᵏ(i,j)",
}


def main(
    seed: int = 0, weight: Weight = (0, 0, 0), candidate: dict[str, str] | None = None
) -> list[Term]:
    """Print the report; without a candidate, with a mistake that is easily made in its place.

    Returns:
        the nine terms of the candidate, checked.
    """
    given = random_numbers(seed)
    print(heading("A mini CNN", "=").lstrip("\n"))
    print(QUESTION)
    print(_named("x", [given.x], "") + "\n")
    print(_named("w", given.w) + "\n")
    print("v_1 and v_2, for each channel; y = " + shown(given.y) + ":\n")
    print(_named("v_1", given.v[0]) + "\n\n" + _named("v_2", given.v[1]))
    passes = {pooling: by_engine(given, pooling) for pooling in POOLINGS}
    for pooling, computed in passes.items():
        _print_pass(computed, pooling)
        if pooling == "sum":
            terms = check_terms(candidate or first_window_terms(weight), weight, seed)
            _print_terms(terms, weight, seed, demonstration=candidate is None)
    print(heading("Engine against formulas"))
    print("All values and errors, once by the engine and once by loops over the formulas:\n")
    rows = []
    for pooling in POOLINGS:
        engine, hand = passes[pooling].everything, by_formula(given, pooling).everything
        numbers = sum(np.size(x) for x in engine.values())
        rows.append((pooling, numbers, f"{largest_difference(engine, hand):.1e}"))
    print(table(("pooling", "numbers", "largest difference"), rows))
    return terms


def _named(name: str, channels: Any, marks: str = "¹²³") -> str:
    return matrices(**{f"{name}{marks[k : k + 1]}": x for k, x in enumerate(channels)})


def _print_pass(computed: Computed, pooling: Pooling) -> None:
    values, errors = computed.values, computed.errors
    print(heading(f"With {pooling}-pooling"))
    print("Forwards:\n")
    print(_named("h", values["h"]) + "\n")
    print(_named("p", values["p"]) + "\n")
    print(f"  s = {shown(values['s'])}     o = {shown(values['o'])}     E = {shown(values['E'])}\n")
    print("Backwards:\n")
    if pooling == "sum":
        print(WHY)
    formulas = {**FORMULAS, "h": ("∂E/∂hᵏ(m,n)", TO_MAP[pooling])}
    print(table(("error", "formula"), [formulas[name] for name in "osvphaw"]) + "\n")
    print(f"  ∂E/∂o = {shown(errors['o'])}     δ = {shown(errors['s'])}\n")
    for name, title in (("p", "P"), ("h", "∂E/∂h"), ("a", "δ"), ("w", "∂E/∂w")):
        print(_named(title, errors[name]) + "\n")
    print(_named("∂E/∂v_1", errors["v"][0]) + "\n")
    print(_named("∂E/∂v_2", errors["v"][1]) + "\n")
    if pooling == "sum":
        print("Windows overlap: the centre of a map lies in all four, an edge in two, a corner in")
        print("one. So much of P comes back to each: the centre of ∂E/∂h is the sum of all four P.")
    else:
        winners = [np.count_nonzero(errors["h"][k]) for k in range(3)]
        print(f"Only winners learn: {shown(winners)} of the nine places in the three channels. The")
        print("formula is the same, but for the indicator: a place that wins several windows gets")
        print("the sum of their P, and one that wins none has the error 0.")


def _print_terms(terms: list[Term], weight: Weight, seed: int, demonstration: bool) -> None:
    k, c, d = weight
    print(heading(f"The nine terms of ∂E/∂w{'¹²³'[k]}({c + 1},{d + 1}), and a candidate"))
    if demonstration:
        print("A published solution of this exercise has wrong factors in five of the nine terms.")
        print("Here is a candidate with five such terms: it treats the windows as if they did not")
        print("overlap, so that each place hears of one pooled unit only, the first of its own.")
        print("Check an answer key of your own with --candidate FILE.\n")
    print("The engine's terms are the errors of nine copies of the weight, one for each place.")
    print(f"A term is right if it agrees with the engine's on {TRIALS} random networks.\n")
    rows = [
        (t.key, t.candidate, t.value, t.engine, "right" if t.is_right else f"WRONG: {t.remark}")
        for t in terms
    ]
    print(table(("mn", "candidate", "its value", "engine", "verdict"), rows))
    wrong = [t for t in terms if not t.is_right]
    total, engine = sum(t.value for t in terms), sum(t.engine for t in terms)
    print(f"\nWrong: {len(wrong)} of {len(terms)}. The sum is {shown(total)};", end=" ")
    print(f"the engine has ∂E/∂w = {shown(by_engine(random_numbers(seed)).errors['w'][weight])}.")
    if wrong:
        print("\nThe right ones, of which the engine confirms every one:\n")
        correct = check_terms({t.key: t.correct for t in terms}, weight, seed)
        verdicts = ["right" if t.is_right else "WRONG" for t in correct]
        counts = [len(windows_of(*place)) for place in MAP]
        columns = zip(terms, counts, verdicts, strict=True)
        print(table(("mn", "windows", "right term", "value", "verdict"),
                    [(t.key, n, t.correct, t.engine, v) for t, n, v in columns]))  # fmt: skip
        print(f"\nTheir sum is {shown(engine)}.")


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.mini_cnn",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random image and weights")
    parser.add_argument("--candidate", type=Path, metavar="FILE", help="with nine terms")
    parser.add_argument("--weight", type=int, nargs=3, default=(1, 1, 1), metavar=("K", "A", "B"),
                        help="filter, row and column, counted from 1")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    k, a, b = options.weight
    if not (1 <= k <= 3 and 1 <= a <= 2 and 1 <= b <= 2):
        parser.error(f"--weight: there are filters 1 to 3 of 2×2 weights, got {k} {a} {b}")
    weight, candidate = (k - 1, a - 1, b - 1), None
    try:
        if options.candidate is not None:
            text = options.candidate.read_text(encoding="utf-8")
            candidate = read_terms(text, [key_of(*place) for place in MAP])
            check_terms(candidate, weight, options.seed)  # before anything is printed
        terms = main(options.seed, weight, candidate)
    except (OSError, UnicodeDecodeError, FormulaError) as fault:
        sys.exit(f"error: {options.candidate}: {fault}")
    if candidate is not None and not all(term.is_right for term in terms):
        sys.exit(1)


if __name__ == "__main__":
    command_line()
