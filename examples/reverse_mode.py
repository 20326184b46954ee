"""Exercise: reverse-mode differentiation by hand, and backpropagation as the very same walk.

python -m examples.reverse_mode                  the schedule of sin(θ·x1 + x2) + θ·x2², a network's
python -m examples.reverse_mode --at 1 0.5 -2    at another θ, x1, x2
python -m examples.reverse_mode FOLDER           and drawings of both graphs, as SVG and PNG

The engine computes every adjoint. Beside it stand the derivatives that one would write by hand.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Tensor, Value
from autodiff.view import RenderError
from autodiff.view.explanation import Explanation
from examples.by_hand import largest_difference
from examples.report import heading, shown, table

Array: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float, float]

AT: Point = (0.5, 2.0, 3.0)
WIDTHS = (2, 3, 2, 1)  # inputs, two hidden layers, one output

QUESTION = """\
f = sin(θ·x1 + x2) + θ·x2².  In which order does reverse mode visit the nodes of this expression,
and which t_n = df/dn does it leave at each? Compare with the derivatives taken by hand.
"""

WHY = """\
Why this order: t_n adds up what all children of n pass on, so a node's turn comes when all of its
children have had theirs. Newest first is such an order, as a node is made after its operands.
{several} are used twice: two terms each, and their t is not complete before the second.
Every node is visited once, and one walk gives the derivatives by all three variables.
"""

NETWORK = """\
A network with two hidden layers of sigmoid units, and a sigmoid output:
    aˡ = Wˡ·hˡ⁻¹ + bˡ,   hˡ = σ(aˡ),   h⁰ = x,   E = ½ Σ (h³ - y)².
Textbooks give backpropagation as a recipe of its own, from the output to the input:
    δ³ = (h³ - y) ⊙ h³ ⊙ (1 - h³),    δˡ = (Wˡ⁺¹ᵀ·δˡ⁺¹) ⊙ hˡ ⊙ (1 - hˡ),
    dE/dWˡ = δˡ · hˡ⁻¹ᵀ,              dE/dbˡ = δˡ.
But δˡ is dE/daˡ: the adjoint of the node aˡ. So nothing has to be programmed: here is the walk of
the engine through the graph, and beside each step the line of the recipe that it carries out.
"""


@dataclass(frozen=True)
class Step:
    """A node of the expression, its adjoint by the engine, and its derivative by hand."""

    name: str
    expression: str
    value: float
    terms: str
    adjoint: float
    formula: str
    by_hand: float


def expression(at: Point = AT) -> Value:
    """The expression, with a label at every node, and adjoints."""
    θ, x1, x2 = (Value(x, label=name) for x, name in zip(at, ("θ", "x1", "x2"), strict=True))
    u = _labelled(θ * x1, "u")
    v = _labelled(u + x2, "v")
    s = _labelled(ad.sin(v), "s")
    q = _labelled(x2**2, "q")
    r = _labelled(θ * q, "r")
    f: Value = _labelled(s + r, "f")
    f.backward()
    return f


def _labelled(node: Any, label: str) -> Any:
    node.label = label
    return node


def by_hand(at: Point = AT) -> dict[str, tuple[str, float]]:
    """The derivative of f by every node, as a formula and as a number."""
    θ, x1, x2 = at
    cos = math.cos(θ * x1 + x2)
    return {
        "f": ("1", 1.0),
        "r": ("1", 1.0),
        "q": ("θ", θ),
        "s": ("1", 1.0),
        "v": ("cos(θ·x1 + x2)", cos),
        "u": ("cos(θ·x1 + x2)", cos),
        "x2": ("cos(θ·x1 + x2) + 2·θ·x2", cos + 2 * θ * x2),
        "x1": ("θ·cos(θ·x1 + x2)", θ * cos),
        "θ": ("x1·cos(θ·x1 + x2) + x2²", x1 * cos + x2**2),
    }


def schedule(f: Value, at: Point = AT) -> list[Step]:
    """The steps of the reverse walk in the engine's order, with the derivatives by hand."""
    hand = by_hand(at)
    steps = []
    for row in ad.explain(f).reverse:
        name = row.entry.name
        terms = " + ".join(f"{_times(term.factor)}t_{term.child}" for term in row.terms) or "1"
        value = float(row.entry.value) if row.entry.value is not None else math.nan
        made = row.entry.expression or "given"
        steps.append(Step(name, made, value, terms, float(row.adjoint), *hand[name]))
    return steps


def _times(factor: str | None) -> str:
    return "" if factor in (None, "1") else f"{factor}·"


# --- the network ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """Weights W1, W2, W3 and biases b1, b2, b3, an input x and a target y."""

    weights: list[Array]
    biases: list[Array]
    x: Array
    y: Array


def random_network(seed: int = 0, widths: Sequence[int] = WIDTHS) -> Network:
    """A network of normally distributed numbers."""
    generator = np.random.default_rng(seed)
    layers = list(zip(widths[1:], widths[:-1], strict=True))
    return Network(
        [generator.normal(size=layer) for layer in layers],
        [generator.normal(size=n) for n, _ in layers],
        generator.normal(size=widths[0]),
        generator.uniform(size=widths[-1]),
    )


def error_of(network: Network) -> Tensor:
    """The node E of the network, with labels and adjoints."""
    h: Any = Tensor(network.x, label="x")
    for k, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        z = _labelled(Tensor(W, label=f"W{k}") @ h, f"z{k}")
        a = _labelled(z + Tensor(b, label=f"b{k}"), f"a{k}")
        h = _labelled(ad.sigmoid(a), f"h{k}")
    e = _labelled(h - network.y, "e")
    E: Tensor = _labelled(0.5 * _labelled(ad.sum(_labelled(e**2, "q")), "S"), "E")
    E.backward()
    return E


def adjoints(explanation: Explanation) -> dict[str, Any]:
    """The adjoint of every node by name, in the order of the walk."""
    return {row.entry.name: row.adjoint for row in explanation.reverse}


def backpropagated(network: Network) -> dict[str, Array]:
    """The recipe: δ of every layer under the name of its a, and the derivatives by W and b."""
    outputs = [network.x]
    for W, b in zip(network.weights, network.biases, strict=True):
        outputs.append(1 / (1 + np.exp(-(W @ outputs[-1] + b))))
    found = {}
    arrives = outputs[-1] - network.y
    for k in range(len(network.weights), 0, -1):
        delta = arrives * outputs[k] * (1 - outputs[k])
        found[f"a{k}"] = delta
        found[f"b{k}"] = delta
        found[f"W{k}"] = np.outer(delta, outputs[k - 1])
        arrives = network.weights[k - 1].T @ delta
    return found


def line_of_recipe(name: str, last: int) -> str:
    """What a step of the walk is in the recipe."""
    if name == f"h{last}":
        return f"h{last} - y, how far the output is off"
    if name == "x":
        return "W1ᵀ·δ1: not needed for training"
    letter, layer = name[0], name[1:]
    if not layer.isdecimal():
        return "the derivative of ½ Σ (h - y)²"
    k = int(layer)
    return {
        "h": f"W{k + 1}ᵀ·δ{k + 1}: the error sent back through the weights",
        "a": f"δ{k} = t_h{k} ⊙ h{k} ⊙ (1 - h{k})",
        "b": f"dE/db{k} = δ{k}",
        "W": f"dE/dW{k} = δ{k} · {f'h{k - 1}' if k > 1 else 'x'}ᵀ",
        "z": f"δ{k} again: a sum passes it on",
    }[letter]


# --- the report -----------------------------------------------------------------------------------


def main(folder: Path | None = None, at: Point = AT, seed: int = 0) -> list[Path]:
    """Print the report, and write the drawings into ``folder``.

    Returns:
        the files written.
    """
    f = expression(at)
    print(heading("Reverse-mode differentiation", "=").lstrip("\n"))
    print(QUESTION)
    _print_schedule(schedule(f, at), at)
    E = error_of(random_network(seed))
    _print_network(ad.explain(E), random_network(seed))
    print(heading("Drawings"))
    print(
        "Along the arrows runs the forward pass. Against them runs the reverse pass: the label on"
    )
    print(
        "an arrow is ∂child/∂node, and t in a box is the sum over its outgoing arrows of label · t."
    )
    if folder is None:
        print("\nName a folder on the command line, and they are written there.")
        return []
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {"expression": ad.draw(f), "network": ad.draw(E)}
    written = [drawing.write(folder / f"{name}.{kind}")
               for name, drawing in drawings.items() for kind in ("svg", "png")]  # fmt: skip
    print("\nwritten:", *written)
    return written


def _print_schedule(steps: list[Step], at: Point) -> None:
    print(f"At θ = {shown(at[0])}, x1 = {shown(at[1])}, x2 = {shown(at[2])}, forwards:\n")
    made = [(step.name, step.expression, step.value) for step in reversed(steps)]
    print(table(("n", "is", "value"), made) + "\n")
    print("Backwards, t_n = Σ over children c of n: ∂c/∂n · t_c, in the engine's order:\n")
    rows = [
        (k, f"t_{step.name}", step.terms, step.adjoint, step.formula, step.by_hand)
        for k, step in enumerate(steps, 1)
    ]
    print(table(("", "t_n", "from its children", "engine", "by hand", "number"), rows) + "\n")
    several = [step.name for step in steps if " + " in step.terms]
    print(WHY.format(several=" and ".join(several)))
    difference = max(abs(step.adjoint - step.by_hand) for step in steps)
    print(f"Largest difference of engine and hand over all {len(steps)} nodes: {difference:.1e}.")


def _print_network(explanation: Explanation, network: Network) -> None:
    print(heading("Backpropagation is the same walk"))
    print(NETWORK)
    found = adjoints(explanation)
    last = len(network.weights)
    hand = backpropagated(network)
    rows = [
        (k, f"t_{name}", _numbers(t), line_of_recipe(name, last))
        for k, (name, t) in enumerate(found.items(), 1)
    ]
    print(table(("", "t_n", "engine", "in the recipe"), rows) + "\n")
    print("The δ of every unit, read off the adjoints and by the recipe in loops of NumPy:\n")
    deltas = [
        (f"δ{k}({i})", found[f"a{k}"][i - 1], hand[f"a{k}"][i - 1])
        for k in range(last, 0, -1)
        for i in range(1, len(hand[f"a{k}"]) + 1)
    ]
    print(table(("", "adjoint of a", "recipe"), deltas) + "\n")
    difference = largest_difference({name: found[name] for name in hand}, hand)
    numbers = sum(np.size(t) for t in hand.values())
    print(f"Largest difference over all {numbers} δ, dE/dW and dE/db: {difference:.1e}.")


def _numbers(t: Any) -> str:
    return shown(t) if np.size(t) <= 6 else f"{'×'.join(map(str, np.shape(t)))} numbers"


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.reverse_mode",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, nargs="?", help="where to write the drawings")
    parser.add_argument("--at", type=float, nargs=3, default=AT, metavar=("θ", "x1", "x2"))
    parser.add_argument("--seed", type=int, default=0, help="of the network's random numbers")
    options = parser.parse_args(arguments)
    if not math.isfinite(expression(tuple(options.at)).data):
        parser.error(f"--at: f is no finite number at {' '.join(map(str, options.at))}")
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    try:
        main(options.folder, tuple(options.at), options.seed)
    except (OSError, RenderError) as fault:
        sys.exit(f"error: {fault}")


if __name__ == "__main__":
    command_line()
