"""What a trained LeNet sees: its input, the maps of its second and third layer, and its kernels.

    python -m examples.feature_maps          trains on the embedded digits, writes feature-maps.png

Layers are counted from the image: it is the first, the convolution the second, the max-pooling the
third. What changes from layer to layer, and why, stands in the figure and is printed.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from examples.lenet import train_lenet
from nn import Dataset, Sequential, load_digits
from nn.module import Array

SIGNED = "RdBu_r"
COLUMNS = 10  # of maps in a row
CELL, GAP = 1.0, 0.06  # a map and the space beside it, in inches
MARGIN = 0.35
WIDTH = 2 * MARGIN + COLUMNS * CELL + (COLUMNS - 1) * GAP
LINE = 0.165  # of text, in inches
LETTERS = 76  # in half the width
EVEN = 0.15  # the balance of a kernel whose weights nearly cancel, at most


@dataclass(frozen=True)
class Stage:
    """A layer at work on an image.

    Attributes:
        title: which layer it is.
        maps: what it gave, (maps, height, width).
        changed: what is different from the layer before, in numbers.
        why: how that comes about, and what it is good for.
    """

    title: str
    maps: Array
    changed: str
    why: str

    def __str__(self) -> str:
        paragraphs = (f"What changed: {self.changed}", f"Why: {self.why}")
        return "\n".join(
            [self.title, *(textwrap.indent(textwrap.fill(p, 96), "  ") for p in paragraphs)]
        )


def order_of_kernels(kernels: Array) -> tuple[Array, Array]:
    """Kernels in descending order of Σw / Σ|w|, and these numbers, from 1 (all > 0) to -1."""
    balance = kernels.sum((1, 2)) / np.abs(kernels).sum((1, 2))
    order = np.argsort(-balance)
    return order, balance[order]


def stages(net: Sequential, image: Array) -> tuple[Stage, Stage]:
    """The convolution and the max-pooling at work, in the order of the kernels.

    Args:
        net: a LeNet, which begins with these two.
        image: (1, height, width).
    """
    order, balance = order_of_kernels(net[0].weight.data[:, 0])
    convolved, pooled = _first_two(net, image, order)
    moved = _first_two(net, np.roll(image, 1, axis=2), order)
    bias = net[0].bias.data[order, np.newaxis, np.newaxis]
    by_conv, by_pool = (
        np.linalg.norm(after - before) / np.linalg.norm(before - bias)
        for before, after in zip((convolved, pooled), moved, strict=True)
    )
    n, k, m, half = image.shape[1], net[0].size[0], convolved.shape[1], pooled.shape[1]
    window, next_k = net[1].size[0], net[2].size[0]
    seen = (next_k - 1) * window + (window - 1) + k
    kept = (convolved.max((1, 2)) == pooled.max((1, 2))).sum()
    stroke, negative = (balance > EVEN).sum(), (balance < -EVEN).sum()
    edges = len(balance) - stroke - negative
    return (
        Stage(
            f"Layer 2: convolution, {len(convolved)} maps of {_by(convolved[0])}",
            convolved,
            f"From one image of {n}×{n} come {len(convolved)} maps of {m}×{m}: a kernel of {k}×{k} "
            f"fits in at {n}−{k}+1\u00a0=\u00a0{m} places along an axis, {m**2 / n**2:.0%} of the "
            f"pixels, and {k // 2} pixels are lost at each border. Mostly, {stroke} maps repeat "
            f"the stroke, blurred (balance above {EVEN}), {negative} its negative (below −{EVEN}), "
            f"and {edges} answer to edges and thin lines. Answers go from "
            f"{_signed(convolved.min())} to {_signed(convolved.max())}; "
            f"{(convolved < 0).mean():.0%} of them are negative.",
            f"Each number is a weighted sum of {k * k} pixels, plus a bias. The same {k * k} "
            "weights are used at all places, so a map says where in the image a pattern occurs. "
            "Weights of one sign add up the ink below them: the stroke stays. Weights of both "
            "signs cancel on areas that are evenly dark: what is left are edges, red where they "
            "run as in the kernel and blue where they run the other way round.",
        ),
        Stage(
            f"Layer 3: max-pooling, {len(pooled)} maps of {_by(pooled[0])}",
            pooled,
            f"{m}×{m} became {half}×{half}: one number of {window**2} is left, and no weights are "
            f"needed for that. {kept} of {len(pooled)} maps keep their strongest answer, strokes "
            f"look bolder, and blue fades: {(convolved < 0).mean():.0%} of the numbers were "
            f"negative, now {(pooled < 0).mean():.0%} are. If the image moves to the right by "
            f"one pixel, layer 2 changes by {by_conv:.0%}, layer 3 by {by_pool:.0%} (norm of the "
            "change over that of the answers, without the biases).",
            f"Each number is the largest in a window of {window}×{window}: that the pattern occurs "
            f"there is kept, and in which of the {window**2} places is forgotten. So a shift "
            "changes nothing as long as the largest stays in its window. A negative answer "
            "survives only where the whole window is negative. The next layers have a "
            f"{_fraction(window**2)} of the work, and see further: a kernel of {next_k}×{next_k} "
            f"in layer 4 covers {seen}×{seen} pixels of the image.",
        ),
    )


def _first_two(net: Sequential, image: Array, order: Array) -> list[Array]:
    return [maps[0][order] for maps in net[:2].outputs(image[np.newaxis])]


def _signed(x: float) -> str:
    return f"{x:+.1f}".replace("-", "−")


def _by(picture: Array) -> str:
    return "×".join(map(str, picture.shape))


def _fraction(n: int) -> str:
    return {4: "quarter", 9: "ninth"}.get(n, f"1/{n}")


# --- the figure -----------------------------------------------------------------------------------


def feature_maps(net: Sequential, image: Array, path: Path) -> Path:
    """Write the figure of ``drawn`` into a file."""
    drawn(net, image).savefig(path, dpi=130, facecolor="white")
    return path


def drawn(net: Sequential, image: Array) -> Figure:
    """A figure of what the first layers of a network make of an image, with text beside the maps.

    Args:
        net: a LeNet.
        image: (1, height, width).
    """
    kernels = net[0].weight.data[:, 0]
    order, balance = order_of_kernels(kernels)
    conv, pool = stages(net, image)
    page = _Page(_height_of_kernels(len(kernels)) + sum(map(_height, (conv, pool))) + MARGIN)
    _kernels(page, image, kernels[order], balance)
    scales = np.abs(conv.maps).max((1, 2))
    for stage in (conv, pool):
        _stage(page, stage, scales)
    return page.figure


class _Page:
    """A figure that is filled from the top, in inches."""

    def __init__(self, height: float) -> None:
        self.figure = Figure(figsize=(WIDTH, height))
        self.height = height
        self.y = MARGIN  # how far it is filled

    def picture(self, left: float, top: float, side: float, picture: Array, **style: Any) -> Any:
        box = (left / WIDTH, 1 - (top + side) / self.height, side / WIDTH, side / self.height)
        axis = self.figure.add_axes(box, xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set(color="0.75", linewidth=0.6)  # a pale picture still has an edge
        return axis.imshow(picture, interpolation="nearest", **style)

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        self.figure.text(left / WIDTH, 1 - top / self.height, text, va="top", **style)

    def title(self, left: float, text: str) -> None:
        self.text(left, self.y, text, fontsize=12, fontweight="bold", color="0.1")


def _columns(stage: Stage) -> list[list[str]]:
    return [textwrap.wrap(text, LETTERS) for text in (stage.changed, stage.why)]


def _height(stage: Stage) -> float:
    lines = max(map(len, _columns(stage)))
    rows = -(-len(stage.maps) // COLUMNS)
    return 0.3 + (lines + 1) * LINE + 0.12 + rows * (CELL + GAP) + 0.25


def _stage(page: _Page, stage: Stage, scales: Array) -> None:
    """A title, two columns of text, and the maps; white is 0, and each has the scale given."""
    page.title(MARGIN, stage.title)
    middle = WIDTH / 2 + 0.1
    for left, heading, lines in zip(
        (MARGIN, middle), ("What changed", "Why"), _columns(stage), strict=True
    ):
        page.text(left, page.y + 0.28, heading, fontsize=9, fontweight="bold", color="0.35")
        _paragraph(page, left, page.y + 0.28 + LINE, lines)
    top = page.y + 0.3 + (max(map(len, _columns(stage))) + 1) * LINE + 0.12
    for i, (maps, most) in enumerate(zip(stage.maps, scales, strict=True)):
        row, column = divmod(i, COLUMNS)
        left = MARGIN + column * (CELL + GAP)
        style = {"cmap": SIGNED, "vmin": -most, "vmax": most}
        page.picture(left, top + row * (CELL + GAP), CELL, maps, **style)
    page.y += _height(stage)


def _paragraph(page: _Page, left: float, top: float, lines: Sequence[str]) -> None:
    for i, line in enumerate(lines):
        page.text(left, top + i * LINE, line, fontsize=9, color="0.15")


SMALL = 0.62  # a kernel, in inches


def _height_of_kernels(count: int) -> float:
    return 0.35 + max(-(-count // COLUMNS) * (SMALL + 0.26) + 0.5, 2.1) + 0.3


def _kernels(page: _Page, image: Array, kernels: Array, balance: Array) -> None:
    """The image, and beside it the kernels with their balances."""
    side, left = 2.1, MARGIN + 2.1 + 0.5
    page.title(MARGIN, f"Layer 1: image, {_by(image[0])}")
    page.picture(MARGIN, page.y + 0.35, side, image[0], cmap="gray_r")
    page.title(left, f"The trained weights of layer 2: {len(kernels)} kernels of {_by(kernels[0])}")
    lines = ("Red is positive, blue negative, white 0, here and in the maps. Above each kernel "
             "stands its balance, Σw / Σ|w|;", "the maps below are in the same order, each "
             "with its own scale, the one of layer 3 with that of layer 2.")  # fmt: skip
    _paragraph(page, left, page.y + 0.3, lines)
    most = float(np.abs(kernels).max())
    step = (WIDTH - MARGIN - 0.75 - left - SMALL) / (COLUMNS - 1)
    top = page.y + 0.35 + 2 * LINE + 0.25
    shown: Any = None
    for i, (kernel, share) in enumerate(zip(kernels, balance, strict=True)):
        row, column = divmod(i, COLUMNS)
        x, y = left + column * step, top + row * (SMALL + 0.26)
        shown = page.picture(x, y, SMALL, kernel, cmap=SIGNED, vmin=-most, vmax=most)
        shown.axes.set_title(f"{share:+.2f}".replace("-", "−"), fontsize=8, pad=2.5, color="0.3")
    last = top + (-(-len(kernels) // COLUMNS) - 1) * (SMALL + 0.26) + SMALL
    bar = ((WIDTH - MARGIN - 0.5) / WIDTH, 1 - last / page.height, 0.12 / WIDTH,
           (last - top) / page.height)  # fmt: skip
    page.figure.colorbar(shown, cax=page.figure.add_axes(bar)).ax.tick_params(labelsize=8)
    page.y += _height_of_kernels(len(kernels))


def an_image_of(label: int, data: Dataset) -> Array:
    """The first test image with a label."""
    image: Array = data.test_images[int(np.argmax(data.test_labels == label))]
    return image


def main(path: Path = Path("feature-maps.png")) -> None:
    """Train on the embedded digits, write the figure, and say what is to be seen in it."""
    data = load_digits()
    net, _ = train_lenet(data, steps=400, evaluate_every=100)
    image = an_image_of(5, data)
    try:
        feature_maps(net, image, path)
    except OSError as fault:
        sys.exit(f"error: {fault}")
    print("", *stages(net, image), f"written: {path}", sep="\n")


if __name__ == "__main__":
    main()
