"""Exercise: the derivative by a shared weight in closed form, sizes, and shifts of the image.

python -m examples.convnet_by_formula
python -m examples.convnet_by_formula --image "0 0 1 0 0 0; ..." --shift 1 0
python -m examples.convnet_by_formula --image FILE --filters FILE1 "1 0 -1; 2 0 -2; 1 0 -1"

An image of 6×6 and filters of 3×3 are given as text, rows parted by semicolons, or as a file with a
row on each line. The engine computes every derivative; loops compute the closed formulas beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import autodiff as ad
from examples.by_hand import largest_difference
from examples.convnet_formulas import (
    CHANNELS,
    FILTER,
    KINDS,
    MAPS,
    POOL,
    SIZE,
    Given,
    Kind,
    by_engine,
    by_formula,
    places_of_formula,
    random_numbers,
)
from examples.report import heading, matrices, shown, table
from examples.translation import FILTERS, IMAGE, Array, Shift, compare, read_matrix, shifted

QUESTION = """\
An image I of 6×6 pixels in 2 channels goes through a convolution with two filters of 3×3,
    a_ijk = b_k + Σ_mnc I_(i+m-1)(j+n-1)c · w_mnck,     h_ijk = σ(a_ijk),
to two outputs with a quadratic loss,
    y_o = Σ_ijk v_ijko · h_ijk,     L = ½ Σ_o (ŷ_o - y_o)².
What is dL/dw_1111? What would it be in a dense layer, and with max-pooling between h and y?
All indices count from 1; i and j say where, m and n where in the filter, c is the channel of the
image, k that of the map, and ŷ is the target.
"""

ANSWERS: dict[Kind, str] = {
    "convolution": """\
dL/dw_1111 = Σ_o (y_o - ŷ_o) · Σ_ij v_ij1o · h_ij1 · (1 - h_ij1) · I_ij1

Why: the weight is used at every place (i,j) of map 1, each time with another pixel, so L hears of
it through all of them: a sum over i and j. It is not used in map 2: k = 1 throughout. The engine's
partials say so: ∂a_ijk/∂w_1111 is not 0 at {in_one} places of map 1, and at {in_other} of map 2.
""",
    "dense": """\
dL/dw_1111 = Σ_o (y_o - ŷ_o) · v_1o · h_1 · (1 - h_1) · I_111
with a_k = b_k + Σ_mnc I_mnc · w_mnck, h_k = σ(a_k) and y_o = Σ_k v_ko · h_k.

Why: without sharing, a weight belongs to one pixel and one unit. No sum over places is left.
The price: {dense} weights into two units, where the filters have {shared} for all their places.
""",
    "max-pooling": """\
dL/dw_1111 = Σ_o (y_o - ŷ_o) · Σ_pq v_pq1o · h_i*j*1 · (1 - h_i*j*1) · I_i*j*1
with P_pqk the largest h_ijk of the window (p,q) of 2×2, won at (i*,j*),
and y_o = Σ_pqk v_pqko · P_pqk.

Why: only the winner of a window reaches the output; the slope of a maximum is 1 for it and 0 for
the others. So the sum is over the winning places, of which each window has one.
""",
}


def main(
    image: Array = IMAGE,
    filters: tuple[Array, Array] = FILTERS,
    shift: Shift = (0, 1),
    seed: int = 0,
) -> None:
    """Print the report."""
    print(heading("A convnet by formula", "=").lstrip("\n"))
    print(QUESTION)
    rows = []
    for kind in KINDS:
        given = random_numbers(kind, seed)
        _print_weight(given, kind)
        engine, hand = by_engine(given, kind).gradients, by_formula(given, kind)
        numbers = sum(x.size for x in hand.values())
        rows.append((kind, numbers, f"{largest_difference(engine, hand):.1e}"))
    print(heading("Engine against formulas"))
    print("Not for w_1111 alone: for every w, b and v.\n")
    print(table(("", "derivatives", "largest difference"), rows))
    _print_sizes()
    _print_shift(image, filters, shift)


def _print_weight(given: Given, kind: Kind) -> None:
    print(heading(f"dL/dw_1111: {kind}"))
    computed = by_engine(given, kind)
    counts = np.count_nonzero(computed.w_to_a, axis=(0, 1))
    shared = FILTER * FILTER * CHANNELS * MAPS
    words = {"in_one": counts[0], "in_other": counts[1], "dense": given.w.size, "shared": shared}
    print(ANSWERS[kind].format(**words))
    print(f"Here y = {shown(computed.y)}, ŷ = {shown(given.target)}, L = {shown(computed.loss)}.\n")
    places = places_of_formula(given, kind)
    rows = [(f"({p.i + 1},{p.j + 1})", p.blame, p.slope, p.pixel, p.term) for p in places]
    where = {"convolution": "(i,j)", "dense": "(1,1)", "max-pooling": "(i*,j*)"}[kind]
    print(table((where, "Σ_o (y_o - ŷ_o)·v", "h·(1 - h)", "I", "product"), rows) + "\n")
    total = sum(place.term for place in places)
    engine = computed.gradients["w"][0, 0, 0, 0]
    print(f"Sum of the products {shown(total)}, the engine {shown(engine)}:", end=" ")
    print(f"difference {abs(total - engine):.1e}.")


def size_after(n: int, f: int, p: int, s: int) -> int:
    """The side of the maps by the formula (n + 2p - f)/s + 1, rounded down."""
    return (n + 2 * p - f) // s + 1


def engines_size(n: int, f: int, p: int | str, s: int) -> int:
    """The side of the maps that the engine computes."""
    maps = ad.conv(np.zeros((1, 1, n, n)), np.zeros((1, 1, f, f)), padding=p, stride=s)  # type: ignore[arg-type]
    return int(maps.shape[-1])


def _print_sizes() -> None:
    print(heading("Sizes"))
    print(
        "A volume n×n×C, K filters f×f×C, padding p on each side, stride s give a volume n'×n'×K,"
    )
    print("    n' = floor((n + 2p - f)/s) + 1,     with K·(f·f·C + 1) parameters.\n")
    cases = [(6, 3, 0, 1), (6, 3, 1, 1), (6, 3, 1, 2), (7, 3, 0, 2), (28, 5, 0, 1), (28, 5, 2, 1),
             (32, 5, 2, 2), (227, 11, 0, 4)]  # fmt: skip
    rows = [(n, f, p, s, size_after(n, f, p, s), engines_size(n, f, p, s)) for n, f, p, s in cases]
    print(table(("n", "f", "p", "s", "n' by formula", "engine"), rows) + "\n")
    places = size_after(SIZE, FILTER, 0, 1)
    pooled = size_after(places, POOL, 0, POOL)
    print(
        f"So the image of the question, {SIZE}×{SIZE}×{CHANNELS}, gives {places}×{places}×{MAPS};"
    )
    print(f"pooling with f = s = {POOL}, which keeps K, leaves {pooled}×{pooled}×{MAPS}.\n")
    print("With stride 1 the size stays if 2p = f - 1: p = (f - 1)/2. An even f has no such p; it")
    print('takes a zero more on one side than on the other, as the padding called "same" does.\n')
    rows_same = []
    for f in range(1, 8):
        p = (f - 1) // 2
        fits = f % 2 == 1
        sides = f"{p}" if fits else f"{p} and {p + 1}"
        same = engines_size(SIZE, f, "same", 1)
        with_p = engines_size(SIZE, f, p, 1)
        rows_same.append((f, sides, with_p, same))
    head = ("f", "padding that keeps 6", "n' for p = floor((f - 1)/2)", 'n\' for "same"')
    print(table(head, rows_same))


def _print_shift(image: Array, filters: tuple[Array, Array], shift: Shift) -> None:
    result = compare(image, filters, shift)
    before, after = result.before, result.after
    print(heading("Shifting the image"))
    print(f"The image below moves {shift[0]} down and {shift[1]} to the right.\n")
    print(matrices(I=image, **{"I'": shifted(image, shift)}) + "\n")
    if result.lost:
        print(f"Pixels that are not 0 and leave the image on the way: {result.lost}.\n")
    for k in range(2):
        names = (f"F{k + 1}", f"I⋆F{k + 1}", f"I'⋆F{k + 1}")
        print(matrices(**dict(zip(names, (filters[k], before.convolved[k], after.convolved[k]),
                                  strict=True))) + "\n")  # fmt: skip
    print("Convolution is equivariant: the maps move along with the image. At every place that the")
    print("shift has not brought in from outside, I'⋆F and the shifted I⋆F differ by at most")
    print(
        f"{shown(result.equivariance)}. Why: each place computes the same of the pixels below it.\n"
    )
    print("Max-pooling over 2×2, side by side, before and after:\n")
    for k in range(2):
        print(matrices(**{f"P{k + 1}": before.pooled[k], f"P{k + 1}'": after.pooled[k]}) + "\n")
    changed = np.argwhere(before.pooled != after.pooled)
    rows = [
        (f"P{k + 1}({i + 1},{j + 1})", before.pooled[k, i, j], after.pooled[k, i, j])
        for k, i, j in changed
    ]
    if rows:
        print(table(("pooled unit that changes", "before", "after"), rows) + "\n")
    units = np.count_nonzero(before.convolved != after.convolved)
    print(f"Of {before.convolved.size} places of the maps {units} change,", end=" ")
    print(f"of {before.pooled.size} pooled units {len(changed)}, and of the two largest values of")
    whole = np.count_nonzero(before.largest != after.largest)
    print(f"whole maps {whole}: {shown(before.largest)} before, {shown(after.largest)} after.")
    print(
        "Pooling is roughly invariant: a unit stays as it is while the largest value of its window"
    )
    print(
        "moves within the window, and changes when that leaves or a larger one comes in. The larger"
    )
    print(
        "the window the more it forgets of where; the largest of a whole map knows only whether.\n"
    )
    moves = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2)]
    table_rows = []
    for move in moves:
        other = compare(image, filters, move)
        pairs = zip(other.before.stages, other.after.stages, strict=True)
        table_rows.append((shown(move), *(np.count_nonzero(x != y) for x, y in pairs), other.lost))
    head = ("shift", "places changed", "pooled units", "largest of a map", "pixels lost")
    print(table(head, table_rows))


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.convnet_by_formula",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--image", metavar="ROWS", help="6×6 numbers: text or a file")
    parser.add_argument("--filters", nargs=2, metavar="ROWS", help="two times 3×3 numbers")
    parser.add_argument("--shift", type=int, nargs=2, default=(0, 1), metavar=("DOWN", "RIGHT"))
    parser.add_argument("--seed", type=int, default=0, help="of the weights to differentiate by")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    if max(map(abs, options.shift)) >= len(IMAGE):
        parser.error(f"--shift: nothing of 6×6 pixels is left after {options.shift}")
    image, filters = IMAGE, FILTERS
    try:
        if options.image is not None:
            image = read_matrix(options.image, len(IMAGE))
        if options.filters is not None:
            first, second = (read_matrix(text, FILTER) for text in options.filters)
            filters = (first, second)
    except (OSError, ValueError) as fault:
        parser.error(f"--image or --filters: {fault}")
    main(image, filters, tuple(options.shift), options.seed)


if __name__ == "__main__":
    command_line()
