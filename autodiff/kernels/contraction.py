"""Sums of products over labelled axes, by matrix products where there is one in them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import matrices


def contract(x: Any, y: Any, x_labels: str, y_labels: str, out: str) -> Any:
    """Σ x·y over the labels that ``out`` leaves out, for two operands.

    Args:
        x: an array, or a number if it has no labels.
        y: likewise.
        x_labels: one character per axis of ``x``, all different.
        y_labels: likewise; axes of the same label have the same length.
        out: the labels of the result; each belongs to an operand, and each label that is missing
            here belongs to both.
    """
    rows = [label for label in out if label not in y_labels]
    columns = [label for label in out if label not in x_labels]
    batch = [label for label in out if label in x_labels and label in y_labels]
    summed = [label for label in x_labels if label not in out]
    if not summed:
        return _spread(x, x_labels, out) * _spread(y, y_labels, out)
    if batch and not (rows and columns):  # a matrix product would be many products of vectors
        number = {label: i for i, label in enumerate(dict.fromkeys(x_labels + y_labels))}
        ours, theirs, result = (
            [number[label] for label in labels] for labels in (x_labels, y_labels, out)
        )
        return np.einsum(x, ours, y, theirs, result)
    sizes = dict(zip(x_labels + y_labels, np.shape(x) + np.shape(y), strict=True))
    stack = [sizes[label] for label in batch]
    m, n, k = (prod(sizes[label] for label in group) for group in (rows, columns, summed))
    left = _ordered(x, x_labels, [*batch, *rows, *summed]).reshape(*stack, m, k)
    right = _ordered(y, y_labels, [*batch, *summed, *columns]).reshape(*stack, k, n)
    order = [*batch, *rows, *columns]
    product = matrices.product(left, right).reshape([sizes[label] for label in order])
    return _ordered(product, "".join(order), list(out))


def _ordered(x: Array, labels: str, order: list[str]) -> Array:
    return np.transpose(x, [labels.index(label) for label in order])


def _spread(x: Any, labels: str, out: str) -> Any:
    """The operand with its axes in the order of ``out``, and length 1 for those it lacks."""
    if not labels:
        return x
    ordered = _ordered(x, labels, [label for label in out if label in labels])
    return ordered[tuple(slice(None) if label in labels else None for label in out)]
