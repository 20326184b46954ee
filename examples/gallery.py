"""The pictures that textbooks draw, drawn from programs.

python -m examples.gallery FOLDER        writes them into FOLDER, as SVG and PNG

The syntax tree of an expression; a fully connected network and a convolutional one, unit by unit;
and LeNet, layer by layer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import autodiff as ad
from autodiff import Value
from autodiff.view import Drawing, RenderError
from nn import LeNet


def expression(*, symbols: bool = False) -> Drawing:
    """The syntax tree of sin(θ·x1 + x2) + θ·x2², its root at the top.

    Args:
        symbols: whether to show the operations only; else values and derivatives, too.
    """
    θ, x1, x2 = Value(0.5, label="θ"), Value(2.0, label="x1"), Value(3.0, label="x2")
    f = ad.sin(θ * x1 + x2) + θ * x2**2
    f.label = "f"
    f.backward()
    return ad.draw(f, direction="BT", symbols=symbols)


def fully_connected() -> Drawing:
    """Three inputs, two hidden layers of four units, one output."""
    numbers = Numbers()
    x = numbers.named("x", 3)
    h = dense(numbers, "u", "h", x, 4, ad.tanh)
    g = dense(numbers, "v", "g", h, 4, ad.tanh)
    (o,) = dense(numbers, "w", "o", g, 1, ad.sigmoid)
    layers = {"input": x, "hidden 1": h, "hidden 2": g, "output": [o]}
    return ad.draw_units(o, layers, weights=None, values=False)


def convolutional(*, values: bool = False) -> Drawing:
    """A 1-D convolution, max-pooling, a dense layer and an output; units above, weights below.

    Dense: each unit sees every unit before it, and each weight is used once. Convolution is the
    reverse: each unit sees three units, and each weight is used by every unit.
    """
    numbers = Numbers()
    x = numbers.named("x", 8)
    w = numbers.named("w", 3)  # one filter of length 3, stride 1
    c = labelled("c", [sum_of_products(w, x[i : i + 3]) for i in range(6)])
    p = labelled("p", [ad.maximum(c[i], c[i + 1]) for i in range(0, 6, 2)])  # k = 2
    d = dense(numbers, "v", "d", p, 3, ad.tanh)
    (o,) = dense(numbers, "u", "o", d, 1, ad.sigmoid)
    o.backward()
    layers = {"input": x, "convolution": c, "max-pooling": p, "dense": d, "output": [o]}
    return ad.draw_units(o, layers, weights="boxes", values=values)


def lenet_layers() -> Drawing:
    """LeNet for images of 28 by 28 pixels: a box for each layer."""
    return ad.draw(LeNet(generator=np.random.default_rng(0)), (1, 28, 28), direction="TB")


def layers_in_frames() -> Drawing:
    """Two layers of units, each in a frame of its own, with every operation and derivative."""
    numbers = Numbers()
    x = numbers.named("x", 2)
    with ad.scope("hidden"):
        h = dense(numbers, "w", "h", x, 2, ad.tanh)
    with ad.scope("output"):
        (o,) = dense(numbers, "v", "o", h, 1, ad.sigmoid)
    o.backward()
    return ad.draw(o)


PICTURES: dict[str, Callable[[], Drawing]] = {
    "syntax-tree": lambda: expression(symbols=True),
    "expression": expression,
    "fully-connected": fully_connected,
    "convolutional": convolutional,
    "convolutional-numbers": lambda: convolutional(values=True),
    "layers": layers_in_frames,
    "lenet": lenet_layers,
}


class Numbers:
    """Makes Values of random numbers, always the same ones."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)

    def named(self, name: str, n: int) -> list[Value]:
        """As many as are wanted, with indices behind the name if there are several."""
        return labelled(name, [Value(float(x)) for x in self._generator.normal(size=n).round(2)])


def labelled(name: str, values: Sequence[Value]) -> list[Value]:
    """Give each one its label: the name, and its index if there are several."""
    for i, value in enumerate(values, 1):
        value.label = f"{name}{i}" if len(values) > 1 else name
    return list(values)


def sum_of_products(weights: Sequence[Value], inputs: Sequence[Value]) -> Value:
    """Compute w1·x1 + w2·x2 + … from left to right."""
    products: list[Value] = [w * x for w, x in zip(weights, inputs, strict=True)]
    total = products[0]
    for product in products[1:]:
        total = total + product
    return total


def dense(
    numbers: Numbers,
    weight: str,
    name: str,
    inputs: Sequence[Value],
    units: int,
    activation: Callable[[Value], Value],
) -> list[Value]:
    """A layer in which each unit has a weight for each input."""
    return labelled(
        name,
        [
            activation(
                sum_of_products(
                    numbers.named(f"{weight}{j}" if units > 1 else weight, len(inputs)), inputs
                )
            )
            for j in range(1, units + 1)
        ],
    )


def main(folder: Path) -> list[Path]:
    """Write every picture into ``folder``, which is made if it isn't there.

    Returns:
        the files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [
        drawing.write(folder / f"{name}.{kind}")
        for name, picture in PICTURES.items()
        for drawing in [picture()]
        for kind in ("svg", "png")
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m examples.gallery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where to write the pictures")
    try:
        print("written:", *main(parser.parse_args().folder))
    except (OSError, RenderError) as fault:
        sys.exit(f"error: {fault}")
