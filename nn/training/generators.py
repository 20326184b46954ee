"""The state of several generators of random numbers, some of which may be the same object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def generator_states(named: Mapping[str, np.random.Generator]) -> dict[str, Any]:
    """Where each generator stands; one that has several names is listed once.

    Returns:
        "of": the number of each name's generator; "states": the states by number.
    """
    unique: list[np.random.Generator] = []
    numbers: dict[str, int] = {}
    for name, generator in named.items():
        known = [i for i, other in enumerate(unique) if other is generator]
        numbers[name] = known[0] if known else len(unique)
        if not known:
            unique.append(generator)
    return {"of": numbers, "states": [dict(g.bit_generator.state) for g in unique]}


def restore_generators(named: Mapping[str, np.random.Generator], state: Mapping[str, Any]) -> None:
    """Let generators go on from the states of others.

    Raises:
        ValueError: the names differ, or which of them share a generator, or the algorithms do.
            Nothing is changed then.
    """
    own = generator_states(named)
    if own["of"] != state["of"]:
        raise ValueError(
            "generators by name, equal numbers for a shared one: expected "
            f"{own['of']}, got {state['of']}"
        )
    for mine, given in zip(own["states"], state["states"], strict=True):
        if mine["bit_generator"] != given["bit_generator"]:
            raise ValueError(
                f"generators: expected the algorithm {mine['bit_generator']}, got "
                f"{given['bit_generator']}"
            )
    for name, generator in named.items():
        generator.bit_generator.state = state["states"][state["of"][name]]
