"""Initialisers: the first values of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn.checks import need_generator
from nn.module import Array


def lecun_uniform(
    shape: Sequence[int], fan_in: int, generator: np.random.Generator, dtype: Any = np.float32
) -> Array:
    """Numbers from ±sqrt(3 / fan_in), of variance 1 / fan_in (LeCun et al. 1998, eq. 16)."""
    bound = np.sqrt(3 / fan_in)
    return need_generator(generator).uniform(-bound, bound, shape).astype(dtype)
