"""Vectors that stand for the members of a finite set: words, users, categories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff.graph import Operand, bare, describe
from nn.checks import whole
from nn.initialisers import Initialiser, first_values, standard_normal
from nn.module import Module


class Embedding(Module):
    """A learned vector for each of some numbers: row i of a table stands for i.

    Only the rows that were looked up get an adjoint; one that was looked up several times gets the
    sum.

    Args:
        count: how many numbers there are, from 0 to count - 1.
        size: of a vector.
        initialiser: of the table, see ``nn.initialisers``; its fans are 1 and ``size``.
        dtype: of the table.
        generator: of the first vectors, of normal numbers of deviation 1 by default.

    Shapes:
        whole numbers (...) to (..., size).

    Raises:
        TypeError: the input is not of whole numbers.
        IndexError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from nn import Embedding
        >>> Embedding(10, 4, generator=np.random.default_rng(0))(np.array([[1, 2, 1]])).shape
        (1, 3, 4)
    """

    def __init__(
        self,
        count: int,
        size: int,
        *,
        initialiser: Initialiser = standard_normal,
        dtype: DTypeLike = "float32",
        generator: np.random.Generator,
    ) -> None:
        self.count, self.size = (
            whole("Embedding: each of count and size", n) for n in (count, size)
        )
        self.weight = first_values(
            initialiser,
            (self.count, self.size),
            fan_in=1,
            fan_out=self.size,
            generator=generator,
            dtype=dtype,
            label="embedding.weight",
        )

    def forward(self, x: Operand) -> Any:
        numbers = np.asarray(bare(x))
        if numbers.dtype.kind not in "iu":
            raise TypeError(
                f"Embedding: expected whole numbers, got {describe(x)} of dtype {numbers.dtype}"
            )
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < self.count:
            raise IndexError(
                f"Embedding: expected numbers from 0 to {self.count - 1}, got some from "
                f"{numbers.min()} to {numbers.max()}"
            )
        return ad.take(self.weight, numbers, axis=0)
