"""Exercise: a small convolutional network computed by hand, forwards and backwards.

python -m examples.toy_cnn               the question, its twelve answers, and where they come from
python -m examples.toy_cnn --rate 0.1    with another step of gradient descent at the end

The engine computes every number. Beside it, ``by_hand`` computes the same from the formulas that
one would use on paper, and the report ends with the largest difference.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Tensor
from autodiff.kernels.pooling import Ties
from examples.by_hand import TIE_RULES, largest_difference, shares
from examples.report import heading, matrices, shown, table

Array = NDArray[np.float64]

IMAGE = np.array([[0.0, 0, 4, 0], [0, 2, 5, 0], [0, 0, 1, 0], [0, 0, 2, 0]])
FILTERS = np.array([[[1.0, 1], [2, 0]], [[2, 1], [0, 2]]])
W1 = np.array(
    [
        [1, 0.5, 1, 2, -1, 1, 1, -1],
        [0.5, 1, 2, 1, -0.5, 0.5, -1, 1],
        [0.25, -1, 1, 1, 0.5, -1, -1, -1],
    ]
)
BIAS = np.zeros(3)
CLASS = 2  # of 3, counted from 1 as in the question
RATE = 0.01

QUESTION = """\
A 4×4 image I with one channel goes through
  1. a convolution C with two 2×2 filters, stride 1, no padding,
         C(i,j,k) = Σ_ab Fk(a,b) · I(i+a-1, j+b-1);
  2. max-pooling P, 2×2, stride 1;
  3. vectorisation v, row by row, one channel after the other;
  4. a dense layer z = W1·v + b with b = 0, and ReLU, y = max(z, 0);
  5. softmax p and the loss J = -log p(c), where c = 2 is the right one of 3 classes.
All indices count from 1.
"""

WHY_ILL_POSED = """\
Why the last answer needs a rule. In channel 1 the pooling window {window} holds the values
{values}: the largest one is there {count} times, at {places}.
The pooled value is their maximum, and a maximum of two equal numbers has no derivative: as F1(1,1)
grows, the place wins that multiplies it by the larger pixel; as it shrinks, the other one.
So J has a kink at F1(1,1) = {weight}, with one slope on each side:
"""


@dataclass(frozen=True)
class Parameters:
    """What training changes: filters (2, 2, 2), the dense layer (3, 8) and its bias (3,)."""

    F: Array
    W1: Array
    b: Array


START = Parameters(FILTERS, W1, BIAS)


@dataclass(frozen=True)
class Computed:
    """Every quantity of a forward and a backward pass.

    Attributes:
        values: C (2, 3, 3), P (2, 2, 2), v (8,), z, y, p (3,), J.
        gradients: dJ by each of these, and by F, W1 and b.
    """

    values: dict[str, Any]
    gradients: dict[str, Any]

    @property
    def everything(self) -> dict[str, Any]:
        """Both in one dictionary, to be compared."""
        return {**self.values, **{f"d{name}": t for name, t in self.gradients.items()}}


def by_engine(start: Parameters = START, ties: Ties = "first", flip: bool = False) -> Computed:
    """Let the library compute and differentiate the network.

    Args:
        start: the parameters.
        ties: who gets the adjoint of a pooling window with several largest elements.
        flip: true convolution, with flipped filters, in place of cross-correlation.
    """
    F, W, b = Tensor(start.F[:, np.newaxis]), Tensor(start.W1), Tensor(start.b)
    C = ad.conv(IMAGE[np.newaxis, np.newaxis], F, flip=flip)
    P = ad.max_pool(C, 2, stride=1, ties=ties)
    v = ad.reshape(P, (8,))
    z = W @ v + b
    y = ad.relu(z)
    p = ad.softmax(y)
    J = -ad.log(p[CLASS - 1])
    J.backward()
    nodes = {"C": C, "P": P, "v": v, "z": z, "y": y, "p": p, "J": J, "F": F, "W1": W, "b": b}
    shapes = {"C": (2, 3, 3), "P": (2, 2, 2), "F": (2, 2, 2)}  # without batch and image channel
    values = {name: np.reshape(node.data, shapes.get(name, node.shape))
              for name, node in nodes.items()}  # fmt: skip
    gradients = {name: np.reshape(node.grad, values[name].shape)
                 for name, node in nodes.items() if name != "J"}  # fmt: skip
    return Computed({name: values[name] for name in "CPvzypJ"}, gradients)


def by_hand(start: Parameters = START, ties: Ties = "first") -> Computed:
    """The same by the formulas of the report: loops, and not a node."""
    C, P = np.zeros((2, 3, 3)), np.zeros((2, 2, 2))
    for k, i, j in np.ndindex(C.shape):
        C[k, i, j] = sum(start.F[k, a, c] * IMAGE[i + a, j + c] for a, c in np.ndindex(2, 2))
    for k, i, j in np.ndindex(P.shape):
        P[k, i, j] = max(_window(C, k, i, j))
    v = P.ravel()
    z = np.array([sum(w * x for w, x in zip(row, v, strict=True)) for row in start.W1]) + start.b
    y = np.array([max(x, 0.0) for x in z])
    p = np.array([math.exp(x - max(y)) for x in y])
    p /= sum(p)
    target = np.array([float(k == CLASS - 1) for k in range(3)])
    dy = p - target
    dz = np.array([t if x > 0 else 0.0 for t, x in zip(dy, z, strict=True)])
    dv = np.array([sum(start.W1[:, n] * dz) for n in range(8)])
    dP = dv.reshape(P.shape)
    dC, dF = np.zeros_like(C), np.zeros_like(start.F)
    for k, i, j in np.ndindex(P.shape):
        for (a, c), share in zip(np.ndindex(2, 2), shares(_window(C, k, i, j), ties), strict=True):
            dC[k, i + a, j + c] += share * dP[k, i, j]
    for k, a, c in np.ndindex(dF.shape):
        dF[k, a, c] = sum(dC[k, i, j] * IMAGE[i + a, j + c] for i, j in np.ndindex(3, 3))
    values = {"C": C, "P": P, "v": v, "z": z, "y": y, "p": p, "J": np.array(-math.log(p[1]))}
    gradients = {"C": dC, "P": dP, "v": dv, "z": dz, "y": dy, "p": -target / p,
                 "F": dF, "W1": np.outer(dz, v), "b": dz}  # fmt: skip
    return Computed(values, gradients)


def _window(C: Array, k: int, i: int, j: int) -> list[float]:
    """The window of C that P(i, j) pools in channel k, row by row."""
    return [float(x) for x in C[k, i : i + 2, j : j + 2].ravel()]


def stepped(start: Parameters, gradients: dict[str, Any], rate: float = RATE) -> Parameters:
    """The parameters after one step of gradient descent."""
    return Parameters(
        start.F - rate * gradients["F"],
        start.W1 - rate * gradients["W1"],
        start.b - rate * gradients["b"],
    )


@dataclass(frozen=True)
class Slopes:
    """The derivative of J by F1(1,1) on both sides of its value."""

    left: float
    right: float
    central: float


def slopes(beside: float = 1e-9, step: float = 1e-6) -> Slopes:
    """The slopes by the engine ``beside`` the kink, where no window of channel 1 has a tie.

    And the difference of J over a larger ``step`` to both sides, as a numerical check takes it.
    """
    left, right = (by_engine(_moved(h)).gradients["F"][0, 0, 0] for h in (-beside, beside))
    below, above = (float(by_engine(_moved(h)).values["J"]) for h in (-step, step))
    return Slopes(float(left), float(right), (above - below) / (2 * step))


def _moved(by: float) -> Parameters:
    F = FILTERS.copy()
    F[0, 0, 0] += by
    return Parameters(F, W1, BIAS)


@dataclass(frozen=True)
class Tie:
    """A pooling window with several largest elements; all indices count from 1."""

    channel: int
    window: tuple[int, int]
    values: tuple[float, ...]
    places: tuple[tuple[int, int], ...]


def ties_of(C: Array) -> list[Tie]:
    """Every window of the pooling in which more than one element is the largest."""
    found = []
    for k, i, j in np.ndindex(2, 2, 2):
        values = _window(C, k, i, j)
        won = [place for place, x in zip(np.ndindex(2, 2), values, strict=True) if x == max(values)]
        if len(won) > 1:
            places = tuple((i + a + 1, j + c + 1) for a, c in won)
            found.append(Tie(k + 1, (i + 1, j + 1), tuple(values), places))
    return found


def answers(computed: Computed) -> list[tuple[str, Any]]:
    """The twelve quantities that the question asks for."""
    values, gradients = computed.values, computed.gradients
    return [
        ("size of C", "×".join(map(str, _image_shape(values["C"])))),
        ("size of P, after pooling", "×".join(map(str, _image_shape(values["P"])))),
        ("length after ReLU, y", len(values["y"])),
        ("length after softmax, p", len(values["p"])),
        ("C(1,1,2)", values["C"][1, 0, 0]),
        ("P(2,1,1)", values["P"][0, 1, 0]),
        ("y(2), after ReLU", values["y"][1]),
        ("p(2), after softmax", values["p"][1]),
        ("J, the loss", values["J"]),
        ("dJ/dy", gradients["y"]),
        ("dJ/dW1(1,1)", gradients["W1"][0, 0]),
        ("dJ/dF1(1,1)", gradients["F"][0, 0, 0]),
    ]


def _image_shape(maps: Array) -> tuple[int, int, int]:
    """(height, width, channels), the order in which the question counts."""
    channels, height, width = maps.shape
    return height, width, channels


# --- the report -----------------------------------------------------------------------------------


def main(rate: float = RATE) -> None:
    """Print the question, the answers and where they come from."""
    passes = {ties: by_engine(ties=ties) for ties in TIE_RULES}
    flipped = by_engine(flip=True)
    print(heading("A toy CNN by hand", "="))
    print(QUESTION)
    print(matrices(I=IMAGE, F1=FILTERS[0], F2=FILTERS[1]) + "\n")
    print(matrices(W1=W1))
    _print_forward(passes["first"])
    _print_answers(passes["first"], flipped)
    _print_backward(passes["first"])
    _print_ties(passes)
    _print_step(passes, rate)
    print(heading("Engine against formulas"))
    differences = [
        (ties, largest_difference(passes[ties].everything, by_hand(ties=ties).everything))
        for ties in TIE_RULES
    ]
    count = sum(np.size(x) for x in passes["first"].everything.values())
    print(f"All {count} numbers above and below J, once by the engine and once by loops:\n")
    print(table(("tie rule", "largest difference"), differences))


def _print_forward(computed: Computed) -> None:
    C, P = computed.values["C"], computed.values["P"]
    print(heading("Forwards"))
    print("Without padding and with stride 1 a window of 2 leaves 4 - 2 + 1 = 3 places, and then")
    print("3 - 2 + 1 = 2. One map for each filter:\n")
    print(matrices(C1=C[0], C2=C[1]) + "\n")
    print(matrices(P1=P[0], P2=P[1]) + "\n")
    names = {"v": "P1, then P2, row by row", "z": "W1·v + b", "y": "max(z, 0)",
             "p": "exp(y) / Σ exp(y)"}  # fmt: skip
    rows = [(name, formula, computed.values[name]) for name, formula in names.items()]
    print(table(("", "formula", "value"), [*rows, ("J", "-log p(2)", computed.values["J"])]))


def _print_answers(computed: Computed, flipped: Computed) -> None:
    print(heading("The twelve answers"))
    both = zip(answers(computed), answers(flipped), strict=True)
    rows = [(str(n), name, x, other) for n, ((name, x), (_, other)) in enumerate(both, start=1)]
    print(table(("", "asked", "as asked", "true convolution"), rows))
    print(f"\ndJ/dp, by the softmax itself, is {shown(computed.gradients['p'])}.")
    print("In 12 the tie goes to the first place, row by row; see below for the other rules.")
    print("The last column is for answer keys in which convolution flips the filters: the formula")
    print(
        "above, cross-correlation, is what networks call convolution. Flipped filters tie nowhere"
    )
    print(f"({len(ties_of(flipped.values['C']))} windows), so there answer 12 depends on no rule.")
    print("Its terms cancel but for p(3): it is 0, and the digits shown are those of rounding.")


def _print_backward(computed: Computed) -> None:
    t = computed.gradients
    print(heading("Backwards"))
    print("Each line follows from the one above it by the chain rule.\n")
    rows = [
        ("dJ/dy", "p - t, with t = (0, 1, 0)", t["y"]),
        ("dJ/dz", "dJ/dy where z > 0, else 0: ReLU", t["z"]),
        ("dJ/db", "dJ/dz", t["b"]),
    ]
    print(table(("", "formula", "value"), rows) + "\n")
    print("dJ/dW1 = dJ/dz · vᵀ, and dJ/dP is dJ/dv = W1ᵀ · dJ/dz, folded into maps again:\n")
    print(matrices(**{"dJ/dW1": t["W1"]}) + "\n")
    print(matrices(**{"dJ/dP1": t["P"][0], "dJ/dP2": t["P"][1]}) + "\n")
    print("Each dJ/dP goes to the place that won the window; one that won several adds them up.")
    print("dJ/dFk(a,b) = Σ_ij dJ/dCk(i,j) · I(i+a-1, j+b-1). With ties to the first place:\n")
    print(matrices(**{"dJ/dC1": t["C"][0], "dJ/dC2": t["C"][1]}) + "\n")
    print(matrices(**{"dJ/dF1": t["F"][0], "dJ/dF2": t["F"][1]}) + "\n")
    print(
        "The third row of W1 learns nothing: z(3) < 0, so ReLU passes nothing back to it. Nor does"
    )
    print("F2: one place of C2 wins both upper windows, another one both lower windows, and their")
    above, below = t["P"][1].sum(axis=1)
    print(f"adjoints cancel (sums {shown(above)} and {shown(below)}).")
    print("Numbers near 1e-16 beside larger ones are zeros that rounding has touched.")


def _print_ties(passes: dict[Ties, Computed]) -> None:
    C = passes["first"].values["C"]
    print(heading("dJ/dF1(1,1) under every tie rule"))
    found = [tie for tie in ties_of(C) if tie.channel == 1]
    for tie in found:
        words = {
            "window": f"P1{tie.window}".replace(" ", ""),
            "values": shown(tie.values),
            "count": len(tie.places),
            "places": " and ".join(f"C1({i},{j})" for i, j in tie.places),
            "weight": shown(FILTERS[0, 0, 0]),
        }
        print(WHY_ILL_POSED.format(**words))
    sides = slopes()
    rows = [
        ("just below F1(1,1) = 1", sides.left),
        ("just above", sides.right),
        ("central difference across it", sides.central),
    ]
    print(table(("slope of J", "value"), rows) + "\n")
    meaning = {
        "first": "the first place in row order gets all",
        "last": "the last place gets all",
        "all": "each place gets all: counted twice",
        "split": "each place gets half: the mean of the slopes",
    }
    rows_by_rule = [
        (ties, meaning[ties], passes[ties].gradients["F"][0, 0, 0], passes[ties].gradients["F"][0])
        for ties in TIE_RULES
    ]
    print(table(("ties=", "", "dJ/dF1(1,1)", "dJ/dF1"), rows_by_rule))
    low, high = sides.left, sides.right
    inside = [ties for ties in TIE_RULES
              if low - 1e-8 <= passes[ties].gradients["F"][0, 0, 0] <= high + 1e-8]  # fmt: skip
    print(f"\nBetween the two slopes, where every number is a fair choice: {', '.join(inside)}.")
    outside = [ties for ties in TIE_RULES if ties not in inside]
    print(f"Outside, so that no direction has this slope: {', '.join(outside) or 'none'}.")
    print('A numerical check by central differences can only ever confirm "split".')


def _print_step(passes: dict[Ties, Computed], rate: float) -> None:
    print(heading(f"After one step of gradient descent with rate {shown(rate)}"))
    print("Each parameter w becomes w - rate · dJ/dw. W1 and b do not depend on the tie rule:\n")
    after = {ties: stepped(START, passes[ties].gradients, rate) for ties in TIE_RULES}
    print(matrices(W1=after["first"].W1) + "\n")
    print(matrices(b=after["first"].b) + "\n")
    rows = [(ties, new.F[0], new.F[1], by_engine(new).values["J"]) for ties, new in after.items()]
    print(table(("ties=", "F1", "F2", "J afterwards"), rows))
    print(f"\nBefore the step J was {shown(passes['first'].values['J'])}.")


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.toy_cnn",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=float, default=RATE, help="of the step at the end")
    options = parser.parse_args(arguments)
    if not (options.rate > 0 and math.isfinite(options.rate)):
        parser.error(f"--rate is a positive number, got {options.rate}")
    main(options.rate)


if __name__ == "__main__":
    command_line()
