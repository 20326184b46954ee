"""What a trained LeNet sees: its input, the maps of its second and third layer, and its kernels.

    python -m examples.feature_maps          trains on the embedded digits, writes feature-maps.png

Layers are counted from the image: it is the first, the convolution the second, the max-pooling the
third.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure, SubFigure

from examples.lenet import train_lenet
from nn import Dataset, Sequential, load_digits
from nn.module import Array

COLUMNS = 10
GREY = {"cmap": "gray"}


def feature_maps(net: Sequential, image: Array, path: Path) -> Path:
    """Write a figure of what the first layers of a network make of an image.

    Args:
        net: begins with a convolution and a pooling.
        image: (channels, height, width).
        path: of the file to write.
    """
    convolved, pooled = (maps[0] for maps in net.outputs(image[np.newaxis])[:2])
    kernels = net[0].weight.data[:, 0]
    rows = -(-len(kernels) // COLUMNS)
    figure = Figure(figsize=(11, 1.1 + 3.4 * rows), layout="constrained")
    parts: Any = figure.subfigures(3, 1)
    top, middle, bottom = parts
    first, weights = top.subfigures(1, 2, width_ratios=[1, 4.2])
    _grid(first, f"Layer 1: the image, {_by(image[0])}", image[:1], 1, GREY)
    title = f"Layer 2: convolution, {len(convolved)} maps of {_by(convolved[0])}"
    _grid(middle, title, convolved, COLUMNS, GREY)
    title = f"Layer 3: max-pooling, {len(pooled)} maps of {_by(pooled[0])}"
    _grid(bottom, title, pooled, COLUMNS, GREY)
    most = float(np.abs(kernels).max())
    signed = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    title = f"The trained weights of layer 2: {len(kernels)} kernels of {_by(kernels[0])}"
    shown = _grid(weights, title, kernels, COLUMNS, signed)
    weights.colorbar(shown[0], ax=weights.axes, shrink=0.9, aspect=14, pad=0.02)
    figure.savefig(path, dpi=130, facecolor="white")
    return path


def _grid(
    part: SubFigure, title: str, pictures: Array, columns: int, style: dict[str, Any]
) -> list[Any]:
    """Show pictures in rows of ``columns``; each has its own scale unless the style gives one."""
    part.suptitle(title, fontsize=11, x=0.003, ha="left")
    axes = part.subplots(-(-len(pictures) // columns), columns, squeeze=False).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set(color="0.75", linewidth=0.6)  # a pale picture still has an edge
    return [
        axis.imshow(picture, interpolation="nearest", **style)
        for axis, picture in zip(axes, pictures, strict=False)
    ]


def _by(picture: Array) -> str:
    return "×".join(map(str, picture.shape))


def an_image_of(label: int, data: Dataset) -> Array:
    """The first test image with a label."""
    image: Array = data.test_images[int(np.argmax(data.test_labels == label))]
    return image


def main(path: Path = Path("feature-maps.png")) -> None:
    """Train on the embedded digits and write the figure."""
    data = load_digits()
    net, _ = train_lenet(data, steps=400, evaluate_every=100)
    print("written:", feature_maps(net, an_image_of(5, data), path))


if __name__ == "__main__":
    main()
