"""Exercise: two convolutional networks built from single numbers, and the same from arrays.

python -m examples.cnn_from_scalars                         the report
python -m examples.cnn_from_scalars FOLDER                  and drawings, unit by unit
python -m examples.cnn_from_scalars FOLDER --image 1 1 0 1  with another image in Flatland

Backpropagation knows nothing of convolution: each unit is an expression of numbers, and the walk
through all of them gives what the layers of arrays give.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff.view import RenderError
from examples.mini_network import POOLINGS, random_numbers
from examples.report import heading, shown, table
from examples.scalar_networks import (
    Flatland,
    ScalarNetwork,
    apart,
    flatland_from_arrays,
    flatland_from_scalars,
    mini_from_arrays,
    mini_from_scalars,
    numbers_that_do_not_cancel,
    random_flatland,
)
from nn import flatland

Array: TypeAlias = NDArray[np.float64]

IMAGE = (1.0, 0.0, 1.0, 1.0)

QUESTION = """\
Can two convolutional networks be built of single numbers alone, with the same gradients?
  Flatland   x of 4 pixels, 0 or 1; c_i = w0 + w1·x_(i-1) + w2·x_i + w3·x_(i+1), zeros outside;
             p_1 = max(c_1, c_2), p_2 = max(c_3, c_4); o = σ(v0 + v1·p_1 + v2·p_2);
             J = -log o if the image contains 1, 0, 1, else -log(1 - o).
  mini CNN   x of 4×4 pixels, three filters of 2×2 with sigmoid, h; sums, or maxima, of 2×2 windows
             with stride 1, p; two sigmoid units, o; E = ½ Σ (o - y)².
"""

WHY = """\
Why the same: an array is many numbers at once, and its rule is that of the numbers. A weight that
is shared is one Value with many children, so its t_n, the sum over all children, is the sum over
all places that textbooks derive for convolutions.
Why not always to the last bit: the roundings of a sum depend on its order, and arrays add in an
order of their own. The last two bits make up to 4 units in the last place (ulps).
"""


@dataclass(frozen=True)
class Agreement:
    """How two computations of the same gradients compare.

    Attributes:
        numbers: how many derivatives there are.
        same: how many agree to the last bit.
        largest: the largest distance, in units in the last place.
    """

    numbers: int
    same: int
    largest: float


def agreement(distances: Sequence[Array]) -> Agreement:
    """Sum up distances in units in the last place."""
    every = np.concatenate(distances)
    return Agreement(every.size, int(np.count_nonzero(every == 0)), float(every.max()))


def of_flatland(given: Flatland) -> Agreement:
    """The Flatland CNN over all 16 images."""
    images, labels = flatland(4)
    return agreement(
        [
            apart(
                flatland_from_scalars(given, image, int(label)).gradients(),
                flatland_from_arrays(given, image, int(label)),
            )
            for image, label in zip(images[:, 0], labels, strict=True)
        ]
    )


def contains_101(image: Sequence[float]) -> int:
    """The label of an image in Flatland."""
    pixels = "".join(str(int(pixel)) for pixel in image)
    return int("101" in pixels)


def main(folder: Path | None = None, image: Sequence[float] = IMAGE, seed: int = 0) -> list[Path]:
    """Print the report, and write the drawings into ``folder``.

    Returns:
        the files written.
    """
    given = random_flatland(seed)
    label = contains_101(image)
    net = flatland_from_scalars(given, np.array(image, float), label)
    mini = {p: mini_from_scalars(numbers_that_do_not_cancel(seed), p) for p in POOLINGS}
    print(heading("Convolutional networks from single numbers", "=").lstrip("\n"))
    print(QUESTION)
    _print_flatland(net, given, image, label)
    _print_mini(mini["sum"])
    print(heading("Scalars against arrays"))
    rows = [("Flatland, 16 images", *vars(of_flatland(given)).values())]
    for pooling in POOLINGS:
        numbers = numbers_that_do_not_cancel(seed)
        distances = apart(mini[pooling].gradients(), mini_from_arrays(numbers, pooling))
        rows.append((f"mini CNN, {pooling}-pooling", *vars(agreement([distances])).values()))
    head = ("network", "derivatives", "same to the last bit", "largest distance in ulps")
    print(table(head, rows) + "\n")
    print(WHY)
    _print_cancelling(seed)
    print(heading("Drawings"))
    if folder is None:
        print("Name a folder on the command line, and they are written there.")
        return []
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "flatland-units": ad.draw_units(net.loss, net.columns()),
        "flatland-operations": ad.draw(net.loss),
        "mini-units": ad.draw_units(mini["sum"].loss, mini["sum"].columns(), weights=None),
        "mini-one-unit": ad.draw(mini["sum"].units["h111"].node),
    }
    written = [drawing.write(folder / f"{name}.{kind}", dpi=96)
               for name, drawing in drawings.items() for kind in ("svg", "png")]  # fmt: skip
    print("In a box stand the value of a unit and t, the derivative of the loss by it.\n")
    print("written:", *written)
    return written


def _print_flatland(
    net: ScalarNetwork, given: Flatland, image: Sequence[float], label: int
) -> None:
    print(heading("Flatland, unit by unit"))
    about = "contains" if label else "does not contain"
    print(f"The image {shown(image)}, which {about} 1, 0, 1.\n")
    _print_units(net, [name for names in net.layers.values() for name in names])
    print(f"\n  J = {shown(net.loss.data)}\n")
    _print_gradients(net.gradients(), flatland_from_arrays(given, np.array(image), label))


def _print_mini(net: ScalarNetwork) -> None:
    print(heading("Mini CNN with sum-pooling, a unit of each layer"))
    counts = ", ".join(f"{len(names)} of {layer}" for layer, names in net.layers.items())
    print(f"Units: {counts}; {len(ad.explain(net.loss, limit=10**4).reverse)} nodes in all.\n")
    _print_units(net, ["x11", "h111", "h122", "p111", "o1", "o2"])
    uses = sum(weight is net.parameters["w"][0, 0, 0]
               for unit in net.units.values() for _, weight in unit.inputs)  # fmt: skip
    print(f"\n  E = {shown(net.loss.data)};  w111 is used by {uses} units.")


def _print_units(net: ScalarNetwork, names: Sequence[str]) -> None:
    rows = []
    for name in names:
        unit = net.units[name]
        sees = ", ".join(source for source, _ in unit.inputs) or "the pixel"
        sees = sees if len(sees) < 40 else f"{len(unit.inputs)} units"
        rows.append((name, sees, unit.node.data, unit.node.grad or 0.0))
    print(table(("unit", "sees", "value", "t"), rows))


def _print_gradients(scalars: dict[str, Array], arrays: dict[str, Array]) -> None:
    rows = [
        (f"{name}{i + 1}" if len(x) > 1 else name, x[i], arrays[name][i], f"{gap[i]:g}")
        for name, x in scalars.items()
        for gap in [apart({name: x}, arrays)]
        for i in range(len(x))
    ]
    print(table(("dJ by", "from numbers", "from arrays", "ulps apart"), rows))


def _print_cancelling(seed: int) -> None:
    given = random_numbers(seed)
    print(
        "The numbers above are such that the sums of Flatland are exact, and the terms of those of"
    )
    print(
        "the mini CNN have one sign. Where terms of both signs all but cancel, their roundings are"
    )
    print("left: many ulps of a small result. So it is with the numbers of examples.mini_cnn:\n")
    rows = []
    for pooling in POOLINGS:
        scalars = mini_from_scalars(given, pooling).gradients()
        arrays = mini_from_arrays(given, pooling)
        relative = max(
            float(np.abs(scalars[n] - arrays[n]).max() / np.abs(arrays[n]).max()) for n in scalars
        )
        ulps = agreement([apart(scalars, arrays)]).largest
        rows.append((f"mini CNN, {pooling}-pooling", f"{ulps:g}", f"{relative:.1e}"))
    print(table(("network", "largest distance in ulps", "relative to the largest"), rows))


def command_line(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the report."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.cnn_from_scalars",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, nargs="?", help="where to write the drawings")
    parser.add_argument("--image", type=int, choices=(0, 1), nargs=4, default=None,
                        metavar="PIXEL", help="four pixels, 0 or 1")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is never negative, got {options.seed}")
    image = IMAGE if options.image is None else [float(pixel) for pixel in options.image]
    try:
        main(options.folder, image, options.seed)
    except (OSError, RenderError) as fault:
        sys.exit(f"error: {fault}")


if __name__ == "__main__":
    command_line()
