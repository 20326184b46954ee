"""Exercise: what backpropagation through a convolution, a dense layer and softmax comes to.

python -m examples.convolution_identities             the question, the derivations, the checks
python -m examples.convolution_identities --seed 3    with other random numbers in the checks

Every identity is found twice. Its terms are read off the reverse schedule that ``explain`` gives
for the layer written in single numbers. And its values are held to the engine's gradients on
arrays, and to differences of the loss.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import Tensor, Value
from autodiff.view.explanation import Explanation
from examples.by_hand import differences, largest_difference
from examples.derivation import Derived, Terms, comparison, read_off
from examples.report import heading, shown, table
from examples.signals import Place, Signal, convolve, flip, names, signal, subscript, terms

Array: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["convolution", "correlation"]

QUESTION = """\
A layer computes y from x, and from the layers behind it comes g = dL/dy. What is dL/dx, and what
are the gradients of its parameters?
  (a) true convolution, with zeros assumed wherever x is not given:  y = x ⋆ w,
          y_n = Σ_k w_k · x_(n-k)
  (b) cross-correlation, which networks call convolution:  y_n = Σ_k w_k · x_(n+k)
  (c) a dense layer:  y = W·x + b
  (d) softmax and its loss:  p = softmax(s),  L = -log p_c; its gradient by the scores s
To be shown, where flip(w)_k = w_(-k):
  (a) dL/dx = g ⋆ flip(w)      dL/dw = g ⋆ flip(x), read on the places where w is
  (b) dL/dx = g ⋆ w            dL/dw = x ⋆ flip(g), read on the places where w is
  (c) dL/dx = Wᵀ·g             dL/dW = g·xᵀ             dL/db = g
  (d) dL/ds = p - t, where t is 1 at c and 0 elsewhere
"""

FORMULAS: dict[Kind, dict[str, str]] = {
    "convolution": {"x": "g ⋆ flip(w)", "w": "g ⋆ flip(x)"},
    "correlation": {"x": "g ⋆ w", "w": "x ⋆ flip(g)"},
}


# --- layers from single numbers -------------------------------------------------------------------


def _weighted_sum(g: Sequence[Value], y: Sequence[Value]) -> Value:
    """L = Σ g_n · y_n, the simplest loss of which dL/dy is g."""
    L: Value = _added([a * b for a, b in zip(g, y, strict=True)])
    L.label = "L"
    return L


def _added(values: Sequence[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _values(letter: str, numbers: Signal) -> Signal:
    labels = names(letter, numbers)
    return {place: Value(float(x), label=labels[place]) for place, x in numbers.items()}


# --- convolutions ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A convolution: its kind, the sizes of x and w, and zeros before and after each axis."""

    kind: Kind
    image: Place
    filter: Place
    padding: tuple[tuple[int, int], ...]

    @property
    def first(self) -> Place:
        """The place of the first element of w, if x and y begin at 1 in every axis."""
        before = [pair[0] for pair in self.padding]
        if self.kind == "correlation":
            return tuple(-b for b in before)
        return tuple(b - (k - 1) for b, k in zip(before, self.filter, strict=True))

    @property
    def output(self) -> Place:
        """The size of y."""
        sizes = zip(self.image, self.filter, self.padding, strict=True)
        return tuple(n + sum(pair) - k + 1 for n, k, pair in sizes)

    def signals(self, x: Any, w: Any, g: Any) -> tuple[Signal, Signal, Signal]:
        """Arrays at their places."""
        ones = (1,) * len(self.image)
        return signal(x, ones), signal(w, self.first), signal(g, ones)

    def loss(self, x: Signal, w: Signal, g: Signal) -> float:
        """Σ g · y by loops."""
        y = convolve(x, w if self.kind == "convolution" else flip(w), g)
        return float(sum(g[n] * y[n] for n in g))

    def gradients(
        self, x: Signal, w: Signal, g: Signal
    ) -> dict[str, tuple[Signal, Signal, Signal]]:
        """The identities: for each of x and w the two signals to convolve, and where to read."""
        if self.kind == "convolution":
            return {"x": (g, flip(w), x), "w": (g, flip(x), w)}
        return {"x": (g, w, x), "w": (x, flip(g), w)}


def same(size: Place) -> tuple[tuple[int, int], ...]:
    """The padding that keeps the size; of an even filter, the longer half of it comes last."""
    return tuple(((k - 1) // 2, k // 2) for k in size)


def full(size: Place) -> tuple[tuple[int, int], ...]:
    """The padding with which y has every place that x ⋆ w reaches."""
    return tuple((k - 1, k - 1) for k in size)


def none(size: Place) -> tuple[tuple[int, int], ...]:
    """No padding: w lies within x."""
    return tuple((0, 0) for _ in size)


PADDINGS = {"same": same, "full": full, "none": none}
SIZES: list[tuple[Place, Place]] = [
    *(((n,), (k,)) for n in (4, 5) for k in (1, 2, 3, 4)),
    ((4, 4), (2, 2)),
    ((4, 5), (3, 3)),
    ((5, 4), (2, 3)),
]
DENSE_SIZES = [(2, 3), (3, 2), (1, 4), (4, 1), (5, 5)]
SOFTMAX_SIZES = [(2, 1.0), (3, 1.0), (10, 3.0), (10, 1000.0)]


def explained(case: Case, x: Any, w: Any, g: Any) -> tuple[Explanation, list[Derived]]:
    """The layer from single numbers: its reverse schedule, and the gradients read off it."""
    given = case.signals(x, w, g)
    X, W, G = (_values(letter, numbers) for letter, numbers in zip("xwg", given, strict=True))
    products = terms(W if case.kind == "convolution" else flip(W), X, G)
    Y = {n: _added([a * b for a, b in pairs]) for n, pairs in products.items()}
    for n, label in names("y", G).items():
        Y[n].label = label
    explanation = ad.explain(_weighted_sum(list(G.values()), list(Y.values())), limit=100_000)
    found = read_off(explanation)
    x_names, w_names, g_names = (
        names(letter, numbers) for letter, numbers in zip("xwg", given, strict=True)
    )
    derived = []
    for name, (a, b, on) in case.gradients(x_names, w_names, g_names).items():
        expected = terms(a, b, on)
        for place, label in names(name, on).items():
            derived.append(Derived(label, found[label], expected[place]))
    return explanation, derived


def terms_agree(case: Case) -> bool:
    """Whether all terms of all gradients of a convolution are those of the identity."""
    some = (np.ones(size) for size in (case.image, case.filter, case.output))  # terms, not values
    return all(gradient.agrees for gradient in explained(case, *some)[1])


# --- checks by numbers ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """Gradients from three sources, by the name of what they are by."""

    engine: dict[str, Any]
    formula: dict[str, Any]
    differences: dict[str, Any]

    @property
    def from_formula(self) -> float:
        """The largest difference of the engine and the identity."""
        return largest_difference(self.engine, self.formula)

    @property
    def from_differences(self) -> float:
        """The largest difference of the engine and differences of the loss."""
        return largest_difference(self.engine, self.differences)


def check_convolution(case: Case, generator: np.random.Generator) -> Checked:
    """The identities of a convolution at random numbers."""
    x, w, g = (generator.normal(size=size) for size in (case.image, case.filter, case.output))
    X, W = Tensor(x), Tensor(w)
    y = ad.conv(X[np.newaxis, np.newaxis], W[np.newaxis, np.newaxis], padding=case.padding,
                flip=case.kind == "convolution")  # fmt: skip
    y.backward(g[np.newaxis, np.newaxis])
    identities = case.gradients(*case.signals(x, w, g))
    formula = {
        name: np.reshape(list(convolve(*parts).values()), np.shape(of))
        for (name, parts), of in zip(identities.items(), (x, w), strict=True)
    }
    quotients = differences(
        lambda x, w: case.loss(*case.signals(x, w, g)), {"x": x, "w": w}, step=1.0
    )
    return Checked({"x": X.grad, "w": W.grad}, formula, quotients)


# --- dense layers ---------------------------------------------------------------------------------


def explained_dense(W: Array, x: Array, b: Array, g: Array) -> tuple[Explanation, list[Derived]]:
    """A dense layer from single numbers."""
    weights, inputs, biases, G = (
        _values(letter, signal(a, (1,) * a.ndim))
        for letter, a in zip("Wxbg", (W, x, b, g), strict=True)
    )
    y = [
        _added([weights[i, j] * inputs[(j,)] for (j,) in inputs]) + biases[(i,)] for (i,) in biases
    ]
    for i, node in enumerate(y, start=1):
        node.label = f"y{subscript((i,))}"
    explanation = ad.explain(_weighted_sum(list(G.values()), y))
    found = read_off(explanation)
    rows, columns = ([i for (i,) in a] for a in (biases, inputs))
    name = {place: value.label for place, value in weights.items()}
    expected: dict[str, Terms] = {
        f"x{subscript((j,))}": [(name[i, j], f"g{subscript((i,))}") for i in rows] for j in columns
    }
    expected |= {name[i, j]: [(f"g{subscript((i,))}", f"x{subscript((j,))}")] for i, j in weights}
    expected |= {f"b{subscript((i,))}": [(f"g{subscript((i,))}",)] for i in rows}
    return explanation, [Derived(of, found[of], products) for of, products in expected.items()]


def check_dense(outputs: int, inputs: int, generator: np.random.Generator) -> Checked:
    """The identities of a dense layer at random numbers."""
    W, x = generator.normal(size=(outputs, inputs)), generator.normal(size=inputs)
    b, g = generator.normal(size=(2, outputs))
    nodes = {"W": Tensor(W), "x": Tensor(x), "b": Tensor(b)}
    (nodes["W"] @ nodes["x"] + nodes["b"]).backward(g)
    formula = {
        "W": np.array([[g[i] * x[j] for j in range(inputs)] for i in range(outputs)]),
        "x": np.array([sum(W[i, j] * g[i] for i in range(outputs)) for j in range(inputs)]),
        "b": g,
    }
    quotients = differences(
        lambda W, x, b: float(np.sum(g * (W @ x + b))), {"W": W, "x": x, "b": b}, step=1.0
    )
    return Checked({name: node.grad for name, node in nodes.items()}, formula, quotients)


# --- softmax --------------------------------------------------------------------------------------


def explained_softmax(scores: Sequence[float], right: int) -> tuple[Explanation, list[Derived]]:
    """L = -log p_c = log Z - s_c from single numbers, with e_i = exp(s_i) and Z = Σ e_i.

    Args:
        scores: s.
        right: c, counted from 1.
    """
    s = list(_values("s", signal(scores, (1,))).values())
    powers = [ad.exp(score) for score in s]
    for i, power in enumerate(powers, start=1):
        power.label = f"e{subscript((i,))}"
    Z = _added(powers)
    Z.label = "Z"
    L = ad.log(Z) - s[right - 1]
    L.label = "L"
    explanation = ad.explain(L)
    found = read_off(explanation)
    derived = []
    for i, (score, power) in enumerate(zip(s, powers, strict=True), start=1):
        expected: Terms = [(str(power.label), "1/Z")] + ([("-1",)] if i == right else [])
        derived.append(Derived(str(score.label), found[str(score.label)], expected))
    return explanation, derived


def check_softmax(classes: int, size: float, generator: np.random.Generator) -> Checked:
    """The identity of softmax at random scores of a size, for the right class and soft targets."""
    s, right = size * generator.normal(size=classes), int(generator.integers(classes))
    soft = generator.dirichlet(np.ones(classes))
    hard = np.eye(classes)[right]
    p = np.exp(s - s.max()) / np.exp(s - s.max()).sum()

    def loss(s: Array, t: Array) -> float:
        return float(t.sum() * (s.max() + np.log(np.exp(s - s.max()).sum())) - t @ s)

    by_class = ad.grad(lambda s: ad.cross_entropy(s[np.newaxis], [right])[0])(s)
    by_target = ad.grad(lambda s: -ad.sum(soft * ad.log_softmax(s)))(s)
    step = 1e-5
    return Checked(
        {"s": by_class, "s, soft targets": by_target},
        {"s": p - hard, "s, soft targets": p - soft},
        {
            "s": differences(lambda s: loss(s, hard), {"s": s}, step)["s"],
            "s, soft targets": differences(lambda s: loss(s, soft), {"s": s}, step)["s"],
        },
    )


# --- the report -----------------------------------------------------------------------------------


def main(seed: int = 0) -> None:
    """Print the question, the derivations and the checks."""
    print(heading("Convolution identities", "="))
    print(QUESTION)
    _print_derivations()
    _print_dense()
    _print_softmax()
    _print_checks(seed)


def _print_derivations() -> None:
    x, g = [1.0, 2.0, 4.0], [0.5, -1.0, 2.0]
    even, odd = [3.0, -2.0], [3.0, -2.0, 1.0]
    print(heading("(a) and (b), derived"))
    print(
        "L = Σ g_n · y_n stands for everything behind the layer: it is the simplest loss of which"
    )
    print(
        "dL/dy is g. Here x has three pixels, w an even number of elements, at the places 0 and 1,"
    )
    print("and y is read where x is. The reverse schedule, number by number:\n")
    case = Case("convolution", (3,), (2,), ((1, 0),))
    explanation, derived = explained(case, x, even, g)
    print(f"{explanation}\n")
    print("Each t is the sum of all ways from its node to L. Written out, without factors of 1:\n")
    print(comparison(derived, FORMULAS[case.kind]))
    print(
        "\nWhy: x_m reaches y_n with the factor w_(n-m). So dL/dx_m = Σ_n g_n · w_(n-m), which is"
    )
    print("Σ_n g_n · flip(w)_(m-n), a convolution again. Likewise w_k reaches y_n with the factor")
    print(
        "x_(n-k), so dL/dw_k = Σ_n g_n · flip(x)_(k-n). That sum exists at more places than w has;"
    )
    print("what it is elsewhere would be the gradient of elements that w does not have:\n")
    _print_support(case, x, even, g)
    others: list[tuple[str, Case, list[float]]] = [
        ("w odd, its centre at 0", Case("convolution", (3,), (3,), same((3,))), odd),
        ("cross-correlation, w even", Case("correlation", (3,), (2,), ((0, 1),)), even),
        ("cross-correlation, w odd", Case("correlation", (3,), (3,), same((3,))), odd),
    ]
    for title, other, w in others:
        print(f"\nThe same with {title}:\n")
        print(comparison(explained(other, x, w, g)[1], FORMULAS[other.kind]))
    print("\nCross-correlation is convolution with flip(w), so in (b) the flips change places: g")
    print("goes back through w itself, and g ⋆ flip(x), the gradient by flip(w), is flipped again.")


def _print_support(case: Case, *arrays: list[float]) -> None:
    x, w, g = case.signals(*arrays)
    reached: Signal = {(n + k,): 0 for (n,) in g for (k,) in flip(x)}
    whole = sorted(convolve(g, flip(x), reached).items())
    rows = [
        ("k", *(str(k) for (k,), _ in whole)),
        ("g ⋆ flip(x)", *(shown(value) for _, value in whole)),
        ("is", *(f"dL/dw{subscript(k)}" if k in w else "-" for k, _ in whole)),
    ]
    print(table(rows[0], rows[1:]))


def _print_dense() -> None:
    print(heading("(c), derived"))
    W, b = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([0.5, -0.5])
    _, derived = explained_dense(W, np.array([1.0, -1, 2]), b, np.array([0.5, -1.0]))
    print("Two outputs, three inputs, in single numbers as above:\n")
    print(comparison(derived, {"x": "Wᵀ·g", "W": "g·xᵀ", "b": "g"}))
    print(
        "\nWhy: W_ij stands on the only way from x_j to y_i. Column j of W says where x_j goes, and"
    )
    print("what comes back to x_j is a sum over that column: a product with Wᵀ.")


def _print_softmax() -> None:
    print(heading("(d), derived"))
    explanation, derived = explained_softmax([1.0, 2.0, 3.0], right=2)
    print("-log p_c = log Z - s_c, with Z = Σ e_i and e_i = exp(s_i). Three classes, c = 2:\n")
    print(f"{explanation}\n")
    print(comparison(derived, {"s": "p - t"}))
    print("\nWhy: e_i/Z is p_i. Every score raises log Z, which gives p_i. Only the right one is")
    print("taken away as well, which gives the -1; p_c - 1 fades as p_c comes near 1.")


def _print_checks(seed: int) -> None:
    generator = np.random.default_rng(seed)
    print(heading(f"Checked by numbers, seed {seed}"))
    print("The engine's gradients on arrays of random numbers, against the identities computed by")
    print("loops and against differences of L: the largest difference of all elements, convolution")
    print(
        'and cross-correlation together. An even filter with the padding "same" has one zero more'
    )
    print("behind x than in front. Terms: those read off explain are those of the identity.\n")
    rows = []
    checks: list[Checked] = []
    for image, size in SIZES:
        for name, padding in PADDINGS.items():
            cases = [Case(kind, image, size, padding(size)) for kind in FORMULAS]
            both = [check_convolution(case, generator) for case in cases]
            checks += both
            rows.append((_by(image), _by(size), name, _by(cases[0].output), *_worst(both),
                         "the same" if all(map(terms_agree, cases)) else "OTHERS"))  # fmt: skip
    sizes = ("size of x", "of w", "padding", "of y")
    print(table((*sizes, "to identity", "to differences", "terms"), rows) + "\n")
    named = {f"dense, W {m}×{n}": check_dense(m, n, generator) for m, n in DENSE_SIZES}
    for classes, spread in SOFTMAX_SIZES:
        title = f"softmax, {classes} scores of about ±{spread:g}"
        named[title] = check_softmax(classes, spread, generator)
    rows_by_name = [(title, *_worst([checked])) for title, checked in named.items()]
    print(table(("", "to identity", "to differences"), rows_by_name))
    identity, quotient = _worst([*checks, *named.values()])
    print("\nDifferences of a loss of size 1000 have few digits: that is their rounding, not the")
    print("engine's. All other losses here are linear or small.")
    print(f"\nLargest difference of engine and identity:    {identity}")
    print(f"Largest difference of engine and differences: {quotient}")


def _worst(checks: Sequence[Checked]) -> tuple[str, str]:
    return (
        f"{max(checked.from_formula for checked in checks):.1e}",
        f"{max(checked.from_differences for checked in checks):.1e}",
    )


def _by(size: Place) -> str:
    return "×".join(map(str, size))


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.convolution_identities",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    main(options.seed)


if __name__ == "__main__":
    command_line()
