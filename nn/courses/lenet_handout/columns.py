"""Images as matrices with a window in each column, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff.arrays import Array
from autodiff.graph import describe
from nn.courses.lenet_handout.blobs import Dict, columns_of, image_shape, numbers, setting


def im2col_conv(input_n: Dict, layer: Dict, h_out: int, w_out: int) -> Array:
    """The windows of one image, side by side.

    Args:
        input_n: blob of a single image: ``height``, ``width``, ``channel`` and ``data`` of as many
            numbers.
        layer: ``k``, ``stride`` and ``pad`` (0 if not given), a border of zeros.
        h_out: how many windows there are from top to bottom.
        w_out: how many from left to right.

    Returns:
        (k · k · c, h_out · w_out). Column h · w_out + w is the window at (h, w) in C order of
        (k, k, c).

    Raises:
        ValueError: the data has another size, or there are not as many windows.
    """
    shape = image_shape(input_n)
    column = np.reshape(input_n["data"], (-1, 1)) if "data" in input_n else None
    single = {**input_n, "batch_size": 1} | ({} if column is None else {"data": column})
    matrix: Array = _windows_as_columns(columns_of(single).reshape(shape), layer, h_out, w_out)
    return matrix


def col2im_conv(col: Any, input: Dict, layer: Dict, h_out: int, w_out: int) -> Array:
    """The transpose of ``im2col_conv``: every column added to the window that it is of.

    Args:
        col: (k · k · c, h_out · w_out).
        input: blob that says ``height``, ``width`` and ``channel``.
        layer: as for ``im2col_conv``; what falls on the border is left out.
        h_out: how many windows there are from top to bottom.
        w_out: how many from left to right.

    Returns:
        (h, w, c).

    Raises:
        ValueError: ``col`` has another size, or there are not as many windows.
    """
    shape, k = image_shape(input), setting(layer, "k")
    expected = (k * k * shape.channel, h_out * w_out)
    matrix = numbers(col)
    if matrix.size != np.prod(expected):
        raise ValueError(f"col2im_conv: expected col of shape {expected}, got {describe(matrix)}")
    _, pull = ad.vjp(lambda image: _windows_as_columns(image, layer, h_out, w_out), np.zeros(shape))
    image: Array = pull(matrix.reshape(expected))[0]
    return image


def _windows_as_columns(image: Any, layer: Dict, h_out: int, w_out: int) -> Any:
    """(h, w, c) to (k · k · c, h_out · w_out)."""
    k, stride = setting(layer, "k"), setting(layer, "stride")
    pad = setting(layer, "pad", least=0, default=0)
    channels_first = ad.transpose(ad.pad(image, ((pad, pad), (pad, pad), (0, 0))), (2, 0, 1))
    windows = ad.windows(channels_first, (k, k), stride=stride)
    c, height, width = windows.shape[:3]
    if not (0 < h_out <= height and 0 < w_out <= width):
        raise ValueError(
            f"expected h_out and w_out from 1 to {height} and {width}, as many windows of {k}×{k} "
            f"as there are at a stride of {stride} and a pad of {pad}, got {h_out} and {w_out}"
        )
    chosen = windows[:, :h_out, :w_out]
    return ad.reshape(ad.transpose(chosen, (3, 4, 0, 1, 2)), (k * k * c, h_out * w_out))
