"""Exercise: a convolutional network in Flatland, where an image is a column of pixels.

python -m examples.flatland                the question, the update rules, the training
python -m examples.flatland --seeds 5      with fewer starts of the training
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

import autodiff as ad
import nn
from autodiff.kernels.pooling import Ties
from examples.by_hand import TIE_RULES, largest_difference, shares
from examples.flatland_training import (
    BATCHES,
    CALLS,
    MOST_STEPS,
    RATE,
    Array,
    Order,
    judged,
    name,
    side_by_side,
    train_in_calls,
    train_longer,
    train_until_right,
)
from examples.report import heading, shown, table

QUESTION = """\
An image is a column of four pixels x1 ... x4, each 0 or 1. It is positive, y = 1, if somewhere in
it stand 1, 0, 1 in a row. A network looks at it:
  1. a convolution with one 3×1 filter, stride 1, and a zero before and behind the image, so that
     an output belongs to the pixel on which the filter is centred:
         Z_j = w0 + w1·x_(j-1) + w2·x_j + w3·x_(j+1)
  2. max-pooling 2×1, stride 2:  P_1 = max(Z_1, Z_2),  P_2 = max(Z_3, Z_4)
  3. a dense layer to one sigmoid unit:  a = σ(z),  z = v0 + v1·P_1 + v2·P_2
  4. the loss L = -y·log a - (1 - y)·log(1 - a)
What are the shapes? What is the update of w1 and w0, given dL/dP? How should examples be drawn?
Can it learn all 16 images, and longer ones?
"""

# --- the update rules -----------------------------------------------------------------------------


Weights: TypeAlias = tuple[Sequence[float], float, Sequence[float], float]
"""w, w0, v and v0."""


def question_net(ties: Ties = "first", weights: Weights | None = None) -> nn.Sequential:
    """The network of the question, layer by layer."""
    generator = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv1d(1, 1, 3, padding=1, dtype=float, generator=generator),
        nn.MaxPool1d(2, ties=ties),
        nn.Flatten(),
        nn.Dense(2, 1, dtype=float, generator=generator),
        nn.Sigmoid(),
    )
    if weights is not None:
        w, w0, v, v0 = weights
        given = (np.reshape(w, (1, 1, 3)), [w0], np.reshape(v, (2, 1)), [v0])
        net.load_state(dict(zip(net.state(), given, strict=True)))
    return net


@dataclass(frozen=True)
class Update:
    """One step of gradient descent on one image.

    Attributes:
        Z: (4,).
        P: (2,).
        adjoint: dL/dP, (2,), from the engine.
        engine: gradients of w and w0, and what the optimiser makes of w and w0.
        hand: the same by the update rules.
    """

    Z: Array
    P: Array
    adjoint: Array
    engine: dict[str, Array]
    hand: dict[str, Array]


def update(weights: Weights, image: Array, label: int, ties: Ties, rate: float = RATE) -> Update:
    """One step on an image (1, 4), by the engine and by hand."""
    net = question_net(ties, weights)
    Z = net[0](image[np.newaxis])
    P = net[1](Z)
    a = net[2:](P)
    nn.BinaryCrossEntropy()(a, np.array([[label]])).backward()
    adjoint = P.grad[0, 0]
    w, w0 = net[0].weight, net[0].bias
    engine = {"dL/dw": w.grad.ravel(), "dL/dw0": w0.grad}
    nn.SGD([w, w0], rate).step()
    engine |= {"w": w.data.ravel(), "w0": w0.data}
    hand = by_rule(image.ravel(), Z.data.ravel(), adjoint, ties)
    hand |= {"w": weights[0] - rate * hand["dL/dw"], "w0": weights[1] - rate * hand["dL/dw0"]}
    return Update(Z.data.ravel(), P.data.ravel(), adjoint, engine, hand)


def by_rule(x: Array, Z: Array, dP: Array, ties: Ties) -> dict[str, Array]:
    """Σ_i dL/dP_i Σ_j s_ij x_(j+k-2) for each w_k, and the same without x for w0."""
    padded = [0.0, *x, 0.0]
    dw, dw0 = np.zeros(3), 0.0
    for i in range(len(dP)):
        window = (2 * i, 2 * i + 1)
        for j, share in zip(window, shares([Z[j] for j in window], ties), strict=True):
            dw0 += dP[i] * share
            for k in range(3):
                dw[k] += dP[i] * share * padded[j + k]
    return {"dL/dw": dw, "dL/dw0": np.array([dw0])}


# Small whole numbers tie often; the others hardly ever, but for equal windows of the image.
TYING: Weights = ((1.0, -1.0, 1.0), 0.5, (1.0, 2.0), -2.0)
OTHERS: Weights = ((0.7, -1.3, 0.4), 0.2, (1.1, -0.6), 0.3)


# --- what a single filter can't do ----------------------------------------------------------------

CONFLICTS = [
    (("1010",), "1001"), (("0101",), "1001"), (("1010",), "0010"), (("0101",), "0100"),
    (("1011",), "1111"), (("1101",), "1111"), (("1011", "1101"), "1110"),
    (("1011", "1101"), "0111"), (("0101", "1010"), "0000"),
]  # fmt: skip


@dataclass(frozen=True)
class Search:
    """Nets with a single filter, drawn at random.

    Attributes:
        nets: how many.
        best: the most images that any of them gets right, each with its best threshold v0.
        conflicts: in how many nets each of ``CONFLICTS`` holds.
        free: the nets in which none does.
    """

    nets: int
    best: int
    conflicts: list[int]
    free: int


def search(nets: int = 100_000, seed: int = 0) -> Search:
    """Look for a net with one filter that tells all images apart."""
    images, labels = nn.flatland(4)
    generator = np.random.default_rng(seed)
    w, v = generator.normal(size=(nets, 1, 3)), generator.normal(size=(nets, 2))
    z = np.sum(ad.max_pool(ad.conv(images, w, padding=1), 2) * v, axis=2)  # v0 and w0 only shift it
    of = dict(zip(map(name, images), z, strict=True))
    holds = [
        np.min([of[positive] for positive in positives], axis=0) <= of[negative] + 1e-12
        for positives, negative in CONFLICTS
    ]
    order = np.argsort(z, axis=0, kind="stable")
    missed = np.cumsum(labels[order], axis=0)[:-1]  # positives below each threshold
    accepted = np.cumsum(1 - labels[order[::-1]], axis=0)[::-1][1:]  # negatives above it
    gaps = np.diff(np.take_along_axis(z, order, axis=0), axis=0) > 1e-12
    wrong = np.where(gaps, missed + accepted, len(images)).min()
    return Search(nets, len(images) - int(wrong), [int(h.sum()) for h in holds],
                  int(nets - np.any(holds, axis=0).sum()))  # fmt: skip


# --- the report -----------------------------------------------------------------------------------

RULES = """\
P_i is the larger of its two Z_j. Let s_ij be the share of its adjoint that Z_j receives: 1 for
the larger one, 0 for the other; where both are equal, a rule has to say. Then
  dL/dw_k = Σ_i dL/dP_i · Σ_j s_ij · x_(j+k-2)     since dZ_j/dw_k = x_(j+k-2)
  dL/dw0  = Σ_i dL/dP_i · Σ_j s_ij                 since dZ_j/dw0  = 1
  w_k ← w_k - η · dL/dw_k,   w0 ← w0 - η · dL/dw0
So w1 moves by the pixel in front of each winner. For w0 the Σ_j is 1, and its update is
-η · (dL/dP_1 + dL/dP_2), except that ties="all" counts a tie twice. As for dL/dP itself, the
sigmoid and its loss give dL/dP_i = (a - y) · v_i.
"""
COMPARED = """
Engine against rules: the gradients and the parameters after a step of nn.SGD, for all 16 images,
with these weights, and with others that tie less often:
"""
ONE_FILTER = """\
Not with one filter. Of {nets} random nets, each with its best threshold, the best has {best} of
16 right. In each of them a negative image comes out at least as high as a positive one, or as the
lower one of two:
"""
WHY_NOT = """
Nets with none of these conflicts: {free}.

Why: let v1, v2 > 0; other signs go in the same way. Either a single pixel says as much as the
pattern, 0010 as 1010 or 0100 as 0101. Or not; then, if w2 ≥ w1 + w3, 1001 and 1010 pool to the
same P. If w2 < w1 + w3 and w2 ≥ 0, 1111 pools to no less than 1011 in both windows. And if w2 < 0,
both w1 and w3 are positive; let w1 ≥ w3 (else mirror everything). Then
  z(1011) - z(1110) = (v1 - v2)·|w2|   and   z(1101) - z(1110) = (v2 - v1)·w3,
and one of the two is not positive. The bias has no say, for max(Z_1 + w0, Z_2 + w0) is
max(Z_1, Z_2) + w0.
"""
MORE_FILTERS = """
More filters of the same kind help: their maxima stand at different places, and the dense layer
weighs them against each other. Single images at random, rate {rate}; the steps until all 16 are
right, looked at every 10 steps, from {starts} starts and for at most {most} steps:
"""
ORDERS = """\
`sgd(X, Y, iterations)` is called {calls} times with 10 iterations, for nets of eight filters. In
order, step t of a call takes image t; at random, any image.
"""
WHY_POOR = """
Why: each call starts again at image 0. Images {unseen} are never seen, and {positive} of the 4
positive ones are among them. A call with more iterations than there are images runs off the
end of the data. With 100 of them:
  {fault}
"Going on" keeps the order but starts where the last call stopped, and wraps around. Here it is
no worse than random draws: what is poor is to see a part of the data only. Random draws see all
of it in calls of any length, and at every step their mean gradient is that of the whole loss.
"""
LONGER = """\
Sixteen filters, {steps} batches of 32 images, accuracy on all 2^n images from {starts} starts.
There are two ways to pool: pairs, as in the question, with a dense layer over n/2 places; or the
whole image, one maximum for each filter wherever it is. "One answer" is what saying the same to
every image would get.
"""
WHY_WHOLE = """
Why: whether 1, 0, 1 is somewhere is an "or" over places. A maximum over all places is such an
"or": one filter that answers highest to 1, 0, 1 is enough, for any n. A sum over n/2 maxima is
none: many places that answer a little outweigh one that answers fully.

Pooled over the whole image, a net has the same parameters for every length. Those that learned
n = 6, on others:
"""


def main(seeds: int = 20) -> None:
    """Print the question and the answers.

    Args:
        seeds: how many starts the training makes.
    """
    starts = range(seeds)
    print(heading("A convolutional network in Flatland", "="))
    print(QUESTION)
    _print_shapes()
    _print_rules()
    _print_single_filter(starts)
    _print_trained(starts)
    _print_orders(starts)
    _print_longer(starts[:5])


def _print_shapes() -> None:
    print(heading("Shapes"))
    print(f"{question_net().summary((1, 4))}\n")
    print("Shapes are (channels, length). From n inputs, windows of length f with stride s make")
    print("(n + 2p - f)/s + 1 outputs, where p zeros stand at each end.")


def _print_rules() -> None:
    print(heading("The update of w1 and w0, given dL/dP"))
    print(RULES)
    images, labels = nn.flatland(4)
    w, w0, v, v0 = map(shown, TYING)
    print(f"With w = {w}, w0 = {w0}, v = {v} and v0 = {v0}; * marks a tie:\n")
    rows = []
    for image, label in zip(images, labels, strict=True):
        steps = {ties: update(TYING, image, int(label), ties) for ties in TIE_RULES}
        Z, P, t = steps["first"].Z, steps["first"].P, steps["first"].adjoint
        tied = "".join("*" if Z[2 * i] == Z[2 * i + 1] else " " for i in range(2))
        by_w1 = [_short(step.engine["dL/dw"][0]) for step in steps.values()]
        by_w0 = [_short(steps[ties].engine["dL/dw0"][0]) for ties in ("first", "all")]
        cells = (name(image), str(label), shown(Z), shown(P) + tied)
        rows.append((*cells, *map(_short, t), *by_w1, *by_w0))
    of_w1 = [f"{'dL/dw1 ' if ties == 'first' else ''}{ties}" for ties in TIE_RULES]
    head = ("x", "y", "Z", "P", "dL/dP1", "dL/dP2", *of_w1, "dL/dw0", "all")
    print(table(head, rows))
    print(COMPARED)
    print(table(("tie rule", "largest difference", "with others"), _differences_of_rules()))


def _differences_of_rules() -> list[tuple[str, ...]]:
    images, labels = nn.flatland(4)
    rows: list[tuple[str, ...]] = []
    for ties in TIE_RULES:
        worst = []
        for weights in (TYING, OTHERS):
            steps = [update(weights, x, int(y), ties) for x, y in zip(images, labels, strict=True)]
            worst.append(max(largest_difference(step.engine, step.hand) for step in steps))
        rows.append((ties, *(f"{difference:.1e}" for difference in worst)))
    return rows


def _print_single_filter(seeds: Sequence[int]) -> None:
    found = search()
    print(heading("Can it learn all 16 images?"))
    print(ONE_FILTER.format(nets=found.nets, best=found.best))
    rows = [
        (" or ".join(positives), negative, f"{count / found.nets:.1%}")
        for (positives, negative), count in zip(CONFLICTS, found.conflicts, strict=True)
    ]
    print(table(("positive", "not above the negative", "of the nets"), rows))
    print(WHY_NOT.format(free=found.free))
    images, labels = nn.flatland(4)
    right = judged(train_until_right(1, seeds).net, images, labels).right
    print(f"Training agrees: after {MOST_STEPS} steps from {len(seeds)} starts, one filter has "
          f"{right.min()} to {right.max()} of 16 right.")  # fmt: skip


def _print_trained(seeds: Sequence[int]) -> None:
    print(MORE_FILTERS.format(rate=shown(RATE), starts=len(seeds), most=MOST_STEPS))
    trainings: list[tuple[int, Ties]] = [(2, "first"), (4, "first")]
    trainings += [(8, ties) for ties in TIE_RULES]
    runs = {(filters, ties): train_until_right(filters, seeds, ties) for filters, ties in trainings}
    rows = []
    for (filters, ties), run in runs.items():
        done = run.steps[run.steps >= 0]
        few = [str(int(f(done))) if done.size else "-" for f in (np.min, np.median, np.max)]
        rows.append((str(filters), ties, f"{done.size} of {len(seeds)}", *few))
    print(table(("filters", "tie rule", "starts with 16", "fastest", "median", "slowest"), rows))
    run = runs[8, "first"]
    print(
        "\nHere only windows over equal neighbourhoods tie, as all of 0000 do. Whoever wins there,"
    )
    print('the pixels are the same, so all rules but "all" take the same steps.')
    print('\nEight filters, ties to the "first", steps by seed:')
    for tens in range(0, len(seeds), 10):
        part = zip(seeds[tens : tens + 10], run.steps[tens : tens + 10], strict=True)
        print("  " + "  ".join(f"{seed:>2}: {steps:<4}" for seed, steps in part).rstrip())
    images, labels = nn.flatland(4)
    a = ad.sigmoid(run.net.predict(side_by_side(images, run.net.nets)))[:, 0]
    print(f"\nWhat seed {seeds[0]} says then, a = σ(z):\n")
    said = [f"{name(x)}  y = {y}  a = {_short(p)}  {'right' if (p > 0.5) == y else 'WRONG'}"
            for x, y, p in zip(images, labels, a, strict=True)]  # fmt: skip
    for left, right in zip(said[:8], said[8:], strict=True):
        print(f"  {left}     {right}")


def _print_orders(seeds: Sequence[int]) -> None:
    print(heading("SGD in order against SGD with random draws"))
    print(ORDERS.format(calls=CALLS))
    orders: tuple[Order, ...] = ("in order", "in order, going on", "at random")
    drawn = {order: train_in_calls(order, seeds) for order in orders}
    rows = []
    for order, result in drawn.items():
        right = result.judged.right
        numbers = (f"{right.mean():.2f}", f"{(right == 16).sum()} of {len(seeds)}")
        seen = (f"{result.seen.sum(axis=0).mean():.1f}", f"{result.positive_seen:.1f}")
        rows.append((order, *seen, *numbers, f"{result.judged.loss.mean():.4f}"))
    head = ("drawn", "of 16 seen", "of 4 positive", "right of 16", "all right", "mean loss")
    print(table(head, rows))
    unseen = np.flatnonzero(~drawn["in order"].seen.any(axis=1))
    words = {"unseen": f"{unseen.min()} to {unseen.max()}",
             "positive": 4 - int(drawn["in order"].positive_seen)}  # fmt: skip
    try:
        train_in_calls("in order", seeds, calls=1, iterations=100)
        fault = "no error"
    except IndexError as error:
        fault = f"IndexError: {error}"
    print(WHY_POOR.format(fault=fault, **words).rstrip())


def _print_longer(seeds: Sequence[int]) -> None:
    print(heading("Longer images"))
    print(LONGER.format(starts=len(seeds), steps=BATCHES))
    rows = []
    pooled_whole = {}
    for n in (6, 8, 10):
        images, labels = nn.flatland(n)
        pairs, whole = (train_longer(n, seeds, whole=whole) for whole in (False, True))
        parts = [judged(net, images, labels).right / len(images) for net in (pairs, whole)]
        pooled_whole[n] = whole
        share = max(labels.mean(), 1 - labels.mean())
        numbers = [f"{f(part):.1%}" for part in parts for f in (np.median, np.max)]
        perfect = [f"{(part == 1).sum()} of {len(seeds)}" for part in parts]
        rows.append((n, len(images), f"{share:.1%}", *numbers[:2], perfect[0], *numbers[2:],
                     perfect[1]))  # fmt: skip
    columns = ("median", "best", "all right")
    print(table(("n", "images", "one answer", f"pairs: {columns[0]}", *columns[1:],
                 f"whole: {columns[0]}", *columns[1:]), rows))  # fmt: skip
    print(WHY_WHOLE)
    net = pooled_whole[6]
    rows = []
    for n in (4, 6, 8, 10, 12):
        images, labels = nn.flatland(n)
        right = judged(net, images, labels).right
        median = f"{np.median(right) / len(images):.1%}"
        rows.append((n, len(images), median, f"{(right == len(images)).sum()} of {len(seeds)}"))
    print(table(("n", "images", "median", "all right"), rows))
    filters = len(net.w.data) // net.nets
    strongest = int(np.argmax(np.abs(net.v.data[:filters, 0])))
    w, w0, v = (shown(p.data[strongest].squeeze()) for p in (net.w, net.w0, net.v))
    print("\nThe filter that counts most in the first of them has found the pattern itself:")
    print(f"  w = {w}, w0 = {w0}, v = {v}")


def _short(x: float) -> str:
    return f"{x + 0.0:.4f}"


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.flatland",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=20, help="how many starts the training makes")
    options = parser.parse_args(arguments)
    if not 1 <= options.seeds <= 100:
        parser.error(f"--seeds is between 1 and 100, got {options.seeds}")
    main(options.seeds)


if __name__ == "__main__":
    command_line()
