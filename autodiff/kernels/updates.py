"""Steps of optimisers as one pass over memory, where one is compiled."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels.parallel import in_parallel
from autodiff.settings import config

_BLOCK = 1 << 14
"""Numbers that a thread updates before it looks for more: small parameters are done by one."""


def momentum(w: Array, v: Array, g: Array, rate: float, mu: float, decay: float) -> None:
    """V ← μ v - rate (g + decay · w), then w ← w + v, in place.

    Both ways of computing round in the same places, and give the same bits.

    Args:
        w: what moves.
        v: its velocity, of the same shape and dtype.
        g: the gradient, likewise; it is not changed.
        rate: of the step.
        mu: the share of the velocity that stays.
        decay: how fast w decays.
    """
    arrays = (w, v, g)
    same = {(x.dtype, x.shape, x.flags.c_contiguous) for x in arrays}
    if config.backend == "native" and same in (
        {(np.dtype(kind), w.shape, True)} for kind in (np.float32, np.float64)
    ):
        native = import_module("autodiff.kernels.native.updates")
        flat = [x.reshape(-1) for x in arrays]
        numbers = [w.dtype.type(number) for number in (rate, mu, decay)]
        in_parallel(
            lambda first, end: native.momentum(
                *(x[first * _BLOCK : end * _BLOCK] for x in flat), *numbers
            ),
            -(-w.size // _BLOCK),
        )
        return
    v *= mu
    v -= rate * (g + decay * w if decay else g)
    w += v
