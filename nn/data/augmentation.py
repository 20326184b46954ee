"""Augmentation: random changes to a batch of images that leave what they show as it is.

Each step takes images of shape (n, channels, *spatial) and a generator, draws anew for every image,
and returns new images of the same shape and dtype.  Equal generators give equal images.  How often
a step draws depends on the shape alone, so a generator that is shared stays in step.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nn.checks import need_generator

Images: TypeAlias = npt.NDArray[Any]
Augmentation: TypeAlias = Callable[[Images, np.random.Generator], Images]


def compose(*steps: Augmentation) -> Augmentation:
    """One step after another, as a single one.

    Args:
        steps: Functions of images and a generator; ``functools.partial`` settles their options.

    Returns:
        A function of images and a generator, which can be pickled if the steps can.

    Raises:
        TypeError: A step cannot be called.

    >>> from functools import partial
    >>> augment = compose(partial(rotate, degrees=5), shift, partial(add_noise, deviation=0.1))
    >>> augment(np.zeros((2, 1, 8, 8), dtype=np.float32), np.random.default_rng(0)).shape
    (2, 1, 8, 8)
    """
    for step in steps:
        if not callable(step):
            raise TypeError(
                f"compose: expected functions of images and a generator, got {step!r}; settle "
                "options with functools.partial, as in partial(shift, most=1)"
            )
    return partial(_in_turn, steps)


def _in_turn(
    steps: tuple[Augmentation, ...], images: Images, generator: np.random.Generator
) -> Images:
    for step in steps:
        images = step(images, generator)
    return images


def shift(images: Images, generator: np.random.Generator, most: int = 2) -> Images:
    """Move each image by a whole number of pixels along every spatial axis; zeros come in.

    Args:
        images: Shape (n, channels, *spatial), of any dtype.
        generator: Draws the numbers of pixels, uniformly from -most to most.
        most: The most pixels to move by, at least 0.

    Raises:
        ValueError: There is no spatial axis, or ``most`` is negative.
        TypeError: ``most`` is no integer, or ``generator`` none of NumPy's.

    >>> image = np.arange(1, 6)[np.newaxis, np.newaxis]
    >>> shift(image, np.random.default_rng(0))
    array([[[3, 4, 5, 0, 0]]])
    """
    n_axes = _spatial_axes("shift", images, generator)
    most = operator.index(most)
    if most < 0:
        raise ValueError(f"shift: expected most of at least 0, got {most}")
    starts = generator.integers(0, 2 * most + 1, size=(n_axes, len(images)))
    padded = np.pad(images, [(0, 0)] * 2 + [(most, most)] * n_axes)
    # Every shifted image is a window onto the padded one: (n, channels, *starts, *spatial).
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, images.shape[2:], axis=tuple(range(2, images.ndim))
    )
    chosen = (np.arange(len(images)), slice(None), *starts)
    shifted: Images = windows[chosen]
    return shifted


def rotate(images: Images, generator: np.random.Generator, degrees: float = 10) -> Images:
    """Turn each image about its centre, by an angle of its own; zeros come in.

    A pixel's new value is the bilinear interpolation of the image where it came from, so none lies
    beyond the old values and zero.

    Args:
        images: Shape (n, channels, height, width), float32 or float64.
        generator: Draws the angles, uniformly between -degrees and degrees.
        degrees: The largest angle, at least 0.

    Raises:
        ValueError: The shape is another one, or ``degrees`` is negative or not finite.
        TypeError: The images are no floats, or ``generator`` is none of NumPy's.

    >>> cross = np.zeros((1, 1, 3, 3))
    >>> cross[..., 1, :] = cross[..., 1] = 1
    >>> rotate(cross, np.random.default_rng(0), degrees=45).round(1)
    array([[[[0.2, 0.8, 0.2],
             [0.8, 1. , 0.8],
             [0.2, 0.8, 0.2]]]])
    """
    if _spatial_axes("rotate", images, generator) != 2:
        raise ValueError(
            f"rotate: expected images of shape (n, channels, height, width), got {images.shape}"
        )
    _check_floats("rotate", images)
    _check_not_negative("rotate", "degrees", degrees)
    n, channels, height, width = images.shape
    angle = np.radians(generator.uniform(-degrees, degrees, size=(n, 1, 1)))
    down = np.arange(height)[:, np.newaxis] - (height - 1) / 2
    right = np.arange(width) - (width - 1) / 2
    rows = np.cos(angle) * down + np.sin(angle) * right + (height - 1) / 2
    columns = np.cos(angle) * right - np.sin(angle) * down + (width - 1) / 2
    # Whatever comes from beyond the border of zeros is a zero of that border.
    padded = np.pad(images, [(0, 0), (0, 0), (1, 2), (1, 2)])
    padded = padded.reshape(n, channels, (height + 3) * (width + 3))
    row, below = _whole_and_rest(rows.reshape(n, 1, height * width), height, images.dtype)
    column, beside = _whole_and_rest(columns.reshape(n, 1, height * width), width, images.dtype)

    def pixels(rows_on: int, columns_on: int) -> Images:
        flat = (row + rows_on) * (width + 3) + column + columns_on
        return np.take_along_axis(padded, flat, axis=2)

    upper = pixels(0, 0) * (1 - beside) + pixels(0, 1) * beside
    lower = pixels(1, 0) * (1 - beside) + pixels(1, 1) * beside
    turned: Images = (upper * (1 - below) + lower * below).reshape(images.shape)
    # Weights that sum to 1 before rounding can exceed it by one unit in the last place.
    low, high = images.min(initial=0), images.max(initial=0)
    np.clip(turned, low, high, out=turned)
    return turned


def add_noise(
    images: Images,
    generator: np.random.Generator,
    deviation: float,
    limits: tuple[float, float] | None = (0, 1),
) -> Images:
    """Add independent normal noise to every pixel.

    Args:
        images: Shape (n, channels, *spatial), float32 or float64.
        generator: Draws the noise.
        deviation: Its standard deviation, at least 0.
        limits: The range of the pixels, to which the result is clipped. None: it is not.

    Raises:
        ValueError: There is no spatial axis, ``deviation`` is negative or not finite, or a pixel
            lies beyond the limits from the start.
        TypeError: The images are no floats, or ``generator`` is none of NumPy's.

    >>> add_noise(np.full((1, 1, 4), 0.5), np.random.default_rng(0), deviation=0.1).round(2)
    array([[[0.51, 0.49, 0.56, 0.51]]])
    """
    _spatial_axes("add_noise", images, generator)
    _check_floats("add_noise", images)
    _check_not_negative("add_noise", "deviation", deviation)
    if limits is not None and images.size:
        low, high = images.min(), images.max()
        if not (low >= limits[0] and high <= limits[1]):
            raise ValueError(
                f"add_noise: expected pixels within the limits {limits}, got {low} to {high}; name "
                "their range as limits, or None to clip nothing"
            )
    noisy: Images = generator.standard_normal(images.shape, dtype=images.dtype)
    noisy *= deviation
    noisy += images
    return noisy if limits is None else np.clip(noisy, *limits, out=noisy)


def _whole_and_rest(
    position: npt.NDArray[np.float64], length: int, dtype: np.dtype[Any]
) -> tuple[npt.NDArray[np.intp], Images]:
    """The pixel of a padded axis at or before each position, and how far beyond it that lies."""
    inside = np.clip(position, -1, length) + 1
    whole = inside.astype(np.intp)
    return whole, (inside - whole).astype(dtype)


def _spatial_axes(step: str, images: Images, generator: np.random.Generator) -> int:
    """Check what every step is given, and count the axes of pixels."""
    need_generator(generator)
    if images.ndim < 3:
        raise ValueError(
            f"{step}: expected images of shape (n, channels, *spatial), got {images.shape}"
        )
    return images.ndim - 2


def _check_floats(step: str, images: Images) -> None:
    if images.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{step}: expected images of float32 or float64, got {images.dtype}; convert them "
            "with astype"
        )


def _check_not_negative(step: str, name: str, value: float) -> None:
    if not 0 <= value < np.inf:
        raise ValueError(f"{step}: expected {name} of at least 0, got {value}")
